"""AWS Health: trouble of AWS's own, changes it announces, notes to the account, reports of abuse.

An issue or investigation fires while it is open and resolves when it is closed; anything else is told. Severity: an
abuse report `critical`; an issue `high` where it is about this account, `medium` where it is about everybody; a planned
change `medium`, `high` when AWS says that something must be done; a note `low`, `medium` when something must be done.
The copy that AWS sends to its backup region has the same id.

https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report, plain
from chalicelib.alerts.signal import Signal, State
from chalicelib.model import Severity

SHOWN = 10


def event(report: Report) -> Signal:
    """Return what AWS Health says; raises Unreadable."""
    arn, code = report.said("detail.eventArn"), report.said("detail.eventTypeCode")
    category, status = report.said("detail.eventTypeCategory"), report.maybe("detail.statusCode")
    account = report.maybe("detail.affectedAccount") or report.account
    region = report.maybe("detail.eventRegion") or report.region
    must = report.maybe("detail.actionability") == "ACTION_REQUIRED"
    abuse = report.maybe("detail-type") == "AWS Health Abuse Event"
    entities = [plain(one.get("entityValue")) for one in report.items("detail.affectedEntities") if _is(one)]
    message = report.maybe("detail.communicationId")
    state: State = "told"
    if category in ("issue", "investigation") and not abuse:
        state = "resolved" if status == "closed" else "firing"
    return report.signal(
        "health",
        (arn, account),
        id=f"{message}:{account}" if message else "",
        state=state,
        severity="critical" if abuse else _severity(category, must, report.maybe("detail.eventScopeCode")),
        name=code,
        title=f"AWS {report.maybe('detail.service')}: {_words(code, report.maybe('detail.service'))}",
        lines=(
            report.maybe("detail.eventDescription.0.latestDescription", "detail.eventDescription.latestDescription"),
            f"About {', '.join(entities[:SHOWN])}" + (f" and {len(entities) - SHOWN} more" if entities[SHOWN:] else "")
            if entities
            else "",
        ),
        facts=(
            ("Status", status),
            ("Starts", report.maybe("detail.startTime")),
            ("Ends", report.maybe("detail.endTime")),
            ("Page", _page(report)),
        ),
        since=report.time("detail.startTime"),
        account=account,
        region=region,
        resource=entities[0] if len(entities) == 1 else report.resource,
        links=(("AWS Health", page(report.region, f"/health/home#/event-log?eventID={quoted(arn)}")),),
    )


def _is(one: object) -> bool:
    return isinstance(one, Mapping) and bool(plain(one.get("entityValue")))


def _severity(category: str, must: bool, scope: str) -> Severity:
    if category in ("issue", "investigation"):
        return "medium" if scope == "PUBLIC" else "high"
    if category == "accountNotification":
        return "medium" if must else "low"
    return "high" if must else "medium"


def _words(code: str, service: str) -> str:
    return code.removeprefix("AWS_").removeprefix(f"{service}_").replace("_", " ").lower()


def _page(report: Report) -> str:
    pages = report.maybe("detail.totalPages")
    return f"{report.maybe('detail.page')} of {pages}" if pages not in ("", "1") else ""
