"""What was changed before, who and from where, as the ledger knows it; and what of it has been done before; pure."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.explain.gathering import Look
from chalicelib.explain.subject import Desk, Subject
from chalicelib.explain.suspects import AWS_AFTER, BEFORE, LATE
from chalicelib.ledger import touched
from chalicelib.ledger.book import KEPT
from chalicelib.ledger.model import Change
from chalicelib.model import DAY
from chalicelib.times import iso

# Of the account in the hours before, of the service in the day before.
MOST, SAME = 300, 200
SHOWN = 20


def look(desk: Desk, subject: Subject) -> Look[tuple[Change, ...]]:
    """Return the changes around a moment, the latest first; raises AwsError, and ParapetError without a ledger."""
    book, calls = desk.ledger(), 2
    until = min(subject.now, subject.end + AWS_AFTER)
    lately = book.between(subject.start - BEFORE, until, limit=MOST)
    before: tuple[Change, ...] = ()
    if subject.service:
        # What is done each day is nothing new.
        before = book.between(
            subject.at - DAY, subject.start - BEFORE, service=subject.service.name, limit=SAME
        ).changes
    began = book.began() if not (lately.changes or before) else 0.0
    found = tuple(_known(one, subject) for one in (*lately.changes, *before))
    writes = [one for one in found if one.writes and not one.error and subject.start <= one.at <= subject.end + LATE]
    reason = "there were so many that only the latest were read" if lately.after else ""
    if began is None or began > subject.at - BEFORE:
        since = f"only since {iso(began)}" if began else "nothing yet"
        reason = f"the ledger has {since}: it fills by itself from when it is deployed"
    elif subject.now - KEPT > subject.at - BEFORE:
        reason = f"the ledger keeps changes for {KEPT / DAY:.0f} days"
    many = len(writes)
    told = (
        f"{many} change{'s' if many != 1 else ''} in the hours before"
        if many
        else "no change is known"
        if reason
        else "nothing was changed"
    )
    return Look(
        found, told, [_told(one) for one in writes[:SHOWN]],
        ({"kind": "ledger", "ref": f"{iso(subject.start)} to {iso(until)}"},), calls,
        status="partial" if reason else "ok", reason=reason,
    )  # fmt: skip


def _known(change: Change, subject: Subject) -> Change:
    """Return a change with the subject's service, if it stands on what was touched: the settings may be newer."""
    service = subject.service
    if service is None or service.name in change.services or not touched.services(change.resources, [service]):
        return change
    return replace(change, services=(*change.services, service.name))


def _told(change: Change) -> dict[str, object]:
    return {
        "id": change.id, "at": iso(change.at), "action": change.action, "what": change.what, "who": change.actor,
        "role": change.role, "ip": change.ip, "tool": change.tool, "resources": list(change.resources),
        "services": list(change.services),
    }  # fmt: skip
