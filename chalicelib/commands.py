"""What people ask for: recorded and emitted by whoever asks, carried out by the function that owns the service."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chalicelib import registry
from chalicelib.decision import Entry
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
    Step,
)
from chalicelib.notices import compose
from chalicelib.pipeline import LEASE, Pipeline, run, same

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
    service = service_of(finding)
    command = Command(secrets.token_hex(8), kind, finding.id, service, who, why, at, until)
    journal.ask(command)
    emit(aws, COMMAND, [{"service": service, "command": command.id}])
    return command


def look_again(aws: Aws, findings: Sequence[Finding]) -> None:
    """Have what some findings are about looked at again by the functions that own it; raises AwsError."""
    details = [{"service": service_of(finding), "finding": finding.id} for finding in findings]
    emit(aws, LOOK_AGAIN, details)


def resume(journal: Journal, aws: Aws) -> list[Finding]:
    """Lift the pause and have what it held looked at again; returns what was held."""
    journal.set_pause(None)
    held = journal.by_status("held")
    look_again(aws, held)
    return held


def service_of(finding: Finding) -> str:
    """Return the service whose guard function owns a finding."""
    return finding.violation.guardrail.split("_", 1)[0]


class Refused(ParapetError):
    """A command that will not be carried out; the text is what the person is told."""


def carry_out(pipeline: Pipeline, command_id: str, request: str) -> None:
    """Do what a recorded command asks for, once; raises BadEvent, Busy or AwsError, and may be called again."""
    command = pipeline.journal.command(command_id)
    if command is None:
        raise BadEvent(f"there is no command {command_id}: only what is recorded in the journal is carried out")
    finding = pipeline.journal.get(command.finding)
    if finding is None:
        raise BadEvent(f"command {command_id} is about finding {command.finding}, which does not exist")
    if command.status != "asked":
        pipeline.outbox.send(
            compose.of_finding(finding, "" if command.status == "done" else command.answer, command.id)
        )
        return
    try:
        finding = (
            _undo(pipeline, command, finding, request)
            if command.kind == "undo"
            else _exempt(pipeline, command, finding)
        )
    except Refused as refusal:
        pipeline.journal.answer(replace(command, status="refused", answer=str(refusal)))
        pipeline.outbox.send(compose.of_finding(finding, str(refusal), command.id))
        return
    pipeline.outbox.send(compose.of_finding(finding))


def _entry(pipeline: Pipeline, finding: Finding) -> Entry:
    head = pipeline.journal.head(place(finding.violation))
    entry = head.entries.get(finding.violation.part)
    if entry is None or entry.finding != finding.id:
        newer = f": {entry.finding}" if entry else ""
        raise Refused(f"{finding.id} is not the latest finding of this violation{newer}")
    return entry


def _permission(command: Command, part: str) -> Exemption:
    return Exemption(part, command.until, command.who, command.why)


def _exempt(pipeline: Pipeline, command: Command, finding: Finding) -> Finding:
    entry = _entry(pipeline, finding)
    if finding.status not in ("observed", "asked", "held", "failed"):
        raise Refused(f"{finding.id} is {finding.status}: there is nothing standing to permit")
    now = pipeline.now()
    done = replace(command, status="done", answer="exempted")
    return pipeline.journal.move(
        finding,
        Step("exempted", now, command.who, command.why),
        replace(entry, status="exempted", lease=0.0, at=now),
        exemption=_permission(command, entry.part),
        due=command.until,
        command=done,
    )


def _undo(pipeline: Pipeline, command: Command, finding: Finding, request: str) -> Finding:
    entry = _entry(pipeline, finding)
    if finding.status not in ("fixed", "undoing"):
        raise Refused(f"only what was fixed can be undone, and {finding.id} is {finding.status}")
    if not finding.undo:
        raise Refused(f"{finding.violation.guardrail} cannot take its fix back")
    resumed = finding.status == "undoing"
    if resumed and entry.request != request and entry.lease > pipeline.now():
        raise Busy(f"finding {finding.id} is being undone")
    rail, aws = registry.get(finding.violation.guardrail), pipeline.account_of(finding)
    exists, view = pipeline.view(rail, aws, finding)
    _undrifted(finding, exists, view, resumed=resumed)
    now = pipeline.now()
    entry = replace(entry, status="undoing", request=request, lease=now + LEASE, at=now)
    if not resumed:
        finding = pipeline.journal.move(
            finding,
            Step("undoing", now, command.who, command.why),
            entry,
            exemption=_permission(command, entry.part),
        )
    problem = None if same(view, finding.before) else run(aws, finding.undo, tolerant=resumed)
    if problem and not pipeline.reached(rail, aws, finding, finding.before):
        if problem.transient:
            raise problem
        gone = problem.code in rail.gone
        return _stays_fixed(
            pipeline, command, finding, entry, f"{finding.violation.resource} is gone" if gone else str(problem)
        )
    now = pipeline.now()
    return pipeline.journal.move(
        finding,
        Step("undone", now, command.who, command.why),
        replace(entry, status="undone", lease=0.0, at=now),
        due=command.until,
        command=replace(command, status="done", answer="undone"),
    )


def _undrifted(finding: Finding, exists: bool, view: Any, *, resumed: bool) -> None:
    if not exists:
        raise Refused(f"{finding.violation.resource} is gone")
    if resumed or same(view, finding.after):
        return
    if same(view, finding.before):
        raise Refused("it is already as it was before the fix")
    raise Refused(
        f"{finding.violation.resource} has changed since the fix, and undoing would overwrite that. "
        f"After the fix: {_short(finding.after)}. Now: {_short(view)}."
    )


def _stays_fixed(pipeline: Pipeline, command: Command, finding: Finding, entry: Entry, why: str) -> Finding:
    now = pipeline.now()
    answer = f"the undo failed, the fix stays: {why}"
    return pipeline.journal.move(
        finding,
        Step("fixed", now, "parapet", answer),
        replace(entry, status="fixed", lease=0.0, at=now),
        lift=True,
        command=replace(command, status="refused", answer=answer),
    )


def _short(value: Any) -> str:
    return compose.clip(json.dumps(value, sort_keys=True))
