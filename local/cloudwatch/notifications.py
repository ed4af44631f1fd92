"""How CloudWatch tells of alarms: its message to a topic, and its events on the bus; pure but for the alarms' tags.

As documented in *Schema of Amazon SNS notifications* and *Alarm events and EventBridge*. Alarms are moto's.
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.loaders
from moto.backends import get_backend

from local.cloudwatch import judgement
from local.cloudwatch.clock import seconds
from local.cloudwatch.engine import Change
from local.cloudwatch.judgement import State

Event = dict[str, Any]


def subject(change: Change, region: str) -> str:
    """Return the subject of that message."""
    return f'{change.after.value}: "{change.name}" in {_region(region)}'[:100]


def message(change: Change, alarm: Any, region: str, account: str) -> dict[str, Any]:
    """Return CloudWatch's message about a change to an SNS topic (Schema of Amazon SNS notifications)."""
    told: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": _stamp(alarm.configuration_updated_timestamp),
        "NewStateValue": change.after.value,
        "NewStateReason": change.after.reason,
        "StateChangeTime": _stamp(change.after.at),
        "Region": _region(region),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": change.before.value,
        "OKActions": list(alarm.ok_actions or ()),
        "AlarmActions": list(alarm.alarm_actions or ()),
        "InsufficientDataActions": list(alarm.insufficient_data_actions or ()),
        **_tags(alarm, region, account),
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


def _tags(alarm: Any, region: str, account: str) -> dict[str, Any]:
    """Return the tags of an alarm that was made with `AlarmTagsPropagation`."""
    if not getattr(alarm, "tells_tags", False):
        return {}
    tags = get_backend("cloudwatch")[account][region].tagger.get_tag_dict_for_resource(alarm.alarm_arn)
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


def event(change: Change, alarm: Any, region: str, account: str) -> Event:
    """Return what EventBridge delivers of a change: CloudWatch Alarm State Change."""
    states = {"previousState": _told(change.before), "state": _told(change.after)}
    detail = {"configuration": _configuration(alarm), **states}
    return _event("CloudWatch Alarm State Change", region, alarm, account, change.after.at, detail)


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
        "time": f"{datetime.fromtimestamp(seconds(at), UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [alarm.alarm_arn],
        "detail": {"alarmName": alarm.name, **detail},
    }


def _configuration(alarm: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"description": alarm.description} if alarm.description else {}
    if alarm.rule is None:
        return {**found, "metrics": _metrics(alarm)}
    found |= {"alarmRule": alarm.rule}
    if getattr(alarm, "actions_suppressor", None):
        found |= {
            "actionsSuppressor": alarm.actions_suppressor,
            "actionsSuppressorWaitPeriod": alarm.actions_suppressor_wait_period,
            "actionsSuppressorExtensionPeriod": alarm.actions_suppressor_extension_period,
        }
    return found


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
    told |= {"reasonData": state.data} if state.data and state.data != "{}" else {}
    if not state.suppressed:
        return told
    return {**told, "actionsSuppressedBy": state.suppressed, "actionsSuppressedReason": why_suppressed(state)}


def why_suppressed(state: State) -> str:
    """Return why the actions of a composite alarm are held back."""
    return f"Actions suppressed by {state.suppressed}"


def _stamp(moment: datetime) -> str:
    return judgement.stamp(datetime.fromtimestamp(seconds(moment), UTC))


@functools.cache
def _region(name: str) -> str:
    """Return a region as CloudWatch's messages name it: `EU (Ireland)`."""
    for partition in botocore.loaders.create_loader().load_data("endpoints")["partitions"]:
        if name in partition["regions"]:
            return str(partition["regions"][name]["description"]).replace("Europe (", "EU (")
    return name
