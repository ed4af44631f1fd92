"""What is not production must not run on when the account's monthly budget is spent.

Why: while somebody looks for what grew, test systems go on costing money that nobody has.
Fix: stops the running instances whose tag `tag` (whatever its case) has one of the `values`, once `stop_at` percent
of a monthly budget for all costs are spent (0: never; `budget` names another one). In each region that is one question
for all of them. Left out, and named, is what would come back or cannot be stopped: instances of Auto Scaling groups,
Spot instances, and those that live on an instance store.
Undo: starts exactly those again.
Mode: somebody may be in the middle of a test, and what an instance store held is gone; so people are asked.
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.costs import budgets
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

GROUP = "aws:autoscaling:groupName"
RUNNING = ("pending", "running")
NAMED = 5

State = Mapping[str, Any]


def read(aws: Aws, account: str) -> State:
    """Return the tagged instances that run in the region and, if there are any, the budgets; raises AwsError."""
    reservations = aws.all(
        "ec2", "describe_instances", "Reservations", Filters=[{"Name": "instance-state-name", "Values": [*RUNNING]}]
    )
    tagged = [one for group in reservations for one in group["Instances"] if one.get("Tags")]
    return {"account": account, "instances": tagged, "budgets": budgets.read(aws) if tagged else []}


def selected(instances: Iterable[Mapping[str, Any]], part: str) -> list[Mapping[str, Any]]:
    """Return the instances whose tag has one of the values that a part names: `environment=dev|test`."""
    key, _, values = part.partition("=")
    return [
        one
        for one in instances
        if any(tag["Key"].lower() == key and tag["Value"].lower() in values.split("|") for tag in one.get("Tags") or ())
    ]


def kept(instance: Mapping[str, Any]) -> str:
    """Return why an instance is left out, or an empty text."""
    if any(tag["Key"] == GROUP for tag in instance["Tags"]):
        return "of an Auto Scaling group"
    if instance.get("InstanceLifecycle") == "spot":
        return "Spot"
    return "on an instance store" if instance.get("RootDeviceType") == "instance-store" else ""


def current(state: State, part: str) -> list[str]:
    """Return which of the instances that a part is about run."""
    return sorted(one["InstanceId"] for one in selected(state["instances"], part) if not kept(one))


def spent(found: Iterable[budgets.Budget], options: Mapping[str, Any]) -> budgets.Budget | None:
    """Return the budget that counts, if so much of it is spent."""
    named = [one for one in found if one.name == options["budget"]] if options["budget"] else found
    budget = next(iter(named), None) if options["budget"] else budgets.of_month(named)
    share = options["stop_at"]
    if not share or budget is None or not budget.limit or 100 * budget.actual < share * budget.limit:
        return None
    return budget


@guardrail(
    severity="medium",
    default="approve",
    # Each launch of an Auto Scaling group would have to be looked at; the sweep finds what was not started by hand.
    on={api_call("ec2:StartInstances"): "account"},
    needs={"ec2:DescribeInstances", "ec2:StartInstances", "ec2:StopInstances", "budgets:ViewBudget"},
    read=read,
    subjects=lambda aws: [aws.account],
    current=current,
    options={
        "stop_at": 100,
        "budget": "",
        "tag": "environment",
        "values": ("dev", "development", "qa", "sandbox", "staging", "test", "testing"),
    },
)
def check(state: State, _event: Event | None, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield one remedy for all that runs and need not, when the budget is spent."""
    part = f"{options['tag'].lower()}={'|'.join(sorted(value.lower() for value in options['values']))}"
    budget, names = spent(state["budgets"], options), current(state, part)
    if budget is None or not names:
        return
    left = [f"{one['InstanceId']} ({why})" for one in selected(state["instances"], part) if (why := kept(one))]
    but = f"; left alone: {', '.join(left[:NAMED])}{' and more' if len(left) > NAMED else ''}" if left else ""
    count = f"{len(names)} non-production {'instance runs' if len(names) == 1 else 'instances run'}"
    share = 100 * budget.actual / (budget.limit or 1)
    yield Remedy(
        why=f"{count} although {share:.0f} % of budget {budget.name} are spent: {', '.join(names[:20])}{but}",
        part=part,
        fix=(call("ec2", "stop_instances", InstanceIds=names),),
        undo=(call("ec2", "start_instances", InstanceIds=names),),
        before=names,
        after=[],
    )
