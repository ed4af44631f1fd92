"""E-mail through SNS: to whom it is for, once, and what fails says what to mend."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.model import AwsError, Busy, ParapetError
from chalicelib.notices.channel import Outcome, RateLimited, Refused, Unreachable
from chalicelib.notices.email import Email
from chalicelib.notices.threads import Threads
from tests.notices.records import Table
from tests.notices.rendered import ALERT, RESOLVED

TOPIC = "arn:aws:sns:eu-west-1:123456789012:parapet-prod-email"


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def email(table: Table) -> Email:
    return Email(table, TOPIC, Threads(table, "journal", "email"), "prod")


def test_each_notice_goes_once_to_whom_it_is_for(table: Table, email: Email) -> None:
    for notice in (ALERT, RESOLVED):
        assert email.tell(notice, lambda: 30).kind == "sent"
        assert email.tell(notice, lambda: 30) == Outcome("known")
    assert [one["Subject"] for one in table.published] == [
        "[critical] checkout-5xx: 12.5 % of requests fail",
        "[critical] Resolved: checkout-5xx: 12.5 % of requests fail",
    ]
    assert {one["TopicArn"] for one in table.published} == {TOPIC}
    for one in table.published:
        to = one["MessageAttributes"]["to"]
        assert to["DataType"] == "String.Array"
        assert json.loads(to["StringValue"]) == ["oncall@example.com", "lead@example.com"]


def test_what_is_for_no_address_is_not_sent(table: Table, email: Email) -> None:
    assert email.tell(replace(ALERT, destination=None), lambda: 30).kind == "nobody"
    assert table.published == []


def test_a_crash_between_sending_and_recording_sends_again_rather_than_never(table: Table, email: Email) -> None:
    table.errors["update_item"] = [AwsError("dynamodb:UpdateItem", "InternalServerError", "down")]
    with pytest.raises(AwsError):
        email.tell(ALERT, lambda: 30)
    assert email.tell(ALERT, lambda: 30).kind == "sent"
    assert len(table.published) == 2


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("ThrottlingException", Unreachable, "tried again"),
        ("KMSThrottlingException", Unreachable, "tried again"),
        ("InternalError", Unreachable, "tried again"),
        ("Timeout", Unreachable, "tried again"),
        ("NotFound", Refused, "is gone: deploy again"),
        ("AuthorizationError", Refused, f"may not publish to {TOPIC}"),
        ("KMSAccessDenied", Refused, "may not use the key"),
        ("KMSDisabledException", Refused, "is disabled: enable it"),
        ("InvalidParameter", AwsError, "InvalidParameter"),
    ],
)
def test_what_sns_refuses_says_what_to_mend_and_is_not_recorded(
    table: Table, email: Email, code: str, kind: type[Exception], text: str
) -> None:
    table.errors["publish"] = [AwsError("sns:Publish", code, "no")]
    with pytest.raises(kind, match=text):
        email.tell(ALERT, lambda: 30)
    assert table.items == {}
    assert email.tell(ALERT, lambda: 30).kind == "sent"


def test_without_time_or_the_record_nothing_is_sent(table: Table, email: Email) -> None:
    with pytest.raises(RateLimited, match="too little time left"):
        email.tell(ALERT, lambda: 1)
    table.errors["get_item"] = [AwsError("dynamodb:GetItem", "InternalServerError", "down")]
    with pytest.raises(AwsError):
        email.tell(ALERT, lambda: 30)
    assert table.published == []


def test_two_at_once(table: Table, email: Email) -> None:
    table.errors["update_item"] = [AwsError("dynamodb:UpdateItem", "ConditionalCheckFailedException", "moved")]
    with pytest.raises(Busy):
        email.tell(ALERT, lambda: 30)


def test_without_a_topic_it_says_which_variable_is_missing(table: Table) -> None:
    with pytest.raises(ParapetError, match="PARAPET_EMAIL_TOPIC is not set"):
        Email(table, "", Threads(table, "journal", "email"), "prod")
