"""Decide on what stands, record, act, record, tell: what happens to an event, a sweep, a look again.

Crash at any point, deliver again, and the end is the same: fixed once, recorded once, told. `resume` and
`tell again` in `decision.decide` are what makes it so; docs/architecture.md walks through it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import registry
from chalicelib.aws import Remembering
from chalicelib.decision import Circumstances, Decision, Entry, Limit, decide
from chalicelib.events import issuer, subjects
from chalicelib.journal import Conflict, Journal, Look, Place
from chalicelib.model import (
    ORIGINS,
    STANDING,
    Actor,
    Aws,
    AwsError,
    BadEvent,
    Busy,
    Call,
    Event,
    Finding,
    Origin,
    ParapetError,
    Remedy,
    Step,
    Violation,
)
from chalicelib.notices import compose
from chalicelib.notices.compose import duration
from chalicelib.notices.outbox import Outbox
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings

# Longer than the calls of one fix can take, and shorter than Lambda waits before it retries.
LEASE = 45.0
ATTEMPTS = 6
# What cannot be changed yet is tried again so often, for so long.
LATER, PATIENCE = 120.0, 6 * 3600.0
# A session of thousands of calls must not outgrow a DynamoDB item.
NOTED = 50
US = "parapet"


class NotHandled(ParapetError):
    """Some of what an event or sweep asked for could not be done; the rest was."""


@dataclass(frozen=True)
class Target:
    """One resource under one guardrail, as it stands: what a decision is made about."""

    rail: Guardrail
    subject: str
    where: Place
    region: str
    state: Any
    exists: bool
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True)
class Cause:
    """What made us look: an event, a sweep, or the end of a permission."""

    origin: Origin
    request: str
    event_id: str = ""
    event_name: str = ""
    event_time: float | None = None
    actor: Actor | None = None


class Pipeline:
    """What one guard function does, with the adapters it was given."""

    def __init__(
        self,
        rails: Sequence[Guardrail],
        settings: Settings,
        journal: Journal,
        outbox: Outbox,
        account: Callable[[str, str], Aws],
        now: Callable[[], float],
    ) -> None:
        self.rails = rails
        self.settings = settings
        self.journal = journal
        self.outbox = outbox
        self.account = account
        self.now = now

    # What makes us look

    def handle(self, event: Event, request: str) -> None:
        """Put right what a call brought; raises a ParapetError, after which it may be called again."""
        if event.error or self.ours(event):
            return
        self._watched(event.account, event.region)
        aws = Remembering(self.account(event.account, event.region))
        cause = Cause("event", request, event.id, event.name, event.time, event.actor)
        pairs = [
            (rail, subject)
            for rail, path in registry.woken(self.rails, event)
            if self._modes(rail) != {"off"}
            for subject in subjects(event, path)
        ]
        self._settle(aws, list(dict.fromkeys(pairs)), event, cause)

    def sweep(self, guardrail: str, account: str, region: str, request: str) -> None:
        """Look at every resource that a guardrail is about; raises as `handle` does."""
        rail = self._rail(guardrail)
        if rail.momentary or self.settings.mode(rail, "sweep") == "off":
            return
        aws = Remembering(self.account(account, region))
        found = list(rail.subjects(aws)) if rail.subjects else []
        scope = "global" if rail.everywhere else region
        lost = {
            finding.violation.resource
            for status in STANDING
            for finding in self.journal.by_status(status)  # type: ignore[arg-type]
            if finding.violation.guardrail == guardrail
            and finding.violation.account == account
            and finding.violation.region == scope
        } - set(found)
        self._settle(aws, [(rail, subject) for subject in (*found, *sorted(lost))], None, Cause("sweep", request))

    def look_again(self, finding_id: str, request: str) -> None:
        """Look at what a permission that has ended covered, as if it had just been brought."""
        finding = self.journal.get(finding_id)
        if finding is None:
            raise BadEvent(f"there is no finding {finding_id}")
        violation = finding.violation
        rail = self._rail(violation.guardrail)
        aws = self.account_of(finding)
        cause = Cause(finding.origin, request, "", "the end of a permission", None, finding.actor)
        self._settle(Remembering(aws), [(rail, violation.resource)], None, cause)
        self.journal.forget_due(finding)

    def account_of(self, finding: Finding) -> Aws:
        """Return the calls to where a finding is; what belongs to a whole account is reached from our region."""
        region = finding.violation.region
        return self.account(finding.violation.account, "" if region == "global" else region)

    def ours(self, event: Event) -> bool:
        """Whether one of our own functions made the call."""
        role = issuer(event.detail)
        names = {self.settings.role_name(f"guard_{service}") for service in registry.services()}
        account = role.split(":")[4] if role.count(":") >= 5 else ""
        return event.actor.kind == "AssumedRole" and account == event.account and role.rsplit("/", 1)[-1] in names

    def _rail(self, name: str) -> Guardrail:
        for rail in self.rails:
            if rail.name == name:
                return rail
        raise BadEvent(f"guardrail {name!r} is not run by this function")

    def _modes(self, rail: Guardrail) -> set[str]:
        return {self.settings.mode(rail, "event"), self.settings.mode(rail, "sweep")}

    def _watched(self, account: str, region: str) -> None:
        for value, known, name in (
            (account, self.settings.accounts, "accounts"),
            (region, self.settings.regions, "regions"),
        ):
            if value not in known:
                raise BadEvent(
                    f"an event of {value} arrived, which is not among the watched {name} "
                    f"({', '.join(known)}): add it to parapet.{name} in parapet.toml, "
                    "or remove the rule that forwards it"
                )

    # Deciding

    def _settle(self, aws: Aws, pairs: Sequence[tuple[Guardrail, str]], event: Event | None, cause: Cause) -> None:
        problems: list[ParapetError] = []
        targets: list[Target] = []
        for rail, subject in pairs:
            try:
                targets.append(self._target(rail, subject, aws, event))
            except ParapetError as problem:
                problems.append(problem)
        if targets:
            problems += self._settle_targets(targets, event, cause)
        if len(problems) == 1:
            raise problems[0]
        if problems:
            raise NotHandled("; ".join(str(problem) for problem in problems)) from problems[0]

    def _settle_targets(self, targets: Sequence[Target], event: Event | None, cause: Cause) -> list[ParapetError]:
        look = self.journal.look([t.where for t in targets], {t.rail.name for t in targets})
        problems: list[ParapetError] = []
        for target in targets:
            parts = (*(remedy.part for remedy in target.remedies), *look.heads[target.where].entries)
            for part in dict.fromkeys(parts):
                try:
                    look = self._settle_part(target, part, look, event, cause)
                except ParapetError as problem:
                    problems.append(problem)
        return problems

    def _target(self, rail: Guardrail, subject: str, aws: Aws, event: Event | None) -> Target:
        region = "global" if rail.everywhere else aws.region
        state, exists, resource = None, True, subject
        if rail.read is not None:
            try:
                state = rail.read(aws, subject)
            except AwsError as error:
                if error.code not in rail.gone:
                    raise
                exists = False
            if exists and rail.resource is not None:
                resource = rail.resource(state)
        remedies = self._remedies(rail, state, event) if exists else ()
        where = Place(rail.name, aws.account, region, resource)
        return Target(rail, subject, where, aws.region, state, exists, remedies)

    def _remedies(self, rail: Guardrail, state: Any, event: Event | None) -> tuple[Remedy, ...]:
        try:
            return rail.remedies(state, event, self.settings.options(rail))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            if event is None:
                raise
            raise BadEvent(
                f"event {event.id} ({event.name}) has a shape that {rail.name} cannot read: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _settle_part(self, target: Target, part: str, look: Look, event: Event | None, cause: Cause) -> Look:
        rail = target.rail
        for _ in range(ATTEMPTS):
            head, limit = look.heads[target.where], look.limits[rail.name]
            remedy = next((remedy for remedy in target.remedies if remedy.part == part), None)
            entry = head.entries.get(part)
            stands = self._stands(target, entry) if remedy is None and entry else False
            decision = decide(remedy, entry, stands, head, limit, self._circumstances(rail, look, cause))
            try:
                return self._carry_out(decision, target, remedy, entry, look, cause)
            except Conflict:
                fresh = self.account(target.where.account, target.region)
                target = self._target(rail, target.subject, fresh, event)
                look = self.journal.look([*look.heads], [*look.limits])
        raise Busy(f"{target.where.resource} is being changed by too many at once")

    def _circumstances(self, rail: Guardrail, look: Look, cause: Cause) -> Circumstances:
        return Circumstances(
            origin=cause.origin,
            event=cause.event_id,
            request=cause.request,
            now=self.now(),
            modes={origin: self.settings.mode(rail, origin) for origin in ORIGINS},
            pause=look.pause,
            limits=self.settings.limits,
            momentary=rail.momentary,
        )

    def _stands(self, target: Target, entry: Entry) -> bool:
        half = entry.status == "failed"
        if not target.exists or entry.status not in STANDING or not (half or target.rail.event_born):
            return False
        finding = self._known(entry)
        view = target.rail.current(target.state, entry.part)
        if target.rail.event_born and same(view, finding.before):
            return True
        return half and len(finding.fix) > 1 and not same(view, finding.after)

    def _carry_out(
        self,
        decision: Decision,
        target: Target,
        remedy: Remedy | None,
        entry: Entry | None,
        look: Look,
        cause: Cause,
    ) -> Look:
        if decision.kind == "open" and remedy:
            return self._open(decision, target, remedy, look, cause)
        if entry is None or decision.kind == "nothing":
            return look
        if decision.kind == "busy":
            raise Busy(decision.reason)
        if decision.kind == "resume":
            self._resume(target, remedy, entry, cause)
        else:
            finding = self._known(entry)
            if decision.kind == "join":
                self._join(finding, cause)
            elif decision.kind == "gone":
                self._told(self._move(finding, "gone", "it is no longer so", entry, US))
            elif decision.kind == "tell":
                self._told(finding)
        return look

    # Acting

    def _open(self, decision: Decision, target: Target, remedy: Remedy, look: Look, cause: Cause) -> Look:
        now = self.now()
        where = target.where
        violation = Violation(where.guardrail, where.account, where.region, where.resource, remedy.part)
        brought = decision.origin == cause.origin
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
            due=look.pause.until if decision.status == "held" and look.pause else None,
        )
        entry = Entry(
            remedy.part, finding.id, decision.status, decision.origin, cause.event_id, cause.request,
            now + LEASE, now,
        )  # fmt: skip
        head, limit = look.heads[where], look.limits[where.guardrail]
        self.journal.open(finding, entry, head, limit)
        if decision.status == "fixing":
            self._fix(target, finding, entry, remedy.fix)
        else:
            self._told(finding)
        return _opened(look, where, entry, finding)

    def _resume(self, target: Target, remedy: Remedy | None, entry: Entry, cause: Cause) -> None:
        finding = self._known(entry)
        now = self.now()
        if entry.status == "fixing":
            entry = self.journal.take(target.where, entry, cause.request, now + LEASE)
        else:
            entry = replace(entry, status="fixing", request=cause.request, lease=now + LEASE, at=now)
            finding = self.journal.move(finding, Step("fixing", now, US, "taken up again"), entry)
        view = target.rail.current(target.state, entry.part) if target.exists else None
        if target.exists and same(view, finding.after):
            self._told(self._move(finding, "fixed", "", entry, US))
        elif remedy and same(remedy.before, finding.before):
            self._fix(target, finding, entry, remedy.fix)
        elif target.exists and not remedy and len(finding.fix) > 1:
            # Some of the calls were made: the violation is no longer seen, but what was wanted is not reached.
            self._fix(target, finding, entry, finding.fix, tolerant=True)
        else:
            self._told(self._move(finding, "gone", "somebody else changed it before we did", entry, US))
            if remedy:
                raise Conflict("what stands now is another violation of the same part")

    def _fix(
        self, target: Target, finding: Finding, entry: Entry, calls: Sequence[Call], *, tolerant: bool = False
    ) -> None:
        aws = self.account_of(finding)
        problem = run(aws, calls, tolerant=tolerant)
        if problem and not self.reached(target.rail, aws, finding, finding.after):
            now = self.now()
            if problem.code in target.rail.later and now - finding.opened < PATIENCE:
                step = Step("held", now, US, f"not possible yet, tried again in {duration(LATER)}: {problem}")
                held = replace(entry, status="held", lease=0.0, at=now)
                self._told(self.journal.move(finding, step, held, due=now + LATER))
                return
            if not problem.transient:
                self._told(self._move(finding, "failed", str(problem), entry, US))
            raise problem
        self._told(self._move(finding, "fixed", "", entry, US))

    def reached(self, rail: Guardrail, aws: Aws, finding: Finding, wanted: Any) -> bool:
        """Whether a finding's part is now as wanted; raises AwsError when that cannot be read."""
        exists, view = self.view(rail, aws, finding)
        return exists and same(view, wanted)

    def view(self, rail: Guardrail, aws: Aws, finding: Finding) -> tuple[bool, Any]:
        """Return whether a finding's resource exists, and its part as it is now; raises AwsError."""
        if rail.read is None:
            return False, None
        try:
            state = rail.read(aws, finding.violation.resource)
        except AwsError as error:
            if error.code in rail.gone:
                return False, None
            raise
        return True, rail.current(state, finding.violation.part)

    # Recording and telling

    def _known(self, entry: Entry) -> Finding:
        finding = self.journal.get(entry.finding)
        if finding is None:
            raise ParapetError(f"the journal's head names finding {entry.finding}, which the journal does not have")
        return finding

    def _join(self, finding: Finding, cause: Cause) -> None:
        if len(finding.history) >= NOTED:
            return
        if cause.event_id and not any(cause.event_id in step.note for step in finding.history):
            who = cause.actor.who if cause.actor else US
            self.journal.note(finding.id, Step(finding.status, self.now(), who, f"again by event {cause.event_id}"))

    def _move(self, finding: Finding, status: Any, note: str, entry: Entry, by: str) -> Finding:
        now = self.now()
        return self.journal.move(finding, Step(status, now, by, note), replace(entry, status=status, lease=0.0, at=now))

    def _told(self, finding: Finding) -> None:
        self.outbox.send(compose.of_finding(finding))


def _opened(look: Look, where: Place, entry: Entry, finding: Finding) -> Look:
    """Return the look as our own writes have changed it, so that the next part needs no second read."""
    head, limit = look.heads[where], look.limits[where.guardrail]
    fixing = finding.status == "fixing"
    fixes = (*head.fixes, finding.opened) if fixing else head.fixes
    entries = {**head.entries, entry.part: entry}
    head = replace(head, rev=head.rev + (2 if fixing else 1), entries=entries, fixes=fixes)
    if fixing:
        limit = Limit(limit.rev + 1, (*limit.fixes, (finding.opened, where.resource)))
    return replace(look, heads={**look.heads, where: head}, limits={**look.limits, where.guardrail: limit})


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
    text = json.dumps([violation.guardrail, violation.account, violation.region, violation.resource,
                       violation.part, at, request])  # fmt: skip
    digest = base64.b32hexencode(hashlib.sha256(text.encode()).digest()).decode()
    return digest[:8].lower()
