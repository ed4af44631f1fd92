"""What was called lately is found as CloudTrail finds it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.lookup import History
from tests.account import TestAccount
from tests.samples import assumed

STOP = {
    "eventID": "e1", "eventName": "StopInstances", "eventSource": "ec2.amazonaws.com", "readOnly": False,
    "eventTime": "2026-11-21T10:00:00Z", "userIdentity": {"userName": "alice", "accessKeyId": "AKIAEXAMPLEALICE0000"},
    "requestParameters": {"instancesSet": {"items": [{"instanceId": "i-0a1b2c3d4e5f60718"}]}},
}  # fmt: skip
LIST = {
    **STOP, "eventID": "e2", "eventName": "ListQueues", "eventSource": "sqs.amazonaws.com", "readOnly": True,
    "eventTime": "2026-11-21T10:05:00Z", "requestParameters": None,
    "responseElements": {"arn": "arn:aws:sqs:eu-west-1:123456789012:orders"},
}  # fmt: skip


# Of a role, whose session is what CloudTrail names it by.
ALIAS = {
    **STOP, "eventID": "e0", "eventName": "UpdateAlias", "eventSource": "lambda.amazonaws.com", "readOnly": True,
    "eventTime": "2026-11-21T09:00:00Z", "requestParameters": None,
    "userIdentity": assumed("deployer", "ada@example.com"),
}  # fmt: skip


@pytest.fixture
def cloudtrail(account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> Any:
    from moto.cloudtrail.responses import CloudTrailResponse

    monkeypatch.setattr(CloudTrailResponse, "lookup_events", None, raising=False)
    history = History()
    history.plug_in()
    for record in (ALIAS, STOP, LIST):
        history.remember(record)
    return account.client("cloudtrail")


@pytest.mark.parametrize(
    ("attribute", "found"),
    [
        (("ResourceName", "i-0a1b2c3d4e5f60718"), ["StopInstances"]),
        (("ResourceName", "orders"), ["ListQueues"]),
        (("ResourceName", "i-0"), []),
        (("EventName", "ListQueues"), ["ListQueues"]),
        (("ReadOnly", "false"), ["StopInstances"]),
        (("EventId", "e1"), ["StopInstances"]),
        (("EventSource", "sqs.amazonaws.com"), ["ListQueues"]),
        (("Username", "alice"), ["ListQueues", "StopInstances"]),
        (("Username", "ada@example.com"), ["UpdateAlias"]),
        (("Username", "deployer"), []),
        (("AccessKeyId", "AKIAEXAMPLEALICE0000"), ["ListQueues", "StopInstances"]),
        (("AccessKeyId", "AKIAEXAMPLE000000000"), []),
    ],
)
def test_by_an_attribute(cloudtrail: Any, attribute: tuple[str, str], found: list[str]) -> None:
    wanted = [{"AttributeKey": attribute[0], "AttributeValue": attribute[1]}]
    events = cloudtrail.lookup_events(LookupAttributes=wanted)["Events"]
    assert [one["EventName"] for one in events] == found


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("ResourceType",), "does not look up by ResourceType: it does by ResourceName"),
        (("EventId", "EventName"), "one"),
    ],
)
def test_refuses_as_cloudtrail_does(cloudtrail: Any, names: tuple[str, ...], says: str) -> None:
    wanted = [{"AttributeKey": name, "AttributeValue": "x"} for name in names]
    with pytest.raises(ClientError, match=says) as refused:
        cloudtrail.lookup_events(LookupAttributes=wanted)
    assert refused.value.response["Error"]["Code"] == "InvalidLookupAttributesException"


def test_by_time_page_by_page_the_newest_first(cloudtrail: Any) -> None:
    first = cloudtrail.lookup_events(MaxResults=1)
    second = cloudtrail.lookup_events(MaxResults=2, NextToken=first["NextToken"])
    assert [one["EventId"] for page in (first, second) for one in page["Events"]] == ["e2", "e1", "e0"]
    assert "NextToken" not in second
    since = datetime(2026, 11, 21, 10, 1, tzinfo=UTC)
    [event] = cloudtrail.lookup_events(StartTime=since)["Events"]
    assert (event["EventId"], event["EventTime"], event["Username"]) == (
        "e2", datetime(2026, 11, 21, 10, 5, tzinfo=UTC), "alice"
    )  # fmt: skip
    assert cloudtrail.lookup_events(EndTime=since)["Events"][0]["EventId"] == "e1"


def test_a_call_lies_as_long_ago_as_what_it_did_to_the_metrics() -> None:
    gained = [0.0]
    history = History(lambda at: at - gained[0])
    history.remember(STOP)
    assert [one["eventTime"] for one in history.found({})] == ["2026-11-21T10:00:00Z"]
    # Half an hour of the metrics' clock goes by in half a minute.
    gained[0] += 1770
    assert [one["eventTime"] for one in history.found({})] == ["2026-11-21T09:30:30Z"]
    after = {"StartTime": datetime(2026, 11, 21, 9, 45, tzinfo=UTC)}
    assert list(history.found(after)) == []
