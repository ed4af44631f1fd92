"""CloudWatch's side of the embedded metric format, strict: what it would take out of a log line, or a refusal."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

UNITS = {
    "Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "None",
    *(f"{size}{kind}" for size in ("", "Kilo", "Mega", "Giga", "Tera") for kind in ("bytes", "bits") if size),
    "Bytes", "Bits",
    *(f"{size}{kind}/Second" for size in ("Kilo", "Mega", "Giga", "Tera") for kind in ("bytes", "bits")),
    "Bytes/Second", "Bits/Second", "Count/Second",
}  # fmt: skip
DAY = 86400
LONGEST = 256 * 1024

Key = tuple[str, frozenset[tuple[str, str]]]
Metrics = dict[Key, list[float]]


class Refused(ValueError):
    """CloudWatch would drop this line, or take something else out of it than was meant."""


def metrics(lines: Iterable[str]) -> Metrics:
    """Return the values of every metric in some log lines, by name and dimensions; raises Refused."""
    found: Metrics = {}
    for line in lines:
        for key, values in read(line).items():
            found.setdefault(key, []).extend(values)
    return found


def read(line: str) -> Metrics:
    """Return the metrics of one log line: none when it is not of this format; raises Refused."""
    try:
        root = json.loads(line, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise Refused(f"not JSON: {error}") from None
    _check(isinstance(root, dict), "the line is not an object")
    if "_aws" not in root:
        return {}
    _check(len(line.encode()) <= LONGEST and "\n" not in line.rstrip("\n"), "the line is too long, or several")
    _keys(root["_aws"], {"Timestamp", "CloudWatchMetrics"}, set(), "_aws")
    at = root["_aws"]["Timestamp"]
    _check(type(at) is int, "Timestamp is not a whole number")
    _check(-14 * DAY < at / 1000 - time.time() < 7200, "Timestamp is not now, in milliseconds")
    directives = root["_aws"]["CloudWatchMetrics"]
    _check(isinstance(directives, list) and directives, "CloudWatchMetrics is not a list of directives")
    found: Metrics = {}
    for directive in directives:
        for key, values in _directive(directive, root).items():
            _check(key not in found, f"{key} would be counted twice")
            found[key] = values
    return found


def _directive(directive: Any, root: Mapping[str, Any]) -> Metrics:
    _keys(directive, {"Namespace", "Dimensions", "Metrics"}, set(), "a directive")
    name, sets, wanted = directive["Namespace"], directive["Dimensions"], directive["Metrics"]
    _check(_text(name, 255) and not name.startswith(("AWS/", ":")), f"the namespace is {name!r}")
    _check(isinstance(sets, list) and sets, "Dimensions is not a list of sets")
    _check(isinstance(wanted, list) and 1 <= len(wanted) <= 100, "Metrics has not 1 to 100 metrics")
    found: Metrics = {}
    for keys in sets:
        _check(isinstance(keys, list) and len(keys) <= 30, "a set of dimensions is not a list of at most 30")
        for key in keys:
            _check(_text(key, 255) and _text(root.get(key), 1024), f"dimension {key!r} has no text at the root")
        for metric in wanted:
            _keys(metric, {"Name", "Unit"}, {"StorageResolution"}, "a metric")
            _check(_text(metric["Name"], 255) and metric["Unit"] in UNITS, f"the metric is {metric}")
            _check(metric["Name"] not in keys, f"{metric['Name']} is a dimension too")
            at = (metric["Name"], frozenset((key, root[key]) for key in keys))
            _check(at not in found, f"{at} would be counted twice")
            found[at] = _values(metric["Name"], root)
    return found


def _values(name: str, root: Mapping[str, Any]) -> list[float]:
    _check(name in root, f"{name} has no value at the root")
    values = root[name] if isinstance(root[name], list) else [root[name]]
    _check(1 <= len(values) <= 100, f"{name} has {len(values)} values")
    for value in values:
        _check(type(value) in (int, float) and math.isfinite(value), f"{name} is {value!r}")
    return values


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    _check(len(made) == len(pairs), f"a key comes twice among {[key for key, _ in pairs]}")
    return made


def _constant(text: str) -> Any:
    raise Refused(f"{text} is not JSON")


def _keys(value: Any, needed: set[str], more: set[str], what: str) -> None:
    _check(isinstance(value, dict) and needed <= value.keys() <= needed | more, f"{what} has not {sorted(needed)}")


def _text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value.strip()) >= 1 and len(value) <= longest


def _check(holds: object, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)
