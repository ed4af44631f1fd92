"""What EC2 tells EventBridge of instances whose state a call changes, which moto does not.

moto has an instance in its new state at once; both events of a change come one after the other.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

DETAIL_TYPE = "EC2 Instance State-change Notification"
# Through which states an instance goes after a call.
STATES = {
    "RunInstances": ("pending", "running"),
    "StartInstances": ("pending", "running"),
    "StopInstances": ("stopping", "stopped"),
    "TerminateInstances": ("shutting-down", "terminated"),
}


def changes(event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the state changes that the call of a CloudTrail event brings, of each instance in their order."""
    detail = event["detail"]
    states = STATES.get(str(detail.get("eventName")), ())
    if event.get("source") != "aws.ec2" or detail.get("errorCode"):
        return
    for instance in (detail.get("responseElements") or {}).get("instancesSet", {}).get("items", []):
        id_, before = instance["instanceId"], instance.get("previousState", {}).get("name")
        # Whoever stops what is stopped changes nothing.
        for state in () if before in states else states:
            yield {
                **{key: event[key] for key in ("version", "account", "time", "region")},
                "id": f"{event['id']}-{id_}-{state}",
                "detail-type": DETAIL_TYPE,
                "source": "aws.ec2",
                "resources": [f"arn:aws:ec2:{event['region']}:{event['account']}:instance/{id_}"],
                "detail": {"instance-id": id_, "state": state},
            }
