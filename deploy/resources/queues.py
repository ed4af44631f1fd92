"""The outbox, and the queues for what could not be done: encrypted, and kept for as long as SQS keeps anything."""

from __future__ import annotations

from typing import Any

from deploy.intrinsics import allow, arn, document, named, ref, resource, sub

DAY = 86400
FOURTEEN_DAYS = 14 * DAY
# So long after a try comes the next. Lambda takes no less than the timeout of the function that empties the queue; it
# advises more for what it has received and cannot hand over, but our mappings receive no more than they may.
SOON, LATER = 60, 180


def resources() -> dict[str, Any]:
    """Return the queues, with the policies of those that AWS itself fills."""
    rules = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/parapet-${Stage}-*"
    by_alert_topic = _by("AlertTopicOnly", "sns", ArnEquals={"aws:SourceArn": ref("AlertTopic")})
    by_failures = _by("FailuresOnly", "sns", ArnEquals={"aws:SourceArn": ref("FailuresTopic")})
    by_our_rules = _by("OurRulesOnly", "events", ArnLike={"aws:SourceArn": sub(rules)})
    by_heartbeat = _by("HeartbeatOnly", "events", ArnEquals={"aws:SourceArn": arn("HeartbeatRule")})
    return {
        **_channel("Slack"),
        **_channel("PagerDuty"),
        **_channel("Email"),
        **_emptied("Alert", "alerts", SOON, 20),
        "AlertQueuePolicy": _filled("AlertQueue", by_alert_topic, by_our_rules),
        # What the topic cannot deliver to the queue.
        "AlertDeadLettersPolicy": _filled("AlertDeadLetters", by_alert_topic),
        **_emptied("Enrich", "enrich", LATER, 5),
        **_emptied("Ledger", "ledger", SOON, 20),
        "LedgerQueuePolicy": _filled("LedgerQueue", by_our_rules),
        "DeadLetters": _queue("dead-letters", FOURTEEN_DAYS),
        "DeadLettersPolicy": _filled("DeadLetters", by_failures),
        "RuleDeadLetters": _queue("rule-dead-letters", FOURTEEN_DAYS),
        "RuleDeadLettersPolicy": _filled("RuleDeadLetters", by_our_rules),
        # Read by `./parapet doctor` and nobody else.
        "HeartbeatQueue": _queue("heartbeat", 3600),
        "HeartbeatQueuePolicy": _filled("HeartbeatQueue", by_heartbeat),
    }


def _channel(channel: str) -> dict[str, Any]:
    """Return the outbox's queue of a channel: FIFO, in which each thread keeps its order and waits for no other."""
    order = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    # Who is down for an hour and a half is told by itself afterwards.
    return _emptied(channel, channel.lower(), SOON, 100, **order)


def _emptied(logical: str, name: str, again: int, tries: int, **fifo: str) -> dict[str, Any]:
    """Return a queue that one of our functions empties, and the dead letters of what it took too many tries at."""
    order, end = ({"FifoQueue": True}, ".fifo") if fifo else ({}, "")
    return {
        f"{logical}Queue": _queue(
            f"{name}{end}",
            4 * DAY,
            **order,
            **fifo,
            VisibilityTimeout=again,
            RedrivePolicy={"deadLetterTargetArn": arn(f"{logical}DeadLetters"), "maxReceiveCount": tries},
        ),
        f"{logical}DeadLetters": _queue(f"{name}-dead-letters{end}", FOURTEEN_DAYS, **order),
    }


def _queue(name: str, kept: int, **more: Any) -> dict[str, Any]:
    return resource(
        "AWS::SQS::Queue", QueueName=named(name), MessageRetentionPeriod=kept, SqsManagedSseEnabled=True, **more
    )


def _by(sid: str, service: str, **condition: Any) -> dict[str, Any]:
    return allow(sid, f"{service}.amazonaws.com", "sqs:SendMessage", "", **condition)


def _filled(queue: str, *allowed: dict[str, Any]) -> dict[str, Any]:
    return resource(
        "AWS::SQS::QueuePolicy",
        Queues=[ref(queue)],
        PolicyDocument=document(*({**one, "Resource": arn(queue)} for one in allowed)),
    )
