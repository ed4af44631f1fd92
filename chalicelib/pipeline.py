"""From what made us look to a decision about every part of every resource it names; `remediation` then acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from chalicelib import alarms, registry, scope
from chalicelib.alarms import Firing
from chalicelib.aws import Remembering
from chalicelib.decision import GONE, PERMITTED, Circumstances, Decision, Entry, decide
from chalicelib.events import issuer, subjects
from chalicelib.journal import Conflict, Journal, Look, Place, place
from chalicelib.model import (
    MODES,
    ORIGINS,
    STANDING,
    STATUSES,
    Actor,
    Aws,
    AwsError,
    BadEvent,
    Busy,
    Event,
    Finding,
    Mode,
    Origin,
    ParapetError,
    Remedy,
    Status,
    Violation,
    Waiver,
)
from chalicelib.notices.outbox import Outbox
from chalicelib.people import own_change
from chalicelib.registry import Guardrail
from chalicelib.remediation import Cause, Record, Remediation, Target, alarm_of, by_alarm, same
from chalicelib.settings import Settings

ATTEMPTS = 6
# What people decide about.
WAITING = ("observed", "asked", "held", "rejected")
# A finding that was closed so shortly before we read may have been closed after what we read was true.
FRESH = 5.0


class NotHandled(ParapetError):
    """Some of what an event or sweep asked for could not be done; the rest was."""


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
        self.account = account
        self.now = now
        told = settings.people if settings.tell_person else None
        self.remediation = Remediation(journal, outbox, account, now, told)

    # What makes us look

    def handle(self, event: Event, request: str) -> None:
        """Put right what a call brought; raises a ParapetError, after which it may be called again."""
        if event.error:
            return
        self.watched("an event", event.account, event.region)
        if self.ours(event):
            return
        cause = Cause("event", request, event.id, event.name, event.time, event.actor)
        pairs: list[tuple[Guardrail, str]] = []
        problems: list[ParapetError] = []
        for rail, path in registry.woken(self.rails, event):
            if self.off(rail):
                continue
            found = subjects(event, path)
            if not found:
                text = f"event {event.id} ({event.name}) names no resource at {path}: {rail.name} cannot look"
                problems.append(BadEvent(text))
            pairs += [(rail, subject) for subject in found]
        if pairs:
            aws = Remembering(self.account(event.account, event.region))
            problems += self._settle(aws, list(dict.fromkeys(pairs)), event, cause)
        _raise(problems)

    def alarmed(
        self, guardrail: str, subject: str, account: str, region: str, alarm: str, event: str, at: float, request: str
    ) -> None:
        """Look at what a remedy is bound to, after an alarm began to fire or cleared; raises as `handle` does.

        Args:
            guardrail: the one that mends.
            subject: what it is to mend.
            account: the alarm's, and that of what is mended.
            region: likewise.
            alarm: its name.
            event: the id of the report, the same when it is delivered again.
            at: when the alarm changed (epoch seconds).
            request: the invocation's request id.
        """
        rail = self.rail(guardrail)
        if not rail.alarmed:
            raise BadEvent(f"{guardrail} takes no alarm, and alarm {alarm} is not to wake it")
        self.watched("an alarm", account, region)
        bound = self.settings.bound(rail, alarm, account, region)
        if not bound:
            # The settings have changed since it was sent.
            return
        aws = Remembering(self.account(account, region))
        firing = alarms.firing(aws, alarm)
        # Whoever may put events on our bus does not say what an alarm has mended.
        if firing and subject not in {one.resource or rail.named_by(firing.dimensions) for one in bound}:
            raise BadEvent(f"alarm {alarm} is bound to {rail.name}, but not about {subject}")
        _raise(self._settle(aws, [(rail, subject)], None, Cause("event", request, event, by_alarm(alarm), at)))
        if (
            firing
            and any(one.resource == subject for one in bound)
            and not self._target(rail, subject, aws, None).exists
        ):
            raise BadEvent(
                f"alarm {alarm} is bound to {rail.name} about {subject}, which does not exist: mend its resource under "
                "[[remedies]] in parapet.toml"
            )

    def sweep(self, guardrail: str, account: str, regions: Sequence[str], request: str) -> None:
        """Look at every resource that a guardrail is about, one by one; raises as `handle` does."""
        rail = self.rail(guardrail)
        if not rail.swept or self.settings.mode(rail, "sweep") == "off":
            return
        problems: list[ParapetError] = []
        for region in regions[:1] if rail.everywhere else regions:
            aws = self.account(account, region)
            found = list(rail.subjects(aws)) if rail.subjects else []
            lost = self._standing(rail, account, "global" if rail.everywhere else region) - set(found)
            for subject in (*found, *sorted(lost)):
                try:
                    # Read anew for each: a pause set meanwhile counts, and nothing is decided on what is minutes old.
                    problems += self._settle(Remembering(aws), [(rail, subject)], None, Cause("sweep", request))
                except ParapetError as problem:
                    problems.append(problem)
        _raise(problems)

    def _standing(self, rail: Guardrail, account: str, region: str) -> set[str]:
        """Return the resources that have standing findings of a guardrail: some may be gone, which no list shows."""
        statuses: tuple[Status, ...] = tuple(status for status in STATUSES if status in STANDING)
        return {
            finding.violation.resource
            for status in statuses
            for finding in self.journal.by_status(status)
            if (finding.violation.guardrail, finding.violation.account, finding.violation.region)
            == (rail.name, account, region)
        }

    def look_again(self, finding_id: str, request: str, *, anew: bool = False) -> None:
        """Look at the part that a permission or a delay covered, now that it is over.

        With `anew`, what stands there now is asked about as a finding of its own, where it is another violation.
        """
        finding = self.journal.get(finding_id)
        if finding is None:
            raise BadEvent(f"there is no finding {finding_id}")
        violation = finding.violation
        try:
            rail = self.rail(violation.guardrail)
        except BadEvent:
            # A version without this guardrail: told once, and not every minute.
            self.journal.put_off(finding, None)
            raise
        alarm = alarm_of(finding.event_name)
        cause = Cause(finding.origin, request, "", by_alarm(alarm) if alarm else "the end of a permission")
        if self.off(rail):
            self._switched_off(finding, cause)
        else:
            aws = Remembering(self.remediation.account_of(finding))
            if anew:
                self._replaced(rail, finding, aws, cause)
            _raise(self._settle(aws, [(rail, violation.resource)], None, cause, violation.part))
        self._due_again(finding)

    def _replaced(self, rail: Guardrail, finding: Finding, aws: Aws, cause: Cause) -> None:
        """Close a finding whose part is wrong in another way by now than was found."""
        entry = self.journal.head(place(finding.violation)).entries.get(finding.violation.part)
        remedy = self._target(rail, finding.violation.resource, aws, None).remedy(finding.violation.part)
        if entry and entry.finding == finding.id and remedy and not same(remedy.before, finding.before):
            gone = Decision("step", "gone", reason="another violation of the same part has taken its place")
            self.remediation.step(entry, gone, cause)

    def off(self, rail: Guardrail) -> bool:
        """Whether a guardrail is off altogether, so that its function may not even look."""
        return set(self.settings.modes(rail).values()) == {"off"}

    def _switched_off(self, finding: Finding, cause: Cause) -> None:
        entry = self.journal.head(place(finding.violation)).entries.get(finding.violation.part)
        if entry and entry.finding == finding.id and finding.status in ("asked", "held"):
            self.remediation.step(entry, Decision("step", "gone", reason="the guardrail is switched off"), cause)

    def _due_again(self, finding: Finding) -> None:
        """Clear the time at which to look again, or put it off to the end of the pause that still holds it."""
        pause = scope.paused(self.journal.pauses(), finding.violation, self.now())
        fresh = self.journal.get(finding.id)
        latest = self.journal.head(place(finding.violation)).entries.get(finding.violation.part)
        if fresh and (latest is None or latest.finding != fresh.id):
            self.journal.put_off(fresh, None)
        elif pause and fresh and fresh.status == "held":
            self.journal.put_off(finding, pause.until)
        elif finding.due is not None and finding.due <= self.now():
            # A look that comes late, or twice, must not clear what has been set since.
            self.journal.put_off(finding, None)

    def target(self, rail: Guardrail, finding: Finding) -> Target:
        """Return what a finding is about, as it stands; raises AwsError."""
        alarm, aws = alarm_of(finding.event_name), self.remediation.account_of(finding)
        return self._target(rail, finding.violation.resource, aws, None, alarm)

    def waived(
        self, target: Target, violation: Violation, waivers: Sequence[Waiver], made: Actor | None
    ) -> Waiver | None:
        """Return the waiver that covers what somebody made for longest, if any does; raises AwsError."""

        def covering(some: Sequence[Waiver]) -> Waiver | None:
            # Tags that cannot be read raise: what may be exempted by one is not touched in doubt.
            return scope.waived(some, violation, made, partial(self.remediation.tags, target), self.now())

        found = covering(waivers)
        if found is None or not self.settings.control.four_eyes:
            return found
        # Nobody exempts their own change.
        return covering([one for one in waivers if not own_change(self.settings.people, one.by, made)])

    def ours(self, event: Event) -> bool:
        """Whether one of our own functions made the call: under its own role, or under its role in another account."""
        role = issuer(event.detail)
        kind = "guard" if event.account == self.settings.accounts.own else "member"
        names = {self.settings.role_name(f"{kind}_{service}") for service in registry.services()}
        account = role.split(":")[4] if role.count(":") >= 5 else ""
        return event.actor.kind == "AssumedRole" and account == event.account and role.rsplit("/", 1)[-1] in names

    def rail(self, name: str) -> Guardrail:
        """Return one of this function's guardrails; raises BadEvent for another function's."""
        for rail in self.rails:
            if rail.name == name:
                return rail
        raise BadEvent(f"guardrail {name!r} is not run by this function")

    def watched(self, what: str, account: str, region: str) -> None:
        """Raise BadEvent when an account or region is none of those that the settings name."""
        accounts, regions = self.settings.accounts, self.settings.regions
        for value, known, watched, name in (
            (account, accounts, accounts.watches(account), "accounts"),
            (region, ", ".join(regions), region in regions, "regions"),
        ):
            if not watched:
                raise BadEvent(
                    f"{what} of {value} arrived, which is not among the watched {name} "
                    f"({known}): add it to parapet.{name} in parapet.toml, "
                    "or remove the rule that forwards it"
                )

    # Deciding

    def _settle(
        self,
        aws: Aws,
        pairs: Sequence[tuple[Guardrail, str]],
        event: Event | None,
        cause: Cause,
        only: str = "",
    ) -> list[ParapetError]:
        """Decide about every part of some resources and act; returns what went wrong with some, the rest is done."""
        problems: list[ParapetError] = []
        targets: dict[Place, Target] = {}
        for rail, subject in pairs:
            try:
                target = self._target(rail, subject, aws, event, cause.alarm)
            except ParapetError as problem:
                problems.append(problem)
            else:
                targets.setdefault(target.where, target)
        if targets:
            look = self.journal.look(list(targets), {target.rail.name for target in targets.values()})
            for target in targets.values():
                parts = dict.fromkeys((*(r.part for r in target.remedies), *look.heads[target.where].entries))
                for part in parts:
                    if only in ("", part) and not self._of_another(look, target, part, cause):
                        try:
                            look = self._settle_part(target, part, look, event, cause)
                        except ParapetError as problem:
                            problems.append(problem)
        return problems

    def _of_another(self, look: Look, target: Target, part: str, cause: Cause) -> bool:
        """Whether a part's finding is another alarm's than the one that has cleared, which says nothing about it."""
        entry = look.heads[target.where].entries.get(part)
        return target.cleared and entry is not None and self.remediation.known(entry).event_name != cause.event_name

    def _target(self, rail: Guardrail, subject: str, aws: Aws, event: Event | None, alarm: str = "") -> Target:
        read_at, region = self.now(), "global" if rail.everywhere else aws.region
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
        where = Place(rail.name, aws.account, region, resource)
        firing = alarms.firing(aws, alarm) if rail.alarmed and alarm else None
        cleared = rail.alarmed and firing is None
        remedies = self._remedies(rail, state, firing or event) if exists and not cleared else ()
        return Target(rail, subject, where, aws.region, state, exists, remedies, read_at, alarm, cleared)

    def _remedies(self, rail: Guardrail, state: Any, event: Event | Firing | None) -> tuple[Remedy, ...]:
        try:
            return rail.remedies(state, event, self.settings.options(rail))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            if not isinstance(event, Event):
                raise
            raise BadEvent(
                f"event {event.id} ({event.name}) has a shape that {rail.name} cannot read: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _settle_part(self, target: Target, part: str, look: Look, event: Event | None, cause: Cause) -> Look:
        for _ in range(ATTEMPTS):
            head = look.heads[target.where]
            entry = head.entries.get(part)
            if entry and _overtaken(entry, target):
                target = self._again(target, event)
            remedy = target.remedy(part)
            overtaken = self._superseded(entry, remedy, target)
            if overtaken or _dealt_with(entry, target, cause):
                remedy = None
            stands = remedy is None and entry is not None and self._stands(target, entry)
            limit = look.limits[target.rail.name]
            circumstances = self._circumstances(target, part, remedy, entry, look, cause)
            decision = decide(remedy, entry, stands, head, limit, circumstances)
            if decision == GONE and target.cleared:
                decision = replace(GONE, reason=f"alarm {target.alarm} does not fire any more")
            elif decision == GONE and overtaken:
                decision = replace(GONE, reason="what it would take to mend it has changed meanwhile")
            try:
                record = self._carry_out(decision, target, remedy, entry, Record(head, limit), cause)
            except Conflict:
                # Look first and read then: what the journal says must not be newer than what we decide on.
                look = self.journal.look([*look.heads], [*look.limits])
                target = self._again(target, event)
            else:
                return replace(
                    look,
                    heads={**look.heads, target.where: record.head},
                    limits={**look.limits, target.rail.name: record.limit},
                )
        raise Busy(f"{target.where.resource} is being changed by too many at once")

    def _superseded(self, entry: Entry | None, remedy: Remedy | None, target: Target) -> bool:
        """Whether something waits for people that an alarm brought, and what they would decide about has changed.

        What a call brought has parts that tell one violation from another; an alarm's is the same part each time.
        """
        if not target.rail.alarmed or remedy is None or entry is None or entry.status not in WAITING:
            return False
        finding = self.remediation.known(entry)
        seen, told = (remedy.before, remedy.after), (finding.before, finding.after)
        return not same(seen, told) or bool(remedy.fix) != bool(finding.fix)

    def _again(self, target: Target, event: Event | None) -> Target:
        aws = self.account(target.where.account, target.region)
        return self._target(target.rail, target.subject, aws, event, target.alarm)

    def _circumstances(
        self, target: Target, part: str, remedy: Remedy | None, entry: Entry | None, look: Look, cause: Cause
    ) -> Circumstances:
        where, now = target.where, self.now()
        violation = Violation(where.guardrail, where.account, where.region, where.resource, part)
        in_force = self.in_force(look.waivers)
        # What stood before this call is not of whoever made the call.
        stood = entry is not None and entry.status in STANDING and entry.origin == "event" and entry.event != cause.name
        made = cause.actor if remedy and remedy.brought else None
        if entry and stood and in_force:
            made = self.remediation.known(entry).actor
        return Circumstances(
            origin=cause.origin,
            cause=cause.name,
            event_time=cause.event_time,
            request=cause.request,
            resource=where.resource,
            now=now,
            modes=self._modes(target, remedy, entry),
            pause=scope.paused(look.pauses, violation, now),
            limits=self.settings.limits,
            momentary=target.rail.momentary,
            waiver=self.waived(target, violation, in_force, made) if in_force else None,
            waivers=frozenset(one.id for one in in_force),
            approval=self.settings.control.approval,
        )

    def _modes(self, target: Target, remedy: Remedy | None, entry: Entry | None) -> dict[Origin, Mode]:
        """Return the modes in force for a part: for an alarm those of its bindings, and without a fix only to tell."""
        rail, where, modes = target.rail, target.where, self.settings.modes(target.rail)
        if target.alarm:
            bound = self.settings.bound(rail, target.alarm, where.account, target.region)
            modes["event"] = self.settings.bound_mode(rail, bound)
        if remedy is None or remedy.fix or (entry and entry.status == "fixing"):
            return modes
        return {origin: min(modes[origin], "observe", key=MODES.index) for origin in ORIGINS}

    def in_force(self, waivers: Sequence[Waiver]) -> list[Waiver]:
        """Return those of some waivers that count now."""
        by_tag, now = self.settings.exempting.by_tag, self.now()
        return [one for one in waivers if one.until > now and (by_tag or not one.scope.tag)]

    def _stands(self, target: Target, entry: Entry) -> bool:
        half = entry.status == "failed"
        born = target.rail.event_born and entry.status in (*STANDING, *PERMITTED, "undoing")
        if not target.exists or not (half or born):
            return False
        finding = self.remediation.known(entry)
        view = target.rail.current(target.state, entry.part)
        if born and same(view, finding.before):
            return True
        return half and len(finding.fix) > 1 and not same(view, finding.after)

    def _carry_out(
        self,
        decision: Decision,
        target: Target,
        remedy: Remedy | None,
        entry: Entry | None,
        record: Record,
        cause: Cause,
    ) -> Record:
        act, kind = self.remediation, decision.kind
        if kind == "open" and remedy:
            return act.open(target, remedy, decision, record, cause)
        if entry is None or kind == "nothing":
            return record
        if kind == "busy":
            raise Busy(decision.reason)
        if kind == "join":
            act.join(entry, cause)
            return record
        if kind == "tell":
            act.tell(act.known(entry))
            return record
        if kind == "adopt" and remedy:
            act.adopt(target, remedy, entry, decision, record, cause)
        elif kind == "resume":
            act.resume(target, entry, record, cause)
        else:
            act.step(entry, decision, cause)
            if entry.status == "undoing":
                raise Conflict("an undo that was never brought to its end is out of the way: decide anew")
        return self._reread(target)

    def _reread(self, target: Target) -> Record:
        """Return the record after a move of ours; moves are rare, and what they write is the journal's matter."""
        look = self.journal.look([target.where], [target.rail.name])
        return Record(look.heads[target.where], look.limits[target.rail.name])


def _dealt_with(entry: Entry | None, target: Target, cause: Cause) -> bool:
    """Whether this very report of an alarm has come to its end: what more could be done is for another to bring."""
    done = entry is not None and entry.status in ("fixed", "gone") and cause.name in (entry.event, entry.mover)
    return target.rail.alarmed and done


def _overtaken(entry: Entry, target: Target) -> bool:
    """Whether a finding was closed, or opened for what we do not see, so late that what we read may be from before."""
    late = entry.at > target.read_at - FRESH
    return late and (entry.status not in STANDING or target.remedy(entry.part) is None)


def _raise(problems: Sequence[ParapetError]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise NotHandled("; ".join(str(problem) for problem in problems)) from problems[0]
