"""`report`: the reports of the settings, what came of them, running one now, and cancelling that."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from chalicelib import times
from chalicelib.section import SettingsError
from cli import asking as caller
from cli import errors, output
from cli.deployment import Outside

if TYPE_CHECKING:
    from chalicelib.reports.book import Book
    from chalicelib.reports.model import Outcome, Report, Run

POLL = 2.0


@click.command
@click.argument("what", type=click.Choice(["list", "show", "run", "cancel"]))
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--wait", default="5m", show_default=True, metavar="5m", help="How long `run` waits for it.")
@output.json_option
@click.pass_obj
def report(outside: Outside, what: str, name: str | None, wait: str, as_json: bool) -> None:
    """The reports on the logs ([[reports]] of the settings): list them, show the latest rows of one, run one now.

    What is run now is about the time until now, and tells whom it always tells; `cancel` stops it. Ends with 0 when it
    has run, 1 when it failed, was cancelled or another is under way, 3 when it is not over in time.
    """
    if what == "list":
        if name:
            raise errors.Misused("`report list` takes no name: `report show NAME` shows one")
        _list(outside, as_json)
        return
    from chalicelib.reports import asking

    if not name:
        raise errors.Misused(f"`report {what}` needs a report's name: `report list` has them")
    one = asking.find(outside.settings().reports, name)
    if what == "show":
        _show(outside, one, as_json)
    elif what == "cancel":
        _cancel(outside, one, as_json)
    else:
        _run(outside, one, wait, as_json)


def _list(outside: Outside, as_json: bool) -> None:
    from chalicelib.reports import shown

    now, book = outside.now(), _book(outside)
    found = [(one, book.newest(one.name), book.asked(one.name)) for one in outside.settings().reports]
    if as_json:
        output.emit({"reports": [shown.report(one, now, newest, asked) for one, newest, asked in found]})
        return
    if not found:
        output.say("There are no reports: [[reports]] in parapet.toml says which (docs/reports.md).")
        return
    output.table(
        ("name", "what", "schedule", "next", "last run", "file"),
        [
            (one.name, one.title, one.schedule.text, _next(one, now), _went(newest, asked), _file(newest, asked))
            for one, newest, asked in found
        ],
        whole=("name", "schedule", "next"),
    )
    for why in _unreadable([one for one, *_ in found]):
        output.say(f"Cannot run: {why}")


def _unreadable(reports: Iterable[Report]) -> Iterator[str]:
    """Yield what is wrong with queries of the settings' own, for which a deployment would refuse them."""
    for one in reports:
        if one.text:
            from deploy import queried  # with the grammar of Logs Insights, which takes a while to be loaded

            try:
                list(queried.unread([one]))
            except SettingsError as error:
                yield str(error)


def _show(outside: Outside, one: Report, as_json: bool) -> None:
    from chalicelib.reports import shown

    now, book = outside.now(), _book(outside)
    newest, asked = book.newest(one.name), book.asked(one.name)
    last, own = book.last(one.name), book.last_asked(one.name)
    if as_json:
        output.emit(shown.found(shown.report(one, now, newest, asked), last, own))
        return
    output.facts(
        [
            ("Report", f"{one.name}: {one.title}"),
            ("Query", one.query or one.text),
            ("Runs", f"{one.schedule.text}, next {_next(one, now)}"),
            ("Last run", _went(newest, asked)),
        ]
    )
    if latest := max(filter(None, (last, own)), key=lambda each: each.at, default=None):
        whose = f"the run that {latest.who} has asked for" if latest.who else "the schedule's run"
        output.say()
        output.say(f"Rows of {whose}, up to {times.absolute(latest.at)}:")
        _print(latest)


def _run(outside: Outside, one: Report, wait: str, as_json: bool) -> None:
    from chalicelib.reports import asking, shown

    patience, now, book = times.span(wait, "--wait"), outside.now(), _book(outside)
    try:
        asked = asking.ask(book, one, caller.asker(outside).who, now, secrets.token_hex(8))
    except asking.UnderWay as error:
        raise errors.Refused(str(error)) from error
    if outside.terminal():
        click.echo(f"Asked: it begins within a minute, and is waited for, {wait} at most.", err=True)
    while not asked.over and outside.now() < now + patience:
        outside.sleep(POLL)
        asked = _same(book.asked(one.name), asked)
    found = book.outcome(asked)
    if as_json:
        output.emit({"run": shown.run(asked), "result": shown.outcome(found) if found else None})
    elif found and asked.over:
        _print(found)
        if asked.unstored:
            output.say(f"Not in S3: {asked.unstored}")
    if asked.status in ("failed", "cancelled"):
        raise errors.Refused(asked.why)
    if not asked.over:
        raise errors.NoAnswer(
            f"{one.name} is {asked.status} after {wait}; it stays asked and may still be run: "
            f"./parapet report show {one.name}"
        )


def _cancel(outside: Outside, one: Report, as_json: bool) -> None:
    from chalicelib.reports import asking, shown

    where, who = outside.deployment, caller.asker(outside).who
    try:
        ended = asking.cancel(_book(outside), lambda region: where.at(region or where.region), one, who, outside.now())
    except asking.Over as error:
        raise errors.Refused(str(error)) from error
    if as_json:
        output.emit({"run": shown.run(ended)})
    else:
        output.say(f"Cancelled: the run of {one.name} that {ended.who} has asked for at {times.absolute(ended.at)}.")


def _book(outside: Outside) -> Book:
    from chalicelib.reports.book import Book  # botocore comes with it, which `--help` does not need

    return Book(outside.deployment.aws, outside.deployment.table)


def _same(there: Run | None, asked: Run) -> Run:
    return there if there and there.slot == asked.slot else asked


def _next(one: Report, now: float) -> str:
    following = next(one.schedule.after(now), None)
    return times.ahead(following, now) if following else "never"


def _latest(newest: Run | None, asked: Run | None) -> Run | None:
    runs = [one for one in (newest, asked) if one and one.status != "new"]
    return max(runs, key=lambda one: one.since, default=None)


def _file(newest: Run | None, asked: Run | None) -> str:
    last = _latest(newest, asked)
    return last.stored if last else ""


def _went(newest: Run | None, asked: Run | None) -> str:
    if not (last := _latest(newest, asked)):
        return "none yet"
    why = f": {last.why}" if last.status in ("failed", "cancelled") else ""
    lost = f"; not in S3: {last.unstored}" if last.unstored else ""
    return f"{last.status}, {times.absolute(last.since)}{why}{lost}"


def _print(found: Outcome) -> None:
    from chalicelib.insights import price
    from chalicelib.reports.told import cell, counted

    if found.rows:
        headings = [one.title for one in found.columns]
        cells = [[cell(value, column) for value, column in zip(row, found.columns, strict=True)] for row in found.rows]
        output.table(headings, cells)
    else:
        output.say("Nothing: no line in that window fits.")
    more = f", of which {len(found.rows):,} are kept" if len(found.rows) < found.total else ""
    output.say(f"{counted(found)}{more}; {price.size(found.bytes)} read, {price.dollars(found.usd)}.")
    if found.stored:
        output.say(f"All rows: {found.stored}")
