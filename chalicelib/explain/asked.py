"""From what somebody names to what is explained, and back, as a message to the function that has the time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.explain.subject import Desk, Subject, whose
from chalicelib.model import DAY, ParapetError
from chalicelib.times import iso

# Of an alarm's history.
LATELY, CHANGES = DAY, 100
TYPES = ["MetricAlarm", "CompositeAlarm"]


class Unknown(ParapetError):
    """There is no service or alarm of a name; where to look, those say whom people ask."""

    def __init__(self, text: str, kind: Literal["service", "alarm"]) -> None:
        """Keep of which kind there is none."""
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Asked:
    """What `enrich` is asked for: a whole explanation, and the alert in whose thread it is told, if any."""

    kind: str
    name: str
    at: float
    alert: str = ""


def of_service(desk: Desk, name: str, at: float | None, now: float) -> Subject:
    """Return a service at a time, now without one; raises Unknown."""
    for one in desk.services:
        if one.name == name:
            return Subject("service", name, min(now if at is None else at, now), now, one)
    raise Unknown(f"there is no service {name!r}", "service")


def of_alarm(desk: Desk, name: str, at: float | None, now: float) -> Subject:
    """Return an alarm when it went off last, unless another time is meant; raises Unknown, AwsError."""
    aws = desk.reach("")
    answer = aws("cloudwatch", "describe_alarms", AlarmNames=[name], AlarmTypes=TYPES)
    found = [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    raw = next((one for one in found if one["AlarmName"] == name), None)
    if raw is None:
        raise Unknown(f"there is no alarm {name!r} here", "alarm")
    moment = _since(desk, raw, now) if at is None else min(at, now)
    return Subject("alarm", name, moment, now, whose(raw, desk.services, desk.stage), raw)


def _since(desk: Desk, raw: Mapping[str, Any], now: float) -> float:
    """Return since when an alarm is on, or when it was on last; now where that was not lately."""
    if raw["StateValue"] == "ALARM":
        return float((raw.get("StateTransitionedTimestamp") or raw["StateUpdatedTimestamp"]).timestamp())
    answer = desk.reach("")(
        "cloudwatch", "describe_alarm_history", AlarmName=raw["AlarmName"], AlarmTypes=TYPES,
        HistoryItemType="StateUpdate", ScanBy="TimestampDescending", MaxRecords=CHANGES,
        StartDate=iso(now - LATELY), EndDate=iso(now),
    )  # fmt: skip
    for one in answer.get("AlarmHistoryItems", ()):
        if json.loads(one.get("HistoryData") or "{}").get("newState", {}).get("stateValue") == "ALARM":
            return float(one["Timestamp"].timestamp())
    return now


def subject(desk: Desk, asked: Asked, now: float) -> Subject:
    """Return what a message asks about; raises Unknown, AwsError."""
    if asked.kind == "alarm":
        return of_alarm(desk, asked.name, asked.at, now)
    return of_service(desk, asked.name, asked.at, now)


def dump(asked: Asked) -> str:
    """Return it as the body of a message."""
    return json.dumps({"explain": {"kind": asked.kind, "name": asked.name, "at": asked.at, "alert": asked.alert}})


def load(body: str) -> Asked:
    """Return what a message asks for; raises ParapetError for anything else."""
    try:
        told = json.loads(body)["explain"]
        return Asked(str(told["kind"]), str(told["name"]), float(told["at"]), str(told.get("alert", "")))
    except (ValueError, TypeError, KeyError) as error:
        raise ParapetError(f"this message asks for no explanation: {type(error).__name__}: {error}") from None
