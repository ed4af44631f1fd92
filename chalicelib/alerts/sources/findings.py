"""What AWS's security services find: GuardDuty, Inspector, Macie, IAM Access Analyzer.

Severity: GuardDuty's number (from 9 `critical`, from 7 `high`, from 4 `medium`, below `low`); the word that Inspector
and Macie use; for Access Analyzer `high` where everybody has access, `medium` where another account has, `low` for what
is merely unused. GuardDuty and Macie never say that something is over, unless it is archived: told. Inspector and
Access Analyzer say so: an active finding fires, one that is closed, suppressed, archived or deleted resolves.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
https://docs.aws.amazon.com/macie/latest/user/findings-publish-event-schemas.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report, Unreadable, plain, tags_of
from chalicelib.alerts.signal import Signal
from chalicelib.model import Severity

WORDS: Mapping[str, Severity] = {
    "CRITICAL": "critical", "HIGH": "high", "MEDIUM": "medium", "LOW": "low", "INFORMATIONAL": "low",
    "UNTRIAGED": "low",
}  # fmt: skip


def worded(text: str) -> Severity:
    """Return a severity that a service spells out; raises Unreadable for a word that nobody knows."""
    if text.upper() in WORDS:
        return WORDS[text.upper()]
    raise Unreadable(f"the severity {text!r} is not known")


def threat(report: Report) -> Signal:
    """Return what GuardDuty has found; raises Unreadable."""
    id_, kind, severity = report.said("detail.id"), report.said("detail.type"), report.number("detail.severity")
    if severity is None:
        raise Unreadable("detail.severity is missing")
    account, region = report.maybe("detail.accountId"), report.maybe("detail.region") or report.region
    resource = report.maybe(
        "detail.resource.instanceDetails.instanceId",
        "detail.resource.accessKeyDetails.userName",
        "detail.resource.s3BucketDetails.0.arn",
        "detail.resource.eksClusterDetails.arn",
        "detail.resource.lambdaDetails.functionArn",
        "detail.resource.rdsDbInstanceDetails.dbInstanceArn",
    )
    whose = "instanceDetails", "s3BucketDetails.0", "eksClusterDetails", "lambdaDetails"
    levels: tuple[tuple[float, Severity], ...] = ((9, "critical"), (7, "high"), (4, "medium"))
    return report.signal(
        "guardduty",
        (id_,),
        state="resolved" if report.get("detail.service.archived") is True else "told",
        severity=next((word for least, word in levels if severity >= least), "low"),
        name=kind,
        title=report.maybe("detail.title") or kind,
        lines=(report.maybe("detail.description"),),
        facts=(("Kind", kind), ("Severity", f"{severity:g}"), ("Seen", _times(report.maybe("detail.service.count")))),
        since=report.time("detail.service.eventFirstSeen", "detail.createdAt"),
        account=account,
        region=region,
        resource=resource,
        tags=next((found for one in whose if (found := tags_of(report.get(f"detail.resource.{one}.tags")))), {}),
        links=(("Finding", page(region, f"/guardduty/home?region={{region}}#/findings?fId={quoted(id_)}")),),
    )


def vulnerability(report: Report) -> Signal:
    """Return what Inspector has found; raises Unreadable."""
    arn, title, status = report.said("detail.findingArn"), report.said("detail.title"), report.said("detail.status")
    resource = report.maybe("detail.resources.0.id") or report.resource
    return report.signal(
        "inspector",
        (arn,),
        state="firing" if status == "ACTIVE" else "resolved",
        severity=worded(report.said("detail.severity")),
        name=report.maybe("detail.packageVulnerabilityDetails.vulnerabilityId") or title,
        title=f"{title} in {resource}" if resource else title,
        lines=(report.maybe("detail.description"), report.maybe("detail.remediation.recommendation.text")),
        facts=(
            ("Status", status),
            ("Score", report.maybe("detail.inspectorScore")),
            ("Fix", report.maybe("detail.fixAvailable")),
            ("Exploit", report.maybe("detail.exploitAvailable")),
        ),
        since=report.time("detail.firstObservedAt"),
        account=report.maybe("detail.awsAccountId"),
        resource=resource,
        tags=tags_of(report.get("detail.resources.0.tags")),
        links=(
            ("Findings", page(report.region, "/inspector/v2/home?region={region}#/findings/all")),
            ("About it", _https(report.maybe("detail.packageVulnerabilityDetails.sourceUrl"))),
        ),
    )


def sensitive(report: Report) -> Signal:
    """Return what Macie has found; raises Unreadable."""
    id_, kind = report.said("detail.id"), report.said("detail.type")
    bucket, key = (report.maybe(f"detail.resourcesAffected.{one}") for one in ("s3Bucket.name", "s3Object.key"))
    region = report.maybe("detail.region") or report.region
    return report.signal(
        "macie",
        (id_,),
        state="resolved" if report.get("detail.archived") is True else "told",
        severity=worded(report.said("detail.severity.description")),
        name=kind,
        title=(report.maybe("detail.title") or kind) + (f" ({bucket})" if bucket else ""),
        lines=(report.maybe("detail.description"),),
        facts=(("Kind", kind), ("Bucket", bucket), ("Object", key), ("Seen", _times(report.maybe("detail.count")))),
        since=report.time("detail.createdAt"),
        account=report.maybe("detail.accountId"),
        region=region,
        resource=report.maybe("detail.resourcesAffected.s3Bucket.arn") or bucket,
        tags=tags_of(report.get("detail.resourcesAffected.s3Bucket.tags")),
        links=(("Finding", page(region, f"/macie/home?region={{region}}#findings?itemId={quoted(id_)}")),),
    )


def access(report: Report) -> Signal:
    """Return what IAM Access Analyzer has found; raises Unreadable."""
    id_ = report.maybe("detail.id", "detail.findingId")
    if not id_:
        raise Unreadable("detail.id is missing")
    resource, status = report.said("detail.resource"), report.said("detail.status")
    kind = report.maybe("detail-type")
    unused, public = kind.startswith("Unused"), report.get("detail.isPublic") is True
    principals = report.get("detail.principal")
    who = ", ".join(plain(one) for one in principals.values()) if isinstance(principals, Mapping) else ""
    severity: Severity = "high" if public else "low" if unused or report.maybe("detail.error") else "medium"
    what = "is open to everybody" if public else "can be reached from outside" if not unused else "has unused access"
    if kind.startswith("Internal"):
        what = "can be reached by principals that should not"
    if error := report.maybe("detail.error"):
        what = f"could not be analysed: {error}"
    return report.signal(
        "access_analyzer",
        (id_,),
        state="firing" if status == "ACTIVE" and report.get("detail.isDeleted") is not True else "resolved",
        severity=severity,
        name=report.maybe("detail.findingType") or report.maybe("detail.resourceType") or kind,
        title=f"{resource} {what}",
        lines=(f"Who: {who}" if who else "",),
        facts=(
            ("Status", status),
            ("Kind", report.maybe("detail.resourceType")),
            ("May", ", ".join(plain(one) for one in report.items("detail.action")[:20])),
        ),
        since=report.time("detail.createdAt"),
        account=report.maybe("detail.accountId"),
        region=report.maybe("detail.region"),
        resource=resource,
        links=(("Findings", page(report.region, "/access-analyzer/home?region={region}#/findings")),),
    )


def _times(count: str) -> str:
    return f"{count} times" if count not in ("", "1") else ""


def _https(address: str) -> str:
    return address if address.startswith("https://") else ""
