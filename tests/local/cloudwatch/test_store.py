"""Where metrics are kept: buckets, statistic sets, history at once, what is still kept at which period."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.statistics import statistic
from local.cloudwatch.store import DAY, HOUR, Metric, Store, oldest

AT = 1_794_999_600
M = Metric.of("Shop", "Latency", {"Service": "checkout"})
SIMPLE = ("SampleCount", "Sum", "Minimum", "Maximum")


def read(store: Store, stat: str, period: int = 60, start: int = AT, many: int = 5, unit: str = "None") -> list[float]:
    found = dict(store.taken(M, unit, statistic(stat), start, start + many * period, period))
    return [found.get(start + number * period, math.nan) for number in range(many)]


def equal(found: Sequence[float], *wanted: float) -> bool:
    return list(found) == pytest.approx(list(wanted), nan_ok=True)


NONE = math.nan


def test_dimensions_may_come_in_any_order() -> None:
    assert Metric.of("n", "m", {"a": "1", "b": "2"}) == Metric.of("n", "m", {"b": "2", "a": "1"})


def test_samples_fall_into_the_minute_that_they_are_of() -> None:
    store = Store()
    store.put(M, AT + 120, (5.0,))
    store.put(M, AT + 59.9, (1.0, 4.0), (2.0, 1.0))
    store.put(M, AT, (3.0,))
    assert equal(read(store, "SampleCount"), 4, NONE, 1, NONE, NONE)
    assert equal(read(store, "Sum"), 9, NONE, 5, NONE, NONE)
    assert equal(read(store, "Average"), 2.25, NONE, 5, NONE, NONE)
    assert equal(read(store, "Minimum"), 1, NONE, 5, NONE, NONE)
    assert equal(read(store, "Maximum"), 4, NONE, 5, NONE, NONE)
    assert equal(read(store, "p50"), 2, NONE, 5, NONE, NONE)


def test_values_may_come_in_any_order_and_more_than_once() -> None:
    store = Store()
    store.put(M, AT, (4.0, 1.0, 2.0, 1.0, 9.0), (1.0, 1.0, 1.0, 2.0, 0.0))
    assert equal(read(store, "p50", many=1), 1)
    assert equal(read(store, "p100", many=1), 4)
    assert equal(read(store, "TC(:1)", many=1), 3)


def test_what_lies_at_or_after_the_end_counts_for_nothing() -> None:
    store = Store()
    for minute in range(5):
        store.put(M, AT + 60 * minute, (1.0,))
    assert store.taken(M, "None", statistic("Sum"), AT, AT + 180, 300) == [(AT, 3.0)]
    assert store.taken(M, "None", statistic("p50"), AT, AT + 180, 300) == [(AT, 1.0)]


def test_periods_begin_with_the_start() -> None:
    store = Store()
    for minute in range(6):
        store.put(M, AT + 60 * minute, (float(minute),))
    taken = store.taken(M, "None", statistic("Sum"), AT + 120, AT + 360, 120)
    assert taken == [(AT + 120, 5.0), (AT + 240, 9.0)]


def test_a_statistic_set_hides_the_distribution_where_its_values_differ() -> None:
    store = Store()
    store.put(M, AT, (1.0, 2.0))
    store.put_set(M, AT, 3, 12.0, 2.0, 6.0)
    store.put_set(M, AT + 60, 3, 6.0, 2.0, 2.0)
    store.put_set(M, AT + 120, 1, 7.0, 7.0, 7.0)
    assert equal(read(store, "Sum"), 15, 6, 7, NONE, NONE)
    assert equal(read(store, "SampleCount"), 5, 3, 1, NONE, NONE)
    assert equal(read(store, "Maximum"), 6, 2, 7, NONE, NONE)
    assert equal(read(store, "p99"), NONE, 2, 7, NONE, NONE)
    store.put(M, AT, (1.5,))
    assert equal(read(store, "TC(0:10)"), NONE, 3, 1, NONE, NONE)


def test_history_is_filled_at_once() -> None:
    store = Store()
    store.fill(M, AT, 60, [1.0, NONE, 6.0, 0.0, 2.0], [1, 0, 3, 0, 4], [1, 0, 1, 0, 0], [1, 0, 4, 0, 1])
    assert equal(read(store, "Sum"), 1, NONE, 6, NONE, 2)
    assert equal(read(store, "SampleCount"), 1, NONE, 3, NONE, 4)
    assert equal(read(store, "Minimum"), 1, NONE, 1, NONE, 0)
    assert equal(read(store, "Maximum"), 1, NONE, 4, NONE, 1)
    assert equal(read(store, "p50"), 1, NONE, NONE, NONE, NONE)


def test_history_of_plain_values_is_one_sample_a_bucket() -> None:
    store = Store()
    store.fill(M, AT, 60, [0.0, NONE, 6.0])
    assert equal(read(store, "SampleCount"), 1, NONE, 1, NONE, NONE)
    assert equal(read(store, "Sum"), 0, NONE, 6, NONE, NONE)
    assert equal(read(store, "p95"), 0, NONE, 6, NONE, NONE)


def test_history_with_counts_only_has_samples_that_are_alike() -> None:
    store = Store()
    store.fill(M, AT, 60, [4.0, 0.0], [2, 0])
    assert equal(read(store, "Maximum"), 2, NONE, NONE, NONE, NONE)
    assert equal(read(store, "TC(1:2)"), 2, NONE, NONE, NONE, NONE)


def test_history_with_its_distribution_has_percentiles() -> None:
    store = Store()
    store.fill_spread(M, AT, 60, (0.1, 0.2, 0.4), [8, 1, 1, 0, 0, 0, 0, 0, 2])
    assert equal(read(store, "SampleCount"), 10, NONE, 2, NONE, NONE)
    assert equal(read(store, "Sum"), 1.4, NONE, 0.8, NONE, NONE)
    assert equal(read(store, "Minimum"), 0.1, NONE, 0.4, NONE, NONE)
    assert equal(read(store, "PR(:0.2)"), 90, NONE, 0, NONE, NONE)
    assert equal(read(store, "PR(:0.2)", 300, many=1), 75)
    assert equal(read(store, "p100", 300, many=1), 0.4)
    # What comes live is added to it.
    store.put(M, AT, (0.2, 0.8), (10, 10))
    assert equal(read(store, "PR(:0.2)"), 100 * 19 / 30, NONE, 0, NONE, NONE)
    store.put_set(M, AT, 2, 1.0, 0.2, 0.8)
    assert equal(read(store, "PR(:0.2)"), NONE, NONE, 0, NONE, NONE)


def test_history_over_what_is_there_is_added_to_it() -> None:
    store = Store()
    store.put(M, AT + 60, (2.0,))
    store.fill(M, AT, 60, [1.0, 3.0, NONE])
    assert equal(read(store, "Sum"), 1, 5, NONE, NONE, NONE)
    store.fill_spread(M, AT, 60, (2.0, 9.0), [1, 1, 0, 2])
    assert equal(read(store, "Sum"), 12, 23, NONE, NONE, NONE)
    assert equal(read(store, "TC(2:9)"), 1, 3, NONE, NONE, NONE)


def test_coarse_history_lies_beside_fine_data() -> None:
    store, day = Store(), AT // DAY * DAY
    store.fill(M, day, HOUR, [60.0] * 12)
    store.fill(M, day + 12 * HOUR, 300, [5.0] * 36)
    store.put(M, day + 15 * HOUR, (7.0,))
    assert equal(read(store, "Sum", HOUR, day + 10 * HOUR, 6), 60, 60, 60, 60, 60, 7)
    assert equal(read(store, "Sum", 6 * HOUR, day, 3), 360, 360, 187)
    # As EC2's basic monitoring: a point every five minutes, holes between.
    assert equal(read(store, "Sum", 60, day + 12 * HOUR, 6), 5, NONE, NONE, NONE, NONE, 5)
    # Not aligned: what begins within a period belongs to it.
    assert equal(read(store, "Sum", HOUR, day + 12 * HOUR + 180, 3), 60, 60, 5 * 11 + 7)


@pytest.mark.parametrize(
    ("start", "period", "problem"), [(AT + 30, 60, "multiple"), (AT, 120, "multiple"), (AT + 60, 300, "multiple")]
)
def test_history_that_fits_no_bucket_is_refused(start: int, period: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Store().fill(M, start, period, [1.0])


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Store().fill(M, AT, 60, [1.0, 2.0], [1])
    for values, counts in (((1.0, 2.0), [1, 2, 3]), ((2.0, 1.0), [1, 2]), ((), [])):
        with pytest.raises(ValueError, match="ascending"):
            Store().fill_spread(M, AT, 60, values, counts)


def test_it_knows_what_it_has_and_since_when() -> None:
    store, other = Store(), Metric.of("Shop", "Errors")
    assert store.latest(M) is None
    store.put(M, AT, (1.0,), unit="Seconds")
    store.put(M, AT - 60, (1.0,), unit="Milliseconds")
    store.fill(other, AT, 60, [1.0, 1.0])
    assert store.latest(M) == AT
    assert store.latest(other) == AT + 60
    assert list(store.metrics()) == [other, M]
    assert list(store.metrics(AT + 1)) == [other]
    assert store.units(M) == ("Milliseconds", "Seconds")
    assert store.changes == 3
    store.put(M, AT, ())
    assert store.changes == 3


@pytest.mark.parametrize(
    ("period", "days"), [(60, 15), (120, 15), (300, 63), (900, 63), (1800, 63), (3600, 455), (7200, 455), (86_400, 455)]
)
def test_the_longer_the_period_the_longer_it_is_kept(period: int, days: int) -> None:
    assert oldest(period, AT + 17.0) == AT - days * DAY


def test_seconds_are_not_kept() -> None:
    with pytest.raises(ValueError, match="10 seconds"):
        oldest(10, AT)


SAMPLES = st.lists(
    st.tuples(st.integers(0, 900), st.lists(st.tuples(st.integers(0, 20), st.integers(1, 3)), min_size=1, max_size=4)),
    max_size=12,
)


@given(SAMPLES, st.sampled_from((60, 120, 300)), st.integers(0, 5))
def test_simple_statistics_are_those_of_the_samples(
    puts: list[tuple[int, list[tuple[int, int]]]], period: int, minutes: int
) -> None:
    store, start = Store(), AT + 60 * minutes
    for after, pairs in puts:
        store.put(M, AT + after, [float(value) for value, _ in pairs], [float(count) for _, count in pairs])
    for number in range(3):
        begin = start + number * period
        # Samples know their minute only.
        within = [
            float(value)
            for after, pairs in puts
            if begin <= (AT + after) // 60 * 60 < begin + period
            for value, count in pairs
            for _ in range(count)
        ]
        wanted = (len(within), sum(within), min(within), max(within)) if within else (NONE,) * 4
        found = [read(store, stat, period, start, 3)[number] for stat in SIMPLE]
        assert equal(found, *wanted)


ROWS = st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=6, max_size=6)


@given(ROWS, st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), max_size=4), st.sampled_from((60, 120, 360)))
def test_spreads_of_history_and_of_what_came_after_are_one(
    rows: list[tuple[int, ...]], puts: list[tuple[int, int]], period: int
) -> None:
    store, steps = Store(), (1.0, 2.0, 3.0)
    store.fill_spread(M, AT, 60, steps, [count for row in rows for count in row])
    for minute, value in puts:
        store.put(M, AT + 60 * minute, (float(value),))
    for number in range(360 // period):
        minutes = range(number * period // 60, (number + 1) * period // 60)
        samples = [
            *(value for at in minutes for value, count in zip(steps, rows[at], strict=True) for _ in range(count)),
            *(value for at, value in puts if at in minutes),
        ]
        for stat, wanted in (("TS(1:3)", sum(one for one in samples if 1 < one <= 3)), ("SampleCount", len(samples))):
            found = read(store, stat, period, many=360 // period)[number]
            assert equal([found], wanted if samples else NONE)
        middle = read(store, "p50", period, many=360 // period)[number]
        assert equal([middle], statistics.median(samples) if samples else NONE)


@given(
    st.sampled_from((60, 300, 3600)), st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(-40, 40),
    st.sampled_from((60, 120, 300, 420, 3600)), st.integers(0, 4000),
)  # fmt: skip
def test_buckets_belong_to_the_period_in_which_they_begin(
    size: int, sums: list[int], minutes: int, period: int, length: int
) -> None:
    store, begin, start = Store(), AT // size * size, AT + 60 * minutes
    store.fill(M, begin, size, [float(one) for one in sums])
    wanted: dict[int, float] = {}
    for number, value in enumerate(sums):
        if start <= (at := begin + number * size) < start + length:
            period_of = start + (at - start) // period * period
            wanted[period_of] = wanted.get(period_of, 0.0) + value
    assert dict(store.taken(M, "None", statistic("Sum"), start, start + length, period)) == wanted
    ranks = dict(store.taken(M, "None", statistic("TS(0:9)"), start, start + length, period))
    assert ranks == wanted
