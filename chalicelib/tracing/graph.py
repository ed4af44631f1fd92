"""The service map: who calls whom, how often, how fast, and what of it fails; pure.

X-Ray counts sampled traces, by default one a second and 5 % of the rest: shares are estimates, and rates are those of
what was sampled. CloudWatch's metrics count every request.

https://docs.aws.amazon.com/xray/latest/api/API_GetServiceGraph.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import sqrt
from typing import Any, Literal

from chalicelib.model import Aws
from chalicelib.services.model import Service
from chalicelib.tracing.belonging import owners

Colour = Literal["red", "amber", "grey", "green"]
# What X-Ray answers about at once (seconds).
LONGEST = 6 * 3600.0
# Fewer calls that fail are no pattern; from which share on it hurts, or needs a look, as far as can be said for sure.
FEW, HURTS, NOTABLE = 3, 0.02, 0.005
# How sure: the deviations of a one-sided 95 %.
SURE = 1.645
# Slower than before: by so many times and so many seconds, of so many calls at least.
SLOWER, SECONDS, ENOUGH = 2.0, 0.05, 20
CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Stats:
    """What was counted of calls.

    Args:
        requests: all of them.
        faults: answered with a 5xx, or not at all.
        errors: answered with a 4xx, throttled ones among them.
        throttles: answered with a 429.
        seconds: how long all took together.
        times: how long they took, and how many of them took so long.
    """

    requests: int = 0
    faults: int = 0
    errors: int = 0
    throttles: int = 0
    seconds: float = 0.0
    times: tuple[tuple[float, int], ...] = ()

    def __add__(self, other: Stats) -> Stats:
        """Return what both counted."""
        times = Counter(dict(self.times)) + Counter(dict(other.times))
        return Stats(
            self.requests + other.requests, self.faults + other.faults, self.errors + other.errors,
            self.throttles + other.throttles, self.seconds + other.seconds, tuple(sorted(times.items())),
        )  # fmt: skip

    @property
    def share(self) -> float:
        """Which share fails; 0 of nothing."""
        return self.faults / self.requests if self.requests else 0.0

    @property
    def average(self) -> float | None:
        """How long they took on average, in seconds."""
        return self.seconds / self.requests if self.requests else None

    def percentile(self, share: float) -> float | None:
        """Return within how many seconds a share of them was answered (0 to 1), as the histogram tells."""
        wanted, seen = share * sum(count for _, count in self.times), 0
        for seconds, count in self.times:
            seen += count
            if seen >= wanted:
                return seconds
        return None

    def sure(self, bad: int) -> float:
        """Return which share is bad at least, as sure as so few samples allow (Wilson's lower bound)."""
        if not self.requests:
            return 0.0
        many, squared = self.requests, SURE * SURE
        share = min(1.0, bad / many)
        middle = share + squared / (2 * many)
        spread = SURE * sqrt(share * (1 - share) / many + squared / (4 * many * many))
        return max(0.0, (middle - spread) / (1 + squared / many))


@dataclass(frozen=True, slots=True)
class Node:
    """Who is called, or calls.

    Args:
        id: unique in its map, and the same in the map of another time.
        name: as X-Ray calls it.
        type: X-Ray's type, such as `AWS::Lambda::Function`, `remote` or `client`.
        account: whose it is, where X-Ray tells.
        stats: of what it answered; what a client sees is in its edges.
        root: whether requests come in here.
        services: the names of the [[services]] that it belongs to, as far as the settings tell.
    """

    id: str
    name: str
    type: str
    account: str = ""
    stats: Stats = field(default_factory=Stats)
    root: bool = False
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """Who calls whom, by the ids of the nodes, and what the caller saw of it."""

    caller: str
    callee: str
    stats: Stats = field(default_factory=Stats)


@dataclass(frozen=True, slots=True)
class Map:
    """The service map of a time, from `start` to `end` (epoch seconds), in one region."""

    start: float
    end: float
    region: str
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    @property
    def seconds(self) -> float:
        """How long a time it is of."""
        return self.end - self.start

    def node(self, id_: str) -> Node | None:
        """Return a node by its id."""
        return next((one for one in self.nodes if one.id == id_), None)

    def edge(self, caller: str, callee: str) -> Edge | None:
        """Return an edge by the ids of its nodes."""
        return next((one for one in self.edges if (one.caller, one.callee) == (caller, callee)), None)


def graph(aws: Aws, start: float, end: float, services: Iterable[Service] = ()) -> Map:
    """Return the service map of a time of at most LONGEST seconds; raises AwsError.

    Args:
        aws: calls in the region that it is of.
        start: epoch seconds.
        end: epoch seconds.
        services: those of the settings, to tell which a node belongs to.
    """
    raws = aws.all(
        "xray", "get_service_graph", "Services",
        StartTime=datetime.fromtimestamp(start, UTC), EndTime=datetime.fromtimestamp(end, UTC),
    )  # fmt: skip
    return read(raws, start, end, aws.region, services)


def read(
    raws: Iterable[Mapping[str, Any]], start: float, end: float, region: str, services: Iterable[Service] = ()
) -> Map:
    """Return the map that X-Ray's answers make; what has the same name and type is one node, clients are one."""
    told, known = list(raws), tuple(services)
    nodes: dict[str, Node] = {}
    ids: dict[int, str] = {}
    for raw in told:
        one = _node(raw, known)
        before = nodes.get(one.id)
        if before is not None:
            one = replace(before, stats=before.stats + one.stats, root=before.root or one.root)
        nodes[one.id] = one
        ids[raw["ReferenceId"]] = one.id
    edges: dict[tuple[str, str], Edge] = {}
    for raw in told:
        for call in raw.get("Edges") or ():
            # What another page of the answer should have brought, and did not, cannot be drawn.
            if (callee := ids.get(call["ReferenceId"])) is None:
                continue
            key = (ids[raw["ReferenceId"]], callee)
            stats = edges[key].stats if key in edges else Stats()
            edges[key] = Edge(*key, stats + _stats(call))
    return Map(start, end, region, tuple(nodes.values()), tuple(edges.values()))


def of(whole: Map, service: str) -> Map:
    """Return the part of a map that a service is: its nodes, and who calls and is called, up to other services'."""
    own = {one.id for one in whole.nodes if service in one.services}
    others = {one.id for one in whole.nodes if one.services and service not in one.services}
    seen, gone = set(own), set()
    for down in (True, False):
        waiting = [*own]
        while waiting:
            here = waiting.pop()
            for edge in whole.edges:
                at, further = (edge.caller, edge.callee) if down else (edge.callee, edge.caller)
                if at != here:
                    continue
                gone.add((edge.caller, edge.callee))
                if further not in seen:
                    seen.add(further)
                    # What others call, and who calls them, is not this service's.
                    if further not in others:
                        waiting.append(further)
    return replace(
        whole,
        nodes=tuple(one for one in whole.nodes if one.id in seen),
        edges=tuple(one for one in whole.edges if (one.caller, one.callee) in gone),
    )


def more(now: Stats, before: Stats | None) -> float:
    """Return how many more calls fail than at the share of before (the change of the share × the calls)."""
    return (now.share - (before.share if before else 0.0)) * now.requests


def worst(now: Map, before: Map | None = None) -> tuple[Edge, ...]:
    """Return the edges of which more fail than before, those first where most of it begins.

    An edge counts for Δfault × volume (`more`), less what its callee only passes on (`begun`); among equals the one of
    which more fail comes first.
    """
    own = begun(now, before)
    risen = {(one.caller, one.callee): more(one.stats, same(before, one)) for one in now.edges}
    found = [
        one
        for one in now.edges
        # One failing call more than before is chance.
        if one.stats.faults >= FEW and risen[one.caller, one.callee] >= 1
    ]
    found.sort(key=lambda one: (-own[one.caller, one.callee], -risen[one.caller, one.callee], one.caller, one.callee))
    return tuple(found)


def begun(now: Map, before: Map | None = None) -> dict[tuple[str, str], float]:
    """Return how many more calls of each edge fail than before, less those that fail because of what is called then.

    What a callee calls fails on behalf of all that call it, by how often each does.
    """
    risen = {(one.caller, one.callee): max(0.0, more(one.stats, same(before, one))) for one in now.edges}
    into: dict[str, int] = {}
    passed: dict[str, float] = {}
    for one in now.edges:
        into[one.callee] = into.get(one.callee, 0) + one.stats.requests
        passed[one.caller] = passed.get(one.caller, 0.0) + risen[one.caller, one.callee]
    return {
        (one.caller, one.callee): max(
            0.0,
            risen[one.caller, one.callee] - passed.get(one.callee, 0.0) * one.stats.requests / max(1, into[one.callee]),
        )
        for one in now.edges
    }


def colour(now: Stats, before: Stats | None = None) -> Colour:
    """Return where it hurts: red where enough calls fail for sure, amber where some do, or are throttled, or slower."""
    if not now.requests:
        return "grey"
    surely = now.sure(now.faults)
    if now.faults >= FEW and surely >= HURTS:
        return "red"
    throttled = now.throttles >= FEW and now.sure(now.throttles) >= HURTS
    if (now.faults >= FEW and surely >= NOTABLE) or throttled or slower(now, before):
        return "amber"
    return "green"


def slower(now: Stats, before: Stats | None) -> bool:
    """Whether calls take clearly longer than before, at their 95th percentile."""
    if before is None or min(now.requests, before.requests) < ENOUGH:
        return False
    late, usual = now.percentile(0.95), before.percentile(0.95)
    return late is not None and usual is not None and late > usual * SLOWER and late - usual > SECONDS


def same(before: Map | None, edge: Edge) -> Stats | None:
    """Return what was counted of an edge before; None where it was not there."""
    found = before.edge(edge.caller, edge.callee) if before else None
    return found.stats if found else None


def _node(raw: Mapping[str, Any], services: Sequence[Service]) -> Node:
    kind = str(raw.get("Type") or "")
    if kind == CLIENT:
        # X-Ray has a client before each root, mostly without a name.
        return Node(CLIENT, CLIENT, CLIENT)
    name = str(raw.get("Name") or next(iter(raw.get("Names") or ()), "") or raw["ReferenceId"])
    return Node(
        f"{kind or '?'} {name}", name, kind, str(raw.get("AccountId") or ""), _stats(raw), bool(raw.get("Root")),
        owners(name, kind, services),
    )  # fmt: skip


def _stats(raw: Mapping[str, Any]) -> Stats:
    told = raw.get("SummaryStatistics") or {}
    errors, faults = told.get("ErrorStatistics") or {}, told.get("FaultStatistics") or {}
    times: Counter[float] = Counter()
    for one in raw.get("ResponseTimeHistogram") or ():
        times[float(one["Value"])] += int(one["Count"])
    return Stats(
        requests=int(told.get("TotalCount") or 0),
        faults=int(faults.get("TotalCount") or 0),
        errors=int(errors.get("TotalCount") or 0),
        throttles=int(errors.get("ThrottleCount") or 0),
        seconds=float(told.get("TotalResponseTime") or 0.0),
        times=tuple(sorted(times.items())),
    )
