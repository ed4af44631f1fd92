"""What the metric of an alarm is now, held against its bound and against what is usual at this hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from chalicelib.alerts.signal import Signal
from chalicelib.chart import number
from chalicelib.enrich import watched as watching
from chalicelib.enrich.gather import Found
from chalicelib.enrich.watched import SIGNS, Query, Watched
from chalicelib.model import DAY, Aws
from chalicelib.notices.compose import duration

DAYS, AROUND = 7, 1800.0
# Metrics come late; and CloudWatch forgets what is finer than a minute after three hours.
RECENT, FINE = 900.0, 60
SLIDING = 300
# Of an expression, as many as a person takes in.
PARTS = 5


def look(aws: Aws, signal: Signal, now: float) -> Found:
    """Return the value, what it is held against, and the usual value, as labelled values; raises AwsError."""
    watched = watching.of(aws, signal)
    if watched is None:
        return Found()
    # A window that is longer than five minutes slides: the alarm looked at one that ended just now, not on the hour.
    end = now - now % min(watched.period, SLIDING)
    latest = _series(aws, watched, end - max(10 * watched.period, RECENT), end, parts=True)
    main = [value for values in latest.get(watched.main["Id"], ()) for value in values[:1]]
    nothing = f"no data in the last {duration(max(10 * watched.period, RECENT))}"
    facts = [(f"{watched.label} now", said(_worst(main, watched.comparison), watched.unit) if main else nothing)]
    facts += _bound(watched, latest, told=bool(signal.alarm and signal.alarm.metrics))
    facts.append(("Usually at this hour", _usual(aws, watched, end)))
    made = _made_of(watched, latest)
    return Found(lines=(f"Made of: {made}",) if made else (), facts=tuple(facts))


def said(value: float, unit: str) -> str:
    """Return a value with its unit as people say it: `97 %`, `1.2k`, `340 ms`."""
    if unit == "s" and 0 < abs(value) < 1:
        value, unit = value * 1000, "ms"
    return f"{number(float(f'{value:.3g}'))}{f' {unit}' if unit else ''}"


def _series(
    aws: Aws, watched: Watched, start: float, end: float, *, parts: bool = False
) -> dict[str, list[list[float]]]:
    """Return the values of each series by the id of its query, the latest first.

    Args:
        aws: whose metrics.
        watched: what to ask for.
        start: epoch seconds.
        end: likewise; what begins then is left out.
        parts: whether to return also what an expression is made of.
    """
    queries = [{**one, "ReturnData": True} if parts else dict(one) for one in watched.queries]
    raws = aws.all(
        "cloudwatch", "get_metric_data", "MetricDataResults",
        MetricDataQueries=queries, StartTime=int(start), EndTime=int(end), ScanBy="TimestampDescending",
    )  # fmt: skip
    found: dict[str, list[list[float]]] = {}
    for raw in raws:
        found.setdefault(raw["Id"], []).append(list(raw["Values"]))
    return found


def _worst(values: Sequence[float], comparison: str) -> float:
    return min(values) if comparison.startswith("LessThan") and "Upper" not in comparison else max(values)


def _bound(watched: Watched, latest: Mapping[str, list[list[float]]], told: bool) -> list[tuple[str, str]]:
    """Return the bound where the alert has not `told` it: of a composite's child, of what anomaly detection expects."""
    if watched.threshold is not None:
        bound = f"{SIGNS.get(watched.comparison, '')} {said(watched.threshold, watched.unit)}".strip()
        return [] if told else [(f"Threshold of {watched.name}", bound)]
    edges = [
        value
        for one in watched.queries
        if watched.banded(one)
        for values in latest.get(one["Id"], ())
        for value in values[:1]
    ]
    return [("Expected", f"{said(min(edges), watched.unit)} to {said(max(edges), watched.unit)}")] if edges else []


def _usual(aws: Aws, watched: Watched, end: float) -> str:
    if watched.period < FINE:
        return "not known: CloudWatch keeps periods under a minute for three hours"
    around = max(AROUND, watched.period)
    around -= around % watched.period
    values: list[float] = []
    for day in range(1, DAYS + 1):
        found = _series(aws, watched, end - day * DAY - around, end - day * DAY + around)
        values += [value for some in found.get(watched.main["Id"], ()) for value in some]
    if not values:
        return f"no data in the last {DAYS} days"
    return f"{said(median(values), watched.unit)} (median of {DAYS} days)"


def _made_of(watched: Watched, latest: Mapping[str, list[list[float]]]) -> str:
    """Return what the latest values are that an expression is made of."""
    if "Expression" not in watched.main:
        return ""
    parts = [one for one in watched.queries if one is not watched.main and one.get("MetricStat")][:PARTS]
    return ", ".join(_part(one, latest.get(one["Id"], [])) for one in parts)


def _part(query: Query, series: list[list[float]]) -> str:
    stat: Mapping[str, Any] = query["MetricStat"]
    name = query.get("Label") or f"{stat['Metric']['MetricName']} ({stat['Stat']})"
    values = [value for some in series for value in some[:1]]
    return f"{name} {number(float(f'{values[0]:.3g}')) if values else 'no data'}"
