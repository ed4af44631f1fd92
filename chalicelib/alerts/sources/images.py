"""What scanning a container image has found: ECR's own scan, and Inspector's first one of an image.

Severity: `high` with critical findings, `medium` with high ones; a scan that fails is told as `low`. An image with
either fires; the next scan of that tag without them resolves.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report
from chalicelib.alerts.signal import Signal

DONE = ("COMPLETE", "INITIAL_SCAN_COMPLETE", "ACTIVE")
ORDER = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")


def scan(report: Report) -> Signal:
    """Return what a scan has found; raises Unreadable."""
    repository, status = (
        report.said("detail.repository-name").split(":repository/")[-1],
        report.said("detail.scan-status"),
    )
    digest = report.said("detail.image-digest")
    tag = report.maybe("detail.image-tags.0")
    given = report.get("detail.finding-severity-counts")
    counts = given if isinstance(given, Mapping) else {}
    critical, high = (report.number(f"detail.finding-severity-counts.{one}") or 0 for one in ORDER[:2])
    done = status in DONE
    image = f"{repository}:{tag}" if tag else f"{repository}@{digest}"
    found = ", ".join(f"{counts[one]:g} {one.lower()}" for one in ORDER if _counts(counts.get(one)))
    return report.signal(
        "ecr",
        (repository, tag or digest),
        state=("firing" if critical or high else "resolved") if done else "told",
        severity=("high" if critical else "medium") if done else "low",
        name=repository,
        title=f"{image}: {found or 'nothing found'}" if done else f"{image} could not be scanned: {status}",
        facts=(("Image", digest), ("Findings", found), ("Scan", status)),
        resource=report.resource or repository,
        links=(
            (
                "Image",
                page(
                    report.region,
                    f"/ecr/repositories/private/{report.account}/{quoted(repository)}/_/image/{quoted(digest)}/details"
                    "?region={region}",
                ),
            ),
        ),
    )


def _counts(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
