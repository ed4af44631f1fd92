"""What a guard function does about a command: decides on what stands now, acts, and answers, once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chalicelib import people, registry
from chalicelib.admission import FOUR_EYES, Changed, Refused, admitted
from chalicelib.decision import COMMAND, EVERY_PART, Entry, Head
from chalicelib.journal import place
from chalicelib.model import (
    ACTING,
    BadEvent,
    Busy,
    Command,
    Exemption,
    Finding,
    Status,
    Step,
)
from chalicelib.notices import compose
from chalicelib.pipeline import Pipeline
from chalicelib.registry import Guardrail
from chalicelib.remediation import LEASE, reason, run, same


class Halted(Refused):
    """An undo that cannot come to its end."""


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
        pipeline.look_again(finding.id, request, anew=True)


def _insists(pipeline: Pipeline, command: Command, finding: Finding) -> bool:
    """Whether somebody decides about their own change all the same; to say so where nobody minds means nothing."""
    settings = pipeline.settings
    own = settings.control.four_eyes and people.own_change(settings.people, command.by, finding.actor)
    return command.break_glass and command.kind in FOUR_EYES and bool(own)


def _rail(pipeline: Pipeline, finding: Finding) -> Guardrail:
    name = finding.violation.guardrail
    if name not in registry.names():
        raise Refused(f"{name} is no guardrail of this version")
    return pipeline.rail(name)


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
    decided = replace(entry, status=status, mover=f"{COMMAND}{command.id}", at=now)
    kept = decided if rejected else replace(entry, status=status)
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
    if not begun and target.cleared:
        raise Changed(f"alarm {target.alarm} does not fire any more, so that nothing is done")
    if not begun:
        view = rail.current(target.state, entry.part) if target.exists else None
        found = same(remedy.before if remedy else view, finding.before) and (remedy is not None or rail.event_born)
        # What is made is what was asked about.
        found = found and (remedy is None or same(remedy.after, finding.after))
        half = remedy is None and finding.status == "failed" and len(finding.fix) > 1 and not same(view, finding.after)
        if not target.exists or not (found or half):
            raise Changed(f"{finding.violation.resource} has changed since this was found: it is looked at anew")
    act.approve(target, finding, entry, command, request)
    return act.known(entry)


def _permission(head: Head, command: Command, finding: Finding) -> Exemption:
    """Return the permission that a command leaves: that of an undo is no shorter than what is there already."""
    part, undo = finding.violation.part, command.kind == "undo"
    there = head.exemptions.get(part)
    # Whoever wants a change back that was taken back says nothing about the next one.
    event = finding.event_id if undo and registry.get(finding.violation.guardrail).reverts else ""
    wanted = Exemption(part, command.until, command.who, command.why, event)
    return there if undo and there and there.until > wanted.until and there.event in ("", event) else wanted


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
        replace(entry, status="exempted", mover=f"{COMMAND}{command.id}", lease=0.0, at=now, approved="", waiver=""),
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
    taken = replace(
        entry, status="undoing", mover=f"{COMMAND}{command.id}", request=request, lease=now + LEASE, at=now, approved=""
    )
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
