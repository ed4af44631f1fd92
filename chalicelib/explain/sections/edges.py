"""Which calls fail or take long since it began, against the hour before, as X-Ray's service map has it.

X-Ray samples: its counts are estimates, and shares of few calls are no shares.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from chalicelib.explain.gathering import Look, within
from chalicelib.explain.model import Hop
from chalicelib.explain.subject import Desk, Subject
from chalicelib.insights import price
from chalicelib.model import AwsError, ParapetError
from chalicelib.services.model import Service
from chalicelib.tracing import followed, following, graph, samples
from chalicelib.tracing.following import Followed
from chalicelib.tracing.graph import CLIENT, Edge, Map, Node
from chalicelib.tracing.samples import Named, Wanted

# How much of the time since is looked at, how long before, and how many of the worst get sample traces (seconds).
SPAN, LEAST, BEFORE = 1800.0, 120.0, 3600.0
SAMPLED, TRACES, SHOWN = 1, 3, 8
# So long it takes to follow one: with less there is no use in beginning (seconds).
FOLLOWING = 1.0
# Whose code is the service's own: compute; what it stores in and asks is not.
COMPUTE = ("AWS::Lambda", "AWS::EC2", "AWS::ECS", "AWS::EKS", "AWS::ApiGateway", "AWS::ElasticBeanstalk")


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
        patience: for so many seconds a sample is followed to where it failed; 0: none is.
        clock: in seconds.
        sleep: waits.
    """
    aws, until = desk.reach(subject.region), clock() + patience
    end = min(subject.end, since + SPAN)
    start = min(since, end - LEAST)
    whole = graph.graph(aws, start, end, desk.services)
    past = graph.graph(aws, since - BEFORE, since, desk.services)
    now, before = graph.of(whole, service.name), graph.of(past, service.name)
    if not now.nodes:
        return Look(
            (), "X-Ray has no traces of it", status="no_data", reason="no node of X-Ray's belongs to it", calls=2
        )
    hops = [one for edge in now.edges if (one := _hop(edge, now, whole, before, service.name))]
    hops.sort(key=lambda one: (-(one.failing - one.failed), -((one.seconds or 0.0) / (one.took or 1e9))))
    calls, traces = 2, dict[str, tuple[str, ...]]()
    for one in hops[:SAMPLED]:
        if one.failing > one.failed:
            calls += 1
            traces[one.callee] = _traces(desk, subject, one, start, end)
    hops = [_with(one, traces) for one in hops]
    sample, left = next((one.traces[0] for one in hops if one.traces), ""), until - clock()
    way, reason = Followed(sample, "no_data"), ""
    if sample and patience and left >= FOLLOWING:
        way, reason = _followed(desk, subject, sample, left, clock, sleep)
        said = followed.sentence(way) if way.failing else ""
        hops = [replace(one, said=said) if sample in one.traces else one for one in hops]
    bad = [one for one in hops if one.failing >= 0.03 and one.failing > 2 * one.failed]
    told = f"{bad[0].failing * 100:.0f} % of the sampled calls of {bad[0].callee} fail" if bad else "no call fails more"
    data = [
        {"caller": one.caller, "callee": one.callee, "calls": one.calls, "failing": one.failing, "before": one.failed,
         "seconds": one.seconds, "seconds_before": one.took, "traces": list(one.traces),
         "failed": one.said or None}
        for one in hops[:SHOWN]
    ]  # fmt: skip
    evidence: list[Mapping[str, str]] = [{"kind": "xray", "ref": "GetServiceGraph"}]
    evidence += [{"kind": "trace", "ref": one} for one in dict.fromkeys(id_ for hop in hops for id_ in hop.traces)]
    calls += way.calls
    return Look(
        tuple(hops), told, data, tuple(evidence), calls, price.of(way.scanned, aws.region).usd, way.scanned,
        "partial" if reason else "ok", reason,
    )  # fmt: skip


def _hop(edge: Edge, now: Map, whole: Map, before: Map, service: str) -> Hop | None:
    caller, callee = now.node(edge.caller), now.node(edge.callee)
    if caller is None or callee is None or not edge.stats.requests:
        return None
    usual = graph.same(before, edge) or graph.Stats()
    return Hop(
        caller.name, callee.name, callee.type, edge.stats.requests, edge.stats.share, usual.share,
        edge.stats.average, usual.average, _own(callee, service), _well(edge, whole),
    )  # fmt: skip


def _own(node: Node, service: str) -> bool:
    return service in node.services and node.type.startswith(COMPUTE)


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
    desk: Desk, subject: Subject, sample: str, seconds: float, clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> tuple[Followed, str]:  # fmt: skip
    """Return a sample's way, and what of it could not be read: the edge is the finding, and not lost for that."""
    aws = desk.reach(subject.region)

    def follow() -> Followed:
        # Logs Insights, that has the spans where X-Ray has none, is given up first.
        return following.follow(
            aws, sample, subject.now, desk.services, clock, sleep, patience=seconds - FOLLOWING / 2, logged=False
        )

    try:
        way = within(seconds, follow)
    except ParapetError as error:
        return Followed(sample, "failed"), f"trace {sample}: {error}"
    return way, f"trace {sample}: {way.why}" if way.why else ""


def _with(one: Hop, traces: Mapping[str, tuple[str, ...]]) -> Hop:
    return replace(one, traces=traces[one.callee]) if one.callee in traces else one
