"""What CloudWatch knows of metrics, from what was put into moto: their values, and pictures of them.

moto's own `GetMetricData` cuts periods at the request's start, leaves the namespace out where there are dimensions, and
answers expressions with nothing; it draws no pictures. Here periods begin where CloudWatch's do, percentiles are taken
from the values themselves, and what cannot be evaluated is refused: expressions come with *The 500 killer*.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue, ResourceNotFoundException, ValidationError
from moto.cloudwatch.models import CloudWatchBackend, MetricDatum
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, method_names_from_class

from chalicelib import chart

PERCENTILE = re.compile(r"p(100|\d{1,2}(?:\.\d{1,10})?)")
RELATIVE = re.compile(r"-P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
# What a widget and its metrics may say here.
WIDGET = {"metrics", "annotations", "start", "end", "period", "stat", "title", "width", "height", "view", "timezone"}
ROW = {"id", "stat", "period", "label", "visible"}


@dataclass(frozen=True)
class Series:
    """Which values: of which metric, how taken together, for which period."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    stat: str
    period: int
    unit: str = ""


def values(backend: CloudWatchBackend, series: Series, start: float, end: float) -> list[tuple[float, float]]:
    """Return the beginning and the value of every period in which something was measured, from a time to a time.

    Raises ValidationError for a statistic that cannot be taken.
    """
    begins = math.floor(start / series.period) * series.period
    buckets: dict[float, list[Any]] = {}
    wanted = frozenset(series.dimensions.items())
    for datum in list(backend.get_all_metrics()):
        if datum.name != series.name or datum.namespace != series.namespace or _of(datum) != wanted:
            continue
        if series.unit and datum.unit != series.unit:
            continue
        at = seconds(datum.timestamp)
        if begins <= at < end:
            buckets.setdefault(math.floor(at / series.period) * series.period, []).append(datum)
    return [(at, _taken(some, series.stat)) for at, some in sorted(buckets.items())]


def _of(datum: Any) -> frozenset[tuple[str, str]]:
    """Return the dimensions of a measurement, made comparable once."""
    found: frozenset[tuple[str, str]] | None = datum.__dict__.get("of")
    if found is None:
        found = datum.__dict__["of"] = frozenset((one.name, one.value) for one in datum.dimensions)
    return found


def seconds(moment: datetime) -> float:
    """Return moto's times, which may lack a zone, as epoch seconds."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _taken(some: Sequence[Any], stat: str) -> float:
    """Return what a statistic makes of the measurements of one period; raises ValidationError."""
    single = [one.value for one in some if isinstance(one, MetricDatum)]
    whole = [one for one in some if not isinstance(one, MetricDatum)]
    if match := PERCENTILE.fullmatch(stat):
        if whole:
            raise ValidationError(f"{stat} of what came as StatisticValues cannot be taken here: put single values")
        # Between the two nearest, as CloudWatch does for few values.
        place = float(match[1]) / 100 * (len(single) - 1)
        below, ordered = math.floor(place), sorted(single)
        return float(ordered[below] + (ordered[math.ceil(place)] - ordered[below]) * (place - below))
    count, total = len(single) + sum(one.sample_count for one in whole), sum(single) + sum(one.sum for one in whole)
    if stat == "SampleCount":
        return float(count)
    if stat == "Sum":
        return float(total)
    if stat == "Average":
        return float(total / count)
    if stat == "Minimum":
        return float(min([*single, *(one.min for one in whole)]))
    if stat == "Maximum":
        return float(max([*single, *(one.max for one in whole)]))
    raise ValidationError(f"the local CloudWatch takes no {stat}: Sum, Average, Minimum, Maximum, SampleCount, pNN")


def series_of(stat: Mapping[str, Any]) -> Series:
    """Return what a `MetricStat` of `GetMetricData` means."""
    metric = stat["Metric"]
    dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions") or ()}
    return Series(
        metric["Namespace"], metric["MetricName"], dimensions, stat["Stat"], int(stat["Period"]), stat.get("Unit") or ""
    )


def drawn() -> None:
    """Have moto answer `GetMetricData`, `GetMetricWidgetImage` and `DescribeAlarmContributors` as told above."""
    CloudWatchBackend.get_metric_data = get_metric_data
    CloudWatchResponse.get_metric_widget_image = get_metric_widget_image
    CloudWatchResponse.describe_alarm_contributors = describe_alarm_contributors
    # In the tests, moto remembers which operations it has.
    getattr(method_names_from_class, "cache_clear", lambda: None)()


def get_metric_data(
    self: CloudWatchBackend,
    queries: list[dict[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampDescending",
) -> list[dict[str, Any]]:
    """Return the values of metrics; raises ValidationError for an expression."""
    start, end = seconds(start_time), seconds(end_time)
    if start >= end:
        raise ValidationError("The parameter StartTime must be less than the parameter EndTime.")
    found = []
    for query in queries:
        if "Expression" in query:
            raise ValidationError(f"the local CloudWatch evaluates no expression yet: {query['Expression']}")
        series = series_of(query["MetricStat"])
        points = [(at, value) for at, value in values(self, series, start, end) if at >= start]
        points.sort(reverse=scan_by == "TimestampDescending")
        if query.get("ReturnData", True):
            found.append({
                "id": query["Id"], "label": query.get("Label") or series.name, "status_code": "Complete",
                "timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
                "values": [value for _, value in points],
            })  # fmt: skip
    return found


def get_metric_widget_image(self: CloudWatchResponse) -> ActionResult:
    """Draw a widget."""
    try:
        widget = json.loads(self._get_param("MetricWidget"))
    except ValueError:
        raise InvalidParameterValue("MetricWidget is not JSON") from None
    if not isinstance(widget, dict):
        raise InvalidParameterValue("MetricWidget must be a JSON object")
    picture = draw(self.cloudwatch_backend, widget, datetime.now(UTC).timestamp())
    return ActionResult({"MetricWidgetImage": picture})


def draw(backend: CloudWatchBackend, widget: Mapping[str, Any], now: float) -> bytes:
    """Return the picture of a widget, of whatever size it asks for; raises ValidationError, InvalidParameterValue."""
    _only("of a widget", widget, WIDGET)
    if widget.get("view", "timeSeries") != "timeSeries":
        raise _undrawn(f"the view {widget['view']}")
    rows = widget.get("metrics")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 100:
        raise InvalidParameterValue("metrics must have 1 to 100 metrics")
    for name in ("width", "height"):
        if not isinstance(size := widget.get(name, 400), int) or not 1 <= size <= 2000:
            raise InvalidParameterValue(f"{name} must be 1 to 2000")
    start = _time(widget.get("start", "-PT3H"), "start", now)
    end = _time(widget.get("end", "-PT0H"), "end", now)
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        named, how = _row(row)
        if how.get("visible", True):
            dimensions = dict(zip(named[2::2], named[3::2], strict=True))
            period, stat = how.get("period", widget.get("period", 300)), how.get("stat", widget.get("stat", "Average"))
            series = Series(named[0], named[1], dimensions, stat, period)
            lines[how.get("label") or " ".join([named[1], *named[3::2]])] = values(backend, series, start, end)
    threshold, onset = _annotations(widget.get("annotations", {}))
    return chart.lines(str(widget.get("title", "")), lines, threshold, onset)


def _row(row: Any) -> tuple[list[str], Mapping[str, Any]]:
    """Return the namespace, name and dimensions of a row of a widget, and how it is to be shown."""
    if not isinstance(row, list) or not row:
        raise InvalidParameterValue(f"a metric must be an array, not {row!r}")
    how = row[-1] if isinstance(row[-1], dict) else {}
    if "expression" in how:
        raise _undrawn(f"expressions yet: {how['expression']}")
    _only("of a metric", how, ROW)
    named = [one for one in row if not isinstance(one, dict)]
    if any(one in (".", "...") for one in named):
        raise _undrawn("metrics that are short for the one before (`.`, `...`)")
    if len(named) < 2 or len(named) % 2 or not all(isinstance(one, str) for one in named):
        raise InvalidParameterValue(f"{row!r} is not [namespace, metric, dimension, value …]")
    return named, how


def _annotations(given: Any) -> tuple[float | None, float | None]:
    """Return the bound and the onset among a widget's annotations, one of each."""
    _only("of annotations", given, {"horizontal", "vertical"})
    across, down = given.get("horizontal", []), given.get("vertical", [])
    for one in (*across, *down):
        _only("of an annotation", one, {"label", "value"})
    if len(across) > 1 or len(down) > 1:
        raise _undrawn("more than one annotation of a kind")
    onset = _time(down[0]["value"], "a vertical annotation", 0.0) if down else None
    return (float(across[0]["value"]) if across else None), onset


def _time(given: Any, name: str, now: float) -> float:
    if isinstance(given, str) and (match := RELATIVE.fullmatch(given)):
        days, hours, minutes = (int(part or 0) for part in match.groups())
        return now - timedelta(days=days, hours=hours, minutes=minutes).total_seconds()
    try:
        return seconds(datetime.fromisoformat(str(given).replace("Z", "+00:00")))
    except ValueError:
        raise InvalidParameterValue(f"{name}: {given!r} is not a time such as -PT3H or 2026-11-21T03:00:00Z") from None


def _undrawn(what: str) -> Exception:
    problem: Exception = ValidationError(f"the local CloudWatch does not draw {what}")
    return problem


def _only(where: str, given: Any, known: set[str]) -> None:
    if not isinstance(given, dict):
        raise InvalidParameterValue(f"what should be an object {where} is {given!r}")
    if unknown := sorted(set(given) - known):
        raise _undrawn(f"{', '.join(unknown)} {where}")


def describe_alarm_contributors(self: CloudWatchResponse) -> ActionResult:
    """Return the series of an alarm that breach: of a single metric there are none to be told apart."""
    name = self._get_param("AlarmName")
    alarm = self.cloudwatch_backend.alarms.get(name)
    if alarm is None:
        raise ResourceNotFoundException
    if any(query.expression for query in alarm.metric_data_queries):
        raise ValidationError(f"the local CloudWatch evaluates no expression yet, such as those of {name}")
    return ActionResult({"AlarmContributors": []})
