"""Notices about alerts, with synthetic ids: one of each kind that people see."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.model import Destination, Notice
from tests.account import NOW

FIRING = Notice(
    key="a-3f9k2m1q:1:1:firing",
    thread="a-3f9k2m1q:1",
    kind="alert",
    severity="critical",
    status="firing",
    title="checkout answers with errors: 12.4 % of its requests, over 5 %",
    lines=("12.4 % for 3 of 3 minutes, usually 0.1 %.",),
    facts=(
        ("Now", "12.4 %"),
        ("Threshold", "over 5 %"),
        ("Usually", "0.1 %"),
        ("Breaching", "target group checkout-b, 98 % of the errors"),
    ),
    at=NOW,
    event_id="signal-1",
    actions=("acknowledge", "silence", "dismiss"),
    question=1,
    alert="a-3f9k2m1q",
    source="alarm",
    name="checkout-5xx",
    service="checkout",
    account="123456789012",
    region="eu-west-1",
    resource="app/checkout/0123456789abcdef",
    since=NOW - 180,
    links=(
        (
            "Alarm",
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/checkout-5xx",
        ),
        ("Runbook", "https://wiki.example.com/checkout?a=1&b=<2>|3"),
        ("Dashboard", "http://intranet.example.com/d"),
    ),
    fingerprint="a-3f9k2m1q:1",
    page="trigger",
    destination=Destination(slack="#parapet"),
)


def after(status: str, *lines: str, **changes: object) -> Notice:
    """What is told later in the same thread."""
    told = replace(FIRING, key=f"a-3f9k2m1q:1:2:{status}", status=status, lines=lines, at=NOW + 720)
    return replace(told, **changes)  # type: ignore[arg-type]


JOINED = after(
    "joined",
    "Fires: cart answers slowly (123456789012, eu-west-1)",
    "Resolved: search answers slowly (123456789012, eu-west-1)",
    title="checkout answers with errors: 12.4 % of its requests, over 5 % (and others: 2 of 3 firing)",
)
RESOLVED = after(
    "resolved",
    "It is over, 12 min after it began.",
    "alice in Slack was on it.",
    title="Resolved: checkout answers with errors",
    actions=("dismiss",),
)
ACKNOWLEDGED = after(
    "acknowledged",
    "alice in Slack is on it: looking at the last deployment. Nobody is asked again until it is over.",
    actions=("silence", "dismiss"),
)
SILENCED = after("silenced", "alice in Slack has silenced it until 2026-11-18 15:06 UTC: a deployment.")
ESCALATED = after("escalated", "Nobody has acknowledged it within 10 min: managers is paged by PagerDuty.", loud=True)
REPEATED = after("repeated", "It has fired for 4 h, and nobody has said that they are on it.", loud=True)
BUDGET = replace(
    FIRING,
    key="a-0b1c2d3e:1:1:told",
    thread="a-0b1c2d3e:1",
    severity="high",
    status="told",
    title="The budget all-of-it is at 83 % of 1,000 USD",
    lines=("Spent 830 USD by 18 November; 1,240 USD are forecast.", "What grew most: Amazon EC2, +210 USD."),
    facts=(("Spent", "830 USD"), ("Forecast", "1,240 USD"), ("Budget", "1,000 USD")),
    actions=("dismiss",),
    alert="a-0b1c2d3e",
    source="budget",
    name="all-of-it",
    service="",
    region="",
    links=(("Budget", "https://console.aws.amazon.com/billing/home#/budgets"),),
)
UNKNOWN = replace(
    FIRING,
    key="a-99999999:1:1:told",
    thread="a-99999999:1",
    severity="medium",
    status="told",
    title="A report of a kind that Parapet does not know, from sns",
    lines=('As it came: {"hello": "<!channel> *world* :fire: <https://evil.example|click>"}',),
    facts=(("From", "arn:aws:sns:eu-west-1:123456789012:somebodys"),),
    actions=("dismiss",),
    alert="a-99999999",
    source="unknown",
    name="",
    service="",
    links=(),
)
TEST = replace(FIRING, test=True, actions=(), links=())
DIGEST = Notice(
    key="noise:2026-W47",
    thread="noise:2026-W47",
    kind="digest",
    severity="low",
    status="digest",
    title="2 alerts that woke people for nothing in week 2026-W47",
    lines=("cart-latency: not actionable 5 times, of 6 that it has fired. Raise its threshold.",),
    facts=(("Week", "2026-W47"), ("Not actionable", "7")),
    at=NOW,
    source="parapet",
    name="noise",
)
ALL = {
    "firing, with a picture": FIRING, "joined": JOINED, "resolved": RESOLVED, "acknowledged": ACKNOWLEDGED,
    "silenced": SILENCED, "escalated": ESCALATED, "repeated": REPEATED, "budget": BUDGET, "unknown": UNKNOWN,
    "test": TEST, "digest": DIGEST,
}  # fmt: skip
