"""A topic of SNS: what it could not deliver.

https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, mishap, naming
from chalicelib.services.model import Counts, Measures, Part, Target


def measures(target: Target) -> Measures:
    """Return what is measured of a topic."""
    metric = naming(target, "AWS/SNS", ("TopicName", str(target.given["topic"])))
    failed = metric("NumberOfNotificationsFailed")
    return Measures(
        Counts((failed,), (metric("NumberOfNotificationsDelivered"), failed)),
        (Part("undelivered", (failed,)),),
        gauges=(
            mishap("failed", "not delivered", failed),
            mishap("redriven", "in the dead letters", metric("NumberOfNotificationsRedrivenToDlq")),
        ),
    )


KIND = Kind(
    "sns", "topic", {"topic": Field("the name of the topic", r"[A-Za-z0-9_-]{1,256}(\.fifo)?")}, measures, "topic"
)
