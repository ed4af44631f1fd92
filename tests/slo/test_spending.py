"""From points that were read to error budgets: which periods a window counts, and what may not be read."""

from __future__ import annotations

import pytest

from chalicelib.services import sli
from chalicelib.services.model import Objective, Service, Target
from chalicelib.services.reading import Reading
from chalicelib.slo import spending
from chalicelib.slo.burn import HOUR, MINUTE, WINDOWS

NOW = 1_795_000_220.0
DAY = 24 * HOUR
THIS_HOUR = int(NOW) // HOUR * HOUR
AVAILABLE = Objective("shop", "availability", "availability", 99.9)
FAST = Objective("shop", "latency", "latency", 95.0, 7, under=0.3)
SHOP = Service("shop", Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"}), (), (AVAILABLE, FAST))
BAD, _, ALL = sli.metrics(spending.indicator(SHOP, AVAILABLE))


def line(period: int, value: float, many: int) -> dict[int, float]:
    """The latest points of a series."""
    return {int(NOW) // period * period - number * period: value for number in range(many)}


def test_a_window_counts_what_lies_within_and_of_its_first_period_a_share() -> None:
    indicator = spending.indicator(SHOP, AVAILABLE)
    reading = Reading({(ALL, HOUR): line(HOUR, 100.0, 30), (BAD, HOUR): line(HOUR, 1.0, 30)})
    # A day back from 220 seconds into this hour: this one, 23 before it, and 3,380 of 3,600 of the first.
    found = spending.over(indicator, reading, DAY, NOW)
    assert found is not None
    assert found.total == pytest.approx(2400 + 100 * (HOUR - (NOW - THIS_HOUR)) / HOUR)
    assert found.bad == pytest.approx(found.total / 100)


def test_periods_outside_of_a_window_are_no_points() -> None:
    indicator = spending.indicator(SHOP, AVAILABLE)
    assert spending.over(indicator, Reading({(ALL, HOUR): {THIS_HOUR - 30 * HOUR: 2.0}}), DAY, NOW) is None
    assert spending.over(indicator, Reading(), DAY, NOW) is None


def test_what_was_refused_before_and_counted_after_is_held_against_the_whole_window() -> None:
    indicator = spending.indicator(SHOP, AVAILABLE)
    now = int(NOW) // HOUR * HOUR + 59 * MINUTE
    minutes = [now - MINUTE * number for number in range(60)]
    # For 40 minutes the load balancer refuses all, then it hands all on: 10 a minute.
    bad, total = dict.fromkeys(minutes[20:], 10.0), dict.fromkeys(minutes[:20], 10.0)
    found = spending.over(indicator, Reading({(BAD, MINUTE): bad, (ALL, MINUTE): total}), HOUR, now + 1)
    assert found is not None
    assert [found.bad, found.total] == pytest.approx([400, 400], rel=0.01), "as the alarm does"


def test_each_window_is_counted_by_what_is_fine_enough_for_it() -> None:
    indicator = spending.indicator(SHOP, AVAILABLE)
    periods = [period for period, _ in spending.FINENESS]
    requests = {(ALL, period): line(period, 10.0 * period / MINUTE, 400) for period in periods}
    reading = Reading(requests | {(BAD, period): line(period, 5.0, 1) for period in periods})
    found = spending.windows(indicator, reading, NOW)
    assert set(found) == set(WINDOWS)
    for window, counted in found.items():
        assert counted is not None
        assert counted.bad == 5
        expected = window / MINUTE * 10
        # The period that runs counts whole: at most a minute's, five minutes' or an hour's too many.
        finest = next(period for period, longest in spending.FINENESS if longest is None or window <= longest)
        assert expected <= counted.total <= expected + 10 * finest / MINUTE


def test_a_month_with_one_bad_request_in_a_thousand_has_nothing_left() -> None:
    reading = Reading({(ALL, DAY): line(DAY, 24_000.0, 31), (BAD, DAY): line(DAY, 24.0, 31)})
    budget, _ = spending.budgets(SHOP, reading, NOW)
    assert budget.left == pytest.approx(0.0, abs=1e-9)
    assert budget.total == pytest.approx(24 * 30 * 1000, rel=0.04)


def test_what_an_objective_needs_is_read_in_few_points() -> None:
    wanted = list(spending.wanted(SHOP, NOW))
    spans = {(one.period, round((NOW - one.start) / HOUR)) for one in wanted}
    assert spans == {(MINUTE, 1), (5 * MINUTE, 6), (HOUR, 72), (DAY, 30 * 24), (DAY, 7 * 24)}
    points = sum((NOW - one.start) / one.period for one in wanted if one.metric == ALL)
    assert points < 250
    assert {one.metric.stat for one in wanted} == {"Sum", "PR(:0.3)", "SampleCount"}


def test_the_slowest_speed_looks_back_no_further_than_any_objective_does() -> None:
    assert max(WINDOWS) <= 7 * DAY


def test_a_budget_that_may_not_be_read_is_denied_and_the_other_is_told() -> None:
    latency = sli.metrics(spending.indicator(SHOP, FAST))
    days = {(metric, DAY): {int(NOW) // DAY * DAY: 100.0} for metric in latency}
    reading = Reading(days, {ALL: "AWS denies cloudwatch:GetMetricData: no"})
    denied, told = spending.budgets(SHOP, reading, NOW)
    assert (denied.state, denied.left, denied.level) == ("denied", None, None)
    assert "GetMetricData" in denied.sentence
    assert (told.state, told.left) == ("ok", 1.0)
