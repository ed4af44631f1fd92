"""What `PutMetricData` takes, checked as CloudWatch checks it (API reference, *PutMetricData* and *MetricDatum*).

More strictly than there, what would be kept otherwise than it is there is refused: values of single seconds
(`StorageResolution` 1) and entities. More leniently, also namespaces of AWS's own (`AWS/…`) may be put, to try things.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.cloudwatch.clock import seconds
from local.cloudwatch.refused import Refused
from local.cloudwatch.store import DAY, HOUR, Metric, Store

MOST, VALUES, DIMENSIONS = 1000, 150, 30
BACK, AHEAD = 14 * DAY, 2 * HOUR
LARGEST = 2.0**360
SIZES = [f"{scale}{size}".capitalize() for scale in ("", "kilo", "mega", "giga", "tera") for size in ("bytes", "bits")]
UNITS = {"None", "Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second"}
UNITS |= {f"{size}{per}" for size in SIZES for per in ("", "/Second")}
WAYS = ("Value", "Values", "StatisticValues")
DATUM = {"MetricName", "Dimensions", "Timestamp", "Counts", "Unit", "StorageResolution", *WAYS}
SET = ("SampleCount", "Sum", "Minimum", "Maximum")


@dataclass(frozen=True)
class Datum:
    """One of the data of a request: samples, or a statistic set."""

    metric: Metric
    at: float
    unit: str
    values: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()
    statistics: tuple[float, float, float, float] | None = None


def put(store: Store, namespace: str, data: Sequence[Mapping[str, Any]], now: float, shift: float = 0.0) -> None:
    """Put all data of a request, or none of them.

    Args:
        store: where to.
        namespace: of all of them.
        data: MetricDatum structures as the API takes them.
        now: the engine's time.
        shift: how far that is ahead of the callers'.

    Raises Refused for what CloudWatch does not take.
    """
    if not 1 <= len(namespace) <= 255 or namespace.startswith(":"):
        raise Refused(f"The value {namespace!r} for parameter Namespace is invalid.")
    if not 1 <= len(data) <= MOST:
        raise Refused(f"The collection MetricData must have 1 to {MOST} data, not {len(data)}.")
    for one in [_datum(namespace, given, f"MetricData.member.{at}", now, shift) for at, given in enumerate(data, 1)]:
        if one.statistics:
            store.put_set(one.metric, one.at, *one.statistics, unit=one.unit)
        else:
            store.put(one.metric, one.at, one.values, one.counts, one.unit)


def _datum(namespace: str, given: Mapping[str, Any], where: str, now: float, shift: float) -> Datum:
    if unknown := sorted(set(given) - DATUM):
        raise Refused(f"{where} has {', '.join(unknown)}, which CloudWatch does not know.")
    if int(given.get("StorageResolution") or 60) != 60:
        raise Refused(f"the local CloudWatch keeps whole minutes: StorageResolution 1 of {where} is not kept")
    name, unit = given.get("MetricName") or "", given.get("Unit") or "None"
    if not 1 <= len(name) <= 255:
        raise Refused(f"The parameter {where}.MetricName is required, and has at most 255 characters.")
    if unit not in UNITS:
        raise Refused(f"The value {unit} for parameter {where}.Unit is invalid.")
    metric = Metric.of(namespace, name, _dimensions(given.get("Dimensions") or (), where))
    at = _time(given.get("Timestamp"), where, now, shift)
    ways = [one for one in WAYS if given.get(one) is not None]
    if len(ways) != 1:
        raise Refused(
            f"{where} must have one of Value, Values and StatisticValues, not {' and '.join(ways) or 'none'}."
        )
    if ways == ["StatisticValues"]:
        return Datum(metric, at, unit, statistics=_set(given["StatisticValues"], where))
    values = tuple(given["Values"]) if ways == ["Values"] else (given["Value"],)
    if not 1 <= len(values) <= VALUES:
        raise Refused(f"{where}.Values must have 1 to {VALUES} values, not {len(values)}.")
    counts = tuple(_number(one, f"{where}.Counts") for one in given.get("Counts") or (1,) * len(values))
    if len(counts) != len(values) or ("Counts" in given and ways == ["Value"]):
        raise Refused(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    if min(counts) <= 0:
        raise Refused(f"The value {min(counts):g} for parameter {where}.Counts is invalid: it must be above 0.")
    return Datum(metric, at, unit, tuple(_number(one, f"{where}.Value") for one in values), counts)


def _dimensions(given: Sequence[Mapping[str, str]], where: str) -> dict[str, str]:
    if len(given) > DIMENSIONS:
        raise Refused(f"{where} has {len(given)} dimensions: at most {DIMENSIONS} are taken.")
    found: dict[str, str] = {}
    for one in given:
        name, value = one.get("Name") or "", one.get("Value") or ""
        if not name.strip() or not value.strip() or name.startswith(":") or len(name) > 255 or len(value) > 1024:
            raise Refused(f"The dimension {name!r}={value!r} of {where} is invalid: it needs a name and a value.")
        if name in found:
            raise Refused(f"{where} has the dimension {name} twice.")
        found[name] = value
    return found


def _time(given: datetime | None, where: str, now: float, shift: float) -> float:
    if given is None:
        return now
    at = seconds(given) + shift
    if not now - BACK <= at <= now + AHEAD:
        told = "more than two weeks in the past" if at < now else "more than two hours in the future"
        raise Refused(f"The value {given:%Y-%m-%dT%H:%M:%SZ} for parameter {where}.Timestamp is {told}.")
    return at


def _set(given: Mapping[str, Any], where: str) -> tuple[float, float, float, float]:
    if missing := [one for one in SET if given.get(one) is None]:
        raise Refused(f"{where}.StatisticValues lacks {', '.join(missing)}.")
    count, total, low, high = (_number(given[one], f"{where}.StatisticValues.{one}") for one in SET)
    if count <= 0 or low > high:
        raise Refused(f"{where}.StatisticValues must have a SampleCount above 0, and a Minimum of at most the Maximum.")
    return count, total, low, high


def _number(given: Any, where: str) -> float:
    value = float(given)
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise Refused(f"The value {value} for parameter {where} is invalid.")
    return value
