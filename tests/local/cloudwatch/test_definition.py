"""What PutMetricAlarm and PutCompositeAlarm take, refuse, and what is kept without being judged."""

from __future__ import annotations

from typing import Any

import pytest

from local.cloudwatch.definition import Unjudged, composite_alarm, metric_alarm
from local.cloudwatch.refused import Refused

SINGLE: dict[str, Any] = {
    "AlarmName": "errors", "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 3, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


def metric(id_: str, period: int = 60, **more: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "Shop", "MetricName": id_, "Dimensions": []}, "Period": period, "Stat": "Sum"}
    return {"Id": id_, "MetricStat": stat, "ReturnData": False, **more}


def expression(text: str, id_: str = "e1", **more: Any) -> dict[str, Any]:
    return {"Id": id_, "Expression": text, **more}


def math(*queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    without = ("Namespace", "MetricName", "Statistic", "Period")
    return {**{key: value for key, value in SINGLE.items() if key not in without}, "Metrics": list(queries), **more}


def test_an_alarm_on_one_metric() -> None:
    alarm = metric_alarm({**SINGLE, "DatapointsToAlarm": 2, "Unit": "Count"})
    assert (alarm.period, alarm.terms.periods, alarm.terms.enough, alarm.terms.missing) == (60, 3, 2, "missing")
    assert (alarm.statistic, alarm.unit, alarm.watched) == ("Sum", "Count", "m1")
    assert alarm.queries[0]["MetricStat"]["Unit"] == "Count"


def test_an_alarm_on_an_expression() -> None:
    alarm = metric_alarm(math(metric("a", 300), metric("b", 300), expression("a / b")))
    assert (alarm.watched, alarm.period, alarm.statistic) == ("e1", 300, "")


@pytest.mark.parametrize("extended", ["p99", "p99.9", "PR(:0.3)", "TC(0.1:0.5)", "TM(10%:90%)"])
def test_an_extended_statistic(extended: str) -> None:
    given = {key: value for key, value in SINGLE.items() if key != "Statistic"}
    assert metric_alarm({**given, "ExtendedStatistic": extended}).statistic == extended


@pytest.mark.parametrize(
    ("statistic", "samples"),
    [
        ("p99", 1000),
        ("p99.9", 10_000),
        ("p50", 20),
        ("p90", 100),
        ("p10", 100),
        ("p25", 40),
        ("p100", 0),
        ("PR(:1)", 0),
    ],
)
def test_a_percentile_takes_so_many_samples_where_few_are_ignored(statistic: str, samples: float) -> None:
    given = {key: value for key, value in SINGLE.items() if key != "Statistic"}
    alarm = metric_alarm({**given, "ExtendedStatistic": statistic, "EvaluateLowSampleCountPercentile": "ignore"})
    assert alarm.samples == pytest.approx(samples)
    assert metric_alarm({**given, "ExtendedStatistic": statistic}).samples == 0


def test_alarms_on_dynamodb_ignore_what_is_missing_whatever_they_say() -> None:
    assert (
        metric_alarm({**SINGLE, "Namespace": "AWS/DynamoDB", "TreatMissingData": "breaching"}).terms.missing == "ignore"
    )
    errors = metric("m1", ReturnData=True)
    errors["MetricStat"]["Metric"]["Namespace"] = "AWS/DynamoDB"
    assert metric_alarm(math(errors, TreatMissingData="notBreaching")).terms.missing == "ignore"


@pytest.mark.parametrize(
    ("period", "periods", "hourly"),
    [
        (60, 1440, False),
        (3600, 24, False),
        (3600, 168, True),
        (86_400, 1, False),
        (86_400, 7, True),
        (259_200, 1, True),
    ],
)
def test_windows_up_to_a_week_are_taken(period: int, periods: int, hourly: bool) -> None:
    assert metric_alarm({**SINGLE, "Period": period, "EvaluationPeriods": periods}).hourly is hourly


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"Period": 60, "EvaluationPeriods": 1441}, "more than a day .* <= 86400"),
        ({"Period": 1800, "EvaluationPeriods": 49}, "for alarms using period < 3600"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "more than a week .* <= 604800.* >= 3600"),
        ({"Period": 864_000, "EvaluationPeriods": 1}, "more than a week"),
        ({"Period": 90}, "multiple of 60"), ({"Period": 1}, "multiple of 60"), ({"Period": None}, "Period is required"),
        ({"AlarmName": ""}, "AlarmName"), ({"AlarmName": "x" * 256}, "255"), ({"AlarmName": "a\nb"}, "control"),
        ({"DatapointsToAlarm": 4}, "not 4 of 3"), ({"EvaluationPeriods": 0}, "not 0 of 0"),
        ({"ComparisonOperator": "Above"}, "Above"), ({"Threshold": None}, "Threshold is required"),
        ({"Statistic": "p90"}, "ExtendedStatistic"), ({"ExtendedStatistic": "p90"}, "Exactly one"),
        ({"Statistic": None}, "Exactly one"), ({"MetricName": None}, "MetricName"),
        ({"TreatMissingData": "never"}, "never"), ({"EvaluateLowSampleCountPercentile": "maybe"}, "maybe"),
        ({"AlarmActions": ["arn"] * 6}, "more than 5 actions"), ({"Metrics": [metric("a")]}, "together with Metrics"),
    ],
)  # fmt: skip
def test_what_cloudwatch_refuses(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        metric_alarm({**SINGLE, **changed})


@pytest.mark.parametrize(
    ("queries", "problem"),
    [
        ([metric("a"), expression("a"), expression("a", "e2")], "exactly one .* not 2: e1, e2"),
        ([metric("a")], "exactly one .* not 0"), ([metric("a"), metric("a", ReturnData=True)], "'a'"),
        ([metric("A", ReturnData=True)], "'A'"), ([{"Id": "a"}], "either MetricStat or Expression"),
        ([metric("a"), metric("b", 300), expression("a + b")], "same Period, not 60, 300"),
        ([expression("TIME_SERIES(1)")], "none is given"),
        ([expression("SEARCH(' {AWS/EC2} ', 'Sum', 60)", Period=60)], "SEARCH cannot"),
        ([*(metric(f"m{number}") for number in range(11)), expression("m0")], "at most 10 metrics"),
        ([metric("a"), *(expression("a", f"e{at}", ReturnData=at == 0) for at in range(11))], "10 expressions"),
    ],
)  # fmt: skip
def test_what_cloudwatch_refuses_of_expressions(queries: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        metric_alarm(math(*queries))


def test_ten_metrics_and_ten_expressions_are_taken() -> None:
    metrics = [metric(f"m{number}") for number in range(10)]
    expressions = [expression("m0", f"e{number}", ReturnData=number == 9) for number in range(10)]
    assert metric_alarm(math(*metrics, *expressions)).watched == "e9"


@pytest.mark.parametrize(
    "given",
    [
        math(metric("a", ReturnData=True), expression("ANOMALY_DETECTION_BAND(a, 2)", "b"), ThresholdMetricId="b"),
        {**SINGLE, "ComparisonOperator": "GreaterThanUpperThreshold", "Threshold": None},
        math(expression('SELECT MAX(Age) FROM "Shop"', Period=60)), {**SINGLE, "Period": 10},
        {**SINGLE, "EvaluationCriteria": {"PromQLCriteria": {"Query": "up"}}},
        {**SINGLE, "EvaluationWindow": {"WallClockWindow": {}}}, {**SINGLE, "WarmUpConfiguration": {"Duration": 60}},
    ],
)  # fmt: skip
def test_what_is_taken_and_not_judged_here(given: dict[str, Any]) -> None:
    with pytest.raises(Unjudged, match="errors"):
        metric_alarm(given)


def test_a_sliding_window_is_what_there_is_anyway() -> None:
    assert metric_alarm({**SINGLE, "EvaluationWindow": {"SlidingWindow": {}}}) == metric_alarm(SINGLE)


THERE: dict[str, tuple[str, ...]] = {"a": (), "b": (), "both": ("a", "b"), "over": ("both",)}


class TestComposites:
    def given(self, rule: str, **more: Any) -> dict[str, Any]:
        return {"AlarmName": "mine", "AlarmRule": rule} | more

    def test_its_suppressor_may_be_named_by_its_arn(self) -> None:
        arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:b"
        periods = {"ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 0}
        alarm = composite_alarm(self.given("ALARM(a)", ActionsSuppressor=arn, **periods), THERE)
        assert (alarm.suppressor, alarm.wait, alarm.extension, alarm.rule.children) == ("b", 60, 0, ("a",))

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"AlarmRule": ""}, "AlarmRule"), ({"AlarmRule": "ALARM(nobody)"}, r"\[nobody\] do not exist"),
            ({"AlarmRule": "ALARM(mine)"}, "depend on itself"),
            ({"AlarmName": "a", "AlarmRule": "ALARM(over)"}, "a would depend on itself"),
            ({"AlarmName": "both", "AlarmRule": "ALARM(over)"}, "both would depend on itself"),
            ({"ActionsSuppressor": "nobody", **dict.fromkeys(("ActionsSuppressorWaitPeriod",
              "ActionsSuppressorExtensionPeriod"), 0)}, "nobody"),
            ({"ActionsSuppressor": "b", "ActionsSuppressorWaitPeriod": 60}, "are required"),
            ({"ActionsSuppressorExtensionPeriod": 60}, "need an ActionsSuppressor"),
            ({"ActionsSuppressor": "b", "ActionsSuppressorWaitPeriod": -1, "ActionsSuppressorExtensionPeriod": 0},
             "0 or more"),
            ({"OKActions": ["arn"] * 6}, "OKActions"),
        ],
    )  # fmt: skip
    def test_what_is_refused(self, given: dict[str, Any], problem: str) -> None:
        with pytest.raises(Refused, match=problem):
            composite_alarm(self.given("ALARM(a)", **given) | given, THERE)

    def test_an_alarm_may_be_watched_by_a_hundred_and_fifty(self) -> None:
        there = {"a": (), **{f"c{number}": ("a",) for number in range(150)}}
        with pytest.raises(Refused, match="a is watched by 150"):
            composite_alarm(self.given("ALARM(a)"), there)
        assert composite_alarm(self.given("ALARM(a)", AlarmName="c7"), there).name == "c7"
