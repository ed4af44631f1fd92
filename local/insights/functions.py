"""The functions of the language, but the aggregates, by their documented names.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from local.insights import addresses, periods
from local.insights.tree import Period
from local.insights.values import Moment, Value, equal, moment, number, order, plain, sized, text

ANY = 1000
EARTH = 6371.0


@dataclass(frozen=True, slots=True)
class Function:
    """A function: how many arguments it takes, and what it makes of their values."""

    name: str
    least: int
    most: int
    apply: Callable[..., Value]


def _strings(apply: Callable[..., Value], missing: Value = None) -> Callable[..., Value]:
    """Have a function get texts only, and answer for a missing argument itself."""

    def applied(*values: Value) -> Value:
        some = [plain(value) for value in values]
        return missing if None in some else apply(*(text(value) for value in some))

    return applied


def _numbers(apply: Callable[..., Value]) -> Callable[..., Value]:
    """Have a function get numbers only, and give nothing where it is not defined."""

    def applied(*values: Value) -> Value:
        some = [number(value) for value in values]
        if None in some:
            return None
        try:
            result = apply(*some)
            return result if result is None or isinstance(result, (str, Moment)) else sized(result)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return applied


def _round(value: float, digits: float = 0) -> float:
    scale = 10 ** int(digits)
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


def _haversine(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    first, second = math.radians(lat1), math.radians(lat2)
    of = math.sin((second - first) / 2) ** 2
    of += math.cos(first) * math.cos(second) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(of))


def _bounded(bits: int) -> Callable[[float], int | None]:
    def apply(value: float) -> int | None:
        whole = int(value)
        return whole if -(2 ** (bits - 1)) <= whole < 2 ** (bits - 1) else None

    return apply


def _extreme(choose: Callable[..., Value]) -> Callable[..., Value]:
    def apply(*values: Value) -> Value:
        return choose((some for some in map(number, values) if some is not None), default=None)

    return apply


def _moment(cut: Callable[[int, Period], Moment]) -> Callable[[Value, Period], Value]:
    def apply(value: Value, period: Period) -> Value:
        at = number(value)
        known = None if at is None else moment(at)
        return None if known is None else cut(known, period)

    return apply


def _format(value: Value, pattern: Value, zone: Value = "UTC") -> Value:
    at = number(value)
    if at is None or pattern is None:
        return None
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(at))
        return when.astimezone(ZoneInfo(text(zone))).strftime(text(pattern))
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def _coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def _case(*values: Value) -> Value:
    for place in range(0, len(values) - 1, 2):
        if true(values[place]):
            return values[place + 1]
    return values[-1] if len(values) % 2 else None


def true(value: Value) -> bool:
    """Whether a condition holds: a number that is not 0."""
    if value is True or value is False:
        return bool(value)
    return bool(number(plain(value)) or 0)


def _blank(value: Value) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def parsed(value: Value) -> Value:
    """Return the map or list that a text in JSON is; None for all else."""
    if not isinstance(value, str):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, (dict, list)) else None


def _stringify(value: Value) -> Value:
    return text(value) if isinstance(value, (dict, list)) else None


def _size(value: Value) -> Value:
    found = value if isinstance(value, list) else parsed(value)
    return len(found) if isinstance(found, list) else None


def _contains(value: Value, wanted: Value) -> bool:
    found = value if isinstance(value, list) else parsed(value)
    return isinstance(found, list) and any(equal(one, wanted) for one in found if not isinstance(one, (dict, list)))


def _trim(strip: Callable[..., str]) -> Callable[..., Value]:
    return _strings(lambda whole, characters=None: strip(whole, characters))


def _substr(whole: Value, start: Value, length: Value = ANY * ANY) -> Value:
    first, many = number(start), number(length)
    if plain(whole) is None or first is None or many is None or first < 0 or many < 0:
        return None
    return text(whole)[int(first) : int(first) + int(many)]


def _strcontains(whole: Value, wanted: Value, insensitive: Value = False) -> int:
    if plain(whole) is None or plain(wanted) is None:
        return 0
    within, part = text(whole), text(wanted)
    return int(part.lower() in within.lower() if true(insensitive) else part in within)


def _concat(*values: Value) -> str:
    return "".join(text(value) for value in values if plain(value) is not None)


def _base64(value: str) -> Value:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _hex(value: str) -> Value:
    try:
        return bytes.fromhex(value.removeprefix("0x")).decode("ascii")
    except ValueError:
        return None


def _decimal(value: str) -> Value:
    try:
        return sized(int(value, 16))
    except (ValueError, OverflowError):
        return None


def _ipv4(value: str) -> Value:
    found = addresses.address(value)
    return int(found) if found is not None and found.version == 4 else None


def _version(*versions: int) -> Callable[..., Value]:
    def valid(value: str) -> bool:
        found = addresses.address(value)
        return found is not None and found.version in versions

    return _strings(valid, False)


def _public(value: str) -> bool:
    found = addresses.address(value)
    return found is not None and found.is_global


def _subnet(version: int) -> Callable[..., Value]:
    return _strings(lambda value, subnet: addresses.inside(value, subnet, version), False)


_ALL = (
    Function("abs", 1, 1, _numbers(abs)),
    Function("ceil", 1, 1, _numbers(math.ceil)),
    Function("floor", 1, 1, _numbers(math.floor)),
    Function("greatest", 1, ANY, _extreme(max)),
    Function("least", 1, ANY, _extreme(min)),
    Function("log", 1, 1, _numbers(math.log)),
    Function("round", 1, 2, _numbers(_round)),
    Function("sqrt", 1, 1, _numbers(math.sqrt)),
    Function("haversine", 4, 4, _numbers(_haversine)),
    Function("toNumber", 1, 1, _numbers(lambda value: value)),
    Function("toInt", 1, 1, _numbers(_bounded(32))),
    Function("toLong", 1, 1, _numbers(_bounded(64))),
    Function("toDouble", 1, 1, _numbers(float)),
    Function("datefloor", 2, 2, _moment(periods.floor)),
    Function("dateceil", 2, 2, _moment(periods.ceil)),
    Function("fromMillis", 1, 1, _numbers(moment)),
    Function("toMillis", 1, 1, _numbers(int)),
    Function("formatDate", 2, 3, _format),
    Function("strftime", 2, 3, _format),
    Function("ispresent", 1, 1, lambda value: value is not None),
    Function("coalesce", 1, ANY, _coalesce),
    Function("case", 2, 21, _case),
    Function("if", 3, 3, _case),
    Function("isNumeric", 1, 1, lambda value: number(plain(value)) is not None),
    Function("messageSize", 1, 1, _strings(lambda value: len(value.encode()))),
    Function("jsonParse", 1, 1, parsed),
    Function("jsonStringify", 1, 1, _stringify),
    Function("jsonArraySize", 1, 1, _size),
    Function("jsonArrayContains", 2, 2, _contains),
    Function("isValidIp", 1, 1, _version(4, 6)),
    Function("isValidIpV4", 1, 1, _version(4)),
    Function("isValidIpV6", 1, 1, _version(6)),
    Function("isIpInSubnet", 2, 2, _subnet(0)),
    Function("isIpv4InSubnet", 2, 2, _subnet(4)),
    Function("isIpv6InSubnet", 2, 2, _subnet(6)),
    Function("ipv4ToNumber", 1, 1, _strings(_ipv4)),
    Function("isPrivateIP", 1, 1, _strings(addresses.private, False)),
    Function("isPublicIP", 1, 1, _strings(_public, False)),
    Function("isempty", 1, 1, lambda value: value is None or value == ""),
    Function("isblank", 1, 1, _blank),
    Function("concat", 1, ANY, _concat),
    Function("trim", 1, 2, _trim(str.strip)),
    Function("ltrim", 1, 2, _trim(str.lstrip)),
    Function("rtrim", 1, 2, _trim(str.rstrip)),
    Function("strlen", 1, 1, _strings(len)),
    Function("toupper", 1, 1, _strings(str.upper)),
    Function("tolower", 1, 1, _strings(str.lower)),
    Function("substr", 2, 3, _substr),
    Function("replace", 3, 3, _strings(str.replace)),
    Function("strcontains", 2, 3, _strcontains),
    Function("startsWith", 2, 2, _strings(lambda whole, part: int(whole.startswith(part)), 0)),
    Function("endsWith", 2, 2, _strings(lambda whole, part: int(whole.endswith(part)), 0)),
    Function("urlencode", 1, 1, _strings(lambda value: quote(value, safe=""))),
    Function("urldecode", 1, 1, _strings(unquote)),
    Function("base64encode", 1, 1, _strings(lambda value: base64.b64encode(value.encode()).decode())),
    Function("base64decode", 1, 1, _strings(_base64)),
    Function("split", 2, 2, _strings(lambda value, by: value.split(by) if by else [value])),
    Function("hexToAscii", 1, 1, _strings(_hex)),
    Function("hexToDec", 1, 1, _strings(_decimal)),
    Function("decToHex", 1, 1, _numbers(lambda value: f"{'-' if value < 0 else ''}0x{abs(int(value)):x}")),
)
FUNCTIONS = {one.name.lower(): one for one in _ALL}
# What depends on the query and not on values: how many arguments.
OF_THE_QUERY = {"bin": 1, "now": 0, "queryStartTime": 0, "queryEndTime": 0, "queryTimeRange": 0}
# Documented, and not evaluated here.
ELSEWHERE = frozenset({
    "parsedate", "regexreplace", "isreservedip", "md5", "sha1", "sha256", "sha512", "unmask",
    "rate", "count_over_time", "sum_over_time", "histogram",
})  # fmt: skip


def extreme(values: Sequence[Value], choose: Callable[..., Value]) -> Value:
    """Return the least or the greatest of some values: of the numbers, if there are any among them."""
    counted = [value for value in values if number(value) is not None]
    return choose(counted or values, key=order, default=None)
