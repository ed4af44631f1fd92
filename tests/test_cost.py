"""What one event costs in DynamoDB units and requests, counted on the wire: the table of docs/cost.md is this."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.events import parse
from tests.account import TABLE, TestAccount
from tests.guardrails import test_ec2_security_group_open as group
from tests.samples import REGION

DOC = (Path(__file__).parent.parent / "docs" / "cost.md").read_text("utf-8")
# The attributes that put an item into the indexes.
INDEXES = ("month", "resource", "status", "due_kind")
KB = 1024


class Meter:
    """Counts what DynamoDB would charge, from the functions' requests and the items that they leave."""

    def __init__(self, account: TestAccount) -> None:
        self.account = account
        self.counted: Counter[str] = Counter()
        self._before: dict[str, Any] = {}
        self._keys: list[dict[str, Any]] = []
        self._client = account.functions("dynamodb", REGION)
        self._hooks = {
            "before-parameter-build.dynamodb.BatchGetItem": self._read,
            "before-parameter-build.dynamodb.GetItem": self._read,
            "before-parameter-build.dynamodb.TransactWriteItems": self._writing,
            "after-call.dynamodb.TransactWriteItems": self._written,
        }
        for event, hook in self._hooks.items():
            self._client.meta.events.register(event, hook)

    def stop(self) -> None:
        for event, hook in self._hooks.items():
            self._client.meta.events.unregister(event, hook)

    def _read(self, params: dict[str, Any], **_: Any) -> None:
        for key in params["RequestItems"][TABLE]["Keys"] if "RequestItems" in params else [params["Key"]]:
            self.counted["read units"] += max(1, math.ceil(size(self._item(key)) / (4 * KB)))

    def _writing(self, params: dict[str, Any], **_: Any) -> None:
        self._keys = [self._key(write) for write in params["TransactItems"]]
        self._before = {str(key): self._item(key) for key in self._keys}

    def _written(self, **_: Any) -> None:
        for key in self._keys:
            old, new = self._before[str(key)], self._item(key)
            kilobytes = math.ceil(max(size(old), size(new)) / KB)
            self.counted["write units"] += 2 * kilobytes
            self.counted["index write units"] += sum(written(old, new, name) for name in INDEXES) * kilobytes

    @staticmethod
    def _key(write: dict[str, Any]) -> dict[str, Any]:
        [one] = write.values()
        return {"pk": one["Item"]["pk"], "sk": one["Item"]["sk"]} if "Item" in one else dict(one["Key"])

    def _item(self, key: dict[str, Any]) -> dict[str, Any]:
        answer = self.account.client("dynamodb").get_item(TableName=TABLE, Key=key)
        found: dict[str, Any] = answer.get("Item", {})
        return found


def size(item: dict[str, Any]) -> int:
    """An item's size as DynamoDB counts it, numbers taken at their longest."""
    return sum(len(name) + len(str(next(iter(value.values()))).encode()) for name, value in item.items())


def written(old: dict[str, Any], new: dict[str, Any], key: str) -> int:
    """How often an index writes: once, or twice where its entry moves to another key."""
    if key not in new:
        return int(key in old)
    return 2 if key in old and old[key] != new[key] else 1


@pytest.fixture
def meter(account: TestAccount) -> Iterator[Meter]:
    made = Meter(account)
    yield made
    made.stop()


def documented(what: str) -> list[str]:
    """The cells of a row of the table."""
    [row] = [line for line in DOC.splitlines() if line.startswith(f"| {what} |")]
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def row(meter: Meter) -> list[str]:
    """What was counted, as the table has it: units of reading, of writing, of the indexes; messages; other calls."""
    made = Counter(made.service for made in meter.account.wire.calls)
    others = sum(count for service, count in made.items() if service not in ("dynamodb", "sqs"))
    units = [meter.counted[name] for name in ("read units", "write units", "index write units")]
    return [str(number) for number in (*units, made["sqs"], others)]


def test_a_benign_event(account: TestAccount, meter: Meter) -> None:
    web = group.build(account)
    event = group.authorise(
        account, web, IpProtocol="tcp", FromPort=8443, ToPort=8443, IpRanges=[{"CidrIp": group.OFFICE}]
    )
    account.wire.reset()
    account.pipeline("ec2").handle(parse(event), "r")
    assert row(meter) == documented("a call that breaks nothing")


def test_a_finding(account: TestAccount, meter: Meter) -> None:
    event = group.breach(account, group.build(account))
    account.wire.reset()
    account.pipeline("ec2").handle(parse(event), "r")
    assert row(meter) == documented("a violation fixed")


def test_an_undo(account: TestAccount, meter: Meter) -> None:
    [finding] = account.deliver(group.breach(account, group.build(account)))
    command = account.ask("undo", finding)
    meter.counted.clear()
    account.wire.reset()
    account.obey(command)
    assert row(meter) == documented("an undo")


def test_a_resource_swept(account: TestAccount, meter: Meter) -> None:
    group.build(account)
    account.wire.reset()
    account.sweep("ec2_security_group_open")
    groups = len(account.client("ec2").describe_security_groups()["SecurityGroups"])
    reads, *_, calls = documented("a resource swept")
    assert meter.counted["read units"] == groups * int(reads)
    described = [made for made in account.wire.calls if made.operation == "DescribeSecurityGroupRules"]
    assert len(described) == groups * int(calls)
