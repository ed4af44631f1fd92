"""A DynamoDB table.

It counts by operation: the samples of SuccessfulRequestLatency are the requests that went well. Of these latencies it
tells averages and extremes, no percentiles. Capacity is used by the second, and counted by the period.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.services.kinds import Field, Kind, mishap, naming, sought
from chalicelib.services.model import Counts, Gauge, Measures, Part, Target, Timed

USUAL = ("GetItem", "PutItem", "Query", "UpdateItem")
# An alarm takes ten metrics, and each operation has two.
MOST = 5


def measures(target: Target) -> Measures:
    """Return what is measured of a table."""
    table = ("TableName", str(target.given["table"]))
    given = target.given.get("operations", USUAL)
    operations = given if isinstance(given, tuple) else USUAL
    by = [naming(target, "AWS/DynamoDB", table, ("Operation", one)) for one in operations]
    metric = naming(target, "AWS/DynamoDB", table)
    failed = tuple(one("SystemErrors") for one in by)
    done = tuple(one("SuccessfulRequestLatency", "SampleCount") for one in by)
    capacities = (
        Gauge(
            f"{what}_capacity", f"{what} capacity", metric(f"Consumed{what.capitalize()}CapacityUnits"), "count",
            sought(target, f"{what}_capacity"), silent="no_traffic", rate=True,
        )
        for what in ("read", "write")
    )  # fmt: skip
    return Measures(
        Counts(failed, (*done, *failed)),
        (Part("DynamoDB", failed),),
        Timed(by[0]("SuccessfulRequestLatency")),
        percentiles=False,
        gauges=(
            *capacities,
            mishap("read_throttles", "throttled reads", metric("ReadThrottleEvents")),
            mishap("write_throttles", "throttled writes", metric("WriteThrottleEvents")),
        ),
    )


def checks(given: Mapping[str, object]) -> str:
    """Return what is wrong about the keys together."""
    operations = given.get("operations", USUAL)
    few = isinstance(operations, tuple) and 1 <= len(operations) <= MOST
    return "" if few else f"operations must be 1 to {MOST}: the ones that matter most, first"


KIND = Kind(
    "dynamodb",
    "table",
    {
        "table": Field("the name of the table", r"[A-Za-z0-9_.-]{3,255}"),
        "operations": Field(
            f"an operation such as GetItem; {', '.join(USUAL)} without it", r"[A-Z][A-Za-z]+", needed=False,
            shape="list",
        ),
    },
    measures,
    "table",
    checks=checks,
)  # fmt: skip
