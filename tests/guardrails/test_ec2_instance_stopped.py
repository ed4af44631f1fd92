from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alarms import Firing
from tests.account import TestAccount
from tests.alarmed import Alarmed

NAME = "ec2_instance_stopped"
FIRED = Firing("checkout-failing", 1_795_000_000.0, {})


def build(account: TestAccount) -> str:
    made = account.client("ec2").run_instances(ImageId="ami-0a1b2c3d4e5f60718", MinCount=1, MaxCount=1)
    return str(made["Instances"][0]["InstanceId"])


def stop(account: TestAccount, instance: str) -> None:
    account.client("ec2").stop_instances(InstanceIds=[instance])


def start(account: TestAccount, instance: str) -> None:
    account.client("ec2").start_instances(InstanceIds=[instance])


def state(account: TestAccount, instance: str) -> Any:
    found = account.client("ec2").describe_instances(InstanceIds=[instance])
    return found["Reservations"][0]["Instances"][0]["State"]["Name"]


ALARMED = Alarmed(NAME, build, stop, start, state, lambda instance: {"InstanceId": instance})


def found(name: str, **more: Any) -> list[Any]:
    instance = {"InstanceId": "i-0a1b2c3d4e5f60718", "State": {"Name": name}, **more}
    return list(registry.get(NAME).remedies(instance, FIRED, {}))


@pytest.mark.parametrize("innocent", ["running", "pending", "shutting-down", "terminated"])
def test_leaves_alone(innocent: str) -> None:
    assert found(innocent) == []


@pytest.mark.parametrize("name", ["stopped", "stopping"])
def test_remedies_what_is_stopped_and_says_how_it_came(name: str) -> None:
    [remedy] = found(name, StateTransitionReason="User initiated (2026-11-21 09:00:00 GMT)")
    assert "is stopped (User initiated (2026-11-21 09:00:00 GMT)) while alarm checkout-failing fires" in remedy.why
    assert [c.operation for c in (*remedy.fix, *remedy.undo)] == ["start_instances", "stop_instances"]


def test_tells_only_of_a_member_of_a_group() -> None:
    [remedy] = found("stopped", Tags=[{"Key": "aws:autoscaling:groupName", "Value": "web"}])
    assert remedy.fix == ()
    assert "its group web replaces it" in remedy.why
