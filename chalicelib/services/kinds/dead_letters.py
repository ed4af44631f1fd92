"""A dead-letter queue: whatever lies in it went wrong.

What a redrive policy moves there is in no NumberOfMessagesSent; only what lies there tells.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, naming
from chalicelib.services.kinds.sqs import QUEUE
from chalicelib.services.model import Gauge, Measures, Target


def measures(target: Target) -> Measures:
    """Return what lies in a dead-letter queue."""
    metric = naming(target, "AWS/SQS", ("QueueName", str(target.given["queue"])))
    letters = metric("ApproximateNumberOfMessagesVisible", "Maximum")
    return Measures(gauges=(Gauge("letters", "messages", letters, "count", red=1, silent="no_traffic"),))


KIND = Kind("dead_letters", "dead letters", {"queue": Field("the name of the queue", QUEUE)}, measures, "queue")
