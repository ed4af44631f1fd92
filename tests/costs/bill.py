"""An account with a bill: the stand-in for Cost Explorer, and a table in memory that keeps what it answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from chalicelib import items
from chalicelib.costs.explorer import Explorer
from chalicelib.model import AwsError
from local.costs import CostExplorer, Refused
from tests.samples import ACCOUNT, REGION

TABLE = "parapet-test"
START = date(2026, 11, 21)
MORNING = datetime(2026, 11, 21, 7, 30, tzinfo=UTC).timestamp()


class Bill:
    """Calls to the account: Cost Explorer and the table; `fail` makes the next calls of an operation fail."""

    account, region = ACCOUNT, REGION

    def __init__(self, page: int = 1000) -> None:
        self.at, self.waits = MORNING, 0.0
        self.costs = CostExplorer(lambda: self.at, START, page)
        self.table: dict[str, dict[str, Any]] = {}
        self.fail: dict[str, AwsError] = {}
        self.asked: list[tuple[str, str]] = []

    def explorer(self) -> Explorer:
        return Explorer(self, TABLE, lambda: self.at, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.waits += seconds

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        if operation in self.fail:
            raise self.fail.pop(operation)
        if service == "ce":
            if operation == "get_cost_and_usage":
                self.asked.append((params["TimePeriod"]["Start"], params["TimePeriod"]["End"]))
            answer = self.costs.usage if operation == "get_cost_and_usage" else self.costs.forecast
            try:
                return answer(params)
            except Refused as error:
                raise AwsError(f"ce:{operation}", error.code, error.message) from error
        assert (service, params["TableName"]) == ("dynamodb", TABLE)
        item = self.table.setdefault(params["Key"]["pk"]["S"], {})
        if operation == "get_item":
            return {"Item": items.item(item)} if item else {}
        assert operation == "update_item"
        values = items.values(params.get("ExpressionAttributeValues", {}))
        if condition := params.get("ConditionExpression"):
            assert condition == "attribute_not_exists(asking) OR asking <= :now"
            if item.get("asking", 0.0) > values[":now"]:
                raise AwsError("dynamodb:UpdateItem", "ConditionalCheckFailedException", "")
        names = params.get("ExpressionAttributeNames", {})
        kind, _, rest = params["UpdateExpression"].partition(" ")
        for one in rest.split(", "):
            if kind == "REMOVE":
                item.pop(one, None)
            else:
                match = re.fullmatch(r"(#?\w+) = (:\w+)", one)
                assert match, one
                item[names.get(match[1], match[1])] = values[match[2]]
        return {}

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params).get(key) or [])
