"""The journal's table: it outlives the stack, and can be put back to any second of the last five weeks.

DynamoDB encrypts every table; with a key of its own unless told otherwise, which asks nothing of the callers' roles.
"""

from __future__ import annotations

from typing import Any

from deploy.intrinsics import named

# Index -> its keys. Every item that has both is in it.
INDEXES = {
    "by_time": ("month", "opened"),
    "by_resource": ("resource", "opened"),
    "by_status": ("status", "opened"),
    "by_due": ("due_kind", "due"),
}
NUMBERS = frozenset({"opened", "due"})


def resources() -> dict[str, Any]:
    """Return the table."""
    keys = dict.fromkeys(key for pair in (("pk", "sk"), *INDEXES.values()) for key in pair)
    table = {
        "TableName": named("journal"),
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
    }
    return {
        "Journal": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": table,
        }
    }


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
