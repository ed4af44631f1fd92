"""Days of the bill: which belong together, and which of them Cost Explorer has to be asked about; pure.

Cost Explorer counts each day for about two days more, calls all of a month estimated until its bill is made, and puts
what is charged by the month (support, tax, subscriptions) on the month's first day, which so moves all month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

ONE = timedelta(days=1)
# Cost Explorer is some way behind: of yesterday it knows a part.
BEHIND = timedelta(days=2)
# So long after its end a day is read for the last time, seconds; and a month's first day when its bill is made.
SETTLES, BILLED = 3 * 86400.0, 10 * 86400.0
# Cost Explorer itself counts anew up to three times a day; what grows by the month need not be known so soon.
MOVING, MONTHLY = 6 * 3600.0, 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Day:
    """What one day costs by service, as it was read at a time; `estimated` until the month's bill is made."""

    services: Mapping[str, float]
    estimated: bool
    at: float

    @property
    def total(self) -> float:
        """The whole day."""
        return sum(self.services.values())


Span = tuple[date, date]


def day_of(at: float) -> date:
    """Return the day of the bill (UTC) at a time."""
    return datetime.fromtimestamp(at, UTC).date()


def first_of_month(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def end_of_month(day: date) -> date:
    """Return the last day of a day's month."""
    return (first_of_month(day) + timedelta(days=31)).replace(day=1) - ONE


def month_before(day: date) -> date:
    """Return the same day a month before, or the last one of a month that is too short for it."""
    last = first_of_month(day) - ONE
    return last.replace(day=min(day.day, last.day))


def each(span: Span) -> Iterator[date]:
    """Yield the days of a span, the last included."""
    first, last = span
    while first <= last:
        yield first
        first += ONE


def ends(day: date) -> float:
    """Return when a day is over."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + 86400.0


def closed(day: date, known: Day) -> bool:
    """Whether what was read of a day stays: nobody asks for it again."""
    if not known.estimated and known.at >= ends(day):
        return True
    if day.day == 1:
        return known.at >= ends(end_of_month(day)) + BILLED
    return known.at >= ends(day) + SETTLES


def due(day: date, known: Day | None, now: float) -> bool:
    """Whether Cost Explorer has to be asked about a day."""
    if known is None:
        return True
    if closed(day, known):
        return False
    settled = known.at >= ends(day) + SETTLES
    return now - known.at >= (MONTHLY if settled else MOVING)


def unknown(span: Span, known: Mapping[date, Day], now: float) -> tuple[Span, ...]:
    """Return what is to be asked for of a span, one request each; no day in them is closed."""
    found: list[Span] = []
    for day in each(span):
        if due(day, known.get(day), now):
            if found and found[-1][1] == day - ONE:
                found[-1] = found[-1][0], day
            else:
                found.append((day, day))
    return tuple(found)
