"""Indicators: what they count from values is what CloudWatch's metric math comes to."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.model import ParapetError
from chalicelib.services import sli
from chalicelib.services.model import Counts, Measures, Metric, Objective, Percent, Shortfall, Sli, Timed, Under
from chalicelib.services.sli import Counted
from local.cloudwatch.store import Metric as Kept
from local.cloudwatch.store import Store
from tests.services.playing import AT, Put, counted, evaluated, stored

NAMES = ("a", "b", "c", "d")


def of(name: str, stat: str = "Sum") -> Metric:
    return Metric("Shop", name, (("service", "shop"),), stat)


INDICATORS: dict[str, Sli] = {
    "counts": Counts((of("a"), of("b")), (of("c"),)),
    "counts with one in both": Counts((of("a"), of("b")), (of("c"), of("b"), of("d", "SampleCount"))),
    "shortfall": Shortfall(of("a"), of("a", "SampleCount")),
    "shortfall of two": Shortfall(of("a"), of("b")),
    "percent": Percent(of("a", "Average"), of("b")),
    "under": Under(of("a", "PR(:40)"), of("a", "SampleCount")),
}
samples = st.lists(
    st.tuples(st.integers(0, 100), st.integers(1, 50)), min_size=1, max_size=3, unique_by=lambda one: one[0]
)
periods = st.lists(st.dictionaries(st.sampled_from(NAMES), samples), min_size=1, max_size=4)


@pytest.mark.parametrize("name", INDICATORS)
@given(several=periods)
@example(several=[{}, {"a": [(1, 1)]}])
@example(several=[{"a": [(9, 1)], "b": [(3, 1)]}, {"b": [(3, 1)]}, {"c": [(5, 1)]}])
def test_what_is_counted_is_what_the_math_comes_to(name: str, several: list[dict[str, list[tuple[int, int]]]]) -> None:
    indicator = INDICATORS[name]
    store = stored(
        Put("Shop", metric, {"service": "shop"}, tuple(v for v, _ in pairs), tuple(n for _, n in pairs), number)
        for number, one in enumerate(several)
        for metric, pairs in one.items()
    )
    from_values, by_math = counted(store, indicator, len(several)), evaluated(store, indicator, len(several))
    # Math fills a gap in between with zeroes, where there is nothing to be counted.
    for number in range(len(several)):
        here, there = from_values.get(number, Counted(0, 0)), by_math.get(number, Counted(0, 0))
        assert there.bad == pytest.approx(here.bad)
        assert there.total == pytest.approx(here.total)
        assert 0 <= here.bad <= here.total


def test_a_series_that_is_in_both_is_asked_for_once() -> None:
    said = sli.expressed(Counts((of("errors"), of("throttles")), (of("invocations"), of("throttles"))))
    assert list(said.metrics) == ["b1", "b2", "t1"]
    assert said.bad == "FILL(b1, 0) + FILL(b2, 0)"
    total = "FILL(t1, 0) + FILL(b2, 0)"
    assert said.total == f"IF({total} > {said.bad}, {total}, {said.bad})"


@pytest.mark.parametrize(
    ("seconds", "per_second", "stat"),
    [
        (0.3, 1, "PR(:0.3)"),
        (0.3, 1000, "PR(:300)"),
        (0.0015, 1000, "PR(:1.5)"),
        # No exponent: CloudWatch takes none.
        (3600, 1000, "PR(:3600000)"),
        (1234.5678, 1000, "PR(:1234567.8)"),
        (60, 1, "PR(:60)"),
    ],
)
def test_a_bound_is_in_the_metric_s_own_unit(seconds: float, per_second: float, stat: str) -> None:
    assert sli.within(Timed(of("Duration"), per_second), seconds) == Under(
        of("Duration", stat), of("Duration", "SampleCount")
    )


class TestWhatCountsForAnObjective:
    latency = Objective("shop", "latency", "latency", 95, under=0.3)

    def test_availability(self) -> None:
        indicator = Counts((of("a"),), (of("b"),))
        assert sli.of(Objective("shop", "availability", "availability"), Measures(indicator)) == indicator

    def test_of_what_nobody_counts(self) -> None:
        with pytest.raises(ParapetError, match="shop-availability: nothing counts the requests of its entry"):
            sli.of(Objective("shop", "availability", "availability"), Measures())

    def test_of_what_nobody_times(self) -> None:
        with pytest.raises(ParapetError, match="shop-latency: nothing tells how long requests to its entry take"):
            sli.of(self.latency, Measures())

    def test_of_what_has_averages_only(self) -> None:
        with pytest.raises(ParapetError, match=r"shop-latency: .* only averages are told, no percentiles"):
            sli.of(self.latency, Measures(latency=Timed(of("a")), percentiles=False))


class TestStates:
    """Trap 2.2: a counter of errors that is silent means none, but only where there is traffic."""

    indicator = Counts((of("bad"),), (of("total"),))

    def test_no_errors_among_some_requests(self) -> None:
        assert sli.counted(self.indicator, {of("total"): 9.0}) == Counted(0, 9)

    def test_silence_is_nothing_and_not_all_good(self) -> None:
        assert sli.counted(self.indicator, {}) is None
        assert sli.counted(self.indicator, {of("total"): None, of("bad"): None}) is None

    def test_trap_2_1_errors_without_requests_are_all_bad(self) -> None:
        assert sli.counted(self.indicator, {of("bad"): 40.0}) == Counted(40, 40)

    def test_samples_of_which_nobody_knows_how_long_are_not_all_fast(self) -> None:
        # A statistic set has a count, and no percentiles.
        store = Store()
        store.put_set(Kept.of("Shop", "a", {"service": "shop"}), AT, 50, 2500, 1, 90)
        under = INDICATORS["under"]
        assert counted(store, under) == {0: Counted(0, 0)}
        assert sli.counted(under, {of("a", "SampleCount"): 50.0}) is None
        assert sli.summed(under, [(1.0, (None, 50.0))]) is None
        assert sli.summed(under, [(1.0, (None, 50.0)), (1.0, (90.0, 10.0))]) == Counted((1 - 90.0 / 100) * 10.0, 10.0)
        assert evaluated(store, under) == {0: Counted(0, 0)}
