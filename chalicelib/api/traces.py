"""Traces: the service map with where it hurts, sample traces, and one trace with its steps and log lines.

What reads X-Ray is imported when somebody asks: no other route's cold start should pay for it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from chalicelib import times, wiring
from chalicelib.api import params, schemas
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.declared import Param
from chalicelib.api.route import Answer, chosen, ours, route
from chalicelib.model import AwsError, ParapetError
from chalicelib.services.chosen import REGION as REGIONS
from chalicelib.services.model import Service

if TYPE_CHECKING:
    from chalicelib.tracing.maps import Maps
    from chalicelib.tracing.samples import Found, Wanted

SINCE = Param("since", "from when on: as long ago as this, or a time, UTC; without it: 15m", example="1h")
UNTIL = Param("until", "until when, likewise; without it: now; 6 h after `since` at most", example="30m")
REGION = Param("region", "of which region; without it: the one that Parapet runs in", example="eu-west-1")
OF = Param("service", "of one service")
KINDS = ("fault", "error", "throttle", "ok")
USUAL, MOST, LONGEST = 900.0, 20, 6 * 3600.0
REMEMBERED = 64


@functools.cache
def maps(account: str) -> Maps:
    """Return what reads maps of an account, kept for as long as its environment lives."""
    from chalicelib.tracing.maps import Maps

    return Maps(functools.partial(wiring.accounts(account), account))


@functools.cache
def found_before(_account: str) -> dict[Any, Found]:
    """Return the sample traces that were found lately, likewise: X-Ray takes money for each trace that it looks at."""
    return {}


@route("GET", "/traces/map", SINCE, UNTIL, OF, REGION, answers=schemas.watched(schemas.MAP))
def map_(asked: Asked) -> Answer:
    """Tell who calls whom, how often, how fast, and where it hurts more than in the hour before, the worst first."""
    from chalicelib.tracing import graph, shown

    start, end = _time(asked)
    service, region, calls = _service(asked), _region(asked), 0
    try:
        both = maps(ours().account).look(region, start, end, chosen().services)
        calls = both.calls
        document = shown.document(both.now, both.before, service.name if service else "")
    except AwsError as error:
        if not error.denied:
            raise
        nothing = graph.Map(start, end, region or ours().region)
        document = shown.document(nothing, nothing, service.name if service else "") | _denied(error)
    return _answer(asked, calls, document)


@route(
    "GET", "/traces", SINCE, UNTIL, OF,
    Param("node", "through a node of the map, by its name", example="images-resize"),
    Param("type", "its type, where several have that name", example="AWS::Lambda::Function"),
    Param("caller", "called from there; wants `node`"), Param("caller_type", "its type"),
    Param("kind", "what the call met; without it: anything", KINDS),
    Param("slower", "only calls that took longer", example="500ms"), REGION, params.LIMIT,
    answers=schemas.watched(schemas.TRACES),
)  # fmt: skip
def listed(asked: Asked) -> Answer:
    """Find sample traces, the latest first: what was asked, how it ended, where it failed and with what words."""
    from chalicelib.tracing import followed, samples
    from chalicelib.tracing.samples import Found, Unnameable, Wanted

    (start, end), limit = _time(asked), asked.count("limit", MOST, 100)
    region, wanted = _region(asked), _wanted(asked)
    where = region or ours().region
    document: dict[str, Any] = {"region": where, "since": times.iso(start), "until": times.iso(end)}
    calls = 0
    try:
        if service := _service(asked):
            if wanted.nodes:
                raise Declined(400, "service and node are both given: one of them will do")
            both = maps(ours().account).look(region, start, end, chosen().services)
            calls += both.calls
            wanted = Wanted(samples.of(service.name, both.now), None, wanted.kind, wanted.slower)
            if not wanted.nodes:
                why = f"no node of the map is {service.name}'s, as far as the settings tell"
                document |= followed.samples(Found((), 0, False, 0, ""), where) | {"why": why}
                return _answer(asked, calls, document)
        found, fresh = _found(region, wanted, start, end, limit)
        calls += found.calls if fresh else 0
        document |= followed.samples(found, where)
    except Unnameable as error:
        raise Declined(400, str(error)) from error
    except AwsError as error:
        if not error.denied:
            raise
        document |= followed.samples(Found((), 0, False, 0, ""), where) | _denied(error)
    return _answer(asked, calls, {key: value for key, value in document.items() if key != "answer"})


@route("GET", "/traces/{trace}", REGION, answers=schemas.watched(schemas.TRACE))
def one(asked: Asked) -> Answer:
    """Tell how one trace went: its steps, where it failed and why, and the log lines that name it."""
    from chalicelib.tracing import followed, following

    try:
        id_ = following.trace_id(asked.item)
    except following.NoTraceId as error:
        raise Declined(400, str(error)) from error
    aws = ours(_region(asked))
    try:
        found = following.follow(aws, id_, asked.at, chosen().services)
    except AwsError as error:
        if not error.denied:
            raise
        found = following.Followed(id_, "denied", _denied(error)["why"])
    if found.state == "no_data":
        raise Declined(404, f"there is no trace {id_}: {found.why}")
    cost = {"api_calls": found.calls, "queries": 1 if found.source == "spans" else 0, "bytes_scanned": found.scanned}
    return Answer({"as_of": times.iso(asked.at), **followed.trace(found, aws.region), "cost": cost})


def _answer(asked: Asked, calls: int, document: dict[str, Any]) -> Answer:
    return Answer({"as_of": times.iso(asked.at), **document, "cost": {"api_calls": calls, "queries": 0}})


def _denied(error: AwsError) -> dict[str, Any]:
    why = f"AWS denies {error.action} to the API's role: {error.message}"
    return {"status": "denied", "why": why, "answer": f"Nothing is known: {why}"}


def _time(asked: Asked) -> tuple[float, float]:
    end = asked.time("until", times.since, asked.at)
    start = asked.time("since", times.since, end - USUAL)
    if start >= end:
        raise Declined(400, "since is not before until")
    if end - start > LONGEST + 1:
        raise Declined(400, f"from since to until are more than {LONGEST / 3600:.0f} h, which X-Ray does not tell")
    return start, end


def _region(asked: Asked) -> str:
    region = asked.given.get("region", "")
    if region and not re.fullmatch(REGIONS, region):
        raise Declined(400, f"region: {region!r} is not a region such as eu-west-1")
    return region


def _service(asked: Asked) -> Service | None:
    name = asked.given.get("service")
    found: Sequence[Service] = [one for one in chosen().services if one.name == name]
    if name is not None and not found:
        raise Declined(404, f"there is no service {name!r}: GET /v1/services lists them")
    return found[0] if found else None


def _wanted(asked: Asked) -> Wanted:
    from chalicelib.tracing.samples import Named, Wanted, slower

    node, caller = (asked.given.get(name, "") for name in ("node", "caller"))
    if not node and (caller or "type" in asked.given):
        raise Declined(400, "node is missing: who is called")
    if not caller and "caller_type" in asked.given:
        raise Declined(400, "caller is missing: who calls")
    slow = asked.given.get("slower", "")
    try:
        bound = slower(slow, "slower") if slow else 0.0
    except ParapetError as error:
        raise Declined(400, str(error)) from error
    return Wanted(
        (Named(node, asked.given.get("type", "")),) if node else (),
        Named(caller, asked.given.get("caller_type", "")) if caller else None,
        cast("Any", asked.given.get("kind", "")),
        bound,
    )


def _found(region: str, wanted: Wanted, start: float, end: float, limit: int) -> tuple[Found, bool]:
    """Return sample traces, and whether X-Ray was asked for them just now; raises AwsError, Unnameable."""
    from chalicelib.tracing import samples
    from chalicelib.tracing.maps import FRESH

    known = found_before(ours().account)
    key = (region, wanted, start // FRESH, end // FRESH, limit)
    if key in known:
        return known[key], False
    if len(known) >= REMEMBERED:
        known.clear()
    known[key] = samples.find(ours(region), wanted, start, end, limit)
    return known[key], True
