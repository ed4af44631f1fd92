"""The picture of docs/architecture.md, read off the code: what wakes each function, and what its role may reach."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.settings import Settings
from deploy import rights

Edge = tuple[str, str, str]

# What is not a function, as Mermaid draws it.
SHAPES = {
    "CloudTrail": '(["CloudTrail: every call"])',
    "EventBridge": '{{"EventBridge"}}',
    "people": '(["people: ./parapet, Slack, the API"])',
    "account": '[("the account")]',
    "Journal": '[("the journal")]',
    "Outbox": '[/"outbox: a FIFO queue for each channel"/]',
    "AlertQueue": '[/"alerts"/]',
    "EnrichQueue": '[/"evidence wanted"/]',
    "LedgerQueue": '[/"changes"/]',
    "ChangeLedger": '[("the change ledger")]',
    "AlertTopic": '[/"alerts topic"/]',
    "PageTopic": '[/"page topic"/]',
    "signals": '(["alarms, budgets, cost anomalies"])',
    "CloudWatch": '(["Parapet\'s own alarms"])',
    "PagerDuty": '(["PagerDuty"])',
    "mail": '(["e-mail"])',
    "FailuresTopic": '[/"failures topic"/]',
    "DeadLetters": '[/"dead letters"/]',
    "EvidenceStore": '[("evidence (Object Lock)")]',
    "Slack": '(["Slack"])',
}
# The queues that are one thing to whoever looks, and what each function is the last step to.
ONE = {"SlackQueue": "Outbox", "PagerDutyQueue": "Outbox", "EmailQueue": "Outbox"}
TELLS = {"notify": "Slack", "notify_pagerduty": "PagerDuty", "notify_email": "mail"}
# What no code of ours does: AWS's services publish, and topics deliver.
BESIDE: tuple[Edge, ...] = (
    ("account", "CloudTrail", ""),
    ("CloudTrail", "EventBridge", ""),
    ("signals", "AlertTopic", ""),
    ("AlertTopic", "AlertQueue", ""),
    ("EventBridge", "AlertQueue", "AWS's services, the team's rules"),
    ("EventBridge", "LedgerQueue", "every write, deployments"),
    ("CloudWatch", "PageTopic", "while Parapet is unhealthy"),
    ("PageTopic", "PagerDuty", ""),
    ("PageTopic", "mail", ""),
)


def mermaid(sources: Iterable[Any], settings: Settings) -> str:
    """Return a Mermaid flowchart.

    Args:
        sources: Chalice's event sources: a function's name and what wakes it.
        settings: whose modes decide what the roles may reach.
    """
    policies = rights.policies(settings)
    edges: set[Edge] = {*BESIDE, *((function, goal, "tells") for function, goal in TELLS.items())}
    edges |= {_waking(source) for source in sources}
    if "api_handler" in policies:
        edges.add(("people", "api_handler", "ask"))
    if "authorizer" in policies:
        edges.add(("people", "authorizer", "show a token"))
    for function, policy in policies.items():
        guarded = rights.of_service(function.removeprefix("guard_"), settings)
        edges |= {edge for one in policy["Statement"] for edge in _reached(_node(function), one, one in guarded)}
    services = sorted(name.removeprefix("guard_") for name in policies if name.startswith("guard_"))
    drawn = {"guards": f'["guard_*: one function each for<br/>{", ".join(services)}"]', **SHAPES}
    names = sorted({name for origin, goal, _ in edges for name in (origin, goal)})
    lines = [f"  {name}{drawn.get(name, '')}" for name in names]
    lines += [f"  {origin} {f'-- {label} -->' if label else '-->'} {goal}" for origin, goal, label in sorted(edges)]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def _node(function: str) -> str:
    return "guards" if function.startswith("guard_") else function


def _waking(source: Any) -> Edge:
    kind, function = type(source).__name__, _node(source.name)
    if kind == "SQSEventConfig":
        return _queue(source.queue), function, ""
    if kind == "SNSEventConfig":
        return "FailuresTopic", function, ""
    when = str(getattr(source, "schedule_expression", ""))
    if daily := re.fullmatch(r"cron\((\d+) (\d+) \* \* \? \*\)", when):
        return "EventBridge", function, f"daily at {int(daily[2]):02d}:{int(daily[1]):02d} UTC"
    return "EventBridge", function, when.replace("rate(", "every ").replace(")", "")


def _reached(function: str, statement: rights.Statement, guarded: bool) -> Iterator[Edge]:
    """Yield what a statement lets a function reach; its own log and traces are left out."""
    changes = any(rights.writes(action) for action in statement["Action"])
    text = json.dumps(statement["Resource"])
    if guarded:
        yield function, "account", "fixes" if changes else "reads"
    elif "event-bus/" in text:
        yield function, "EventBridge", "emits"
    else:
        for name in re.findall(r'"(\w+)"|\$\{(\w+)\.Arn\}', text):
            resource = ONE.get(name[0] or name[1], name[0] or name[1])
            # What a function takes from is what wakes it.
            if resource in SHAPES and "sqs:ReceiveMessage" not in statement["Action"]:
                yield function, resource, ""


def _queue(name: str) -> str:
    """Return the node of the queue that a function registers for, by its name."""
    known = {"parapet-alerts": "AlertQueue", "parapet-enrich": "EnrichQueue", "parapet-ledger": "LedgerQueue"}
    return known.get(name, "Outbox")
