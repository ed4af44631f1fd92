"""Values as Logs Insights has them: texts that count as numbers where they look like them, moments, maps, lists."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

# What a row holds; None is a value that is missing. Booleans are the numbers 1 and 0.
Value = Any
Order = tuple[Any, ...]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
_CHUNK = re.compile(r"\d+|\D")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Longer digits are no number to anybody; further away there is no date.
_DIGITS, _FARTHEST = 300, 50_000_000_000_000
_LONG = 2**63


class Moment(int):
    """A point of time in epoch milliseconds, shown as a date."""


def number(value: Value) -> int | float | None:
    """Return what a value counts as in arithmetic; None for what is no number."""
    if isinstance(value, str):
        if len(value) > _DIGITS or not _NUMBER.fullmatch(value):
            return None
        return int(value) if _WHOLE.fullmatch(value) else finite(float(value))
    if isinstance(value, int):
        return int(value)
    return finite(value) if isinstance(value, float) else None


def finite(value: float) -> float | None:
    """Return a number that can be shown; None for infinity and what is no number."""
    return value if math.isfinite(value) else None


def sized(value: int | float) -> int | float | None:
    """Return a result of arithmetic, beyond 64 bits as a number with a fraction has it; None where it has none."""
    return value if isinstance(value, int) and -_LONG <= value < _LONG else finite(float(value))


def moment(milliseconds: float) -> Moment | None:
    """Return a point of time; None for one out of this world."""
    return Moment(milliseconds) if -_FARTHEST <= milliseconds <= 4 * _FARTHEST else None


def text(value: Value) -> str:
    """Return a value as the results show it: numbers with four decimals at most."""
    match value:
        case str():
            return value
        case bool():
            return "1" if value else "0"
        case Moment():
            return shown(value)
        case int():
            return str(int(value))
        case float():
            rounded = round(value, 4)
            return f"{rounded:.4f}".rstrip("0") if rounded != int(rounded) else str(int(rounded))
        case _:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def shown(milliseconds: int) -> str:
    """Return a moment as the results show it, in UTC."""
    return f"{_EPOCH + timedelta(milliseconds=int(milliseconds)):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def structured(value: Value) -> bool:
    """Whether a value is a map or a list, which count as missing nearly everywhere."""
    return isinstance(value, (dict, list))


def plain(value: Value) -> Value:
    """Return a value, or None for a map or a list."""
    return None if structured(value) else value


def equal(left: Value, right: Value) -> bool:
    """Whether two values are the same, as numbers if both look like numbers; nothing is equal to a missing value."""
    if left is None or right is None or structured(left) or structured(right):
        return False
    if type(left) is str and type(right) is str and left == right:
        return True
    first, second = number(left), number(right)
    if first is not None and second is not None:
        return first == second
    return bool(text(left) == text(right))


def below(left: Value, right: Value) -> bool:
    """Whether one value is less than another: numbers by value, texts by Unicode, and never one against the other."""
    if left is None or right is None or structured(left) or structured(right):
        return False
    first, second = number(left), number(right)
    if first is not None and second is not None:
        return first < second
    return first is None and second is None and text(left) < text(right)


def order(value: Value) -> Order:
    """Return what to sort a value by: missing ones first, then texts in natural order, then numbers."""
    if value is None or structured(value):
        return (0,)
    counted = number(value)
    if counted is not None:
        return (2, counted, text(value))
    return (1, *(_rank(chunk) for chunk in _CHUNK.findall(text(value))))


def _rank(chunk: str) -> tuple[int, int, str]:
    # A run of digits stands where its digits do among the characters, then by its length, then by its value.
    return (48, len(chunk), chunk) if chunk.isdecimal() else (ord(chunk), 0, "")
