from __future__ import annotations

from typing import Any

import pytest

from chalicelib.events import parse, subjects
from chalicelib.model import BadEvent
from tests.samples import ROOT, assumed, cloudtrail


def test_parses_a_call() -> None:
    raw = cloudtrail("ec2:StopInstances", {"instancesSet": {"items": []}}, at=1_795_000_000.0)
    event = parse(raw)
    assert (event.name, event.source, event.account, event.region) == (
        "StopInstances", "aws.ec2", "123456789012", "eu-west-1",
    )  # fmt: skip
    assert event.time == 1_795_000_000.0
    assert event.id == raw["detail"]["eventID"]
    assert event.error == ""


@pytest.mark.parametrize(
    ("identity", "who"),
    [
        (ROOT, "root"),
        (assumed("deploy", "ci-42"), "ci-42 as deploy"),
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "autoscaling.amazonaws.com"),
        ({"type": "AWSAccount", "accountId": "210987654321"}, "AWSAccount"),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/x/s"}, "s"),
        ({"type": "AssumedRole", "sessionContext": None}, "AssumedRole"),
        ({}, "Unknown"),
    ],
)
def test_names_who(identity: dict[str, Any], who: str) -> None:
    assert parse(cloudtrail("ec2:X", identity=identity)).actor.who == who


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda e: "text", "must be a JSON object, this one is str"),
        (lambda e: None, "must be a JSON object, this one is NoneType"),
        (lambda e: {k: v for k, v in e.items() if k not in ("detail", "id")}, "lacks id, detail"),
        (lambda e: {**e, "account": 123456789012}, "the event's account must be text"),
        (lambda e: {**e, "detail": "x"}, "detail must be an object"),
        (lambda e: {**e, "account": "210987654321"}, "is of account 210987654321, and its record of 123456789012"),
        (lambda e: {**e, "detail": {**e["detail"], "recipientAccountId": None}}, "and its record of None"),
        (lambda e: {**e, "detail": {}}, "lacks detail.eventName"),
        (lambda e: {**e, "detail": {**e["detail"], "eventName": 3}}, "of the wrong type"),
        (lambda e: {**e, "detail": {**e["detail"], "userIdentity": "alice"}}, "of the wrong type"),
        (lambda e: {**e, "detail": {**e["detail"], "eventTime": "yesterday"}}, "'yesterday', which is not ISO 8601"),
    ],
)
def test_refuses_by_name(change: Any, error: str) -> None:
    with pytest.raises(BadEvent, match=error):
        parse(change(cloudtrail("ec2:X")))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("requestParameters.groupId", ("sg-1",)),
        ("requestParameters.nothing", ()),
        ("requestParameters.nothing | requestParameters.groupId", ("sg-1",)),
        ("responseElements.set.items[].id", ("i-1", "i-2")),
        ("responseElements.set.items.id", ()),
        ("requestParameters.number", ()),
        ("user/{requestParameters.userName}", ("user/bob",)),
        ("user/{requestParameters.nothing}", ()),
        ("account", ("123456789012",)),
    ],
)
def test_subjects(path: str, expected: tuple[str, ...]) -> None:
    event = parse(
        cloudtrail(
            "ec2:X",
            {"groupId": "sg-1", "number": 3, "userName": "bob"},
            {"set": {"items": [{"id": "i-1"}, {"id": "i-2"}, {"id": "i-1"}, "x"]}},
        )
    )
    assert subjects(event, path) == expected
