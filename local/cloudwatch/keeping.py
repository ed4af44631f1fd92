"""moto's alarms, bent to be kept as CloudWatch keeps them: checked, composites too, described as they are.

New ones have no data, and changed ones keep their state. What CloudWatch refuses is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from local.cloudwatch.definition import Unjudged, composite_alarm, metric_alarm
from local.cloudwatch.describing import about, describe_alarms
from local.cloudwatch.engine import Reading
from local.cloudwatch.history import describe_alarm_history, remember
from local.cloudwatch.refused import Refused
from local.restored import restored

_moto_put, _moto_backend_put = CloudWatchResponse.put_metric_alarm, CloudWatchBackend.put_metric_alarm
_moto_delete = CloudWatchBackend.delete_alarms


def plug_in() -> None:
    """Have moto keep alarms so."""
    CloudWatchBackend.put_metric_alarm = _put
    CloudWatchBackend.delete_alarms = _delete
    for name, function in RESPONSES.items():
        setattr(CloudWatchResponse, name, function)


@contextmanager
def plugged() -> Iterator[None]:
    """Plug in for a while: other tests mean moto as it is."""
    places = [(CloudWatchBackend, "put_metric_alarm"), (CloudWatchBackend, "delete_alarms")]
    with restored([*places, *((CloudWatchResponse, name) for name in RESPONSES)]):
        plug_in()
        yield


def put_metric_alarm(self: CloudWatchResponse) -> ActionResult:
    """Keep an alarm on metrics; raises ValidationError for one that CloudWatch refuses, or that cannot be evaluated."""
    given, unjudged, definition = dict(self._get_params()), "", None
    try:
        definition = metric_alarm(given)
        Reading(definition)
    except Unjudged as error:
        unjudged = str(error)
    except Refused as refused:
        raise ValidationError(str(refused)) from None
    answer: ActionResult = _moto_put(self)
    alarm = self.cloudwatch_backend.alarms[given["AlarmName"]]
    vars(alarm).update(definition=definition, unjudged=unjudged, tells_tags=_tells_tags(given))
    return answer


def put_composite_alarm(self: CloudWatchResponse) -> ActionResult:
    """Keep a composite alarm; raises ValidationError for a rule that CloudWatch refuses, or that is not judged here."""
    given, backend = dict(self._get_params()), self.cloudwatch_backend
    try:
        definition = composite_alarm(given, {name: about(one) for name, one in backend.alarms.items()})
    except Refused as refused:
        raise ValidationError(str(refused)) from None
    backend.put_metric_alarm(
        name=definition.name, namespace="", metric_name="", comparison_operator="", evaluation_periods=0, period=0,
        threshold=0.0, statistic="", description=given.get("AlarmDescription"), dimensions=[],
        alarm_actions=given.get("AlarmActions", []), ok_actions=given.get("OKActions", []),
        insufficient_data_actions=given.get("InsufficientDataActions", []),
        actions_enabled=self._get_bool_param("ActionsEnabled"), rule=definition.text, tags=given.get("Tags", []),
    )  # fmt: skip
    vars(backend.alarms[definition.name]).update(
        definition=definition, unjudged="", tells_tags=_tells_tags(given),
        actions_suppressor=given.get("ActionsSuppressor"),
        actions_suppressor_wait_period=given.get("ActionsSuppressorWaitPeriod"),
        actions_suppressor_extension_period=given.get("ActionsSuppressorExtensionPeriod"),
    )  # fmt: skip
    return EmptyResult()


def _tells_tags(given: Mapping[str, Any]) -> bool:
    wanted = (given.get("ActionConfiguration") or {}).get("AlarmTagsPropagation") or {}
    return bool(wanted.get("Enabled"))


def _put(self: CloudWatchBackend, name: str, *given: Any, **named: Any) -> Alarm:
    before = self.alarms.get(name)
    alarm = _moto_backend_put(self, name, *given, **named)
    alarm.alarm_rule = alarm.rule
    alarm.state_value = "INSUFFICIENT_DATA"
    alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
    if before is not None and (before.rule is None) == (alarm.rule is None):
        changed = {**vars(alarm), **{one: value for one, value in vars(before).items() if one.startswith("state_")}}
        # The same object: what watches it knows it by that.
        vars(before).update(changed, history=before.history)
        alarm = self.alarms[name] = before
    # Made around PutMetricAlarm, nothing is known of it.
    vars(alarm).update(definition=None, unjudged=f"{name} was not made by PutMetricAlarm")
    what = "created" if before is None else "updated"
    data = {"version": "1.0", "type": "Create" if before is None else "Update"}
    remember(self, alarm, "ConfigurationUpdate", f'Alarm "{name}" {what}', data)
    return alarm


def _delete(self: CloudWatchBackend, alarm_names: list[str]) -> None:
    for name in alarm_names:
        if alarm := self.alarms.get(name):
            data = {"version": "1.0", "type": "Delete"}
            remember(self, alarm, "ConfigurationUpdate", f'Alarm "{name}" deleted', data)
    _moto_delete(self, alarm_names)


RESPONSES: Mapping[str, Callable[[Any], ActionResult]] = {
    one.__name__: one for one in (put_metric_alarm, put_composite_alarm, describe_alarms, describe_alarm_history)
}
