"""Alarms over made-up metrics: windows that slide, what is missing, expressions, and composites upon them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cloudwatch.data import measured
from local.cloudwatch.definition import Unjudged
from local.cloudwatch.evaluation import Axis
from local.cloudwatch.refused import Refused
from local.cloudwatch.simulation import Simulation
from local.cloudwatch.store import Metric, Store
from local.cloudwatch.windows import Windows

# A full hour.
AT = 1_795_003_200
ERRORS, REQUESTS, LATENCY = (Metric.of("Shop", name) for name in ("Errors", "Requests", "Latency"))
ALARM: dict[str, Any] = {
    "AlarmName": "errors", "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}  # fmt: skip


@pytest.fixture
def store() -> Store:
    return Store()


def stat(id_: str, metric: Metric, period: int, what: str = "Sum") -> dict[str, Any]:
    named = {"Namespace": metric.namespace, "MetricName": metric.name}
    return {"Id": id_, "MetricStat": {"Metric": named, "Period": period, "Stat": what}, "ReturnData": False}


def burn(name: str, period: int, threshold: float) -> dict[str, Any]:
    """As an objective of 99.9 % has it, of a load balancer whose errors are told only when there are some."""
    queries = [
        stat("r", REQUESTS, period),
        stat("e", ERRORS, period),
        {"Id": "b", "Expression": "FILL(e, 0)", "ReturnData": False},
        {"Id": "t", "Expression": "IF(FILL(r, 0) > b, FILL(r, 0), b)", "ReturnData": False},
        {"Id": "burn", "Expression": "IF(t >= 10, (b / t) / 0.001, 0)"},
    ]
    return {
        "AlarmName": name, "Metrics": queries, "EvaluationPeriods": 1, "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
    }  # fmt: skip


def told(simulation: Simulation, first: int, last: int) -> list[tuple[int, str, str]]:
    """The changes between two minutes after the beginning: in which minute, of what, into what."""
    return [
        (minute, change.name, change.after.value)
        for minute in range(first, last + 1)
        for change in simulation.step(AT + 60 * minute)
    ]


def test_a_new_alarm_has_no_data_and_is_judged_at_the_end_of_a_minute(store: Store) -> None:
    simulation = Simulation([ALARM], store)
    assert simulation.state("errors").value == "INSUFFICIENT_DATA"
    store.put(ERRORS, AT + 59, [9.0])
    store.put(ERRORS, AT + 60, [1.0])
    [change] = simulation.step(AT + 60)
    assert (change.before.value, change.after.value, change.minute) == ("INSUFFICIENT_DATA", "ALARM", AT + 60)
    assert "[9.0 (18/11/26 12:00:00)]" in change.after.reason
    assert told(simulation, 2, 3) == [(2, "errors", "OK")]


def test_a_window_slides_by_a_minute(store: Store) -> None:
    simulation = Simulation([{**ALARM, "Period": 300}], store)
    store.fill(ERRORS, AT - 6000, 60, [1.0] * 200)
    assert told(simulation, 0, 3) == [(0, "errors", "OK")]
    # From 1 a minute to 6 in one, and back: as long as it is among the last five.
    store.put(ERRORS, AT + 180, [1.0])
    assert told(simulation, 4, 12) == [(4, "errors", "ALARM"), (9, "errors", "OK")]


def test_what_comes_in_late_is_seen_by_every_window(store: Store) -> None:
    simulation = Simulation([{**ALARM, "Period": 300}], store)
    store.fill(ERRORS, AT - 6000, 60, [1.0] * 200)
    told(simulation, 0, 3)
    store.put(ERRORS, AT + 30, [1.0])
    assert told(simulation, 4, 12) == [(4, "errors", "ALARM"), (6, "errors", "OK")]


def test_longer_than_a_day_is_evaluated_at_full_hours(store: Store) -> None:
    simulation = Simulation([{**ALARM, "Period": 259_200, "Threshold": 4320.0}], store)
    store.fill(ERRORS, AT - 3 * 259_200, 60, [1.0] * (3 * 4320 + 120))
    assert told(simulation, 7, 7) == [(7, "errors", "OK")]
    store.put(ERRORS, AT + 8 * 60, [1.0])
    assert told(simulation, 8, 130) == [(60, "errors", "ALARM")]


def test_data_that_end_are_looked_for_two_periods_further_back(store: Store) -> None:
    simulation = Simulation([{**ALARM, "TreatMissingData": "missing"}], store)
    store.put(ERRORS, AT, [9.0])
    assert told(simulation, 1, 9) == [(1, "errors", "ALARM"), (4, "errors", "INSUFFICIENT_DATA")]


def test_few_samples_of_a_percentile_leave_it_as_it_is(store: Store) -> None:
    given = {key: value for key, value in ALARM.items() if key not in ("Statistic", "MetricName")}
    slow = {**given, "MetricName": "Latency", "ExtendedStatistic": "p90", "Threshold": 0.3}
    ignoring = {**slow, "AlarmName": "careful", "EvaluateLowSampleCountPercentile": "ignore"}
    simulation = Simulation([slow, ignoring], store)
    store.put(LATENCY, AT, [0.1, 0.5], [50.0, 49.0])
    store.put(LATENCY, AT + 60, [0.1, 0.5], [50.0, 50.0])
    assert told(simulation, 1, 2) == [(1, "errors", "ALARM"), (2, "careful", "ALARM")]


def test_an_objective_pages_once_both_of_its_windows_burn(store: Store) -> None:
    page = {"AlarmName": "page", "AlarmRule": "ALARM(long) AND ALARM(short)"}
    simulation = Simulation([page, burn("long", 3600, 14.4), burn("short", 300, 14.4)], store)
    store.fill(REQUESTS, AT - 86_400, 60, [100.0] * 3000)
    # From the first minute on one in ten fails: of an hour's 6,000 requests 87 are too many, after nine minutes.
    store.fill(ERRORS, AT, 60, [10.0] * 30)
    assert told(simulation, 0, 100) == [
        (0, "long", "OK"), (0, "short", "OK"), (0, "page", "OK"), (1, "short", "ALARM"),
        (9, "long", "ALARM"), (9, "page", "ALARM"), (35, "short", "OK"), (35, "page", "OK"), (82, "long", "OK"),
    ]  # fmt: skip


def test_neither_silence_nor_one_error_among_a_few_requests_pages(store: Store) -> None:
    simulation = Simulation([burn("long", 3600, 14.4), burn("short", 300, 14.4)], store)
    store.put(REQUESTS, AT + 30, [9.0])
    store.put(ERRORS, AT + 30, [1.0])
    assert told(simulation, 1, 90) == [(1, "long", "OK"), (1, "short", "OK")]


def test_errors_without_any_request_page(store: Store) -> None:
    # What a load balancer without a target tells.
    simulation = Simulation([burn("short", 300, 14.4)], store)
    store.put(ERRORS, AT + 30, [10.0])
    assert told(simulation, 1, 1) == [(1, "short", "ALARM")]


class TestComposites:
    def test_they_may_come_in_any_order_and_stand_upon_each_other(self, store: Store) -> None:
        rules = {"third": "ALARM(second)", "second": "NOT ALARM(first)", "first": "ALARM(errors)"}
        composites = [{"AlarmName": name, "AlarmRule": rule} for name, rule in rules.items()]
        simulation = Simulation([*composites, ALARM], store)
        assert told(simulation, 1, 1) == [
            (1, "errors", "OK"), (1, "first", "OK"), (1, "second", "ALARM"), (1, "third", "ALARM"),
        ]  # fmt: skip
        store.put(ERRORS, AT + 60, [9.0])
        found = simulation.step(AT + 120)
        assert [one.name for one in found] == ["errors", "first", "second", "third"]
        assert found[1].after.reason == (
            "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors transitioned to ALARM at Wednesday 18 November, "
            "2026 12:02:00 UTC"
        )

    def test_a_suppressor_holds_actions_back_and_they_are_taken_after_it(self, store: Store) -> None:
        works = {**ALARM, "AlarmName": "works", "MetricName": "Requests"}
        page = {
            "AlarmName": "page", "AlarmRule": "ALARM(errors)", "ActionsSuppressor": "works",
            "ActionsSuppressorWaitPeriod": 120, "ActionsSuppressorExtensionPeriod": 180,
        }  # fmt: skip
        simulation = Simulation([ALARM, works, page], store)
        store.fill(ERRORS, AT, 60, [1.0] * 10 + [9.0] * 20 + [1.0] * 10)
        store.fill(REQUESTS, AT, 60, [1.0] * 11 + [9.0] * 6 + [1.0] * 30)
        found = [
            (minute, change.after.value, change.acts, change.after.suppressed)
            for minute in range(1, 40)
            for change in simulation.step(AT + 60 * minute)
            if change.name == "page"
        ]
        assert found == [
            # It waits for what it is told to wait for, be it only for having been judged at all.
            (1, "OK", False, "WaitPeriod"), (3, "OK", True, ""), (11, "ALARM", False, "WaitPeriod"),
            # From minute 12 to 17 the suppressor lasts, and three minutes more.
            (21, "ALARM", True, ""), (31, "OK", False, "WaitPeriod"), (33, "OK", True, ""),
        ]  # fmt: skip

    def test_what_recovers_while_it_is_held_back_was_never_told(self, store: Store) -> None:
        works = {**ALARM, "AlarmName": "works", "MetricName": "Requests"}
        page = {
            "AlarmName": "page", "AlarmRule": "ALARM(errors)", "ActionsSuppressor": "works",
            "ActionsSuppressorWaitPeriod": 0, "ActionsSuppressorExtensionPeriod": 0,
        }  # fmt: skip
        simulation = Simulation([ALARM, works, page], store)
        store.fill(ERRORS, AT, 60, [1.0] * 5 + [9.0] * 3 + [1.0] * 10)
        store.fill(REQUESTS, AT, 60, [1.0] * 3 + [9.0] * 8 + [1.0] * 10)
        acted = []
        for minute in range(1, 18):
            acted += [one.after.value for one in simulation.step(AT + 60 * minute) if one.name == "page" and one.acts]
            assert simulation.state("page").suppressed == ("Alarm" if 4 <= minute <= 11 else "")
        assert acted == ["OK"]


@pytest.mark.parametrize(
    ("alarms", "problem"),
    [
        ([{**ALARM, "Period": 90}], "multiple of 60"),
        ([{"AlarmName": "page", "AlarmRule": "ALARM(nobody)"}], "nobody"),
        ([{"AlarmName": one, "AlarmRule": f"ALARM({other})"} for one, other in ("ab", "ba")], "do not exist"),
        ([burn("x", 60, 1.0) | {"Metrics": [stat("m", ERRORS, 60), {"Id": "e", "Expression": "m +"}]}], "'e'"),
        ([burn("x", 60, 1.0) | {"Metrics": [stat("m", ERRORS, 60), {"Id": "e", "Expression": "[m]"}]}], "array"),
        ([burn("x", 60, 1.0) | {"Metrics": [stat("m", ERRORS, 60), {"Id": "e", "Expression": "f"}]}], "variable f"),
    ],
)
def test_what_cannot_be_judged_is_refused(store: Store, alarms: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        Simulation(alarms, store)


def test_so_is_what_cannot_be_evaluated_and_what_is_not_judged_here(store: Store) -> None:
    simulation = Simulation([ALARM], store)
    for unit in ("Count", "Bytes"):
        store.put(ERRORS, AT, [1.0], unit=unit)
    with pytest.raises(Refused, match="Bytes and Count"):
        simulation.step(AT + 60)
    with pytest.raises(Unjudged):
        Simulation([{**ALARM, "Period": 10}], store)


STATISTICS = ("Sum", "SampleCount", "Average", "Minimum", "Maximum", "PR(:0.3)", "TC(0.1:0.5)", "p90")
SAMPLES = st.lists(st.tuples(st.integers(0, 40), st.sampled_from((0.0, 0.1, 0.25, 0.3, 0.7, 2.0))), max_size=25)


@settings(max_examples=60)
@given(st.lists(SAMPLES, min_size=1, max_size=4), st.sampled_from((60, 120, 300, 900)))
def test_windows_have_what_the_store_has_whenever_it_was_put(
    rounds: list[list[tuple[int, float]]], period: int
) -> None:
    store = Store()
    windows = Windows(store)
    for number, samples in enumerate(rounds):
        for minute, value in samples:
            store.put(LATENCY, AT + 60 * minute, [value])
        end = AT + 600 + 300 * number
        axis = Axis(end - 3 * period, end, period)
        for name in STATISTICS:
            wanted = measured(store, LATENCY, name, axis, end).points
            assert windows.series(LATENCY, name, axis).points == pytest.approx(wanted), name


def test_a_statistic_set_has_no_rank_and_a_coarse_history_is_read_as_it_is(store: Store) -> None:
    store.put_set(LATENCY, AT, 10, 5.0, 0.1, 0.9)
    store.fill(REQUESTS, AT - 3600, 300, [5.0] * 12)
    axis = Axis(AT - 1140, AT + 60, 300)
    windows = Windows(store)
    assert windows.series(LATENCY, "PR(:0.3)", axis).points == {}
    assert windows.series(LATENCY, "Sum", axis).points == {AT - 240: 5.0}
    assert windows.series(REQUESTS, "Sum", axis).points == {AT - 1140 + 300 * at: 5.0 for at in range(3)}


def test_twenty_objectives_are_judged_in_well_under_a_fifth_of_a_second(store: Store) -> None:
    windows = (300, 1800, 3600, 7200, 21_600, 21_600, 86_400, 259_200)
    alarms = []
    for number in range(20):
        for at, period in enumerate(windows):
            alarm = burn(f"{number}-{at}", period, 14.4)
            for query in alarm["Metrics"][:2]:
                query["MetricStat"]["Metric"]["Dimensions"] = [{"Name": "Service", "Value": str(number)}]
            alarms.append(alarm)
        alarms.append({"AlarmName": f"{number}", "AlarmRule": f'ALARM("{number}-0") AND ALARM("{number}-2")'})
    simulation = Simulation(alarms, store)
    metrics = [Metric.of("Shop", "Requests", {"Service": str(number)}) for number in range(20)]
    for metric in metrics:
        store.fill(metric, AT - 86_400, 60, [100.0] * 1440)
    simulation.step(AT)
    took = min(_taken(simulation, metrics, store, minute) for minute in (1, 2, 3))
    # Of the processor, so that other work on the machine does not count; about 30 ms.
    assert took < 0.2


def _taken(simulation: Simulation, metrics: list[Metric], store: Store, minute: int) -> float:
    roll: Callable[[], float] = random.Random(minute).random
    for metric in metrics:
        store.put(metric, AT + 60 * minute - 30, [100 + roll()])
    began = time.process_time()
    simulation.step(AT + 60 * minute)
    return time.process_time() - began
