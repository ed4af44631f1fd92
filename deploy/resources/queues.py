"""The outbox, and the queues for what could not be done: encrypted, and kept for as long as SQS keeps anything."""

from __future__ import annotations

from typing import Any

from deploy.intrinsics import allow, arn, document, named, ref, resource, sub

DAY = 86400
FOURTEEN_DAYS = 14 * DAY


def resources() -> dict[str, Any]:
    """Return the queues, with the policies of those that AWS itself fills."""
    rules = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/parapet-${Stage}-*"
    return {
        "SlackQueue": _queue(
            "slack.fifo",
            4 * DAY,
            FifoQueue=True,
            DeduplicationScope="messageGroup",
            FifoThroughputLimit="perMessageGroupId",
            # Six times the timeout of the function that empties it, as Lambda wants it.
            VisibilityTimeout=180,
            RedrivePolicy={"deadLetterTargetArn": arn("SlackDeadLetters"), "maxReceiveCount": 10},
        ),
        "SlackDeadLetters": _queue("slack-dead-letters.fifo", FOURTEEN_DAYS, FifoQueue=True),
        "DeadLetters": _queue("dead-letters", FOURTEEN_DAYS),
        "DeadLettersPolicy": _filled(
            "DeadLetters", "FailuresOnly", "sns.amazonaws.com", ArnEquals={"aws:SourceArn": ref("FailuresTopic")}
        ),
        "RuleDeadLetters": _queue("rule-dead-letters", FOURTEEN_DAYS),
        "RuleDeadLettersPolicy": _filled(
            "RuleDeadLetters", "OurRulesOnly", "events.amazonaws.com", ArnLike={"aws:SourceArn": sub(rules)}
        ),
        # Read by `./parapet doctor` and nobody else.
        "HeartbeatQueue": _queue("heartbeat", 3600),
        "HeartbeatQueuePolicy": _filled(
            "HeartbeatQueue",
            "HeartbeatOnly",
            "events.amazonaws.com",
            ArnEquals={"aws:SourceArn": arn("HeartbeatRule")},
        ),
    }


def _queue(name: str, kept: int, **more: Any) -> dict[str, Any]:
    return resource(
        "AWS::SQS::Queue", QueueName=named(name), MessageRetentionPeriod=kept, SqsManagedSseEnabled=True, **more
    )


def _filled(queue: str, sid: str, service: str, **condition: Any) -> dict[str, Any]:
    allowed = allow(sid, service, "sqs:SendMessage", arn(queue), **condition)
    return resource("AWS::SQS::QueuePolicy", Queues=[ref(queue)], PolicyDocument=document(allowed))
