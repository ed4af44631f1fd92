"""`DescribeAlarms` as CloudWatch answers it: all that is asked for at once, by pages, composites if they are meant."""

from __future__ import annotations

import copy
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from local import pages
from local.cloudwatch import api

PAGE = 100
TYPES = ("MetricAlarm", "CompositeAlarm", "LogAlarm")
FILTERS = ("AlarmNames", "AlarmNamePrefix", "AlarmTypes", "StateValue", "ActionPrefix")
TIMES = ("configuration_updated_timestamp", "state_updated_timestamp", "state_transitioned_timestamp")
# What is told of an alarm's kin, and no more.
KIN = {
    "ChildrenOfAlarmName": {
        "AlarmName": "name", "AlarmArn": "alarm_arn", "StateValue": "state_value",
        "StateUpdatedTimestamp": "state_updated_timestamp",
    },
    "ParentsOfAlarmName": {"AlarmName": "name", "AlarmArn": "alarm_arn"},
}  # fmt: skip


def describe_alarms(self: CloudWatchResponse) -> ActionResult:
    """Return the alarms that fit, by their names; raises ValidationError."""
    get, alarms = self._get_param, self.cloudwatch_backend.alarms
    asked, kin = [one for one in FILTERS if get(one)], [one for one in KIN if get(one)]
    if (kin and asked) or len(kin) > 1 or (get("AlarmNames") and get("AlarmNamePrefix")):
        raise ValidationError(f"{', '.join([*kin, *asked])} cannot be given together")
    if unknown := [one for one in get("AlarmTypes") or () if one not in TYPES]:
        raise ValidationError(f"AlarmTypes {', '.join(unknown)} must be of {', '.join(TYPES)}")
    most, place = int(get("MaxRecords") or PAGE), pages.place(get("NextToken"))
    if not 1 <= most <= PAGE or place is None:
        told = get("NextToken") or "0"
        raise ValidationError(f"MaxRecords {most} must be 1 to {PAGE}, and NextToken {told} one that was given out")
    if name := get("ChildrenOfAlarmName"):
        wanted = about(alarms[name]) if name in alarms else ()
    elif name := get("ParentsOfAlarmName"):
        wanted = tuple(one for one, alarm in alarms.items() if name in about(alarm))
    else:
        wanted = tuple(get("AlarmNames") or (one for one in alarms if one.startswith(get("AlarmNamePrefix") or "")))
    types = TYPES if kin else get("AlarmTypes") or TYPES[:1]
    found = [
        alarms[one]
        for one in sorted(set(wanted) & set(alarms))
        if TYPES[alarms[one].rule is not None] in types
        and alarms[one].state_value == (get("StateValue") or alarms[one].state_value)
        and (not get("ActionPrefix") or any(done.startswith(get("ActionPrefix")) for done in _actions(alarms[one])))
    ]
    page, token = pages.page(found, place, most)
    metrics, composites = (
        [_told(one, kin) for one in page if (one.rule is not None) is kind] for kind in (False, True)
    )
    return ActionResult(
        {"MetricAlarms": metrics, "CompositeAlarms": composites, **({"NextToken": token} if token else {})}
    )


def about(alarm: Any) -> tuple[str, ...]:
    """Return the names of the alarms that one of moto's alarms stands upon."""
    definition = getattr(alarm, "definition", None)
    if alarm.rule is None or definition is None:
        return ()
    return tuple(definition.rule.children)


def _told(alarm: Any, kin: list[str]) -> Any:
    told = copy.copy(alarm)
    vars(told).update({one: api.clock.moment(getattr(alarm, one)) for one in TIMES})
    return {field: getattr(told, name) for field, name in KIN[kin[0]].items()} if kin else told


def _actions(alarm: Any) -> list[str]:
    return [*alarm.alarm_actions, *(alarm.ok_actions or ()), *(alarm.insufficient_data_actions or ())]
