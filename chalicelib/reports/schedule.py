"""When a report runs: `cron(30 7 ? * MON-FRI *)` in a time zone, or `rate(6 hours)`, as EventBridge reads them; pure.

A time that a change of clocks leaves out does not come, and one that it brings twice comes once: the first time. Who
names no hours has none left out: it comes in both. A rate counts from midnight UTC of 1970-01-01, so that its times
stay the same whenever it is deployed.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import count
from typing import Protocol

from chalicelib import section
from chalicelib.section import SettingsError

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
UNITS = {"minute": 60, "hour": 3600, "day": 86400}
LONGEST = 365
# There is no Parapet before it.
FIRST = 2026
# Whatever comes at all comes within so many days: a fifth Monday of February can take 40 years.
FAR = 45 * 366
_RATE = re.compile(r"rate\((\d{1,6}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]*)\)")
_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d{1,4}))?")


class Schedule(Protocol):
    """Times that come again and again, in whole minutes (epoch seconds)."""

    @property
    def text(self) -> str:
        """Return it as the settings have it."""
        ...

    def latest(self, now: float) -> int | None:
        """Return the last time at or before now, None when there was none."""
        ...

    def after(self, now: float) -> Iterator[int]:
        """Yield the times after now, the next one first."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds."""

    text: str
    period: int

    def latest(self, now: float) -> int | None:
        """Return the last time at or before now."""
        return int(now // self.period) * self.period

    def after(self, now: float) -> Iterator[int]:
        """Yield the times after now, without end."""
        return count((int(now // self.period) + 1) * self.period, self.period)


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """Days by their number; `last`: the month's last; `near`: the weekday that is nearest to a day."""

    days: frozenset[int] = frozenset()
    last: bool = False
    near: int = 0

    def fits(self, day: date) -> bool:
        """Whether it is such a day."""
        if not (self.last or self.near):
            return day.day in self.days
        length = calendar.monthrange(day.year, day.month)[1]
        if self.last:
            return day.day == length
        if self.near > length:
            return False
        wanted = day.replace(day=self.near)
        # Saturday to the day before, Sunday to the day after, but never into another month.
        step = {5: -1 if self.near > 1 else 2, 6: 1 if self.near < length else -2}.get(wanted.weekday(), 0)
        return day == wanted + timedelta(days=step)


@dataclass(frozen=True, slots=True)
class DayOfWeek:
    """Days by their number, Sunday being 1; `turn`: only the so-manieth of the month, -1 for its last."""

    days: frozenset[int]
    turn: int = 0

    def fits(self, day: date) -> bool:
        """Whether it is such a day."""
        if day.isoweekday() % 7 + 1 not in self.days:
            return False
        if self.turn == -1:
            return (day + timedelta(days=7)).month != day.month
        return not self.turn or (day.day - 1) // 7 + 1 == self.turn


@dataclass(frozen=True, slots=True)
class Cron:
    """What fits six fields, in a time zone."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day: DayOfMonth | DayOfWeek
    months: frozenset[int]
    years: frozenset[int]
    zone: tzinfo = UTC

    def latest(self, now: float) -> int | None:
        """Return the last time at or before now, None when there was none."""
        today = datetime.fromtimestamp(now, self.zone).date()
        for back in range(FAR):
            for at in reversed(self._on(today - timedelta(days=back))):
                if at <= now:
                    return at
        return None

    def after(self, now: float) -> Iterator[int]:
        """Yield the times after now that are near enough for anybody to care."""
        today = datetime.fromtimestamp(now, self.zone).date()
        for ahead in range(FAR):
            yield from (at for at in self._on(today + timedelta(days=ahead)) if at > now)

    def fits(self, day: date) -> bool:
        """Whether it comes on a day."""
        return day.month in self.months and day.year in self.years and self.day.fits(day)

    def _on(self, day: date) -> list[int]:
        """Return the times of a day, in their order."""
        if not self.fits(day):
            return []
        found = set[int]()
        for fold in (0, 1) if len(self.hours) == 24 else (0,):
            for wanted in (datetime.combine(day, time(hour, at)) for hour in self.hours for at in self.minutes):
                moment = wanted.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
                if moment.astimezone(self.zone).replace(tzinfo=None) == wanted:
                    found.add(int(moment.timestamp()))
        return sorted(found)


def read(text: str, zone: str, where: str) -> Schedule:
    """Return a schedule.

    Args:
        text: `cron(…)` or `rate(…)`.
        zone: the time zone of a cron, empty for UTC.
        where: what errors call its place in the settings.

    Raises:
        SettingsError: saying what is wrong with which field.
    """
    if match := _RATE.fullmatch(text):
        if zone:
            raise SettingsError(f"{where}: {text} knows no time zone: leave it out, or write a cron(…)")
        return _rate(text, int(match[1]), match[2], bool(match[3]), where)
    found = _CRON.fullmatch(text)
    if not found:
        raise SettingsError(f"{where}: {text!r} is neither cron(30 7 * * ? *) nor rate(6 hours)")
    fields = found[1].split()
    if len(fields) != 6:
        raise SettingsError(
            f"{where}: {text} has {len(fields)} fields, and cron has six: minutes, hours, day of month, month, "
            "day of week, year"
        )
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise SettingsError(f"{where}: {text}: of day of month and day of week exactly one must be ?")
    cron = Cron(
        text,
        tuple(sorted(_numbers(minutes, "minutes", 0, 59, where))),
        tuple(sorted(_numbers(hours, "hours", 0, 23, where))),
        _day_of_week(weekday, where) if day == "?" else _day_of_month(day, where),
        _numbers(month, "month", 1, 12, where, MONTHS),
        _numbers(year, "year", 1970, 2199, where),
        section.zone(zone or "UTC", where),
    )
    # Whatever comes in any year comes in one of the first 45.
    starts = [date(one, 1, 1) for one in sorted(cron.years) if one >= FIRST][:45]
    if not any(cron.fits(start + timedelta(days=ahead)) for start in starts for ahead in range(366)):
        raise SettingsError(f"{where}: {text} never comes: there is no such day from {FIRST} on")
    return cron


def _rate(text: str, value: int, unit: str, plural: bool, where: str) -> Rate:
    if value == 0 or (value == 1) == plural:
        raise SettingsError(f"{where}: {text!r} is not a rate such as rate(1 hour) or rate(6 hours)")
    if value * UNITS[unit] > LONGEST * UNITS["day"]:
        raise SettingsError(f"{where}: {text} is longer than {LONGEST} days")
    return Rate(text, value * UNITS[unit])


def _day_of_month(text: str, where: str) -> DayOfMonth:
    if text == "L":
        return DayOfMonth(last=True)
    if match := re.fullmatch(r"(\d{1,2})W", text):
        return DayOfMonth(near=_value(match[1], "day of month", 1, 31, where, ()))
    return DayOfMonth(_numbers(text, "day of month", 1, 31, where))


def _day_of_week(text: str, where: str) -> DayOfWeek:
    name = "day of week"
    if text == "L":
        return DayOfWeek(frozenset({7}))
    if match := re.fullmatch(r"(\w+)#(\d)", text):
        turn = _value(match[2], f"{name} behind #", 1, 5, where, ())
        return DayOfWeek(frozenset({_value(match[1], name, 1, 7, where, DAYS)}), turn)
    if match := re.fullmatch(r"([1-7]|[A-Z]{3})L", text):
        return DayOfWeek(frozenset({_value(match[1], name, 1, 7, where, DAYS)}), -1)
    return DayOfWeek(_numbers(text, name, 1, 7, where, DAYS))


def _numbers(text: str, name: str, low: int, high: int, where: str, words: tuple[str, ...] = ()) -> frozenset[int]:
    """Return the numbers that a field means; `words` are names of them, from the lowest on; raises SettingsError."""
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if not match or (match["first"] == "*" and match["last"]):
            raise SettingsError(
                f"{where}: {name}: {item!r} is not a number, a range such as 1-5, or a step such as 0/15"
            )
        step = int(match["step"] or 1)
        if match["first"] == "*":
            first, last = low, high
        else:
            first = _value(match["first"], name, low, high, where, words)
            last = _value(match["last"], name, low, high, where, words) if match["last"] else first
            if match["step"] and not match["last"]:
                last = high
        if last < first:
            raise SettingsError(f"{where}: {name}: {item} goes down: a range goes up, and a comma joins two")
        if not 1 <= step <= high:
            raise SettingsError(f"{where}: {name}: {item}: the step must be 1 to {high}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _value(text: str, name: str, low: int, high: int, where: str, words: tuple[str, ...]) -> int:
    if text.upper() in words:
        return words.index(text.upper()) + low
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        beside = f" or {words[0]} to {words[-1]}" if words else ""
        raise SettingsError(f"{where}: {name}: {text!r} is not {low} to {high}{beside}")
    return int(text)
