"""`exemptions`: what is permitted, by whom and until when."""

from __future__ import annotations

import click

from chalicelib import times
from chalicelib.api import shape
from chalicelib.permitted import Permission, permissions
from cli import output
from cli.deployment import Outside


@click.command
@click.option("--ending", metavar="7d", help="Only what ends within a duration.")
@output.json_option
@click.pass_obj
def exemptions(outside: Outside, ending: str | None, as_json: bool) -> None:
    """What is permitted, soonest end first: by `./parapet exempt`, or by an undo; until when, by whom and why."""
    now = outside.now()
    before = times.after(ending, "--ending", now) if ending is not None else float("inf")
    found = [one for one in permissions(outside.deployment.journal, now) if one.until <= before]
    if as_json:
        output.emit({"exemptions": [shape.permission(one) for one in found]})
        return
    if not found:
        output.say(f"Nothing is permitted{f' that ends within {ending}' if ending else ''}.")
        return
    output.table(
        ("until", "kind", "id", "what", "by", "why"),
        [(times.ahead(one.until, now), output.styled(one.kind), one.id, _what(one), one.who, one.why) for one in found],
        whole=("until", "kind", "id"),
    )
    output.say("`./parapet exempt --end ID --why …` ends a waiver; for a finding, `./parapet approve ID` fixes it.")


def _what(one: Permission) -> str:
    if one.kind != "waiver":
        return one.what
    return f"{one.what} ({one.covers} now)" if one.covers else one.what
