"""The roles that our functions have in a test's account: the policies and the boundary that would be deployed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from chalicelib.settings import Settings
from local import roles as deployed
from local.iam import intrinsics
from local.roles import Roles
from tests.samples import ACCOUNT, REGION

TABLE = "parapet-test"
_TEXT = (Path(__file__).parent.parent / ".chalice" / "resources.json").read_text("utf-8")
# The table has a name of its own here, and its policy must name it.
TEMPLATE = json.loads(_TEXT.replace("table/parapet-${Stage}-journal", f"table/{TABLE}"))
_TABLE = TEMPLATE["Resources"]["Journal"]["Properties"]
# The table's properties, as far as moto makes it.
JOURNAL = {
    name: _TABLE[name] for name in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
}
# The change ledger, as the stack makes it.
LEDGER = "parapet-test-ledger"
CHANGES = {
    name: TEMPLATE["Resources"]["ChangeLedger"]["Properties"][name]
    for name in ("AttributeDefinitions", "KeySchema", "BillingMode")
}
QUEUE = "parapet-slack.fifo"
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
# The other queues, by what they are for: their names and URLs.
QUEUES = {
    "slack": (QUEUE, f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{QUEUE}"),
    **{
        name: (f"parapet-test-{name}{end}", f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/parapet-test-{name}{end}")
        for name, end in (("pagerduty", ".fifo"), ("email", ".fifo"), ("alerts", ""), ("enrich", ""), ("ledger", ""))
    },
}
# The account's table and outbox have names of their own, and a key's id is nowhere but in AWS.
OWN = {
    "Stage": "test",
    "Journal": TABLE,
    "SlackQueue": QUEUES["slack"][1],
    "PagerDutyQueue": QUEUES["pagerduty"][1],
    "EmailQueue": QUEUES["email"][1],
    "AlertQueue": QUEUES["alerts"][1],
    "EnrichQueue": QUEUES["enrich"][1],
    "LedgerQueue": QUEUES["ledger"][1],
    "ChangeLedger": LEDGER,
    "PagerDutyKey": "/parapet/pagerduty-key",
    "AlertKey": "00000000-0000-4000-b000-00000000000a",
}
KNOWN: Mapping[str, str] = intrinsics.stack(TEMPLATE, {**PSEUDO, **OWN})
WORLD = deployed.world(TEMPLATE, KNOWN, ACCOUNT)

_made: dict[str, Roles] = {}


def roles(settings: Settings) -> Roles:
    """The roles under some settings, made once for all that are equal."""
    key = repr(settings)
    if key not in _made:
        _made[key] = Roles(settings, ACCOUNT, KNOWN)
    return _made[key]
