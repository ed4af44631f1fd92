"""RDS, Aurora and ElastiCache: failures, failovers, storage that runs out.

They never say which event ends which: told. Severity: RDS's categories `failure` and `low storage` `high`, `failover`
`medium`, others `low`; ElastiCache's failures `high`, a limit that comes near `medium`, others `low`. Serverless caches
report to EventBridge; node-based ones to an SNS topic of the team's, which must not be encrypted.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-cloud-watch-events.html
https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-elasticache.html
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ElastiCacheSNS.html
"""

from __future__ import annotations

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report, Unreadable, plain, tags_of, tail
from chalicelib.alerts.signal import Signal
from chalicelib.model import Severity

CATEGORIES: tuple[tuple[str, Severity], ...] = (
    ("failure", "high"), ("low storage", "high"), ("failover", "medium"), ("global failover", "medium"),
)  # fmt: skip


def database(report: Report) -> Signal:
    """Return what RDS says; raises Unreadable."""
    message, name = report.said("detail.Message"), report.said("detail.SourceIdentifier").removeprefix("rds:")
    categories = [plain(one).lower() for one in report.items("detail.EventCategories")]
    event = report.maybe("detail.EventID")
    return report.signal(
        "rds",
        (name, event or message),
        state="told",
        severity=next((word for category, word in CATEGORIES if category in categories), "low"),
        name=name,
        title=f"{name}: {message}",
        facts=(
            ("Category", ", ".join(one for one in categories if one)),
            ("Event", event),
            ("Kind", report.maybe("detail.SourceType").replace("_", " ").lower()),
        ),
        at=report.time("detail.Date"),
        resource=report.maybe("detail.SourceArn") or report.resource,
        tags=tags_of(report.get("detail.Tags")),
        links=(
            ("Database", page(report.region, f"/rds/home?region={{region}}#database:id={quoted(name)}")),
            (
                "RDS's events",
                "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html",
            ),
        ),
    )


def cache(report: Report) -> Signal:
    """Return what a serverless cache says; raises Unreadable."""
    what = report.said("detail-type")
    arn = report.maybe("detail.SourceArn") or report.resource
    name = report.maybe("detail.SourceIdentifier") or tail(arn)
    if not name:
        raise Unreadable("detail.SourceIdentifier is missing")
    return _cache(report, what, name, report.maybe("detail.Message", "detail.message"), arn)


def told(report: Report) -> Signal:
    """Return what a node-based cache says over SNS (`{"ElastiCache:FailoverComplete": "cache"}`); raises Unreadable."""
    for key, value in report.content.items():
        if str(key).startswith("ElastiCache:") and plain(value):
            what = str(key).removeprefix("ElastiCache:")
            more = "; ".join(
                f"{other}: {plain(one)}" for other, one in report.content.items() if other != key and plain(one)
            )
            return _cache(report, what, plain(value), more, "")
    raise Unreadable("ElastiCache:… names no cache")


def _cache(report: Report, what: str, name: str, message: str, arn: str) -> Signal:
    severity: Severity = "high" if "fail" in what.lower() and "failover" not in what.lower() else "low"
    if "Limit" in what or "Failover" in what:
        severity = "medium"
    return report.signal(
        "elasticache",
        (name, what),
        state="told",
        severity=severity,
        name=name,
        title=f"{name}: {what}",
        lines=(message,),
        facts=(("Event", what),),
        resource=arn or name,
        links=(("Caches", page(report.region, "/elasticache/home?region={region}#/")),),
    )
