"""Which days belong together, and which are to be asked about: by the calendar, by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from chalicelib.costs import days
from chalicelib.costs.days import Day

HOUR, DAY = 3600.0, 86400.0
NOV = date(2026, 11, 10)


def read(at: float, estimated: bool = True) -> Day:
    return Day({"EC2": 1.0}, estimated, at)


def after(day: date, whole: float, hours: float = 0.0) -> float:
    """So many days and hours after a day is over."""
    return days.ends(day) + whole * DAY + hours * HOUR


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2026, 11, 20), date(2026, 10, 20)),
        (date(2026, 3, 31), date(2026, 2, 28)),
        (date(2028, 3, 30), date(2028, 2, 29)),
        (date(2026, 1, 1), date(2025, 12, 1)),
        (date(2026, 12, 31), date(2026, 11, 30)),
    ],
)
def test_the_same_day_a_month_before(day: date, before: date) -> None:
    assert days.month_before(day) == before


@pytest.mark.parametrize(
    ("day", "last"),
    [(date(2026, 2, 3), 28), (date(2028, 2, 29), 29), (date(2026, 4, 30), 30), (date(2026, 12, 1), 31)],
)
def test_the_end_of_a_month(day: date, last: int) -> None:
    assert days.end_of_month(day) == day.replace(day=last)


def test_a_day_of_the_bill_is_utc() -> None:
    assert days.day_of(days.ends(NOV) - 1) == NOV
    assert days.day_of(days.ends(NOV)) == NOV + timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "known", "closed"),
    [
        pytest.param(NOV, read(after(NOV, 2, 23)), False, id="not three days after its end"),
        pytest.param(NOV, read(after(NOV, 3)), True, id="three days after its end"),
        pytest.param(NOV, read(after(NOV, 1), estimated=False), True, id="its bill is made"),
        pytest.param(NOV, read(after(NOV, -1), estimated=False), False, id="not over, whatever is said of it"),
        pytest.param(date(2026, 11, 1), read(after(date(2026, 11, 1), 20)), False, id="a first, where support grows"),
        pytest.param(date(2026, 11, 1), read(after(date(2026, 11, 30), 9)), False, id="a first, the bill not made"),
        pytest.param(date(2026, 11, 1), read(after(date(2026, 11, 30), 10)), True, id="a first, long after"),
        pytest.param(
            date(2026, 11, 1), read(after(date(2026, 11, 30), 4), estimated=False), True, id="a first, billed"
        ),
    ],
)
def test_when_a_day_is_closed(day: date, known: Day, closed: bool) -> None:
    assert days.closed(day, known) is closed


@pytest.mark.parametrize(
    ("day", "known", "now", "due"),
    [
        pytest.param(NOV, None, after(NOV, 9), True, id="never asked for"),
        pytest.param(NOV, read(after(NOV, 0)), after(NOV, 0, 5.9), False, id="asked for hours ago"),
        pytest.param(NOV, read(after(NOV, 0)), after(NOV, 0, 6), True, id="still counted"),
        pytest.param(NOV, read(after(NOV, 3)), after(NOV, 400), False, id="closed"),
        pytest.param(NOV, read(after(NOV, 2)), after(NOV, 400), True, id="left off before it was closed"),
        pytest.param(
            date(2026, 11, 1), read(after(date(2026, 11, 1), 5)), after(date(2026, 11, 1), 11), False, id="first"
        ),
        pytest.param(
            date(2026, 11, 1), read(after(date(2026, 11, 1), 5)), after(date(2026, 11, 1), 12), True, id="first, weekly"
        ),
    ],
)
def test_when_a_day_is_asked_for(day: date, known: Day | None, now: float, due: bool) -> None:
    assert days.due(day, known, now) is due


def test_what_is_unknown_is_asked_for_in_runs_without_any_closed_day() -> None:
    first = date(2026, 11, 3)
    now = after(date(2026, 11, 20), 0)
    closed = read(after(date(2026, 11, 12), 4))
    known = {first + timedelta(days=number): closed for number in (0, 1, 4, 5, 6)}
    assert days.unknown((first, date(2026, 11, 11)), known, now) == (
        (date(2026, 11, 5), date(2026, 11, 6)),
        (date(2026, 11, 10), date(2026, 11, 11)),
    )
    assert days.unknown((first, first), known, now) == ()
