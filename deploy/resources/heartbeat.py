"""How a heartbeat comes back: a rule of its own and a queue, with no function of ours in between."""

from __future__ import annotations

from typing import Any

from chalicelib import heartbeat
from deploy.intrinsics import arn, named, resource, sub
from deploy.resources.functions import RETRY

RULE = "heartbeat-back"


def resources() -> dict[str, Any]:
    """Return the rule that CloudTrail's record of a heartbeat wakes."""
    pattern = {
        "source": ["aws.ssm"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": ["ssm.amazonaws.com"],
            "eventName": ["PutParameter"],
            "errorCode": [{"exists": False}],
            "requestParameters": {"name": [sub(heartbeat.parameter("${Stage}"))]},
        },
    }
    target = {
        "Id": "queue",
        "Arn": arn("HeartbeatQueue"),
        "RetryPolicy": RETRY["schedule"],
        "DeadLetterConfig": {"Arn": arn("RuleDeadLetters")},
    }
    rule = resource(
        "AWS::Events::Rule",
        Name=named(RULE),
        Description="Takes heartbeats that came back through CloudTrail; an alarm tells when none does",
        EventPattern=pattern,
        State="ENABLED",
        Targets=[target],
    )
    return {"HeartbeatRule": rule}
