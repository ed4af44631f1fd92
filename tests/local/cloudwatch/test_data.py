"""What GetMetricData's queries come to: references, periods, retention, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from local.cloudwatch.data import Line, lines, results, rounded
from local.cloudwatch.refused import Refused
from local.cloudwatch.store import DAY, HOUR, Metric, Store

NOW = 1_795_000_230.5
AT = 1_795_000_200
LB, TG = {"LoadBalancer": "app/web/1"}, {"LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/web/1"}


def stat(
    id_: str, name: str, stat: str = "Sum", period: Any = 60, of: dict[str, str] = LB, **more: Any
) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in reversed(of.items())]
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions}
    return {"Id": id_, "MetricStat": {"Metric": metric, "Stat": stat, "Period": period}, **more}


def math_of(id_: str, expression: str, **more: Any) -> dict[str, Any]:
    return {"Id": id_, "Expression": expression, **more}


def put(store: Store, name: str, *values: float | None, of: dict[str, str] = LB, unit: str = "Count") -> None:
    """One sample a minute, the last in the minute before now."""
    for ago, value in enumerate(reversed(values), 1):
        if value is not None:
            store.put(Metric.of("AWS/ApplicationELB", name, of), AT - 60 * ago, (value,), unit=unit)


@pytest.fixture
def store() -> Store:
    found = Store()
    put(found, "RequestCount", 100, 200, None, 50)
    put(found, "HTTPCode_ELB_5XX_Count", None, 20, None, None)
    put(found, "TargetResponseTime", 0.1, 0.2, 0.4, 0.3, unit="Seconds")
    put(found, "TargetResponseTime", 9.0, of=TG, unit="Seconds")
    return found


def asked(store: Store, *queries: dict[str, Any], minutes: int = 4) -> dict[str, Line]:
    return results(store, queries, AT - 60 * minutes, AT, NOW)


def values(line: Line) -> list[float]:
    return [value for _, value in line.points]


def test_a_metric(store: Store) -> None:
    found = asked(store, stat("m1", "RequestCount"))
    points = ((AT - 240.0, 100.0), (AT - 180.0, 200.0), (AT - 60.0, 50.0))
    assert found == {"m1": Line("m1", "RequestCount", 60, points)}
    assert values(asked(store, stat("p", "TargetResponseTime", "p95", 120))["p"]) == pytest.approx([0.195, 0.395])
    assert values(asked(store, stat("p", "TargetResponseTime", "Maximum", of=TG))["p"]) == [9.0]


def test_what_was_never_measured_has_no_values(store: Store) -> None:
    assert asked(store, stat("m1", "NoSuchCount"))["m1"].points == ()


def test_an_expression_over_metrics_and_expressions(store: Store) -> None:
    found = asked(
        store,
        math_of("availability", "(1-bad/total)*100", Label="Availability"),
        math_of("bad", "FILL(e5,0)", ReturnData=False),
        math_of("total", "IF(FILL(r,0)>bad,FILL(r,0),bad)", ReturnData=False),
        stat("r", "RequestCount", ReturnData=False),
        stat("e5", "HTTPCode_ELB_5XX_Count", ReturnData=False),
    )
    assert set(found) == {"availability"}
    assert found["availability"].label == "Availability"
    assert values(found["availability"]) == [100.0, 90.0, 100.0]
    assert found["availability"].dropped, "nothing by nothing, in the minute without traffic"


def test_ids_and_labels_tell_series_apart(store: Store) -> None:
    found = lines(
        store,
        [
            stat("m1", "RequestCount", Label="requests"), math_of("e1", "METRICS()*2"), math_of("e2", "m1*2"),
            math_of("e3", "SEARCH('{AWS/ApplicationELB,LoadBalancer} NOT \"RequestCount\"', 'Sum', 60)", Label="LB:"),
        ],
        AT - 240, AT, NOW,
    )  # fmt: skip
    assert [(one.id, one.label) for one in found] == [
        ("m1", "requests"), ("e1", "RequestCount app/web/1"), ("e2", "e2"),
        ("e3", "LB: HTTPCode_ELB_5XX_Count app/web/1"), ("e3", "LB: TargetResponseTime app/web/1"),
    ]  # fmt: skip


def test_a_search_takes_the_query_s_period_if_it_has_none(store: Store) -> None:
    found = asked(
        store, math_of("e1", "SUM(SEARCH('{AWS/ApplicationELB,LoadBalancer} \"RequestCount\"', 'Sum'))", Period=120)
    )
    assert values(found["e1"]) == [300.0, 50.0]


def test_a_search_finds_only_what_had_data_in_two_weeks(store: Store) -> None:
    query = math_of("e1", "SEARCH('{AWS/ApplicationELB,LoadBalancer} \"RequestCount\"', 'Sum', 60)")
    assert len(lines(store, [query], AT - 240, AT, NOW)) == 1
    assert lines(store, [query], AT - 240, AT, NOW + 15 * DAY) == []


def test_five_hundred_expressions_may_stand_on_each_other(store: Store) -> None:
    chain = [math_of(f"e{at}", f"e{at + 1}+1") for at in range(499)]
    assert values(asked(store, *chain, stat("e499", "RequestCount"))["e0"]) == [599.0, 699.0, 549.0]


def test_the_period_that_is_not_over_yet_is_there(store: Store) -> None:
    store.put(Metric.of("AWS/ApplicationELB", "RequestCount", LB), NOW, (7.0,), unit="Count")
    found = results(store, [stat("m1", "RequestCount"), math_of("e1", "FILL(m1,0)")], AT - 60, AT + 60.5, NOW)
    assert values(found["m1"]) == [50.0, 7.0]
    assert values(found["e1"]) == [50.0, 7.0, 0.0]


@pytest.mark.parametrize(
    ("start", "begins"),
    [
        (NOW - 100, AT - 120), (NOW - 14 * DAY - 100, AT - 14 * DAY - 120),
        (NOW - 16 * DAY - 100, AT - 16 * DAY - 300), (NOW - 64 * DAY - 100, AT // HOUR * HOUR - 64 * DAY),
        (NOW - 63 * DAY - 100, AT // HOUR * HOUR - 63 * DAY), (NOW - 62 * DAY - 100, AT - 62 * DAY - 300),
    ],
)  # fmt: skip
def test_starts_are_rounded_as_cloudwatch_rounds_them(start: float, begins: int) -> None:
    assert rounded(start, NOW) == begins


def test_long_ago_too_periods_begin_as_the_caller_sees_them() -> None:
    # The engine's clock is 17 minutes ahead: what a caller asks for from the full hour on is none of the engine's.
    ahead, start = 17 * 60, AT // HOUR * HOUR - 30 * DAY
    assert rounded(start + ahead, NOW + ahead, ahead) == start + ahead


def test_periods_begin_with_the_start_rounded_to_the_minute(store: Store) -> None:
    found = results(store, [stat("m1", "RequestCount", period=120)], AT - 179.5, AT, NOW)
    assert found["m1"].points == ((AT - 180.0, 200.0), (AT - 60.0, 50.0))


@pytest.mark.parametrize(("period", "days"), [(60, 15), (300, 63), (3600, 455)])
def test_what_is_older_than_it_is_kept_at_a_period_is_not_there(period: int, days: int) -> None:
    store, limit = Store(), AT // HOUR * HOUR - days * DAY
    metric = Metric.of("AWS/ApplicationELB", "RequestCount", LB)
    now = float(AT // HOUR * HOUR)
    for number in range(-2, 3):
        store.put(metric, limit + number * period, (1.0,))
    query = stat("m1", "RequestCount", period=period)
    found = results(store, [query, math_of("f", "FILL(m1,0)")], limit - 12 * HOUR, limit + 12 * HOUR, now)
    assert [at - limit for at, _ in found["m1"].points] == [0, period, 2 * period]
    assert len(found["f"].points) == 24 * HOUR / period
    coarser = period * 60
    found = results(store, [stat("m1", "RequestCount", period=coarser)], limit - coarser, limit + coarser, now)
    assert sum(values(found["m1"])) == (5.0 if period < HOUR else 3.0)


def test_units_are_kept_apart(store: Store) -> None:
    put(store, "RequestCount", 5, unit="None")
    with pytest.raises(Refused, match="RequestCount was put in Count and None: name one as Unit"):
        asked(store, stat("m1", "RequestCount"))
    query = stat("m1", "RequestCount")
    for unit, wanted in (("None", [5.0]), ("Count", [100.0, 200.0, 50.0]), ("Percent", [])):
        query["MetricStat"]["Unit"] = unit
        assert values(asked(store, query)["m1"]) == wanted


R = stat("r", "RequestCount")


@pytest.mark.parametrize(
    ("queries", "problem"),
    [
        ([], "MetricDataQueries is required"), ([R] * 501, "greater than 500: it has 501"), ([R, R], "not unique: r"),
        ([stat("Big", "x")], "'Big' must begin with a lowercase"), ([stat("1", "x")], "must begin"),
        ([stat("", "x")], "must begin"),
        ([stat("a-b", "x")], "must begin"), ([stat("a" * 256, "x")], "must begin"),
        ([{"Id": "m"}], "either a MetricStat or an"),
        ([{**R, "Expression": "r"}], "either a MetricStat or an"),
        ([stat("m", "x", period=7)], "Period 7 of m must be"),
        ([stat("m", "x", period=0)], "Period 0"), ([stat("m", "x", period=90)], "Period 90"),
        ([stat("m", "x", period=None)], "required"),
        ([stat("m", "x", period=1)], "keeps whole minutes"), ([stat("m", "x", period=30)], "keeps whole minutes"),
        ([stat("m", "x", "Median")], "takes no statistic 'Median'"), ([stat("m", "x", "IQM")], "does not evaluate IQM"),
        ([math_of("e", "x+1")], "Error in expression 'e': Undefined variable x"),
        ([math_of("e", "e+1")], "in a circle: e → e"),
        ([math_of("e", "f+1"), math_of("f", "e+1")], "in a circle"),
        ([R, math_of("e", "r +")], "in expression 'e': cannot be read at 4"),
        ([R, math_of("e", "SUM(r)")], "'e': is a single number"),
        ([R, math_of("e", "NOPE(r)")], "'e': NOPE at 1 is not a function"),
        ([R, math_of("e", "SELECT SUM(a) FROM b")], "'e': the local CloudWatch does not evaluate Metrics Insights"),
        ([R, math_of("e", "METRICS()+e")], "in a circle"), ([math_of("e", "TIME_SERIES(1)")], "needs a Period"),
        ([math_of("e", "TIME_SERIES(1)", Period=45)], "Period 45"),
        ([{**R, "AccountId": "210987654321"}], "of the account 210987654321"),
        ([{**R, "Label": "${LABEL}"}], "dynamic labels"), ([{**R, "Colour": "red"}], "does not know Colour of r"),
        ([{**R, "ReturnData": False}], "At least one query"),
        ([R, math_of("e", "[r, r]")], "e is an array of time series"),
        ([stat("m", "x", period=300), R, math_of("e", "m+r")], "mixes periods of 60, 300 seconds"),
        ([math_of("e", "SEARCH('{A,b}', 'Sum')")], "Period of SEARCH is required"),
        ([math_of("e", "SEARCH('{A,b', 'Sum', 60)")], "'e': the search '{A,b' cannot be read at its end"),
        ([math_of("e", "SEARCH('NOT \"z\"', 'Mode', 60)")], "'e': CloudWatch takes no statistic 'Mode'"),
    ],
)  # fmt: skip
def test_what_cloudwatch_does_not_take_is_refused(store: Store, queries: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        results(store, queries, AT - 240, AT, NOW)


def test_a_time_without_length_is_refused(store: Store) -> None:
    for start in (AT, AT + 60):
        with pytest.raises(Refused, match="StartTime must be less"):
            results(store, [R], start, AT, NOW)


def test_a_search_has_a_limit() -> None:
    store = Store()
    for number in range(501):
        store.put(Metric.of("Shop", "Errors", {"Service": str(number)}), AT - 60, (1.0,))
    with pytest.raises(Refused, match="finds 501 metrics: the limit is 500"):
        asked(store, math_of("e", "SEARCH('{Shop,Service}', 'Sum', 60)"))


def test_own_account_may_be_named(store: Store) -> None:
    assert values(asked(store, {**R, "AccountId": store.account})["r"]) == [100.0, 200.0, 50.0]
