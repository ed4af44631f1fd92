"""Which series or alarms make an alarm."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.enrich import contributors
from chalicelib.enrich.gather import Found
from chalicelib.model import AwsError
from tests.enrich.fakes import NAME, FakeAws, denied, query, signal

DESCRIBE = "cloudwatch:describe_alarm_contributors"
SELECT: tuple[dict[str, Any], ...] = ({"Id": "q1", "Expression": " select MAX(Age) FROM SCHEMA(a,b) GROUP BY b"},)


def contributor(name: str) -> dict[str, Any]:
    return {"ContributorId": name, "ContributorAttributes": {"QueueName": name}, "StateReason": "1 datapoint > 5"}


def test_the_series_of_a_metrics_insights_alarm_that_breach() -> None:
    aws = FakeAws({DESCRIBE: {"AlarmContributors": [contributor(f"orders-{number}") for number in range(7)]}})
    lines = contributors.look(aws, signal(metrics=SELECT)).lines
    assert lines[0] == "Breaches: QueueName orders-0: 1 datapoint > 5"
    assert len(lines) == 6
    assert lines[5] == "2 more series breach."
    assert aws.made(DESCRIBE) == [{"AlarmName": NAME}]


def test_other_alarms_are_not_asked_about() -> None:
    assert contributors.look(FakeAws(), signal()) == Found()
    assert contributors.look(FakeAws(), signal(metrics=({"Id": "e", "Expression": "m1/m2"}, query()))) == Found()


def test_the_alarms_that_a_composite_is_made_of() -> None:
    described = {
        "MetricAlarms": [
            {"AlarmName": "b", "StateValue": "ALARM", "StateReason": "Threshold Crossed"},
            {"AlarmName": "a", "StateValue": "OK"},
        ],
        "CompositeAlarms": [{"AlarmName": "c", "StateValue": "INSUFFICIENT_DATA"}],
    }
    aws = FakeAws({"cloudwatch:describe_alarms": described})
    children = ("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a", "b", "c")
    lines = contributors.look(aws, signal(metrics=(), children=children)).lines
    assert lines == ("In alarm: b: Threshold Crossed", "Not in alarm: a, c")


def test_none_in_alarm_any_more() -> None:
    aws = FakeAws({DESCRIBE: {"AlarmContributors": []}})
    assert contributors.look(aws, signal(metrics=SELECT)) == Found()


def test_a_denied_call_is_the_sections_error() -> None:
    with pytest.raises(AwsError, match="DescribeAlarmContributors"):
        contributors.look(FakeAws({DESCRIBE: denied("cloudwatch:DescribeAlarmContributors")}), signal(metrics=SELECT))
