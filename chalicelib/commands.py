"""What people ask for: recorded and emitted by whoever asks, carried out by the function that owns the service.

A pause, a resume and a waiver are done at once by whoever records them: they only keep Parapet from acting.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chalicelib import people, records, registry
from chalicelib import scope as scopes
from chalicelib.decision import EVERY_PART, Entry, Head
from chalicelib.journal import Conflict, Journal, place
from chalicelib.model import (
    ACTING,
    DAY,
    EVERYTHING,
    Asker,
    Aws,
    AwsError,
    BadEvent,
    Busy,
    Command,
    CommandKind,
    Exemption,
    Finding,
    ParapetError,
    Pause,
    Scope,
    Status,
    Step,
    Waiver,
)
from chalicelib.notices import compose
from chalicelib.pipeline import Pipeline
from chalicelib.registry import Guardrail
from chalicelib.remediation import LATER, LEASE, US, reason, run, same
from chalicelib.section import LONGEST, meant
from chalicelib.settings import Settings

SOURCE = "parapet"
COMMAND, SWEEP, LOOK_AGAIN = "Parapet Command", "Parapet Sweep", "Parapet Look Again"


def emit(aws: Aws, kind: str, details: list[dict[str, Any]]) -> None:
    """Put events of ours on the bus, ten a call; raises AwsError, also when EventBridge refuses one."""
    for start in range(0, len(details), 10):
        entries = [
            {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail)}
            for detail in details[start : start + 10]
        ]
        answer = aws("events", "put_events", Entries=entries)
        for entry in answer.get("Entries", []):
            if entry.get("ErrorCode"):
                raise AwsError("events:PutEvents", entry["ErrorCode"], entry.get("ErrorMessage", ""))


# Asked again when nobody has answered for so long: the event may have been lost before it was sent.
OVERDUE, LOST_FOR = 60.0, 7 * DAY
# All waivers are one item, which must not outgrow what an item holds; commands and the evidence keep them.
LONG_OVER = 90 * DAY
# So many fit into an item with room to spare.
MOST_WAIVERS = 300
LONGEST_WHY = 500
# As many looks as can be asked for before Slack waits no longer; the timer asks for the rest.
AT_ONCE = 50


def new(
    kind: CommandKind,
    asker: Asker,
    at: float,
    settings: Settings,
    *,
    finding: Finding | None = None,
    why: str = "",
    until: float = 0.0,
    scope: Scope = EVERYTHING,
    question: int | None = None,
    break_glass: bool = False,
    reply_to: str = "",
    id: str = "",  # noqa: A002
) -> Command:
    """Return a command, not yet asked; raises ParapetError naming what about it cannot be.

    Args:
        kind: what is asked for.
        asker: by whom.
        at: when.
        settings: how long a command counts, and what an exemption may name.
        finding: what it is about; None for a pause, a resume, a waiver.
        why: the reason.
        until: when the permission or pause ends (epoch seconds); 0 where there is no end.
        scope: what a pause, a resume or a waiver is about.
        question: which of the finding's questions this answers; None: the latest.
        break_glass: whether to insist on deciding about one's own change.
        reply_to: where Slack wants the outcome.
        id: 16 hexadecimal digits by which a repeat is known; empty: a new command in any case.
    """
    why = " ".join(why.split())
    if len(why) > LONGEST_WHY:
        raise ParapetError(f"the reason is longer than {LONGEST_WHY} letters: keep it to what others need to know")
    if id and not re.fullmatch("[0-9a-f]{16}", id):
        raise ParapetError(f"{id!r} is not a command's id: 16 hexadecimal digits are")
    if kind in ("undo", "exempt") and until <= at:
        raise ParapetError("the end of the permission is in the past")
    if kind in ("undo", "exempt") and until > at + LONGEST:
        raise ParapetError(f"a permission ends within {LONGEST / DAY:.0f} days; it can be prolonged")
    if kind == "pause" and until and until <= at:
        raise ParapetError("the end of the pause is in the past")
    if break_glass and not why:
        raise ParapetError("who breaks the glass must say why")
    if finding is None:
        _checked(kind, scope, settings)
        _somebody_elses(kind, asker, scope, settings)
    service = registry.service_of(finding.violation.guardrail) if finding else ""
    return Command(
        id or secrets.token_hex(8), kind, finding.id if finding else "", service, asker.who, why, at, until,
        by=asker.by, via=asker.via, expires=at + settings.control.expire_after, question=question,
        break_glass=break_glass, reply_to=reply_to, scope=scope,
    )  # fmt: skip


def _checked(kind: CommandKind, about: Scope, settings: Settings) -> None:
    given = records.scope_record(about)
    if kind not in ("pause", "resume", "exempt"):
        raise ParapetError(f"{kind} is about a finding: name it")
    if kind != "exempt" and given.keys() - set(scopes.PAUSED_BY):
        raise ParapetError(f"a pause can be for a {', '.join(scopes.PAUSED_BY)}, or all of them; not for {about}")
    if kind == "exempt" and not given.keys() & set(scopes.NARROW):
        raise ParapetError(
            f"an exemption of {about} would switch Parapet off there: name a {', '.join(scopes.NARROW)} (or pause)"
        )
    if about.tag and not settings.exempting.by_tag:
        raise ParapetError(
            "exemptions by tag are off, since whoever opens the door could also tag it: "
            "exemptions.by_tag = true in parapet.toml allows them"
        )
    if about.tag.startswith("="):
        raise ParapetError(f"tag: {about.tag!r} names no key: honeypot or honeypot=yes would")
    for name, known in (("guardrail", registry.names()), ("service", registry.services())):
        value = given.get(name, "")
        if value and value not in known:
            raise ParapetError(f"{name}: there is no {value!r}{meant(value, known)}")
    if about.account and not re.fullmatch(r"\d{12}", about.account):
        raise ParapetError(f"account: {about.account!r} is not an account's number of 12 digits")
    if about.region and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d|global", about.region):
        raise ParapetError(f"region: {about.region!r} is not a region such as eu-west-1, nor global")
    if about.principal and (sorry := scopes.too_wide(about.principal)):
        raise ParapetError(f"principal: {about.principal!r} will not do: {sorry}")
    if "*" in about.resource and not about.guardrail:
        raise ParapetError(f"resource: {about.resource!r} may be anything: with * it needs a guardrail")
    _possible(about)


def _possible(about: Scope) -> None:
    """Refuse what no finding can be, so that nobody relies on it; raises ParapetError."""
    if about.guardrail and about.service not in ("", registry.service_of(about.guardrail)):
        raise ParapetError(f"{about.guardrail} is not a guardrail of {about.service}: leave the service out")
    if not (about.region and (about.guardrail or about.service)):
        return
    rails = [registry.get(about.guardrail)] if about.guardrail else registry.of(about.service)
    if not any(rail.everywhere == (about.region == "global") for rail in rails):
        mend = "say global, or leave the region out" if about.region != "global" else "leave the region out"
        raise ParapetError(f"region: nothing of {about.guardrail or about.service} is in {about.region}: {mend}")


def _somebody_elses(kind: CommandKind, asker: Asker, about: Scope, settings: Settings) -> None:
    """Under four eyes a waiver covers only what others make: refuse one of which nobody can tell; raises ParapetError.

    Of a change whose maker is nobody under [people] it would be taken to be their own.
    """
    if kind != "exempt" or not settings.control.four_eyes:
        return
    known = {one for person in settings.people for one in person.aws}
    if people.of(settings.people, asker.by) is None:
        raise ParapetError(
            f"{asker.by} is nobody under [people] in parapet.toml: under four eyes exemptions are for those"
        )
    if about.principal and about.principal not in known and people.of(settings.people, about.principal) is None:
        raise ParapetError(
            f"principal: {about.principal} is nobody's under [people] in parapet.toml, and so counts as one's own "
            "under four eyes: name it there first"
        )


def ask(journal: Journal, aws: Aws, command: Command) -> Command:
    """Record a command about a finding and emit the event that names it; under the same id, asking twice is once.

    Returns it as it is recorded, to be watched until it is answered. Raises Conflict when the id is another
    command's, AwsError.
    """
    command = _recorded(journal, command, lambda: journal.ask(command))
    if command.status == "asked":
        emit(aws, COMMAND, [_named(command)])
    return command


def _named(command: Command) -> dict[str, str]:
    return {"service": command.service, "command": command.id}


def _recorded(journal: Journal, command: Command, record: Callable[[], None]) -> Command:
    """Record a command, or return it as it was recorded before under its id; raises Conflict when that is another."""
    try:
        record()
    except Conflict:
        there = journal.command(command.id)
        if there is None or not _repeats(there, command):
            raise
        return there
    return command


def _repeats(one: Command, other: Command) -> bool:
    """Whether two commands ask for the same: until the same time, or for as long."""
    fields = ("kind", "finding", "scope", "by", "why", "question", "break_glass")
    same_end = one.until == other.until or abs((one.until - one.at) - (other.until - other.at)) < 1
    return same_end and all(getattr(one, name) == getattr(other, name) for name in fields)


def pause(journal: Journal, command: Command) -> Pause:
    """Stop fixing what a command's scope covers, at once; raises Conflict, AwsError."""
    switch = Pause(command.who, command.why, command.at, command.until or None, command.scope)
    done = replace(command, status="done", answer="paused")
    asked = _recorded(journal, command, lambda: journal.set_pause(switch, done))
    # Asked again, it is as it was asked for first.
    return replace(switch, who=asked.who, why=asked.why, at=asked.at, until=asked.until or None)


def resume(journal: Journal, aws: Aws, command: Command) -> list[Finding]:
    """Lift the pause of exactly a command's scope, and have what nothing else holds looked at again; returns that."""
    done = replace(command, status="done", answer="resumed")
    _recorded(journal, command, lambda: journal.lift_pause(command.scope, done))
    held = released(journal, command.at)
    look_again(aws, held[:AT_ONCE])
    return held


def waive(journal: Journal, command: Command) -> Waiver:
    """Exempt what a command's scope covers, at once; the waiver has the command's id. Raises Conflict, AwsError."""
    waiver = Waiver(command.id, command.scope, command.until, command.who, command.why, command.at, command.by)
    done = replace(command, status="done", answer="exempted")
    there = journal.waivers()
    over = [one.id for one in there if one.until < command.at - LONG_OVER]
    if len(there) - len(over) >= MOST_WAIVERS:
        raise ParapetError(f"there are {MOST_WAIVERS} exemptions of scopes already: end some (./parapet exemptions)")
    asked = _recorded(journal, command, lambda: journal.waive(waiver, done, over))
    return replace(waiver, until=asked.until, why=asked.why, at=asked.at)


def end_waiver(journal: Journal, aws: Aws, command: Command, waiver: str) -> Waiver:
    """End a waiver at once and have what it let stand looked at again; raises ParapetError when there is none."""
    ended = next((one for one in journal.waivers() if one.id == waiver), None)
    if ended is None:
        raise ParapetError(f"there is no waiver {waiver!r}: `./parapet exemptions` lists them")
    done = replace(command, scope=ended.scope, status="done", answer=f"ended waiver {waiver}")
    journal.end_waiver(waiver, done)
    look_again(aws, [one for one in journal.by_status("exempted") if one.waiver == waiver])
    return ended


def look_again(aws: Aws, findings: Sequence[Finding]) -> None:
    """Have what some findings are about looked at again by the functions that own it; raises AwsError."""
    details = [
        {"service": registry.service_of(finding.violation.guardrail), "finding": finding.id} for finding in findings
    ]
    emit(aws, LOOK_AGAIN, details)


def released(journal: Journal, now: float) -> list[Finding]:
    """Return the findings that a pause held and that none holds any longer, however the pause was lifted."""
    pauses = journal.pauses()
    return [
        finding
        for finding in journal.by_status("held")
        # What cannot be changed yet is due soon anyway, and a version without its guardrail cannot look.
        if finding.violation.guardrail in registry.names()
        and (finding.due is None or finding.due > now + LATER)
        and scopes.paused(pauses, finding.violation, now) is None
    ]


def unwaived(journal: Journal, now: float) -> list[Finding]:
    """Return the findings that stand under a waiver which has been ended, and at which nobody has looked since."""
    there = {one.id for one in journal.waivers()}
    return [
        one
        for one in journal.by_status("exempted")
        if one.waiver and one.waiver not in there and one.due and one.due > now
        and one.violation.guardrail in registry.names()
    ]  # fmt: skip


def take_up(journal: Journal, aws: Aws, settings: Settings, now: float) -> None:
    """Emit what is owed: commands that nobody has answered, findings that are due or no longer held.

    Raises the first problem once all is tried.
    """
    problems: list[ParapetError] = []
    owed: tuple[Callable[[], None], ...] = (
        lambda: emit(aws, COMMAND, _lost(journal, settings, now)),
        lambda: look_again(aws, journal.due(now)),
        lambda: look_again(aws, released(journal, now)),
    )
    for send in owed:
        try:
            send()
        except ParapetError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]


def _lost(journal: Journal, settings: Settings, now: float) -> list[dict[str, Any]]:
    # Also once they are void, so that whoever asked is told; once an hour after an outage that lasted until then.
    void = settings.control.expire_after
    back = LOST_FOR if int(now // OVERDUE) % 60 == 0 else void + 3 * OVERDUE
    lost = journal.unanswered(now - back, now - OVERDUE)
    return [_named(one) for one in lost if _turn(now - one.at) or now - one.at > void]


def _turn(age: float) -> bool:
    """Whether it is time to try a command again, once a minute asked: after 1, 2, 4, 8 … minutes."""
    minutes = int(age // OVERDUE)
    return minutes & (minutes - 1) == 0


class Refused(ParapetError):
    """A command that will not be carried out; the text is what the person is told."""


class OwnChange(Refused):
    """A decision about one's own change, where four eyes are wanted; who insists must break the glass."""


class Halted(Refused):
    """An undo that cannot come to its end."""


class Changed(Refused):
    """A fix that is no longer what is needed; what stands now is looked at anew."""


def carry_out(pipeline: Pipeline, command_id: str, request: str) -> None:
    """Do what a recorded command asks for, once; raises BadEvent, Busy or AwsError, and may be called again."""
    act = pipeline.remediation
    command = act.journal.command(command_id)
    if command is None:
        raise BadEvent(f"there is no command {command_id}: only what is recorded in the journal is carried out")
    finding = act.journal.get(command.finding) if command.finding else None
    if finding is None:
        raise BadEvent(f"command {command_id} is about finding {command.finding or 'none'}, which does not exist")
    refused, insists = None, _insists(pipeline, command, finding)
    command = replace(command, break_glass=insists)
    if command.status == "asked":
        try:
            finding = _done(pipeline, _rail(pipeline, finding), command, finding, request)
        except Refused as refusal:
            refused, command = refusal, replace(command, status="refused", answer=str(refusal))
            finding = _refused(pipeline, command, finding, begun=isinstance(refusal, Halted))
        else:
            command = replace(act.journal.command(command_id) or command, break_glass=insists)
    act.tell(finding, compose.answer(finding, command, loud=insists))
    if isinstance(refused, Changed):
        pipeline.look_again(finding.id, request)


def _insists(pipeline: Pipeline, command: Command, finding: Finding) -> bool:
    """Whether somebody decides about their own change all the same; to say so where nobody minds means nothing."""
    settings = pipeline.settings
    own = settings.control.four_eyes and people.own_change(settings.people, command.by, finding.actor)
    return command.break_glass and command.kind in _FOUR_EYES and bool(own)


def _rail(pipeline: Pipeline, finding: Finding) -> Guardrail:
    name = finding.violation.guardrail
    if name not in registry.names():
        raise Refused(f"{name} is no guardrail of this version")
    return pipeline.rail(name)


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
_FOUR_EYES: frozenset[CommandKind] = frozenset({"undo", "approve", "reject", "exempt"})


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
    guarded = settings.control.four_eyes and kind in _FOUR_EYES and not (begun or command.break_glass)
    if guarded and (own := people.own_change(settings.people, command.by, finding.actor)):
        raise OwnChange(f"somebody else must decide about {finding.id} (commands.four_eyes): {own}")
    return entry


def _by_whom(finding: Finding) -> str:
    last = finding.history[-1]
    return f" by {last.by}" if last.by != US else ""


def _done(pipeline: Pipeline, rail: Guardrail, command: Command, finding: Finding, request: str) -> Finding:
    head = pipeline.journal.head(place(finding.violation))
    entry = admitted(command, finding, head, pipeline.settings, pipeline.now())
    if command.kind == "approve":
        return _approve(pipeline, rail, command, finding, entry, head, request)
    if command.kind == "undo":
        return _undo(pipeline, rail, command, finding, entry, _permission(head, command, finding), request)
    if command.kind == "exempt":
        return _exempt(pipeline, command, finding, entry, _permission(head, command, finding))
    if command.kind == "reject":
        return _answered(pipeline, command, finding, entry, "rejected")
    return _answered(pipeline, command, replace(finding, acknowledged=command.who), entry, finding.status)


def _answered(pipeline: Pipeline, command: Command, finding: Finding, entry: Entry, status: Status) -> Finding:
    """Move a finding to what was decided, with the resource left as it is."""
    now = pipeline.now()
    before = replace(finding, acknowledged="") if command.kind == "acknowledge" else finding
    rejected = command.kind == "reject"
    note = reason(command) if rejected else f"acknowledged{f': {command.why}' if command.why else ''}"
    after = _moved(finding, command, status, now, note=note, due=None if rejected else finding.due)
    answer = "rejected" if rejected else "acknowledged"
    kept = replace(entry, status=status, at=now if rejected else entry.at)
    return pipeline.journal.move(before, after, entry, kept, command=replace(command, status="done", answer=answer))


def _approve(
    pipeline: Pipeline, rail: Guardrail, command: Command, finding: Finding, entry: Entry, head: Head, request: str
) -> Finding:
    act, journal, now = pipeline.remediation, pipeline.journal, pipeline.now()
    begun = entry.approved == command.id
    if begun and finding.status == "fixed":
        journal.answer(replace(command, status="done", answer="fixed"))
        return finding
    if finding.status == "fixing" and entry.request != request and entry.lease > now:
        raise Busy(f"finding {finding.id} is being fixed")
    mode = pipeline.settings.mode(rail, finding.origin)
    if mode not in ACTING:
        raise Refused(f"{rail.name} may not fix anything: its mode is {mode}")
    whole = head.exemptions.get(EVERY_PART)
    if whole and whole.until > now:
        raise Refused(f"{whole.who} has permitted all of this resource until {compose.moment(whole.until)}")
    target = pipeline.target(rail, finding)
    in_force = pipeline.in_force(journal.waivers())
    if waiver := pipeline.waived(target, finding.violation, in_force, finding.actor):
        raise Refused(f"waiver {waiver.id} of {waiver.who} covers it: end that first")
    remedy = target.remedy(entry.part)
    if not begun:
        view = rail.current(target.state, entry.part) if target.exists else None
        found = same(remedy.before if remedy else view, finding.before) and (remedy is not None or rail.event_born)
        half = remedy is None and finding.status == "failed" and len(finding.fix) > 1 and not same(view, finding.after)
        if not target.exists or not (found or half):
            raise Changed(f"{finding.violation.resource} has changed since this was found: it is looked at anew")
    act.approve(target, finding, entry, command, request)
    return act.known(entry)


def _permission(head: Head, command: Command, finding: Finding) -> Exemption:
    """Return the permission that a command leaves: that of an undo is no shorter than what is there already."""
    part = finding.violation.part
    there = head.exemptions.get(part)
    wanted = Exemption(part, command.until, command.who, command.why)
    return there if command.kind == "undo" and there and there.until > wanted.until else wanted


def _moved(
    finding: Finding, command: Command, status: Status, at: float, *, note: str = "", due: float | None = None
) -> Finding:
    step = Step(status, at, command.who, note or reason(command))
    return replace(finding, status=status, history=(*finding.history, step), due=due, waiver="")


def _exempt(pipeline: Pipeline, command: Command, finding: Finding, entry: Entry, permission: Exemption) -> Finding:
    now = pipeline.now()
    return pipeline.journal.move(
        finding,
        _moved(finding, command, "exempted", now, due=permission.until),
        entry,
        replace(entry, status="exempted", lease=0.0, at=now, approved="", waiver=""),
        exemption=permission,
        command=replace(command, status="done", answer="exempted"),
    )


def _undo(
    pipeline: Pipeline,
    rail: Guardrail,
    command: Command,
    finding: Finding,
    entry: Entry,
    permission: Exemption,
    request: str,
) -> Finding:
    act = pipeline.remediation
    resumed = finding.status == "undoing"
    if resumed and entry.request != request and entry.lease > pipeline.now():
        raise Busy(f"finding {finding.id} is being undone")
    exists, view = act.view(rail, finding)
    _undrifted(finding, exists, view, resumed=resumed)
    now = pipeline.now()
    taken = replace(entry, status="undoing", request=request, lease=now + LEASE, at=now, approved="")
    # Due already now: should this never come to its end, the permission's end is when it is looked at again.
    begun = finding if resumed else _moved(finding, command, "undoing", now, due=permission.until)
    begun = act.journal.move(finding, begun, entry, taken, exemption=permission)
    problem = None if same(view, finding.before) else run(act.account_of(finding), finding.undo, tolerant=resumed)
    if problem and not act.reached(rail, finding, finding.before):
        if problem.transient:
            raise problem
        gone = problem.code in rail.gone
        raise Halted(f"{finding.violation.resource} is gone" if gone else f"the undo failed: {problem}")
    now = pipeline.now()
    return act.journal.move(
        begun,
        _moved(begun, command, "undone", now, due=permission.until),
        taken,
        replace(taken, status="undone", lease=0.0, at=now),
        command=replace(command, status="done", answer="undone"),
    )


def _undrifted(finding: Finding, exists: bool, view: Any, *, resumed: bool) -> None:
    if not exists:
        raise Halted(f"{finding.violation.resource} is gone")
    if same(view, finding.after) or (resumed and (len(finding.undo) > 1 or same(view, finding.before))):
        return
    if same(view, finding.before):
        raise Halted("it is already as it was before the fix")
    raise Halted(
        f"{finding.violation.resource} has changed since the fix, and undoing would overwrite that. "
        f"After the fix: {_short(finding.after)}. Now: {_short(view)}."
    )


def _refused(pipeline: Pipeline, command: Command, finding: Finding, *, begun: bool) -> Finding:
    """Record a refusal; an undo that had begun goes back to `fixed`, and what it permitted is lifted again."""
    journal = pipeline.journal
    fresh = journal.get(finding.id) or finding
    if not begun or fresh.status != "undoing":
        journal.answer(command)
        return fresh
    now, head = pipeline.now(), journal.head(place(fresh.violation))
    entry = head.entries[fresh.violation.part]
    ours = head.exemptions.get(entry.part)
    lift = ours is not None and (ours.who, ours.until) == (command.who, command.until)
    return journal.move(
        fresh,
        _moved(fresh, command, "fixed", now, note=command.answer),
        entry,
        replace(entry, status="fixed", lease=0.0, at=now),
        lift=lift,
        command=command,
    )


def _short(value: Any) -> str:
    return compose.clip(json.dumps(value, sort_keys=True))
