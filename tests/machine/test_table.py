"""The table in memory: held against moto's on the very calls that the journal makes, and strict where moto is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.model import AwsError, Scope
from tests.account import TABLE, TestAccount
from tests.machine import world
from tests.machine.table import INDEXES, Table, Unheard
from tests.machine.test_found import CALM, asks, breaks
from tests.machine.test_machine import Machine

RESOURCES = Path(__file__).parent.parent.parent / ".chalice" / "resources.json"
KEY = {"pk": {"S": "a"}, "sk": {"S": "A"}}


ADDED = ("ResponseMetadata", "ConsumedCapacity", "Count", "ScannedCount")


def medley() -> Machine:
    """A bit of everything that reads or writes the journal, with two who want the same."""
    state = Machine()
    breaks(state, what=0, stop=3)
    state.sweep(rail="ec2_security_group_open", **CALM)
    state.go_on(which=0, plan={}, more=None)
    asks(state, "undo", stop=4)
    asks(state, "undo")
    state.go_on(which=0, plan={}, more=None)
    asks(state, "approve")
    state.pause(about=Scope(service="rds"), plan={}, seconds=700.0)
    breaks(state, what=13)
    asks(state, "acknowledge")
    asks(state, "exempt")
    state.resume(about=Scope(service="rds"), plan={})
    state.set_modes(event="approve", rail="kms_key_deletion_scheduled", sweep="approve")
    breaks(state, what=8)
    asks(state, "reject")
    state.press_again(which=0, now=True, **CALM)
    state.waive(about=Scope(guardrail="ec2_security_group_open"), plan={}, seconds=3600.0)
    breaks(state, what=1)
    state.end_waiver(which=0, plan={})
    breaks(state, what=11, plan={4: "killed before"})
    breaks(state, what=15)
    breaks(state, what=15)
    state.teardown()
    return state


def plain(value: Any) -> Any:
    """An answer without what moto adds, and with its numbers by their value."""
    if isinstance(value, dict):
        if value.keys() == {"N"}:
            return Decimal(value["N"])
        return {name: plain(one) for name, one in value.items() if name not in ADDED}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def unordered(answer: dict[str, Any]) -> dict[str, Any]:
    """What a batch returns has no order."""
    found = answer.get("Responses", {}).get(TABLE)
    return {**answer, "Responses": {TABLE: sorted(found, key=str)}} if found else answer


def test_it_answers_as_motos_does(account: TestAccount) -> None:
    calls = medley().world.journalled
    dynamodb, failed, met = account.client("dynamodb"), 0, set()
    for number, (operation, params, answer) in enumerate(calls):
        renamed = json.loads(json.dumps(params).replace(f'"{world.TABLE}"', f'"{TABLE}"'))
        met.add(operation)
        try:
            given = getattr(dynamodb, operation)(**renamed)
        except ClientError as error:
            failed += 1
            assert isinstance(answer, AwsError), f"{number}: {operation} {renamed}: {error}"
            assert error.response["Error"]["Code"] == answer.code, number
            held = [reason["Code"] for reason in error.response.get("CancellationReasons", [])]
            assert all((code in answer.message) for code in held), number
        else:
            assert isinstance(answer, dict), f"{number}: {operation} {renamed}: {answer}"
            wanted = json.loads(json.dumps(answer).replace(f'"{world.TABLE}"', f'"{TABLE}"'))
            if wanted or operation in ("get_item", "batch_get_item", "query"):
                assert unordered(plain(given)) == unordered(plain(wanted)), f"{number}: {operation} {renamed}"
    assert failed >= 3, "conditions that do not hold are half of what the journal is about"
    assert met == {"get_item", "batch_get_item", "query", "put_item", "update_item", "transact_write_items"}


def test_behind_botocore_it_answers_for_its_own_name_alone(in_memory: None, account: TestAccount) -> None:
    dynamodb, item = account.client("dynamodb"), {**KEY, "n": {"N": "1"}}
    once = {"TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.put_item(**once)
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(**once)
    assert [made.done for made in account.wire.calls] == [True, False]
    assert dynamodb.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True)["Item"] == item
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.get_item(TableName="another", Key=KEY)
    with pytest.raises(Unheard, match="one call about"):
        dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": [KEY]}, "another": {"Keys": [KEY]}})


def test_its_indexes_are_the_templates() -> None:
    table = json.loads(RESOURCES.read_text("utf-8"))["Resources"]["Journal"]["Properties"]
    kinds = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    found = {}
    for index in table["GlobalSecondaryIndexes"]:
        hashed, ranged = (one["AttributeName"] for one in index["KeySchema"])
        assert kinds[ranged] == "N"
        found[index["IndexName"]] = (hashed, kinds[hashed], ranged)
    assert found == INDEXES


def write(table: Table, **params: Any) -> None:
    table.call("update_item", {"TableName": "t", "Key": KEY, **params})


@pytest.mark.parametrize(
    "wrong",
    [
        {"UpdateExpression": "SET status = :x", "ExpressionAttributeValues": {":x": {"S": "x"}}},
        {"UpdateExpression": "SET #a = :x", "ExpressionAttributeValues": {":x": {"S": "x"}}},
        {"UpdateExpression": "SET a = :x", "ExpressionAttributeValues": {":x": {"S": "x"}, ":y": {"S": "y"}}},
        {"UpdateExpression": "SET a = :x, a = :x", "ExpressionAttributeValues": {":x": {"S": "x"}}},
        {"UpdateExpression": "SET pk = :x", "ExpressionAttributeValues": {":x": {"S": "x"}}},
        {"UpdateExpression": "SET a = b"},
        {"UpdateExpression": "SET a.b = :x", "ExpressionAttributeValues": {":x": {"S": "x"}}},
        {"UpdateExpression": "SET a = size(b)"},
        {"UpdateExpression": "SET due = :x", "ExpressionAttributeValues": {":x": {"S": "tomorrow"}}},
        {"UpdateExpression": "SET a = :x", "ExpressionAttributeValues": {":x": {"N": "1." + "3" * 40}}},
        {"UpdateExpression": "REMOVE a", "ConditionExpression": "contains(a, b)"},
        {"UpdateExpression": "REMOVE a", "ExpressionAttributeValues": {}},
        {"UpdateExpression": "REMOVE a", "ReturnValues": "ALL_NEW"},
    ],
    ids=lambda wrong: str(wrong["UpdateExpression"]),
)
def test_it_refuses_what_it_cannot_judge(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unheard):
        write(Table("t"), **wrong)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_not_exists(b)", True), ("attribute_exists(n)", True), ("n = :one", True), ("n <> :one", False),
        ("m.x = :text", True), ("m.y = :text", False), ("m.y <> :text", True), ("n < :two AND n >= :one", True),
        ("n > :one OR m.x = :text", True), ("NOT n = :one", False), ("(n = :two OR n = :one) AND m.x = :text", True),
        ("n BETWEEN :one AND :two", True), ("begins_with(m.x, :text)", True), ("m.x < :two", False),
    ],
)  # fmt: skip
def test_it_judges_conditions(condition: str, holds: bool) -> None:
    table = Table("t")
    values = {":one": {"N": "1.0"}, ":two": {"N": "2"}, ":text": {"S": "text"}}
    item = {**KEY, "n": {"N": "1"}, "m": {"M": {"x": {"S": "text"}}}}
    table.call("put_item", {"TableName": "t", "Item": item})
    used = {name: value for name, value in values.items() if name in condition}
    more: dict[str, Any] = {"ExpressionAttributeValues": used} if used else {}
    do: Callable[[], None] = lambda: write(table, UpdateExpression="REMOVE z", ConditionExpression=condition, **more)  # noqa: E731
    if holds:
        do()
    else:
        with pytest.raises(AwsError, match="ConditionalCheckFailed"):
            do()
