"""A node of ElastiCache with Redis or Valkey.

One thread does all the work: EngineCPUUtilization is that thread's, where CPUUtilization is the average of all cores.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, mishap, naming, share, sought
from chalicelib.services.model import Gauge, Measures, Target


def measures(target: Target) -> Measures:
    """Return how full a node is."""
    metric = naming(target, "AWS/ElastiCache", ("CacheClusterId", str(target.given["node"])))
    gauges = [
        share("cpu", "CPU of the engine", metric("EngineCPUUtilization", "Average"), 0.9),
        share("memory", "memory", metric("DatabaseMemoryUsagePercentage", "Maximum"), 0.9),
        Gauge(
            "connections", "connections", metric("CurrConnections", "Maximum"), "count",
            sought(target, "max_connections"),
        ),
        mishap("evictions", "evicted keys", metric("Evictions")),
    ]  # fmt: skip
    if target.given.get("replica"):
        gauges.append(Gauge("lag", "behind the primary", metric("ReplicationLag", "Maximum"), "seconds", red=15))
    return Measures(gauges=tuple(gauges))


KIND = Kind(
    "elasticache",
    "cache",
    {
        "node": Field("the id of the node (CacheClusterId), such as images-001", r"[a-z][a-z0-9-]{0,62}"),
        "max_connections": Field("its maxclients; 65,000 without it", needed=False),
        "replica": Field("true where it is a read replica", needed=False, shape="flag"),
    },
    measures,
    "node",
)
