"""`query`: the named queries of Logs Insights, and running one, or one that somebody types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from chalicelib import times
from chalicelib.events import name_of
from chalicelib.model import ParapetError
from cli import errors, output
from cli.deployment import Outside

if TYPE_CHECKING:
    from chalicelib.insights.model import Cell, Column, Query
    from chalicelib.insights.plan import Plan
    from chalicelib.insights.running import Done

# A line of a log in a table; --json has it whole.
LONGEST = 200
_LIMIT = re.compile(r"\|\s*(?:limit|head)\s+(\d+)\s*$", re.IGNORECASE)


@click.command
@click.argument("name", required=False, metavar="[NAME]")
@click.argument("given", nargs=-1, metavar="[PARAMETER=VALUE]…")
@click.option("--service", default="", metavar="NAME", help="Whose logs; without it those of all services.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="Instead, a log group; /ecs/* for several.")
@click.option("--tag", default="", metavar="KEY=VALUE", help="Instead, the log groups with a tag.")
@click.option("--since", metavar="1h", help="Not before; without it, as far back as the query says.")
@click.option("--until", metavar="10m", help="Not after; without it, now.")
@click.option("--text", default="", metavar="QUERY", help="Instead of NAME, a query of Logs Insights.")
@click.option("--force", is_flag=True, help="Also what reads more than [insights] budget_gb, up to force_gb.")
@click.option("--wait", default="10m", show_default=True, metavar="10m", help="How long to wait for the answer.")
@output.json_option
@click.pass_obj
def query(
    outside: Outside,
    name: str | None,
    given: tuple[str, ...],
    service: str,
    groups: tuple[str, ...],
    tag: str,
    since: str | None,
    until: str | None,
    text: str,
    force: bool,
    wait: str,
    as_json: bool,
) -> None:
    """Ask the logs: run a named query and print its answer; without NAME, list what can be asked.

    It is run with your own AWS credentials. Whoever stops waiting (Ctrl-C) cancels it: what has been read is billed.
    Ends with 0 when there is an answer, also an empty one, 1 when it would read too much or fails, 3 when there is
    none in time.
    """
    if not (name or text):
        _list(as_json)
        return
    from chalicelib.insights import plan, price, running, shown
    from chalicelib.insights.plan import Where

    if name and text:
        raise errors.Misused("give one of: NAME, --text")
    patience, now, settings = times.span(wait, "--wait"), outside.now(), outside.settings()
    asked = _named(name) if name else text
    aws = outside.deployment.aws
    try:
        wanted = plan.of(
            aws, asked, _parameters(given), Where(groups, tag, service), now, settings.services, settings.insights,
            start=times.since(since, "--since", now) if since else None,
            end=times.since(until, "--until", now) if until else None, force=force,
        )  # fmt: skip
    except price.Dear as error:
        raise errors.Refused(str(error).replace("(force)", "(--force)")) from error
    begun = running.start(aws, wanted.text, wanted.names, wanted.start, wanted.end, sleep=outside.sleep)
    try:
        found = running.wait(aws, begun.id, wanted.columns, patience=patience, clock=outside.now, sleep=outside.sleep)
    except running.Ended as error:
        raise errors.Refused(str(error)) from error
    except KeyboardInterrupt:
        running.cancel(aws, begun.id)
        raise
    if isinstance(found, running.Running):
        running.cancel(aws, begun.id)
        raise errors.NoAnswer(f"no answer within {wait}: the query is cancelled; --wait longer, or ask for less")
    if as_json:
        output.emit(
            {
                "query": name,
                "text": wanted.text,
                "groups": list(wanted.names),
                "start": times.iso(wanted.start),
                "end": times.iso(wanted.end),
                "columns": shown.columns(found.columns),
                "rows": [shown.row(row, found.columns) for row in found.rows],
                "cut": found.cut,
                "statistics": shown.statistics(found.statistics),
                "cost": shown.cost(found.statistics.bytes, aws.region),
            }
        )
        return
    _print(wanted, found, aws.region)


def _list(as_json: bool) -> None:
    from chalicelib.insights import queries, shown

    if as_json:
        output.emit({"queries": [shown.query(one) for one in queries.EVERY.values()]})
        return
    rows = [(one.id, one.title, ", ".join(one.logs), one.size, _takes(one)) for one in queries.EVERY.values()]
    output.table(("query", "what it answers", "reads", "size", "takes"), rows, whole=("query",))


def _takes(one: Query) -> str:
    return " ".join(
        f"{each.name}={each.default or '…'}" if each.needed or each.default else f"[{each.name}=…]"
        for each in one.takes
    )


def _named(name: str) -> Query:
    from chalicelib.insights import queries

    return queries.find(name)


def _parameters(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not value:
            raise ParapetError(f"{one!r} is not written as a parameter: slower_than=2s")
        if name in found:
            raise ParapetError(f"{name} is given twice")
        found[name] = value
    return found


def _cell(value: Cell, column: Column) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        if column.shape == "time":
            return times.absolute(value)
        return f"{value:,.0f}" if value.is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    from chalicelib.enrich.errors import concealed

    line = " ".join(concealed(_shortly(value, column)).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _shortly(value: str, column: Column) -> str:
    """Return who did something and with what as `./parapet who` tells it; --json has it whole."""
    if column.title == "with":
        from chalicelib.ledger import entry

        return entry.tool({"userAgent": value})
    return name_of(value) if column.title in ("who", "role") and value.startswith("arn:") else value


def _print(wanted: Plan, found: Done, region: str) -> None:
    from chalicelib.insights import price

    if found.rows:
        headings = [f"{one.title} {one.unit}".strip() for one in found.columns]
        output.table(headings, [[_cell(row[one.name], one) for one in found.columns] for row in found.rows])
    else:
        output.say("Nothing: no line in that window fits.")
    read = price.of(found.statistics.bytes, region)
    output.say()
    most = _LIMIT.search(wanted.text)
    full = most is not None and len(found.rows) == int(most[1])
    more = ", and there are more" if found.cut else ", there may be more" if full else ""
    output.say(
        f"{_counted(len(found.rows), 'row')}{more}; {price.size(read.bytes)} read in "
        f"{_counted(len(wanted.groups), 'log group')}, {price.dollars(read.usd)}."
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
