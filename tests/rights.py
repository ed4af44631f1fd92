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
QUEUE = "parapet-slack.fifo"
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
# The account's table and outbox have names of their own, and a key's id is nowhere but in AWS.
OWN = {
    "Stage": "test",
    "Journal": TABLE,
    "SlackQueue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{QUEUE}",
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
