"""Cost Anomaly Detection, which writes JSON to SNS for individual alerts.

An anomaly is told, again when AWS knows more about it: told. Severity: `high` from an impact of 100 in the bill's
currency that at least doubles what was expected, otherwise `medium`.

https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.alerts.report import Report, Unreadable, plain
from chalicelib.alerts.signal import Signal
from chalicelib.costs.words import money

CAUSES = 5


def detected(report: Report) -> Signal:
    """Return what a cost anomaly is about; raises Unreadable."""
    id_, impact = report.said("anomalyId"), report.number("impact.totalImpact")
    if impact is None:
        raise Unreadable("impact.totalImpact is missing")
    # It names no currency: dollars everywhere but in China.
    unit = "CNY" if report.maybe("monitorArn").startswith("arn:aws-cn:") else "USD"
    percent = report.number("impact.totalImpactPercentage") or 0.0
    causes = [_cause(one) for one in report.items("rootCauses")[:CAUSES] if isinstance(one, Mapping)]
    what = report.maybe("dimensionalValue", "dimensionValue", "rootCauses.0.service") or "costs"
    link = report.maybe("anomalyDetailsLink")
    return report.signal(
        "anomaly",
        (id_,),
        state="told",
        severity="high" if impact >= 100 and percent >= 100 else "medium",
        name=report.maybe("monitorName") or what,
        title=f"{what} costs {money(impact, unit)} more than expected" + (f" ({percent:,.0f} %)" if percent else ""),
        lines=(f"Where from: {'; '.join(one for one in causes if one)}" if any(causes) else "",),
        facts=(
            ("Spent", _amount(report.number("impact.totalActualSpend"), unit)),
            ("Expected", _amount(report.number("impact.totalExpectedSpend"), unit)),
            ("From", report.maybe("anomalyStartDate")[:10]),
            ("To", report.maybe("anomalyEndDate")[:10]),
        ),
        since=report.time("anomalyStartDate"),
        account=report.maybe("rootCauses.0.linkedAccount", "accountId"),
        resource=report.maybe("monitorArn"),
        links=(("Anomaly", link if link.startswith("https://") else ""),),
    )


def _cause(one: Mapping[str, object]) -> str:
    parts = (plain(one.get(key)) for key in ("service", "usageType", "region", "linkedAccountName"))
    return ", ".join(part for part in parts if part)


def _amount(number: float | None, unit: str) -> str:
    return "" if number is None else money(number, unit)
