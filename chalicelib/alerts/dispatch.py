"""From signals, commands and the passing of time to what is recorded and told: read, decide, record, tell.

What is to be told stands in the group's own item before it is sent, so that a crash at any point ends, once the cause
is delivered again or the timer looks, in: recorded once, told at least once, and in the thread told once.
"""

from __future__ import annotations

import contextlib
import glob
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.alerts import asking, compose, decide, quiet
from chalicelib.alerts.book import Book, Look
from chalicelib.alerts.decide import Circumstances, Outcome
from chalicelib.alerts.model import Alert, Group, Noise, Silence
from chalicelib.alerts.quiet import Inhibit, Inhibitor
from chalicelib.alerts.signal import Signal
from chalicelib.journal import Conflict, Journal
from chalicelib.matcher import Matcher
from chalicelib.model import BadEvent, Busy, Command, Notice, ParapetError
from chalicelib.notices.outbox import Outbox
from chalicelib.notices.routes import Routes

ATTEMPTS = 15
# All silences are one item.
MOST_NAMES = 50


class Refused(ParapetError):
    """What a person asked for about an alert cannot be; the text is for them."""


@dataclass(frozen=True)
class Rules:
    """What the settings say about alerts."""

    routes: Routes
    inhibit: tuple[Inhibit, ...] = ()


@dataclass(frozen=True)
class Moved:
    """An alert that has begun and was told, or has ended: what follows is still to be done.

    Args:
        signal: what moved it.
        notice: what people were told at once, to which evidence is added; None where nothing was.
    """

    signal: Signal
    notice: Notice | None


class Dispatch:
    """Decides what becomes of signals, with the adapters it was given."""

    def __init__(
        self,
        book: Book,
        journal: Journal,
        outbox: Outbox,
        rules: Rules,
        now: Callable[[], float],
        follow: Callable[[Moved], None],
        remind: Callable[[str, float], None],
    ) -> None:
        """Keep the adapters.

        Args:
            book: the alerts.
            journal: the commands.
            outbox: the way to people.
            rules: what the settings say.
            now: the clock.
            follow: has evidence gathered, and remedies asked for; may be called again for the same.
            remind: has a group looked at again after some seconds.
        """
        self.book, self.journal, self.outbox, self.rules, self.now = book, journal, outbox, rules, now
        self.follow, self.remind = follow, remind

    # Signals

    def receive(self, signals: Sequence[Signal]) -> dict[int, ParapetError]:
        """Take some signals in the order of their times; returns what went wrong, by a signal's place among them."""
        routes = [self.rules.routes.route(one, one.tags, self.now()) for one in signals]
        places = [decide.place(one, route) for one, route in zip(signals, routes, strict=True)]
        # One group after the other, so that a storm is one write for each.
        groups: dict[str, list[int]] = {}
        for number in sorted(range(len(signals)), key=lambda one: signals[one].at):
            groups.setdefault(places[number][0], []).append(number)
        problems: dict[int, ParapetError] = {}
        for numbers in groups.values():
            try:
                self._together([(signals[one], places[one]) for one in numbers])
            except ParapetError as problem:
                problems |= dict.fromkeys(numbers, problem)
        return problems

    def _together(self, reports: Sequence[tuple[Signal, tuple[str, str]]]) -> None:
        """Take signals that belong to one group, or whose alerts are told in another still."""
        for _ in range(ATTEMPTS):
            look = self._look([one for one, _ in reports], {place[0] for _, place in reports})
            homes = {decide.home(one, look.alerts.get(one.fingerprint), place[0]) for one, place in reports}
            elsewhere = homes - {place[0] for _, place in reports}
            if elsewhere:
                look = self._look([one for one, _ in reports], {*(place[0] for _, place in reports), *elsewhere})
            try:
                moved = self._take(reports, look)
            except Conflict:
                _wait()
                continue
            for one in moved:
                self.follow(one)
            return
        raise Busy("the alerts are being written by too many at once")

    def _look(self, signals: Sequence[Signal], groups: set[str]) -> Look:
        return self.book.look([one.fingerprint for one in signals], sorted(groups))

    def _take(self, reports: Sequence[tuple[Signal, tuple[str, str]]], look: Look) -> list[Moved]:
        alerts, groups = dict(look.alerts), dict(look.groups)
        inhibitors = {one.fingerprint: one for one in look.inhibitors}
        changed: dict[str, dict[str, Alert]] = {}
        quieting: dict[str, dict[str, Inhibitor | None]] = {}
        moved: list[tuple[Signal, str]] = []
        for signal, place in reports:
            alert = alerts.get(signal.fingerprint)
            again = decide.repeats(signal, alert)
            home = decide.home(signal, alert, place[0])
            outcome = decide.take(
                signal, alert, groups.get(home), (home, place[1]), self._circumstances(look, inhibitors)
            )
            if again:
                # Delivered again: whatever did not follow then, follows now.
                if alert and (alert.told or alert.status == "resolved"):
                    moved.append((signal, home))
                changed.setdefault(home, {})
                continue
            if outcome.alert is alert:
                continue
            if outcome.began or (alert and alert.status == "firing" and outcome.alert.status == "resolved"):
                moved.append((signal, home))
            changes = _quieting(signal, outcome, inhibitors, self.rules.inhibit)
            quieting.setdefault(home, {}).update(changes)
            inhibitors = {name: one for name, one in {**inhibitors, **changes}.items() if one}
            alerts[signal.fingerprint] = outcome.alert
            changed.setdefault(home, {})[signal.fingerprint] = outcome.alert
            if outcome.group:
                groups[home] = outcome.group
        for home, some in changed.items():
            group = groups.get(home)
            after = group if group is not look.groups.get(home) else None
            # Their revisions are those that were read, however often they were changed here.
            _, written = self.book.write(list(some.values()), after, quieting=quieting.get(home))
            self._send(written or group)
        return [Moved(signal, _first(groups.get(home), signal)) for signal, home in moved]

    def _circumstances(self, look: Look, inhibitors: Mapping[str, Inhibitor]) -> Circumstances:
        return Circumstances(
            self.now(), self.rules.routes, look.silences, tuple(inhibitors.values()), self.rules.inhibit
        )

    # Time

    def look_at_alert(self, fingerprint: str) -> None:
        """Look whether an alert that was kept quiet is to be told by now; raises Busy, AwsError."""
        for _ in range(ATTEMPTS):
            look = self.book.look([fingerprint], [])
            alert = look.alerts.get(fingerprint)
            if alert is None:
                return
            if alert.told and alert.waiting:
                # Told before, when somebody stopped in the middle.
                self._followed(alert, self.book.group(alert.group))
                return
            if alert.due is None or alert.due > self.now():
                return
            look = self.book.look([fingerprint], [alert.group])
            alert, group = look.alerts[fingerprint], look.groups.get(alert.group)
            there = {one.fingerprint: one for one in look.inhibitors}
            outcome = decide.look(alert, group, self._key(alert), self._circumstances(look, there))
            quieting = _quieting(alert.waiting, outcome, there, self.rules.inhibit) if alert.waiting else {}
            try:
                moved = outcome.group if outcome.group is not group else None
                [after], written = self.book.write([outcome.alert], moved, quieting=quieting)
            except Conflict:
                _wait()
                continue
            self._send(written)
            if outcome.began:
                self._followed(after, outcome.group)
            return
        raise Busy("the alerts are being written by too many at once")

    def _followed(self, alert: Alert, group: Group | None) -> None:
        if alert.waiting is None:
            return
        self.follow(Moved(alert.waiting, _first(group, alert.waiting)))
        with contextlib.suppress(Conflict):
            self.book.write([replace(alert, waiting=None)], None)

    def _key(self, alert: Alert) -> str:
        if alert.waiting is None:
            return ""
        return decide.place(alert.waiting, self.rules.routes.route(alert.waiting, alert.tags, alert.at))[1]

    def look_at_group(self, name: str) -> None:
        """Tell of a group what its time has come for; raises Busy, AwsError."""
        for _ in range(ATTEMPTS):
            look = self.book.look([], [name])
            group = look.groups.get(name)
            if group is None:
                return
            c = self._circumstances(look, {one.fingerprint: one for one in look.inhibitors})
            alerts = self.book.alerts(name) if decide.unanswered(group, c.now) else []
            after = decide.passed(group, alerts, c)
            try:
                written = self.book.write([], after)[1] if after != group else group
            except Conflict:
                _wait()
                continue
            self._send(written)
            return
        raise Busy("the alerts are being written by too many at once")

    # Evidence

    def learn(self, notice: Notice) -> None:
        """Keep the facts and links that were found about an alert for what is told of it later; raises Busy, AwsError.

        The notice itself has gone its way.
        """
        for _ in range(ATTEMPTS):
            group = self.book.group(notice.alert)
            after = decide.learned(group, notice) if group else None
            if after is None or after == group:
                return
            try:
                self._send(self.book.write([], after)[1])
            except Conflict:
                _wait()
            else:
                return
        raise Busy("the alerts are being written by too many at once")

    # Telling

    def _send(self, group: Group | None) -> None:
        """Send what a group has to tell, and record that it is sent; raises AwsError."""
        if group is None:
            return
        if group.unsent:
            self.outbox.send(*group.unsent)
            try:
                self.book.write([], replace(group, unsent=()))
            except Conflict:
                # Somebody has written since, and sends it once more with theirs: the channels know the keys.
                return
        if group.flush is not None:
            self.remind(group.id, max(0.0, group.flush - self.now()))

    # People

    def carry_out(self, command_id: str) -> None:
        """Do what somebody asks for about an alert, and answer; raises BadEvent, Busy, AwsError."""
        command = self.journal.command(command_id)
        if command is None:
            raise BadEvent(f"there is no command {command_id}")
        for _ in range(ATTEMPTS):
            if command is None or command.status != "asked":
                # Delivered again: perhaps it was not told yet.
                group = self.book.group(command.finding) if command else None
                self._send(group)
                return
            try:
                self._carry_out(command)
            except Conflict:
                _wait()
                command = self.journal.command(command_id)
            else:
                return
        raise Busy("the alerts are being written by too many at once")

    def _carry_out(self, command: Command) -> None:
        look = self.book.look([], [command.finding])
        group, now = look.groups.get(command.finding), self.now()
        if group is None:
            self.journal.answer(replace(command, status="refused", answer=f"there is no alert {command.finding}"))
            return
        c = self._circumstances(look, {one.fingerprint: one for one in look.inhibitors})
        try:
            after, more = self._asked(command, group, c)
            answer = replace(command, status="done", answer=_ANSWERS[command.kind])
        except Refused as refusal:
            notice = compose.refused(group, f"{command.who} asked to {command.kind} it, in vain.", str(refusal), now)
            after, more = decide.told(group, replace(notice, reply_to=command.reply_to)), {}
            answer = replace(command, status="refused", answer=str(refusal))
        _, written = self.book.write([], after, answer=answer, **more)
        self._send(written)

    def _asked(self, command: Command, group: Group, c: Circumstances) -> tuple[Group, dict[str, Any]]:
        if why := asking.refusal(command, group, c.now):
            raise Refused(why)
        if command.kind == "silence":
            about = self._silenced(group)
            silence = Silence(command.id, about, command.until, command.who, command.why, command.at, command.by)
            notice = replace(compose.silenced(group, silence, c.now), reply_to=command.reply_to)
            return decide.told(group, notice), {"silence": silence}
        if command.kind == "acknowledge":
            notice = compose.acknowledged(group, command.who, command.why, c.now)
            return decide.acknowledged(group, command.who, replace(notice, reply_to=command.reply_to), c), {}
        if command.kind == "dismiss":
            if command.by in group.dismissed:
                raise Refused("you said so already, and it is counted")
            group = replace(group, dismissed=(*group.dismissed, command.by))
            notice = replace(compose.dismissed(group, command.who, command.why, c.now), reply_to=command.reply_to)
            if group.status == "firing":
                after = decide.acknowledged(group, group.acknowledged or command.who, notice, c)
            else:
                after = decide.told(group, notice)
            return after, {"dismissed": (asking.week(c.now), self._noise(group))}
        raise Refused(f"nobody can {command.kind} an alert")

    def _silenced(self, group: Group) -> Matcher:
        """Return what a silence of a group is about: itself, or its alarms where it is only together by chance."""
        if not decide.by_chance(group):
            return Matcher(alert=(group.id,))
        names = sorted({glob.escape(alert.name) for alert in self.book.alerts(group.id)})
        return Matcher(
            source=(group.source,), name=tuple(names[:MOST_NAMES]), account=_only(group.account),
            region=_only(group.region),
        )  # fmt: skip

    def _noise(self, group: Group) -> Noise:
        first = self.book.look([group.first], []).alerts.get(group.first)
        return Noise(
            group.first, group.name, group.title, group.source, group.service, group.tags.get(quiet.OBJECTIVE, ""), 0,
            first.fired if first else 1,
        )  # fmt: skip


_ANSWERS = {"acknowledge": "acknowledged", "silence": "silenced", "dismiss": "counted as not actionable"}


def _quieting(
    signal: Signal, outcome: Outcome, there: Mapping[str, Inhibitor], rules: Sequence[Inhibit]
) -> dict[str, Inhibitor | None]:
    """Return what changes about what a signal's alert keeps quiet."""
    name, now = signal.fingerprint, quiet.inhibitor(signal, rules)
    # Only what people were told says it for others.
    if outcome.alert.status == "firing" and outcome.alert.told and signal.state == "firing" and now:
        full = name not in there and len(there) >= quiet.MOST
        return {} if full or there.get(name) == now else {name: now}
    if name in there or (now and outcome.alert.status == "resolved"):
        return {name: None} if signal.state in ("firing", "resolved") else {}
    return {}


def _wait() -> None:
    """Let others write first."""
    time.sleep(random.uniform(0.0, 0.05))


def _only(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _first(group: Group | None, signal: Signal) -> Notice | None:
    """Return what was told at once of a signal, if it was; what joins a storm is a line and needs no evidence."""
    notice = group.notice if group else None
    return notice if notice and notice.event_id == signal.id and notice.status in ("firing", "told") else None
