"""CloudWatch alarms of every kind, from SNS or as EventBridge events.

Severity: the alarm's tag `severity` (critical, high, medium, low) counts where the notification carries the alarm's
tags (`AlarmTagsPropagation`); otherwise `high`, and `medium` for an alarm that has no data. ALARM fires, OK resolves,
INSUFFICIENT_DATA is unsure. An alarm over many series notifies for each of them, and each is an alert of its own. One
that is deleted says nothing any more: that ends it, whatever its state.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from chalicelib.alerts.console import logs, page, quoted
from chalicelib.alerts.report import Report, Unreadable, plain, service_of, tags_of
from chalicelib.alerts.signal import Alarm, Signal, State
from chalicelib.model import SEVERITIES, Severity

Kind = Literal["metric", "math", "anomaly", "composite", "log"]
STATES: Mapping[str, State] = {"ALARM": "firing", "OK": "resolved", "INSUFFICIENT_DATA": "unsure"}
SAYS = {"firing": "is in alarm", "resolved": "is OK again", "unsure": "has no data"}
SIGNS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": "≥",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "≤",
    "GreaterThanUpperThreshold": "above what is usual",
    "LessThanLowerThreshold": "below what is usual",
    "LessThanLowerOrGreaterThanUpperThreshold": "outside of what is usual",
}
STATISTICS = {
    "AVERAGE": "Average", "SUM": "Sum", "MINIMUM": "Minimum", "MAXIMUM": "Maximum", "SAMPLE_COUNT": "SampleCount",
    "SAMPLECOUNT": "SampleCount",
}  # fmt: skip
# The dimension that names the resource, and the one that names the workload: the first that there is.
RESOURCES = (
    "InstanceId", "AutoScalingGroupName", "DBInstanceIdentifier", "DBClusterIdentifier", "FunctionName", "TargetGroup",
    "LoadBalancer", "QueueName", "TableName", "CacheClusterId", "ServiceName", "ClusterName",
)  # fmt: skip
SERVICES = ("ServiceName", "FunctionName")
# What an alarm's rule calls another alarm; a quoted name may hold anything.
CHILD = re.compile(r'\b(?:ALARM|OK|INSUFFICIENT_DATA)\s?\(\s?("(?:[^"\\]|\\.)*"|[^()"]+)\)')
SEVERAL = re.compile(r"\bAT_LEAST\s?\([^()]*\(([^()]*)\)")
ADDRESS = re.compile(r"https://[^\s<>\"'|)\]]+")
POINT = re.compile(r"\[(-?[\d.]+(?:E-?\d+)?) \(")
RULE_LENGTH, LOG_LINES = 10_240, 10

# Likewise, by how the name of an objective's alarm ends (`slo.alarms`).
PROMISED: Mapping[str, Mapping[str, str]] = {
    "page": {"firing": "spends its error budget far too fast", "resolved": "spends its error budget slowly again"},
    "ticket": {"firing": "spends its error budget too fast", "resolved": "spends its error budget slowly again"},
    "absent": {"firing": "gets no requests", "resolved": "gets requests again"},
}


def notified(report: Report) -> Signal:
    """Return what an SNS notification of an alarm says; raises Unreadable."""
    name, arn = report.said("AlarmName"), report.maybe("AlarmArn")
    account = report.maybe("AWSAccountId") or report.account
    # The notification spells its region out: `EU (Ireland)`.
    region = arn.split(":")[3] if arn.count(":") > 5 else report.region
    trigger = report.get("Trigger")
    return _signal(
        report,
        name=name,
        arn=arn or f"arn:{report.partition}:cloudwatch:{region}:{account}:alarm:{name}",
        word=report.said("NewStateValue"),
        was=report.maybe("OldStateValue"),
        reason=report.maybe("NewStateReason"),
        description=report.maybe("AlarmDescription"),
        rule=report.maybe("AlarmRule"),
        config=trigger if isinstance(trigger, Mapping) else {},
        whole=report.content,
        triggering=[_arn(one) for one in report.items("TriggeringChildren")],
        at=report.time("StateChangeTime"),
        account=account,
        region=region,
    )


def changed(report: Report) -> Signal:
    """Return what an alarm's EventBridge event says; raises Unreadable."""
    return _event(
        report,
        report.said("detail.state.value"),
        report.maybe("detail.previousState.value"),
        report.maybe("detail.state.reason"),
        report.time("detail.state.timestamp"),
        muted=report.maybe("detail.muteDetail.mutedByArn", "detail.state.actionsSuppressedBy"),
    )


def deleted(report: Report) -> Signal:
    """Return what EventBridge says of an alarm that was deleted; raises Unreadable."""
    if (operation := report.said("detail.operation")) != "delete":
        raise Unreadable(f"the operation {operation!r} is not delete")
    was = report.said("detail.state.value")
    # The event's own time has no fractions, and must not come before that of the state.
    at = max(report.at, report.time("detail.state.timestamp") or 0.0)
    found = _event(report, "OK", was, f"It was deleted, and can say nothing any more; its last state was {was}.", at)
    return replace(found, title=f"{found.name} was deleted")


def _event(report: Report, word: str, was: str, reason: str, at: float | None, muted: str = "") -> Signal:
    detail, name = report.table("detail"), report.said("detail.alarmName")
    data = _json(report.get("detail.state.reasonData"))
    config = report.get("detail.configuration")
    config = dict(config) if isinstance(config, Mapping) else {}
    if "threshold" not in config and "threshold" in data:
        config["threshold"] = data["threshold"]
    return _signal(
        report,
        name=name,
        arn=report.resource or f"arn:{report.partition}:cloudwatch:{report.region}:{report.account}:alarm:{name}",
        word=word,
        was=was,
        reason=reason,
        description=plain(config.get("description")),
        rule=plain(config.get("alarmRule")),
        config=config,
        whole=detail,
        triggering=[_arn(one) for one in data.get("triggeringAlarms", []) or []]
        if isinstance(data.get("triggeringAlarms"), list)
        else [],
        at=at,
        account=report.account,
        region=report.region,
        muted=muted,
    )


def _signal(
    report: Report, *, name: str, arn: str, word: str, was: str, reason: str, description: str, rule: str,
    config: Mapping[str, Any], whole: Mapping[str, Any], triggering: list[str], at: float | None, account: str,
    region: str, muted: str = "",
) -> Signal:  # fmt: skip
    if word not in STATES:
        raise Unreadable(f"the state {word!r} is none of {', '.join(STATES)}")
    state, tags = STATES[word], _tags(whole)
    alarm = _alarm(arn, rule, config, whole, reason)
    contributor, series = _contributor(whole)
    dimensions = {**alarm.dimensions, **series}
    groups = list(alarm.log_groups)
    if (function := dimensions.get("FunctionName")) and alarm.kind != "log":
        groups.append(f"/aws/lambda/{function}")
    said = tags.get("severity", "").lower()
    severity: Severity = "medium" if state == "unsure" else "high"
    if said in SEVERITIES:
        severity = said
    console = page(region, f"/cloudwatch/home?region={{region}}#alarmsV2:alarm/{quoted(name)}")
    return report.signal(
        "alarm",
        (arn, contributor) if contributor else (arn,),
        state=state,
        severity=severity,
        name=name,
        title=_promised(name, state, tags) or f"{name} {SAYS[state]}" + (f": {_spelled(series)}" if series else ""),
        # What we wrote ourselves says more than which child of a composite has changed.
        lines=(
            *((description, reason) if _promised(name, state, tags) else (reason, description)),
            f"In alarm: {', '.join(one.split(':alarm:')[-1] for one in triggering)}" if triggering else "",
            *_log_lines(whole),
            "CloudWatch has muted this alarm's own actions." if muted else "",
        ),
        facts=(
            ("Watches", _watches(alarm)),
            ("Threshold", _threshold(alarm, config)),
            ("Value", point[1] if state != "unsure" and (point := POINT.search(reason)) else ""),
            ("Dimensions", _spelled(dimensions)),
            ("Was", was),
        ),
        at=at,
        account=account,
        region=region,
        resource=next((dimensions[one] for one in RESOURCES if dimensions.get(one)), arn),
        service=next((dimensions[one] for one in SERVICES if dimensions.get(one)), "") if not service_of(tags) else "",
        tags=tags,
        links=(
            ("Alarm", console),
            ("Runbook", _runbook(tags, description)),
            *((f"Logs of {group}", logs(region, group)) for group in groups[:3]),
        ),
        alarm=alarm,
        log_groups=groups,
    )


def _promised(name: str, state: State, tags: Mapping[str, str]) -> str:
    """Return what the alarm of an objective of ours means, empty for any other."""
    objective, end = tags.get("objective", ""), name.rsplit("-", 1)[-1]
    said = PROMISED.get(end, {}).get(state, "")
    return f"{objective} {said}" if said and objective and name.endswith(f"-{objective}-{end}") else ""


def _alarm(arn: str, rule: str, config: Mapping[str, Any], whole: Mapping[str, Any], reason: str) -> Alarm:
    low = {str(key).lower(): value for key, value in config.items()}
    queries = list(_queries(low))
    query = _found(whole, "logGroupIdentifiers"), _found(whole, "queryString", "scheduledQueryConfiguration")
    threshold = low.get("threshold")
    kind: Kind
    if rule:
        kind = "composite"
    elif any(one is not None for one in query):
        kind = "log"
    elif low.get("thresholdmetricid") or any("ANOMALY_DETECTION_BAND" in one.get("Expression", "") for one in queries):
        kind = "anomaly"
    elif any("Expression" in one for one in queries) or "evaluationcriteria" in low:
        kind = "math"
    elif queries:
        kind = "metric"
    else:
        raise Unreadable("it names no metric, no rule and no log query (Trigger.MetricName, AlarmRule)")
    period = next((one["MetricStat"]["Period"] for one in queries if "MetricStat" in one), low.get("period"))
    return Alarm(
        arn=arn,
        kind=kind,
        metrics=tuple(queries) if kind not in ("composite", "log") else (),
        threshold=float(threshold)
        if isinstance(threshold, int | float) and not isinstance(threshold, bool) and abs(threshold) < 1e300
        else None,
        comparison=plain(low.get("comparisonoperator")),
        period=period if type(period) is int and 0 < period <= 604_800 else 300,
        dimensions=_agreed(queries),
        children=children(rule, arn),
        reason=reason,
        log_groups=tuple(_group(plain(one)) for one in query[0] if plain(one)) if isinstance(query[0], list) else (),
    )


def children(rule: str, arn: str) -> tuple[str, ...]:
    """Return the ARNs of the alarms in a composite's rule, each once; a name is one of the composite's own region."""
    found: list[str] = []
    rule, home = rule[:RULE_LENGTH], arn.rpartition(":alarm:")[0]
    listed = (one for several in SEVERAL.finditer(rule) for one in several[1].split(","))
    for one in (*(match[1] for match in CHILD.finditer(rule)), *listed):
        name = re.sub(r"\\(.)", r"\1", one.strip().strip('"'))
        if name:
            found.append(name if name.startswith("arn:") else f"{home}:alarm:{name}")
    return tuple(dict.fromkeys(found))


def _queries(low: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield metric queries as `GetMetricData` takes them, whichever way the alarm has written them."""
    if name := plain(low.get("metricname")):
        statistic = plain(low.get("statistic"))
        yield {
            "Id": "m1",
            "MetricStat": {
                "Metric": {
                    "Namespace": plain(low.get("namespace")),
                    "MetricName": name,
                    "Dimensions": _dimensions(low.get("dimensions")),
                },
                "Period": _period(low.get("period")),
                "Stat": plain(low.get("extendedstatistic")) or STATISTICS.get(statistic.upper(), statistic),
            },
            "ReturnData": True,
        }
    given = low.get("metrics")
    several = [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
    for number, one in enumerate(several, 1):
        flat = {str(key).lower(): value for key, value in one.items()}
        id_ = plain(flat.get("id"))
        query: dict[str, Any] = {"Id": id_ if re.fullmatch(r"[a-z]\w{0,254}", id_, re.ASCII) else f"m{number}"}
        if isinstance(flat.get("metricstat"), Mapping):
            stat = {str(key).lower(): value for key, value in flat["metricstat"].items()}
            metric = stat.get("metric")
            inner = {str(key).lower(): v for key, v in metric.items()} if isinstance(metric, Mapping) else {}
            query["MetricStat"] = {
                "Metric": {
                    "Namespace": plain(inner.get("namespace")),
                    "MetricName": plain(inner.get("metricname")) or plain(inner.get("name")),
                    "Dimensions": _dimensions(inner.get("dimensions")),
                },
                "Period": _period(stat.get("period")),
                "Stat": plain(stat.get("stat")),
            }
        elif expression := plain(flat.get("expression")):
            query["Expression"] = expression
            if type(flat.get("period")) is int:
                query["Period"] = _period(flat["period"])
        else:
            continue
        for key, name in (("label", "Label"), ("accountid", "AccountId")):
            if plain(flat.get(key)):
                query[name] = plain(flat[key])
        yield {**query, "ReturnData": flat.get("returndata") is not False}


def _dimensions(value: Any) -> list[dict[str, str]]:
    if isinstance(value, Mapping):
        return [{"Name": str(key), "Value": plain(one)} for key, one in value.items()]
    pairs = ({str(key).lower(): inner for key, inner in one.items()} for one in _mappings(value))
    return [{"Name": plain(one["name"]), "Value": plain(one.get("value"))} for one in pairs if plain(one.get("name"))]


def _mappings(value: Any) -> Iterable[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _agreed(queries: list[dict[str, Any]]) -> dict[str, str]:
    """Return the dimensions of an alarm's metrics; one that they disagree on names nothing."""
    found: dict[str, set[str]] = {}
    for query in queries:
        for one in query.get("MetricStat", {}).get("Metric", {}).get("Dimensions", []):
            found.setdefault(one["Name"], set()).add(one["Value"])
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1}


def _period(value: Any) -> int:
    return value if type(value) is int and 0 < value <= 604_800 else 300


def _found(value: Any, *names: str) -> Any:
    """Return what some message holds under one of these names, however deep (three levels) and however spelled."""
    wanted, level = {name.lower() for name in names}, [value]
    for _ in range(3):
        for one in level:
            for key, inner in one.items() if isinstance(one, Mapping) else ():
                if str(key).lower() in wanted and inner:
                    return inner
        level = [inner for one in level if isinstance(one, Mapping) for inner in one.values()]
    return None


def _tags(whole: Mapping[str, Any]) -> dict[str, str]:
    return tags_of(_found(whole, "AlarmTags") or _found(whole, "Tags"))


def _contributor(whole: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the id and attributes of the one series that a notification is about, empty where it is about all."""
    given = _found(whole, "alarmContributor")
    low = {str(key).lower(): value for key, value in given.items()} if isinstance(given, Mapping) else {}
    id_ = plain(low.get("id")) or plain(low.get("contributorid")) or plain(_found(whole, "alarmContributorId"))
    about = low.get("attributes") or low.get("contributorattributes") or _found(whole, "alarmContributorAttributes")
    return id_, tags_of(about)


def _log_lines(whole: Mapping[str, Any]) -> list[str]:
    lines = _found(whole, "logLines", "actionLogLines", "logEvents")
    found = []
    for one in lines if isinstance(lines, list) else []:
        text = plain(one)
        if isinstance(one, Mapping):
            text = plain(one.get("message")) or plain(one.get("@message")) or json.dumps(one, sort_keys=True)
        found.append(text)
    return found[:LOG_LINES]


def _arn(child: Any) -> str:
    low = {str(key).lower(): value for key, value in child.items()} if isinstance(child, Mapping) else {}
    return plain(low.get("arn"))


def _group(identifier: str) -> str:
    return identifier.split(":log-group:")[-1].removesuffix(":*")


def _json(value: Any) -> Mapping[str, Any]:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _watches(alarm: Alarm) -> str:
    if alarm.kind == "composite":
        return f"{len(alarm.children)} alarms"
    if alarm.kind == "log":
        return f"the logs of {', '.join(alarm.log_groups)}" if alarm.log_groups else "logs"
    shown = []
    for one in alarm.metrics:
        if "MetricStat" in one:
            metric = one["MetricStat"]["Metric"]
            stat = f"{metric['Namespace']} {metric['MetricName']}, {one['MetricStat']['Stat']}"
            shown.append(f"{stat} over {one['MetricStat']['Period']} s")
        else:
            shown.append(one["Expression"])
    return "; ".join(shown[:5])


def _threshold(alarm: Alarm, config: Mapping[str, Any]) -> str:
    sign = SIGNS.get(alarm.comparison, alarm.comparison)
    text = f"{sign} {alarm.threshold:g}".strip() if alarm.threshold is not None else sign
    low = {str(key).lower(): value for key, value in config.items()}
    periods = plain(low.get("evaluationperiods")) or plain(low.get("queryresultstoevaluate"))
    points = plain(low.get("datapointstoalarm")) or plain(low.get("queryresultstoalarm")) or periods
    return f"{text}, {points} of {periods} times" if text and periods else text


def _spelled(dimensions: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in dimensions.items())


def _runbook(tags: Mapping[str, str], description: str) -> str:
    given = next((value for key, value in tags.items() if key.lower() == "runbook"), "")
    found = ADDRESS.search(given) or ADDRESS.search(description)
    return found[0].rstrip(".,;") if found else ""
