"""What may stay as it is, by whom and until when: what findings were permitted, and what waivers cover."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from chalicelib.journal import Journal, place
from chalicelib.model import Exemption, Finding, Scope, Waiver


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission as people read it: a waiver, which `covers` so many findings now, or what a finding was permitted.

    `about` is the finding or the waiver itself; `since` is when it was given.
    """

    kind: str
    id: str
    what: str
    scope: Scope
    since: float
    until: float
    who: str
    why: str
    covers: int
    about: Finding | Waiver


def permissions(journal: Journal, now: float) -> list[Permission]:
    """Return everything that is permitted now, soonest end first; raises AwsError."""
    left = [one for status in ("exempted", "undone") for one in journal.by_status(status) if (one.due or 0.0) > now]
    heads = journal.look([place(one.violation) for one in left], ()).heads
    covers: Counter[str] = Counter()
    found = []
    for one in left:
        head, part = heads[place(one.violation)], one.violation.part
        entry, permission = head.entries.get(part), head.exemption(part, now, one.event_id)
        if entry is None or entry.finding != one.id:
            # It was permitted in an earlier episode.
            continue
        covers[entry.waiver] += 1
        if permission:
            found.append(_left(one, permission))
    found += [_waived(one, covers[one.id]) for one in journal.waivers() if one.until > now]
    return sorted(found, key=lambda one: one.until)


def _waived(waiver: Waiver, covers: int) -> Permission:
    return Permission(
        "waiver", waiver.id, str(waiver.scope), waiver.scope, waiver.at, waiver.until, waiver.who, waiver.why, covers,
        waiver,
    )  # fmt: skip


def _left(finding: Finding, permission: Exemption) -> Permission:
    at, since = finding.violation, finding.history[-1].at
    scope = Scope(at.guardrail, "", at.account, at.region, at.resource, at.part)
    until, who, why = permission.until, permission.who, permission.why
    return Permission(finding.status, finding.id, finding.why, scope, since, until, who, why, 1, finding)
