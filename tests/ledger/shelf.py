"""A DynamoDB table with a partition and a sort key, as far as the ledger uses one; anything else it refuses."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from chalicelib.ledger.model import Change
from chalicelib.model import AwsError

NAME = "parapet-test-ledger"
AT = 1_795_000_000.0
CONDITION = "pk = :pk AND sk BETWEEN :since AND :until"


def change(name: str = "e-1", at: float = AT, **more: Any) -> Change:
    """A change of alice's."""
    given: dict[str, Any] = {
        "action": "DeleteBucket", "source": "s3.amazonaws.com", "kind": "call", "account": "123456789012",
        "region": "eu-west-1", "resources": ("shop-logs",), "services": (), "actor": "alice",
        "role": "arn:aws:iam::123456789012:user/alice", "ip": "198.51.100.7", "tool": "aws-cli",
        "what": "bucketName=shop-logs",
    }  # fmt: skip
    return Change(id=name, at=at, **{**given, **more})


class Shelf:
    """The table.

    `refuses` is how many items each of the next batches gives back, `refused` which change it takes no item of, and
    with which error, `calls` is what was asked.
    """

    account, region = "123456789012", "eu-west-1"

    def __init__(self) -> None:
        self.items: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self._order: dict[str, list[str]] = defaultdict(list)
        self.calls: list[tuple[str, str]] = []
        self.refuses: list[int] = []
        self.down = ""
        self.refused = ("", "")

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        self.calls.append((service, operation))
        if self.down:
            raise AwsError(f"{service}:{operation}", self.down, "no")
        assert service == "dynamodb"
        answer: dict[str, Any] = getattr(self, f"_{operation}")(**params)
        return answer

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        raise AssertionError("the ledger reads page by page")

    def _batch_write_item(self, **params: Any) -> dict[str, Any]:
        ((table, puts),) = params["RequestItems"].items()
        assert table == NAME
        assert 1 <= len(puts) <= 25
        keys = [(one["PutRequest"]["Item"]["pk"]["S"], one["PutRequest"]["Item"]["sk"]["S"]) for one in puts]
        assert len(set(keys)) == len(keys), "DynamoDB refuses a batch with one key twice"
        if any(sk.partition("#")[2] == self.refused[0] for _, sk in keys):
            raise AwsError("dynamodb:batch_write_item", self.refused[1], "no")
        taken = puts[: max(0, len(puts) - (self.refuses.pop(0) if self.refuses else 0))]
        for one in taken:
            item = one["PutRequest"]["Item"]
            pk, sk = item["pk"]["S"], item["sk"]["S"]
            assert 0 < len(pk.encode()) <= 2048
            assert 0 < len(sk.encode()) <= 1024
            if sk not in self.items[pk]:
                bisect.insort(self._order[pk], sk)
            self.items[pk][sk] = item
        left = puts[len(taken) :]
        return {"UnprocessedItems": {NAME: left} if left else {}}

    def _update_item(self, **params: Any) -> dict[str, Any]:
        assert (params["TableName"], params["UpdateExpression"]) == (NAME, "SET #at = if_not_exists(#at, :at)")
        key = params["Key"]
        pk, sk = key["pk"]["S"], key["sk"]["S"]
        if sk not in self.items[pk]:
            self._order[pk].append(sk)
            self.items[pk][sk] = {**key, "at": params["ExpressionAttributeValues"][":at"]}
        return {}

    def _query(self, **params: Any) -> dict[str, Any]:
        assert (params["TableName"], params["KeyConditionExpression"]) == (NAME, CONDITION)
        most = params["Limit"]
        assert most >= 1
        given = {name: one["S"] for name, one in params["ExpressionAttributeValues"].items()}
        order = self._order[given[":pk"]]
        low, high = bisect.bisect_left(order, given[":since"]), bisect.bisect_right(order, given[":until"])
        forward = params["ScanIndexForward"]
        if start := params.get("ExclusiveStartKey"):
            assert start["pk"]["S"] == given[":pk"], "a key of another partition"
            high = high if forward else min(high, bisect.bisect_left(order, start["sk"]["S"]))
            low = max(low, bisect.bisect_right(order, start["sk"]["S"])) if forward else low
        some = order[low : min(high, low + most)] if forward else order[max(low, high - most) : high][::-1]
        last = {"pk": {"S": given[":pk"]}, "sk": {"S": some[-1]}} if len(some) == most else None
        found = [self.items[given[":pk"]][sk] for sk in some]
        return {"Items": found, **({"LastEvaluatedKey": last} if last else {})}
