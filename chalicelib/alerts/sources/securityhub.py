"""Security Hub's findings, in its own format (ASFF) and in that of the Open Cybersecurity Schema Framework (OCSF).

Severity: the finding's own word. New and notified findings fire; resolved, suppressed, archived and passed ones
resolve. What GuardDuty, Inspector, Macie, Access Analyzer and Health hand to Security Hub they report themselves, so
that the pattern leaves it out.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-v2-cwe-event-formats.html
"""

from __future__ import annotations

from chalicelib.alerts.console import page
from chalicelib.alerts.report import Report, Unreadable, tags_of
from chalicelib.alerts.signal import Signal
from chalicelib.alerts.sources.findings import worded

ONE = "detail.findings.0"
OVER = {"RESOLVED", "SUPPRESSED", "ARCHIVED", "DELETED"}


def finding(report: Report) -> Signal:
    """Return what a finding in Security Hub's own format says; raises Unreadable."""
    id_, title = report.said(f"{ONE}.Id"), report.said(f"{ONE}.Title")
    words = {report.maybe(f"{ONE}.{path}").upper() for path in ("Workflow.Status", "RecordState")}
    passed = report.maybe(f"{ONE}.Compliance.Status").upper() in ("PASSED", "NOT_AVAILABLE")
    control = report.maybe(f"{ONE}.Compliance.SecurityControlId", f"{ONE}.GeneratorId")
    resource, region = report.maybe(f"{ONE}.Resources.0.Id"), report.maybe(f"{ONE}.Region") or report.region
    return report.signal(
        "securityhub",
        (id_,),
        state="resolved" if passed or words & OVER else "firing",
        severity=worded(report.said(f"{ONE}.Severity.Label")),
        name=control or title,
        title=title,
        lines=(report.maybe(f"{ONE}.Description"), report.maybe(f"{ONE}.Remediation.Recommendation.Text")),
        facts=(
            ("Control", control),
            ("From", report.maybe(f"{ONE}.ProductName")),
            ("Compliance", report.maybe(f"{ONE}.Compliance.Status")),
            ("More", _more(report)),
        ),
        since=report.time(f"{ONE}.FirstObservedAt", f"{ONE}.CreatedAt"),
        account=report.maybe(f"{ONE}.AwsAccountId"),
        region=region,
        resource=resource,
        tags=tags_of(report.get(f"{ONE}.Resources.0.Tags")),
        links=(
            ("Findings", page(region, "/securityhub/home?region={region}#/findings")),
            ("Remediation", _https(report.maybe(f"{ONE}.Remediation.Recommendation.Url"))),
        ),
    )


def ocsf(report: Report) -> Signal:
    """Return what a finding in OCSF says; raises Unreadable."""
    id_ = report.maybe(f"{ONE}.finding_info.uid", f"{ONE}.metadata.uid")
    if not id_:
        raise Unreadable(f"{ONE}.finding_info.uid is missing")
    region = report.maybe(f"{ONE}.cloud.region") or report.region
    return report.signal(
        "securityhub",
        (id_,),
        state="resolved" if report.maybe(f"{ONE}.status").upper() in OVER else "firing",
        severity=worded({"Fatal": "Critical"}.get(word := report.said(f"{ONE}.severity"), word)),
        name=report.maybe(f"{ONE}.compliance.control", f"{ONE}.finding_info.types.0") or id_,
        title=report.said(f"{ONE}.finding_info.title"),
        lines=(report.maybe(f"{ONE}.finding_info.desc"), report.maybe(f"{ONE}.remediation.desc")),
        facts=(
            ("From", report.maybe(f"{ONE}.metadata.product.name")),
            ("Kind", report.maybe(f"{ONE}.class_name")),
            ("Status", report.maybe(f"{ONE}.status")),
            ("More", _more(report)),
        ),
        since=report.time(f"{ONE}.finding_info.first_seen_time", f"{ONE}.finding_info.created_time"),
        account=report.maybe(f"{ONE}.cloud.account.uid"),
        region=region,
        resource=report.maybe(f"{ONE}.resources.0.uid"),
        tags=tags_of(report.get(f"{ONE}.resources.0.tags")),
        links=(("Findings", page(region, "/securityhub/v2/home?region={region}#/findings")),),
    )


def _more(report: Report) -> str:
    more = len(report.items("detail.findings")) - 1
    return f"{more} further findings in the same event" if more > 0 else ""


def _https(address: str) -> str:
    return address if address.startswith("https://") else ""
