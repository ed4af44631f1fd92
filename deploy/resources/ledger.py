"""The change ledger's table, and the rules that bring its queue what was changed.

What is changed in other regions and accounts comes to a bus of its own: on the default one, what wakes a guard function
would wake it twice.

The table goes with the stack, unlike the journal: CloudTrail itself keeps the same 90 days.
"""

from __future__ import annotations

from typing import Any

from chalicelib.ledger import asked
from deploy.intrinsics import arn, document, named, ref, resource, sub
from deploy.resources import rules
from deploy.resources.storage import WRITES

NAME = "ledger"
BUS = {"Fn::GetAtt": ["ChangesBus", "Name"]}
OURS = sub(asked.OURS.format(stage="${Stage}"))


def resources() -> dict[str, Any]:
    """Return the table and the rules."""
    return {"ChangeLedger": _table(), **_rules(), **_bus()}


def _table() -> dict[str, Any]:
    return resource(
        "AWS::DynamoDB::Table",
        TableName=named(NAME),
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
        ResourcePolicy={"PolicyDocument": policy()},
    )


def policy() -> dict[str, Any]:
    """Return the table's own policy: whatever IAM lets people do, only the ledger's function writes who did what."""
    table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/parapet-${Stage}-" + NAME
    writer = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/parapet-${Stage}-ledger")
    return document(
        {
            "Sid": "OnlyTheLedgerWrites",
            "Effect": "Deny",
            "Principal": "*",
            "Action": list(WRITES),
            "Resource": sub(table),
            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": writer}},
        }
    )


def _rules() -> dict[str, Any]:
    found = {
        f"Ledger{name.capitalize()}Rule": rules.filling("LedgerQueue", f"ledger-{name}", f"Takes {about}", pattern)
        for name, about, pattern in asked.patterns(OURS)
    }
    # What other regions and accounts forward. Nobody but AWS itself puts events of such sources.
    taken = rules.filling(
        "LedgerQueue", "ledger-elsewhere", "Takes what was changed elsewhere", {"source": [{"prefix": "aws."}]}
    )
    taken["Properties"]["EventBusName"] = BUS
    return {**found, "LedgerElsewhereRule": taken}


def _bus() -> dict[str, Any]:
    """Return the bus, and that members may put events on it; our own account's other regions may anyway."""
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "events:PutEvents",
        "Resource": arn("ChangesBus"),
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": ref("OrganizationId")}},
    }
    return {
        "ChangesBus": resource("AWS::Events::EventBus", Name=named("changes")),
        "ChangesBusPolicy": resource(
            "AWS::Events::EventBusPolicy",
            "HasMembers",
            StatementId=named("members-changes"),
            EventBusName=BUS,
            Statement=allowed,
        ),
    }
