"""A database instance of RDS; free memory and storage are bytes, latencies seconds.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, Naming, naming, share, sought
from chalicelib.services.model import Gauge, Measures, Target

MAX_CONNECTIONS = Field("how many connections it takes", needed=False)
MEMORY = Field("its memory in GiB", needed=False)


def measures(target: Target) -> Measures:
    """Return how full an instance is."""
    metric = naming(target, "AWS/RDS", ("DBInstanceIdentifier", str(target.given["instance"])))
    gauges = [
        *working(target, metric),
        Gauge(
            "storage", "free storage", metric("FreeStorageSpace", "Minimum"), "bytes", sought(target, "storage"), 0.1,
            falls=True,
        ),
        Gauge("reads", "read latency", metric("ReadLatency", "Average"), "seconds", red=0.02),
        Gauge("writes", "write latency", metric("WriteLatency", "Average"), "seconds", red=0.02),
    ]  # fmt: skip
    if target.given.get("replica"):
        gauges.append(Gauge("lag", "behind its source", metric("ReplicaLag", "Maximum"), "seconds", red=60))
    if target.given.get("postgres"):
        # At two thousand millions PostgreSQL takes no more writes.
        used = metric("MaximumUsedTransactionIDs", "Maximum")
        gauges.append(Gauge("transactions", "transaction ids in use", used, "count", 2.0**31, 0.5))
    return Measures(gauges=tuple(gauges))


def working(target: Target, metric: Naming) -> tuple[Gauge, ...]:
    """Return the gauges that all databases have: CPU, connections, memory."""
    return (
        share("cpu", "CPU", metric("CPUUtilization", "Average"), 0.9),
        Gauge(
            "connections", "connections", metric("DatabaseConnections", "Maximum"), "count",
            sought(target, "max_connections"),
        ),
        Gauge(
            "memory", "free memory", metric("FreeableMemory", "Minimum"), "bytes", sought(target, "memory"), 0.05,
            falls=True,
        ),
    )  # fmt: skip


KIND = Kind(
    "rds",
    "database",
    {
        "instance": Field("the identifier of the instance", r"[a-z][a-z0-9-]{0,62}"),
        "max_connections": MAX_CONNECTIONS,
        "memory": MEMORY,
        "replica": Field("true where it is a read replica", needed=False, shape="flag"),
        "postgres": Field("true where it is PostgreSQL", needed=False, shape="flag"),
    },
    measures,
    "instance",
)
