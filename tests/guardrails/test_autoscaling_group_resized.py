from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry, reverts
from chalicelib.events import parse
from local import ailing
from tests import samples
from tests.account import TestAccount
from tests.guardrails.test_autoscaling_group_saturated import build as group
from tests.guardrails.test_autoscaling_group_saturated import wanted
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "autoscaling_group_resized"
AT = 1_795_000_000.0
BY_SET = "a user request explicitly set group desired capacity"
BY_UPDATE = "a user request update of AutoScalingGroup constraints to min: 1, max: 4, desired: 4"
BY_ALARM = "a monitor alarm cpu in state ALARM triggered policy out"
ROSE = "in response to a difference between desired and actual capacity, increasing the capacity from 2 to 4."


def build(account: TestAccount) -> str:
    ailing.plug_in()
    ailing.clock[:] = [lambda: samples.clock[0]()]
    return group(account)


def asked(number: int | None, name: str = "SetDesiredCapacity", **request: Any) -> dict[str, Any]:
    """A resize's record, as it is handled when somebody wants it taken back."""
    given = {"autoScalingGroupName": "web", "desiredCapacity": number, **request}
    return cloudtrail(
        f"autoscaling:{name}", {name: value for name, value in given.items() if value is not None},
        detail_type=registry.REVERT,
    )  # fmt: skip


def shrink(account: TestAccount, name: str) -> dict[str, Any]:
    account.client("autoscaling").set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    return asked(1)


def grow(account: TestAccount, name: str) -> dict[str, Any]:
    account.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=6, DesiredCapacity=5)
    return asked(5, "UpdateAutoScalingGroup", maxSize=6)


SCENARIO = Scenario(NAME, build, shrink, wanted, also=(Scenario(NAME, build, grow, wanted),))


def told(why: str = BY_SET, before: int = 2, after: int = 4, late: float = 0.0) -> str:
    at = samples.moment(AT + late)
    return (
        f"At {at} {why} changing the desired capacity from {before} to {after}.  At {at} an instance was started {ROSE}"
    )


def found(number: int = 4, *causes: str, **changes: Any) -> list[Any]:
    event = parse({**asked(number), "detail": {**asked(number)["detail"], "eventTime": samples.moment(AT)}})
    state = {
        "AutoScalingGroupName": "web", "DesiredCapacity": 4, "MinSize": 1, "MaxSize": 4,
        "Activities": [{"Cause": one} for one in causes or (told(),)], **changes,
    }  # fmt: skip
    return list(registry.get(NAME).remedies(state, event, {}))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"DesiredCapacity": 3}, id="resized anew since"),
        pytest.param({"DesiredCapacity": 2}, id="back already"),
        pytest.param({"Status": "Delete in progress"}, id="being deleted"),
    ],
)
def test_leaves_alone(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


def test_leaves_alone_without_an_event() -> None:
    assert list(registry.get(NAME).remedies({}, None, {})) == []


@pytest.mark.parametrize("cause", [told(), told(BY_UPDATE), told(late=5), told() + "  " + told(BY_ALARM, 1)])
def test_remedies_by_what_it_wanted_before(cause: str) -> None:
    [remedy] = found(4, cause, told(BY_SET, 3, 4, -3600), "At a loss")
    assert remedy.why == "alice had group web want 4 instances, where it wanted 2, to be taken back"
    assert (remedy.before, remedy.after) == ({"DesiredCapacity": 4}, {"DesiredCapacity": 2})
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params == {"AutoScalingGroupName": "web", "DesiredCapacity": 2, "HonorCooldown": False}
    assert undo.params == {"AutoScalingGroupName": "web", "DesiredCapacity": 4, "HonorCooldown": False}


@pytest.mark.parametrize(
    "causes",
    [
        pytest.param(("nothing",), id="no activity"),
        pytest.param((told(late=6),), id="of another moment"),
        pytest.param((told(BY_ALARM),), id="an alarm's"),
        pytest.param((told(after=5),), id="to another size"),
        pytest.param((told(), told(before=3)), id="two at once"),
    ],
)
def test_tells_what_activities_do_not_make_certain(causes: tuple[str, ...]) -> None:
    with pytest.raises(reverts.Uncertain, match="do not tell what its desired capacity was before"):
        found(4, *causes)


@pytest.mark.parametrize("bounds", [{"MinSize": 3}, {"MinSize": 0, "MaxSize": 1}])
def test_tells_what_is_out_of_bounds_by_now(bounds: dict[str, int]) -> None:
    with pytest.raises(reverts.Uncertain, match="by now it must have"):
        found(4, **bounds)


@pytest.mark.parametrize("event", [asked(None, "UpdateAutoScalingGroup", maxSize=6), asked(True)])
def test_tells_what_is_not_certain(event: dict[str, Any]) -> None:
    assert "it set no desired capacity" in reverts.sorry(parse(event))
