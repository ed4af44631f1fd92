"""What comes to a system is the same whenever it is worked out, and history is the sum of its minutes."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import quantiles

import pytest

from local.systems import SYSTEMS
from local.systems.faults import KINDS, Fault, past
from local.systems.model import System
from local.systems.traffic import MINUTE, Flow, Traffic, counts, flow, times, uniform

# 2026-11-18, a Wednesday, 15:00 UTC: the busiest hour.
BUSY = 1_795_014_000
DAY = 86_400


def at(system: System, when: int, minutes: int = 1, kind: str = "") -> Flow:
    faults = [Fault(system.name, kind, when, when + 600)] if kind else []
    return flow(system.name, system.traffic, when, minutes, faults)


@pytest.fixture(params=sorted(SYSTEMS))
def system(request: pytest.FixtureRequest) -> System:
    return SYSTEMS[request.param]


def test_five_minutes_are_the_sum_of_their_minutes(system: System) -> None:
    for start in range(BUSY, BUSY + DAY, 300):
        whole = at(system, start, 5)
        parts = [at(system, start + MINUTE * one) for one in range(5)]
        for name in ("offered", "served", "failed", "rejected"):
            assert getattr(whole, name) == sum(getattr(one, name) for one in parts), (name, start)
        assert {one.slower for one in parts} == {whole.slower}
        assert math.isclose(sum(one.busy for one in parts) / 5, whole.busy, rel_tol=1e-9)


def test_the_traffic_is_that_of_a_working_week() -> None:
    shop = SYSTEMS["shop"]
    by_day = [sum(at(shop, BUSY + day * DAY + back * 300, 5).offered for back in range(12)) / 60 for day in range(7)]
    # The peak is what is told; on Saturday and Sunday fewer come; at four in the morning few.
    assert by_day[0] == pytest.approx(shop.traffic.peak, rel=0.05)
    assert by_day[3] < 0.7 * by_day[0] > by_day[4]
    assert at(shop, BUSY + 13 * 3600, 5).offered / 5 < 0.2 * shop.traffic.peak
    # At night, too, somebody comes in each minute: that nobody does is an alarm.
    for one in SYSTEMS.values():
        assert min(at(one, BUSY + DAY * 3 + 12 * 3600 + MINUTE * minute).offered for minute in range(60)) > 0


def test_as_many_fail_as_told() -> None:
    shop = SYSTEMS["shop"]
    flows = [at(shop, BUSY + 300 * one, 5) for one in range(3 * 288)]
    share = sum(one.failed for one in flows) / sum(one.offered for one in flows)
    # Drawn 1,000 times: within three standard deviations.
    assert share == pytest.approx(shop.traffic.errors, abs=3 * 0.3 / math.sqrt(sum(one.offered for one in flows)))


def test_what_was_drawn_stays_and_systems_differ() -> None:
    assert [uniform(7, one) for one in range(3)] == [uniform(7, one) for one in range(3)]
    values = [uniform(7, one) for one in range(10_000)]
    assert quantiles(values, n=10) == pytest.approx([one / 10 for one in range(1, 10)], abs=0.02)
    assert uniform(7, 1) != uniform(8, 1) != uniform(8, 1, 1)


def test_answers_are_log_normal() -> None:
    steps = times(100.0)
    assert all(one < other for one, other in pairwise(steps))
    spread = counts(100_000, 1.0, 0.5)
    assert sum(spread) == 100_000
    # p95 of a log-normal: median · e^(1.645 · sigma) = 227.6, to the width of a step.
    seen, p95 = 0, 0.0
    for value, count in zip(steps, spread, strict=True):
        seen += count
        if seen >= 95_000:
            p95 = value
            break
    assert p95 == pytest.approx(227.6, rel=0.066)
    # Nine times as slow: nine times that, in the coarser steps.
    slower = counts(100_000, 9.0, 0.5)
    mean = sum(map(math.prod, zip(steps, slower, strict=True))) / 100_000
    assert mean == pytest.approx(9 * 100 * math.exp(0.125), rel=0.03)


def test_a_fault_counts_for_a_minute_whose_middle_it_covers() -> None:
    fault = Fault("shop", "500s", BUSY + 20, BUSY + 20 + 120)
    assert [fault.covers(BUSY + 60 * one) for one in range(4)] == [True, True, False, False]
    assert flow("shop", SYSTEMS["shop"].traffic, BUSY + 120, 1, [fault]).fault == ""


@pytest.mark.parametrize("kind", KINDS)
def test_five_minutes_with_a_fault_are_looked_at_one_by_one(kind: str) -> None:
    with pytest.raises(ValueError, match="five different minutes"):
        at(SYSTEMS["shop"], BUSY, 5, kind)


def test_each_fault_does_what_it_says() -> None:
    shop, well = SYSTEMS["shop"], at(SYSTEMS["shop"], BUSY)
    for kind, what in KINDS.items():
        ill = at(shop, BUSY, kind=kind)
        assert ill.offered == (0 if what.silent else well.offered)
        assert ill.served == (0 if what.silent or what.down else well.offered)
        assert ill.failed - well.failed in (round(well.offered * what.failing) if ill.served else -well.failed, 0)
        assert ill.exhausted == what.connections
        if ill.served:
            assert ill.slower == pytest.approx(well.slower * what.slower)


def test_the_past_has_troubles_but_the_last_three_days_had_none() -> None:
    for name in SYSTEMS:
        faults = past(name, BUSY)
        assert faults, name
        assert all(BUSY - 30 * DAY < one.start < one.end < BUSY - 3 * DAY for one in faults)
    assert past("other", BUSY) == ()


def test_a_system_that_nobody_uses_is_idle() -> None:
    nothing = Traffic(peak=0, median=1, spread=0.5, errors=0.1, rejected=0.1, capacity=10)
    assert flow("none", nothing, BUSY, 1).offered == 0
