"""What is left of a budget: worked examples, and a brute-force model that counts requests one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.services.model import Objective
from chalicelib.services.sli import Counted
from chalicelib.slo import budget
from chalicelib.slo.burn import HOUR, WINDOWS

SHOP = Objective("shop", "availability", "availability", 99.9, 30)


def test_worked_example() -> None:
    """A million requests at 99.9 %: a thousand may be bad, 690 were; the hour before burned at 4.464."""
    windows = {HOUR: Counted(44.64, 10_000), 300: Counted(4, 900)}
    found = budget.of(SHOP, Counted(690, 1_000_000), windows)
    assert (found.state, found.bad, found.total) == ("ok", 690, 1_000_000)
    assert found.good == pytest.approx(99.931)
    assert found.left == pytest.approx(0.31)
    assert found.requests_left == pytest.approx(310)
    # 43.2 minutes is what 99.9 % of 30 days leaves.
    assert found.minutes_left == pytest.approx(0.31 * 43.2)
    assert found.burn["1h"] == pytest.approx(4.464)
    assert found.burn["3d"] is None
    assert found.exhausted_in == pytest.approx(50 * HOUR)
    assert found.sentence == "At this rate the month's budget is gone in 50 h; 31 % left."
    assert found.level is None


def test_at_the_workbooks_page_a_whole_budget_lasts_fifty_hours() -> None:
    assert budget.exhausted_in(SHOP, 1.0, 14.4) == pytest.approx(50 * HOUR)
    assert budget.exhausted_in(SHOP, 1.0, 1.0) == 30 * 24 * HOUR
    assert budget.exhausted_in(SHOP, 1.0, 0.0) is None
    assert budget.exhausted_in(SHOP, 1.0, None) is None
    assert budget.exhausted_in(SHOP, 0.0, None) == budget.exhausted_in(SHOP, -2.0, 5.0) == 0.0


def test_overspent_is_below_zero_and_not_cut_off() -> None:
    found = budget.of(SHOP, Counted(2500, 1_000_000), {})
    assert found.left == pytest.approx(-1.5)
    assert found.requests_left == pytest.approx(-1500)
    assert found.exhausted_in == 0


def test_nothing_is_a_state_and_no_number() -> None:
    idle, unknown = budget.of(SHOP, Counted(0, 0), {}), budget.of(SHOP, None, {})
    assert (idle.state, unknown.state) == ("no_traffic", "no_data")
    for found in (idle, unknown):
        assert found.good is found.left is found.requests_left is found.minutes_left is found.exhausted_in is None
        assert (found.burn, found.speeds, found.level) == ({}, (), None)


def test_wakes_whom_the_alarms_wake() -> None:
    outage = dict.fromkeys(WINDOWS, Counted(50, 100))
    assert budget.of(SHOP, Counted(50, 100), outage).level == "page"
    slow = dict.fromkeys(WINDOWS, Counted(40, 10_000))
    assert budget.of(SHOP, Counted(40, 10_000), slow).level == "ticket"


HOURS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2000)), min_size=1, max_size=60)


@given(HOURS, st.sampled_from((99.0, 99.5, 99.9)), st.sampled_from((7, 28, 30)))
def test_brute_force(hours: list[tuple[int, int]], goal: float, days: int) -> None:
    """Each request is one by one taken out of a purse that holds a coin for each request that may be bad."""
    objective = Objective("shop", "availability", "availability", goal, days)
    whole = Counted(0.0, 0.0)
    purse, spent = 0.0, 0
    for bad, more in hours:
        whole += Counted(bad, bad + more)
        for number in range(bad + more):
            purse += 1 - goal / 100
            spent += number < bad
    found = budget.of(objective, whole, {HOUR: whole})
    if not whole.total:
        assert found.state == "no_traffic"
        return
    assert found.requests_left == pytest.approx(purse - spent, abs=1e-6)
    assert found.left == pytest.approx((purse - spent) / purse, abs=1e-9)
    rate, left = found.burn["1h"], found.left
    assert rate is not None
    assert left is not None
    # What is left and what the whole window's rate has spent are all of it.
    assert left + rate == pytest.approx(1)
    if found.exhausted_in:
        # Going on like that, minute by minute, the purse is empty just then.
        minutes, coins = 0, left
        while coins > 0:
            coins -= rate / (days * 1440)
            minutes += 1
        assert minutes * 60 == pytest.approx(found.exhausted_in, abs=61)
