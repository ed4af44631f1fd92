"""What Parapet itself put right around then: a fix may break what relied on what was wrong."""

from __future__ import annotations

from chalicelib import pages
from chalicelib.explain.gathering import Look
from chalicelib.explain.model import Fixed
from chalicelib.explain.subject import AFTER, Desk, Subject, concerns
from chalicelib.explain.suspects import BEFORE, LATE
from chalicelib.model import DAY, Finding
from chalicelib.times import iso

LIMIT = 100
# A finding may have waited for its approval.
WAITED = DAY


def look(desk: Desk, subject: Subject) -> Look[tuple[Fixed, ...]]:
    """Return what was put right, the latest first; raises AwsError."""
    wanted = pages.Wanted(subject.at - BEFORE - WAITED, subject.at + LATE)
    page = pages.read(desk.reach(""), desk.table, wanted, LIMIT)
    found = [
        _fixed(one, one.fixed_at, subject)
        for one in page.findings
        if one.fixed_at is not None and subject.at - BEFORE <= one.fixed_at <= subject.end
    ]
    found.sort(key=lambda one: -one.at)
    if not page.findings:
        began = desk.ledger().began()
        if (began or subject.now - AFTER) > subject.end:
            since = f"only since {iso(began)}" if began else "not yet"
            reason = f"the ledger, which tells since when Parapet is here, is there {since}"
            return Look((), "nothing is known of what Parapet did", calls=2, status="no_data", reason=reason)
    told = f"Parapet put {len(found)} thing{'s' if len(found) != 1 else ''} right" if found else "Parapet did nothing"
    data = [
        {"finding": one.finding, "guardrail": one.guardrail, "resource": one.resource, "why": one.why,
         "at": iso(one.at), "standing": one.standing}
        for one in found
    ]  # fmt: skip
    cut = page.after is not None
    return Look(
        tuple(found), told, data, ({"kind": "journal", "ref": iso(subject.at)},), 1,
        status="partial" if cut else "ok", reason="only the latest findings were read" if cut else "",
    )  # fmt: skip


def _fixed(finding: Finding, at: float, subject: Subject) -> Fixed:
    violation, service = finding.violation, subject.service
    whose = (service.name,) if service and concerns(service, violation.resource) else ()
    return Fixed(finding.id, violation.guardrail, violation.resource, finding.why, at, finding.status == "fixed", whose)
