"""`fire`: makes trouble up, in the local account and nowhere else, so that one sees what people would be told."""

from __future__ import annotations

import json
import secrets
import shlex
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any

import click

from chalicelib.model import SEVERITIES, ParapetError, Severity
from cli import here, output
from cli.deployment import Outside

SAMPLES = Path(__file__).parent.parent / "local" / "samples"
# What is published to the alert topic, as AWS does; whatever else is in the samples arrives over EventBridge.
PUBLISHED = ("budget", "forecast", "anomaly")
KINDS = (
    "alarm", "storm", *PUBLISHED, "health", "guardduty", "access-analyzer", "ecr", "ecs", "rds", "autoscaling", "ec2",
    "codepipeline", "cloudformation", "stepfunctions", "backup",
)  # fmt: skip
NAMESPACE, METRIC, THRESHOLD, USUAL, BAD = "Shop", "ErrorRate", 5.0, 0.3, 14.2
MINUTES = 60
# Who is in trouble when everybody is.
SERVICES = ("checkout", "orders", "search", "payments")
GUARDDUTY: Mapping[Severity, float] = {"critical": 9.0, "high": 8.0, "medium": 5.0, "low": 2.0}
# What SNS takes at once.
BATCH = 10


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to see; empty, or None, where the kind has a word of its own."""

    kind: str
    name: str
    service: str
    state: str
    severity: Severity | None
    count: int


@click.command
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.option("--name", default="", help="Of the alarm, budget, instance …; each kind has one of its own.")
@click.option("--service", default="checkout", show_default=True, help="The workload that it is about.")
@click.option(
    "--state", type=click.Choice(("ALARM", "OK")), default="ALARM", help="For alarm, health and ec2: OK ends it."
)
@click.option("--severity", type=click.Choice(SEVERITIES), help="For alarm, storm and guardduty.")
@click.option("--count", type=click.IntRange(1, 2000), default=200, show_default=True, help="For storm: how many.")
@output.json_option
@click.pass_obj
def fire(outside: Outside, /, as_json: bool, **given: Any) -> None:
    """Make trouble up, to see what people would be told: only in the local account.

    KIND is alarm, storm (many alarms at once), budget, forecast, anomaly, health, guardduty, access-analyzer, ecr, ecs,
    rds, autoscaling, ec2, codepipeline, cloudformation, stepfunctions or backup.
    """
    wanted = Wanted(**given)
    here.refuse_elsewhere(outside, "fire makes trouble up")
    _sensible(wanted)
    match wanted.kind:
        case "alarm":
            said = _alarm(outside, wanted)
        case "storm":
            said = _storm(outside, wanted)
        case _:
            said = _sample(outside, wanted)
    if as_json:
        output.emit({"kind": wanted.kind, "said": said, "inbox": here.inbox(outside)})
        return
    output.say(said)
    output.say(f"What people are told: {here.inbox(outside)}")


def _sensible(wanted: Wanted) -> None:
    if wanted.state == "OK" and wanted.kind not in ("alarm", "health", "ec2"):
        raise ParapetError(f"{wanted.kind} has no end: --state OK is for alarm, health and ec2")
    if wanted.severity and wanted.kind not in ("alarm", "storm", "guardduty"):
        raise ParapetError(f"what is {wanted.kind} has its own severity: --severity is for alarm, storm and guardduty")


# A real alarm


def _alarm(outside: Outside, wanted: Wanted) -> str:
    """Make an alarm on a metric, and put an hour of data: the rest is CloudWatch's."""
    aws, service, now = outside.deployment.aws, wanted.service, outside.now()
    name, bad = wanted.name or f"{service}-errors", wanted.state == "ALARM"
    # A release of its own each time: what was put before cannot be taken back.
    dimensions = [{"Name": "ServiceName", "Value": service}, {"Name": "Release", "Value": f"r{now:.0f}"}]
    tags = {"service": service, "severity": wanted.severity or "critical"}
    aws(
        "cloudwatch", "put_metric_alarm", AlarmName=name, Namespace=NAMESPACE, MetricName=METRIC, Dimensions=dimensions,
        AlarmDescription=f"More than {THRESHOLD:g} % of what people ask of {service} fails.",
        Statistic="Average", Unit="Percent", Period=60, EvaluationPeriods=3, DatapointsToAlarm=3,
        # It stays as it is until somebody ends it.
        Threshold=THRESHOLD, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
        AlarmActions=[_topic(outside)], OKActions=[_topic(outside)],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        ActionConfiguration={"AlarmTagsPropagation": {"Enabled": True}},
    )  # fmt: skip
    data = [
        {
            "MetricName": METRIC, "Dimensions": dimensions, "Unit": "Percent", "Value": value,
            "Timestamp": datetime.fromtimestamp(at, UTC),
        }
        for at, value in _points(now, bad)
    ]  # fmt: skip
    aws("cloudwatch", "put_metric_data", Namespace=NAMESPACE, MetricData=data)
    if not bad:
        return f"The alarm {name} is OK again."
    again = f" --service {shlex.quote(service)}" if service != "checkout" else ""
    named = f" --name {shlex.quote(wanted.name)}" if wanted.name else ""
    return f"The alarm {name} goes off. `./parapet fire alarm{named}{again} --state OK` ends it."


def _points(now: float, bad: bool) -> Iterator[tuple[float, float]]:
    """Yield an hour of a metric, minute by minute: as usual, then bad, and good again if it is to be."""
    for minute in range(MINUTES, -1, -1):
        wobble = (minute * 37 % 11) / 50
        broken = minute < 6 if bad else 5 <= minute < 12
        yield now - 60 * minute, (BAD - 2 * wobble if broken else USUAL) + wobble


def _storm(outside: Outside, wanted: Wanted) -> str:
    """Publish what CloudWatch does when many alarms go off at once."""
    account, region, at = outside.deployment.caller.account, outside.deployment.region, _iso(outside.now())
    messages = [
        _notification(SERVICES[number % len(SERVICES)], number, wanted.severity or "high", account, region, at)
        for number in range(wanted.count)
    ]
    for start in range(0, len(messages), BATCH):
        entries = [
            {
                "Id": str(number), "Message": json.dumps(message),
                "Subject": f'ALARM: "{message["AlarmName"]}" in EU (Ireland)',
            }
            for number, message in enumerate(messages[start : start + BATCH])
        ]  # fmt: skip
        outside.deployment.aws("sns", "publish_batch", TopicArn=_topic(outside), PublishBatchRequestEntries=entries)
    return f"{wanted.count} alarms of {', '.join(SERVICES)} went off at once."


def _notification(service: str, number: int, severity: str, account: str, region: str, at: str) -> dict[str, Any]:
    name = f"{service}-{number:04d}-errors"
    return {
        "AlarmName": name,
        "AlarmDescription": f"More than {THRESHOLD:g} % of what task {number} of {service} does fails.",
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": at,
        "NewStateValue": "ALARM",
        "NewStateReason": f"Threshold Crossed: 1 out of the last 1 datapoints [{BAD} ({at})] was greater than the "
        f"threshold ({THRESHOLD}).",
        "StateChangeTime": at,
        "Region": "EU (Ireland)",
        "AlarmArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
        "OldStateValue": "OK",
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "AlarmTagsStatus": "SUCCESS",
        "AlarmTags": [{"Key": "service", "Value": service}, {"Key": "severity", "Value": severity}],
        "Trigger": {
            "MetricName": METRIC, "Namespace": NAMESPACE, "StatisticType": "Statistic", "Statistic": "AVERAGE",
            "Unit": None, "Dimensions": [{"value": service, "name": "ServiceName"}], "Period": 60,
            "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": THRESHOLD, "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
        },
    }  # fmt: skip


# Whatever else there is a sample of


def _sample(outside: Outside, wanted: Wanted) -> str:
    samples: Mapping[str, Any] = json.loads((SAMPLES / "samples.json").read_text("utf-8"))
    sample = samples.get(wanted.kind, {})
    now, where = outside.now(), outside.deployment
    name = wanted.name or sample.get("name", "monthly-total")
    moment = datetime.fromtimestamp(now, UTC)
    words = {
        "name": name,
        "service": wanted.service,
        "account": where.caller.account,
        "region": where.region,
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "day": moment.strftime("%B %d, %Y"),
        "rfc": moment.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "id": str(uuid.uuid4()),
        "hex": secrets.token_hex(16),
    }
    if wanted.kind in PUBLISHED:
        _publish(outside, wanted.kind, sample, name, words)
    else:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "account": words["account"],
            "time": words["time"],
            "region": words["region"],
            **_filled({key: value for key, value in sample.items() if key != "name"}, words),
        }
        if wanted.kind == "guardduty" and wanted.severity:
            event["detail"]["severity"] = GUARDDUTY[wanted.severity]
        if wanted.state == "OK":
            event["detail"] |= {
                "health": {"statusCode": "closed", "endTime": words["rfc"]},
                "ec2": {"state": "running"},
            }[wanted.kind]
        _put(outside, [event])
    return f"{wanted.kind} reports {name}."


def _publish(outside: Outside, kind: str, sample: Mapping[str, Any], name: str, words: Mapping[str, str]) -> None:
    if kind == "anomaly":
        subject, text = "AWS Cost Management: Cost anomaly(ies) summary", json.dumps(_filled(sample["message"], words))
    else:
        subject = f"AWS Budgets: {name} has exceeded your alert threshold"
        text = Template((SAMPLES / f"{kind}.txt").read_text("utf-8")).substitute(words)
    outside.deployment.aws("sns", "publish", TopicArn=_topic(outside), Subject=subject[:100], Message=text)


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """Return a sample with its `$words` filled in, wherever they stand."""
    if isinstance(value, str):
        return Template(value).substitute(words)
    if isinstance(value, Mapping):
        return {key: _filled(one, words) for key, one in value.items()}
    return [_filled(one, words) for one in value] if isinstance(value, list) else value


def _put(outside: Outside, events: Sequence[Mapping[str, Any]]) -> None:
    """Put events of AWS's own services on the bus: the local account has a way in for them, PutEvents refuses them."""
    here.ask(outside, "/inbox/events", {"events": events})


def _topic(outside: Outside) -> str:
    where = outside.deployment
    return f"arn:aws:sns:{where.region}:{where.caller.account}:parapet-{outside.settings().stage}-alerts"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
