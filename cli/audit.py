"""`audit`: one page about a month, for auditors and teams."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from chalicelib import registry
from chalicelib.model import ParapetError
from cli import audit_page, month, output
from cli.deployment import Outside

# No journal is older than Parapet.
FIRST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
FORMATS = {"html": "html", "htm": "html", "md": "markdown", "json": "json"}


@click.command
@click.option("--month", "wanted", metavar="2026-11", help="The month (UTC); default the last that is over.")
@click.option("--output", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write it there.")
@click.option(
    "--format", "form", type=click.Choice(("html", "markdown", "json")),
    help="Default: as FILE's name ends, and markdown without one.",
)  # fmt: skip
@click.option("--json", "form", flag_value="json", help="The same as --format json (keys: docs/command-line.md).")
@click.pass_obj
def audit(outside: Outside, wanted: str | None, file: Path | None, form: str | None) -> None:
    """One page about a month: fixed, undone, permitted by whom and until when, how long it took, per control.

    Reads all of the journal up to the month's end: what was opened long ago may have moved in it.
    """
    now = outside.now()
    found = _read(outside, month.period(wanted, now))
    where = outside.deployment
    settings = outside.settings()
    source = audit_page.Source(
        settings.stage,
        str(replace(settings.accounts, own=where.caller.account)),
        f"{where.table} in {where.region}",
        where.caller.who,
        now,
    )
    kind = form or (FORMATS.get(file.suffix.lstrip(".").lower(), "") if file else "markdown")
    if kind == "json":
        text = json.dumps(audit_page.as_json(found, source), indent=2) + "\n"
    elif kind:
        page = audit_page.page(found, source)
        text = audit_page.as_html(page) if kind == "html" else audit_page.as_markdown(page)
    else:
        raise ParapetError(f"--output: {file} does not end in .html, .md or .json: give --format too")
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise ParapetError(f"--output: {file} cannot be written: {error.strerror}") from error
    output.say(f"Written: {file}")


def _read(outside: Outside, period: month.Period) -> month.Month:
    rails, journal = registry.load(), outside.deployment.journal
    return month.month(
        period,
        journal.by_time(FIRST, period.until),
        journal.commands(FIRST, period.until),
        journal.waivers(),
        journal.pauses(),
        rails,
        outside.settings(rails),
    )
