"""The picture of what an alarm watches, drawn by CloudWatch: the last hours, the bound, and when it began."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.alerts.signal import Signal
from chalicelib.enrich import watched as watching
from chalicelib.enrich.gather import Found
from chalicelib.enrich.watched import Query, Watched
from chalicelib.model import Aws, ParapetError

HOURS, BEFORE, LONGEST = 3 * 3600.0, 1800.0, 86_400.0
SIZES = ((600, 260), (400, 180))
# A queue's message takes no more beside the rest, in base64.
LARGEST = 150_000


def look(aws: Aws, signal: Signal, now: float) -> Found:
    """Return the picture; raises AwsError, and ParapetError when it is too large to be sent."""
    watched = watching.of(aws, signal)
    if watched is None:
        return Found()
    for width, height in SIZES:
        asked = json.dumps(widget(watched, signal.since, now, width, height))
        picture: bytes = aws("cloudwatch", "get_metric_widget_image", MetricWidget=asked)["MetricWidgetImage"]
        if len(picture) <= LARGEST:
            return Found(picture=picture)
    raise ParapetError(f"the picture has {len(picture) // 1000} kB, more than can be sent")


def widget(watched: Watched, onset: float, now: float, width: int, height: int) -> dict[str, Any]:
    """Return what CloudWatch is to draw, in its own format."""
    start = max(min(now - HOURS, onset - BEFORE), now - LONGEST)
    annotations: dict[str, Any] = {}
    if watched.threshold is not None:
        annotations["horizontal"] = [{"label": "threshold", "value": watched.threshold}]
    if start <= onset <= now:
        annotations["vertical"] = [{"label": "began", "value": _moment(onset)}]
    return {
        "title": watched.name,
        "view": "timeSeries",
        "width": width,
        "height": height,
        "start": _moment(start),
        "end": _moment(now),
        "timezone": "+0000",
        "metrics": [_row(one, watched.period) for one in watched.queries],
        **({"annotations": annotations} if annotations else {}),
    }


def _row(query: Query, period: int) -> list[Any]:
    how: dict[str, Any] = {"id": query["Id"]}
    if query.get("Label"):
        how["label"] = query["Label"]
    if not query.get("ReturnData", True):
        how["visible"] = False
    if query.get("AccountId"):
        how["accountId"] = query["AccountId"]
    stat: Mapping[str, Any] = query.get("MetricStat") or {}
    if not stat:
        return [{**how, "expression": query["Expression"], "period": query.get("Period") or period}]
    metric = stat["Metric"]
    dimensions = [part for one in metric.get("Dimensions", ()) for part in (one["Name"], one["Value"])]
    return [metric["Namespace"], metric["MetricName"], *dimensions, {
        **how, "stat": stat["Stat"], "period": stat["Period"],
    }]  # fmt: skip


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
