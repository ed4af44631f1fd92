from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.costs.budgets import Budget
from tests.account import TestAccount
from tests.recorded import recorded
from tests.samples import ACCOUNT
from tests.scenario import Scenario

NAME = "ec2_nonproduction_running"
PART = "environment=dev|development|qa|sandbox|staging|test|testing"


def build(account: TestAccount) -> str:
    account.client("budgets").create_budget(
        AccountId=ACCOUNT,
        Budget={
            "BudgetName": "monthly",
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": "1000", "Unit": "USD"},
            "CalculatedSpend": {"ActualSpend": {"Amount": "1040", "Unit": "USD"}},
        },
    )
    ec2 = account.client("ec2")
    for value in ("test", "production"):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "environment", "Value": value}]}]
        [made] = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=tags)["Instances"]
        if value == "test":
            ec2.stop_instances(InstanceIds=[made["InstanceId"]])
    return ACCOUNT


def instances(account: TestAccount) -> dict[str, list[str]]:
    """The state and id of each instance, by its environment."""
    return {
        one["Tags"][0]["Value"]: [one["State"]["Name"], one["InstanceId"]]
        for group in account.client("ec2").describe_instances()["Reservations"]
        for one in group["Instances"]
    }


def breach(account: TestAccount, _account: str) -> dict[str, Any]:
    instance = instances(account)["test"][1]
    account.client("ec2").start_instances(InstanceIds=[instance])
    return recorded(NAME, {"i-0aaaaaaaaaaaaaaaa": instance})


def state(account: TestAccount, _account: str) -> Any:
    return {name: one for name, (one, _) in instances(account).items()}


SCENARIO = Scenario(NAME, build, breach, state)


def instance(number: int, tags: dict[str, str], **more: Any) -> dict[str, Any]:
    """An instance as DescribeInstances has it."""
    return {"InstanceId": f"i-{number}", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()], **more}


def budget(actual: float, name: str = "monthly", limit: float | None = 1000.0, **more: Any) -> Budget:
    given = {"forecast": None, "unit": "USD", "period": "MONTHLY", "whole": True, **more}
    return Budget(name=name, limit=limit, actual=actual, **given)


TEST = instance(1, {"environment": "test"})


def found(some: list[dict[str, Any]], *budgets: Budget, **options: Any) -> list[Any]:
    rail = registry.get(NAME)
    given = {"account": ACCOUNT, "instances": some, "budgets": list(budgets)}
    return list(rail.remedies(given, None, {**rail.options, **options}))


@pytest.mark.parametrize(
    ("budgets", "options"),
    [
        pytest.param([], {}, id="no budget"),
        pytest.param([budget(999.99)], {}, id="not all is spent"),
        pytest.param([budget(5000.0)], {"stop_at": 0}, id="never"),
        pytest.param([budget(5000.0, whole=False)], {}, id="a budget of some services"),
        pytest.param([budget(5000.0, period="DAILY")], {}, id="a budget of a day"),
        pytest.param([budget(5000.0, limit=None)], {}, id="a budget that is planned by the month"),
        pytest.param([budget(5000.0)], {"budget": "other"}, id="another budget counts, which is not there"),
        pytest.param([budget(1100.0)], {"stop_at": 120}, id="more may be spent"),
    ],
)
def test_leaves_alone_what_runs_while_the_budget_lasts(budgets: list[Budget], options: dict[str, Any]) -> None:
    assert found([TEST], *budgets, **options) == []


@pytest.mark.parametrize(
    "innocent",
    [
        instance(2, {"environment": "production"}),
        instance(2, {"environment": "prod-test"}),
        instance(2, {"team": "test"}),
        instance(2, {}),
    ],
)
def test_leaves_alone_what_is_not_tagged_so(innocent: dict[str, Any]) -> None:
    assert found([innocent], budget(5000.0)) == []


def test_remedies_all_at_once_and_names_what_is_left_alone() -> None:
    some = [
        instance(3, {"Environment": "DEV"}),
        TEST,
        instance(4, {"environment": "test", "aws:autoscaling:groupName": "web"}),
        instance(5, {"environment": "test"}, InstanceLifecycle="spot"),
        instance(6, {"environment": "test"}, RootDeviceType="instance-store"),
        instance(7, {"environment": "production"}),
    ]
    [remedy] = found(some, budget(1040.0))
    assert remedy.part == PART
    assert remedy.why == (
        "2 non-production instances run although 104 % of budget monthly are spent: i-1, i-3; "
        "left alone: i-4 (of an Auto Scaling group), i-5 (Spot), i-6 (on an instance store)"
    )
    assert [(one.operation, one.params) for one in (*remedy.fix, *remedy.undo)] == [
        ("stop_instances", {"InstanceIds": ["i-1", "i-3"]}),
        ("start_instances", {"InstanceIds": ["i-1", "i-3"]}),
    ]
    assert (remedy.before, remedy.after) == (["i-1", "i-3"], [])


def test_level_tag_values_and_budget_are_settings() -> None:
    some = [instance(1, {"stage": "Preview"}), instance(2, {"environment": "test"})]
    options = {"stop_at": 80, "tag": "Stage", "values": ("preview",), "budget": "team"}
    [remedy] = found(some, budget(0.0), budget(80.0, "team", limit=100.0, whole=False), **options)
    assert (remedy.part, remedy.before) == ("stage=preview", ["i-1"])


def test_the_tightest_of_the_budgets_counts() -> None:
    [remedy] = found([TEST], budget(500.0, "loose"), budget(500.0, "tight", limit=400.0))
    assert "125 % of budget tight" in remedy.why


def test_asks_unless_told_otherwise_and_stops_only_what_was_asked_about(account: TestAccount) -> None:
    event = breach(account, build(account))
    [finding] = account.deliver(event)
    assert finding.status == "asked"
    assert state(account, ACCOUNT) == {"test": "running", "production": "running"}
    assert account.obey(account.ask("approve", finding)).answer == "fixed"
    assert state(account, ACCOUNT) == {"test": "stopped", "production": "running"}
    assert account.undo(finding).answer == "undone"
    assert state(account, ACCOUNT) == {"test": "running", "production": "running"}


def test_what_was_approved_is_not_done_when_the_budget_has_begun_anew(account: TestAccount) -> None:
    [finding] = account.deliver(breach(account, build(account)))
    command = account.ask("approve", finding)
    account.client("budgets").delete_budget(AccountId=ACCOUNT, BudgetName="monthly")
    answered = account.obey(command)
    assert state(account, ACCOUNT)["test"] == "running", answered
