"""CloudWatch's alarms at work: what moto only keeps is judged here, and told to topics and to the event bus.

A change of state goes to the topics of its alarm as CloudWatch's documented message, and to EventBridge, whoever made
it: `set-alarm-state`, data that somebody put, or a child of a composite. An alarm on a single metric is judged by the
last periods that are over, once anything was ever put for it: until then it stays as somebody set it. What cannot be
judged here (metric math, anomaly detection, Metrics Insights) is said once on the terminal, and changes by
`set-alarm-state` only.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import botocore.loaders
from moto.backends import get_backend
from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult, method_names_from_class

from local import metrics
from local.alarm_rules import Rule, RuleError, parse
from local.metrics import Series

Event = dict[str, Any]
SECONDS = 0.2
# CloudWatch looks a little further back when something is missing.
FURTHER = 2
ACTIONS = {"ALARM": "alarm_actions", "OK": "ok_actions", "INSUFFICIENT_DATA": "insufficient_data_actions"}
BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, bound: value > bound,
    "GreaterThanOrEqualToThreshold": lambda value, bound: value >= bound,
    "LessThanThreshold": lambda value, bound: value < bound,
    "LessThanOrEqualToThreshold": lambda value, bound: value <= bound,
}
SAID = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
SUPPRESSION = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")


@dataclass(frozen=True)
class State:
    """One state of an alarm, since when, and why."""

    value: str
    reason: str
    data: str
    at: datetime


@dataclass(frozen=True)
class Change:
    """An alarm that went from one state into another."""

    region: str
    alarm: Any
    before: State
    after: State


class Alarms:
    """Watches all alarms of an account, and tells what becomes of them."""

    def __init__(
        self,
        account: str,
        emit: Callable[[Event], object],
        complain: Callable[[str], None],
        lock: AbstractContextManager[Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep what is needed.

        Args:
            account: whose alarms.
            emit: puts an event on the account's event bus.
            complain: says on the terminal what cannot be done here.
            lock: what keeps moto's state still meanwhile.
            clock: the time.
        """
        self._account, self._emit, self._complain, self._clock = account, emit, complain, clock
        self._lock = lock or nullcontext()
        # How many changes of an alarm were told, and by what it was judged last.
        self._told: dict[int, int] = {}
        self._judged: dict[int, object] = {}
        # What was there at the last look, by region and name.
        self._there: dict[tuple[str, str], Any] = {}
        self._said: set[str] = set()

    def plug_in(self) -> None:
        """Have moto keep alarms as CloudWatch does: composites too, new ones without data, changed ones as they are."""
        kept()

    def run(self, stopping: threading.Event) -> None:
        """Look again and again until told to stop."""
        while not stopping.wait(SECONDS):
            try:
                self.look()
            except Exception as error:  # it must go on: the next alarm may be judged well
                self._once(f"alarms: {type(error).__name__}: {error}")

    def look(self) -> list[Change]:
        """Judge every alarm, and tell of all states that have changed and alarms that are gone; returns the changes."""
        changes: list[Change] = []
        with self._lock:
            for region, backend in list(get_backend("cloudwatch")[self._account].items()):
                for alarm in list(backend.alarms.values()):
                    if alarm.rule is None:
                        self._judge(backend, alarm)
                # As often as composites can stand upon each other.
                for _ in range(5):
                    moved = [self._judge_composite(backend, one) for one in list(backend.alarms.values())]
                    if not any(moved):
                        break
                changes += [one for alarm in list(backend.alarms.values()) for one in self._changed(region, alarm)]
            gone = list(self._gone())
            changes.sort(key=lambda one: one.after.at)
            for change in changes:
                self._publish(change)
        # Not under the lock: what hears of it may want moto at once.
        for change in changes:
            self._emit(event(change, self._account))
        for region, alarm in gone:
            self._emit(deletion(region, alarm, self._account, datetime.fromtimestamp(self._clock(), UTC)))
        return changes

    def _gone(self) -> Iterator[tuple[str, Any]]:
        backends = get_backend("cloudwatch")[self._account].items()
        there = {(region, name): alarm for region, backend in backends for name, alarm in backend.alarms.items()}
        for (region, name), alarm in self._there.items():
            if there.get((region, name)) is not alarm:
                # Another may be kept where this one was.
                self._told.pop(id(alarm), None)
                self._judged.pop(id(alarm), None)
                yield region, alarm
        self._there = there

    def _changed(self, region: str, alarm: Any) -> Iterator[Change]:
        history = list(alarm.history)
        states = [State(value, reason, data, at) for _, reason, data, value, at in history]
        states.append(_now(alarm))
        told = self._told.get(id(alarm), 0)
        self._told[id(alarm)] = len(history)
        for before, after in zip(states[told:], states[told + 1 :], strict=False):
            if before.value != after.value:
                yield Change(region, alarm, before, after)

    def _publish(self, change: Change) -> None:
        alarm = change.alarm
        if not alarm.actions_enabled:
            return
        for action in getattr(alarm, ACTIONS[change.after.value]) or ():
            if not action.startswith("arn:aws:sns:"):
                self._once(f"the action {action} of the alarm {alarm.name} is not carried out here: only topics are")
                continue
            topics = get_backend("sns")[self._account][action.split(":")[3]]
            subject = f'{change.after.value}: "{alarm.name}" in {_region(change.region)}'
            try:
                topics.publish(arn=action, message=json.dumps(message(change, self._account)), subject=subject[:100])
            except ServiceException as error:
                self._complain(f"alarm {alarm.name}: {action} cannot be published to: {error}")

    # Judging

    def _judge(self, backend: CloudWatchBackend, alarm: Any) -> None:
        if alarm.metric_data_queries or alarm.comparison_operator not in BREACHES:
            self._once(f"the alarm {alarm.name} is not judged here: no metric math, anomalies or Metrics Insights yet")
            return
        minute, changed = self._clock() // min(int(alarm.period), 60), alarm.configuration_updated_timestamp
        seen = (len(backend.metric_data), minute, len(alarm.history), changed)
        if self._judged.get(id(alarm)) == seen:
            return
        self._judged[id(alarm)] = seen
        of = {one.name: one.value for one in alarm.dimensions}
        stat = alarm.statistic or alarm.extended_statistic
        series = Series(alarm.namespace, alarm.metric_name, of, stat, int(alarm.period), alarm.unit or "")
        end = self._clock() // series.period * series.period
        wanted = int(alarm.evaluation_periods)
        try:
            every = metrics.values(backend, series, 0.0, end + series.period)
        except ValidationError as error:
            self._once(f"the alarm {alarm.name} is not judged here: {error.message}")
            return
        if not every:
            return
        known = {at: value for at, value in every if end - (wanted + FURTHER) * series.period <= at < end}
        points = [known.get(end - back * series.period) for back in range(wanted + FURTHER, 0, -1)]
        value = judged(points, wanted, alarm)
        if value and value != alarm.state_value:
            alarm.update_state(*_reason(alarm, value, known))

    def _judge_composite(self, backend: CloudWatchBackend, alarm: Any) -> bool:
        """Judge a composite if its rule or a child has changed since; returns whether that changed its state."""
        if alarm.rule is None:
            return False
        try:
            rule = parse(alarm.rule)
            states = {name: backend.alarms[name].state_value for name in rule.children if name in backend.alarms}
            seen = (alarm.rule, tuple(sorted(states.items())))
            if self._judged.get(id(alarm)) == seen:
                return False
            self._judged[id(alarm)] = seen
            value = "ALARM" if rule.holds(states) else "OK"
        except RuleError as error:
            self._once(f"the composite alarm {alarm.name} is not judged: {error}")
            return False
        if value == alarm.state_value:
            return False
        children = _triggering(backend, rule)
        reason = (
            f"{children[0].alarm_arn} transitioned to {children[0].state_value} at " if children else "The rule at "
        )
        told = {"triggeringAlarms": [_child(one, "arn", "state", "value", "timestamp") for one in children]}
        alarm.update_state(reason + f"{datetime.now(UTC):%A %d %B, %Y %H:%M:%S} UTC", json.dumps(told), value)
        return True

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._complain(text)


def judged(points: Sequence[float | None], wanted: int, alarm: Any) -> str:
    """Return the state that some periods make, the oldest first; empty: it stays as it is.

    Args:
        points: of each period the value, or None where there is none.
        wanted: how many of them count.
        alarm: with its bound, and how it treats what is missing.
    """
    real = [value for value in points if value is not None][-wanted:]
    breaches = BREACHES[alarm.comparison_operator]
    breaching = [breaches(value, float(alarm.threshold)) for value in real]
    lacking, treat = wanted - len(real), alarm.treat_missing_data or "missing"
    if lacking and treat in ("breaching", "notBreaching"):
        breaching = [treat == "breaching"] * lacking + breaching
    elif lacking and treat == "ignore":
        return ""
    elif not real:
        return "INSUFFICIENT_DATA"
    enough = min(int(alarm.datapoints_to_alarm or wanted), len(breaching))
    return "ALARM" if sum(breaching) >= enough else "OK"


def _reason(alarm: Any, value: str, known: Mapping[float, float]) -> tuple[str, str, str]:
    """Return why an alarm is in a state as CloudWatch says it, the same as data, and the state."""
    latest = sorted(known.items(), reverse=True)[: int(alarm.evaluation_periods)]
    some = [f"{one} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})" for at, one in latest]
    data = {
        "version": "1.0", "queryDate": _stamp(datetime.now(UTC)), "statistic": alarm.statistic,
        "period": int(alarm.period), "recentDatapoints": [one for _, one in sorted(known.items())],
        "threshold": float(alarm.threshold),
    }  # fmt: skip
    if value == "INSUFFICIENT_DATA":
        return "Insufficient Data: no datapoints were received.", json.dumps(data), value
    are = f"{'was' if len(some) == 1 else 'were'}{'' if value == 'ALARM' else ' not'}"
    many = f"{len(some)} out of the last {len(some)} datapoints [{', '.join(some)}]"
    bound = f"{SAID[alarm.comparison_operator]} the threshold ({float(alarm.threshold)})"
    return f"Threshold Crossed: {many} {are} {bound}.", json.dumps(data), value


def _triggering(backend: CloudWatchBackend, rule: Rule) -> list[Any]:
    """Return the child of a rule that has changed last."""
    there = [backend.alarms[name] for name in rule.children if name in backend.alarms]
    return sorted(there, key=lambda one: metrics.seconds(one.state_updated_timestamp))[-1:]


def _child(alarm: Any, arn: str, state: str, value: str, timestamp: str) -> dict[str, Any]:
    return {
        arn: alarm.alarm_arn, state: {value: alarm.state_value, timestamp: _stamp(alarm.state_updated_timestamp)}
    }  # fmt: skip


# What is told


def message(change: Change, account: str) -> dict[str, Any]:
    """Return CloudWatch's message about a change to an SNS topic (Schema of Amazon SNS notifications)."""
    alarm = change.alarm
    told: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": _stamp(alarm.configuration_updated_timestamp),
        "NewStateValue": change.after.value,
        "NewStateReason": change.after.reason,
        "StateChangeTime": _stamp(change.after.at),
        "Region": _region(change.region),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": change.before.value,
        "OKActions": list(alarm.ok_actions or ()),
        "AlarmActions": list(alarm.alarm_actions or ()),
        "InsufficientDataActions": list(alarm.insufficient_data_actions or ()),
        **_tags(change, account),
    }
    if alarm.rule is not None:
        del told["AlarmConfigurationUpdatedTimestamp"]
        data = json.loads(change.after.data or "{}").get("triggeringAlarms", ())
        children = [
            {"Arn": one["arn"], "State": {"Value": one["state"]["value"], "Timestamp": one["state"]["timestamp"]}}
            for one in data
        ]
        return {**told, "AlarmRule": alarm.rule, "TriggeringChildren": children}
    return {**told, "Trigger": _trigger(alarm)}


def _tags(change: Change, account: str) -> dict[str, Any]:
    """Return the tags of an alarm that was made with `AlarmTagsPropagation`."""
    if not getattr(change.alarm, "tells_tags", False):
        return {}
    tagger = get_backend("cloudwatch")[account][change.region].tagger
    tags = tagger.get_tag_dict_for_resource(change.alarm.alarm_arn)
    return {"AlarmTagsStatus": "SUCCESS", "AlarmTags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _trigger(alarm: Any) -> dict[str, Any]:
    common = {
        "Period": int(alarm.period or 300),
        "EvaluationPeriods": int(alarm.evaluation_periods),
        "DatapointsToAlarm": int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
        "ComparisonOperator": alarm.comparison_operator,
        "TreatMissingData": alarm.treat_missing_data or "missing",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }
    if alarm.threshold is not None:
        common["Threshold"] = float(alarm.threshold)
    if alarm.metric_data_queries:
        return {**common, "Metrics": [_query(one) for one in alarm.metric_data_queries]}
    if alarm.extended_statistic:
        stat = {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": alarm.extended_statistic}
    else:
        stat = {"StatisticType": "Statistic", "Statistic": _upper(alarm.statistic)}
    of = [{"value": one.value, "name": one.name} for one in alarm.dimensions]
    metric = {"MetricName": alarm.metric_name, "Namespace": alarm.namespace, "Unit": alarm.unit, "Dimensions": of}
    return {**metric, **stat, **common}


def _query(query: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"Id": query.id}
    told |= {"Label": query.label} if query.label else {}
    told["ReturnData"] = query.return_data is not False
    if query.expression:
        return {**told, "Expression": query.expression, **({"Period": int(query.period)} if query.period else {})}
    stat = query.metric_stat
    of = [{"value": one.value, "name": one.name} for one in stat.metric.dimensions]
    metric = {"MetricName": stat.metric.metric_name, "Namespace": stat.metric.namespace, "Dimensions": of}
    return {**told, "MetricStat": {"Metric": metric, "Period": int(stat.period), "Stat": stat.stat}}


def _upper(stat: str) -> str:
    return "SAMPLE_COUNT" if stat == "SampleCount" else stat.upper()


def event(change: Change, account: str) -> Event:
    """Return what EventBridge delivers of a change: CloudWatch Alarm State Change."""
    states = {"previousState": _told(change.before), "state": _told(change.after)}
    detail = {"configuration": _configuration(change.alarm), **states}
    return _event("CloudWatch Alarm State Change", change.region, change.alarm, account, change.after.at, detail)


def deletion(region: str, alarm: Any, account: str, at: datetime) -> Event:
    """Return what EventBridge delivers of an alarm that was deleted: CloudWatch Alarm Configuration Change."""
    bound = {
        "evaluationPeriods": int(alarm.evaluation_periods),
        "threshold": alarm.threshold,
        "comparisonOperator": alarm.comparison_operator,
        "treatMissingData": alarm.treat_missing_data or "missing",
    }
    configuration = {
        **_configuration(alarm),
        **(bound if alarm.rule is None else {}),
        "alarmName": alarm.name,
        "actionsEnabled": bool(alarm.actions_enabled),
        "timestamp": _stamp(alarm.configuration_updated_timestamp),
        "okActions": list(alarm.ok_actions or ()),
        "alarmActions": list(alarm.alarm_actions or ()),
        "insufficientDataActions": list(alarm.insufficient_data_actions or ()),
    }
    state = {"value": alarm.state_value, "timestamp": _stamp(alarm.state_updated_timestamp)}
    detail = {"operation": "delete", "state": state, "configuration": configuration}
    return _event("CloudWatch Alarm Configuration Change", region, alarm, account, at, detail)


def _event(kind: str, region: str, alarm: Any, account: str, at: datetime, detail: Mapping[str, Any]) -> Event:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": "aws.cloudwatch",
        "account": account,
        "time": f"{datetime.fromtimestamp(metrics.seconds(at), UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [alarm.alarm_arn],
        "detail": {"alarmName": alarm.name, **detail},
    }


def _configuration(alarm: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"description": alarm.description} if alarm.description else {}
    return {**found, **({"metrics": _metrics(alarm)} if alarm.rule is None else {"alarmRule": alarm.rule})}


def _metrics(alarm: Any) -> list[dict[str, Any]]:
    if not alarm.metric_data_queries:
        of = {one.name: one.value for one in alarm.dimensions}
        metric = {"namespace": alarm.namespace, "name": alarm.metric_name, "dimensions": of}
        stat = {"metric": metric, "period": int(alarm.period), "stat": alarm.statistic or alarm.extended_statistic}
        return [{"id": str(uuid.uuid5(uuid.NAMESPACE_URL, alarm.alarm_arn)), "metricStat": stat, "returnData": True}]
    found: list[dict[str, Any]] = []
    for query in alarm.metric_data_queries:
        told: dict[str, Any] = {"id": query.id, "returnData": query.return_data is not False}
        told |= {"label": query.label} if query.label else {}
        if query.expression:
            told["expression"] = query.expression
        else:
            stat = query.metric_stat
            of = {one.name: one.value for one in stat.metric.dimensions}
            metric = {"namespace": stat.metric.namespace, "name": stat.metric.metric_name, "dimensions": of}
            told["metricStat"] = {"metric": metric, "period": int(stat.period), "stat": stat.stat}
        found.append(told)
    return found


def _told(state: State) -> dict[str, Any]:
    told = {"value": state.value, "reason": state.reason, "timestamp": _stamp(state.at)}
    return {**told, "reasonData": state.data} if state.data and state.data != "{}" else told


def _now(alarm: Any) -> State:
    return State(alarm.state_value, alarm.state_reason, alarm.state_reason_data, alarm.state_updated_timestamp)


def _stamp(moment: datetime) -> str:
    whole = datetime.fromtimestamp(metrics.seconds(moment), UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{whole.microsecond // 1000:03d}+0000"


def _region(name: str) -> str:
    """Return a region as CloudWatch's messages name it: `EU (Ireland)`."""
    for partition in botocore.loaders.create_loader().load_data("endpoints")["partitions"]:
        if name in partition["regions"]:
            return str(partition["regions"][name]["description"]).replace("Europe (", "EU (")
    return name


# moto, bent


def kept() -> None:
    """Have moto keep alarms as CloudWatch does: composites too, new ones without data, changed ones in their state."""
    original = CloudWatchBackend.put_metric_alarm
    if getattr(original, "keeps_states", False):
        return

    def put_metric_alarm(self: CloudWatchBackend, name: str, *given: Any, **named: Any) -> Alarm:
        before = self.alarms.get(name)
        alarm = original(self, name, *given, **named)
        alarm.alarm_rule = alarm.rule
        alarm.state_value = "INSUFFICIENT_DATA"
        if before is not None and (before.rule is None) == (alarm.rule is None):
            changed = {**vars(alarm), **{one: value for one, value in vars(before).items() if one.startswith("state_")}}
            # The same object: what watches it knows it by that.
            vars(before).update(changed, history=before.history)
            alarm = self.alarms[name] = before
        return alarm

    put_metric_alarm.keeps_states = True  # type: ignore[attr-defined]
    CloudWatchBackend.put_metric_alarm = put_metric_alarm
    CloudWatchResponse.put_composite_alarm = put_composite_alarm
    put = CloudWatchResponse.put_metric_alarm

    def put_and_tell(self: CloudWatchResponse) -> ActionResult:
        answer = put(self)
        wanted = (self._get_param("ActionConfiguration") or {}).get("AlarmTagsPropagation") or {}
        self.cloudwatch_backend.alarms[self._get_param("AlarmName")].tells_tags = bool(wanted.get("Enabled"))
        return answer

    CloudWatchResponse.put_metric_alarm = put_and_tell
    # In the tests, moto remembers which operations it has.
    getattr(method_names_from_class, "cache_clear", lambda: None)()


def put_composite_alarm(self: CloudWatchResponse) -> ActionResult:
    """Keep a composite alarm; raises ValidationError for a rule that CloudWatch refuses, or that is not judged here."""
    name, backend = self._get_param("AlarmName"), self.cloudwatch_backend
    if given := [one for one in SUPPRESSION if self._get_param(one) is not None]:
        raise ValidationError(f"the local CloudWatch does not judge {', '.join(given)}")
    try:
        rule = parse(self._get_param("AlarmRule") or "")
    except RuleError as error:
        raise ValidationError(f"AlarmRule: {error}") from None
    if missing := [child for child in rule.children if child not in backend.alarms or child == name]:
        raise ValidationError(f"Could not save the composite alarm as alarms [{', '.join(missing)}] do not exist")
    backend.put_metric_alarm(
        name=name, namespace="", metric_name="", comparison_operator="", evaluation_periods=0, period=0, threshold=0.0,
        statistic="", description=self._get_param("AlarmDescription"), dimensions=[],
        alarm_actions=self._get_param("AlarmActions", []), ok_actions=self._get_param("OKActions", []),
        insufficient_data_actions=self._get_param("InsufficientDataActions", []),
        actions_enabled=self._get_bool_param("ActionsEnabled"), rule=self._get_param("AlarmRule"),
        tags=self._get_param("Tags", []),
    )  # fmt: skip
    return EmptyResult()
