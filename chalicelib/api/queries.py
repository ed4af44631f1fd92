"""Queries of Logs Insights: the named ones, and running them: started, looked at, cancelled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib import times
from chalicelib.api import params, schemas
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.declared import FLAG, FLAGS, TEXT, Param, record
from chalicelib.api.route import Answer, chosen, ours, route, table
from chalicelib.insights import plan, queries, running, shown
from chalicelib.insights.book import Book, Run
from chalicelib.insights.parameters import Parameter
from chalicelib.insights.plan import Plan, Where
from chalicelib.insights.running import Crowded, Done, Ended, Forgotten, Malformed
from chalicelib.model import AwsError, ParapetError

MOST = 1000
# Lambda answers with 6 MB at the most.
LARGEST = 4_000_000
# Of all named queries together; each knows its own.
_TAKEN: Mapping[str, Parameter] = {one.name: one for query in queries.EVERY.values() for one in query.takes}


@route("GET", "/queries", answers=schemas.listed("queries", schemas.QUERY))
def listed(asked: Asked) -> Answer:
    """List the named queries: what each answers, what it takes, which logs it reads."""
    return Answer({"queries": [shown.query(one) for one in queries.EVERY.values()]})


@route(
    "POST", "/queries",
    Param("query", "which named query", tuple(queries.EVERY)),
    Param("text", "instead, a query of Logs Insights as somebody typed it"),
    Param("service", "whose logs; without it, groups and tag those of all services", example="shop"),
    Param("groups", "instead, log groups by name, with commas between; * at the end for several", example="/ecs/*"),
    Param("tag", "instead, the log groups with a tag", example="team=payments"),
    params.SINCE, Param("until", "not after: as long ago as this, a day, or a time, UTC; without it, now"),
    Param("force", "whether to insist on what reads more than [insights] budget_gb, up to force_gb", FLAGS),
    *(Param(name, one.about, example=one.default, within="parameters") for name, one in _TAKEN.items()),
    answers=schemas.RUN, status=202,
)  # fmt: skip
def start(asked: Asked) -> Answer:
    """Start a query, unless it would read more than the budget lets it; GET what `Location` names for its rows."""
    known = Book(ours(), table())
    if asked.number and (before := known.find(asked.number)):
        return _accepted(_same(before, asked))
    wanted = _planned(asked)
    try:
        begun = running.start(ours(), wanted.text, wanted.names, wanted.start, wanted.end)
    except Malformed as error:
        raise Declined(400, str(error)) from error
    run = Run(
        asked.number or begun.id, begun.id, asked.given.get("query", ""), wanted.text, wanted.names, wanted.start,
        wanted.end, wanted.price.bytes, asked.who, asked.at, dict(asked.given),
    )  # fmt: skip
    if not known.keep(run):
        # The same request at the same moment: one of both is enough.
        running.cancel(ours(), begun.id)
        other = known.find(run.id)
        return _accepted(_same(other or run, asked))
    return _accepted(run)


@route(
    "GET", "/queries/{query}",
    Param("limit", "how many rows at most", most=MOST), params.AFTER,
    answers=schemas.RESULT,
)  # fmt: skip
def result(asked: Asked) -> Answer:
    """Tell how far a query is that was started over this API, and once it is complete its rows."""
    run = _run(asked)
    limit, after = asked.count("limit", MOST, MOST), asked.given.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 7):
        raise Declined(400, f"after: {after!r} is not what an answer of this route had there")
    known = queries.EVERY.get(run.name)
    nothing: dict[str, Any] = {"reason": None, "columns": [], "rows": [], "after": None, "cut": False}
    told = {**_about(run), **nothing}
    try:
        found = running.poll(ours(), run.query, known.columns if known else ())
    except Ended as error:
        return Answer({**told, "status": error.how, "reason": str(error), "statistics": None, "cost": None})
    except Forgotten as error:
        raise Declined(404, str(error)) from error
    read = {
        "statistics": shown.statistics(found.statistics),
        "cost": shown.cost(found.statistics.bytes, ours().region),
    }
    if not isinstance(found, Done):
        return Answer({**told, "status": "running", **read})
    rows, following = _page(found, int(after), limit)
    return Answer(
        {
            **told,
            "status": "complete",
            "columns": shown.columns(found.columns),
            "rows": rows,
            "after": following,
            "cut": found.cut,
            **read,
        }
    )


@route("DELETE", "/queries/{query}", answers=record(id=TEXT, cancelled=FLAG))
def cancel(asked: Asked) -> Answer:
    """Cancel a query; what it has read is billed all the same."""
    run = _run(asked)
    return Answer({"id": run.id, "cancelled": running.cancel(ours(), run.query)}, about={"query": run.id})


def _planned(asked: Asked) -> Plan:
    given = asked.given
    if ("query" in given) == ("text" in given):
        raise Declined(400, "give one of: query (GET /v1/queries lists them), text")
    start = asked.time("since", times.since) if "since" in given else None
    end = asked.time("until", times.since) if "until" in given else None
    settings = chosen()
    groups = tuple(filter(None, (name.strip() for name in given.get("groups", "").split(","))))
    try:
        return plan.of(
            ours(),
            queries.find(given["query"]) if "query" in given else given["text"],
            {name: value for name, value in given.items() if name in _TAKEN},
            Where(groups, given.get("tag", ""), given.get("service", "")),
            asked.at,
            settings.services,
            settings.insights,
            start=start,
            end=end,
            force=asked.flag("force"),
        )
    except (AwsError, Crowded):
        raise
    except ParapetError as error:
        raise Declined(400, str(error)) from error


def _same(before: Run, asked: Asked) -> Run:
    if before.given != asked.given:
        raise Declined(409, "this idempotency key was used for another request: choose a new one")
    return before


def _accepted(run: Run) -> Answer:
    about = {"query": run.id, "named": run.name or "typed", "groups": ", ".join(run.groups)}
    document = {**_about(run), "status": "running", "estimate": shown.cost(run.bytes, ours().region)}
    return Answer(document, 202, about, f"/v1/queries/{run.id}")


def _about(run: Run) -> dict[str, Any]:
    told = asdict(run)
    return {
        "id": run.id,
        "query": run.name or None,
        **{name: told[name] for name in ("text", "groups", "who")},
        **{name: times.iso(told[name]) for name in ("start", "end", "at")},
    }


def _run(asked: Asked) -> Run:
    run = Book(ours(), table()).find(asked.item)
    if run is None:
        raise Declined(404, f"there is no query {asked.item!r} of the last seven days: POST /v1/queries starts one")
    return run


def _page(found: Done, after: int, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """Return some rows, as many as fit into an answer, and from which one to go on."""
    rows: list[dict[str, Any]] = []
    size = 0
    for one in found.rows[after : after + limit]:
        row = shown.row(one, found.columns)
        size += len(json.dumps(row))
        if rows and size > LARGEST:
            break
        rows.append(row)
    following = after + len(rows)
    return rows, str(following) if following < len(found.rows) else None
