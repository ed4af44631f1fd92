"""SNS to functions: moto delivers topics to queues only, so that each consuming function has a queue of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.delivery import Poller
from local.deployment import Function


def subscribed(sns: Any, sqs: Any, topic: str, function: Function) -> str:
    """Make a queue that receives what is published to a topic for a function; returns its URL."""
    url = str(sqs.create_queue(QueueName=f"local-{function.name}")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


class TopicPoller(Poller):
    """Hands what a topic published to a function, in the shape in which SNS invokes Lambda."""

    def record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return one published message as Lambda hands it to a function."""
        body = json.loads(message["Body"])
        return {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": f"{body['TopicArn']}:local",
            "Sns": {
                "Type": body["Type"],
                "MessageId": body["MessageId"],
                "TopicArn": body["TopicArn"],
                "Subject": body.get("Subject"),
                "Message": body["Message"],
                "Timestamp": body["Timestamp"],
                "MessageAttributes": {},
            },
        }
