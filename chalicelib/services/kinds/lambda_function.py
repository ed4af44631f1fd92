"""A Lambda function, or one alias of it.

A throttled request is neither an invocation nor an error, and whoever waited for the answer has been failed all the
same. What nobody waits for Lambda tries again for hours: there attempts count, and events that it drops in the end are
told apart.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, mishap, naming, sought
from chalicelib.services.model import Counts, Gauge, Measures, Part, Target, Timed

FUNCTION = r"[A-Za-z0-9_-]{1,64}"


def measures(target: Target) -> Measures:
    """Return what is measured of a function."""
    name, alias = str(target.given["function"]), str(target.given.get("alias", ""))
    metric = naming(target, "AWS/Lambda", ("FunctionName", name), *([("Resource", f"{name}:{alias}")] if alias else []))
    invoked, errors, throttled = metric("Invocations"), metric("Errors"), metric("Throttles")
    waited = not target.given.get("asynchronous")
    gauges = [
        # Only of the whole function, which is what the limit is for.
        Gauge(
            "concurrency", "concurrent executions",
            naming(target, "AWS/Lambda", ("FunctionName", name))("ConcurrentExecutions", "Maximum"), "count",
            sought(target, "concurrency"), silent="no_traffic",
        ),
        Gauge(
            "duration", "longest execution", metric("Duration", "Maximum"), "seconds", sought(target, "timeout"), 0.9,
            silent="no_traffic", scale=0.001,
        ),
        mishap("throttled", "throttled", throttled),
    ]  # fmt: skip
    if not waited:
        gauges += [
            mishap("dropped", "events dropped", metric("AsyncEventsDropped")),
            mishap("unsaved", "events that the dead-letter queue did not take", metric("DeadLetterErrors")),
        ]
    parts = (Part("errors", (errors,)), *((Part("throttled", (throttled,)),) if waited else ()))
    return Measures(
        availability=Counts((errors, throttled), (invoked, throttled)) if waited else Counts((errors,), (invoked,)),
        parts=parts,
        latency=Timed(metric("Duration")),
        gauges=tuple(gauges),
    )


KIND = Kind(
    "lambda_function",
    "function",
    {
        "function": Field("the name of the function", FUNCTION),
        "alias": Field("one alias of it, such as live", r"[A-Za-z0-9_-]{1,128}", needed=False),
        "asynchronous": Field("true where nobody waits for its answer", needed=False, shape="flag"),
    },
    measures,
    "function",
)
