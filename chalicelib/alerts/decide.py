"""What a signal, a command or the passing of time changes about an alert and its group: pure.

An alert that is silenced or inhibited when it begins to fire opens no thread until that is over. What was told is told
to be over, whatever has been silenced since.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.alerts import compose, quiet
from chalicelib.alerts.model import Alert, Group, Silence
from chalicelib.alerts.quiet import Inhibit, Inhibitor
from chalicelib.alerts.signal import Signal
from chalicelib.matcher import About
from chalicelib.model import SEVERITIES, Notice, Severity
from chalicelib.notices.routes import Route, Routes

# What joins a thread waits so long for company, unless so many are there already.
GATHER, MOST = 20.0, 25
# What begins again so soon after its end goes on in the same thread (seconds).
REOPENS = 600.0
# What an account's alerts have in common anyway; when nothing else is known, those belong together that begin within
# so many seconds: a storm is one thread, and an old fire does not hide a new one.
WIDE, WINDOW = frozenset({"source", "severity", "account", "region"}), 300.0
UNKNOWN = "unknown"
# So often it is looked whether an alert is to be kept quiet still (seconds).
AGAIN = 300.0


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on besides the alert and its group; `now` in epoch seconds."""

    now: float
    routes: Routes = field(default_factory=Routes)
    silences: Sequence[Silence] = ()
    inhibitors: Sequence[Inhibitor] = ()
    rules: Sequence[Inhibit] = ()

    def quieted(self, about: About, tags: Mapping[str, str], alert: str, fingerprint: str, names: Sequence[str]) -> str:
        """Return what keeps something quiet now, as `quiet.by` does."""
        return quiet.by(about, tags, alert, fingerprint, names, self.silences, self.inhibitors, self.rules, self.now)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be recorded, and what follows.

    Args:
        alert: the alert from now on.
        group: its group from now on; None where that has none yet.
        began: whether people are told that it begins: evidence is gathered, and remedies are asked for.
    """

    alert: Alert
    group: Group | None
    began: bool = False


def place(signal: Signal, route: Route) -> tuple[str, str]:
    """Return the id of the group that a signal belongs to, and what its alerts have in common, as text."""
    values = {name: _value(signal, name) for name in route.group_by}
    if signal.source == UNKNOWN:
        # A line among others would not show what it is.
        values["fingerprint"] = signal.fingerprint
    elif not any(value for name, value in values.items() if name not in WIDE):
        # Nothing tells what they have in common but that they begin together.
        values["window"] = str(int(signal.at // WINDOW))
    key = json.dumps([route.name, values], sort_keys=True)
    return "a-" + base64.b32hexencode(hashlib.sha256(key.encode()).digest()).decode()[:8].lower(), key


def by_chance(group: Group) -> bool:
    """Whether all that a group's alerts have in common is when they began: the next time, it is another group's."""
    return "window" in json.loads(group.key)[1]


def _value(signal: Signal, name: str) -> str:
    return signal.tags.get(name[4:], "") if name.startswith("tag:") else str(getattr(signal, name))


def repeats(signal: Signal, alert: Alert | None) -> bool:
    """Whether a signal is the very one that the alert has been moved by last."""
    return alert is not None and alert.signal == signal.id


def take(signal: Signal, alert: Alert | None, group: Group | None, place: tuple[str, str], c: Circumstances) -> Outcome:
    """Return what a signal changes; one that is older than what is known changes nothing.

    Args:
        signal: the report.
        alert: what is known under its fingerprint.
        group: the one that it is told in, or would be.
        place: that group's id and key.
        c: the circumstances.
    """
    if alert and (repeats(signal, alert) or signal.at < alert.at):
        return Outcome(alert, group)
    seen = _seen(signal, alert, place[0])
    firing = alert is not None and alert.status == "firing"
    if signal.state == "firing":
        if alert and firing:
            return _goes_on(signal, replace(seen, since=alert.since), alert, group, c)
        return _begins(signal, replace(seen, status="firing", fired=seen.fired + 1), group, place[1], c)
    if signal.state == "resolved":
        return (
            ends(replace(seen, status="resolved", quiet="", due=None, waiting=None), group, c)
            if firing
            else Outcome(seen, group)
        )
    if alert and firing:
        # Without data nobody knows, and nobody may take that for an end.
        told = replace(seen, title=alert.title, since=alert.since, severity=alert.severity)
        waits = _waits(group, f"No data: {signal.title}", c) if group and told.told else group
        return Outcome(told, waits)
    return _begins(signal, replace(seen, fired=seen.fired + 1), group, place[1], c)


def _seen(signal: Signal, alert: Alert | None, group: str) -> Alert:
    before = alert or Alert(
        fingerprint=signal.fingerprint, group=group, status="resolved", severity=signal.severity, name=signal.name,
        title=signal.title, source=signal.source, since=signal.since, at=signal.at, signal="",
    )  # fmt: skip
    return replace(
        before,
        group=before.group if before.status == "firing" else group,
        severity=signal.severity if signal.state in ("firing", "told") else before.severity,
        name=signal.name, title=signal.title, source=signal.source, since=signal.since, at=signal.at,
        signal=signal.id, service=signal.service, account=signal.account, region=signal.region,
        resource=signal.resource, tags=dict(signal.tags),
    )  # fmt: skip


def _begins(signal: Signal, alert: Alert, group: Group | None, key: str, c: Circumstances) -> Outcome:
    why = c.quieted(signal, signal.tags, alert.group, signal.fingerprint, _names(signal))
    if why:
        # What has no end is over once it is silenced.
        due, waiting = (c.now + AGAIN, signal) if alert.status == "firing" else (None, None)
        return Outcome(replace(alert, quiet=why, due=due, told=False, waiting=waiting), group)
    return Outcome(
        replace(alert, told=True, quiet="", due=None, waiting=None), _join(signal, alert, group, key, c), began=True
    )


def look(alert: Alert, group: Group | None, key: str, c: Circumstances) -> Outcome:
    """Return what becomes of an alert that was kept quiet, now that its time to look again has come."""
    if alert.status != "firing" or alert.told or alert.waiting is None:
        return Outcome(replace(alert, due=None), group)
    return _begins(alert.waiting, alert, group, key, c)


def _goes_on(signal: Signal, seen: Alert, alert: Alert, group: Group | None, c: Circumstances) -> Outcome:
    if not alert.told or group is None:
        return Outcome(replace(seen, waiting=signal), group)
    worse = _worse(signal.severity, alert.severity)
    if _worse(signal.severity, group.severity):
        return Outcome(seen, _speak(_raised(group, signal), signal, c, again=True), began=True)
    return Outcome(seen, _waits(group, compose.line(seen), c) if worse or seen.title != alert.title else group)


def ends(alert: Alert, group: Group | None, c: Circumstances) -> Outcome:
    """Return what the end of an alert changes: whatever was told is told to be over."""
    after = replace(alert, told=False)
    if not alert.told or group is None or group.notice is None:
        return Outcome(after, group)
    left = replace(group, firing=max(0, group.firing - 1), at=max(group.at, c.now))
    if left.firing:
        return Outcome(after, _waits(left, compose.line(alert), c))
    notice = compose.resolved(left, alert, c.now, group.waiting)
    over = replace(left, status="resolved", acknowledged="", waiting=(), flush=None)
    over = _tell(over, notice)
    if group.escalated:
        over = _tell(over, compose.page(over, "resolve", c.now, notice))
    return Outcome(after, _timed(replace(over, escalated=False)))


def _join(signal: Signal, alert: Alert, group: Group | None, key: str, c: Circumstances) -> Group:
    fires = alert.status == "firing"
    if group is None or (group.firing == 0 and c.now - group.at > REOPENS):
        return _speak(_opened(signal, alert.group, key, group, fires, c), signal, c)
    joined = replace(group, firing=group.firing + fires, total=group.total + 1, at=c.now)
    if fires and group.status == "resolved":
        # It was told to be over: going on is news for everybody.
        anew = replace(
            joined, status="firing", opened=c.now, severity=signal.severity, acknowledged="", escalated=False
        )
        return _speak(anew, signal, c, again=True)
    if _worse(signal.severity, group.severity):
        return _speak(_raised(joined, signal), signal, c, again=True)
    return _waits(joined, compose.line(replace(alert, status="firing")), c)


def _opened(signal: Signal, id_: str, key: str, group: Group | None, fires: bool, c: Circumstances) -> Group:
    route = c.routes.route(signal, signal.tags, c.now)
    return Group(
        id=id_,
        key=key,
        episode=group.episode + 1 if group else 1,
        status="firing" if fires else "resolved",
        opened=c.now,
        at=c.now,
        severity=signal.severity,
        title=signal.title,
        firing=int(fires),
        total=1,
        destination=route.destination,
        repeat=route.repeat,
        escalate_after=route.escalate_after if fires else 0.0,
        escalate_to=route.escalate_to,
        # What was decided before is still to be sent.
        unsent=group.unsent if group else (),
        first=signal.fingerprint,
        source=signal.source,
        name=signal.name,
        service=signal.service,
        account=signal.account,
        region=signal.region,
        resource=signal.resource,
        tags=dict(signal.tags),
        rev=group.rev if group else 0,
    )


def _raised(group: Group, signal: Signal) -> Group:
    """Return a group that has become worse: whoever is on it may not know."""
    return replace(
        group, severity=signal.severity, acknowledged="", escalated=False, opened=min(group.opened, signal.at)
    )


def _speak(group: Group, signal: Signal, c: Circumstances, *, again: bool = False) -> Group:
    """Return a group whose next notice says at once that an alert fires."""
    if again and group.waiting:
        group = flushed(group, c)
    notice = compose.firing(group, signal, again=again)
    return _timed(replace(_tell(group, notice), repeated_at=c.now))


def _waits(group: Group, line: str, c: Circumstances) -> Group:
    """Return a group in whose thread a line is told a little later, together with others."""
    waiting = (*group.waiting, line)
    group = replace(group, waiting=waiting, flush=group.flush or c.now + GATHER, at=c.now)
    return flushed(group, c) if len(waiting) >= MOST else _timed(group)


def flushed(group: Group, c: Circumstances) -> Group:
    """Return a group that tells what waits."""
    if not group.waiting:
        return group
    notice = compose.joined(group, group.waiting, c.now)
    return _timed(_tell(replace(group, waiting=(), flush=None), notice))


def passed(group: Group, c: Circumstances) -> Group:
    """Return what the time that has passed changes about a group: what waits is told, and what nobody answers."""
    if group.waiting and group.flush is not None and group.flush <= c.now:
        group = flushed(group, c)
    if group.status != "firing" or group.acknowledged:
        return _timed(group)
    if c.quieted(group, group.tags, group.id, group.first, (group.name,)):
        return replace(_timed(group), due=c.now + AGAIN)
    if group.escalate_after and not group.escalated and c.now >= group.opened + group.escalate_after:
        group = _tell(replace(group, escalated=True, repeated_at=c.now), compose.escalated(group, c.now))
        group = _tell(group, compose.page(group, "trigger", c.now))
    elif c.now >= group.repeated_at + group.repeat:
        group = replace(_tell(group, compose.repeated(group, c.now)), repeated_at=c.now)
    return _timed(group)


def acknowledged(group: Group, who: str, notice: Notice, c: Circumstances) -> Group:
    """Return a group that somebody is on, and what is told of it."""
    after = _tell(replace(group, acknowledged=who, acknowledged_at=c.now), notice)
    if group.escalated:
        after = _tell(after, compose.page(after, "acknowledge", c.now, notice))
    return _timed(after)


def told(group: Group, notice: Notice) -> Group:
    """Return a group with one more notice to send."""
    return _timed(_tell(group, notice))


def _tell(group: Group, notice: Notice) -> Group:
    # Only what everybody hears is what the next notice is based on.
    shown = group.notice if notice.destination and not notice.destination.slack and group.notice else notice
    return replace(group, unsent=(*group.unsent, notice), notice=shown, told=group.told + 1)


def _timed(group: Group) -> Group:
    """Return a group with the time at which to look at it next."""
    times = [group.flush] if group.flush is not None else []
    if group.status == "firing" and not group.acknowledged:
        times.append(group.repeated_at + group.repeat)
        if group.escalate_after and not group.escalated:
            times.append(group.opened + group.escalate_after)
    return replace(group, due=min(times, default=None))


def _names(signal: Signal) -> tuple[str, ...]:
    return (signal.name, signal.alarm.arn) if signal.alarm else (signal.name,)


def _worse(one: Severity, other: Severity) -> bool:
    return SEVERITIES.index(one) < SEVERITIES.index(other)
