"""Which metrics an alarm watches: its own, or those of the first child in alarm that a composite is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.alerts.signal import Signal
from chalicelib.model import Aws

Query = Mapping[str, Any]
BAND = "ANOMALY_DETECTION_BAND"
# Of a composite; DescribeAlarms takes no more.
CHILDREN = 100
SIGNS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": "≥",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "≤",
}
UNITS = {
    "Percent": "%", "Seconds": "s", "Milliseconds": "ms", "Microseconds": "µs", "Bytes": "B", "Kilobytes": "kB",
    "Megabytes": "MB", "Gigabytes": "GB", "Bytes/Second": "B/s", "Count/Second": "/s",
}  # fmt: skip
# An alarm need not name the unit that its metric has: these are those of AWS's own most watched ones.
KNOWN: Mapping[str, frozenset[str]] = {
    "%": frozenset({
        "CPUUtilization", "MemoryUtilization", "EngineCPUUtilization", "DatabaseMemoryUsagePercentage",
        "mem_used_percent", "disk_used_percent", "5xxErrorRate", "4xxErrorRate", "CacheHitRate", "EBSIOBalance%",
    }),
    "s": frozenset({
        "TargetResponseTime", "ReadLatency", "WriteLatency", "ReplicaLag", "ApproximateAgeOfOldestMessage",
    }),
    "ms": frozenset({
        "Duration", "Latency", "IntegrationLatency", "OriginLatency", "CommitLatency", "AuroraReplicaLag",
        "ExecutionTime", "SuccessfulRequestLatency",
    }),
    "B": frozenset({"FreeStorageSpace", "FreeableMemory", "FreeLocalStorage", "BytesUsedForCache"}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watched:
    """What an alarm watches, as `GetMetricData` takes it, and the bound that it watches it for."""

    name: str
    queries: tuple[Query, ...]
    threshold: float | None
    comparison: str
    period: int

    @property
    def main(self) -> Query:
        """The query whose values are held against the bound."""
        returned = [one for one in self.queries if one.get("ReturnData", True) and not self.banded(one)]
        return (returned or list(self.queries))[0]

    def banded(self, query: Query) -> bool:
        """Whether a query is the band that anomaly detection expects, and no value."""
        return BAND in str(query.get("Expression", ""))

    @property
    def unit(self) -> str:
        """The unit of the value, where it is known; of an expression it is not."""
        stat = self.main.get("MetricStat") or {}
        if stat.get("Stat") == "SampleCount":
            return ""
        name = (stat.get("Metric") or {}).get("MetricName", "")
        return UNITS.get(stat.get("Unit", ""), "") or next((unit for unit, some in KNOWN.items() if name in some), "")

    @property
    def label(self) -> str:
        """What the value is called."""
        stat = self.main.get("MetricStat") or {}
        metric = (stat.get("Metric") or {}).get("MetricName", "")
        own = str(self.main.get("Label") or "")
        return own or (f"{metric} ({stat.get('Stat')})" if metric else str(self.main.get("Expression") or self.name))


def of(aws: Aws, signal: Signal) -> Watched | None:
    """Return what the alarm of a signal watches; None where that is no metric; raises AwsError."""
    alarm = signal.alarm
    if alarm is None:
        return None
    if alarm.metrics:
        return Watched(signal.name, alarm.metrics, alarm.threshold, alarm.comparison, alarm.period)
    for child in children(aws, signal):
        if child.get("StateValue") == "ALARM" and (watched := of_alarm(child)):
            return watched
    return None


def children(aws: Aws, signal: Signal) -> list[Mapping[str, Any]]:
    """Return the alarms that a composite is made of, as CloudWatch describes them now; raises AwsError."""
    named = signal.alarm.children if signal.alarm else ()
    names = list(dict.fromkeys(name.split(":alarm:")[-1] for name in named))[:CHILDREN]
    if not names:
        return []
    answer = aws("cloudwatch", "describe_alarms", AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    found = [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    return sorted(found, key=lambda one: names.index(one["AlarmName"]))


def of_alarm(raw: Mapping[str, Any]) -> Watched | None:
    """Return what an alarm watches as CloudWatch describes it; None where that is no metric."""
    queries: Sequence[Query] = raw.get("Metrics") or ()
    if not queries and raw.get("MetricName"):
        metric = {name: raw[name] for name in ("Namespace", "MetricName", "Dimensions") if name in raw}
        stat = {"Metric": metric, "Period": raw["Period"], "Stat": raw.get("Statistic") or raw.get("ExtendedStatistic")}
        queries = ({"Id": "m1", "MetricStat": {**stat, **({"Unit": raw["Unit"]} if raw.get("Unit") else {})}},)
    if not queries:
        return None
    periods = [one.get("Period") or (one.get("MetricStat") or {}).get("Period") for one in queries]
    period = int(raw.get("Period") or max((one for one in periods if one), default=300))
    return Watched(raw["AlarmName"], tuple(queries), raw.get("Threshold"), raw.get("ComparisonOperator", ""), period)


def tags(aws: Aws, signal: Signal) -> Mapping[str, str]:
    """Return the tags of a signal's alarm: those that came with it, or else those that it has now; raises AwsError."""
    if signal.tags or signal.alarm is None or ":alarm:" not in signal.alarm.arn:
        return signal.tags
    answer = aws("cloudwatch", "list_tags_for_resource", ResourceARN=signal.alarm.arn)
    return {one["Key"]: one["Value"] for one in answer.get("Tags", ())}


def dimensions(signal: Signal) -> dict[str, str]:
    """Return the dimensions of all that a signal's alarm watches, by name."""
    alarm = signal.alarm
    found = dict(alarm.dimensions) if alarm else {}
    for query in alarm.metrics if alarm else ():
        metric = (query.get("MetricStat") or {}).get("Metric") or {}
        found |= {one["Name"]: one["Value"] for one in metric.get("Dimensions", ())}
    return found
