"""A CloudFront distribution, whose metrics are kept in us-east-1 alone.

Its errors are published as a percentage of the requests of a minute. Over a longer period CloudWatch averages the
minutes, quiet ones as much as busy ones, so that counts are exact only where they are read by the minute.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, naming
from chalicelib.services.model import Gauge, Measures, Percent, Target, Timed


def measures(target: Target) -> Measures:
    """Return what is measured of a distribution."""
    dimensions = (("DistributionId", str(target.given["distribution"])), ("Region", "Global"))
    metric = naming(target, "AWS/CloudFront", *dimensions)
    availability = Percent(metric("5xxErrorRate", "Average"), metric("Requests"))
    if not target.given.get("additional_metrics"):
        return Measures(availability)
    hits = Gauge(
        "hits", "answered from the cache", metric("CacheHitRate", "Average"), "percent", 100.0, 0.5,
        falls=True, silent="no_traffic",
    )  # fmt: skip
    return Measures(availability, latency=Timed(metric("OriginLatency")), gauges=(hits,))


KIND = Kind(
    "cloudfront",
    "distribution",
    {
        "distribution": Field("the id of the distribution, such as E2EXAMPLE1", r"E[A-Z0-9]{6,20}"),
        "additional_metrics": Field(
            "true where the additional metrics are switched on: without them nothing tells how long answers take",
            needed=False, shape="flag",
        ),
    },
    measures,
    "distribution",
    region="us-east-1",
)  # fmt: skip
