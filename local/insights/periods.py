"""Time spans and what they cut time into: the periods of `bin`, `datefloor` and `dateceil`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from local.insights.tree import Period
from local.insights.values import Moment

# By its abbreviations: milliseconds, and the most of it that counts. Months and years have no fixed length.
_SPELT = {
    "ms": ("ms", "msec", "millisecond"), "s": ("s", "sec", "second"), "m": ("m", "min", "minute"),
    "h": ("h", "hr", "hour"), "d": ("d", "day"), "w": ("w", "week"),
    "mo": ("mo", "mon", "month"), "q": ("q", "qtr", "quarter"), "y": ("y", "yr", "year"),
}  # fmt: skip
UNITS = {spelt: unit for unit, names in _SPELT.items() for spelt in names}
UNITS |= {f"{spelt}s": unit for spelt, unit in UNITS.items() if len(spelt) > 1 and spelt != "ms"}
LENGTHS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
MONTHS = {"mo": 1, "q": 3, "y": 12}
CAPS = {"ms": 1000, "s": 60, "m": 60, "h": 24}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor(milliseconds: int, period: Period) -> Moment:
    """Return where the period that a moment is in began."""
    unit, count = UNITS[period.unit], capped(period)
    if unit in LENGTHS:
        length = LENGTHS[unit] * count
        return Moment(milliseconds // length * length)
    when = _EPOCH + timedelta(milliseconds=milliseconds)
    months = (when.year - 1970) * 12 + when.month - 1
    return _month(months // (MONTHS[unit] * count) * MONTHS[unit] * count)


def ceil(milliseconds: int, period: Period) -> Moment:
    """Return the end of the period that a moment is in, or the moment itself where one begins."""
    began = floor(milliseconds, period)
    if began == milliseconds:
        return began
    unit, count = UNITS[period.unit], capped(period)
    if unit in LENGTHS:
        return Moment(began + LENGTHS[unit] * count)
    when = _EPOCH + timedelta(milliseconds=began)
    return _month((when.year - 1970) * 12 + when.month - 1 + MONTHS[unit] * count)


def capped(period: Period) -> int:
    """Return how many units count: CloudWatch Logs takes `300s` for `60s`."""
    return min(period.count, CAPS.get(UNITS[period.unit], period.count))


def _month(months: int) -> Moment:
    begins = datetime(1970 + months // 12, months % 12 + 1, 1, tzinfo=UTC)
    return Moment((begins - _EPOCH) // timedelta(milliseconds=1))
