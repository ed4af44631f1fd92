"""From the body of one message of the queue to a signal: pure, and total, for what nobody understands is still told.

A message is an SNS envelope (of a CloudWatch alarm, a budget, a cost anomaly, a cache, or whatever somebody publishes),
or an EventBridge event (of a service that is watched, or that one of the team's own rules is for).
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.alerts.report import (
    ACCOUNT,
    AHEAD,
    REGION,
    Report,
    Unreadable,
    fingerprint,
    moment,
    plain,
    service_of,
    tags_of,
    within,
)
from chalicelib.alerts.signal import Signal
from chalicelib.model import SEVERITIES, Severity

if TYPE_CHECKING:
    from chalicelib.alerts.custom import Custom

RAW_LENGTH, EXCERPT = 20_000, 1_500
CUT = " … (cut)"
# Whoever has these may unsubscribe the queue, or confirm what nobody asked for.
KEPT_BACK = ("UnsubscribeURL", "SubscribeURL", "Token", "Signature", "SigningCertURL", "SigningCertUrl")
BUDGET = re.compile(r"\bAWS Budgets?\b", re.IGNORECASE)
Read = Callable[[Report], Signal]
# By what an event says it comes from and what it is: what the source is called, and who reads it (a module and its
# function, imported when it is needed: a cold start pays for what it uses).
EVENTS: Mapping[tuple[str, str], tuple[str, str]] = {
    (f"aws.{service}", kind): (name, read)
    for service, name, read, kinds in (
        ("cloudwatch", "alarm", "alarm.changed", (
            "CloudWatch Alarm State Change", "CloudWatch Alarm Contributor State Change",
        )),
        ("cloudwatch", "alarm", "alarm.deleted", ("CloudWatch Alarm Configuration Change",)),
        ("health", "health", "health.event", ("AWS Health Event", "AWS Health Abuse Event")),
        ("guardduty", "guardduty", "findings.threat", ("GuardDuty Finding",)),
        ("securityhub", "securityhub", "securityhub.finding", (
            "Security Hub Findings - Imported", "Security Hub Findings - Custom Action",
        )),
        ("securityhub", "securityhub", "securityhub.ocsf", ("Findings Imported V2",)),
        ("access-analyzer", "access_analyzer", "findings.access", (
            "Access Analyzer Finding", "Unused Access Finding for IAM entities", "Internal Access Finding",
        )),
        ("inspector2", "inspector", "findings.vulnerability", ("Inspector2 Finding",)),
        ("inspector2", "ecr", "images.scan", ("Inspector2 Scan",)),
        ("ecr", "ecr", "images.scan", ("ECR Image Scan",)),
        ("macie", "macie", "findings.sensitive", ("Macie Finding",)),
        ("ecs", "ecs", "ecs.deployment", ("ECS Deployment State Change",)),
        ("ecs", "ecs", "ecs.action", ("ECS Service Action",)),
        ("ecs", "ecs", "ecs.task", ("ECS Task State Change",)),
        ("rds", "rds", "databases.database", (
            "RDS DB Instance Event", "RDS DB Cluster Event", "RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event",
            "RDS DB Parameter Group Event", "RDS DB Security Group Event",
        )),
        ("elasticache", "elasticache", "databases.cache", (
            "Cache Created", "Cache Creation Failed", "Cache Deleted", "Cache Updated", "Cache Update Failed",
            "Cache Limit Approaching", "Snapshot Created", "Snapshot Creation Failed", "Snapshot Export Failed",
            "Snapshot Copy Failed",
        )),
        ("autoscaling", "autoscaling", "instances.group", (
            "EC2 Instance Launch Unsuccessful", "EC2 Instance Launch Successful",
            "EC2 Instance Terminate Unsuccessful", "EC2 Instance Terminate Successful",
            "EC2 Auto Scaling Instance Refresh Failed", "EC2 Auto Scaling Instance Refresh Succeeded",
        )),
        ("ec2", "ec2", "instances.instance", ("EC2 Instance State-change Notification",)),
        ("config", "config", "compliance.rule", ("Config Rules Compliance Change",)),
        ("cloudtrail", "insights", "compliance.insight", ("AWS Insight via CloudTrail",)),
        ("codepipeline", "codepipeline", "delivery.pipeline", ("CodePipeline Pipeline Execution State Change",)),
        ("codebuild", "codebuild", "delivery.build", ("CodeBuild Build State Change",)),
        ("codedeploy", "codedeploy", "delivery.deployment", ("CodeDeploy Deployment State-change Notification",)),
        ("cloudformation", "cloudformation", "stacks.changed", ("CloudFormation Stack Status Change",)),
        ("cloudformation", "cloudformation", "stacks.drifted", ("CloudFormation Drift Detection Status Change",)),
        ("states", "stepfunctions", "jobs.execution", ("Step Functions Execution Status Change",)),
        ("backup", "backup", "jobs.backup", (
            "Backup Job State Change", "Copy Job State Change", "Restore Job State Change",
        )),
    )
    for kind in kinds
}  # fmt: skip


def parse(
    body: str,
    received: float,
    rules: Sequence[Custom] = (),
    severities: Mapping[str, Severity] | None = None,
) -> Signal:
    """Return what a message says; never raises, and never loses anything.

    Args:
        body: the message's body.
        received: when it reached the queue (epoch seconds).
        rules: the team's own, in their order.
        severities: by source, what counts instead of the source's own.
    """
    report = _opened(body, received)
    raw = _raw(body, report.content)
    try:
        found = _understood(report, rules, raw)
    except Exception as error:  # nothing that arrives may be lost to a mistake of ours
        found = _unusual("unknown", report, f"Parapet itself stumbled over it: {type(error).__name__}: {error}", raw)
    return _tidy(_rated(replace(found, raw=raw), severities or {}))


def _understood(report: Report, rules: Sequence[Custom], raw: str) -> Signal:
    content = report.content
    name, read = "unknown", ""
    if _is_event(content):
        if rules:
            from chalicelib.alerts import custom

            if rule := custom.matching(rules, content):
                return custom.signal(*rule, report)
        name, read = EVENTS.get((plain(content["source"]), plain(content["detail-type"])), (name, read))
    elif "AlarmName" in content and ("NewStateValue" in content or "AlarmArn" in content):
        name, read = "alarm", "alarm.notified"
    elif "anomalyId" in content or "anomalyDetailsLink" in content:
        name, read = "anomaly", "anomaly.detected"
    elif any(key.startswith("ElastiCache:") for key in content):
        name, read = "elasticache", "databases.told"
    elif BUDGET.search(f"{report.subject}\n{report.text[:200]}") or "Budget Name" in report.text:
        name, read = "budget", "budget.passed"
    try:
        return reader(read)(report) if read else _whatever(report)
    except Unreadable as problem:
        return _unusual(name, report, str(problem), raw)


def reader(name: str) -> Read:
    """Return the function that reads a source: `findings.threat`."""
    module, _, function = name.partition(".")
    found: Read = getattr(importlib.import_module(f"chalicelib.alerts.sources.{module}"), function)
    return found


def _rated(signal: Signal, severities: Mapping[str, Severity]) -> Signal:
    tagged = {key.lower(): value.lower() for key, value in signal.tags.items()}.get("severity") in SEVERITIES
    if signal.source not in severities or (signal.source == "alarm" and tagged):
        return signal
    return replace(signal, severity=severities[signal.source])


# What arrives


def _opened(body: str, received: float) -> Report:
    outer = _json(body)
    sns = outer if isinstance(outer.get("Message"), str) and isinstance(outer.get("TopicArn"), str) else None
    text = body if sns is None else sns["Message"]
    content = outer if sns is None else _json(text)
    digest = hashlib.sha256(body.encode("utf-8", "replace")).hexdigest()
    event = _is_event(content)
    topic = plain(sns["TopicArn"]) if sns else ""
    parts = [*topic.split(":"), *[""] * 6]
    at = moment(content.get("time")) if event else moment(sns.get("Timestamp")) if sns else None
    account, region = (plain(content.get(key)) for key in ("account", "region")) if event else (parts[4], parts[3])
    return Report(
        content=content,
        id=(plain(content.get("id")) if event else plain(sns.get("MessageId")) if sns else "") or digest,
        at=at if at is not None and at <= received + AHEAD else received,
        received=received,
        text="" if content else text.encode("utf-8", "replace").decode(),
        account=account if ACCOUNT.fullmatch(account) else "",
        region=region if REGION.fullmatch(region) else "",
        subject=plain(sns.get("Subject")) if sns else "",
        topic=topic,
        tags=_attributes(sns.get("MessageAttributes")) if sns else {},
    )


def _is_event(content: Mapping[str, Any]) -> bool:
    return all(isinstance(content.get(key), str) for key in ("source", "detail-type")) and "detail" in content


def _json(text: str) -> Mapping[str, Any]:
    """Return the object in a text, an empty one where it is anything else; half of a surrogate pair is replaced."""
    try:
        found = json.loads(text)
        if isinstance(found, dict) and "\\u" in text:
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _attributes(value: object) -> dict[str, str]:
    given = value if isinstance(value, Mapping) else {}
    return {str(key): plain(within(one, "Value")) for key, one in given.items() if plain(within(one, "Value"))}


def _raw(body: str, content: Mapping[str, Any]) -> str:
    outer = _json(body)
    try:
        if any(key in outer for key in KEPT_BACK):
            shown = {key: value for key, value in outer.items() if key not in KEPT_BACK}
            text = json.dumps({**shown, "Message": dict(content)} if content and "Message" in shown else shown)
        else:
            text = body if outer else json.dumps(body)
    except (ValueError, RecursionError):
        text = json.dumps(body)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= RAW_LENGTH else text[: RAW_LENGTH - len(CUT)] + CUT


# What nobody foresaw


def _whatever(report: Report) -> Signal:
    """Return a message that is nobody's, as readable as it is."""
    kind, source = report.maybe("detail-type"), report.maybe("source")
    topic = report.topic.rpartition(":")[2]
    first = next((line.strip() for line in report.text.splitlines() if line.strip()), "")
    title = report.subject or (f"{kind} ({source})" if kind and source else "") or first[:150]
    tags = dict(report.tags)
    said = tags.get("severity", "").lower()
    return report.signal(
        "unknown",
        (source, kind, topic, report.subject or first),
        state="told",
        severity=next((one for one in SEVERITIES if one == said), "medium"),
        name=kind or topic or "unknown",
        title=title or (f"A message on {topic}" if topic else "A report of a shape that nobody knows"),
        lines=(report.text if report.text and report.text.strip() != title else "",),
        facts=(("Topic", topic), *_scalars(report.content)),
        resource=report.resource,
        service=service_of(tags),
        tags=tags,
    )


def _unusual(name: str, report: Report, problem: str, raw: str) -> Signal:
    """Return a message whose source is known, and whose shape is not what it always is."""
    kind = report.maybe("detail-type", "AlarmName") or report.subject
    state = report.maybe("NewStateValue", "detail.state.value")
    return report.signal(
        name,
        ("unusual", kind),
        state="told",
        # How bad it is, it does not tell.
        severity="high" if name != "unknown" else "medium",
        name=kind or name,
        title=f"{kind or name} says something unusual" + (f" ({state})" if state else ""),
        lines=(
            f"It cannot be read in full: {problem}.",
            # Of what is unknown the raw text is shown anyway.
            f"As it came: {(report.text or raw)[:EXCERPT]}" if name != "unknown" else "",
        ),
        facts=(("Topic", report.topic.rpartition(":")[2]), *_scalars(report.content)),
        resource=report.resource,
        tags=tags_of(report.tags),
    )


def _scalars(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    inner = content.get("detail") if _is_event(content) else content
    some = inner if isinstance(inner, Mapping) else {}
    return [(str(key), plain(value)) for key, value in some.items() if plain(value)][:12]


# What it looks like


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def _tidy(signal: Signal) -> Signal:
    """Return a signal whose texts are of a sensible length, and one-line where they should be."""
    whole = signal.alarm
    if whole and len(json.dumps([whole.metrics, whole.children, whole.log_groups], default=str)) > RAW_LENGTH:
        whole = replace(whole, metrics=(), children=whole.children[:50], log_groups=whole.log_groups[:20])
    if whole:
        whole = replace(whole, reason=_text(whole.reason, 2_000))
    return replace(
        signal,
        id=signal.id if len(signal.id) <= 200 else fingerprint("id", signal.id),
        name=_line(signal.name, 250) or signal.source,
        title=_line(signal.title, 300) or signal.source,
        lines=tuple(_text(line, 2_000) for line in signal.lines[:20] if line.strip()),
        facts=tuple((_line(label, 60), _line(value, 500)) for label, value in signal.facts[:25]),
        resource=_line(signal.resource, 1_600),
        service=_line(signal.service, 120),
        tags={_line(key, 128): _line(value, 256) for key, value in list(signal.tags.items())[:50]},
        links=tuple(
            (_line(label, 80), address)
            for label, address in signal.links[:8]
            if address.startswith("https://") and len(address) <= 2_000 and not re.search(r"\s", address)
        ),
        alarm=whole,
        log_groups=tuple(_line(one, 512) for one in signal.log_groups[:20]),
    )


def _text(text: str, most: int) -> str:
    clean = _CONTROL.sub(" ", text).strip()
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def _line(text: str, most: int) -> str:
    return _text(" ".join(text.split()), most)
