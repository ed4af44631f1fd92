"""Times and durations as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from chalicelib.model import DAY, ParapetError
from chalicelib.notices.compose import duration
from chalicelib.section import seconds

LENGTH = 20
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK = re.compile(r"(\d+):(\d+)(:.*)?")
# What is later is no time, whatever says so.
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def iso(at: float) -> str:
    """Return a time for programs: `2026-11-18T09:46:41Z`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def exact(at: float) -> str:
    """Return a time for programs, to the millisecond: `2026-11-18T09:46:41.123Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def absolute(at: float) -> str:
    """Return a time for people: `2026-11-18 09:46:41 UTC`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(at: float, now: float) -> str:
    """Return how long ago a time was: `5 min ago`."""
    return f"{duration(max(0.0, now - at))} ago"


def ahead(at: float, now: float) -> str:
    """Return a time to come for people: `2026-11-18 09:46:41 UTC (in 30 min)`."""
    return f"{absolute(at)} (in {duration(max(0.0, at - now))})"


def span(text: str, where: str) -> float:
    """Return a duration in seconds; raises ParapetError for anything else, and for numbers beyond reason."""
    if len(text) > LENGTH:
        raise ParapetError(f"{where}: a duration such as 30m, 2h or 7d is shorter")
    return seconds(text, where)


def after(text: str, where: str, now: float) -> float:
    """Return the time that lies a duration after now; raises ParapetError for anything but a duration."""
    return _reasonable(now + span(text, where), text, where)


def until(text: str, where: str, now: float) -> float:
    """Return the time that a duration (`30d`), a date (to its end) or a time (UTC) names; raises ParapetError."""
    if not _DATE.match(text):
        return after(text, where, now)
    at = _moment(text, where)
    if _DATE.fullmatch(text):
        at += DAY
    if at <= now:
        raise ParapetError(f"{where}: {text} is in the past")
    return _reasonable(at, text, where)


def since(text: str, where: str, now: float) -> float:
    """Return the time that was a duration (`24h`) ago, or a date's start, or a time (UTC); raises ParapetError.

    `14:02` is the last time that a clock showed that.
    """
    if clock := _CLOCK.fullmatch(text):
        if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", text):
            raise ParapetError(
                f"{where}: {text!r} is no time of day such as 14:02: hours are 0 to 23, minutes 00 to 59"
            )
        at = now // DAY * DAY + int(clock[1]) * 3600 + int(clock[2]) * 60
        return at if at <= now else at - DAY
    if not _DATE.match(text):
        return max(0.0, now - span(text, where))
    at = _moment(text, where)
    if at > now:
        raise ParapetError(f"{where}: {text} is in the future")
    return max(0.0, at)


def _moment(text: str, where: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ParapetError(f"{where}: {text!r} is not a date such as 2026-12-31, or a duration such as 30d") from None


def _reasonable(at: float, text: str, where: str) -> float:
    if at > LATEST:
        raise ParapetError(f"{where}: {text} is too far ahead")
    return at
