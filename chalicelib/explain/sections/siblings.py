"""Which other alarms went off around the same time, and whose they are; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.explain.gathering import Look
from chalicelib.explain.model import Sibling
from chalicelib.explain.subject import AFTER, Desk, Subject, own_alarms
from chalicelib.model import DAY, Aws
from chalicelib.slo import alarms
from chalicelib.slo.burn import HOUR, SPEEDS
from chalicelib.times import iso

BEFORE, SHOWN = 1800.0, 20
# CloudWatch keeps it for so long.
KEPT = 30 * DAY
# Pages of the history: what tells people is made of others mostly, and those change all the time.
PAGES: Mapping[str, int] = {"CompositeAlarm": 2, "MetricAlarm": 4}
PAGE = 100
# They look over hours, and go off long after what they are about began.
LATE = (
    "ticket",
    *(alarms.suffix(number, "long") for number, speed in enumerate(SPEEDS) if speed.long > HOUR),
    *(alarms.suffix(number, "short") for number, speed in enumerate(SPEEDS) if speed.short > HOUR),
)


def look(desk: Desk, subject: Subject) -> Look[tuple[Sibling, ...]]:
    """Return the alarms that went off, the earliest first, of each service its first; raises AwsError."""
    if subject.at < subject.now - KEPT:
        reason = f"CloudWatch keeps the history of alarms for {KEPT / DAY:.0f} days"
        return Look((), "nothing is known of other alarms", status="no_data", reason=reason)
    aws = desk.reach(subject.region)
    reads = [_read(aws, subject, kind, most) for kind, most in PAGES.items()]
    items = sorted((one for items, _, _ in reads for one in items), key=lambda one: one["Timestamp"])
    theirs = {name: one.name for one in desk.services for name in own_alarms(one, desk.stage)}
    late = {alarms.name(desk.stage, one.id, end) for each in desk.services for one in each.objectives for end in LATE}
    seen: dict[str, Sibling] = {}
    for raw in items:
        state = json.loads(raw.get("HistoryData") or "{}").get("newState", {})
        name, service = raw["AlarmName"], theirs.get(raw["AlarmName"], "")
        own = name == subject.name or (subject.service is not None and service == subject.service.name)
        if state.get("stateValue") == "ALARM" and not own and name not in late:
            found = Sibling(name, raw["Timestamp"].timestamp(), service, state.get("stateReason", ""))
            seen.setdefault(service or f"alarm {name}", found)
    siblings = tuple(seen.values())
    told = (
        f"{', '.join(one.service or one.name for one in siblings[:5])} went off, too" if siblings else "no other alarm"
    )
    data = [{"name": one.name, "at": iso(one.at), "service": one.service or None} for one in siblings[:SHOWN]]
    cut = any(cut for _, cut, _ in reads)
    return Look(
        siblings, told, data, ({"kind": "alarms", "ref": iso(subject.at)},), sum(calls for _, _, calls in reads),
        status="partial" if cut else "ok", reason="more alarms changed than were read" if cut else "",
    )  # fmt: skip


def _read(aws: Aws, subject: Subject, kind: str, most: int) -> tuple[list[Mapping[str, Any]], bool, int]:
    """Return what alarms of a kind went through, whether the moment itself was not reached, and how many calls."""
    items: list[Mapping[str, Any]] = []
    more: dict[str, str] = {}
    for calls in range(1, most + 1):
        answer = aws(
            "cloudwatch", "describe_alarm_history", AlarmTypes=[kind], HistoryItemType="StateUpdate",
            ScanBy="TimestampAscending", MaxRecords=PAGE, StartDate=iso(subject.at - BEFORE),
            EndDate=iso(min(subject.now, subject.at + AFTER)), **more,
        )  # fmt: skip
        items += answer.get("AlarmHistoryItems", ())
        if not answer.get("NextToken"):
            return items, False, calls
        more = {"NextToken": answer["NextToken"]}
    # What changed after the moment is consequence, and not missed.
    return items, items[-1]["Timestamp"].timestamp() < subject.at, most
