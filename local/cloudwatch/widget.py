"""Pictures of metrics, as `GetMetricWidgetImage` draws them: lines over time, with one bound and one moment marked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib import chart
from local.cloudwatch import data
from local.cloudwatch.clock import seconds
from local.cloudwatch.refused import Refused
from local.cloudwatch.store import Store

RELATIVE = re.compile(r"-P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
# What a widget and its metrics may say here.
WIDGET = {"metrics", "annotations", "start", "end", "period", "stat", "title", "width", "height", "view", "timezone"}
ROW = {"id", "stat", "period", "label", "visible", "accountId"}
EXPRESSION = ROW - {"stat"} | {"expression"}


def draw(store: Store, widget: Mapping[str, Any], now: float, shift: float = 0.0) -> bytes:
    """Return the picture of a widget, of whatever size it asks for.

    Args:
        store: the metrics.
        widget: as the API takes it.
        now: the engine's time.
        shift: how far that is ahead of the callers', whose times the widget and the picture say.

    Raises Refused for what is no widget, or not drawn here.
    """
    _only("of a widget", widget, WIDGET)
    if widget.get("view", "timeSeries") != "timeSeries":
        raise _undrawn(f"the view {widget['view']}")
    rows = widget.get("metrics")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 100:
        raise Refused("metrics must have 1 to 100 metrics")
    for name in ("width", "height"):
        if not isinstance(size := widget.get(name, 400), int) or not 1 <= size <= 2000:
            raise Refused(f"{name} must be 1 to 2000")
    start = _time(widget.get("start", "-PT3H"), "start", now - shift) + shift
    end = _time(widget.get("end", "-PT0H"), "end", now - shift) + shift
    queries = [_query(row, number, widget) for number, row in enumerate(rows, 1)]
    # Charts begin where their longest period does.
    longest = max(int(one.get("Period") or one["MetricStat"]["Period"]) for one in queries)
    lines: dict[str, list[tuple[float, float]]] = {}
    for line in data.lines(store, queries, (start - shift) // longest * longest + shift, end, now, shift):
        label = line.label if line.label not in lines else f"{line.label} ({line.id})"
        lines[label] = [(at - shift, value) for at, value in line.points if at >= start]
    threshold, onset = _annotations(widget.get("annotations", {}))
    return chart.lines(str(widget.get("title", "")), lines, threshold, onset)


def _query(row: Any, number: int, widget: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row of a widget asks for."""
    if not isinstance(row, list) or not row:
        raise Refused(f"a metric must be an array, not {row!r}")
    how = row[-1] if isinstance(row[-1], dict) else {}
    period = how.get("period", widget.get("period", 300))
    asked = {"Id": how.get("id") or f"row{number}", "ReturnData": how.get("visible", True)}
    asked |= {"AccountId": how["accountId"]} if how.get("accountId") else {}
    if "expression" in how:
        _only("of an expression", how, EXPRESSION)
        return {**asked, "Expression": how["expression"], "Period": period, "Label": how.get("label", asked["Id"])}
    _only("of a metric", how, ROW)
    named = [one for one in row if not isinstance(one, dict)]
    if any(one in (".", "...") for one in named):
        raise _undrawn("metrics that are short for the one before (`.`, `...`)")
    if len(named) < 2 or len(named) % 2 or not all(isinstance(one, str) for one in named):
        raise Refused(f"{row!r} is not [namespace, metric, dimension, value …]")
    dimensions = [{"Name": name, "Value": value} for name, value in zip(named[2::2], named[3::2], strict=True)]
    metric = {"Namespace": named[0], "MetricName": named[1], "Dimensions": dimensions}
    stat = how.get("stat", widget.get("stat", "Average"))
    label = how.get("label") or " ".join([named[1], *named[3::2]])
    return {**asked, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, "Label": label}


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
        raise Refused(f"{name}: {given!r} is not a time such as -PT3H or 2026-11-21T03:00:00Z") from None


def _undrawn(what: str) -> Refused:
    return Refused(f"the local CloudWatch does not draw {what}")


def _only(where: str, given: Any, known: set[str]) -> None:
    if not isinstance(given, dict):
        raise Refused(f"what should be an object {where} is {given!r}")
    if unknown := sorted(set(given) - known):
        raise _undrawn(f"{', '.join(unknown)} {where}")
