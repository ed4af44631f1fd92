"""A stage of a REST API of API Gateway.

CloudWatch knows it by its name, so that two APIs of one name are one here. Each request is a point of Count, and of
5XXError one that is 0 or 1.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, naming, sought
from chalicelib.services.model import Counts, Gauge, Measures, Part, Target, Timed

NAMESPACE = "AWS/ApiGateway"
REQUESTS = Field("how many requests a second it may get; 10,000 without it, AWS's usual quota", needed=False)
STAGE = Field("the stage: prod, $default", r"\$default|[A-Za-z0-9_-]{1,128}")


def measures(target: Target) -> Measures:
    """Return what is measured of a stage of a REST API."""
    dimensions = (("ApiName", str(target.given["api"])), ("Stage", str(target.given["stage"])))
    return of_stage(target, "5XXError", *dimensions)


def of_stage(target: Target, errors: str, *dimensions: tuple[str, str]) -> Measures:
    """Return what is measured of a stage, whose kind of API has its own name for errors."""
    metric = naming(target, NAMESPACE, *dimensions)
    bad, total = metric(errors), metric("Count", "SampleCount")
    return Measures(
        availability=Counts((bad,), (total,)),
        parts=(Part("api", (bad,)),),
        latency=Timed(metric("Latency")),
        gauges=(
            Gauge(
                "requests", "requests a second", total, "count", sought(target, "requests"),
                silent="no_traffic", rate=True,
            ),
        ),
    )  # fmt: skip


KIND = Kind(
    "api_rest",
    "REST API",
    {"api": Field("the name of the API, not its id", r".{1,1024}"), "stage": STAGE, "requests": REQUESTS},
    measures,
    "api",
)
