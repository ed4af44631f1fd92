"""The history of alarms: what became of them, and what was done about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from local import pages
from local.cloudwatch import api
from local.cloudwatch.clock import seconds
from local.cloudwatch.engine import Change

KEPT, PAGE = timedelta(days=30), 100


def changed(backend: CloudWatchBackend, alarm: Any, change: Change) -> None:
    """Remember that an alarm went into another state."""
    states = {
        name: {"stateValue": one.value, "stateReason": one.reason, "stateReasonData": json.loads(one.data or "{}")}
        for name, one in (("oldState", change.before), ("newState", change.after))
    }
    summary = f"Alarm updated from {change.before.value} to {change.after.value}"
    remember(backend, alarm, "StateUpdate", summary, {"version": "1.0", **states}, change.after.at)


def acted(backend: CloudWatchBackend, alarm: Any, action: str, problem: str, at: datetime) -> None:
    """Remember that an action was taken, or why it could not be."""
    data = {"actionState": "Failed" if problem else "Succeeded", "notificationResource": action, "error": problem}
    summary = f"Failed to execute action {action}" if problem else f"Successfully executed action {action}"
    remember(backend, alarm, "Action", summary, data, at)


def remember(
    backend: CloudWatchBackend, alarm: Any, kind: str, summary: str, data: Mapping[str, Any], at: datetime | None = None
) -> None:
    """Put an item into the history of an alarm, which is kept for 30 days."""
    items: list[dict[str, Any]] = vars(backend).setdefault("alarm_history", [])
    now = datetime.now(UTC)
    while items and items[0]["Timestamp"] < now - KEPT:
        del items[0]
    items.append({
        "AlarmName": alarm.name, "AlarmType": "MetricAlarm" if alarm.rule is None else "CompositeAlarm",
        "Timestamp": datetime.fromtimestamp(seconds(at), UTC) if at else now, "HistoryItemType": kind,
        "HistorySummary": summary, "HistoryData": json.dumps(data),
    })  # fmt: skip


def describe_alarm_history(self: CloudWatchResponse) -> ActionResult:
    """Return what happened to alarms, the latest first unless asked otherwise; raises ValidationError."""
    get = self._get_param
    name, kind, types = get("AlarmName"), get("HistoryItemType"), get("AlarmTypes") or ["MetricAlarm"]
    most, place = int(get("MaxRecords") or PAGE), pages.place(get("NextToken"))
    order = get("ScanBy") or "TimestampDescending"
    if get("AlarmContributorId"):
        raise ValidationError("the local CloudWatch keeps no history of an alarm's contributors")
    if place is None or not 1 <= most <= PAGE or order not in ("TimestampDescending", "TimestampAscending"):
        told = get("NextToken") or "0"
        raise ValidationError(f"NextToken {told}, MaxRecords {most} (1 to {PAGE}) or ScanBy {order} is invalid")
    since, until = (seconds(get(one)) if get(one) else None for one in ("StartDate", "EndDate"))
    history = list(vars(self.cloudwatch_backend).get("alarm_history", ()))
    found = [
        one
        for one in ({**each, "Timestamp": api.clock.moment(each["Timestamp"])} for each in history)
        if one["AlarmName"] == (name or one["AlarmName"])
        and one["AlarmType"] in types
        and one["HistoryItemType"] == (kind or one["HistoryItemType"])
        and (since is None or one["Timestamp"].timestamp() >= since)
        and (until is None or one["Timestamp"].timestamp() <= until)
    ]
    found.sort(key=lambda one: one["Timestamp"])
    if order == "TimestampDescending":
        found.reverse()
    page, token = pages.page(found, place, most)
    return ActionResult({"AlarmHistoryItems": page, **({"NextToken": token} if token else {})})
