"""What was spent, against what: sums and differences of days; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from chalicelib.costs.days import BEHIND, ONE, Day, Span, each, end_of_month, first_of_month, month_before

Days = Mapping[date, Day]
TOP = 5
# What is less is noise.
CENT = 0.01
# As many bars as a chart has.
BARS = 14


@dataclass(frozen=True, slots=True)
class Service:
    """What one service costs in a span, and in the span that it is compared with."""

    name: str
    now: float
    before: float

    @property
    def more(self) -> float:
        """How much more it is."""
        return self.now - self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """A span of days against another: the totals, what grew most, and what is new.

    Args:
        span: the days.
        against: those before, which may be fewer: a month is shorter than another.
        now: what the span costs.
        before: what the other one did.
        growers: the services that grew most, at most five, those that are new included.
        new: the services that no day before the span has, as far as is known.
    """

    span: Span
    against: Span
    now: float
    before: float
    growers: tuple[Service, ...]
    new: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Spending:
    """Where an account stands on a day.

    Args:
        today: that day.
        spent: this month so far, today's part included.
        until_today: this month up to yesterday; what is still to come, today included, makes up the rest of it.
        yesterday: what is counted of yesterday; None: nothing yet.
        before: the day before yesterday, which is counted.
        month: the month up to the last day that is counted, against the same days of the month before.
        week: the last seven days that are counted, against the seven before.
    """

    today: date
    spent: float
    until_today: float
    yesterday: float | None
    before: float | None
    month: Comparison
    week: Comparison


def reach(today: date) -> Span:
    """Return the days that have to be known to say where an account stands."""
    oldest = today - BEHIND - timedelta(days=BARS)
    return first_of_month(first_of_month(oldest) - ONE), today


def standing(days: Days, today: date) -> Spending:
    """Return where an account stands, by the days that are known of `reach`."""
    counted = today - BEHIND
    week = (counted - 6 * ONE, counted)
    yesterday, before = days.get(today - ONE), days.get(counted)
    return Spending(
        today=today,
        spent=total(days, (first_of_month(today), today)),
        until_today=total(days, (first_of_month(today), today - ONE)),
        yesterday=yesterday.total if yesterday and yesterday.services else None,
        before=before.total if before else None,
        month=compared(days, (first_of_month(counted), counted), same_days(counted)),
        week=compared(days, week, (week[0] - 7 * ONE, week[1] - 7 * ONE)),
    )


def same_days(day: date) -> Span:
    """Return, of the month before, the first day and the same day, or its last where it is shorter."""
    return first_of_month(month_before(day)), month_before(day)


def total(days: Days, span: Span) -> float:
    """Return what a span costs, as far as its days are known."""
    return sum(days[day].total for day in each(span) if day in days)


def by_service(days: Days, span: Span) -> dict[str, float]:
    """Return what a span costs, by service."""
    found: dict[str, float] = {}
    for day in each(span):
        for name, amount in days[day].services.items() if day in days else ():
            found[name] = found.get(name, 0.0) + amount
    return found


def compared(days: Days, span: Span, against: Span) -> Comparison:
    """Return a span of days against another."""
    now, then = by_service(days, span), by_service(days, against)
    seen = {name for day, one in days.items() if day < span[0] for name, amount in one.services.items() if amount > 0}
    services = [Service(name, amount, then.get(name, 0.0)) for name, amount in now.items()]
    services.sort(key=lambda one: (-one.more, one.name))
    grown = [one for one in services if one.more >= CENT]
    # Without any day before, everything would be new.
    new = [one for one in grown if one.name not in seen] if seen else []
    return Comparison(span, against, sum(now.values()), sum(then.values()), tuple(grown[:TOP]), tuple(new))


def rest_of_month(today: date) -> Span:
    """Return the days that a forecast has to cover."""
    return today, end_of_month(today)


def bars(days: Days, today: date) -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]]:
    """Return a chart's labels and values, and those of the same days of the month before."""
    shown = list(each((today - BARS * ONE, today - ONE)))
    values, compare = ([days[day].total if day in days else 0.0 for day in some] for some in (
        shown, [month_before(day) for day in shown]
    ))  # fmt: skip
    return tuple(f"{day.day} {day:%b}" for day in shown), tuple(values), tuple(compare)
