from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alarms import Firing
from tests.account import TestAccount
from tests.alarmed import Alarmed

NAME = "autoscaling_group_saturated"
FIRED = Firing("checkout-failing", 1_795_000_000.0, {})


def build(account: TestAccount) -> str:
    ec2, groups = account.client("ec2"), account.client("autoscaling")
    [zone, *_] = ec2.describe_availability_zones()["AvailabilityZones"]
    groups.create_launch_configuration(
        LaunchConfigurationName="web", ImageId="ami-0a1b2c3d4e5f60718", InstanceType="t3.micro"
    )
    groups.create_auto_scaling_group(
        AutoScalingGroupName="web", LaunchConfigurationName="web", MinSize=1, MaxSize=4, DesiredCapacity=2,
        AvailabilityZones=[zone["ZoneName"]],
    )  # fmt: skip
    return "web"


def wanted(account: TestAccount, name: str) -> Any:
    [group] = account.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ]
    return group["DesiredCapacity"]


def grow(account: TestAccount, name: str) -> None:
    account.client("autoscaling").set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=4)


ALARMED = Alarmed(NAME, build, lambda _account, _name: None, grow, wanted, lambda name: {"AutoScalingGroupName": name})


def found(wants: int = 2, serving: int = 2, step: int = 1, **more: Any) -> list[Any]:
    instances = [{"InstanceId": f"i-{n}", "LifecycleState": "InService"} for n in range(serving)]
    group = {"AutoScalingGroupName": "web", "DesiredCapacity": wants, "MaxSize": 4, "Instances": instances, **more}
    return list(registry.get(NAME).remedies(group, FIRED, {"step": step}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param({"serving": 1}, id="growing already"),
        pytest.param({"Status": "Delete in progress"}, id="being deleted"),
        pytest.param({"SuspendedProcesses": [{"ProcessName": "Launch"}]}, id="launching nothing"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(**innocent) == []


@pytest.mark.parametrize(("wants", "step", "number"), [(2, 1, 3), (2, 2, 4), (3, 5, 4)])
def test_remedies_within_the_bounds(wants: int, step: int, number: int) -> None:
    [remedy] = found(wants, wants, step)
    [fix], [undo] = remedy.fix, remedy.undo
    assert (fix.params["DesiredCapacity"], undo.params["DesiredCapacity"]) == (number, wants)


def test_tells_only_at_the_maximum() -> None:
    [remedy] = found(4, 4)
    assert remedy.fix == ()
    assert "4 is its maximum" in remedy.why
