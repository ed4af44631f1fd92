"""What watches the account's configuration and calls: Config's rules, CloudTrail Insights.

Severity: both `medium`. A resource that does not comply fires until it does, or is gone; an unusual rate of calls or
errors fires from its start to its end.

https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html
"""

from __future__ import annotations

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report, plain, tail
from chalicelib.alerts.signal import Signal

NEW = "detail.newEvaluationResult"


def rule(report: Report) -> Signal:
    """Return what a rule of Config says about a resource; raises Unreadable."""
    name, resource = report.said("detail.configRuleName"), report.said("detail.resourceId")
    # Of a resource that is gone there is no new result.
    word = report.said(f"{NEW}.complianceType") if report.get(NEW) is not None else "NOT_APPLICABLE"
    kind, firing = report.maybe("detail.resourceType"), word == "NON_COMPLIANT"
    region = report.maybe("detail.awsRegion") or report.region
    return report.signal(
        "config",
        (name, kind, resource),
        state="firing" if firing else "resolved",
        severity="medium",
        name=name,
        title=f"{tail(kind) or 'Resource'} {resource} {'breaks' if firing else 'no longer breaks'} {name}",
        lines=(report.maybe(f"{NEW}.annotation"),),
        facts=(
            ("Kind", kind),
            ("Compliance", word),
            ("Was", report.maybe("detail.oldEvaluationResult.complianceType")),
        ),
        at=report.time(f"{NEW}.resultRecordedTime"),
        account=report.maybe("detail.awsAccountId"),
        region=region,
        resource=resource,
        links=(("Rule", page(region, f"/config/home?region={{region}}#/rules/details?configRuleName={quoted(name)}")),),
    )


def insight(report: Report) -> Signal:
    """Return what CloudTrail Insights calls unusual; raises Unreadable."""
    at = "detail.insightDetails"
    state, call, service = (report.said(f"{at}.{one}") for one in ("state", "eventName", "eventSource"))
    kind, error = report.maybe(f"{at}.insightType"), report.maybe(f"{at}.errorCode")
    usual, seen = (report.number(f"{at}.insightContext.statistics.{one}.average") for one in ("baseline", "insight"))
    what = f"{f'{error} errors' if error else 'errors'} of {call}" if "Error" in kind else f"calls of {call}"
    who = [
        plain(inner.get("value"))
        for one in report.items(f"{at}.insightContext.attributions")
        if isinstance(one, dict) and one.get("attribute") == "userIdentityArn" and isinstance(one.get("insight"), list)
        for inner in one["insight"][:5]
        if isinstance(inner, dict)
    ]
    return report.signal(
        "insights",
        (report.maybe("detail.sharedEventID") or f"{service} {call} {kind} {error}",),
        state="resolved" if state == "End" else "firing",
        severity="medium",
        name=call,
        title=f"Unusually many {what}" if state != "End" else f"No longer unusually many {what}",
        lines=(f"By {', '.join(who)}" if who else "",),
        facts=(
            ("Rate", f"{seen:g} a minute" if seen is not None else ""),
            ("Usual", f"{usual:g} a minute" if usual is not None else ""),
            ("Service", service),
        ),
        at=report.time("detail.eventTime"),
        account=report.maybe("detail.recipientAccountId"),
        region=report.maybe("detail.awsRegion"),
        links=(("Insights", page(report.region, "/cloudtrailv2/home?region={region}#/insights")),),
    )
