"""Which calls fail or take long since it began, against the hour before, as X-Ray's service map has it.

X-Ray samples: its counts are estimates, and shares of few calls are no shares. Where CloudWatch's Transaction Search is
on it knows one trace of a hundred, or none: then the spans themselves are counted, where there is time for a query.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from chalicelib.explain.gathering import Look, Status, within
from chalicelib.explain.model import Hop
from chalicelib.explain.subject import Desk, Subject
from chalicelib.insights import price
from chalicelib.model import AwsError, ParapetError
from chalicelib.services.model import Service
from chalicelib.tracing import asking, followed, following, graph, samples, spans
from chalicelib.tracing.following import Followed
from chalicelib.tracing.graph import CLIENT, Edge, Map, Node
from chalicelib.tracing.samples import Named, Wanted

# How much of the time since is looked at, how long before, and how many of the worst get sample traces (seconds).
SPAN, LEAST, BEFORE = 1800.0, 120.0, 3600.0
SAMPLED, TRACES, SHOWN = 1, 3, 8
# So long it takes to follow one, or to count spans: with less there is no use in beginning (seconds).
FOLLOWING = 1.0
# How much before and after a call its trace is sought (seconds), and which share of what may be read is for counting.
AROUND, COUNTING = 60.0, 0.8
# Whose code is the service's own: compute; what it stores in and asks is not.
COMPUTE = ("AWS::Lambda", "AWS::EC2", "AWS::ECS", "AWS::EKS", "AWS::ApiGateway", "AWS::ElasticBeanstalk")


@dataclass(frozen=True, slots=True)
class Seen:
    """The maps of everybody since it began and before, and what they took.

    Args:
        whole: since.
        past: before.
        logged: whether they were made of spans.
        samples: ids of traces by caller and callee, where they were.
        times: when some of these were.
        calls: how often AWS was asked.
        scanned: how many bytes were read.
        status: what is told of a service that is on none of them.
        reason: what could not be read.
    """

    whole: Map
    past: Map
    logged: bool = False
    samples: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    calls: int = 2
    scanned: float = 0.0
    status: Status = "no_data"
    reason: str = ""


def look(
    desk: Desk, subject: Subject, service: Service, since: float, patience: float = 0.0,
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
) -> Look[tuple[Hop, ...]]:  # fmt: skip
    """Return the edges of a service's map, those first that hurt most; raises AwsError.

    Args:
        desk: where to look.
        subject: what is explained.
        service: whose map.
        since: the onset.
        patience: for so many seconds spans are counted and a sample is followed to where it failed; 0: neither.
        clock: in seconds.
        sleep: waits.
    """
    aws, until = desk.reach(subject.region), clock() + patience
    end = min(subject.end, since + SPAN)
    start = min(since, end - LEAST)
    seen = Seen(
        graph.graph(aws, start, end, desk.services), graph.graph(aws, since - BEFORE, since, desk.services)
    )  # fmt: skip
    if patience and _known(seen, service) < graph.ENOUGH:
        seen = _spanned(desk, subject, service, seen, until - clock(), clock, sleep)
    now, before = graph.of(seen.whole, service.name), graph.of(seen.past, service.name)
    if not now.nodes:
        return Look(
            (), "X-Ray has no traces of it", None, (), seen.calls, price.of(seen.scanned, aws.region).usd,
            seen.scanned, seen.status, seen.reason or "no node of X-Ray's belongs to it",
        )  # fmt: skip
    hops = [one for edge in now.edges if (one := _hop(edge, now, seen, before, service.name))]
    hops.sort(key=lambda one: (-(one.failing - one.failed), -((one.seconds or 0.0) / (one.took or 1e9))))
    calls, traces = seen.calls, dict[str, tuple[str, ...]]()
    for one in hops[:SAMPLED]:
        if one.failing > one.failed:
            calls += not seen.logged
            known = seen.samples.get((one.caller, one.callee), ())
            traces[one.callee] = known if seen.logged else _traces(desk, subject, one, start, end)
    hops = [_with(one, traces) for one in hops]
    sample, left = next((one.traces[0] for one in hops if one.traces), ""), until - clock()
    way, why = Followed(sample, "no_data"), ""
    if sample and patience and left >= FOLLOWING:
        way, why = _followed(desk, subject, sample, seen, left, clock, sleep)
        said = followed.sentence(way) if way.failing else ""
        hops = [replace(one, said=said) if sample in one.traces else one for one in hops]
    bad = [one for one in hops if one.failing >= 0.03 and one.failing > 2 * one.failed]
    calls_of = "calls" if seen.logged else "sampled calls"
    told = f"{bad[0].failing * 100:.0f} % of the {calls_of} of {bad[0].callee} fail" if bad else "no call fails more"
    data = [
        {"caller": one.caller, "callee": one.callee, "calls": one.calls, "failing": one.failing, "before": one.failed,
         "seconds": one.seconds, "seconds_before": one.took, "traces": list(one.traces),
         "failed": one.said or None}
        for one in hops[:SHOWN]
    ]  # fmt: skip
    source = {"kind": "log-group", "ref": spans.GROUP} if seen.logged else {"kind": "xray", "ref": "GetServiceGraph"}
    evidence: list[Mapping[str, str]] = [source]
    evidence += [{"kind": "trace", "ref": one} for one in dict.fromkeys(id_ for hop in hops for id_ in hop.traces)]
    scanned, reason = seen.scanned + way.scanned, "; ".join(filter(None, (seen.reason, why)))
    return Look(
        tuple(hops), told, data, tuple(evidence), calls + way.calls, price.of(scanned, aws.region).usd, scanned,
        "partial" if reason else "ok", reason,
    )  # fmt: skip


def _known(seen: Seen, service: Service) -> int:
    """Return how many calls are known since it began, of a service and around it."""
    return sum(one.stats.requests for one in graph.of(seen.whole, service.name).edges)


def _spanned(
    desk: Desk, subject: Subject, service: Service, seen: Seen, seconds: float, clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Seen:  # fmt: skip
    """Return what the spans tell of a service, where that is more than X-Ray knows, and else what X-Ray does."""
    status: Status = "partial"
    try:
        if seconds < FOLLOWING:
            raise ParapetError("there was no time left to count them")
        return within(seconds, lambda: _counted(desk, subject, service, seen, seconds, clock, sleep))
    except AwsError as error:
        # Without Transaction Search there is no such group, and nothing is missing.
        if error.code == "ResourceNotFoundException":
            return replace(seen, calls=seen.calls + 2)
        status, why = "denied" if error.denied else status, f"AWS denies {error.action}" if error.denied else str(error)
    except ParapetError as error:
        why = str(error)
    return replace(seen, calls=seen.calls + 2, status=status, reason=f"{spans.GROUP}: {why}")


def _counted(
    desk: Desk, subject: Subject, service: Service, seen: Seen, seconds: float, clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Seen:  # fmt: skip
    """Return what a query counts; raises AwsError, and ParapetError where there is no answer."""
    aws, until, start, end = desk.reach(subject.region), clock() + seconds, seen.whole.start, seen.whole.end
    arrived = asking.arrived(aws, start - BEFORE, end)
    # Of too many, as many are read as may be: of both halves alike, so far as there is as much of both.
    budget = asking.BUDGET * COUNTING
    readable = (end - start + BEFORE) * min(1.0, budget * price.GB / arrived if arrived else 1.0)
    after = min(end - start, readable / 2)
    before = min(BEFORE, readable - after)
    if min(after, before) < LEAST:
        told = f"{price.size(arrived)}, and an explanation reads {budget:g} GB of them"
        raise ParapetError(f"Logs Insights would have to read {told}")
    asked = asking.ask(
        aws, spans.counting(start), start - before, start + after, until - clock() - FOLLOWING / 2, clock, sleep
    )  # fmt: skip
    counted = spans.maps(asked.rows, start - before, start, start + after, aws.region, desk.services)
    whys = [asked.why, "there are more kinds of calls than are read" if len(asked.rows) >= spans.ROWS else ""]
    if before + after < end - start + BEFORE:
        whys.append(f"only {before / 60:.0f} min before and {after / 60:.0f} min since were read, of too many")
    reason = "; ".join(f"{spans.GROUP}: {one}" for one in whys if one)
    took = replace(
        seen, calls=seen.calls + 1 + asked.calls, scanned=asked.scanned, status="partial" if reason else "no_data",
        reason=reason,
    )  # fmt: skip
    found = replace(
        took, whole=counted.now, past=counted.before, logged=True, samples=counted.samples, times=counted.times
    )
    if _known(found, service) > _known(seen, service):
        return found
    none = f"no node of X-Ray's and no span in {spans.GROUP} belongs to it"
    return took if reason or graph.of(seen.whole, service.name).nodes else replace(took, reason=none)


def _hop(edge: Edge, now: Map, seen: Seen, before: Map, service: str) -> Hop | None:
    caller, callee = now.node(edge.caller), now.node(edge.callee)
    if caller is None or callee is None or not edge.stats.requests:
        return None
    usual = graph.same(before, edge) or graph.Stats()
    return Hop(
        caller.name, callee.name, callee.type, edge.stats.requests, edge.stats.share, usual.share,
        edge.stats.average, usual.average, _own(callee, service), _well(edge, seen.whole), sampled=not seen.logged,
    )  # fmt: skip


def _own(node: Node, service: str) -> bool:
    # What has no type tells of itself.
    return service in node.services and (not node.type or node.type.startswith(COMPUTE))


def _well(edge: Edge, whole: Map) -> tuple[str, ...]:
    """Return who else calls the same, and sees nothing wrong."""
    others = [one for one in whole.edges if one.callee == edge.callee and one.caller != edge.caller]
    found = [
        whole.node(one.caller)
        for one in others
        if one.caller != CLIENT and one.stats.requests >= graph.ENOUGH and one.stats.share < graph.NOTABLE
    ]
    return tuple(one.name for one in found if one)


def _traces(desk: Desk, subject: Subject, one: Hop, start: float, end: float) -> tuple[str, ...]:
    wanted = Wanted((Named(one.callee, one.type),), kind="fault")
    try:
        found = samples.find(desk.reach(subject.region), wanted, start, end, TRACES)
    except (AwsError, ParapetError):
        # The edge itself is the finding; samples are beside it.
        return ()
    return tuple(each.id for each in found.samples)


def _followed(
    desk: Desk, subject: Subject, sample: str, seen: Seen, seconds: float, clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> tuple[Followed, str]:  # fmt: skip
    """Return a sample's way, and what of it could not be read: the edge is the finding, and not lost for that."""
    aws, at = desk.reach(subject.region), seen.times.get(sample)

    def follow() -> Followed:
        # Logs Insights, that has the spans where X-Ray has none, is given up first.
        return following.follow(
            aws, sample, subject.now, desk.services, clock, sleep, patience=seconds - FOLLOWING / 2, logged=False,
            when=(at - AROUND, at + AROUND) if at else None, budget=asking.BUDGET - seen.scanned / price.GB,
        )  # fmt: skip

    try:
        way = within(seconds, follow)
    except ParapetError as error:
        return Followed(sample, "failed"), f"trace {sample}: {error}"
    return way, f"trace {sample}: {way.why}" if way.why else ""


def _with(one: Hop, traces: Mapping[str, tuple[str, ...]]) -> Hop:
    return replace(one, traces=traces[one.callee]) if one.callee in traces else one
