"""Who makes the alarm: the series that breach, or the alarms that a composite is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.alerts.signal import Signal
from chalicelib.enrich import watched
from chalicelib.enrich.gather import Found
from chalicelib.model import Aws
from chalicelib.notices.compose import clip

SHOWN = 5
# A Metrics Insights query: only of such an alarm CloudWatch tells single series.
SEVERAL = re.compile(r"\s*SELECT\b", re.IGNORECASE)


def look(aws: Aws, signal: Signal) -> Found:
    """Return a line for each that contributes, the first few; raises AwsError."""
    alarm = signal.alarm
    if alarm is None:
        return Found()
    if alarm.children:
        return Found(lines=_children(watched.children(aws, signal)))
    if not any(SEVERAL.match(str(one.get("Expression", ""))) for one in alarm.metrics):
        return Found()
    name = alarm.arn.split(":alarm:")[-1] or signal.name
    every = aws.all("cloudwatch", "describe_alarm_contributors", "AlarmContributors", AlarmName=name)
    return Found(lines=(*map(_breach, every[:SHOWN]), *_more(len(every) - SHOWN, "series breach")))


def _breach(raw: Mapping[str, Any]) -> str:
    of = ", ".join(f"{name} {value}" for name, value in sorted(raw["ContributorAttributes"].items()))
    return clip(f"Breaches: {of or raw['ContributorId']}: {raw['StateReason']}")


def _children(every: list[Mapping[str, Any]]) -> tuple[str, ...]:
    firing = [one for one in every if one.get("StateValue") == "ALARM"]
    rest = [one["AlarmName"] for one in every if one.get("StateValue") != "ALARM"]
    lines = tuple(clip(f"In alarm: {one['AlarmName']}: {one.get('StateReason', '')}") for one in firing[:SHOWN])
    quiet = (clip(f"Not in alarm: {', '.join(rest)}"),) if rest else ()
    return (*lines, *_more(len(firing) - SHOWN, "are in alarm"), *quiet)


def _more(number: int, what: str) -> tuple[str, ...]:
    return (f"{number} more {what}.",) if number > 0 else ()
