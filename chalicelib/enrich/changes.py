"""Who changed the resource shortly before, as CloudTrail knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.alerts.signal import Signal
from chalicelib.enrich import watched
from chalicelib.enrich.gather import Found
from chalicelib.events import parse
from chalicelib.model import Aws, BadEvent, Event
from chalicelib.notices.compose import clip, duration

BEFORE, AFTER = 1800.0, 300.0
# CloudTrail answers two such questions a second, in the whole account.
NAMES, SHOWN = 2, 5
# What services do by themselves all the time.
NOISE = frozenset({"CreateLogGroup", "CreateLogStream", "SetAlarmState", "UpdateInstanceInformation"})
# Of a metric, those that name no resource.
NOT_NAMES = frozenset({"Stage", "Resource", "Operation", "Method", "Role", "Route", "Region", "AvailabilityZone"})


def look(aws: Aws, signal: Signal, now: float, stage: str) -> Found:
    """Return a line for each change of the resource in the half hour before, ours left out; raises AwsError."""
    named = names(signal)
    if not named:
        return Found()
    seen: dict[str, Event] = {}
    for name in named:
        raws = aws(
            "cloudtrail", "lookup_events", MaxResults=50,
            LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": name}],
            StartTime=int(signal.since - BEFORE), EndTime=int(min(signal.since + AFTER, now)),
        ).get("Events", [])  # fmt: skip
        for raw in raws:
            if event := _change(raw, aws, stage):
                seen[event.id] = event
    if not seen:
        return Found(lines=(f"No change of {named[0]} in the {duration(BEFORE)} before, as far as CloudTrail knows.",))
    ordered = sorted(seen.values(), key=lambda event: -event.time)
    more = (f"{len(ordered) - SHOWN} more changes.",) if len(ordered) > SHOWN else ()
    return Found(lines=(*(_line(event, signal.since) for event in ordered[:SHOWN]), *more))


def names(signal: Signal) -> tuple[str, ...]:
    """Return the names under which CloudTrail may know the resource that a signal is about."""
    dimensions = watched.dimensions(signal)
    values = [value for name, value in dimensions.items() if name not in NOT_NAMES]
    # A service is what its cluster has; a balancer's dimension is the end of its ARN.
    values.sort(key=lambda value: value == dimensions.get("ClusterName"))
    short = [value.split("/")[1] if value.startswith(("app/", "net/", "targetgroup/")) else value for value in values]
    if ":alarm:" not in signal.resource:
        short = [signal.resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1], *short]
    return tuple(dict.fromkeys(filter(None, short)))[:NAMES]


def _change(raw: Mapping[str, Any], aws: Aws, stage: str) -> Event | None:
    try:
        detail = json.loads(raw["CloudTrailEvent"])
        frame = {
            "id": raw["EventId"], "account": aws.account, "region": aws.region, "time": detail["eventTime"],
            "source": "aws.cloudtrail", "detail-type": "LookupEvents", "detail": detail,
        }  # fmt: skip
        event = parse(frame)
    except (BadEvent, ValueError, KeyError, TypeError):
        # What is no record is no change that people can be told of.
        return None
    ours = f" as parapet-{stage}-" in event.actor.who
    return None if detail.get("readOnly") or event.error or event.name in NOISE or ours else event


def _line(event: Event, onset: float) -> str:
    apart = onset - event.time
    when = f"{duration(apart)} before" if apart >= 0 else f"{duration(-apart)} after it began"
    at = datetime.fromtimestamp(event.time, UTC).strftime("%H:%M:%S")
    return clip(f"Changed {when} ({at} UTC): {event.name} by {event.actor.who} from {event.actor.ip}")
