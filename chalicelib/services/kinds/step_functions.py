"""A state machine of Step Functions.

Executions are counted when they end: what has started may end in another window, hours later. One that somebody stopped
is neither good nor bad.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, mishap, naming
from chalicelib.services.model import Counts, Measures, Part, Target, Timed


def measures(target: Target) -> Measures:
    """Return what is measured of a state machine."""
    metric = naming(target, "AWS/States", ("StateMachineArn", str(target.given["state_machine"])))
    failed, late = metric("ExecutionsFailed"), metric("ExecutionsTimedOut")
    return Measures(
        Counts((failed, late), (metric("ExecutionsSucceeded"), failed, late)),
        (Part("failed", (failed,)), Part("timed out", (late,))),
        Timed(metric("ExecutionTime")),
        gauges=(mishap("throttled", "throttled state changes", metric("ExecutionThrottled")),),
    )


KIND = Kind(
    "step_functions",
    "state machine",
    {
        "state_machine": Field(
            "the ARN of the state machine", r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:stateMachine:[A-Za-z0-9_-]{1,80}"
        )
    },
    measures,
    "state_machine",
)
