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
ALONE = frozenset({"unknown", "budget", "anomaly"})
# So many reports are known when they come again; another alert keeps one quiet for so long (seconds); so many critical
# events of one thread call people each.
REMEMBERED, INHIBITED, SPOKEN = 20, 86400.0, 5
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

    def again(self, quieted_by: str) -> float:
        """Return when to look again at what a silence (its end, if it is soon) or another alert keeps quiet."""
        ends = [one.until for one in self.silences if one.id == quieted_by]
        return min([*ends, self.now + AGAIN])


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
    if signal.source in ALONE:
        # A line among others would not show what it is, and some of it is other people's matter.
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


def home(signal: Signal, alert: Alert | None, place: str) -> str:
    """Return the id of the group that a signal is about: where its alert is told, or was until a moment ago."""
    if alert is None:
        return place
    lately = signal.state != "told" and signal.at - alert.at <= REOPENS
    return alert.group if alert.status == "firing" or lately or repeats(signal, alert) else place


def repeats(signal: Signal, alert: Alert | None) -> bool:
    """Whether a signal is one that the alert has been moved by lately."""
    return alert is not None and signal.id in alert.signals


def take(signal: Signal, alert: Alert | None, group: Group | None, place: tuple[str, str], c: Circumstances) -> Outcome:
    """Return what a signal changes; one that is older than what is known changes nothing.

    Args:
        signal: the report.
        alert: what is known under its fingerprint.
        group: the one that it is told in, or would be.
        place: that group's id and key.
        c: the circumstances.
    """
    # What has happened once is news, however late it comes.
    if alert and (repeats(signal, alert) or (signal.at < alert.at and signal.state != "told")):
        return Outcome(alert, group)
    seen = _seen(signal, alert, place[0])
    firing = alert is not None and alert.status == "firing"
    if signal.state == "firing":
        if alert and firing:
            return _goes_on(signal, replace(seen, since=alert.since), alert, group, c)
        return _begins(signal, replace(seen, status="firing", fired=seen.fired + 1), group, place[1], c)
    if signal.state == "resolved":
        over = replace(seen, status="resolved", quiet="", due=None, waiting=None)
        if firing:
            return ends(over, group, c)
        # Whoever was told that nobody knows is told that all is well.
        known = group if alert and alert.unsure and group and group.notice else None
        return Outcome(over, _waits(known, compose.line(over), c) if known else group)
    if alert and firing:
        # Without data nobody knows, and nobody may take that for an end.
        told = replace(seen, title=alert.title, since=alert.since, severity=alert.severity)
        said = f"No data: {signal.title}" if signal.state == "unsure" else signal.title
        return Outcome(told, _waits(group, said, c) if group and told.told else group)
    return _begins(signal, replace(seen, fired=seen.fired + 1), group, place[1], c)


def _seen(signal: Signal, alert: Alert | None, group: str) -> Alert:
    before = alert or Alert(
        fingerprint=signal.fingerprint, group=group, status="resolved", severity=signal.severity, name=signal.name,
        title=signal.title, source=signal.source, since=signal.since, at=signal.at,
    )  # fmt: skip
    return replace(
        before,
        group=before.group if before.status == "firing" else group,
        severity=signal.severity if signal.state in ("firing", "told") else before.severity,
        name=signal.name, title=signal.title, source=signal.source, since=signal.since,
        at=max(before.at, signal.at), signals=(*before.signals, signal.id)[-REMEMBERED:],
        unsure=signal.state == "unsure", service=signal.service, account=signal.account, region=signal.region,
        resource=signal.resource, tags=dict(signal.tags),
    )  # fmt: skip


def _begins(signal: Signal, alert: Alert, group: Group | None, key: str, c: Circumstances) -> Outcome:
    why = c.quieted(signal, signal.tags, alert.group, signal.fingerprint, _names(signal))
    if why:
        # What has no end is over once it is silenced.
        due, waiting = (c.again(why), signal) if alert.status == "firing" else (None, None)
        quiet_since = alert.quiet_since if alert.quiet else c.now
        return Outcome(replace(alert, quiet=why, quiet_since=quiet_since, due=due, told=False, waiting=waiting), group)
    # What was kept back is kept until all that follows has followed.
    told = replace(alert, told=True, quiet="", due=None)
    return Outcome(told, _join(signal, alert, group, key, c), began=True)


def look(alert: Alert, group: Group | None, key: str, c: Circumstances) -> Outcome:
    """Return what becomes of an alert that was kept quiet, now that its time to look again has come.

    Another alert keeps it quiet for a day at most: whatever is wrong with that one, this one is told then.
    """
    if alert.status != "firing" or alert.told or alert.waiting is None:
        return Outcome(replace(alert, due=None), group)
    if c.now - alert.quiet_since > INHIBITED:
        c = replace(c, inhibitors=())
    return _begins(alert.waiting, alert, group, key, c)


def _goes_on(signal: Signal, seen: Alert, alert: Alert, group: Group | None, c: Circumstances) -> Outcome:
    if not alert.told or group is None:
        return Outcome(replace(seen, waiting=signal), group)
    if _worse(signal.severity, group.severity):
        if c.quieted(signal, signal.tags, seen.group, signal.fingerprint, _names(signal)):
            return Outcome(seen, group)
        return Outcome(seen, _speak(_raised(group, signal, c), signal, c, again=True), began=True)
    news = _worse(signal.severity, alert.severity) or seen.title != alert.title
    return Outcome(seen, _waits(group, compose.line(seen), c) if news else group)


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
    if group.called:
        over = _tell(over, compose.page(over, "resolve", c.now, notice))
    return Outcome(after, _timed(replace(over, escalated=False, called=False)))


def _join(signal: Signal, alert: Alert, group: Group | None, key: str, c: Circumstances) -> Group:
    fires = alert.status == "firing"
    if group is None or (group.firing == 0 and c.now - group.at > REOPENS):
        return _speak(_opened(signal, alert.group, key, group, fires, c), signal, c)
    joined = replace(group, firing=group.firing + fires, total=group.total + 1, at=c.now)
    if fires and group.status == "resolved":
        # It was told to be over: going on is news for everybody.
        anew = replace(joined, status="firing", opened=c.now)
        return _speak(_raised(anew, signal, c), signal, c, again=True)
    if _worse(signal.severity, group.severity):
        return _speak(_raised(joined, signal, c), signal, c, again=True)
    # What happens once and is critical calls people each time, unless it becomes a storm.
    if signal.state == "told" and signal.severity == "critical" and joined.total <= SPOKEN:
        return _speak(joined, signal, c, again=True)
    return _waits(joined, compose.joining(signal, replace(alert, status="firing")), c)


def _opened(signal: Signal, id_: str, key: str, group: Group | None, fires: bool, c: Circumstances) -> Group:
    route = c.routes.route(signal, signal.tags, c.now)
    return Group(
        id=id_,
        key=key,
        episode=group.episode + 1 if group else 1,
        status="firing" if fires else "resolved",
        opened=c.now,
        raised_at=c.now,
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


def _raised(group: Group, signal: Signal, c: Circumstances) -> Group:
    """Return a group that has become worse, or fires again: whoever is on it may not know."""
    return replace(group, severity=signal.severity, acknowledged="", escalated=False, raised_at=c.now)


def _speak(group: Group, signal: Signal, c: Circumstances, *, again: bool = False) -> Group:
    """Return a group whose next notice says at once that an alert fires."""
    if again and group.waiting:
        group = flushed(group, c)
    # Told as of now, since it may have been kept quiet or come late; since when it is so stands in it.
    notice = replace(compose.firing(group, signal, again=again), at=c.now)
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


def passed(group: Group, alerts: Sequence[Alert], c: Circumstances) -> Group:
    """Return what the time that has passed changes about a group: what waits is told, and what nobody answers.

    Args:
        group: as recorded.
        alerts: its alerts; it is left in peace while each that fires is silenced or inhibited.
        c: the circumstances.
    """
    if group.waiting and group.flush is not None and group.flush <= c.now:
        group = flushed(group, c)
    if not unanswered(group, c.now):
        return _timed(group)
    firing = [one for one in alerts if one.status == "firing" and one.told]
    if firing and all(c.quieted(one, one.tags, group.id, one.fingerprint, (one.name,)) for one in firing):
        return replace(_timed(group), due=c.now + AGAIN)
    if group.escalate_after and not group.escalated and c.now >= group.raised_at + group.escalate_after:
        called = replace(group, escalated=True, called=True, repeated_at=c.now)
        group = _tell(called, compose.escalated(group, c.now))
        group = _tell(group, compose.page(group, "trigger", c.now))
    else:
        group = replace(_tell(group, compose.repeated(group, c.now)), repeated_at=c.now)
    return _timed(group)


def unanswered(group: Group, now: float) -> bool:
    """Whether it is time to tell again, or somebody else, that a group fires and nobody is on it."""
    times = _reminders(group)
    return bool(times) and min(times) <= now


def acknowledged(group: Group, who: str, notice: Notice, c: Circumstances) -> Group:
    """Return a group that somebody is on, and what is told of it."""
    after = _tell(replace(group, acknowledged=who, acknowledged_at=c.now), notice)
    if group.called:
        after = _tell(after, compose.page(after, "acknowledge", c.now, notice))
    return _timed(after)


def learned(group: Group, notice: Notice) -> Group:
    """Return a group whose later notices show what was found out about its first one too."""
    latest = group.notice
    if latest is None or notice.thread != group.thread:
        return group
    return replace(group, notice=replace(latest, facts=notice.facts, links=notice.links))


def told(group: Group, notice: Notice) -> Group:
    """Return a group with one more notice to send."""
    return _timed(_tell(group, notice))


def _tell(group: Group, notice: Notice) -> Group:
    # Only what everybody hears is what the next notice is based on.
    shown = notice if notice.destination == group.destination or group.notice is None else group.notice
    return replace(group, unsent=(*group.unsent, notice), notice=shown, told=group.told + 1)


def _timed(group: Group) -> Group:
    """Return a group with the time at which to look at it next."""
    times = [*([group.flush] if group.flush is not None else []), *_reminders(group)]
    return replace(group, due=min(times, default=None))


def _reminders(group: Group) -> list[float]:
    if group.status != "firing" or group.acknowledged:
        return []
    escalates = group.escalate_after and not group.escalated
    return [group.repeated_at + group.repeat, *([group.raised_at + group.escalate_after] if escalates else [])]


def _names(signal: Signal) -> tuple[str, ...]:
    return (signal.name, signal.alarm.arn) if signal.alarm else (signal.name,)


def _worse(one: Severity, other: Severity) -> bool:
    return SEVERITIES.index(one) < SEVERITIES.index(other)
