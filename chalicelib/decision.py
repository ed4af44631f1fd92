"""What to do about one part of one resource: pure, decided on what stands now and what the journal holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.model import STANDING, Exemption, Mode, Origin, Pause, Remedy, Status
from chalicelib.settings import Limits

TEN_MINUTES = 600.0
HOUR = 3600.0
EVERY_PART = "*"


@dataclass(frozen=True, slots=True)
class Entry:
    """The latest finding of one part, as the resource's head in the journal holds it."""

    part: str
    finding: str
    status: Status
    origin: Origin
    event: str
    request: str
    lease: float
    at: float


@dataclass(frozen=True, slots=True)
class Head:
    """What the journal holds per guardrail and resource: latest findings, exemptions, times of recent fixes."""

    rev: int = 0
    entries: Mapping[str, Entry] = field(default_factory=dict)
    exemptions: Mapping[str, Exemption] = field(default_factory=dict)
    fixes: tuple[float, ...] = ()

    def exemption(self, part: str, now: float) -> Exemption | None:
        """Return the permission in force for a part, or None."""
        for name in (part, EVERY_PART):
            found = self.exemptions.get(name)
            if found and found.until > now:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Limit:
    """The fixes of one guardrail in the last minutes, as (epoch seconds, resource)."""

    rev: int = 0
    fixes: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one part.

    `nothing`; `join` a standing finding; `tell` again what this very event led to; `busy` (another invocation
    holds it); `resume` an unfinished fix; `gone` (close it); `open` a finding with a status, origin and reason.
    """

    kind: Literal["nothing", "join", "tell", "busy", "resume", "gone", "open"]
    status: Status = "observed"
    origin: Origin = "event"
    reason: str = ""


NOTHING = Decision("nothing")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on besides the part itself."""

    origin: Origin
    event: str
    request: str
    now: float
    modes: Mapping[Origin, Mode]
    pause: Pause | None
    limits: Limits
    momentary: bool = False


def decide(
    remedy: Remedy | None, entry: Entry | None, stands: bool, head: Head, limit: Limit, c: Circumstances
) -> Decision:
    """Return what to do about a part.

    Args:
        remedy: what is wrong with the part now; None when nothing is, or nothing that can be seen without the event.
        entry: the part's latest finding.
        stands: whether the finding is still open although `remedy` cannot tell: the part is as it was found, or a fix
            of several calls got stuck half-way.
        head: the resource's record.
        limit: the guardrail's recent fixes.
        c: the circumstances.
    """
    if entry and entry.status in ("fixing", "undoing"):
        if entry.request != c.request and entry.lease > c.now:
            return Decision("busy", reason=f"finding {entry.finding} is being handled")
        return Decision("resume") if entry.status == "fixing" else NOTHING
    if remedy is None:
        return _unseen(entry, stands, c)
    if head.exemption(remedy.part, c.now):
        return NOTHING
    if entry and entry.status in STANDING:
        return _standing(entry, c)
    same = entry is not None and entry.event == c.event
    if entry and c.momentary:
        return Decision("tell" if same else "join")
    # An event that has already led to a fix cannot have brought what stands now.
    origin: Origin = c.origin if remedy.brought and not same else "sweep"
    mode = c.modes[origin]
    return _opened("approve" if remedy.ask and mode == "enforce" else mode, origin, head, limit, c)


def _unseen(entry: Entry | None, stands: bool, c: Circumstances) -> Decision:
    if entry is None:
        return NOTHING
    if entry.status in STANDING:
        return _standing(entry, c) if stands else Decision("gone")
    return Decision("tell") if c.event and entry.event == c.event else NOTHING


def _standing(entry: Entry, c: Circumstances) -> Decision:
    waits = entry.status in ("held", "failed", "observed")
    if waits and c.modes[entry.origin] == "enforce" and not paused(c):
        return Decision("resume")
    return Decision("tell" if c.event and entry.event == c.event else "join")


def _opened(mode: Mode, origin: Origin, head: Head, limit: Limit, c: Circumstances) -> Decision:
    if mode == "off":
        return NOTHING
    if mode == "observe":
        return Decision("open", "noted" if c.momentary else "observed", origin)
    if mode == "approve":
        return Decision("open", "asked", origin)
    if paused(c) and c.pause:
        return Decision("open", "held", origin, f"fixing is paused by {c.pause.who}: {c.pause.why}")
    reason = _over(head, limit, c)
    return Decision("open", "asked" if reason else "fixing", origin, reason)


def paused(c: Circumstances) -> bool:
    """Whether the pause switch is on now."""
    return c.pause is not None and (c.pause.until is None or c.pause.until > c.now)


def _over(head: Head, limit: Limit, c: Circumstances) -> str:
    lately = [at for at in head.fixes if at > c.now - HOUR]
    if len(lately) >= c.limits.same_resource_per_hour:
        return (
            f"this resource was fixed {len(lately)} times within an hour and somebody puts it back: "
            "it is no longer fixed, find out who"
        )
    resources = {resource for at, resource in limit.fixes if at > c.now - TEN_MINUTES}
    if len(resources) >= c.limits.resources_per_ten_minutes:
        return (
            f"this guardrail has fixed {len(resources)} resources within ten minutes: it asks from now on, "
            "look whether a deployment is behind this"
        )
    return ""
