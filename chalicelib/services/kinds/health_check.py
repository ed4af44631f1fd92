"""A health check of Route 53, which asks from outside; its metrics are kept in us-east-1 alone.

There is one point a minute, 1 or 0: its availability counts minutes, not requests.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-cloudwatch.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, naming
from chalicelib.services.model import Gauge, Measures, Shortfall, Target, Timed


def measures(target: Target) -> Measures:
    """Return what is measured by a health check."""
    metric = naming(target, "AWS/Route53", ("HealthCheckId", str(target.given["health_check"])))
    healthy = Gauge(
        "checkers", "checkers that see it healthy", metric("HealthCheckPercentageHealthy", "Minimum"), "percent",
        100.0, 0.8, falls=True,
    )  # fmt: skip
    return Measures(
        Shortfall(metric("HealthCheckStatus"), metric("HealthCheckStatus", "SampleCount")),
        # Where latency is measured at all, and as an average of several checkers: no percentiles.
        latency=Timed(metric("TimeToFirstByte")) if target.given.get("latency") else None,
        percentiles=False,
        gauges=(healthy,),
    )


KIND = Kind(
    "health_check",
    "health check",
    {
        "health_check": Field("the id of the health check", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "latency": Field("true where it measures latency", needed=False, shape="flag"),
    },
    measures,
    "health_check",
    region="us-east-1",
)
