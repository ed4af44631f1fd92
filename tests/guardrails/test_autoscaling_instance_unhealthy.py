from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alarms import Firing
from local import ailing
from tests.account import TestAccount
from tests.alarmed import Alarmed
from tests.guardrails import test_autoscaling_group_saturated as saturated

NAME = "autoscaling_instance_unhealthy"
FIRED = Firing("checkout-failing", 1_795_000_000.0, {})


def members(account: TestAccount) -> list[dict[str, Any]]:
    found = account.client("autoscaling").describe_auto_scaling_instances()["AutoScalingInstances"]
    return sorted(found, key=lambda one: str(one["InstanceId"]))


def group(account: TestAccount) -> str:
    """A group behind a load balancer."""
    name = saturated.build(account)
    vpc = account.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    made = account.client("elbv2").create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)
    account.client("autoscaling").attach_load_balancer_target_groups(
        AutoScalingGroupName=name, TargetGroupARNs=[made["TargetGroups"][0]["TargetGroupArn"]]
    )
    return name


def member(account: TestAccount) -> str:
    saturated.build(account)
    return str(members(account)[0]["InstanceId"])


def fail(account: TestAccount, _name: str) -> None:
    ailing.unhealthy.add(members(account)[0]["InstanceId"])


def recover(_account: TestAccount, _name: str) -> None:
    ailing.unhealthy.clear()


def notice(account: TestAccount, instance: str) -> None:
    account.client("autoscaling").set_instance_health(InstanceId=instance, HealthStatus="Unhealthy")


def health(account: TestAccount, _name: str) -> Any:
    return [one["HealthStatus"].lower() for one in members(account)]


ALARMED = Alarmed(
    NAME, group, fail, recover, health, lambda name: {"AutoScalingGroupName": name},
    also=(Alarmed(NAME, member, lambda _account, _one: None, notice, health, lambda one: {"InstanceId": one}),),
)  # fmt: skip


def found(ill: list[str], suspended: tuple[str, ...] = (), instance: dict[str, str] | None = None) -> list[Any]:
    well = {"LifecycleState": "InService", "HealthStatus": "Healthy"}
    instances = [{"InstanceId": f"i-{n}", **well} for n in range(4)]
    instances[0] |= instance or {}
    group = {
        "AutoScalingGroupName": "web", "Instances": instances,
        "SuspendedProcesses": [{"ProcessName": one} for one in suspended],
    }  # fmt: skip
    return list(registry.get(NAME).remedies({"group": group, "ill": ill}, FIRED, {}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param({"LifecycleState": "Terminating:Wait"}, id="on its way out"),
        pytest.param({"LifecycleState": "Standby"}, id="taken out of service"),
        pytest.param({"HealthStatus": "Unhealthy"}, id="being replaced"),
        pytest.param({"InstanceId": "i-9"}, id="gone"),
    ],
)
def test_leaves_alone(innocent: dict[str, str]) -> None:
    assert found(["i-0"], instance=innocent) == []


def test_leaves_alone_who_is_well() -> None:
    assert found([]) == []


def test_remedies_each_that_is_ill_and_leaves_its_size_alone() -> None:
    assert [(r.part, r.fix[0].operation) for r in found(["i-0", "i-2"])] == [
        ("i-0", "set_instance_health"),
        ("i-2", "set_instance_health"),
    ]


@pytest.mark.parametrize(
    ("ill", "suspended", "told"),
    [
        (["i-0", "i-1", "i-2"], (), "so are 3 of 4"),
        (["i-0"], ("ReplaceUnhealthy",), "ReplaceUnhealthy is suspended"),
        (["i-0"], ("Launch", "AZRebalance"), "Launch is suspended"),
    ],
)
def test_tells_only_where_replacing_mends_nothing(ill: list[str], suspended: tuple[str, ...], told: str) -> None:
    for remedy in found(ill, suspended):
        assert remedy.fix == ()
        assert told in remedy.why


def test_what_is_in_no_group_is_gone(account: TestAccount) -> None:
    from tests.alarmed import bind, put, ring, wake

    bind(account, NAME)
    put(account, {"InstanceId": "i-0a1b2c3d4e5f60718"})
    ring(account)
    assert wake(account, NAME, "i-0a1b2c3d4e5f60718") == []
