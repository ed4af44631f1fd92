"""Where to look further: the console's pages about an alert, and its runbook; pure.

No link holds a token: whoever follows one signs in there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.signal import Signal
from chalicelib.enrich.further import FIELDS
from chalicelib.enrich.watched import Watched

Link = tuple[str, str]
HOME = "/cloudwatch/home?region={region}"
QUERY = (
    "fields @timestamp, @message\n| filter @message like /(?i)(error|exception|fatal|critical)/"
    "\n| sort @timestamp desc\n| limit 100"
)
# The end is left a little open: people look some minutes later.
BEFORE, AFTER = 900.0, 3600.0


def console(signal: Signal, watched: Watched | None, groups: Sequence[str]) -> tuple[Link, ...]:
    """Return the console's pages about a signal: its alarm, the metrics that it watches, the logs of its service."""
    alarm, paths = signal.alarm, {}
    if alarm and ":alarm:" in alarm.arn:
        paths["Alarm"] = f"#alarmsV2:alarm/{quoted(alarm.arn.split(':alarm:', 1)[1])}"
    if watched:
        paths["Metrics"] = f"#metricsV2:graph={_graph(watched, signal)}"
    if groups:
        paths["Error lines"] = _insights(groups, signal.since)
    found = ((label, page(signal.region, HOME + path)) for label, path in paths.items())
    return tuple((label, address) for label, address in found if address)


def runbook(signal: Signal, tags: Mapping[str, str], template: str) -> tuple[Link, ...]:
    """Return the link to what to do, unless the report has one: where a tag of the alarm's says, or the settings.

    Args:
        signal: what is reported.
        tags: the alarm's.
        template: an address with FIELDS of a signal in braces; empty: none.
    """
    if any(label == "Runbook" for label, _ in signal.links):
        return ()
    values = {name: quoted(str(getattr(signal, name))) for name in FIELDS}
    address = tags.get("runbook", "") or template.format_map(values)
    return (("Runbook", address),) if address.startswith("https://") else ()


def jsurl(value: Any) -> str:
    """Return a value as the CloudWatch console writes it into its addresses."""
    if isinstance(value, bool):
        return f"~{str(value).lower()}"
    if isinstance(value, str):
        return "~'" + "".join(_letter(one) for one in value)
    if isinstance(value, Mapping):
        return "~(" + "~".join(f"{name}{jsurl(one)}" for name, one in value.items()) + ")"
    if isinstance(value, Sequence):
        return "~(" + "".join(map(jsurl, value)) + ")"
    return f"~{value}"


def _letter(letter: str) -> str:
    if letter.isascii() and (letter.isalnum() or letter in "-._"):
        return letter
    return f"*{ord(letter):02x}" if ord(letter) < 256 else f"**{ord(letter):04x}"


def _graph(watched: Watched, signal: Signal) -> str:
    rows: list[list[Any]] = []
    for query in watched.queries:
        how: dict[str, Any] = {"id": query["Id"], **({} if query.get("ReturnData", True) else {"visible": False})}
        stat = query.get("MetricStat")
        if stat:
            metric = stat["Metric"]
            dimensions = [part for one in metric.get("Dimensions", ()) for part in (one["Name"], one["Value"])]
            how |= {"stat": stat["Stat"], "period": stat["Period"]}
            rows.append([metric["Namespace"], metric["MetricName"], *dimensions, how])
        else:
            rows.append([{"expression": query["Expression"], **how}])
    shown: dict[str, Any] = {
        "metrics": rows, "view": "timeSeries", "region": signal.region,
        "start": _moment(signal.since - 3 * AFTER), "end": _moment(signal.since + AFTER),
    }  # fmt: skip
    if watched.threshold is not None:
        shown["annotations"] = {"horizontal": [{"label": "threshold", "value": watched.threshold}]}
    return jsurl(shown)


def _insights(groups: Sequence[str], since: float) -> str:
    detail = jsurl({
        "end": _moment(since + AFTER), "start": _moment(since - BEFORE), "timeType": "ABSOLUTE", "tz": "UTC",
        "editorString": QUERY, "isLiveTail": False, "source": list(groups),
    })  # fmt: skip
    # Escaped twice, with a dollar sign for each percent sign: how the console's own links are.
    twice = "".join(f"$25{ord(one):02X}" if one in "~()'" else one for one in detail)
    return f"#logsV2:logs-insights$3FqueryDetail$3D{twice}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
