"""The clock of the metrics: as the wall's until it is made to go faster."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from local.cloudwatch.clock import Clock, seconds
from tests.account import Clock as Wall

START = 1_795_000_230.25


def test_at_speed_1_it_is_the_wall_s() -> None:
    wall = Wall(START)
    clock = Clock(wall=wall)
    for step in (0.1, 59.7, 3600.003):
        wall.at += step
        assert clock.now() == wall.at
        assert clock.shift == 0.0


def test_it_goes_faster_from_now_on_without_a_leap() -> None:
    wall = Wall(START)
    clock = Clock(wall=wall)
    start = wall.at
    wall.at += 10
    clock.faster(60)
    assert (clock.speed, clock.now()) == (60, wall.at)
    wall.at += 10
    assert clock.now() == start + 10 + 600
    assert clock.shift == 540.0, "590 seconds ahead, in whole minutes"
    clock.faster(1)
    wall.at += 100
    assert clock.now() == wall.at + 590
    assert clock.shift == 540.0


@pytest.mark.parametrize("speed", [0.0, 0.5, -3.0, math.nan, math.inf])
def test_it_goes_neither_slower_nor_back(speed: float) -> None:
    with pytest.raises(ValueError, match="1 or faster"):
        Clock(speed)


def test_times_without_a_zone_are_utc() -> None:
    assert seconds(datetime(2026, 11, 18, 10)) == seconds(datetime(2026, 11, 18, 10, tzinfo=UTC))


def test_it_tells_what_it_has_gained_since() -> None:
    wall = Wall(START)
    clock = Clock(wall=wall)
    start = wall.at
    wall.at += 10
    clock.faster(60)
    wall.at += 10
    clock.faster(1)
    wall.at += 10
    clock.faster(3)
    wall.at += 10
    assert clock.gained(0.0) == 590 + 20
    since = {start: 610, start + 10: 610, start + 15: 315, start + 20: 20, start + 30: 20, start + 35: 10}
    assert {at: clock.gained(at) for at in since} == since
    assert clock.gained(wall.at) == clock.gained(wall.at + 99) == 0
