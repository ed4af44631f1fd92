"""The value now, the bound, and what is usual: with units, and honest where there is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.enrich import numbers
from chalicelib.enrich.gather import Found
from chalicelib.model import DAY, AwsError
from tests.enrich.fakes import NOW, FakeAws, denied, query, signal

Results = list[dict[str, Any]]


def answering(now: Results, before: Results) -> FakeAws:
    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        return {"MetricDataResults": now if params["EndTime"] > NOW - DAY / 2 else before}

    return FakeAws({"cloudwatch:get_metric_data": answer})


def result(*values: float, name: str = "m1") -> dict[str, Any]:
    return {"Id": name, "Label": name, "Values": list(values), "Timestamps": [], "StatusCode": "Complete"}


def facts(aws: FakeAws, **changes: Any) -> dict[str, str]:
    return dict(numbers.look(aws, signal(**changes), NOW).facts)


def test_the_latest_full_period_is_held_against_bound_and_custom() -> None:
    aws = answering([result(84.0, 2.0)], [result(1.0, 3.0, 2.0)])
    assert facts(aws) == {
        "Errors (Sum) now": "84", "Usually at this hour": "2 (median of 7 days)",
    }  # fmt: skip
    first, *rest = aws.made("cloudwatch:get_metric_data")
    assert first["EndTime"] % 60 == 0, "a period that is not over would be too small"
    assert NOW - 60 < first["EndTime"] <= NOW
    assert [(round((NOW - one["EndTime"]) / DAY), one["EndTime"] - one["StartTime"]) for one in rest] == [
        (day, 3600) for day in range(1, 8)
    ]


def test_no_data_is_said() -> None:
    assert facts(answering([result()], [])) == {
        "Errors (Sum) now": "no data in the last 15 min",         "Usually at this hour": "no data in the last 7 days",
    }  # fmt: skip


def test_units_are_those_of_the_metric() -> None:
    cpu = answering([result(97.123)], [result(41.0)])
    assert facts(cpu, metrics=(query(metric="CPUUtilization", stat="Average"),), threshold=90.0) == {
        "CPUUtilization (Average) now": "97.1 %",         "Usually at this hour": "41 % (median of 7 days)",
    }  # fmt: skip


def test_an_expression_tells_what_it_is_made_of() -> None:
    rate = {"Id": "e1", "Expression": "100 * m1 / m2", "Label": "Error rate", "ReturnData": True, "Period": 60}
    metrics = (rate, query("m1", ReturnData=False), query("m2", "Invocations", ReturnData=False))
    now = [result(7.0, name="e1"), result(84.0), result(1200.0, name="m2")]
    found = numbers.look(answering(now, [result(0.5, name="e1")]), signal(metrics=metrics), NOW)
    assert found.lines == ("Made of: Errors (Sum) 84, Invocations (Sum) 1.2k",)
    assert dict(found.facts)["Error rate now"] == "7"


def test_the_band_of_an_anomaly_is_its_bound() -> None:
    band = {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)", "ReturnData": True}
    now = [result(84.0), result(9.0, name="ad1"), result(1.0, name="ad1")]
    told = facts(
        answering(now, []), metrics=(query(ReturnData=True), band), threshold=None,
        comparison="LessThanLowerOrGreaterThanUpperThreshold",
    )  # fmt: skip
    assert told["Expected"] == "1 to 9"
    assert told["Errors (Sum) now"] == "84"


@pytest.mark.parametrize(("comparison", "worst"), [("LessThanThreshold", "1"), ("GreaterThanThreshold", "9")])
def test_of_many_series_the_worst_counts(comparison: str, worst: str) -> None:
    found = answering([result(1.0, name="q1"), result(9.0, name="q1")], [])
    metrics = ({"Id": "q1", "Expression": "SELECT MAX(x) FROM y GROUP BY z", "Label": "x", "Period": 60},)
    assert facts(found, metrics=metrics, comparison=comparison)["x now"] == worst


def test_what_is_finer_than_a_minute_has_no_past() -> None:
    fine = query()
    fine["MetricStat"]["Period"] = 10
    aws = answering([result(84.0)], [])
    assert "three hours" in facts(aws, metrics=(fine,), period=10)["Usually at this hour"]
    assert len(aws.calls) == 1


def test_a_composite_is_told_by_its_first_child_in_alarm() -> None:
    aws = answering([result(3.0)], [])
    child = {
        "AlarmName": "b", "StateValue": "ALARM", "Namespace": "N", "MetricName": "Latency", "Statistic": "Maximum",
        "Dimensions": [], "Period": 60, "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }  # fmt: skip
    answers = {"MetricAlarms": [{**child, "AlarmName": "a", "StateValue": "OK"}, child], "CompositeAlarms": []}
    aws.answers = {**aws.answers, "cloudwatch:describe_alarms": answers}
    told = facts(aws, metrics=(), children=("a", "b"), threshold=None)
    assert told["Latency (Maximum) now"] == "3 ms"
    assert told["Threshold of b"] == "≥ 1 ms"
    assert aws.made("cloudwatch:describe_alarms")[0]["AlarmNames"] == ["a", "b"]


def test_what_watches_no_metric_has_no_numbers() -> None:
    assert numbers.look(FakeAws(), signal(metrics=(), kind="log"), NOW) == Found()


def test_a_denied_call_is_the_sections_error() -> None:
    with pytest.raises(AwsError, match="GetMetricData"):
        facts(FakeAws({"cloudwatch:get_metric_data": denied("cloudwatch:GetMetricData")}))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.25, "s", "250 ms"), (2.0, "s", "2 s"), (1_234_567.0, "B", "1.23M B"), (0.0, "s", "0 s"), (12.0, "", "12")],
)
def test_values_as_people_say_them(value: float, unit: str, text: str) -> None:
    assert numbers.said(value, unit) == text
