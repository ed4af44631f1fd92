"""What was spent against what, computed by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from chalicelib.costs import spending
from chalicelib.costs.days import Day
from chalicelib.costs.spending import Days, Service, reach, standing


def costs(first: date, *totals: float, service: str = "EC2") -> dict[date, Day]:
    return {first + timedelta(days=n): Day({service: one}, True, 0.0) for n, one in enumerate(totals)}


def filled(first: date, last: date, daily: float) -> dict[date, Day]:
    return costs(first, *[daily] * ((last - first).days + 1))


def more(days: Days, service: str, amounts: dict[date, float]) -> dict[date, Day]:
    return {
        day: Day({**one.services, **({service: amounts[day]} if day in amounts else {})}, one.estimated, one.at)
        for day, one in days.items()
    }


def test_a_month_so_far_against_the_same_days_of_the_month_before() -> None:
    days = {
        **filled(date(2026, 10, 1), date(2026, 10, 31), 10.0),
        **filled(date(2026, 11, 1), date(2026, 11, 21), 12.0),
    }
    found = standing(days, date(2026, 11, 21))
    assert found.month.span == (date(2026, 11, 1), date(2026, 11, 19))
    assert found.month.against == (date(2026, 10, 1), date(2026, 10, 19))
    assert (found.month.now, found.month.before) == (19 * 12.0, 19 * 10.0)
    assert (found.spent, found.until_today) == (21 * 12.0, 20 * 12.0)
    assert (found.week.now, found.week.before) == (84.0, 84.0)
    assert found.month.growers == (Service("EC2", 228.0, 190.0),)


@pytest.mark.parametrize(
    ("today", "span", "against"),
    [
        pytest.param(date(2026, 3, 31), (1, 29), (1, 28), id="February is shorter"),
        pytest.param(date(2028, 3, 31), (1, 29), (1, 29), id="but for a leap year"),
        pytest.param(date(2026, 12, 2), (1, 30), (1, 30), id="on the second, of the month that is over"),
        pytest.param(date(2026, 12, 3), (1, 1), (1, 1), id="on the third, of one day"),
        pytest.param(date(2026, 1, 3), (1, 1), (1, 1), id="over the turn of the year"),
    ],
)
def test_the_days_that_are_compared(today: date, span: tuple[int, int], against: tuple[int, int]) -> None:
    month = standing({}, today).month
    assert (month.span[0].day, month.span[1].day) == span
    assert (month.against[0].day, month.against[1].day) == against
    assert month.against[1] < month.span[0]


def test_on_the_first_of_a_month_nothing_of_it_is_spent_yet() -> None:
    days = filled(date(2026, 9, 1), date(2026, 10, 31), 10.0)
    found = standing(days, date(2026, 11, 1))
    assert (found.spent, found.until_today) == (0.0, 0.0)
    assert found.month.span == (date(2026, 10, 1), date(2026, 10, 30))
    assert (found.yesterday, found.before) == (10.0, 10.0)


def test_without_any_data() -> None:
    found = standing({}, date(2026, 11, 21))
    assert (found.spent, found.yesterday, found.before) == (0.0, None, None)
    assert (found.month.now, found.month.before, found.month.growers, found.month.new) == (0.0, 0.0, (), ())


def test_yesterday_is_nothing_yet_where_aws_has_counted_nothing() -> None:
    days = {date(2026, 11, 20): Day({}, True, 0.0), date(2026, 11, 19): Day({"EC2": 3.0}, True, 0.0)}
    found = standing(days, date(2026, 11, 21))
    assert (found.yesterday, found.before) == (None, 3.0)


def test_the_five_that_grew_most_and_what_is_new() -> None:
    days: Days = {
        **filled(date(2026, 10, 1), date(2026, 10, 31), 1.0),
        **filled(date(2026, 11, 1), date(2026, 11, 21), 1.0),
    }
    first, then = date(2026, 11, 5), date(2026, 10, 5)
    for number, name in enumerate(("A", "B", "C", "D", "E", "F"), 1):
        days = more(days, name, {then: 5.0, first: 5.0 + number})
    days = more(days, "Shrinks", {then: 9.0, first: 1.0})
    days = more(days, "New", {first: 4.5})
    # It ran late in the month before: not among the days that are compared, and yet not new.
    days = more(days, "Old", {date(2026, 10, 28): 3.0, first: 4.0})
    days = more(days, "Noise", {first: 0.004})
    found = standing(days, date(2026, 11, 21)).month
    assert [(one.name, one.more) for one in found.growers] == [
        ("F", 6.0), ("E", 5.0), ("New", 4.5), ("D", 4.0), ("Old", 4.0)
    ]  # fmt: skip
    assert [one.name for one in found.new] == ["New"]


def test_where_nothing_is_known_of_before_nothing_is_new() -> None:
    found = standing(filled(date(2026, 11, 1), date(2026, 11, 21), 1.0), date(2026, 11, 21))
    assert found.month.new == ()
    assert [one.name for one in found.month.growers] == ["EC2"]


def test_a_credit_makes_a_day_negative() -> None:
    days = costs(date(2026, 11, 1), 10.0, -25.0, 5.0)
    assert standing(days, date(2026, 11, 4)).spent == -10.0


@pytest.mark.parametrize("today", [date(2026, 11, n) for n in (1, 2, 3, 15, 30)] + [date(2026, 3, 1), date(2026, 1, 2)])
def test_all_that_is_needed_is_reached(today: date) -> None:
    """With every day known from the start on, one more day before changes nothing but what is new."""
    first, last = reach(today)
    days = filled(first, last, 2.0)
    earlier = {**filled(first - timedelta(days=40), first - timedelta(days=1), 7.0), **days}
    assert standing(days, today) == standing(earlier, today)
    assert spending.bars(days, today) == spending.bars(earlier, today)
    assert last == today


def test_fourteen_bars_beside_those_of_the_month_before() -> None:
    days = {**filled(date(2026, 10, 1), date(2026, 10, 31), 1.0), **filled(date(2026, 11, 1), date(2026, 11, 20), 2.0)}
    labels, values, before = spending.bars(days, date(2026, 11, 21))
    assert (labels[0], labels[-1], len(labels)) == ("7 Nov", "20 Nov", 14)
    assert (values, before) == ((2.0,) * 14, (1.0,) * 14)
