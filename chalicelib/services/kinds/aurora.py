"""An Aurora cluster, by the instances of one role; its replicas' lag is milliseconds, where that of RDS is seconds.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, naming
from chalicelib.services.kinds.rds import MAX_CONNECTIONS, MEMORY, working
from chalicelib.services.model import Gauge, Measures, Target


def measures(target: Target) -> Measures:
    """Return how full the instances of a cluster are."""
    role = str(target.given.get("role", "WRITER"))
    metric = naming(target, "AWS/RDS", ("DBClusterIdentifier", str(target.given["cluster"])), ("Role", role))
    gauges = [
        *working(target, metric),
        Gauge("up", "up since", metric("EngineUptime", "Minimum"), "seconds", red=1, falls=True),
        Gauge("commits", "commit latency", metric("CommitLatency", "Average"), "seconds", red=0.1, scale=0.001),
    ]
    if role == "READER":
        lag = metric("AuroraReplicaLag", "Maximum")
        gauges.append(Gauge("lag", "behind the writer", lag, "seconds", red=1, scale=0.001))
    if target.given.get("serverless"):
        capacity = metric("ACUUtilization", "Average")
        gauges.append(Gauge("capacity", "of its largest capacity", capacity, "percent", full=100.0, red=0.9))
    return Measures(gauges=tuple(gauges))


KIND = Kind(
    "aurora",
    "cluster",
    {
        "cluster": Field("the identifier of the cluster", r"[a-z][a-z0-9-]{0,62}"),
        "role": Field("WRITER or READER; WRITER without it", "WRITER|READER", needed=False),
        "max_connections": MAX_CONNECTIONS,
        "memory": MEMORY,
        "serverless": Field("true where it is Serverless v2", needed=False, shape="flag"),
    },
    measures,
    "cluster",
)
