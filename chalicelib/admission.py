"""Whether what somebody asks for about a finding may be: pure."""

from __future__ import annotations

from chalicelib import people
from chalicelib.decision import Entry, Head
from chalicelib.model import US, Command, CommandKind, Finding, ParapetError, Status
from chalicelib.notices import compose
from chalicelib.settings import Settings


class Refused(ParapetError):
    """A command that will not be carried out; the text is what the person is told."""


class OwnChange(Refused):
    """A decision about one's own change, where four eyes are wanted; who insists must break the glass."""


class Changed(Refused):
    """A fix that is no longer what is needed; what stands now is looked at anew."""


_STATUSES: dict[CommandKind, tuple[frozenset[Status], str]] = {
    "undo": (frozenset({"fixed", "undoing"}), "only what was fixed can be undone, and"),
    "approve": (
        frozenset({"asked", "held", "failed", "rejected", "undone", "exempted"}),
        "there is nothing to approve:",
    ),
    "reject": (frozenset({"asked"}), "there is no question to reject:"),
    "exempt": (
        frozenset({"observed", "asked", "held", "failed", "rejected", "undone", "exempted"}),
        "there is nothing standing to permit:",
    ),
    "acknowledge": (
        frozenset({"observed", "asked", "held", "failed", "rejected", "noted"}),
        "there is nothing to acknowledge:",
    ),
}
# Deciding so about one's own change would be to let oneself do it.
FOUR_EYES: frozenset[CommandKind] = frozenset({"undo", "approve", "reject", "exempt"})


def admitted(command: Command, finding: Finding, head: Head, settings: Settings, now: float) -> Entry:
    """Return the entry of a finding that a command may move; raises Refused when it may not.

    Args:
        command: what is asked for.
        finding: what it is about.
        head: of the finding's resource.
        settings: four eyes, who is who, and how long a question counts.
        now: epoch seconds.
    """
    entry, kind = head.entries.get(finding.violation.part), command.kind
    if kind not in _STATUSES:
        raise Refused(f"a {kind} is not about a finding")
    if entry is None or entry.finding != finding.id:
        newer = f": {entry.finding}" if entry else ""
        raise Refused(f"{finding.id} is not the latest finding of this violation{newer}")
    if kind == "approve" and entry.approved == command.id and finding.status in ("fixing", "held", "failed", "fixed"):
        return entry
    begun = kind == "undo" and finding.status == "undoing"
    statuses, sorry = _STATUSES[kind]
    if finding.status not in statuses:
        raise Refused(f"{sorry} {finding.id} is {finding.status}{_by_whom(finding)}")
    if kind == "undo" and not finding.undo:
        raise Refused(f"{finding.violation.guardrail} cannot take its fix back")
    if kind == "approve" and not finding.fix:
        raise Refused(f"{finding.violation.guardrail} has no fix: only a person can mend this")
    if kind == "acknowledge" and finding.acknowledged:
        raise Refused(f"{finding.acknowledged} has acknowledged {finding.id} already")
    if not begun and command.until and command.until <= now:
        raise Refused(f"this was asked for until {compose.moment(command.until)}, and that is over")
    if not begun and command.expires is not None and command.expires <= now:
        raise Refused(f"this was asked for at {compose.moment(command.at)} and not carried out in time: ask again")
    if kind == "approve" and finding.status != "asked" and finding.history[-1].at > command.at and _by_whom(finding):
        raise Refused(f"{finding.id} is {finding.status}{_by_whom(finding)}, who decided meanwhile")
    if kind in ("approve", "reject") and finding.status == "asked":
        if command.question is not None and command.question != finding.question:
            raise Refused(f"{finding.id} was asked about anew since: decide on the latest message")
        if entry.at + settings.control.approval <= now:
            raise Changed(f"the question was put at {compose.moment(entry.at)} and is void: it is asked anew")
    guarded = settings.control.four_eyes and kind in FOUR_EYES and not (begun or command.break_glass)
    if guarded and (own := people.own_change(settings.people, command.by, finding.actor)):
        raise OwnChange(f"somebody else must decide about {finding.id} (commands.four_eyes): {own}")
    return entry


def _by_whom(finding: Finding) -> str:
    last = finding.history[-1]
    return f" by {last.by}" if last.by != US else ""
