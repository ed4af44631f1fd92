"""How fast a budget is spent, against the SRE workbook's table and against the plainest possible model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.services.model import Objective
from chalicelib.services.sli import Counted
from chalicelib.slo import burn
from chalicelib.slo.burn import HOUR, MINUTE, SPEEDS, WINDOWS

SHOP = Objective("shop", "availability", "availability", 99.9, 30)


class TestTable:
    def test_is_the_workbooks(self) -> None:
        """Chapter 5, table 5-8, with the row 1 d / 2 h / 3 of its final rule."""
        rows = [(one.level, one.spent, one.long, one.short, one.factor(30)) for one in SPEEDS]
        assert rows == [
            ("page", 0.02, HOUR, 5 * MINUTE, 14.4),
            ("page", 0.05, 6 * HOUR, 30 * MINUTE, 6.0),
            ("ticket", 0.10, 24 * HOUR, 2 * HOUR, 3.0),
            ("ticket", 0.10, 72 * HOUR, 6 * HOUR, 1.0),
        ]
        assert all(one.long == 12 * one.short for one in SPEEDS)

    @pytest.mark.parametrize(
        ("days", "factors"), [(30, [14.4, 6, 3, 1]), (28, [13.44, 5.6, 2.8, 0.9333]), (7, [3.36, 1.4, 0.7, 0.2333])]
    )
    def test_of_each_window(self, days: int, factors: list[float]) -> None:
        assert [one.factor(days) for one in SPEEDS] == pytest.approx(factors, abs=5e-5)

    @pytest.mark.parametrize(("speed", "ratio"), zip(SPEEDS, [0.0144, 0.006, 0.003, 0.001], strict=True))
    def test_of_error_ratios_at_99_9(self, speed: burn.Speed, ratio: float) -> None:
        assert speed.factor(30) * SHOP.budget == pytest.approx(ratio)

    def test_spends_what_it_says(self) -> None:
        for speed in SPEEDS:
            for days in (7, 28, 30):
                assert speed.factor(days) * speed.long / (days * 24 * HOUR) == pytest.approx(speed.spent)

    def test_windows(self) -> None:
        assert [burn.length(one) for one in WINDOWS] == ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]


class TestImpossible:
    @pytest.mark.parametrize(
        ("goal", "days", "possible"),
        [(99.9, 30, True), (93.06, 30, True), (93.05, 30, False), (92.57, 28, True), (92.55, 28, False),
         (70.3, 7, True), (70.2, 7, False)],
    )  # fmt: skip
    def test_needs_more_than_all_requests_bad(self, goal: float, days: int, possible: bool) -> None:
        sorry = burn.impossible(Objective("shop", "availability", "availability", goal, days))
        assert (not sorry) is possible

    def test_says_what_can(self) -> None:
        sorry = burn.impossible(Objective("shop", "availability", "availability", 90, 30))
        assert sorry == (
            "90 % could never page: 14.4 times its budget is more than all requests; over 30 days a goal above 93.06 % "
            "can"
        )

    @given(st.integers(min_value=100, max_value=9999), st.sampled_from((7, 28, 30)))
    def test_all_requests_bad_pages_exactly_when_it_is_possible(self, goal: int, days: int) -> None:
        objective = Objective("shop", "availability", "availability", goal / 100, days)
        outage = dict.fromkeys(WINDOWS, Counted(1000.0, 1000.0))
        [fastest, *_] = burn.burning(objective, outage)
        assert fastest.on is not bool(burn.impossible(objective))


COUNTS = st.integers(0, 400).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
LONGS, FACTORS = (3600, 21600, 86400, 259200), (14.4, 6.0, 3.0, 1.0)


class TestBurning:
    @given(st.lists(COUNTS, min_size=7, max_size=7), st.integers(1, 20), st.sampled_from((99.0, 99.9, 95.0)))
    def test_is_what_the_definition_says(self, counts: list[tuple[int, int]], few: int, goal: float) -> None:
        objective = Objective("shop", "availability", "availability", goal, 30, few=few)
        windows = dict(zip(WINDOWS, (Counted(bad, total) for bad, total in counts), strict=True))
        found = burn.burning(objective, windows)
        expected = []
        for long, factor in zip(LONGS, FACTORS, strict=True):
            bad, total = counts[WINDOWS.index(long)]
            short_bad, short_total = counts[WINDOWS.index(long // 12)]
            # In whole numbers: more bad ones than the factor times what may be.
            may = round(factor * (100 - goal) * 1000)
            expected.append(bad >= few and bad * 100_000 > may * total and short_bad * 100_000 > may * short_total)
        # Equal to the bit is a matter of rounding, which no alarm depends on.
        near = [abs(one.long - one.factor) < 1e-9 or abs(one.short - one.factor) < 1e-9
                for one in found if one.long is not None and one.short is not None]  # fmt: skip
        if not any(near):
            assert [one.on for one in found] == expected
            pages = any(expected[:2])
            assert burn.level(found) == ("page" if pages else "ticket" if any(expected) else None)

    def test_without_traffic_has_no_rate_and_wakes_nobody(self) -> None:
        for nothing in (None, Counted(0, 0)):
            found = burn.burning(SHOP, dict.fromkeys(WINDOWS, nothing))
            assert [(one.long, one.short, one.on) for one in found] == [(None, None, False)] * 4
        assert burn.level(burn.burning(SHOP, {})) is None

    @pytest.mark.parametrize(("bad", "on"), [(4, False), (5, True), (4.6, True), (4.4, False)])
    def test_fewer_bad_ones_than_few_wake_nobody(self, bad: float, on: bool) -> None:
        found = burn.burning(SHOP, dict.fromkeys(WINDOWS, Counted(bad, 10)))
        assert [one.on for one in found] == [on] * 4

    def test_one_error_in_ten_requests_does_not_page(self) -> None:
        assert burn.level(burn.burning(SHOP, dict.fromkeys(WINDOWS, Counted(1, 10)))) is None
