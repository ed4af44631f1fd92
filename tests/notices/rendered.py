"""Notices of every kind, as the other channels are given them."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.model import Destination, Notice
from chalicelib.notices import compose
from tests.account import NOW
from tests.notices.samples import FIXED

WHERE = Destination(slack="#oncall", pagerduty="default", email=("oncall@example.com", "lead@example.com"))
ALERT = Notice(
    key="a-0a1b2c3d:1:firing",
    thread="a-0a1b2c3d:1",
    kind="alert",
    severity="critical",
    status="firing",
    title="checkout-5xx: 12.5 % of requests fail",
    lines=("Threshold crossed: 3 of the last 3 datapoints were above 5.0.", "Usually it is 0.2 %."),
    facts=(("Alarm", "checkout-5xx"), ("Threshold", "> 5 %"), ("Now", "12.5 %"), ("Account", "shop (123456789012)")),
    at=NOW,
    actions=("acknowledge", "silence", "dismiss"),
    question=1,
    alert="a-0a1b2c3d",
    source="alarm",
    name="checkout-5xx",
    service="checkout",
    account="123456789012",
    region="eu-west-1",
    resource="app/checkout/50dc6c495c0c9188",
    tags=(("team", "shop"),),
    since=NOW - 120,
    links=(
        ("Runbook", "https://runbooks.example.com/checkout"),
        ("Console", "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/x"),
    ),
    fingerprint="a-0a1b2c3d:1",
    page="trigger",
    destination=WHERE,
)
ACKNOWLEDGED = replace(
    ALERT, key="a-0a1b2c3d:1:acknowledged", status="acknowledged", page="acknowledge", at=NOW + 60,
    lines=("alice is on it. Nobody is asked again until it is over.",), actions=("silence", "dismiss"),
)  # fmt: skip
RESOLVED = replace(
    ALERT, key="a-0a1b2c3d:1:resolved", status="resolved", page="resolve", at=NOW + 600,
    title="Resolved: checkout-5xx: 12.5 % of requests fail", lines=("It is over, 10 min after it began.",),
    actions=("dismiss",),
)  # fmt: skip
FINDING = replace(
    FIXED, key="abcd1234:asked", status="asked", title="Needs a decision: sg-0a1b admits 0.0.0.0/0 to port 22 (SSH)",
    lines=("Found standing; fixing it could cut off who uses it.",), actions=("approve", "reject", "exempt"),
    account="123456789012", region="eu-west-1", resource="sg-0a1b2c3d4e5f60718", source="guardrail",
    name="ec2_security_group_open", since=NOW, fingerprint="abcd1234", page="trigger", destination=WHERE,
)  # fmt: skip
TROUBLE = replace(
    compose.of_trouble(
        "failure:1", "guard_ec2 gave up on AuthorizeSecurityGroupIngress",
        ("AwsError: ec2:DescribeSecurityGroups answered AccessDenied", "Give the role what it lacks."),
        (("Tries", "3"),), NOW,
    ),
    destination=WHERE,
)  # fmt: skip
TEST = replace(
    ALERT, key="test:1", thread="test:1", fingerprint="test:1", alert="", title="The way to people is tested",
    lines=("Nothing is wrong.",), facts=(), links=(), actions=(), source="parapet", name="page-test", service="",
    resource="", since=None, test=True,
)  # fmt: skip
EVERY = {
    "alert": ALERT, "acknowledged": ACKNOWLEDGED, "resolved": RESOLVED, "finding": FINDING, "trouble": TROUBLE,
    "test": TEST,
}  # fmt: skip
