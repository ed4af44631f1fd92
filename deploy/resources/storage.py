"""The journal's table: it outlives the stack, and can be put back to any second of the last five weeks.

DynamoDB encrypts every table; with a key of its own unless told otherwise, which asks nothing of the callers' roles.
"""

from __future__ import annotations

from typing import Any

from deploy.intrinsics import document, named, ref, sub

# Index -> its keys. Every item that has both is in it.
INDEXES = {
    "by_time": ("month", "opened"),
    "by_resource": ("resource", "opened"),
    "by_status": ("status", "opened"),
    "by_due": ("due_kind", "due"),
}
NAME = "journal"
WRITES = (
    "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate", "dynamodb:PutItem", "dynamodb:UpdateItem",
)  # fmt: skip
NUMBERS = frozenset({"opened", "due"})


def resources() -> dict[str, Any]:
    """Return the table."""
    keys = dict.fromkeys(key for pair in (("pk", "sk"), *INDEXES.values()) for key in pair)
    table = {
        "TableName": named(NAME),
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": "N" if key in NUMBERS else "S"} for key in keys
        ],
        "KeySchema": _schema("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {"IndexName": name, "KeySchema": _schema(*pair), "Projection": {"ProjectionType": "ALL"}}
            for name, pair in INDEXES.items()
        ],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
        "DeletionProtectionEnabled": True,
        "ResourcePolicy": {"PolicyDocument": policy()},
    }
    return {
        "Journal": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": table,
        }
    }


def operators() -> dict[str, Any]:
    """Return the parameter that says who may write to the table beside our functions."""
    operators = {
        "Type": "String",
        "Description": "Who may write to the journal beside Parapet, where IAM lets them: ARNs of users and roles, "
        "with * or not and commas between; * is everybody in this account whom IAM lets",
        "Default": "*",
        "AllowedPattern": r"\*|arn:[^,\s]+(,arn:[^,\s]+)*",
    }
    return {"Parameters": {"Operators": operators}}


def policy() -> dict[str, Any]:
    """Return the table's own policy: who may not write to it, whatever else IAM lets them.

    Whoever may write a command may ask for it. A batch and a transaction are checked as the writes that they hold. It
    grants nothing, and reading is IAM's affair.
    """
    ours = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/parapet-${Stage}-*")
    statement = {
        "Sid": "OnlyParapetAndOperatorsWrite",
        "Effect": "Deny",
        "Principal": "*",
        "Action": list(WRITES),
        # The name and no reference, since this is a part of the table itself.
        "Resource": sub(
            "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/" + f"parapet-${{Stage}}-{NAME}"
        ),
        "Condition": {
            "ArnNotLike": {"aws:PrincipalArn": ours},
            "StringNotLike": {"aws:PrincipalArn": {"Fn::Split": [",", ref("Operators")]}},
        },
    }
    return document(statement)


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
