"""The budget that the template makes where it is wanted: one that the guardrail is content with."""

from __future__ import annotations

from chalicelib import registry
from deploy.resources import budget


def test_it_is_made_only_where_an_amount_is_given() -> None:
    made = budget.fragment()
    assert made["Parameters"]["MonthlyBudget"]["Default"] == "0"
    assert made["Conditions"] == {"MakesBudget": {"Fn::Not": [{"Fn::Equals": [{"Ref": "MonthlyBudget"}, "0"]}]}}
    assert made["Resources"]["MonthlyCosts"]["Condition"] == "MakesBudget"
    named = made["Resources"]["MonthlyCosts"]["Properties"]["Budget"]["BudgetName"]
    assert named == {"Fn::Sub": "parapet-${Stage}-monthly"}


def test_it_tells_the_alert_topic_at_eighty_percent_spent_and_a_hundred_forecast() -> None:
    told = budget.fragment()["Resources"]["MonthlyCosts"]["Properties"]["NotificationsWithSubscribers"]
    assert [(one["Notification"]["NotificationType"], one["Notification"]["Threshold"]) for one in told] == [
        ("ACTUAL", 80.0), ("FORECASTED", 100.0)
    ]  # fmt: skip
    assert [one["Subscribers"] for one in told] == [[{"SubscriptionType": "SNS", "Address": {"Ref": "AlertTopic"}}]] * 2


def test_the_guardrail_finds_nothing_to_mend_in_it() -> None:
    properties = budget.fragment()["Resources"]["MonthlyCosts"]["Properties"]
    alerts = [one["Notification"] for one in properties["NotificationsWithSubscribers"]]
    rail = registry.get("budgets_account_unbudgeted")
    state = {"account": "123456789012", "budgets": {"parapet-prod-monthly": {"limit": 1000.0, "alerts": alerts}}}
    assert not rail.remedies(state, None, rail.options)
    assert not {"CostFilters", "FilterExpression"} & set(properties["Budget"])
