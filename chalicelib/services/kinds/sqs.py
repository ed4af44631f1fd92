"""A queue and who takes messages from it.

How long messages wait is told once a minute, by the age of the oldest one: an objective about latency counts minutes. A
message that was received three times moves to the back, and the age is then that of the next; look at the dead letters
too. A queue that nobody uses stops reporting.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from typing import Any

from chalicelib.services.kinds import Field, Kind, naming
from chalicelib.services.kinds.lambda_function import FUNCTION
from chalicelib.services.model import Counts, Gauge, Measures, Part, Target, Timed

QUEUE = r"[A-Za-z0-9_-]{1,80}(\.fifo)?"
IN_FLIGHT, AGE = 120_000.0, 600.0


def measures(target: Target) -> Measures:
    """Return what is measured of a queue, and of the function that takes from it."""
    given: Any = target.given
    metric = naming(target, "AWS/SQS", ("QueueName", str(given["queue"])))
    gauges = [
        Gauge(
            "age", "oldest message", metric("ApproximateAgeOfOldestMessage", "Maximum"), "seconds",
            red=given.get("oldest", AGE), silent="no_traffic",
        ),
        Gauge(
            "in_flight", "messages in flight", metric("ApproximateNumberOfMessagesNotVisible", "Maximum"), "count",
            IN_FLIGHT, silent="no_traffic",
        ),
    ]  # fmt: skip
    if "backlog" in given:
        waiting = metric("ApproximateNumberOfMessagesVisible", "Maximum")
        gauges.append(
            Gauge("backlog", "messages that wait", waiting, "count", float(given["backlog"]), silent="no_traffic")
        )
    age = Timed(metric("ApproximateAgeOfOldestMessage"), per_second=1.0)
    if "function" not in given:
        return Measures(latency=age, gauges=tuple(gauges))
    # What is throttled waits in the queue, and shows in its age.
    taker = naming(target, "AWS/Lambda", ("FunctionName", str(given["function"])))
    errors = taker("Errors")
    return Measures(Counts((errors,), (taker("Invocations"),)), (Part("errors", (errors,)),), age, gauges=tuple(gauges))


KIND = Kind(
    "sqs",
    "queue",
    {
        "queue": Field("the name of the queue", QUEUE),
        "function": Field("the function that takes messages from it", FUNCTION, needed=False),
        "oldest": Field("after how many seconds of waiting it is red; 600 without it", needed=False),
        "backlog": Field("how many messages may wait", needed=False),
    },
    measures,
    "queue",
)
