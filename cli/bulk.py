"""Undoing in bulk: what was fixed in a span of time is shown, then undone one by one, newest first."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Literal

import click

from chalicelib import admission, times
from chalicelib.api import shape
from chalicelib.journal import Journal, place
from chalicelib.model import DAY, Command, Finding, ParapetError, Scope
from chalicelib.pages import SKEW
from chalicelib.scope import is_principal, places
from cli import asking, errors, findings, output
from cli.deployment import Outside

Outcome = Literal["possible", "impossible", "undone", "refused", "asked", "not asked"]
_WORDS: dict[Outcome, str] = {
    "undone": "undone", "refused": "refused", "impossible": "cannot be undone", "asked": "not answered yet",
    "not asked": "not asked",
}  # fmt: skip
# As many at a time as a guard function carries out side by side without being throttled.
AT_ONCE = 10
# A fix may come long after its finding was opened, when somebody approves it.
REACH = 90 * DAY


@dataclass(frozen=True)
class Chosen:
    """Which fixes are meant: where, brought about by whom, made in which span of time."""

    scope: Scope
    by: str
    since: float
    until: float

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is meant."""
        if finding.fixed_at is None or not self.since <= finding.fixed_at <= self.until:
            return False
        return places(self.scope, finding.violation) and (not self.by or brought_by(finding, self.by))


@dataclass(frozen=True)
class Wish:
    """What is asked for about each: why, until when it may stay so, and how long to wait for each answer."""

    why: str
    until: float
    break_glass: bool
    wait: float


@dataclass
class Candidate:
    """One fix that is to be taken back, and how far that is."""

    finding: Finding
    command: Command
    outcome: Outcome = "possible"
    answer: str = ""


def window(since: str, until: str | None, now: float) -> tuple[float, float]:
    """Return the span of time that two options name; raises ParapetError."""
    start = times.since(since, "--since", now)
    end = times.since(until, "--until", now) if until is not None else now + SKEW
    if end <= start:
        raise ParapetError(f"--until {until} is before --since {since}")
    return start, end


def brought_by(finding: Finding, who: str) -> bool:
    """Whether a finding is what one person, user or role brought about: by name, or by ARN (with `*`)."""
    return finding.actor is not None and (who == finding.actor.who or is_principal(finding.actor.arn, who))


def undo(outside: Outside, chosen: Chosen, wish: Wish, yes: bool, as_json: bool) -> None:
    """Show what would be undone, and with `yes` (or when the person says so) do it; raises Failure, ParapetError."""
    candidates = considered(outside, fixes(outside.deployment.journal, chosen), wish)
    asked = yes
    if not as_json:
        _show(outside, candidates, wish)
        asked = yes or _confirmed(outside, candidates)
    round_ = Round(outside, wish, candidates)
    if asked:
        round_.run()
    if as_json:
        document = [_document(one, outside.now()) for one in candidates]
        output.emit({"until": times.iso(wish.until), "findings": document})
    elif asked and candidates:
        _sum_up(candidates)
    if asked:
        round_.fail()


def fixes(journal: Journal, chosen: Chosen) -> list[Finding]:
    """Return the findings that are fixed and meant, the newest fix first: the way back is the way there, reversed."""
    fixed = journal.by_status("fixed", max(0.0, chosen.since - REACH))
    return sorted((one for one in fixed if chosen.covers(one)), key=lambda one: -(one.fixed_at or 0.0))


def considered(outside: Outside, found: list[Finding], wish: Wish) -> list[Candidate]:
    """Return what is to be asked for each finding, and which of it the journal already shows to be impossible."""
    settings, now = outside.settings(), outside.now()
    heads = outside.deployment.journal.look([place(one.violation) for one in found], ()).heads
    candidates = [Candidate(one, _command(outside, one, wish)) for one in found]
    for one in candidates:
        try:
            admission.admitted(one.command, one.finding, heads[place(one.finding.violation)], settings, now)
        except admission.Refused as refusal:
            one.outcome, one.answer = "impossible", asking.refused(refusal)
    return candidates


def _command(outside: Outside, finding: Finding, wish: Wish) -> Command:
    from chalicelib import commands

    return commands.new(
        "undo", asking.asker(outside), outside.now(), outside.settings(),
        finding=finding, why=wish.why, until=wish.until, break_glass=wish.break_glass,
    )  # fmt: skip


@dataclass
class Round:
    """The asking for many commands in order, a few at a time, as far as it has come."""

    outside: Outside
    wish: Wish
    candidates: list[Candidate]
    waiting: dict[str, tuple[Candidate, float]] = field(default_factory=dict)
    trouble: ParapetError | None = None
    interrupted: bool = False

    def run(self) -> None:
        """Ask and wait until all is answered; when an answer stays out, or something goes wrong, ask for no more."""
        todo = deque(one for one in self.candidates if one.outcome == "possible")
        for one in todo:
            one.outcome = "not asked"
        try:
            while todo or self.waiting:
                while todo and len(self.waiting) < AT_ONCE:
                    self._ask(todo.popleft())
                self.outside.sleep(asking.POLL)
                if self._look():
                    todo.clear()
                self._progress()
        except KeyboardInterrupt:
            self.interrupted = True
        except ParapetError as error:
            self.trouble = error
        finally:
            if self.outside.terminal():
                click.echo("\r\x1b[K", nl=False, err=True)

    def _ask(self, one: Candidate) -> None:
        from chalicelib import commands

        where = self.outside.deployment
        # Made anew: it counts from when it is asked. Whatever happens from here on, it may have been.
        one.command, one.outcome = _command(self.outside, one.finding, self.wish), "asked"
        self.waiting[one.command.id] = one, self.outside.now() + self.wish.wait
        commands.ask(where.journal, where.aws, one.command)

    def _look(self) -> bool:
        """Take in the answers; returns whether one has stayed out for too long."""
        late, now = False, self.outside.now()
        for name, (one, deadline) in list(self.waiting.items()):
            one.command = self.outside.deployment.journal.command(name) or one.command
            if one.command.status != "asked":
                one.outcome = "undone" if one.command.status == "done" else "refused"
                one.answer = one.command.answer
                del self.waiting[name]
            elif now >= deadline:
                late = True
                del self.waiting[name]
        return late

    def _progress(self) -> None:
        if self.outside.terminal():
            answered = sum(one.outcome in ("undone", "refused") for one in self.candidates)
            line = f"{answered} of {len(self.candidates)} answered, {len(self.waiting)} asked"
            click.echo(f"\r{line}\x1b[K", nl=False, err=True)

    def fail(self) -> None:
        """Raise what went wrong, if not all is undone: the exit code is that of a single undo."""
        if self.trouble:
            raise self.trouble
        counts = Counter(one.outcome for one in self.candidates)
        left = []
        if counts["asked"]:
            services = {one.command.service for one in self.candidates if one.outcome == "asked"}
            logs = ", ".join(asking.log(self.outside, service) for service in sorted(services))
            left.append(f"{counts['asked']} stay asked and may still be carried out (log: {logs})")
        if counts["not asked"]:
            left.append(f"{counts['not asked']} were not asked, which the same command does")
        if left:
            raise errors.NoAnswer(f"{'interrupted' if self.interrupted else 'no answer in time'}: {'; '.join(left)}")
        if refused := counts["refused"] + counts["impossible"]:
            raise errors.Refused(f"refused: {refused} of {len(self.candidates)}")


def _confirmed(outside: Outside, candidates: list[Candidate]) -> bool:
    possible = sum(one.outcome == "possible" for one in candidates)
    if not possible:
        return False
    if not outside.terminal():
        output.say("Nothing is done yet: the same with --yes does it.")
        return False
    try:
        agreed = click.confirm(f"Undo {possible} now?", err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        output.say("Nothing is done.")
    return agreed


def _show(outside: Outside, candidates: list[Candidate], wish: Wish) -> None:
    if not candidates:
        output.say("Nothing that was fixed then and is fixed now; ./parapet journal --status fixed lists what is.")
        return
    now = outside.now()
    output.table(
        ("id", "resource", "what was fixed", "when", "who", "undo"),
        [
            (
                one.finding.id,
                one.finding.violation.resource,
                one.finding.why,
                times.ago(one.finding.fixed_at or now, now),
                findings.who(one.finding),
                one.answer or "yes",
            )
            for one in candidates
        ],
        whole=("id", "when"),
    )
    counts = Counter(one.outcome for one in candidates)
    cannot = f"; {counts['impossible']} cannot" if counts["impossible"] else ""
    output.say(
        f"{counts['possible']} of {len(candidates)} can be undone, and may then stay so until "
        f"{times.ahead(wish.until, now)}{cannot}."
    )


def _sum_up(candidates: list[Candidate]) -> None:
    counts = Counter(one.outcome for one in candidates)
    told = [f"{counts[outcome]} {words}" for outcome, words in _WORDS.items() if counts[outcome]]
    output.say(f"{', '.join(told).capitalize()}.")
    for one in candidates:
        if one.outcome in ("refused", "asked"):
            output.say(f"  {one.finding.id} {_WORDS[one.outcome]}{f': {one.answer}' if one.answer else ''}")


def _document(one: Candidate, now: float) -> dict[str, Any]:
    asked = one.command.id if one.outcome in ("asked", "undone", "refused") else None
    return {**shape.summary(one.finding, now), "outcome": one.outcome, "answer": one.answer, "command": asked}
