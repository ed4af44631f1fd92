"""Schedules of reports, against a calendar that is gone through minute by minute."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.reports import schedule
from chalicelib.section import SettingsError


def at(text: str, zone: ZoneInfo | None = None) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone or UTC).timestamp())


def between(one: schedule.Schedule, start: float, end: float) -> list[int]:
    """All times from one to before another."""
    return list(takewhile(lambda at: at < end, one.after(start - 1)))


def times(text: str, start: str, end: str, zone: str = "") -> list[str]:
    """All times between two, in the zone."""
    local = ZoneInfo(zone) if zone else UTC
    found = between(schedule.read(text, zone, "here"), at(start), at(end))
    return [f"{datetime.fromtimestamp(one, local):%Y-%m-%d %H:%M}" for one in found]


# The very examples of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cron(0 10 * * ? *)", ["2026-11-01 10:00", "2026-11-02 10:00", "2026-11-03 10:00"]),
        ("cron(15 12 * * ? *)", ["2026-11-01 12:15", "2026-11-02 12:15", "2026-11-03 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-11-02 18:00", "2026-11-03 18:00", "2026-11-04 18:00"]),
        ("cron(0 8 1 * ? *)", ["2026-11-01 08:00", "2026-12-01 08:00", "2027-01-01 08:00"]),
        ("cron(0/30 20-23 ? * MON-FRI *)", ["2026-11-02 20:00", "2026-11-02 20:30", "2026-11-02 21:00"]),
        ("cron(0 9 ? * 2#1 *)", ["2026-11-02 09:00", "2026-12-07 09:00", "2027-01-04 09:00"]),
        ("cron(0 10 ? * 6L 2026-2027)", ["2026-11-27 10:00", "2026-12-25 10:00", "2027-01-29 10:00"]),
        ("cron(0 5 L * ? *)", ["2026-11-30 05:00", "2026-12-31 05:00", "2027-01-31 05:00"]),
        ("cron(0 5 ? * L *)", ["2026-11-07 05:00", "2026-11-14 05:00", "2026-11-21 05:00"]),
        # 1 November 2026 is a Sunday, 15 November too, and 28 February 2027 also.
        ("cron(0 0 1W * ? *)", ["2026-11-02 00:00", "2026-12-01 00:00", "2027-01-01 00:00"]),
        ("cron(0 0 15W * ? *)", ["2026-11-16 00:00", "2026-12-15 00:00", "2027-01-15 00:00"]),
        ("cron(0 0 28W 2 ? *)", ["2027-02-26 00:00", "2028-02-28 00:00", "2029-02-28 00:00"]),
        ("cron(0 0 31W * ? *)", ["2026-12-31 00:00", "2027-01-29 00:00", "2027-03-31 00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("cron(0 0 ? 2 1#5 *)", ["2032-02-29 00:00", "2060-02-29 00:00"]),
        ("cron(1,59 23 31 12 ? 2030)", ["2030-12-31 23:01", "2030-12-31 23:59"]),
        ("rate(6 hours)", ["2026-11-01 00:00", "2026-11-01 06:00", "2026-11-01 12:00"]),
        ("rate(1 day)", ["2026-11-01 00:00", "2026-11-02 00:00", "2026-11-03 00:00"]),
    ],
)
def test_what_each_means(text: str, expected: list[str]) -> None:
    one = schedule.read(text, "", "here")
    found = list(islice(one.after(at("2026-11-01") - 1), len(expected)))
    assert [f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}" for moment in found] == expected
    for moment in found:
        assert one.latest(moment) == one.latest(moment + 30) == moment


def test_what_is_over_and_what_has_not_begun() -> None:
    one = schedule.read("cron(0 0 1 1 ? 2027)", "", "here")
    assert one.latest(at("2026-11-01")) is None
    assert next(one.after(at("2026-11-01")), None) == at("2027-01-01")
    assert next(one.after(at("2027-01-01")), None) is None
    assert one.latest(at("2040-01-01")) == at("2027-01-01")


def test_clocks_that_change() -> None:
    """On 29 March 2026 there is no 02:30 in Berlin; on 25 October 2026 there are two."""
    spring = times("cron(30 2 * * ? *)", "2026-03-28", "2026-03-31", "Europe/Berlin")
    assert spring == ["2026-03-28 02:30", "2026-03-30 02:30"]
    one = schedule.read("cron(30 2 * * ? *)", "Europe/Berlin", "here")
    first = at("2026-10-25T00:30")
    assert next(one.after(at("2026-10-24T12:00")), None) == first
    assert next(one.after(first), None) == at("2026-10-26T01:30")
    assert one.latest(at("2026-10-25T02:00")) == first
    # 07:30 is 05:30 UTC before, and 06:30 after.
    daily = schedule.read("cron(30 7 * * ? *)", "Europe/Berlin", "here")
    assert daily.latest(at("2026-10-24T12:00")) == at("2026-10-24T05:30")
    assert daily.latest(at("2026-10-25T12:00")) == at("2026-10-25T06:30")


# A second reading of cron: what each field lets through, number by number.


def fits(text: str, number: int, low: int, high: int) -> bool:
    """Whether a field without words lets a number through."""
    for item in text.split(","):
        body, _, step = item.partition("/")
        first, _, last = body.partition("-")
        begin = low if first == "*" else int(first)
        end = int(last) if last else (high if step or first == "*" else begin)
        if number in range(begin, end + 1) and (number - begin) % int(step or 1) == 0:
            return True
    return False


def weekday(day: date) -> int:
    return calendar.weekday(day.year, day.month, day.day) % 7 + 2 if day.weekday() != 6 else 1


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    items = []
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(["*", "one", "range", "*/", "one/", "range/"]))
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        body = "*" if kind[0] == "*" else str(first) if kind.startswith("one") else f"{first}-{last}"
        items.append(f"{body}/{draw(st.integers(1, high))}" if kind.endswith("/") else body)
    return ",".join(items)


@settings(max_examples=30, deadline=None)
@given(
    minutes=fields(0, 59), hours=fields(0, 23), day=fields(1, 28), month=fields(1, 12), weekdays=fields(1, 7),
    by_week=st.booleans(), start=st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    zone=st.sampled_from(["", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
)  # fmt: skip
def test_against_every_minute(
    minutes: str, hours: str, day: str, month: str, weekdays: str, by_week: bool, start: date, zone: str
) -> None:
    text = f"cron({minutes} {hours} {'?' if by_week else day} {month} {weekdays if by_week else '?'} *)"
    one = schedule.read(text, zone, "here")
    local = ZoneInfo(zone) if zone else UTC
    always = all(fits(hours, hour, 0, 23) for hour in range(24))
    begin = int(datetime(start.year, start.month, start.day, tzinfo=local).timestamp())
    expected = []
    for moment in range(begin, begin + 2 * 86400, 60):
        wall = datetime.fromtimestamp(moment, local)
        on = fits(weekdays, weekday(wall.date()), 1, 7) if by_week else fits(day, wall.day, 1, 31)
        if (
            on
            and fits(month, wall.month, 1, 12)
            and fits(hours, wall.hour, 0, 23)
            and fits(minutes, wall.minute, 0, 59)
        ):
            # The second of two equal times of the wall is none, unless it comes in every hour.
            expected += [] if wall.fold and not always else [moment]
    assert between(one, begin, begin + 2 * 86400) == expected
    for before, after in list(pairwise(expected))[:: max(1, len(expected) // 10)]:
        assert one.latest(after - 1) == before
        assert one.latest(after) == after


# Where clocks change at two or three, to the north and to the south, and where they do at midnight.
CHANGES = [
    ("Europe/Berlin", "2026-03-29", "2026-10-25"),
    ("Australia/Sydney", "2026-10-04", "2026-04-05"),
    ("America/Santiago", "2026-09-06", "2026-04-04"),
]


@pytest.mark.parametrize(("zone", "forward", "back"), CHANGES)
@pytest.mark.parametrize(("text", "apart"), [("0 *", 3600), ("45 0-23", 3600), ("0/15 0/1", 900), ("* *", 60)])
def test_what_comes_each_hour_misses_none_when_clocks_change(
    text: str, apart: int, zone: str, forward: str, back: str
) -> None:
    """So windows as long as that adjoin, and each time is a run of its own."""
    one, local = schedule.read(f"cron({text} * * ? *)", zone, "here"), ZoneInfo(zone)
    for day, hours in ((forward, 23), (back, 25)):
        begin = at(day, local)
        end = int((datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=local).timestamp())
        assert end - begin == hours * 3600
        found = between(one, begin - 7200, end + 7200)
        assert {after - before for before, after in pairwise(found)} == {apart}
        some = found[: -1 : max(1, len(found) // 25)]
        assert [one.latest(each + apart - 1) for each in some] == some
        assert len(found) == (hours + 4) * 3600 // apart


@pytest.mark.parametrize(("zone", "forward", "back"), CHANGES)
def test_hours_that_are_named_come_once_or_not_at_all(zone: str, forward: str, back: str) -> None:
    local = ZoneInfo(zone)
    for hours in range(24):
        for day, missed in ((forward, 1), (back, 0)):
            begin = at(day, local)
            found = between(schedule.read(f"cron(30 {hours} * * ? *)", zone, "here"), begin, begin + 25 * 3600)
            walls = [datetime.fromtimestamp(each, local) for each in found]
            assert all((wall.hour, wall.minute, wall.fold) == (hours, 30, 0) for wall in walls)
            on = [wall for wall in walls if f"{wall.date()}" == day]
            gone = {"Europe/Berlin": 2, "Australia/Sydney": 2, "America/Santiago": 0}[zone]
            assert len(on) == (0 if missed and hours == gone else 1)


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("daily", "", "'daily' is neither cron(30 7 * * ? *) nor rate(6 hours)"),
        ("cron(0 8 * * ?)", "", "has 5 fields, and cron has six"),
        ("cron(0 8 * * * *)", "", "exactly one must be ?"),
        ("cron(0 8 ? * ? *)", "", "exactly one must be ?"),
        ("cron(0 8 1 * MON *)", "", "exactly one must be ?"),
        ("cron(60 8 * * ? *)", "", "minutes: '60' is not 0 to 59"),
        ("cron(0 24 * * ? *)", "", "hours: '24' is not 0 to 23"),
        ("cron(0 8 0 * ? *)", "", "day of month: '0' is not 1 to 31"),
        ("cron(0 8 * 13 ? *)", "", "month: '13' is not 1 to 12 or JAN to DEC"),
        ("cron(0 8 * ABC ? *)", "", "month: 'ABC' is not 1 to 12 or JAN to DEC"),
        ("cron(0 8 ? * 0 *)", "", "day of week: '0' is not 1 to 7 or SUN to SAT"),
        ("cron(0 8 ? * 8 *)", "", "day of week: '8' is not 1 to 7 or SUN to SAT"),
        ("cron(0 8 ? * FRI-MON *)", "", "FRI-MON goes down"),
        ("cron(0 8 ? * 3#6 *)", "", "day of week behind #: '6' is not 1 to 5"),
        ("cron(0 8 ? * 3#1,6#3 *)", "", "'3#1' is not a number"),
        ("cron(0 8 L-3 * ? *)", "", "day of month"),
        ("cron(0 8 LW * ? *)", "", "day of month"),
        ("cron(0 8 1W,15W * ? *)", "", "day of month"),
        ("cron(0/0 8 * * ? *)", "", "the step must be 1 to 59"),
        ("cron(5/99 8 * * ? *)", "", "the step must be 1 to 59"),
        ("cron(*-5 8 * * ? *)", "", "'*-5' is not a number"),
        ("cron(1,, 8 * * ? *)", "", "'' is not a number"),
        ("cron(-1 8 * * ? *)", "", "'-1' is not a number"),
        ("cron(0 8 * * ? 1969)", "", "year: '1969' is not 1970 to 2199"),
        ("cron(0 0 31 2 ? *)", "", "never comes: there is no such day"),
        ("cron(0 0 29 2 ? 2027)", "", "never comes: there is no such day"),
        ("cron(30 7 ? * MON 1999)", "", "never comes: there is no such day from 2026 on"),
        ("cron(0 0 29 2 ? 2000-2027)", "", "never comes: there is no such day from 2026 on"),
        ("cron(٣ 8 * * ? *)", "", "minutes"),
        ("cron(0 8 * * ? *)", "Europe/Berlln", "'Europe/Berlln' is not a time zone such as Europe/Berlin"),
        ("rate(0 hours)", "", "is not a rate such as rate(1 hour)"),
        ("rate(1 hours)", "", "is not a rate such as rate(1 hour)"),
        ("rate(2 hour)", "", "is not a rate such as rate(1 hour)"),
        ("rate(1 week)", "", "is neither"),
        ("rate(400 days)", "", "longer than 365 days"),
        ("rate(1 hour)", "Europe/Berlin", "knows no time zone"),
    ],
)
def test_what_is_none(text: str, zone: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        schedule.read(text, zone, "parapet.toml: reports[1].schedule")
    assert str(error.value).startswith("parapet.toml: reports[1].schedule: ")
    assert said in str(error.value)
