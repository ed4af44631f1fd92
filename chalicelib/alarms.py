"""A CloudWatch alarm as it is now: what a guardrail that is bound to it depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.model import Aws

NEEDS = frozenset({"cloudwatch:DescribeAlarms"})


@dataclass(frozen=True, slots=True)
class Firing:
    """An alarm that fires: its name, since when (epoch seconds), and the dimensions that its metrics have in common."""

    name: str
    since: float
    dimensions: Mapping[str, str]


def firing(aws: Aws, name: str) -> Firing | None:
    """Return an alarm of any kind, or None when it does not fire, or is not there any more; raises AwsError."""
    # Unless they are asked for, CloudWatch leaves composite and log alarms out.
    kinds = ["MetricAlarm", "CompositeAlarm", "LogAlarm"]
    answer = aws("cloudwatch", "describe_alarms", AlarmNames=[name], AlarmTypes=kinds)
    for kind in kinds:
        for alarm in answer.get(f"{kind}s") or ():
            if alarm["StateValue"] == "ALARM":
                since = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
                return Firing(name, since.timestamp(), dimensions(alarm))
    return None


def dimensions(alarm: Mapping[str, Any]) -> dict[str, str]:
    """Return the dimensions of an alarm's metrics; one that they disagree on names nothing."""
    return agreed([alarm.get("Dimensions") or (), *(_of(query) for query in alarm.get("Metrics") or ())])


def _of(query: Mapping[str, Any]) -> Iterable[Mapping[str, str]]:
    found: Iterable[Mapping[str, str]] = query.get("MetricStat", {}).get("Metric", {}).get("Dimensions") or ()
    return found


def agreed(metrics: Iterable[Iterable[Mapping[str, str]]]) -> dict[str, str]:
    """Return what all of some metrics that have a dimension say of it."""
    found: dict[str, set[str]] = {}
    for metric in metrics:
        for one in metric:
            found.setdefault(one["Name"], set()).add(one["Value"])
    return {name: values.pop() for name, values in found.items() if len(values) == 1}
