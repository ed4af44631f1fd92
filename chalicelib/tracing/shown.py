"""What programs and the page get of the service map: as JSON, and in a sentence; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.alerts.console import page
from chalicelib.times import iso
from chalicelib.tracing import layout
from chalicelib.tracing.graph import CLIENT, FEW, Edge, Map, Node, Stats, begun, colour, more, of, same, slower, worst

# What all that is told is told with.
SAMPLED = (
    "counted in sampled traces (X-Ray's default: one a second and 5 % of the rest): shares are estimates, "
    "CloudWatch's metrics count every request"
)
NOTHING = (
    "X-Ray has no traces of this time: nobody came, or tracing is off (active tracing of functions and stages, "
    "an OpenTelemetry or X-Ray SDK in applications)"
)
NOT_TOLD = (
    "none of what X-Ray tells of is known to be {}'s: its functions, tables, databases … have to be its entry or "
    "dependencies in parapet.toml, or machines and containers to have its name"
)
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# How many edges a sentence names, of which so much at least begins there.
NAMED, OWN = 3, 0.2
WORDS = {
    "AWS::Lambda": "function",
    "AWS::ApiGateway": "API",
    "AWS::AppSync": "API",
    "AWS::DynamoDB": "table",
    "AWS::S3": "bucket",
    "AWS::SQS": "queue",
    "AWS::SNS": "topic",
    "AWS::StepFunctions": "state machine",
    "AWS::EC2": "machine",
    "AWS::ECS": "container",
    "AWS::EKS": "container",
    "AWS::ElasticBeanstalk": "environment",
    "AWS::RDS": "database",
    "Database": "database",
    "AWS::ElastiCache": "cache",
    "Redis": "cache",
    "remote": "another's service",
    CLIENT: "who calls from outside",
}


def document(now: Map, before: Map, service: str = "") -> dict[str, Any]:
    """Return a map as it stands, or the part of it that a service is, compared with before; the worst calls first."""
    why = None if now.nodes else NOTHING
    if service:
        now = of(now, service)
        why = why or (None if now.nodes else NOT_TOLD.format(service))
    ranked = worst(now, before)
    places = layout.lay([one.id for one in now.nodes], [(one.caller, one.callee) for one in now.edges])
    rank = {(one.caller, one.callee): number for number, one in enumerate(ranked)}
    own = begun(now, before)
    edges = sorted(
        now.edges,
        key=lambda one: (rank.get((one.caller, one.callee), len(rank)), -one.stats.faults, -one.stats.requests),
    )
    return {
        "region": now.region,
        "since": iso(now.start),
        "until": iso(now.end),
        "service": service or None,
        "status": "ok" if now.nodes else "no_data",
        "why": why,
        "answer": f"Nothing is known: {why}." if why else sentence(now, before),
        "estimate": SAMPLED,
        "nodes": [_node(one, now, before, places) for one in now.nodes],
        "edges": [_edge(one, now, before, places, own if (one.caller, one.callee) in rank else {}) for one in edges],
        "rows": list(places.rows),
        "console": page(now.region, "/cloudwatch/home?region={region}#xray:service-map/map"),
    }


def sentence(now: Map, before: Map) -> str:
    """Return in a sentence where it hurts most, or that it does not."""
    own = begun(now, before)
    # What is mostly passed on is not told twice.
    found = [
        one for one in worst(now, before) if own[one.caller, one.callee] >= OWN * more(one.stats, same(before, one))
    ][:NAMED]
    if found:
        told = [f"{called(now, one)}: {_compared(one.stats, same(before, one))}" for one in found]
        rest = f"; also {'; '.join(told[1:])}" if told[1:] else ""
        return f"Most of what fails begins where {told[0]}{rest}."
    failing = [one for one in now.edges if colour(one.stats) == "red"]
    if failing:
        one = max(failing, key=lambda one: one.stats.faults)
        return f"Nothing fails more than in the hour before, but {called(now, one)}: {failed(one.stats)} fail."
    late = [one for one in now.edges if slower(one.stats, same(before, one))]
    if late:
        one = max(late, key=lambda one: one.stats.seconds)
        took, usual = one.stats.percentile(0.95), (same(before, one) or Stats()).percentile(0.95)
        return (
            f"Nothing fails more than in the hour before, but {called(now, one)}: 95 % took {lasting(took)} at most, "
            f"{lasting(usual)} before."
        )
    entered = [one.stats for one in now.edges if one.caller == CLIENT] or [one.stats for one in now.nodes if one.root]
    return f"Nothing hurts: {failed(sum(entered, Stats()))} failed."


def called(now: Map, edge: Edge) -> str:
    """Return who calls whom, in words."""
    caller, callee = now.node(edge.caller), now.node(edge.callee)
    names = [one.name if one else "?" for one in (caller, callee)]
    return f"{names[1]} is called from outside" if edge.caller == CLIENT else f"{names[0]} calls {names[1]}"


def failed(stats: Stats) -> str:
    """Return how many of how many calls failed, in words."""
    return f"{percent(stats.share)} of {stats.requests:,} sampled call{'s' if stats.requests != 1 else ''}"


def percent(share: float) -> str:
    """Return a share in percent, as finely as it is worth: a few of many are not none."""
    value = 100 * share
    if 0 < value < 0.1:
        return "under 0.1 %"
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %"


def lasting(seconds: float | None) -> str:
    """Return how long a call took, in words."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def word(kind: str) -> str:
    """Return what X-Ray's type of a node means; the type itself where nobody has said."""
    return next((found for begin, found in WORDS.items() if kind.startswith(begin)), kind or "service")


def _compared(now: Stats, before: Stats | None) -> str:
    usual = f"{percent(before.share)} in the hour before" if before and before.requests else "not called before"
    return f"{failed(now)} fail, {usual}"


def _node(one: Node, now: Map, before: Map, places: layout.Layout) -> dict[str, Any]:
    earlier = before.node(one.id)
    layer, row = places.places[one.id]
    return {
        "id": one.id,
        "name": one.name,
        "type": one.type,
        "label": word(one.type),
        "account": one.account or None,
        "services": list(one.services),
        "root": one.root,
        "layer": layer,
        "row": row,
        **_numbers(one.stats, earlier.stats if earlier else None, now.seconds),
    }


def _edge(
    one: Edge, now: Map, before: Map, places: layout.Layout, own: Mapping[tuple[str, str], float]
) -> dict[str, Any]:
    earlier, worse = same(before, one), bool(own)
    return {
        "caller": one.caller,
        "callee": one.callee,
        "bends": list(places.bends.get((one.caller, one.callee), ())),
        "more_faults": round(more(one.stats, earlier), 1) if worse else None,
        "begun_here": round(own[one.caller, one.callee], 1) if worse else None,
        **_numbers(one.stats, earlier, now.seconds),
    }


def _numbers(now: Stats, before: Stats | None, seconds: float) -> dict[str, Any]:
    return {
        "status": colour(now, before),
        "requests": now.requests,
        "rate": round(now.requests / seconds, 4) if seconds else 0.0,
        "faults": now.faults,
        "errors": now.errors,
        "throttles": now.throttles,
        "fault_share": round(now.share, 6) if now.requests else None,
        "average": _rounded(now.average),
        **{name: _rounded(now.percentile(share)) for name, share in PERCENTILES.items()},
        "slower": slower(now, before),
        # Of a few no share is told.
        "before": _usual(before) if before and before.requests >= FEW else None,
    }


def _usual(before: Stats) -> dict[str, Any]:
    return {
        "requests": before.requests,
        "fault_share": round(before.share, 6),
        "p95": _rounded(before.percentile(0.95)),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
