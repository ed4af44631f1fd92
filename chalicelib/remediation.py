"""Record, act, record, tell: what is done about a finding once it is decided.

Crash at any point, deliver the cause again, and the end is the same: fixed once, recorded once, told.
docs/architecture.md walks through it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.decision import COMMAND, LATER, Decision, Entry, Head, Limit
from chalicelib.journal import Conflict, Journal, Place
from chalicelib.model import (
    US,
    Actor,
    Aws,
    AwsError,
    Call,
    Command,
    Finding,
    Notice,
    Origin,
    ParapetError,
    Remedy,
    Status,
    Step,
    Violation,
)
from chalicelib.notices import compose
from chalicelib.notices.compose import duration
from chalicelib.notices.outbox import Outbox
from chalicelib.people import Person
from chalicelib.registry import Guardrail

# Longer than the calls of one fix can take (aws.CONFIG), and shorter than Lambda waits before it retries.
LEASE = 55.0
# What cannot be changed yet is tried again for so long.
PATIENCE = 6 * 3600.0
# A session of thousands of calls must not outgrow a DynamoDB item.
NOTED = 50
# Under which a finding's cause names an alarm.
_ALARM = "alarm "


@dataclass(frozen=True)
class Cause:
    """What made us look: an event, a sweep, or the end of a permission."""

    origin: Origin
    request: str
    event_id: str = ""
    event_name: str = ""
    event_time: float | None = None
    actor: Actor | None = None

    @property
    def alarm(self) -> str:
        """The name of the alarm that made us look, or an empty text."""
        return alarm_of(self.event_name)

    @property
    def name(self) -> str:
        """The same text whenever this very cause is delivered again."""
        return self.event_id or f"request {self.request}"


@dataclass(frozen=True)
class Target:
    """One resource under one guardrail, as it stands: what a decision is made about.

    `alarm` is the alarm on account of which it is looked at, if one is, and `cleared` whether it does not fire.
    """

    rail: Guardrail
    subject: str
    where: Place
    region: str
    state: Any
    exists: bool
    remedies: tuple[Remedy, ...]
    read_at: float
    alarm: str = ""
    cleared: bool = False

    def remedy(self, part: str) -> Remedy | None:
        """Return what is wrong with a part, or None."""
        return next((remedy for remedy in self.remedies if remedy.part == part), None)


@dataclass(frozen=True)
class Record:
    """A head and a limit as they were read: what a write is conditional on."""

    head: Head
    limit: Limit


class Remediation:
    """Acts on findings, with the adapters it was given."""

    def __init__(
        self,
        journal: Journal,
        outbox: Outbox,
        account: Callable[[str, str], Aws],
        now: Callable[[], float],
        people: Sequence[Person] | None = None,
    ) -> None:
        """Keep the adapters, and who is who; without `people`, nobody is told directly."""
        self.journal = journal
        self.outbox = outbox
        self.account = account
        self.now = now
        self.people = people

    # Beginning

    def open(self, target: Target, remedy: Remedy, decision: Decision, record: Record, cause: Cause) -> Record:
        """Open a finding, fix it if that is its status, and tell; returns the record as our writes changed it."""
        brought = decision.origin == cause.origin
        # Before the lease of what is to be fixed begins.
        source = self._source(target, cause.actor if brought else None)
        now, where = self.now(), target.where
        violation = Violation(where.guardrail, where.account, where.region, where.resource, remedy.part)
        finding = Finding(
            id=identity(violation, now, cause.request),
            violation=violation,
            severity=target.rail.severity,
            origin=decision.origin,
            status=decision.status,
            opened=now,
            why=remedy.why,
            before=remedy.before,
            after=remedy.after,
            fix=remedy.fix,
            undo=remedy.undo,
            history=(Step(decision.status, now, US, decision.reason),),
            actor=cause.actor if brought else None,
            event_id=cause.event_id,
            event_name=cause.event_name,
            event_time=cause.event_time if brought else None,
            due=decision.due,
            question=int(decision.status == "asked"),
            waiver=decision.waiver,
            source=source,
        )
        fixing = decision.status == "fixing"
        entry = Entry(
            remedy.part, finding.id, decision.status, decision.origin, cause.name, cause.name, cause.request,
            now + LEASE, now, remedy.ask, counted=fixing, waiver=decision.waiver,
        )  # fmt: skip
        self.journal.open(finding, entry, record.head, record.limit)
        if fixing:
            self._fix(target.rail, finding, entry, remedy.fix)
        elif not decision.waiver:
            # What is waived from the start is on record, and nobody's news.
            self.tell(finding)
        return _written(record, entry, where, fixing=fixing)

    def adopt(
        self, target: Target, remedy: Remedy, entry: Entry, decision: Decision, record: Record, cause: Cause
    ) -> None:
        """Give a finding that a sweep opened to the event that brought the violation, and act as for a new one."""
        before = self.known(entry)
        if not same(before.before, remedy.before):
            gone = Decision("step", "gone", reason="another violation of the same part has taken its place")
            self.step(entry, gone, cause)
            raise Conflict("what stands now is another violation of the same part")
        source, now = self._source(target, cause.actor), self.now()
        note = decision.reason or f"brought by event {cause.event_id}"
        after = replace(
            before,
            origin="event",
            status=decision.status,
            fix=remedy.fix,
            undo=remedy.undo,
            actor=cause.actor,
            event_id=cause.event_id,
            event_name=cause.event_name,
            event_time=cause.event_time,
            due=decision.due,
            question=_question(before, decision.status),
            waiver=decision.waiver,
            source=source,
            history=(*before.history, Step(decision.status, now, US, note)),
        )
        fixing = decision.status == "fixing"
        taken = replace(
            entry, status=decision.status, origin="event", event=cause.name, mover=cause.name, request=cause.request,
            lease=now + LEASE, at=now, ask=remedy.ask, counted=fixing, waiver=decision.waiver,
        )  # fmt: skip
        counted = (record.head, record.limit) if fixing else None
        finding = self.journal.move(before, after, entry, taken, counted=counted)
        if fixing:
            self._fix(target.rail, finding, taken, remedy.fix)
        else:
            self.tell(finding, compose.of_finding(finding, about=cause.event_id))

    def resume(self, target: Target, entry: Entry, record: Record, cause: Cause) -> None:
        """Take an unfinished or a waiting fix up; raises Conflict when what stands is another violation by now."""
        finding, now = self.known(entry), self.now()
        taken = replace(
            entry, status="fixing", mover=cause.name, request=cause.request, lease=now + LEASE, at=now, counted=True,
            waiver="",
        )  # fmt: skip
        # Only the head moves: a finding that is tried again and again must not grow by two steps each time.
        counted = None if entry.counted else (record.head, record.limit)
        self.journal.move(finding, finding, entry, taken, counted=counted)
        self._finish(target, finding, taken)

    def approve(self, target: Target, finding: Finding, entry: Entry, command: Command, request: str) -> None:
        """Make the fix that somebody asks for, whatever holds it, and answer; raises as `resume` does.

        The caller has seen that what stands is still what was found.
        """
        now = self.now()
        taken = replace(
            entry, status="fixing", mover=f"{COMMAND}{command.id}", request=request, lease=now + LEASE, at=now,
            approved=command.id, waiver="",
        )  # fmt: skip
        begun = finding
        if finding.status != "fixing":
            step = Step("fixing", now, command.who, reason(command))
            begun = replace(finding, status="fixing", history=(*finding.history, step), due=None)
        begun = self.journal.move(finding, begun, entry, taken, lift=True)
        self._finish(target, begun, taken, command)

    def _finish(self, target: Target, finding: Finding, taken: Entry, command: Command | None = None) -> None:
        """Bring a fix to its end that is ours to make, from wherever it was left."""
        rail, remedy = target.rail, target.remedy(taken.part)
        view = rail.current(target.state, taken.part) if target.exists else None
        if target.exists and same(view, finding.after):
            self._close(finding, taken, "fixed", "", command=command)
        elif remedy and same(remedy.before, finding.before):
            self._fix(rail, finding, taken, remedy.fix, command=command)
        elif target.exists and not remedy and rail.event_born and same(view, finding.before):
            self._fix(rail, finding, taken, finding.fix, command=command)
        elif target.exists and not remedy and len(finding.fix) > 1:
            # Some of the calls were made: the violation is no longer seen, but what was wanted is not reached.
            self._fix(rail, finding, taken, finding.fix, tolerant=True, command=command)
        else:
            self._close(finding, taken, "gone", "somebody else changed it before we did", command=command)
            if remedy and not command:
                raise Conflict("what stands now is another violation of the same part")

    # Moving on

    def step(self, entry: Entry, decision: Decision, cause: Cause) -> None:
        """Move a finding to a status without touching the resource, and tell."""
        moved = replace(entry, request=cause.request, mover=cause.name, approved="", waiver=decision.waiver)
        self._close(self.known(entry), moved, decision.status, decision.reason, due=decision.due, was=entry)

    def join(self, entry: Entry, cause: Cause) -> None:
        """Note at a standing finding that another event met it; sweeps and repeats leave no trace."""
        finding = self.known(entry)
        if not cause.event_id or len(finding.history) >= NOTED:
            return
        if not any(cause.event_id in step.note for step in finding.history):
            who = cause.actor.who if cause.actor else US
            step = Step(finding.status, self.now(), who, f"again by event {cause.event_id}")
            self.journal.note(finding.id, step)

    def tell(self, finding: Finding, notice: Notice | None = None) -> None:
        """Put the news about a finding into the outbox, for everybody and for who brought it; raises AwsError."""
        own = None if self.people is None else compose.to_person(finding, self.people)
        self.outbox.send(notice or compose.of_finding(finding), *([own] if own else ()))

    def known(self, entry: Entry) -> Finding:
        """Return the finding that an entry names; raises ParapetError when the journal does not have it."""
        finding = self.journal.get(entry.finding)
        if finding is None:
            raise ParapetError(f"the journal's head names finding {entry.finding}, which the journal does not have")
        return finding

    def tags(self, target: Target) -> Mapping[str, str]:
        """Return the tags of what is looked at, where its guardrail reads them; raises AwsError."""
        if target.rail.tags is None or not target.exists:
            return {}
        return target.rail.tags(self.account(target.where.account, target.region), target.subject, target.state)

    def _source(self, target: Target, actor: Actor | None) -> str:
        """Return where to mend it for good; tags that cannot be read keep nothing from being fixed."""
        from chalicelib import provenance  # most events break nothing, and a cold start should not pay for it

        try:
            return provenance.source(self.tags(target), actor)
        except AwsError as problem:
            return provenance.source({}, actor) or f"not known: {problem}"

    # Acting

    def account_of(self, finding: Finding) -> Aws:
        """Return the calls to where a finding is; what belongs to a whole account is reached from our region."""
        region = finding.violation.region
        return self.account(finding.violation.account, "" if region == "global" else region)

    def view(self, rail: Guardrail, finding: Finding) -> tuple[bool, Any]:
        """Return whether a finding's resource exists, and its part as it is now; raises AwsError."""
        if rail.read is None:
            return False, None
        try:
            state = rail.read(self.account_of(finding), finding.violation.resource)
        except AwsError as error:
            if error.code in rail.gone:
                return False, None
            raise
        return True, rail.current(state, finding.violation.part)

    def reached(self, rail: Guardrail, finding: Finding, wanted: Any) -> bool:
        """Whether a finding's part is now as wanted; raises AwsError when that cannot be read."""
        exists, view = self.view(rail, finding)
        return exists and same(view, wanted)

    def _fix(
        self,
        rail: Guardrail,
        finding: Finding,
        entry: Entry,
        calls: Sequence[Call],
        *,
        tolerant: bool = False,
        command: Command | None = None,
    ) -> None:
        problem = run(self.account_of(finding), calls, tolerant=tolerant)
        if not problem or self.reached(rail, finding, finding.after):
            self._close(finding, entry, "fixed", "", command=command)
            return
        now = self.now()
        if problem.code in rail.later and now - finding.opened < PATIENCE:
            note = f"not possible yet, tried again in {duration(LATER)}: {problem}"
            self._close(finding, entry, "held", note, due=now + LATER, command=command)
            return
        if not problem.transient:
            self._close(finding, entry, "failed", str(problem), command=command)
        if problem.transient or not command:
            raise problem

    def _close(
        self,
        finding: Finding,
        entry: Entry,
        status: Status,
        note: str,
        *,
        due: float | None = None,
        was: Entry | None = None,
        command: Command | None = None,
    ) -> None:
        """Record what came of it, and tell; a repeated failure adds nothing to the history.

        With a command, its answer is recorded in the same transaction, and telling is left to who carries it out.
        """
        now = self.now()
        step = Step(status, now, US, note)
        again = status == finding.status and status in ("failed", "held")
        after = replace(
            finding,
            status=status,
            history=finding.history if again else (*finding.history, step),
            fixed_at=now if status == "fixed" and finding.status != "undoing" else finding.fixed_at,
            due=due,
            question=_question(finding, status),
            waiver=entry.waiver,
        )
        free = replace(entry, status=status, lease=0.0, at=now)
        if command:
            done = status in ("fixed", "held")
            command = replace(
                command, status="done" if done else "refused", answer=f"{status}: {note}" if note else status
            )
        moved = self.journal.move(finding, after, was or entry, free, command=command)
        if not command:
            self.tell(moved)


def _question(finding: Finding, status: Status) -> int:
    """Return how often a finding's fix was asked for, once it has a status; the first version did not count."""
    return max(finding.question, int(finding.status == "asked")) + 1 if status == "asked" else finding.question


def _written(record: Record, entry: Entry, where: Place, *, fixing: bool) -> Record:
    """Return the record as our own writes have changed it, so that the next part needs no second read."""
    head, limit = record.head, record.limit
    head = replace(head, rev=head.rev + (2 if fixing else 1), entries={**head.entries, entry.part: entry})
    if fixing:
        head = replace(head, fixes=(*head.fixes, (entry.at, entry.mover)))
        limit = Limit(limit.rev + 1, (*limit.fixes, (entry.at, where.resource)))
    return Record(head, limit)


def by_alarm(name: str) -> str:
    """Return how an alarm is named as the cause of a finding."""
    return f"{_ALARM}{name}"


def alarm_of(event_name: str) -> str:
    """Return the alarm that a finding's cause names, or an empty text."""
    return event_name.removeprefix(_ALARM) if event_name.startswith(_ALARM) else ""


def reason(command: Command) -> str:
    """Return why somebody asked for something, as a finding's history keeps it."""
    return f"{command.why} (who made the change insists)".strip() if command.break_glass else command.why


def run(aws: Aws, calls: Sequence[Call], *, tolerant: bool) -> AwsError | None:
    """Make calls in order and return the first error; a tolerant run goes on after it."""
    first: AwsError | None = None
    for one in calls:
        try:
            aws(one.service, one.operation, **one.params)
        except AwsError as error:
            first = first or error
            if not tolerant:
                break
    return first


def same(one: Any, other: Any) -> bool:
    """Whether two views of a part are equal as the journal keeps them."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def identity(violation: Violation, at: float, request: str) -> str:
    """Return a finding's id: eight letters and digits that a person can type, one per violation and episode."""
    parts = (violation.guardrail, violation.account, violation.region, violation.resource, violation.part)
    digest = hashlib.sha256(json.dumps([*parts, at, request]).encode()).digest()
    return base64.b32hexencode(digest).decode()[:8].lower()
