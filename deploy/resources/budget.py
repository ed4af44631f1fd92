"""A budget for all of the account's costs, made where the parameter `MonthlyBudget` gives its amount."""

from __future__ import annotations

from typing import Any

from chalicelib.guardrails.budgets_account_unbudgeted import WANTED, alert
from deploy.intrinsics import named, ref, resource


def fragment() -> dict[str, Any]:
    """Return the parameter, the condition and the budget, whose alerts go where alarms go."""
    told = [
        {"Notification": alert(kind), "Subscribers": [{"SubscriptionType": "SNS", "Address": ref("AlertTopic")}]}
        for kind in WANTED
    ]
    return {
        "Parameters": {
            "MonthlyBudget": {
                "Type": "String",
                "Default": "0",
                "AllowedPattern": "0|[1-9][0-9]{0,8}",
                "Description": "What the account may cost a month, in US dollars; 0: make no budget",
            }
        },
        "Conditions": {"MakesBudget": {"Fn::Not": [{"Fn::Equals": [ref("MonthlyBudget"), "0"]}]}},
        "Resources": {
            "MonthlyCosts": resource(
                "AWS::Budgets::Budget",
                "MakesBudget",
                Budget={
                    "BudgetName": named("monthly"),
                    "BudgetType": "COST",
                    "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": ref("MonthlyBudget"), "Unit": "USD"},
                },
                NotificationsWithSubscribers=told,
            )
        },
    }
