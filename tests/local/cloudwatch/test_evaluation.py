"""Metric math by hand: every operator and function, the documentation's own tables, and alignment by brute force."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.evaluation import Axis, Request, Series, Several, evaluate
from local.cloudwatch.expressions import parse
from local.cloudwatch.refused import Refused

AT = 1_795_000_200
AXIS = Axis(AT, AT + 5 * 60, 60)
NONE = None
Points = Sequence[float | None]


def series(*values: float | None, label: str = "", axis: Axis = AXIS) -> Series:
    return Series({AT + axis.period * at: float(one) for at, one in enumerate(values) if one is not None}, axis, label)


def searching(text: str, stat: str, period: int | None) -> Several:
    return (series(1, 1, label=f"{text} {stat} {period}"), series(2, 2, label="second"))


# A whole series, one with gaps, one without a zero, one without anything, and conditions.
A, B, C = series(3, -1, 0, 8, 4), series(1, NONE, 2, NONE, 6), series(2, 2, 4, 4, 5)
KNOWN: Mapping[str, Series | Several] = {
    "a": A, "b": B, "c": C, "empty": series(), "alarm5xx": series(1, 1), "elb5xx": series(NONE, 2),
    "two": (A, B), "none": (), "pair": (series(1, 2, label="x"), series(5, label="y")),
}  # fmt: skip


def come_to(text: str, known: Mapping[str, Series | Several] = KNOWN, axis: Axis | None = AXIS) -> list[Points]:
    metrics = [one for one, value in known.items() if isinstance(value, Series)]
    found = evaluate(parse(text), Request(known, metrics, axis, searching))
    return [list(map(one.points.get, AXIS.times)) for one in ((found,) if isinstance(found, Series) else found)]


def approximately(points: Points) -> list[object]:
    return [None if one is None else pytest.approx(one) for one in points]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        # Arithmetic: between two series what is missing counts as 0.
        ("a+1", [4, 0, 1, 9, 5]), ("1-a", [-2, 2, 1, -7, -3]), ("b*10", [10, NONE, 20, NONE, 60]),
        ("a+b", [4, -1, 2, 8, 10]), ("a-b", [2, -1, -2, 8, -2]), ("a*b", [3, 0, 0, 0, 24]),
        ("b/c", [0.5, 0, 0.5, 0, 1.2]), ("c/b", [2, NONE, 2, NONE, 5 / 6]), ("12/a", [4, -12, NONE, 1.5, 3]),
        ("a/0", [NONE] * 5), ("-b", [-1, NONE, -2, NONE, -6]), ("c^2", [4, 4, 16, 16, 25]), ("2^c", [4, 4, 16, 16, 32]),
        ("a^0.5", [3**0.5, NONE, 0, 8**0.5, 2]), ("a^-1", [1 / 3, -1, NONE, 1 / 8, 1 / 4]),
        ("a^999", [NONE, -1, 0, NONE, NONE]),
        ("(a+b)/c*100", [200, -50, 50, 200, 200]), ("PERIOD(b)/60*c", [2, 2, 4, 4, 5]), ("empty+a", [3, -1, 0, 8, 4]),
        ("empty*2", [NONE] * 5), ("empty+empty", [NONE] * 5), ("b+empty", [1, NONE, 2, NONE, 6]),
        # Comparisons and logic.
        ("a>2", [1, 0, 0, 1, 1]), ("b>=2", [0, NONE, 1, NONE, 1]), ("a<b", [0, 1, 1, 0, 1]), ("a<=0", [0, 1, 1, 0, 0]),
        ("b==2", [0, NONE, 1, NONE, 0]), ("a!=b", [1, 1, 1, 1, 1]), ("b!=empty", [1, NONE, 1, NONE, 1]),
        ("a AND c", [1, 1, 0, 1, 1]), ("a OR b", [1, 1, 1, 1, 1]), ("a>2 && b>0", [1, 0, 0, 0, 1]),
        ("a>7 || b>5", [0, 0, 0, 1, 1]), ("TIME_SERIES(2>1)", [1] * 5), ("TIME_SERIES(2>1 AND 0)", [0] * 5),
        # IF.
        ("IF(a, b, c)", [1, 0, 4, 0, 6]), ("IF(b, a)", [3, NONE, 0, NONE, 4]), ("IF(a>2, a)", [3, NONE, NONE, 8, 4]),
        ("IF(a>2, 1, 0)", [1, 0, 0, 1, 1]), ("IF(a<1, b, 9)", [9, 0, 2, 9, 9]), ("IF(a<1, 9, b)", [1, 9, 9, NONE, 6]),
        ("IF(a<1, 9)", [NONE, 9, 9, NONE, NONE]), ("IF(empty, 1, 2)", [NONE] * 5),
        ("IF(1, b, a)", [1, NONE, 2, NONE, 6]),
        ("IF(0, b, a)", [3, -1, 0, 8, 4]), ("IF(0, a)", [NONE] * 5), ("IF(1, a)", [3, -1, 0, 8, 4]),
        ("IF(c>=4, (b/c)/0.5, 0)", [0, 0, 1, 0, 2.4]), ("IF(DATAPOINT_COUNT(b)==3, a)", [3, -1, 0, 8, 4]),
        # Filling.
        ("FILL(b, 0)", [1, 0, 2, 0, 6]), ("FILL(b, -2.5)", [1, -2.5, 2, -2.5, 6]), ("FILL(b, a)", [1, -1, 2, 8, 6]),
        ("FILL(b, empty)", [1, NONE, 2, NONE, 6]), ("FILL(b, REPEAT)", [1, 1, 2, 2, 6]),
        ("FILL(b, MIN(b))", [1, 1, 2, 1, 6]),
        ("FILL(b, LINEAR)", [1, 1.5, 2, 4, 6]), ("FILL(elb5xx, REPEAT)", [NONE, 2, 2, 2, 2]),
        ("FILL(elb5xx, LINEAR)", [NONE, 2, NONE, NONE, NONE]), ("FILL(empty, 0)", [0] * 5),
        ("FILL(empty, a)", [3, -1, 0, 8, 4]),
        ("FILL(empty, REPEAT)", [NONE] * 5), ("FILL(empty, LINEAR)", [NONE] * 5), ("FILL(a, 7)", [3, -1, 0, 8, 4]),
        ("FILL(b, MAX(empty))", [1, NONE, 2, NONE, 6]),
        # Over one series: a number.
        ("TIME_SERIES(SUM(b))", [9] * 5), ("TIME_SERIES(MIN(a))", [-1] * 5), ("TIME_SERIES(MAX(a))", [8] * 5),
        ("TIME_SERIES(AVG(a))", [2.8] * 5), ("TIME_SERIES(AVG(b))", [1.8] * 5), ("TIME_SERIES(MAX(empty))", [NONE] * 5),
        ("TIME_SERIES(SUM(empty))", [0] * 5), ("TIME_SERIES(SUM(b)/DATAPOINT_COUNT(b))", [3] * 5),
        ("TIME_SERIES(METRIC_COUNT(METRICS()))", [6] * 5), ("TIME_SERIES(1/0)", [NONE] * 5), ("a*(1/0>3)", [NONE] * 5),
        ("TIME_SERIES(5)", [5] * 5), ("a-AVG(c)", [-0.4, -4.4, -3.4, 4.6, 0.6]),
        # Over several: a series.
        ("SUM([a,b])", [4, -1, 2, 8, 10]), ("AVG([a,b])", [2, -0.5, 1, 4, 5]), ("MIN([a,b])", [1, -1, 0, 8, 4]),
        ("MAX([a,b])", [3, -1, 2, 8, 6]), ("DATAPOINT_COUNT([a,b])", [2, 1, 2, 1, 2]), ("SUM(two)", [4, -1, 2, 8, 10]),
        ("SUM([METRICS('alarm5'), METRICS(\"elb\")])", [1, 3, NONE, NONE, NONE]),
        ("SUM(METRICS('5xx'))", [1, 3, NONE, NONE, NONE]),
        ("MAX([a])", [3, -1, 0, 8, 4]), ("SUM(100/[c, c])", [100, 100, 50, 50, 40]),
        ("SUM(-[a, b])", [-4, 1, -2, -8, -10]),
        ("AVG([a,b]/c)", [1, -0.25, 0.25, 1, 1]), ("SUM([a,b]*10)", [40, -10, 20, 80, 100]),
        ("MAX(ABS([a, b]))", [3, 1, 2, 8, 6]),
        ("SUM([empty])", [NONE] * 5),
        # Point by point, and step by step.
        ("ABS(a)", [3, 1, 0, 8, 4]), ("CEIL(b/4)", [1, NONE, 1, NONE, 2]), ("FLOOR(b/4)", [0, NONE, 0, NONE, 1]),
        ("LOG(a)", [math.log(3), NONE, NONE, math.log(8), math.log(4)]),
        ("LOG10(c*50)", [2, 2, math.log10(200), math.log10(200), math.log10(250)]),
        ("DIFF(a)", [NONE, -4, 1, 8, -4]), ("DIFF(b)", [NONE, NONE, 1, NONE, 4]),
        ("DIFF_TIME(b)", [NONE, NONE, 120, NONE, 120]),
        ("RATE(b)", [NONE, NONE, 1 / 120, NONE, 4 / 120]), ("RUNNING_SUM(b)", [1, NONE, 3, NONE, 9]),
        ("DIFF(empty)", [NONE] * 5),
        # Picking.
        ("FIRST(two)", [3, -1, 0, 8, 4]), ("LAST(two)", [1, NONE, 2, NONE, 6]),
        ("FIRST(SORT([a, b, c], MAX, ASC))", [2, 2, 4, 4, 5]), ("FIRST(SORT([a, b, c], SUM, DESC))", [2, 2, 4, 4, 5]),
        ("LAST(SORT([empty, a, b], AVG, DESC))", [NONE] * 5), ("FIRST(SORT([a, b, c], MIN, DESC))", [2, 2, 4, 4, 5]),
        ("SUM(SLICE([a, b, c], 1))", [3, 2, 6, 4, 11]), ("SUM(SLICE([a, b, c], 0, 2))", [4, -1, 2, 8, 10]),
        ("SUM(SORT([a, b, c], SUM, ASC, 2))", [4, -1, 2, 8, 10]),
        ("SUM(SEARCH('{A}', 'Sum', 60))", [3, 3, NONE, NONE, NONE]),
        # When.
        ("EPOCH(b)", [AT, AT + 60, AT + 120, AT + 180, AT + 240]), ("MINUTE(a)", [10, 11, 12, 13, 14]),
        ("HOUR(a)", [11] * 5),
        ("DAY(a)", [3] * 5), ("DATE(a)", [18] * 5), ("MONTH(a)", [11] * 5), ("YEAR(a)", [2026] * 5),
        ("IF(MINUTE(a)<12, a)", [3, -1, NONE, NONE, NONE]),
    ],
)  # fmt: skip
def test_one_series(text: str, points: Points) -> None:
    assert come_to(text) == [approximately(points)]


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("pair", [[1, 2], [5]]), ("pair*2", [[2, 4], [10]]), ("2-pair", [[1, 0], [-3]]),
        ("pair/b", [[1, NONE, 0, NONE, 0], [5, NONE, 0, NONE, 0]]),
        ("FILL(pair, 0)", [[1, 2, 0, 0, 0], [5, 0, 0, 0, 0]]), ("RUNNING_SUM(pair)", [[1, 3], [5]]),
        ("REMOVE_EMPTY([empty, c])", [[2, 2, 4, 4, 5]]), ("SORT(pair, MAX, DESC)", [[5], [1, 2]]), ("none", []),
        ("none*3", []), ("SUM(none)", []), ("FIRST(none)", []), ("SLICE(pair, 5)", []), ("[]", []),
        ("METRICS('zzz')", []),
        ("[pair, c]", [[1, 2], [5], [2, 2, 4, 4, 5]]), ("SEARCH('{A}','Sum')", [[1, 1], [2, 2]]),
        ("ABS(-pair)", [[1, 2], [5]]),
    ],
)  # fmt: skip
def test_several_series(text: str, many: Sequence[Points]) -> None:
    assert come_to(text) == [approximately([*points, *[NONE] * (5 - len(points))]) for points in many]


def test_as_the_documentation_has_it() -> None:
    known = {"metric1": series(30, 20, 0, 0), "metric2": series(20, NONE, 20, NONE)}
    for text, points in {
        "(metric1 < metric2)": [0, 0, 1, 0], "(metric1 >= 30)": [1, 0, 0, 0],
        "(metric1 > 15 AND metric2 > 15)": [1, 0, 0, 0],
    }.items():  # fmt: skip
        assert come_to(text, known) == [[*points, NONE]]
    known = {
        "metric1": series(1, 1, 0, 0),
        "metric2": series(30, NONE, 0, 0, 30),
        "metric3": series(0, 0, 20, NONE, 20),
    }
    for text, values in {
        "IF(metric1, metric2, metric3)": [30, 0, 20, NONE, NONE], "IF(metric1, 5, metric3)": [5, 5, 20, NONE, NONE],
        "IF(metric1, metric2, 5)": [30, 0, 5, 5, NONE],
    }.items():  # fmt: skip
        assert come_to(text, known) == [values]


def test_labels_of_several_are_kept() -> None:
    found = evaluate(parse("pair*2"), Request(KNOWN, (), None, searching))
    assert isinstance(found, tuple)
    assert [one.label for one in found] == ["x", "y"]


@pytest.mark.parametrize(
    "text", ["a/0", "12/a", "LOG(a)", "(12/a)+c", "SUM([12/a, c])", "IF(1/0, a)", "IF(c, 12/a)", "FILL(12/a, 0)"]
)
def test_what_was_dropped_is_said(text: str) -> None:
    found = evaluate(parse(text), Request(KNOWN, (), AXIS, searching))
    assert isinstance(found, Series)
    assert found.dropped


def test_long_sums_and_large_numbers_end_well() -> None:
    assert come_to("a" + "+a" * 400) == [[401 * one for one in (3, -1, 0, 8, 4)]]
    assert come_to("SUM([c*1e308, c*1e308, -c*1e308])") == [[NONE] * 5]
    assert come_to("a + SUM(c)*9e307") == [[NONE] * 5]


def test_what_was_not_dropped_is_not_said() -> None:
    found = evaluate(parse("IF(a>2, b/c, 0)"), Request(KNOWN, (), AXIS, searching))
    assert isinstance(found, Series)
    assert not found.dropped


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1+1", "is a single number"), ("SUM(a)", "is a single number"), ("PERIOD(a)", "is a single number"),
        ("FOO(a)", "FOO at 1 is not a function of CloudWatch"), ("1 + EXP(a)", "EXP at 5 is not a function"),
        ("sum(a)", "sum at 1 is not a function"), ("STDDEV(a)", "STDDEV at 1 is not evaluated"),
        ("ANOMALY_DETECTION_BAND(a)", "is not evaluated"), ("SERVICE_QUOTA(a)", "is not evaluated"),
        ("two + two", "between an array and an array"), ("two > 1", "> does not go between an array and a number"),
        ("a AND two", "AND does not go between a time series and an array"), ("REPEAT", "'REPEAT' is no value"),
        ("'x' + a", "'x' is no value"),
        ("[1, a]", "an array holds time series"), ("FILL(a)", "FILL at 1 takes 2 arguments, not 1"),
        ("IF(a)", "IF at 1 takes 2 to 3 arguments"), ("FILL(a, ASC)", "REPEAT or LINEAR, not ASC"),
        ("FILL(a, two)", "not with an array"), ("FILL(1, 0)", "not a number"), ("ABS(-1)", "not a number"),
        ("IF(two, a, c)", "not arrays"), ("IF(1, 2, 3)", "takes time series to choose from"),
        ("IF(1, a, 3)", "to choose from"),
        ("SLICE(a, 0)", "takes an array of time series, not a time series"), ("SLICE(two, 0.5)", "whole number"),
        ("SLICE(two, -1)", "whole number"), ("SLICE(two, 1/0)", "whole number"),
        ("SLICE(two, 9e999)", "whole number"), ("SORT(two, STDDEV, ASC)", "one of AVG, MIN, MAX and SUM"),
        ("SORT(two, AVG, UP)", "ASC or DESC, not UP"), ("SORT(two, 'AVG', ASC)", "one of AVG"),
        ("FIRST(a)", "takes an array"),
        ("LAST(3)", "takes an array"), ("METRIC_COUNT(a)", "takes an array"), ("REMOVE_EMPTY(a)", "takes an array"),
        ("MINUTE(two)", "takes a time series"), ("HOUR(1)", "takes a time series"),
        ("PERIOD(two)", "the id of a metric"),
        ("a*PERIOD(a+b)", "PERIOD at 3 takes the id of a metric"), ("METRICS(a)", "in quotes"),
        ("SEARCH(a, 'Sum')", "in quotes"),
        ("SEARCH('x', Sum)", "in quotes"), ("TIME_SERIES(a)", "takes a number there, not a time series"),
        ("SUM(1)", "not a number"),
        ("a + hour", "mixes periods of 60, 3600 seconds"), ("SUM([a, hour])", "mixes periods"),
        ("IF(hour, a)", "mixes periods"),
        ("FILL(a, hour)", "mixes periods"), ("IF(1, a, hour)", "mixes periods"),
        ("PERIOD(a, b)", "takes 1 arguments, not 2"),
    ],
)  # fmt: skip
def test_what_is_not_evaluated_is_refused(text: str, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        come_to(text, {**KNOWN, "hour": series(1, axis=Axis(AT, AT + 7200, 3600))})


def test_without_a_metric_there_must_be_a_period() -> None:
    with pytest.raises(Refused, match="TIME_SERIES at 1 needs a Period"):
        come_to("TIME_SERIES(5)", axis=None)


VALUES = st.lists(st.none() | st.integers(-4, 4).map(float), min_size=5, max_size=5)
SIGNS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, ">": lambda x, y: x > y, "<=": lambda x, y: x <= y,
    "==": lambda x, y: x == y, "AND": lambda x, y: bool(x and y), "OR": lambda x, y: bool(x or y),
    "/": lambda x, y: x / y if y else math.nan,
}  # fmt: skip


@given(VALUES, VALUES, st.sampled_from(sorted(SIGNS)))
def test_two_series_meet_moment_by_moment(left: Points, right: Points, sign: str) -> None:
    wanted: list[float | None] = []
    for one, other in zip(left, right, strict=True):
        value = math.nan if one is None and other is None else float(SIGNS[sign](one or 0.0, other or 0.0))
        wanted.append(None if math.isnan(value) else value)
    assert come_to(f"x {sign} y", {"x": series(*left), "y": series(*right)}) == [wanted]


@given(VALUES, VALUES, VALUES)
def test_shortfalls_over_gaps(total: Points, bad: Points, other: Points) -> None:
    """What our burn alarms are made of: bad over total, where there is enough traffic."""
    known = {"r": series(*total), "e": series(*bad), "t": series(*other)}
    wanted: list[float | None] = []
    for requests, *errors in zip(total, bad, other, strict=True):
        failed = sum(one or 0.0 for one in errors)
        all_ = max(requests or 0.0, failed)
        wanted.append(failed / all_ if all_ >= 2 else 0.0)
    text = (
        "IF(IF(FILL(r,0)>FILL(e,0)+FILL(t,0),FILL(r,0),FILL(e,0)+FILL(t,0))>=2, "
        "(FILL(e,0)+FILL(t,0))/IF(FILL(r,0)>FILL(e,0)+FILL(t,0),FILL(r,0),FILL(e,0)+FILL(t,0)), 0)"
    )
    assert come_to(text, known) == [approximately(wanted)]
