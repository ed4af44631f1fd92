"""Sample traces: those that X-Ray finds by what they met, each in a few words; pure.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from chalicelib.model import Aws, ParapetError
from chalicelib.tracing.graph import CLIENT, Map
from chalicelib.tracing.scrubbed import address, scrubbed

Kind = Literal["fault", "error", "throttle", "ok"]
KINDS: tuple[Kind, ...] = ("fault", "error", "throttle", "ok")
# Of answers, each about a hundred traces at most, and often none, of those that X-Ray has scanned: that costs.
PAGES = 10
# X-Ray takes expressions that are no longer.
LONGEST = 2000
# A service of more nodes is asked about by the busiest.
NODES = 10
_SLOWER = re.compile(r"(\d{1,6}(?:\.\d+)?)(ms|s|m)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class Unnameable(ParapetError):
    """A name that a filter expression cannot hold."""


@dataclass(frozen=True, slots=True)
class Named:
    """A node by its name, and X-Ray's type where it is known."""

    name: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which traces are looked for.

    Args:
        nodes: through one of them at least; none: any trace.
        caller: only calls from there; with one node alone.
        kind: what that call met; empty: anything.
        slower: only calls that took longer than so many seconds; 0: any.
    """

    nodes: tuple[Named, ...] = ()
    caller: Named | None = None
    kind: Kind | Literal[""] = ""
    slower: float = 0.0


@dataclass(frozen=True, slots=True)
class Failing:
    """Where a trace failed: the last node on the way that X-Ray blames, and what it threw."""

    name: str
    type: str
    exception: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One trace in a few words.

    Args:
        id: X-Ray's.
        at: when it began, epoch seconds.
        seconds: how long all of it took.
        answered: after how many seconds its caller had the answer.
        method: of HTTP.
        url: what was asked for, without its query, which may hold secrets.
        status: of HTTP.
        fault: whether its caller met a 5xx.
        error: whether a 4xx.
        throttle: whether a 429.
        partial: whether segments are still to come.
        entry: where it came in.
        failing: where it failed.
    """

    id: str
    at: float
    seconds: float
    answered: float
    method: str
    url: str
    status: int | None
    fault: bool
    error: bool
    throttle: bool
    partial: bool
    entry: Named
    failing: Failing | None


@dataclass(frozen=True, slots=True)
class Found:
    """Sample traces, the latest first.

    Args:
        samples: they.
        scanned: how many traces X-Ray has looked at.
        more: whether there are more.
        calls: how often X-Ray was asked.
        expression: what it was asked.
        whole: from when on it has looked at all, epoch seconds.
        cut: whether there were too many to go further back, and these are fewer than wanted.
    """

    samples: tuple[Sample, ...]
    scanned: int
    more: bool
    calls: int
    expression: str
    whole: float = 0.0
    cut: bool = False


def slower(text: str, where: str) -> float:
    """Return a duration such as `500ms` or `2s` in seconds; raises ParapetError for anything else."""
    match = _SLOWER.fullmatch(text)
    if not match:
        raise ParapetError(f"{where}: {text!r} is not a duration such as 500ms or 2s")
    return float(match[1]) * _UNITS[match[2]]


def expression(wanted: Wanted) -> str:
    """Return the filter expression of what is wanted, empty for any trace; raises Unnameable.

    A failure that a caller has coped with is none of the whole trace's: what is said of a node is asked of the node.
    """
    met = f"{wanted.kind} = true" if wanted.kind else ""
    # Zeros would make it scientific, which X-Ray does not read.
    slow = f"responsetime > {wanted.slower:.6f}".rstrip("0").rstrip(".") if wanted.slower else ""
    conditions = " AND ".join(filter(None, (met, slow)))
    if not wanted.nodes:
        return conditions
    inner = f" {{ {conditions} }}" if conditions else ""
    # Clients have no segments to be named by.
    caller = wanted.caller if wanted.caller and wanted.caller.type != CLIENT else None
    if caller:
        [node] = wanted.nodes
        found = f"edge({_id(caller)}, {_id(node)}){inner}"
    else:
        found = " OR ".join(f"service({_id(one)}){inner}" for one in wanted.nodes)
    if len(found) > LONGEST:
        raise Unnameable("so many names are longer than a filter of X-Ray's may be: ask about one node")
    return found


def _id(one: Named) -> str:
    kind = f', type: "{_quotable(one.type)}"' if one.type else ""
    return f'id(name: "{_quotable(one.name)}"{kind})'


def _quotable(text: str) -> str:
    """Return a text that stays within its quotes; raises Unnameable: nobody has said how X-Ray escapes one."""
    if not text or not text.isprintable() or any(letter in '"\\' for letter in text):
        raise Unnameable(f"{text!r} cannot be asked for: X-Ray's filters take no quotes, backslashes or control signs")
    return text


def of(service: str, found: Map) -> tuple[Named, ...]:
    """Return the nodes of a map that are a service's, the busiest first, as many as can be asked for at once."""
    own = [one for one in found.nodes if service in one.services and one.type != CLIENT]
    own.sort(key=lambda one: -one.stats.requests)
    return tuple(Named(one.name, one.type) for one in own[:NODES])


def find(aws: Aws, wanted: Wanted, start: float, end: float, limit: int) -> Found:
    """Return the latest sample traces of a time of 6 hours at most; raises AwsError, Unnameable."""
    asked = expression(wanted)
    params: dict[str, Any] = {
        "StartTime": datetime.fromtimestamp(start, UTC), "EndTime": datetime.fromtimestamp(end, UTC),
        **({"FilterExpression": asked} if asked else {}),
    }  # fmt: skip
    raws: list[Mapping[str, Any]] = []
    scanned, calls, token, whole = 0, 0, None, end
    while calls < PAGES and (not calls or token) and len(raws) < limit:
        # As AWS documents it, the first page has the most recent, and tells when it begins.
        answer = aws("xray", "get_trace_summaries", **params, **({"NextToken": token} if token else {}))
        calls += 1
        raws += answer.get("TraceSummaries") or ()
        scanned += int(answer.get("TracesProcessedCount") or 0)
        token = answer.get("NextToken")
        if begun := answer.get("ApproximateTime"):
            whole = begun.timestamp()
    found = sorted(map(_sample, raws), key=lambda one: (-one.at, one.id))
    more = bool(token) or len(found) > limit
    return Found(tuple(found[:limit]), scanned, more, calls, asked, whole, bool(token) and len(found) < limit)


def _sample(raw: Mapping[str, Any]) -> Sample:
    http, id_ = raw.get("Http") or {}, str(raw["Id"])
    begun = raw.get("StartTime")
    entry = raw.get("EntryPoint") or {}
    return Sample(
        id=id_,
        at=begun.timestamp() if begun else _moment(id_),
        seconds=float(raw.get("Duration") or 0.0),
        answered=float(raw.get("ResponseTime") or 0.0),
        method=str(http.get("HttpMethod") or ""),
        url=address(str(http.get("HttpURL") or "")),
        status=http.get("HttpStatus"),
        fault=bool(raw.get("HasFault")),
        error=bool(raw.get("HasError")),
        throttle=bool(raw.get("HasThrottle")),
        partial=bool(raw.get("IsPartial")),
        entry=Named(str(entry.get("Name") or ""), str(entry.get("Type") or "")),
        failing=_failing([*(raw.get("FaultRootCauses") or ()), *(raw.get("ErrorRootCauses") or ())]),
    )


def _moment(id_: str) -> float:
    """Return when a trace began, as its id tells."""
    return float(int(id_.split("-")[1], 16))


def _failing(causes: Iterable[Mapping[str, Any]]) -> Failing | None:
    """Return the last service of the first way that X-Ray blames, with the innermost exception."""
    way: Sequence[Mapping[str, Any]] = next((one["Services"] for one in causes if one.get("Services")), ())
    if not way:
        return None
    thrown = [each for one in way for entity in one.get("EntityPath") or () for each in entity.get("Exceptions") or ()]
    last = thrown[-1] if thrown else {}
    return Failing(
        str(way[-1].get("Name") or ""),
        str(way[-1].get("Type") or ""),
        str(last.get("Name") or ""),
        scrubbed(str(last.get("Message") or "")),
    )
