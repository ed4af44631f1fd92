"""What Parapet has put right: the latest first, and which of it can be taken back."""

from __future__ import annotations

from typing import Any

from chalicelib import pages, times
from chalicelib.api import findings, params, schemas
from chalicelib.api.asked import Asked
from chalicelib.api.route import Answer, ours, route, table
from chalicelib.model import DAY, Finding

MOST = 20


@route(
    "GET",
    "/remediations",
    params.SINCE,
    params.LIMIT,
    params.AFTER,
    answers=schemas.paged("remediations", schemas.REMEDIATION),
)
def listed(asked: Asked) -> Answer:
    """List what was put right, the latest finding first; of the last day without `since`."""
    since = asked.time("since", times.since, asked.at - DAY)
    mark = findings.mark(asked)
    wanted = pages.Wanted(since, asked.at + pages.SKEW)
    limit, found = asked.count("limit", MOST, params.LIMIT.most), list[dict[str, Any]]()
    for _ in range(pages.READS):
        # Most findings may be of what nobody put right.
        page = pages.read(ours(), table(), wanted, limit - len(found), mark)
        found += [_shown(one) for one in page.findings if one.fixed_at is not None]
        mark = page.after
        if mark is None or len(found) == limit:
            break
    return Answer({"remediations": found, "after": str(mark) if mark else None})


def _shown(finding: Finding) -> dict[str, Any]:
    violation, actor = finding.violation, finding.actor
    return {
        "id": finding.id,
        "guardrail": violation.guardrail,
        "account": violation.account,
        "region": violation.region,
        "resource": violation.resource,
        "part": violation.part,
        "status": finding.status,
        "severity": finding.severity,
        "why": finding.why,
        "who": actor.who if actor else None,
        "at": times.iso(finding.fixed_at) if finding.fixed_at is not None else None,
        "undo": finding.status == "fixed" and bool(finding.undo),
    }
