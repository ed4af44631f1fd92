"""One month of the journal in numbers: what was wrong, what became of it, who decided what; pure."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.model import STANDING, US, Command, Finding, ParapetError, Pause, Scope, Status, Step, Waiver
from chalicelib.notices.compose import ENDED
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings

# What `commands.end_waiver` answers.
_ENDED = re.compile(f"{ENDED}([0-9a-f]{{16}})")
OVER: frozenset[str] = frozenset({"fixed", "gone", "noted"})
GRANTS: frozenset[str] = frozenset({"undone", "exempted"})
# How a violation can have ended a month; each has ended it in exactly one of these ways.
ENDS: Mapping[str, frozenset[str]] = {
    "fixed": frozenset({"fixed"}),
    "gone": frozenset({"gone"}),
    "seen": frozenset({"noted"}),
    "permitted": GRANTS | {"undoing"},
    "standing": STANDING,
}


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month in UTC, from `start` to before `end`; what is known of it reaches to `until`."""

    name: str
    start: float
    end: float
    until: float

    @property
    def whole(self) -> bool:
        """Whether the month is over."""
        return self.until == self.end

    def has(self, at: float) -> bool:
        """Whether a time is in it."""
        return self.start <= at < self.until


def period(text: str | None, now: float) -> Period:
    """Return the month that a text such as `2026-11` names, without one the last that is over; raises ParapetError."""
    today = datetime.fromtimestamp(now, UTC)
    year, number = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    if text is not None:
        match = re.fullmatch(r"([2-9]\d{3})-(0[1-9]|1[0-2])", text)
        if not match:
            raise ParapetError(f"--month: {text!r} is not a month such as {year}-{number:02d}")
        year, number = int(match[1]), int(match[2])
    start = datetime(year, number, 1, tzinfo=UTC).timestamp()
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp()
    if start > now:
        raise ParapetError(f"--month: {year}-{number:02d} has not begun")
    return Period(f"{year}-{number:02d}", start, end, min(end, now))


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix: what was fixed, when, after how many seconds (None: unknown), and whether people decided it."""

    finding: Finding
    at: float
    seconds: float | None
    decided: bool


@dataclass(frozen=True, slots=True)
class Permission:
    """What was allowed to stay, a finding or all that a waiver covers; `ended_by` ended it before its time."""

    what: str
    finding: str
    kind: str
    who: str
    why: str
    since: float
    until: float | None
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause, when it was over (None: not yet known), and who ended it before its time."""

    pause: Pause
    ended: float | None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many violations there were, how many of them new, and how they ended the month, with the fixes made in it."""

    name: str
    violations: int
    new: int
    ends: Mapping[str, int]
    fixes: tuple[Fix, ...]
    about: tuple[str, ...] = ()
    watched: bool = True

    @property
    def median(self) -> float | None:
        """The median of the seconds that fixes took, None without any."""
        known = [one.seconds for one in self.fixes if one.seconds is not None]
        return statistics.median(known) if known else None

    @property
    def worst(self) -> Fix | None:
        """The fix that took longest, None without any."""
        return max(
            (one for one in self.fixes if one.seconds is not None), key=lambda one: one.seconds or 0, default=None
        )


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the journal; `decisions` are the commands that were done, `refused` those that were not."""

    period: Period
    total: Tally
    guardrails: tuple[Tally, ...]
    controls: tuple[Tally, ...]
    fixes: tuple[Fix, ...]
    permissions: tuple[Permission, ...]
    decisions: tuple[Command, ...]
    refused: tuple[Command, ...]
    pauses: tuple[Paused, ...]
    standing: tuple[Finding, ...]
    whys: Mapping[str, str]

    @property
    def by_itself(self) -> tuple[Fix, ...]:
        """The fixes that waited for nobody."""
        return tuple(one for one in self.fixes if not one.decided)


def month(
    period: Period,
    findings: Iterable[Finding],
    commands: Sequence[Command],
    waivers: Sequence[Waiver],
    switches: Sequence[Pause],
    rails: Sequence[Guardrail],
    settings: Settings,
) -> Month:
    """Return a month of the journal.

    Args:
        period: the month.
        findings: all that were opened before the month's end, whenever.
        commands: all that were asked for before the month's end, with their answers.
        waivers: those that are given now.
        switches: the pause switches that are set now.
        rails: all guardrails there are.
        settings: whose modes tell which guardrails watch.
    """
    named = {one.finding for one in commands if period.has(one.at)}
    known = [one for one in findings if one.opened < period.until]
    there = [one for one in known if _stood(one, period)]
    fixes = sorted((fix for one in there for fix in _fixes(one) if period.has(fix.at)), key=lambda fix: fix.at)
    asked = [one for one in sorted(commands, key=lambda one: one.at) if period.has(one.at)]
    permissions = [*_waived(waivers, commands), *(grant for one in there for grant in _granted(one))]
    return Month(
        period=period,
        total=_tally("all", there, fixes, period),
        guardrails=_by_guardrail(there, fixes, period, rails, settings),
        controls=_by_control(there, fixes, period, rails, settings),
        fixes=tuple(fixes),
        permissions=tuple(
            sorted(
                (one for one in permissions if one.since < period.until and (one.until or period.until) > period.start),
                key=lambda one: one.since,
            )
        ),
        decisions=tuple(one for one in asked if one.status == "done"),
        refused=tuple(one for one in asked if one.status != "done"),
        pauses=tuple(_paused(commands, switches, period)),
        standing=tuple(
            sorted((one for one in there if status_at(one, period.until) in STANDING), key=lambda one: one.opened)
        ),
        whys={one.id: one.why for one in known if one.id in named},
    )


def stood_since(finding: Finding) -> float:
    """Return when a violation began as far as anybody knows: the call that made it, or when it was found."""
    return min(finding.opened, finding.opened if finding.event_time is None else finding.event_time)


def controls(rail: Guardrail) -> tuple[str, ...]:
    """Return the controls of FSBP and CIS that a guardrail serves: `FSBP EC2.13`; raises ParapetError."""
    found: list[str] = []
    for piece in rail.documentation["Controls"].split(";"):
        match = re.fullmatch(r"(FSBP|CIS \d+\.\d+) (.+)", piece.strip())
        if match:
            found += [f"{match[1]} {one.strip()}" for one in match[2].split(",")]
        elif not piece.strip().startswith(("none in", "Prowler ")):
            raise ParapetError(f"{rail.name}: {piece.strip()!r} under Controls names no control")
    return tuple(found)


def status_at(finding: Finding, at: float) -> Status | None:
    """Return the status that a finding had just before a time, None when it was not there yet."""
    return next((step.status for step in reversed(finding.history) if step.at < at), None)


def _stood(finding: Finding, period: Period) -> bool:
    """Whether a violation stood in a month, with permission or without: for all of it, or when something happened."""
    if period.has(finding.opened):
        return True
    before = status_at(finding, period.start)
    return (before is not None and before not in OVER) or any(
        period.has(step.at) and step.status not in OVER for step in finding.history
    )


def _fixes(finding: Finding) -> Iterator[Fix]:
    """Yield each fix of a finding, timed from when the violation began, or from when a permission for it ended."""
    since: float | None = stood_since(finding)
    decided, before = False, ""
    for step in finding.history:
        if step.status == "fixed" and before != "undoing":
            # Where a permission's end was followed by the fix at once, nobody has noted when it ended.
            yield Fix(finding, step.at, None if since is None else max(0.0, step.at - since), decided)
        elif step.status in ENDS["permitted"]:
            since, decided = None, False
        elif since is None and step.status in STANDING:
            since = step.at
        # Who approves what failed or was held was not asked.
        decided = decided or step.status in ("asked", "rejected") or (step.status == "fixing" and step.by != US)
        before = step.status


def _granted(finding: Finding) -> Iterator[Permission]:
    """Yield each permission of a finding: what an undo or an exemption left until it was over."""
    steps = _moves(finding.history)
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if step.status in GRANTS:
            until = after.at if after else finding.due
            yield Permission(finding.why, finding.id, step.status, step.by, step.note, step.at, until)


def _moves(history: Sequence[Step]) -> list[Step]:
    """Return the steps that moved a finding: what is only noted leaves the status as it is."""
    return [
        step for before, step in zip((None, *history[:-1]), history, strict=True)
        if before is None or before.status != step.status
    ]  # fmt: skip


def _waived(waivers: Sequence[Waiver], commands: Sequence[Command]) -> Iterator[Permission]:
    """Yield each waiver, also those that somebody ended: their commands are still there."""
    done = [one for one in commands if one.status == "done"]
    given = {
        one.id: Waiver(one.id, one.scope, one.until, one.who, one.why, one.at, one.by)
        for one in done
        if one.kind == "exempt" and one.answer == "exempted" and not one.finding
    }
    ended = {match[1]: one for one in done if (match := _ENDED.fullmatch(one.answer))}
    for one in (given | {one.id: one for one in waivers}).values():
        end = ended.get(one.id)
        early = end is not None and end.at < one.until
        until, by = (end.at, end.who) if end and early else (one.until, "")
        yield Permission(str(one.scope), "", "waiver", one.who, one.why, one.at, until, by)


def _paused(commands: Sequence[Command], switches: Sequence[Pause], period: Period) -> Iterator[Paused]:
    """Yield each pause that was on in a month, oldest first; one set by hand, in the console, has no command."""
    asked = [one for one in commands if one.status == "done" and one.answer in ("paused", "resumed")]
    found: list[Paused] = []
    on: dict[Scope, Pause] = {}
    for one in sorted(asked, key=lambda one: one.at):
        if before := on.pop(one.scope, None):
            early = before.until is None or one.at < before.until
            found.append(Paused(before, one.at if early else before.until, one.who if early else ""))
        if one.kind == "pause":
            on[one.scope] = Pause(one.who, one.why, one.at, one.until or None, one.scope)
    found += [Paused(one, one.until) for one in on.values()]
    set_by = {(one.pause.scope, one.pause.at) for one in found}
    found += [Paused(one, one.until) for one in switches if (one.scope, one.at) not in set_by]
    for each in sorted(found, key=lambda one: one.pause.at):
        if each.pause.at < period.until and (each.ended is None or each.ended > period.start):
            yield each


def _tally(
    name: str,
    findings: Sequence[Finding],
    fixes: Sequence[Fix],
    period: Period,
    about: tuple[str, ...] = (),
    watched: bool = True,
) -> Tally:
    last = [status_at(one, period.until) for one in findings]
    return Tally(
        name,
        len(findings),
        sum(period.has(one.opened) for one in findings),
        {end: sum(status in statuses for status in last) for end, statuses in ENDS.items()},
        tuple(fixes),
        about,
        watched,
    )


def _by_guardrail(
    findings: Sequence[Finding],
    fixes: Sequence[Fix],
    period: Period,
    rails: Sequence[Guardrail],
    settings: Settings,
) -> tuple[Tally, ...]:
    """Return a tally per guardrail, also of those that found nothing, and of those that no longer exist."""
    watching = {rail.name: _watches(rail, settings) for rail in rails}
    names = sorted({*watching, *(one.violation.guardrail for one in findings)})
    return tuple(_of((name,), name, findings, fixes, period, watching.get(name, False)) for name in names)


def _by_control(
    findings: Sequence[Finding],
    fixes: Sequence[Fix],
    period: Period,
    rails: Sequence[Guardrail],
    settings: Settings,
) -> tuple[Tally, ...]:
    """Return a tally per control that a guardrail serves, standard by standard."""
    serving: dict[str, list[Guardrail]] = {}
    for rail in rails:
        for control in controls(rail):
            serving.setdefault(control, []).append(rail)
    return tuple(
        _of(
            tuple(rail.name for rail in serving[name]), name, findings, fixes, period,
            any(_watches(rail, settings) for rail in serving[name]),
        )
        for name in sorted(serving, key=_numbers)
    )  # fmt: skip


def _of(
    rails: tuple[str, ...],
    name: str,
    findings: Sequence[Finding],
    fixes: Sequence[Fix],
    period: Period,
    watched: bool,
) -> Tally:
    return _tally(
        name,
        [one for one in findings if one.violation.guardrail in rails],
        [one for one in fixes if one.finding.violation.guardrail in rails],
        period,
        rails,
        watched,
    )


def _watches(rail: Guardrail, settings: Settings) -> bool:
    return set(settings.modes(rail).values()) != {"off"}


def _numbers(control: str) -> list[tuple[int, str]]:
    """Return what controls are sorted by: the numbers in them as numbers."""
    return [(int(piece), "") if piece.isdigit() else (0, piece) for piece in re.split(r"(\d+)", control)]
