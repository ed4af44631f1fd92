"""Change points: found where they are, nowhere else, and whatever the unit of the series."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.explain import onset
from chalicelib.explain.onset import Onset

DRAWS, MANY, MINUTE, START = 120, 180, 60.0, 1_795_000_020.0
Noise = Callable[[random.Random], float]
NOISES: dict[str, Noise] = {
    "normal": lambda draw: draw.gauss(0, 5),
    "with outliers": lambda draw: draw.gauss(0, 5) * (3 if draw.random() < 0.05 else 1),
    "skewed": lambda draw: draw.expovariate(1 / 5),
    "log-normal": lambda draw: 20 * draw.lognormvariate(0, 0.3),
    "rare ones": lambda draw: 20.0 * (draw.random() < 0.05),
    "none at all": lambda draw: 0.0,
}


def line(values: list[float | None]) -> list[tuple[float, float | None]]:
    return [(START + MINUTE * number, value) for number, value in enumerate(values)]


def noisy(draw: random.Random, noise: Noise) -> list[float]:
    return [100 + noise(draw) for _ in range(MANY)]


def added(shape: str, since: int, high: float, length: int) -> float:
    """What a change of some shape adds so many points after its onset."""
    if shape == "ramp":
        return since * high / 20
    over = {"step": False, "spike": since >= length, "flap": since // length % 2 == 1}
    return 0.0 if over[shape] else high


def place(found: Onset) -> float:
    return (found.at - START) / MINUTE


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_noise_is_no_change(noise: Noise) -> None:
    found = [bool(onset.find(line([*noisy(random.Random(seed), noise)]), 3)) for seed in range(DRAWS)]
    assert sum(found) <= 0.05 * DRAWS


def test_waves_are_no_change() -> None:
    """What is drawn for five minutes at once is not independent by the minute."""
    wrong = 0
    for seed in range(DRAWS):
        draw = random.Random(seed)
        waves = [draw.uniform(-60, 60) for _ in range(MANY // 5)]
        wrong += bool(onset.find(line([1000 + waves[at // 5] + draw.gauss(0, 20) for at in range(MANY)]), 30))
    assert wrong <= 0.05 * DRAWS


@pytest.mark.parametrize(
    ("shape", "least", "near"), [("step", 0.95, 2), ("spike", 0.95, 2), ("ramp", 0.9, 12), ("flap", 0.8, 2)]
)
def test_a_change_is_found_where_it_is(shape: str, least: float, near: int) -> None:
    there = alike = 0
    for seed in range(DRAWS):
        draw = random.Random(f"{shape}{seed}")
        at, high, length = draw.randrange(30, 150), 5 * draw.uniform(6, 12), draw.randrange(3, 7)
        if shape in ("ramp", "flap"):
            at = draw.randrange(30, 110)
        values = [
            100 + draw.gauss(0, 5) + (added(shape, n - at, high, length) if n >= at else 0.0) for n in range(MANY)
        ]
        found = onset.find(line([*values]), 3)
        there += bool(found) and abs(place(found) - at) <= near
        alike += found.shape == shape
    assert there >= least * DRAWS
    assert alike >= 0.75 * DRAWS


@pytest.mark.parametrize("up", [True, False])
def test_a_step_has_its_size(up: bool) -> None:
    draw = random.Random(7)
    values = [100 + draw.gauss(0, 2) + (0 if n < 120 else 60 if up else -60) for n in range(MANY)]
    found = onset.find(line([*values]), 5)
    assert (found.shape, place(found), found.until, found.up) == ("step", 120, None, up)
    assert found.before == pytest.approx(100, abs=2)
    assert found.after == pytest.approx(160 if up else 40, abs=2)
    assert found.confidence > 0.9


def test_what_is_new_comes_after_what_was_long_so() -> None:
    """An incident that fills most of what is looked at is the change, and not the little that was before it."""
    draw = random.Random(3)
    found = onset.find(line([100 + draw.gauss(0, 2) + (50 if n >= 25 else 0) for n in range(MANY)]), 5)
    assert (found.shape, place(found)) == ("step", 25)
    assert found.before < found.after


def test_gaps_are_no_change_and_hide_none() -> None:
    draw = random.Random(1)
    values: list[float | None] = [100 + draw.gauss(0, 2) + (50 if n >= 120 else 0) for n in range(MANY)]
    holes = [None if 40 <= n < 70 or n % 7 == 0 else one for n, one in enumerate(values)]
    assert abs(place(onset.find(line(holes), 5)) - 120) <= 1
    assert not onset.find(line([None if n % 3 else 1.0 for n in range(MANY)]), 0.1)
    assert not onset.find([], 1.0)
    assert not onset.find(line([None] * MANY), 1.0)


def test_counts_that_are_mostly_nothing_become_something() -> None:
    draw = random.Random(5)
    values = [float(draw.random() < 0.05) if n < 150 else float(draw.randrange(4, 9)) for n in range(MANY)]
    found = onset.find(line([*values]), 2)
    assert (found.shape, place(found), found.before) == ("step", 150, 0)
    assert found.times is None


def test_every_day_is_like_the_day_before() -> None:
    """A job at three and the morning's rush are there each day; on a day when they are not, that is the change."""

    def day(draw: random.Random, job: bool) -> list[float | None]:
        rush = [400 + 5.0 * max(0, n - 60) for n in range(MANY)]
        return [one + draw.gauss(0, 8) + (600 if job and 100 <= n < 110 else 0) for n, one in enumerate(rush)]

    yesterday, week = line(day(random.Random(1), True)), line(day(random.Random(2), True))
    assert onset.find(line(day(random.Random(3), True)), 50), "without the days before it would look like a change"
    assert not onset.find(line(day(random.Random(3), True)), 50, [yesterday, week])
    usual = [line(day(random.Random(seed), False)) for seed in (4, 5)]
    found = onset.find(line(day(random.Random(3), True)), 50, usual)
    assert abs(place(found) - 100) <= 1
    assert found.until is not None


def test_what_was_over_before_is_another_matter() -> None:
    draw = random.Random(9)
    values = [100 + draw.gauss(0, 3) + (80 if 40 <= n < 60 else 0) for n in range(MANY)]
    assert onset.find(line([*values]), 5)
    assert not onset.find(line([*values]), 5, reaching=START + 120 * MINUTE)
    both = [one + (40 if n >= 150 else 0) for n, one in enumerate(values)]
    assert place(onset.find(line([*both]), 5, reaching=START + 120 * MINUTE)) == 150


@pytest.mark.parametrize(
    ("high", "pause", "again"), [(30, 20, 30), (60, 5, 60), (40, 0, 40), (20, 0, 60), (50, 40, 30), (30, 12, 60)]
)
def test_of_two_the_later_one_is_told(high: float, pause: int, again: float) -> None:
    """A second incident, after a pause or on top of the first: who asks has the second."""
    late = early = before = 0
    for seed in range(40):
        draw = random.Random(seed)
        first, second = draw.randrange(60, 100), draw.randrange(150, 172)
        over = second - pause
        values = [
            100 + draw.gauss(0, 3) + (high if first <= n < (over if pause else MANY) else 0)
            + (again if n >= second else 0) for n in range(MANY)
        ]  # fmt: skip
        points = line([*values])
        late += abs(place(onset.find(points, 5, reaching=START + (MANY - 15) * MINUTE)) - second) <= 2
        early += abs(place(onset.find(points, 5, around=START + (second - 2) * MINUTE)) - first) <= 2
        known = points[: second + 4]
        before += abs(place(onset.find(known, 5, around=START + (first + 5) * MINUTE)) - first) <= 2
    assert late >= 38
    assert early >= 34
    assert before >= 38


def test_a_change_that_only_wavers_is_one() -> None:
    wrong = 0
    for seed in range(DRAWS):
        draw = random.Random(seed)
        values = [100 + draw.gauss(0, 5) + (draw.uniform(30, 70) if n >= 110 else 0) for n in range(MANY)]
        wrong += abs(place(onset.find(line([*values]), 5)) - 110) > 2
    assert wrong <= 0.02 * DRAWS


def test_less_than_the_least_is_of_no_interest() -> None:
    draw = random.Random(2)
    values = [100 + draw.gauss(0, 0.5) + (10 if n >= 100 else 0) for n in range(MANY)]
    assert onset.find(line([*values]), 5)
    assert not onset.find(line([*values]), 20)


@given(
    seed=st.integers(0, 10_000), at=st.integers(30, 150), size=st.floats(-60, 60),
    shift=st.floats(-1e4, 1e4), scale=st.floats(1e-3, 1e3),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_unit_does_not_matter(seed: int, at: int, size: float, shift: float, scale: float) -> None:
    draw = random.Random(seed)
    values = [draw.gauss(0, 4) + (size if n >= at else 0) for n in range(MANY)]
    one = onset.find(line([*values]), 6)
    other = onset.find(line([shift + scale * value for value in values]), 6 * scale)
    assert (one.shape, one.at, one.until) == (other.shape, other.at, other.until)
    assert bool(one) == bool(other)


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=60), st.floats(1e-6, 1e6))
@settings(max_examples=120, deadline=None)
def test_any_series_has_an_answer(values: list[float | None], least: float) -> None:
    found = onset.find(line(values), least)
    times = [at for at, _ in line(values)]
    assert not found or (found.at in times and 0.5 <= found.confidence < 1)


def test_what_flaps_from_the_first_point_on_has_an_answer() -> None:
    draw = random.Random(885)
    values = [draw.gauss(0, 4) + (-7.874336289445367 if n >= 77 else 0) for n in range(MANY)]
    assert onset.find(line([*values]), 6).shape == "flap"
