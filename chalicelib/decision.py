"""What to do about one part of one resource: pure, decided on what stands now and what the journal holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from chalicelib.model import ACTING, STANDING, Exemption, Mode, Origin, Pause, Remedy, Status, Waiver
from chalicelib.settings import Control, Limits

Kind = Literal["nothing", "open", "join", "adopt", "tell", "busy", "resume", "step"]

TEN_MINUTES = 600.0
HOUR = 3600.0
# What cannot be changed yet is tried again so often (seconds).
LATER = 120.0
EVERY_PART = "*"
PERMITTED = ("undone", "exempted")
# How the mover begins that is a person's command; its id follows.
COMMAND = "command "


@dataclass(frozen=True, slots=True)
class Entry:
    """The latest finding of one part, as the resource's head in the journal holds it.

    `event` is the cause that opened the finding and `mover` the one that moved it last (`Circumstances.cause`, or a
    person's command); `request` and `lease` say which invocation holds it, until when; `ask` that its fix must be asked
    for, `counted` that it counts against the limits already; `approved` which command wants its fix, and `waiver` under
    which waiver it stands.
    """

    part: str
    finding: str
    status: Status
    origin: Origin
    event: str
    mover: str
    request: str
    lease: float
    at: float
    ask: bool = False
    counted: bool = False
    approved: str = ""
    waiver: str = ""

    @property
    def commanded(self) -> bool:
        """Whether a person's command moved it last: what came of that is told by the command alone."""
        return self.mover.startswith(COMMAND)


@dataclass(frozen=True, slots=True)
class Head:
    """What the journal holds per guardrail and resource: latest findings, exemptions, recent fixes (time, cause)."""

    rev: int = 0
    entries: Mapping[str, Entry] = field(default_factory=dict)
    exemptions: Mapping[str, Exemption] = field(default_factory=dict)
    fixes: tuple[tuple[float, str], ...] = ()

    def exemption(self, part: str, now: float, event: str | None = None) -> Exemption | None:
        """Return the permission in force for a part, or None; with an event's id, one that lets its change stand."""
        for name in (part, EVERY_PART):
            found = self.exemptions.get(name)
            if found and found.until > now and (event is None or found.event in ("", event)):
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

    `nothing`; `open` a finding; `join` a standing one; `adopt` one that a sweep found and whose cause this event
    is; `tell` again what this very cause led to; `busy`: another invocation holds it; `resume` its fix; `step`
    to another status without touching anything. `due` is when to look again (epoch seconds), `waiver` which waiver
    permits it.
    """

    kind: Kind
    status: Status = "observed"
    origin: Origin = "event"
    reason: str = ""
    due: float | None = None
    waiver: str = ""


NOTHING = Decision("nothing")
GONE = Decision("step", "gone", reason="it is no longer so")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on besides the part itself.

    Args:
        origin: how we came to look.
        cause: the event's id, or what else names the reason to look, the same when it is delivered again.
        event_time: when the call was made (epoch seconds); None when there was none.
        request: the invocation's request id.
        resource: what the part belongs to.
        pause: the one that holds the part for longest, if any is on.
        waiver: the one that covers the part for longest, if any does.
        waivers: the ids of all that are in force.
        approval: how long the question for a fix counts (seconds).
    """

    origin: Origin
    cause: str
    event_time: float | None
    request: str
    resource: str
    now: float
    modes: Mapping[Origin, Mode]
    pause: Pause | None
    limits: Limits
    momentary: bool = False
    waiver: Waiver | None = None
    waivers: frozenset[str] = frozenset()
    approval: float = Control.approval

    @property
    def paused(self) -> bool:
        """Whether fixing this is paused now."""
        return self.pause is not None and self.pause.on(self.now)


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
    if entry and entry.status in ("fixing", "undoing") and entry.request != c.request and entry.lease > c.now:
        return Decision("busy", reason=f"finding {entry.finding} is being handled")
    part = remedy.part if remedy else entry.part if entry else ""
    permitted = head.exemption(part, c.now, c.cause) is not None or _waived_before(remedy, entry, c)
    if entry and entry.status == "fixing":
        return _unfinished(remedy, entry, permitted, stands, c)
    told = entry is not None and c.cause in (entry.event, entry.mover)
    if told and remedy is None and entry and entry.status in ("fixed", "gone", "noted"):
        # Whatever is permitted since, this much has happened and may not have been told.
        return NOTHING if entry.commanded else Decision("tell")
    if permitted:
        untold = entry is not None and entry.status == "exempted" and entry.mover == c.cause != entry.event
        return Decision("tell") if untold else NOTHING
    if entry and entry.status == "undoing":
        # Its permission is over, and nobody has brought it to its end: what stands now is decided on anew.
        open_again = remedy is not None or stands
        return Decision("step", "undone" if open_again else "fixed", reason="the undo was never brought to its end")
    if c.waiver:
        return _waived(remedy, entry, stands, c.waiver, c)
    if entry and c.momentary:
        return Decision("tell" if told else "join")
    if entry and (remedy is None or entry.status in STANDING):
        return _known(remedy, entry, stands, told, head, limit, c)
    if remedy is None:
        return NOTHING
    return _opened(remedy.ask, _origin(remedy, entry, c), head, limit, c)


def _waived_before(remedy: Remedy | None, entry: Entry | None, c: Circumstances) -> bool:
    """Whether the part's finding stands under a waiver in force, and nobody has brought it anew."""
    if entry is None or entry.status != "exempted" or entry.waiver not in c.waivers:
        return False
    anew = _brought(remedy, c) and not _earlier(entry, c)
    return not anew or c.waiver is not None


def _waived(remedy: Remedy | None, entry: Entry | None, stands: bool, waiver: Waiver, c: Circumstances) -> Decision:
    """Return how a violation is left alone that a waiver covers: on record, so that its end is noticed."""
    standing = entry if entry and entry.status in STANDING else None
    if c.momentary or (remedy is None and standing is None):
        return NOTHING
    if remedy is None and not stands:
        return GONE
    kind: Kind = "open"
    origin = _origin(remedy, entry, c)
    if standing and _adopted(remedy, standing, c):
        kind, origin = "adopt", "event"
    elif standing:
        kind, origin = "step", standing.origin
    elif entry and entry.status in PERMITTED:
        kind = "step"
    if c.modes[origin] == "off":
        return NOTHING
    return Decision(
        kind, "exempted", origin, f"waiver {waiver.id} of {waiver.who}: {waiver.why}", waiver.until, waiver.id
    )


def _unfinished(remedy: Remedy | None, entry: Entry, permitted: bool, stands: bool, c: Circumstances) -> Decision:
    """Return what becomes of a fix that was begun: what has changed since counts, unless it was made already."""
    if remedy is None and not stands:
        return Decision("resume")
    if permitted:
        return Decision("step", "exempted", reason="permitted before it was fixed")
    mode = c.modes[entry.origin]
    if entry.approved and mode in ACTING:
        return Decision("resume")
    if c.waiver and mode != "off":
        return _waived(remedy, replace(entry, status="failed"), True, c.waiver, c)
    if mode != "enforce":
        return _no_longer(mode, c)
    return replace(_held(c), kind="step") if c.pause and c.paused else Decision("resume")


def _no_longer(mode: Mode, c: Circumstances) -> Decision:
    """Return what becomes of a fix that was to be made, under a mode in which it is not."""
    if mode == "off":
        return Decision("step", "gone", reason="the guardrail was switched off before it was fixed")
    reason = f"the mode is {mode} now"
    return Decision("step", "observed", reason=reason) if mode == "observe" else _asked(c, reason)


def _known(
    remedy: Remedy | None,
    entry: Entry,
    stands: bool,
    told: bool,
    head: Head,
    limit: Limit,
    c: Circumstances,
) -> Decision:
    """Return what becomes of a finding that stands, or whose permission has ended, or that is over."""
    repeat = Decision("join") if not told else NOTHING if entry.commanded else Decision("tell")
    if entry.status not in STANDING and entry.status not in PERMITTED:
        return repeat if told else NOTHING
    if remedy is None and not stands:
        return GONE
    if remedy and not told and _adopted(remedy, entry, c):
        opened = _opened(remedy.ask, "event", head, limit, c)
        return replace(opened, kind="adopt") if opened.kind == "open" else repeat
    asks = entry.ask or bool(remedy and remedy.ask)
    mode = c.modes[entry.origin]
    if entry.status in PERMITTED and mode != "off" and (mode != "enforce" or asks or c.paused):
        opened = _opened(asks, entry.origin, head, limit, c)
        return replace(opened, kind="step", reason=opened.reason or "the permission has ended")
    if entry.status == "asked" and entry.at + c.approval <= c.now and mode in ACTING:
        return _asked(c, "nobody has decided, so it is asked anew")
    if entry.status == "held" and entry.approved and mode in ACTING:
        return Decision("resume")
    if entry.status == "held" and (mode != "enforce" or asks):
        return _asked(c) if mode == "enforce" else _no_longer(mode, c)
    if entry.status in ("asked", "rejected") or mode != "enforce" or asks or c.paused:
        return repeat
    reason = "" if entry.counted else _over(head, limit, c)
    return _asked(c, reason) if reason else Decision("resume")


def _origin(remedy: Remedy | None, entry: Entry | None, c: Circumstances) -> Origin:
    """Return what brought a violation: what made us look, unless it was there before."""
    return c.origin if remedy and remedy.brought and not _earlier(entry, c) else "sweep"


def _brought(remedy: Remedy | None, c: Circumstances) -> bool:
    """Whether the event that made us look brought this."""
    return remedy is not None and remedy.brought and c.event_time is not None


def _adopted(remedy: Remedy | None, entry: Entry, c: Circumstances) -> bool:
    """Whether the event that made us look brought what a sweep has found."""
    return entry.origin == "sweep" and _brought(remedy, c)


def _earlier(entry: Entry | None, c: Circumstances) -> bool:
    """Whether the call was made before the part's latest finding was closed, and so cannot have brought this."""
    if entry is None:
        return False
    # CloudTrail's clock has whole seconds.
    return c.cause == entry.event or (c.event_time is not None and c.event_time < int(entry.at))


def _opened(ask: bool, origin: Origin, head: Head, limit: Limit, c: Circumstances) -> Decision:
    mode = c.modes[origin]
    if mode == "off":
        return NOTHING
    if mode == "observe":
        return Decision("open", "noted" if c.momentary else "observed", origin)
    if mode == "approve" or ask:
        return replace(_asked(c), kind="open", origin=origin)
    if c.paused:
        return replace(_held(c), origin=origin)
    reason = _over(head, limit, c)
    return replace(_asked(c, reason), kind="open", origin=origin) if reason else Decision("open", "fixing", origin)


def _asked(c: Circumstances, reason: str = "") -> Decision:
    """Return the step to asking people; nobody's question counts for ever."""
    return Decision("step", "asked", reason=reason, due=c.now + c.approval)


def _held(c: Circumstances) -> Decision:
    why = f"fixing is paused by {c.pause.who}: {c.pause.why}" if c.pause else ""
    return Decision("open", "held", reason=why, due=c.pause.until if c.pause else None)


def _over(head: Head, limit: Limit, c: Circumstances) -> str:
    lately = {cause for at, cause in head.fixes if at > c.now - HOUR} - {c.cause}
    if len(lately) >= c.limits.same_resource_per_hour:
        return (
            f"this resource was fixed {len(lately)} times within an hour and somebody puts it back: "
            "it is no longer fixed, find out who"
        )
    resources = {resource for at, resource in limit.fixes if at > c.now - TEN_MINUTES}
    if len(resources) >= c.limits.resources_per_ten_minutes and c.resource not in resources:
        return (
            f"this guardrail has fixed {len(resources)} resources within ten minutes: it asks from now on, "
            "look whether a deployment is behind this"
        )
    return ""
