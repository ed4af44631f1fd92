from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import OPTIONS, TestAccount
from tests.recorded import recorded
from tests.samples import ACCOUNT, cloudtrail
from tests.scenario import Scenario

NAME = "budgets_account_unbudgeted"
TELL = OPTIONS[NAME]["tell"]
PEOPLE = [{"SubscriptionType": "SNS", "Address": TELL}]


def alert(kind: str = "ACTUAL", threshold: float = 80.0, **more: Any) -> dict[str, Any]:
    how = {"ComparisonOperator": "GREATER_THAN", "Threshold": threshold, "ThresholdType": "PERCENTAGE"}
    return {"NotificationType": kind, **how, **more}


BOTH = [alert(), alert("FORECASTED", 100.0)]


def make(account: TestAccount, name: str) -> str:
    account.client("budgets").create_budget(
        AccountId=ACCOUNT,
        Budget={
            "BudgetName": name,
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": "1000", "Unit": "USD"},
        },
        NotificationsWithSubscribers=[{"Notification": one, "Subscribers": PEOPLE} for one in BOTH],
    )
    return ACCOUNT


def breach(account: TestAccount, _account: str) -> dict[str, Any]:
    account.client("budgets").delete_notification(AccountId=ACCOUNT, BudgetName="monthly", Notification=BOTH[1])
    return recorded(NAME)


def breach_by_deletion(account: TestAccount, _account: str) -> dict[str, Any]:
    account.client("budgets").delete_budget(AccountId=ACCOUNT, BudgetName="parapet")
    return cloudtrail("budgets:DeleteBudget", {"accountId": ACCOUNT, "budgetName": "parapet"}, region="us-east-1")


def state(account: TestAccount, _account: str = ACCOUNT) -> Any:
    budgets, key = account.client("budgets"), {"AccountId": ACCOUNT}
    found = {}
    for one in budgets.describe_budgets(**key)["Budgets"]:
        alerts = budgets.describe_notifications_for_budget(**key, BudgetName=one["BudgetName"])["Notifications"]
        found[one["BudgetName"]] = [one["BudgetLimit"], sorted(alerts, key=str)]
    return found


SCENARIO = Scenario(
    NAME,
    lambda account: make(account, "monthly"),
    breach,
    state,
    also=(Scenario(NAME, lambda account: make(account, "parapet"), breach_by_deletion, state),),
)


def found(budgets: dict[str, Any], event: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    rail = registry.get(NAME)
    given = {"account": ACCOUNT, "budgets": budgets}
    return list(rail.remedies(given, parse(event) if event else None, {**rail.options, **options}))


def budget(*alerts: dict[str, Any], limit: float | None = 1000.0) -> dict[str, Any]:
    return {"limit": limit, "alerts": list(alerts)}


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param({"monthly": budget(*BOTH)}, id="both alerts"),
        pytest.param({"a": budget(), "b": budget(*BOTH)}, id="one of two budgets has them"),
        pytest.param({"monthly": budget(alert(threshold=50.0), alert("FORECASTED", 90.0))}, id="earlier"),
        pytest.param(
            {"monthly": budget(alert(threshold=800.0, ThresholdType="ABSOLUTE_VALUE"), BOTH[1])}, id="as an amount"
        ),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(innocent, tell=TELL, monthly_limit=5) == []


@pytest.mark.parametrize(
    ("alerts", "why"),
    [
        ([BOTH[0]], "budget monthly does not tell at 100 % forecast"),
        ([BOTH[1]], "budget monthly does not tell at 80 % spent"),
        ([], "budget monthly does not tell at 80 % spent and at 100 % forecast"),
        ([alert(threshold=90.0), BOTH[1]], "budget monthly does not tell at 80 % spent"),
        ([alert(ComparisonOperator="LESS_THAN"), BOTH[1]], "budget monthly does not tell at 80 % spent"),
        ([alert(threshold=801, ThresholdType="ABSOLUTE_VALUE"), BOTH[1]], "budget monthly does not tell at 80 % spent"),
    ],
)
def test_remedies_only_the_alerts_that_are_missing(alerts: list[dict[str, Any]], why: str) -> None:
    [remedy] = found({"monthly": budget(*alerts)}, tell=TELL)
    assert remedy.why == why
    missing = [one for one, word in zip(BOTH, ("80 % spent", "100 % forecast"), strict=True) if word in why]
    assert [(one.operation, one.params) for one in remedy.fix] == [
        (
            "create_notification",
            {"AccountId": ACCOUNT, "BudgetName": "monthly", "Notification": one, "Subscribers": PEOPLE},
        )
        for one in missing
    ]
    assert [(one.operation, one.params["Notification"]) for one in remedy.undo] == [
        ("delete_notification", one) for one in missing
    ]
    assert set(remedy.before) < set(remedy.after)


def test_of_several_budgets_the_one_that_lacks_least_is_completed() -> None:
    [remedy] = found({"a": budget(), "b": budget(BOTH[0])}, tell="ops@example.com")
    assert remedy.part == "budget b"
    assert remedy.fix[0].params["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": "ops@example.com"}]


@pytest.mark.parametrize("options", [{}, {"monthly_limit": 1000}, {"tell": TELL}])
def test_without_an_amount_and_somebody_to_tell_there_is_nothing_to_fix(options: dict[str, Any]) -> None:
    [remedy] = found({}, **options)
    assert (remedy.why, remedy.fix, remedy.undo) == ("no budget watches all of the account's costs", (), ())


def test_only_who_takes_one_away_has_brought_it() -> None:
    [remedy] = found({}, recorded(NAME))
    assert remedy.brought
    [remedy] = found({}, cloudtrail("budgets:CreateBudget", region="us-east-1"))
    assert not remedy.brought


def test_a_budget_by_service_or_of_usage_does_not_count(account: TestAccount) -> None:
    make(account, "monthly")
    budgets, limit = account.client("budgets"), {"Amount": "1", "Unit": "USD"}
    for name, kind, filters in (("ec2", "COST", {"Service": ["Amazon EC2"]}), ("hours", "USAGE", {})):
        budgets.create_budget(
            AccountId=ACCOUNT,
            Budget={
                "BudgetName": name, "BudgetType": kind, "TimeUnit": "MONTHLY", "BudgetLimit": limit,
                "CostFilters": filters,
            },
        )  # fmt: skip
    read = registry.get(NAME).read
    assert read is not None
    assert list(read(account.aws("guard_budgets"), ACCOUNT)["budgets"]) == ["monthly"]


def test_where_nothing_can_be_fixed_people_are_told_and_not_asked(account: TestAccount) -> None:
    account.mode(NAME)
    [finding] = account.sweep(NAME)
    assert (finding.status, finding.fix) == ("observed", ())
