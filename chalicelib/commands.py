"""What people ask for: recorded and emitted by whoever asks, carried out by the function that owns the service."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chalicelib import registry
from chalicelib.decision import Entry, Head
from chalicelib.journal import Journal, place
from chalicelib.model import (
    Aws,
    AwsError,
    BadEvent,
    Busy,
    Command,
    CommandKind,
    Exemption,
    Finding,
    ParapetError,
    Status,
    Step,
)
from chalicelib.notices import compose
from chalicelib.pipeline import Pipeline
from chalicelib.registry import Guardrail
from chalicelib.remediation import LEASE, run, same

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


def ask(
    journal: Journal,
    aws: Aws,
    kind: CommandKind,
    finding: Finding,
    who: str,
    why: str,
    at: float,
    until: float,
) -> Command:
    """Record a command and emit the event that names it; returns it, to be watched until it is answered."""
    if until <= at:
        raise ParapetError("the end of the permission is in the past")
    service = registry.service_of(finding.violation.guardrail)
    command = Command(secrets.token_hex(8), kind, finding.id, service, who, why, at, until)
    journal.ask(command)
    emit(aws, COMMAND, [{"service": service, "command": command.id}])
    return command


def look_again(aws: Aws, findings: Sequence[Finding]) -> None:
    """Have what some findings are about looked at again by the functions that own it; raises AwsError."""
    details = [
        {"service": registry.service_of(finding.violation.guardrail), "finding": finding.id} for finding in findings
    ]
    emit(aws, LOOK_AGAIN, details)


def resume(journal: Journal, aws: Aws) -> list[Finding]:
    """Lift the pause and have what it held looked at again; returns what was held."""
    journal.set_pause(None)
    held = journal.by_status("held")
    look_again(aws, held)
    return held


class Refused(ParapetError):
    """A command that will not be carried out; the text is what the person is told."""


def carry_out(pipeline: Pipeline, command_id: str, request: str) -> None:
    """Do what a recorded command asks for, once; raises BadEvent, Busy or AwsError, and may be called again."""
    act = pipeline.remediation
    command = act.journal.command(command_id)
    if command is None:
        raise BadEvent(f"there is no command {command_id}: only what is recorded in the journal is carried out")
    finding = act.journal.get(command.finding)
    if finding is None:
        raise BadEvent(f"command {command_id} is about finding {command.finding}, which does not exist")
    rail = pipeline.rail(finding.violation.guardrail)
    if command.status == "asked":
        try:
            finding = _done(pipeline, rail, command, finding, request)
        except Refused as refusal:
            command = replace(command, status="refused", answer=str(refusal))
            finding = _refused(pipeline, command, finding)
    note = command.answer if command.status == "refused" else ""
    act.outbox.send(compose.of_finding(finding, note, command.id))


def admitted(kind: CommandKind, finding: Finding, head: Head) -> Entry:
    """Return the entry of a finding that a command may move; raises Refused when there is nothing to move."""
    entry = head.entries.get(finding.violation.part)
    if entry is None or entry.finding != finding.id:
        newer = f": {entry.finding}" if entry else ""
        raise Refused(f"{finding.id} is not the latest finding of this violation{newer}")
    if kind == "exempt" and finding.status not in ("observed", "asked", "held", "failed"):
        raise Refused(f"{finding.id} is {finding.status}: there is nothing standing to permit")
    if kind == "undo" and finding.status not in ("fixed", "undoing"):
        raise Refused(f"only what was fixed can be undone, and {finding.id} is {finding.status}")
    if kind == "undo" and not finding.undo:
        raise Refused(f"{finding.violation.guardrail} cannot take its fix back")
    return entry


def _done(pipeline: Pipeline, rail: Guardrail, command: Command, finding: Finding, request: str) -> Finding:
    head = pipeline.journal.head(place(finding.violation))
    entry, permission = admitted(command.kind, finding, head), _permission(head, command, finding)
    if command.until <= pipeline.now() and finding.status != "undoing":
        raise Refused(f"this was asked for until {compose.moment(command.until)}, and that is over")
    if command.kind == "exempt":
        return _exempt(pipeline, command, finding, entry, permission)
    return _undo(pipeline, rail, command, finding, entry, permission, request)


def _permission(head: Head, command: Command, finding: Finding) -> Exemption:
    """Return the permission that a command leaves: never a shorter one than is there already."""
    part = finding.violation.part
    there = head.exemptions.get(part)
    wanted = Exemption(part, command.until, command.who, command.why)
    return there if there and there.until > wanted.until else wanted


def _moved(
    finding: Finding, command: Command, status: Status, at: float, *, note: str = "", due: float | None = None
) -> Finding:
    step = Step(status, at, command.who, note or command.why)
    return replace(finding, status=status, history=(*finding.history, step), due=due)


def _exempt(pipeline: Pipeline, command: Command, finding: Finding, entry: Entry, permission: Exemption) -> Finding:
    now = pipeline.now()
    return pipeline.journal.move(
        finding,
        _moved(finding, command, "exempted", now, due=permission.until),
        entry,
        replace(entry, status="exempted", lease=0.0, at=now),
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
    taken = replace(entry, status="undoing", request=request, lease=now + LEASE, at=now)
    # Due already now: should this never come to its end, the permission's end is when it is looked at again.
    begun = finding if resumed else _moved(finding, command, "undoing", now, due=permission.until)
    begun = act.journal.move(finding, begun, entry, taken, exemption=permission)
    problem = None if same(view, finding.before) else run(act.account_of(finding), finding.undo, tolerant=resumed)
    if problem and not act.reached(rail, finding, finding.before):
        if problem.transient:
            raise problem
        gone = problem.code in rail.gone
        raise Refused(f"{finding.violation.resource} is gone" if gone else f"the undo failed: {problem}")
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
        raise Refused(f"{finding.violation.resource} is gone")
    if same(view, finding.after) or (resumed and (len(finding.undo) > 1 or same(view, finding.before))):
        return
    if same(view, finding.before):
        raise Refused("it is already as it was before the fix")
    raise Refused(
        f"{finding.violation.resource} has changed since the fix, and undoing would overwrite that. "
        f"After the fix: {_short(finding.after)}. Now: {_short(view)}."
    )


def _refused(pipeline: Pipeline, command: Command, finding: Finding) -> Finding:
    """Record a refusal; an undo that had begun goes back to `fixed`, and what it permitted is lifted again."""
    journal = pipeline.journal
    fresh = journal.get(finding.id) or finding
    if fresh.status != "undoing":
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
