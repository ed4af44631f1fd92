"""Every statistic by hand, and percentiles and trimmed ones against the samples one by one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.refused import Refused
from local.cloudwatch.statistics import statistic
from local.cloudwatch.store import Metric, Store, Window

AT = 1_794_999_600
M = Metric.of("Shop", "Latency")


def take(samples: list[float], stat: str) -> float | None:
    store = Store()
    for number, sample in enumerate(samples):
        store.put(M, AT + 7 * number % 300, (sample,))
    taken = store.taken(M, "None", statistic(stat), AT, AT + 300, 300)
    return taken[0][1] if taken else None


@pytest.mark.parametrize(
    ("stat", "value"),
    [
        ("SampleCount", 10.0), ("Sum", 55.0), ("Average", 5.5), ("Minimum", 1.0), ("Maximum", 10.0),
        # Of 1 to 10: place 9 · p, counted from 0, between the neighbours.
        ("p0", 1.0), ("p50", 5.5), ("p90", 9.1), ("p99", 9.91), ("p99.9", 9.991), ("p100", 10.0),
        ("p33.3333333333", 4.0),
        ("TC(3:7)", 4.0), ("TS(3:7)", 22.0), ("TM(3:7)", 5.5), ("PR(3:7)", 40.0), ("WM(3:7)", 5.2),
        ("TC(:7)", 7.0), ("TS(:7)", 28.0), ("TM(:7)", 4.0), ("PR(:7)", 70.0), ("WM(:7)", 4.9),
        ("TC(7:)", 3.0), ("TS(7:)", 27.0), ("TM(7:)", 9.0), ("PR(7:)", 30.0), ("WM(7:)", 7.6),
        ("PR(:0.3)", 0.0), ("TC(:.3)", 0.0), ("TS(20:30)", 0.0), ("TM(20:30)", None), ("WM(20:30)", 20.0),
    ],
)  # fmt: skip
def test_of_one_to_ten(stat: str, value: float | None) -> None:
    taken = take([float(one) for one in range(1, 11)], stat)
    assert taken == (None if value is None else pytest.approx(value))


def test_the_lower_bound_is_left_out_and_the_upper_is_not() -> None:
    assert take([0.005, 0.006, 0.03, 0.031], "TC(0.005:0.030)") == 2.0


@pytest.mark.parametrize("stat", ["p50", "TM(:5)", "WM(:5)", "TC(:5)", "TS(:5)", "PR(:5)"])
def test_negative_values_have_simple_statistics_only(stat: str) -> None:
    assert take([-1.0, 2.0], stat) is None
    assert take([-1.0, 2.0], "Average") == 0.5


def test_zero_is_a_value() -> None:
    for stat in ("Sum", "Average", "Minimum", "Maximum", "p99"):
        assert take([0.0], stat) == 0.0


def test_nothing_has_no_statistic() -> None:
    for stat in ("SampleCount", "Sum", "Average", "Minimum", "Maximum", "p99", "PR(:1)"):
        assert take([], stat) is None


def test_the_same_name_is_read_once() -> None:
    assert statistic("p99") is statistic("p99")
    assert list(statistic("Sum")(Window([], AT, AT + 120, 60))) == [None, None]


@pytest.mark.parametrize(
    ("stat", "problem"),
    [
        ("sum", "takes no statistic 'sum'"), ("", "takes no"), ("p", "takes no"), ("p101", "takes no"),
        ("p99.12345678901", "takes no"), ("P99", "takes no"), ("TM", "takes no"), ("TM()", "takes no"),
        ("TM(:)", "takes no"), ("TM(5)", "takes no"), ("PR(3:1)", "has no range"), ("PR(3:3)", "has no range"),
        ("TM(1:2", "takes no"), ("MEDIAN", "takes no"), ("TC(-1:2)", "takes no"), ("TM(1e3:2e3)", "takes no"),
        ("TM(10%:90%)", "does not evaluate"), ("PR(10%:90%)", "does not evaluate"), ("tm99", "does not evaluate"),
        ("wm98", "does not evaluate"), ("IQM", "does not evaluate"), ("TS(80%:)", "does not evaluate"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused(stat: str, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        statistic(stat)


VALUES = st.lists(st.integers(0, 40).map(lambda one: one / 8), min_size=1, max_size=40)


@given(VALUES, st.floats(0, 100).map(lambda one: round(one, 2)))
def test_percentiles_lie_between_the_nearest_samples(samples: list[float], rank: float) -> None:
    ordered = sorted(samples)
    place = rank / 100 * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    assert take(samples, f"p{rank}") == pytest.approx(low + (high - low) * (place - math.floor(place)))


@given(VALUES, st.integers(0, 20), st.integers(1, 20))
def test_ranges_count_sample_by_sample(samples: list[float], low: int, wide: int) -> None:
    low, high = low // 4, low // 4 + wide / 4
    within = [one for one in samples if low < one <= high]
    name = f"({low}:{high})"
    assert take(samples, "TC" + name) == len(within)
    assert take(samples, "TS" + name) == pytest.approx(sum(within))
    assert take(samples, "PR" + name) == pytest.approx(100 * len(within) / len(samples))
    assert take(samples, "TM" + name) == (pytest.approx(sum(within) / len(within)) if within else None)
    edged = [min(max(one, low), high) for one in samples]
    assert take(samples, "WM" + name) == pytest.approx(sum(edged) / len(edged))
