"""What an alarm watches, since when that is not what it was, and how long the alarm took to see it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any

from chalicelib.enrich import watched
from chalicelib.enrich.watched import Watched
from chalicelib.explain import onset
from chalicelib.explain.gathering import Look
from chalicelib.explain.model import Symptom
from chalicelib.explain.sentence import wrong
from chalicelib.explain.subject import Desk, Subject
from chalicelib.model import DAY, Aws
from chalicelib.notices.compose import duration
from chalicelib.times import iso

# So many points are enough to see what is usual; of what its bound is apart from that, how much is of interest.
POINTS, SHARE = 180, 0.3
LONGEST = 7 * DAY


def look(desk: Desk, subject: Subject) -> Look[Symptom | None]:
    """Return what an alarm watches as a sign of trouble, None where it watches no metric; raises AwsError."""
    raw, aws, calls = subject.alarm or {}, desk.reach(subject.region), 1
    found = watched.of_alarm(raw)
    if found is None:
        firing = _firing(aws, subject.name)
        calls += 2
        found = next((one for each in firing if (one := watched.of_alarm(each))), None)
    if found is None:
        reason = "it watches no metric, and nothing that it is made of does and is in alarm now"
        return Look(None, str(raw.get("StateReason", "")), status="no_data", reason=reason, calls=calls)
    symptom = _symptom(found, _points(aws, found, subject), subject)
    told = str(raw.get("StateReason", ""))
    if symptom:
        lag = subject.at - symptom.onset.at
        told = f"{wrong(subject.about, symptom)}; the alarm took {duration(max(0.0, lag))} to see it"
    return Look(
        symptom, told, {"reason": raw.get("StateReason", ""), "since": iso(subject.at), "watches": found.label},
        ({"kind": "alarm", "ref": str(raw.get("AlarmArn", subject.name))},), calls,
    )  # fmt: skip


def _firing(aws: Aws, name: str) -> list[Mapping[str, Any]]:
    """Return the metric alarms in alarm that a composite is made of: of children AWS tells no more than the state."""
    children = aws("cloudwatch", "describe_alarms", ChildrenOfAlarmName=name)
    firing = [one["AlarmName"] for one in children.get("MetricAlarms", ()) if one.get("StateValue") == "ALARM"]
    if not firing:
        return []
    answer = aws("cloudwatch", "describe_alarms", AlarmNames=firing, AlarmTypes=["MetricAlarm"])
    return sorted(answer.get("MetricAlarms", ()), key=lambda one: firing.index(one["AlarmName"]))


def _points(aws: Aws, found: Watched, subject: Subject) -> list[tuple[float, float]]:
    length = min(LONGEST, max(subject.at - subject.start, POINTS * found.period))
    results = aws.all(
        "cloudwatch", "get_metric_data", "MetricDataResults", MetricDataQueries=[_shown(one, found) for one in
        found.queries], StartTime=datetime.fromtimestamp(subject.at - length, UTC),
        EndTime=datetime.fromtimestamp(subject.end, UTC), ScanBy="TimestampAscending",
    )  # fmt: skip
    points: Mapping[float, float] = {
        at.timestamp(): value
        for one in results
        if one["Id"] == found.main["Id"]
        for at, value in zip(one["Timestamps"], one["Values"], strict=True)
    }
    return sorted(points.items())


def _shown(query: Mapping[str, Any], found: Watched) -> dict[str, Any]:
    return {**query, "ReturnData": query["Id"] == found.main["Id"]}


def _symptom(found: Watched, points: list[tuple[float, float]], subject: Subject) -> Symptom | None:
    if not points:
        return None
    usual = median(value for _, value in points)
    apart = abs(found.threshold - usual) if found.threshold is not None else 0.0
    least = max(SHARE * max(apart, abs(usual)), 1e-9)
    since = onset.find(points, least, reaching=subject.at - max(900.0, 3.0 * found.period), around=subject.at)
    return Symptom("alarm", found.label, found.unit, since) if since else None
