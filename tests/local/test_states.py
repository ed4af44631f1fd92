"""What EC2 tells of instances that calls change."""

from __future__ import annotations

from typing import Any

from local import states
from tests.samples import ACCOUNT, REGION, cloudtrail


def told(name: str, *instances: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    call = cloudtrail(f"ec2:{name}", responseElements={"instancesSet": {"items": list(instances)}}, **more)
    return [(one["detail"]["instance-id"], one["detail"]["state"]) for one in states.changes(call)]


def instance(id_: str, before: str = "") -> dict[str, Any]:
    return {"instanceId": id_, **({"previousState": {"code": 0, "name": before}} if before else {})}


def test_each_instance_of_a_call_goes_through_its_states() -> None:
    both = instance("i-1", "running"), instance("i-2", "running")
    assert told("StopInstances", *both) == [
        ("i-1", "stopping"), ("i-1", "stopped"), ("i-2", "stopping"), ("i-2", "stopped"),
    ]  # fmt: skip
    assert told("StartInstances", instance("i-1", "stopped")) == [("i-1", "pending"), ("i-1", "running")]
    assert told("TerminateInstances", instance("i-1", "stopped")) == [("i-1", "shutting-down"), ("i-1", "terminated")]
    assert told("RunInstances", instance("i-3")) == [("i-3", "pending"), ("i-3", "running")]


def test_what_changes_nothing_is_not_told() -> None:
    assert told("StopInstances", instance("i-1", "stopped")) == []
    assert told("StopInstances", instance("i-1", "running"), errorCode="Client.UnauthorizedOperation") == []
    assert told("RebootInstances", instance("i-1")) == []
    refused = cloudtrail("ec2:StopInstances", responseElements=None)
    assert list(states.changes(refused)) == []


def test_it_is_the_event_that_ec2_documents() -> None:
    call = cloudtrail("ec2:StopInstances", responseElements={"instancesSet": {"items": [instance("i-1", "running")]}})
    first, last = states.changes(call)
    assert first["id"] != last["id"]
    assert {**last, "id": "", "time": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": ACCOUNT,
        "time": "",
        "region": REGION,
        "resources": [f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"],
        "detail": {"instance-id": "i-1", "state": "stopped"},
    }
