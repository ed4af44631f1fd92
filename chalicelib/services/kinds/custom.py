"""Whatever somebody counts in metrics of their own: bad or good ones, and all of them.

`apart` are the dimensions that only the bad, or the good, ones have, such as `{ status = "5xx" }` of the same metric.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.services.kinds import Field, Kind, naming
from chalicelib.services.model import Counts, Measures, Part, Shortfall, Target, Timed

PER_SECOND = {"s": 1.0, "ms": 1000.0, "us": 1_000_000.0}
NAME = r"[^:\x00-\x1f][^\x00-\x1f]{0,254}"
VALUE = r"[^\x00-\x1f]{1,1024}"


def measures(target: Target) -> Measures:
    """Return what is measured by the metrics that the settings name."""
    given = target.given
    namespace, dimensions = str(given["namespace"]), _table(target, "dimensions")
    metric = naming(target, namespace, *dimensions.items())
    apart = naming(target, namespace, *{**dimensions, **_table(target, "apart")}.items())
    total = metric(str(given["total"]))
    latency = None
    if "latency" in given:
        latency = Timed(metric(str(given["latency"])), PER_SECOND[str(given.get("latency_unit", "ms"))])
    if "good" in given:
        return Measures(Shortfall(apart(str(given["good"])), total), latency=latency)
    bad = apart(str(given["bad"]))
    return Measures(Counts((bad,), (total,)), (Part(bad.name, (bad,)),), latency)


def checks(given: Mapping[str, object]) -> str:
    """Return what is wrong about the keys together."""
    if ("bad" in given) == ("good" in given):
        return "give one of bad, good: the metric that counts what went wrong, or what went well"
    counted = given.get("bad", given.get("good"))
    if counted == given["total"] and not given.get("apart"):
        return f"{counted} and total are the same metric: which dimensions do only the counted ones have (apart)?"
    if "latency_unit" in given and "latency" not in given:
        return "latency_unit says in what the metric latency is, and there is none"
    return ""


def _table(target: Target, key: str) -> Mapping[str, str]:
    value = target.given.get(key, {})
    return value if isinstance(value, Mapping) else {}


KIND = Kind(
    "custom",
    "metric",
    {
        "namespace": Field("the namespace of the metrics", NAME),
        "dimensions": Field('their dimensions: { service = "checkout" }', VALUE, needed=False, shape="table"),
        "total": Field("the metric whose Sum counts all", NAME),
        "bad": Field("the metric whose Sum counts what went wrong", NAME, needed=False),
        "good": Field("the metric whose Sum counts what went well", NAME, needed=False),
        "apart": Field('the dimensions of bad or good alone: { status = "5xx" }', VALUE, needed=False, shape="table"),
        "latency": Field("the metric with a value for each request: how long it took", NAME, needed=False),
        "latency_unit": Field("s, ms or us: in what; ms without it", "|".join(PER_SECOND), needed=False),
    },
    measures,
    "total",
    checks=checks,
)
