"""The thread records' table as far as Threads uses it, in memory, and a secret's store: for tests of the channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.model import AwsError
from chalicelib.secrets import Kept


class Table:
    """DynamoDB's get_item and a conditional update_item of thread records, and SNS's publish."""

    account, region = "123456789012", "eu-west-1"

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.published: list[dict[str, Any]] = []
        # Raised by the next call of an operation, in order.
        self.errors: dict[str, list[AwsError]] = {}

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        if waiting := self.errors.get(operation):
            raise waiting.pop(0)
        match operation:
            case "get_item":
                item = self.items.get(params["Key"]["pk"]["S"])
                return {"Item": item} if item else {}
            case "update_item":
                return self._update(params)
            case "publish":
                self.published.append(params)
                return {"MessageId": f"00000000-0000-4000-8000-{len(self.published):012d}"}
        raise AssertionError(f"nobody said what {service}:{operation} answers")

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        raise AssertionError(f"nobody said what {service}:{operation} answers")

    def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        key, values = params["Key"]["pk"]["S"], params["ExpressionAttributeValues"]
        there, condition = self.items.get(key), params["ConditionExpression"]
        fits = there is None if condition == "attribute_not_exists(rev)" else there and there["rev"] == values[":rev"]
        if not fits:
            raise AwsError("dynamodb:UpdateItem", "ConditionalCheckFailedException", "the record has moved")
        names = params["ExpressionAttributeNames"]
        pairs = (one.split(" = ") for one in params["UpdateExpression"].removeprefix("SET ").split(", "))
        self.items[key] = {**(there or {}), **{names.get(name, name): values[value] for name, value in pairs}}
        return {}


class Store:
    """SSM's part of a secret: the value that it has now, and how often it was read."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.reads = 0

    def __call__(self, _service: str) -> Store:
        return self

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        self.reads += 1
        return {"Parameter": {"Value": self.value}}

    def kept(self, where: str, what: str) -> Kept:
        """A secret that is kept here."""
        connect: Callable[[str], Any] = self
        return Kept(connect, where, what)
