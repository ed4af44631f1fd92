"""The account must have a budget for all of its costs that tells at 80 % spent and at 100 % forecast.

Why: a forgotten cluster, or somebody else's miner, shows on the bill weeks later; a budget tells within a day, free.
Fix: where a budget for all costs lacks one of the two alerts, adds it; where there is none, makes a monthly one called
`parapet`. That needs `tell` (the ARN of an SNS topic such as the stack's `AlertTopic`, or an e-mail address), and a new
budget `monthly_limit` in US dollars; without them there is nothing to fix, and people are told.
Undo: takes the alerts away again, or deletes the budget that was made.
Mode: nothing depends on a budget not being there, but how much may be spent people decide. A budget by service or tag
does not count: what it does not see can cost anything.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.costs import budgets
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.people import MAIL
from chalicelib.registry import api_call, guardrail

NAME = "parapet"
# Kind of alert, and from which share of the budget on it must tell at the latest.
WANTED = {"ACTUAL": 80.0, "FORECASTED": 100.0}
WORDS = {"ACTUAL": "80 % spent", "FORECASTED": "100 % forecast"}
TAKEN_AWAY = {"DeleteBudget", "DeleteNotification", "UpdateBudget", "UpdateNotification"}

TELL = rf"arn:aws[\w-]*:sns:[a-z0-9-]+:\d{{12}}:[\w-]+|{MAIL.pattern}"

State = Mapping[str, Any]


def read(aws: Aws, account: str) -> State:
    """Return the budgets for all of the account's costs with their alerts, by name; raises AwsError."""
    key = {"AccountId": account}
    found = {
        one.name: {
            "limit": one.limit,
            "alerts": aws.all(
                "budgets", "describe_notifications_for_budget", "Notifications", BudgetName=one.name, **key
            ),
        }
        for one in budgets.read(aws)
        if one.whole
    }
    return {"account": account, "budgets": found}


def current(state: State, part: str) -> list[str] | None:
    """Return the alerts of the budget that a part names, or None when it is not there."""
    budget = state["budgets"].get(part.removeprefix("budget "))
    return sorted(text(one) for one in budget["alerts"]) if budget else None


def text(alert: Mapping[str, Any]) -> str:
    """Return an alert in one line."""
    unit = "" if alert.get("ThresholdType") == "ABSOLUTE_VALUE" else " %"
    return f"{alert['NotificationType']} {alert['ComparisonOperator']} {float(alert['Threshold']):g}{unit}"


def lacks(budget: Mapping[str, Any]) -> list[str]:
    """Return the kinds of alert that a budget has none of in time."""
    limit = budget["limit"]

    def share(alert: Mapping[str, Any]) -> float:
        if alert.get("ThresholdType") != "ABSOLUTE_VALUE":
            return float(alert["Threshold"])
        return 100 * float(alert["Threshold"]) / limit if limit else float("inf")

    told = [one for one in budget["alerts"] if one["ComparisonOperator"] == "GREATER_THAN"]
    return [
        kind
        for kind, least in WANTED.items()
        if not any(one["NotificationType"] == kind and share(one) <= least for one in told)
    ]


def alert(kind: str) -> dict[str, Any]:
    """Return an alert as calls take it."""
    how = {"ComparisonOperator": "GREATER_THAN", "Threshold": WANTED[kind], "ThresholdType": "PERCENTAGE"}
    return {"NotificationType": kind, **how}


@guardrail(
    severity="medium",
    default="approve",
    on={api_call(f"budgets:{name}"): "account" for name in sorted({"CreateBudget", "CreateNotification", *TAKEN_AWAY})},
    needs={"budgets:ViewBudget", "budgets:ModifyBudget"},
    read=read,
    subjects=lambda aws: [aws.account],
    current=current,
    options={"monthly_limit": 0, "tell": ""},
    formats={"tell": (TELL, "the ARN of an SNS topic, nor an e-mail address")},
    everywhere=True,
)
def check(state: State, event: Event | None, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield one remedy when no budget for all costs has both alerts: for the one that lacks least, or for a new one."""
    account, found, tell = state["account"], state["budgets"], options["tell"]
    missing = {name: lacks(budget) for name, budget in sorted(found.items())}
    if any(not kinds for kinds in missing.values()):
        return
    name = min(missing, key=lambda one: len(missing[one]), default=NAME)
    of = {"AccountId": account, "BudgetName": name}
    before, alerts = current(state, f"budget {name}"), [alert(kind) for kind in missing.get(name, WANTED)]
    people = [{"SubscriptionType": "SNS" if tell.startswith("arn:") else "EMAIL", "Address": tell}]
    told = [{"Notification": one, "Subscribers": people} for one in alerts]
    if missing:
        why = f"budget {name} does not tell at {' and at '.join(WORDS[kind] for kind in missing[name])}"
        fix = tuple(call("budgets", "create_notification", **of, **one) for one in told)
        undo = tuple(call("budgets", "delete_notification", **of, Notification=one) for one in alerts)
    else:
        why = "no budget watches all of the account's costs"
        limit = {"Amount": str(options["monthly_limit"]), "Unit": "USD"}
        new = {"BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}
        fix = (call("budgets", "create_budget", AccountId=account, Budget=new, NotificationsWithSubscribers=told),)
        undo = (call("budgets", "delete_budget", **of),)
    fixable = bool(tell and (missing or options["monthly_limit"] > 0))
    yield Remedy(
        why=why,
        part=f"budget {name}",
        fix=fix if fixable else (),
        undo=undo if fixable else (),
        before=before,
        after=sorted([*(before or []), *map(text, alerts)]) if fixable else before,
        brought=event is None or event.name in TAKEN_AWAY,
    )
