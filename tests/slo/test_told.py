"""What the alert engine makes of these alarms: how bad it is, of which service, and what keeps what quiet."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from chalicelib.alerts import quiet
from chalicelib.alerts.parse import parse
from chalicelib.alerts.signal import Signal
from chalicelib.slo import alarms
from chalicelib.slo.alarms import Told
from tests.alerts.corpus import CONTENT, RECEIVED, wrapped
from tests.samples import ACCOUNT
from tests.slo.incidents import indicator, objective

RUNBOOK = "https://wiki.example.com/shop"
MADE = alarms.resources(objective(absent=600), indicator(), "prod", Told("alerts", "pages"), RUNBOOK)


def own(end: str) -> dict[str, Any]:
    return dict(MADE[alarms.logical("shop-availability", end)]["Properties"])


def notified(end: str) -> Signal:
    """What SNS brings of a composite alarm, as CloudWatch writes it, with the tags that it is told to propagate."""
    content = copy.deepcopy(CONTENT["alarm-composite-alarm"])
    alarm, message = own(end), content["Message"]
    assert alarm["ActionConfiguration"] == {"AlarmTagsPropagation": {"Enabled": True}}
    arn = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:{alarm['AlarmName']}"
    message |= {
        "AlarmName": alarm["AlarmName"], "AlarmDescription": alarm["AlarmDescription"],
        "AlarmRule": alarm["AlarmRule"], "AlarmArn": arn,
        "AlarmTags": {one["Key"]: one["Value"] for one in alarm["Tags"]},
    }  # fmt: skip
    return parse(wrapped(content), RECEIVED)


def forwarded(end: str) -> Signal:
    """What EventBridge brings of one in another region."""
    content, alarm = copy.deepcopy(CONTENT["alarm-event-composite"]), own(end)
    arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{alarm['AlarmName']}"
    content |= {"region": "us-east-1", "resources": [arn]}
    content["detail"] |= {
        "alarmName": alarm["AlarmName"], "tags": {one["Key"]: one["Value"] for one in alarm["Tags"]},
        "configuration": {"alarmRule": alarm["AlarmRule"], "description": alarm["AlarmDescription"]},
    }  # fmt: skip
    return parse(wrapped(content), RECEIVED)


@pytest.mark.parametrize("told", [notified, forwarded])
def test_a_page_is_critical_and_a_ticket_is_not(told: Any) -> None:
    page, ticket = told("page"), told("ticket")
    assert (page.state, page.severity, page.service) == ("firing", "critical", "shop")
    assert (ticket.state, ticket.severity, ticket.service) == ("firing", "medium", "shop")
    assert page.tags["objective"] == ticket.tags["objective"] == "shop-availability"
    assert ("Runbook", RUNBOOK) in page.links
    assert page.alarm is not None
    ends = {one.rpartition("shop-availability-")[2] for one in page.alarm.children}
    assert ends == {"1h", "5m", "6h", "30m"}


def test_forwarded_it_is_of_its_own_region() -> None:
    assert forwarded("page").region == "us-east-1"


def test_a_page_keeps_its_ticket_quiet_and_not_the_other_way_round() -> None:
    page, ticket = notified("page"), notified("ticket")
    for one, other, still in ((page, ticket, True), (ticket, page, False)):
        loud = quiet.inhibitor(one, (quiet.PAGE_OVER_TICKET,))
        assert loud is not None
        by = quiet.by(other, other.tags, "a-1", other.fingerprint, (), (), (loud,), (quiet.PAGE_OVER_TICKET,), RECEIVED)
        assert by == (one.fingerprint if still else "")
