"""CloudWatch's alarms at work: what moto only keeps is judged, and told to topics and to the event bus.

`engine` judges every minute of the engine's clock, none left out; what comes in late counts within seconds instead of
a minute later, since somebody stands waiting. A change of state goes to the topics of its alarm, and to EventBridge,
whoever made it: `set-alarm-state`, data that somebody put, or a child of a composite. An alarm on metrics that nobody
has put yet stays as somebody set it: on AWS it would be judged by what is missing.

Alarms that are not judged here (`definition` says which) are kept, are said once on the terminal, and change by
`set-alarm-state` only.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.backends import get_backend
from moto.cloudwatch.models import CloudWatchBackend
from moto.core.exceptions import ServiceException

from local.cloudwatch import history, keeping, notifications
from local.cloudwatch.api import store_of
from local.cloudwatch.clock import MINUTE, Clock, seconds
from local.cloudwatch.engine import Change, Engine, Told
from local.cloudwatch.judgement import State
from local.cloudwatch.store import Store

Event = dict[str, Any]
SECONDS = 0.2
# What comes in late is looked at so seldom that it takes no more than this share of the time, and this seldom anyhow.
SHARE, SELDOM = 0.02, 1.0
# For so long minutes are caught up with before others have their turn.
TURN = 0.5
# From here on it is said that they lag.
BEHIND = 3600
ACTIONS = {"ALARM": "alarm_actions", "OK": "ok_actions", "INSUFFICIENT_DATA": "insufficient_data_actions"}


@dataclass
class _Known:
    """One of moto's alarms as it was seen last: as it was defined, and how many of its changes were told."""

    alarm: Any
    configured: Any
    told: int = 0


@dataclass
class _Region:
    """The alarms of one region."""

    name: str
    backend: CloudWatchBackend
    store: Store
    engine: Engine
    known: dict[str, _Known]
    # The store's changes when it was last looked at, and whether an alarm was defined since.
    changes: int = -1
    stale: bool = False


class Alarms:
    """Watches all alarms of an account, and tells what becomes of them."""

    def __init__(
        self,
        account: str,
        emit: Callable[[Event], object],
        complain: Callable[[str], None],
        clock: Clock,
        lock: AbstractContextManager[Any] | None = None,
        wall: Callable[[], float] = time.time,
        seldom: float = SELDOM,
    ) -> None:
        """Keep what is needed.

        Args:
            account: whose alarms.
            emit: puts an event on the account's event bus.
            complain: says on the terminal what cannot be done here.
            clock: the time of the metrics.
            lock: what keeps moto's state still meanwhile.
            wall: the time that is told outside.
            seldom: how many seconds lie at least between two looks at what came in late.
        """
        self._account, self._emit, self._complain, self._clock = account, emit, complain, clock
        self._lock, self._wall, self._seldom = lock or nullcontext(), wall, seldom
        self._regions: dict[str, _Region] = {}
        self._minute, self._rest = 0, 0.0
        self._said: set[str] = set()

    def plug_in(self) -> None:
        """Have moto keep alarms as CloudWatch does: composites too, new ones without data, changed ones as they are."""
        keeping.plug_in()

    def run(self, stopping: threading.Event) -> None:
        """Look again and again until told to stop."""
        while not stopping.wait(SECONDS):
            try:
                self.look()
            except Exception as error:  # it must go on: the next alarm may be judged well
                self._once(f"alarms: {type(error).__name__}: {error}")

    def look(self) -> list[Change]:
        """Judge every alarm that is due, and tell of all that have changed or are gone; returns the changes."""
        changes: list[Change] = []
        with self._lock:
            events = list(self._seen(changes))
        self._tell(events)
        began, turn = time.monotonic(), time.monotonic() + TURN
        latest = int(self._clock.now() // MINUTE * MINUTE)
        # At the start there is no minute to catch up with.
        self._minute = self._minute or latest - MINUTE
        due = self._minute < latest
        while self._minute < latest and time.monotonic() < turn:
            self._minute += MINUTE
            changes += self._evaluated(self._minute, self._regions.values())
        if latest - self._minute > BEHIND:
            self._once(f"the alarms are {(latest - self._minute) // MINUTE} minutes behind the clock, and catch up")
        late = [one for one in self._regions.values() if one.stale or one.changes != one.store.changes]
        if late and not due and began >= self._rest:
            changes += self._evaluated(self._minute, late)
            self._rest = time.monotonic() + max(self._seldom, (time.monotonic() - began) / SHARE * bool(self._seldom))
        return changes + self._settled()

    def _evaluated(self, minute: int, regions: Any) -> list[Change]:
        found: list[Change] = []
        for region in regions:
            region.changes, region.stale = region.store.changes, False
            found += self._applied(region, region.engine.step(minute, self._told()))
        return found

    def _settled(self) -> list[Change]:
        """End what holds actions of composites back, which may be at any second."""
        found: list[Change] = []
        for region in self._regions.values():
            found += self._applied(region, list(region.engine.settle(self._clock.now(), self._told())))
            for name, state in region.engine.suppressible():
                why = notifications.why_suppressed(state) if state.suppressed else None
                alarm = region.known[name].alarm
                vars(alarm).update(actions_suppressed_by=state.suppressed or None, actions_suppressed_reason=why)
        return found

    def _told(self) -> Told:
        return Told(datetime.fromtimestamp(self._wall(), UTC), self._clock.shift)

    # What became of moto's alarms meanwhile

    def _seen(self, changes: list[Change]) -> Iterator[Event]:
        """Take up new, changed and deleted alarms, and states that were set by hand; yields the events of it."""
        for name, backend in list(get_backend("cloudwatch")[self._account].items()):
            region, store = self._regions.get(name), store_of(backend)
            # A reset of moto forgets its metrics, and its alarms.
            if region is None or region.store is not store:
                engine = Engine(store, self._once, patient=True)
                region = self._regions[name] = _Region(name, backend, store, engine, {})
            for gone in [one for one, known in region.known.items() if backend.alarms.get(one) is not known.alarm]:
                yield self._gone(region, gone)
            for alarm in backend.alarms.values():
                known = region.known.get(alarm.name)
                if known is None or known.configured != alarm.configuration_updated_timestamp:
                    self._keep(region, alarm, known.told if known else 0)
            by_hand = [(state, known.alarm.name) for known in region.known.values() for state in _by_hand(known)]
            for state, name in sorted(by_hand, key=lambda one: one[0].at):
                for change in region.engine.set(name, state, self._clock.now()):
                    changes.append(change)
                    yield self._written(region, change, by_hand=change.name == name)

    def _keep(self, region: _Region, alarm: Any, told: int) -> None:
        at = datetime.fromtimestamp(seconds(alarm.state_updated_timestamp), UTC)
        if alarm.definition is None:
            self._once(f"not judged here, and changed by set-alarm-state only: {alarm.unjudged}")
            region.engine.mention(alarm.name, at)
        else:
            region.engine.keep(alarm.definition, at)
        region.stale = True
        region.known[alarm.name] = _Known(alarm, alarm.configuration_updated_timestamp, told)

    def _gone(self, region: _Region, name: str) -> Event:
        alarm = region.known.pop(name).alarm
        region.engine.forget(name)
        return notifications.deletion(region.name, alarm, self._account, datetime.fromtimestamp(self._wall(), UTC))

    # Telling

    def _applied(self, region: _Region, changes: list[Change]) -> list[Change]:
        """Write changes into moto's alarms and tell of them; returns those of alarms that are still there."""
        if not changes:
            return []
        with self._lock:
            there = [one for one in changes if one.name in region.known and one.name in region.backend.alarms]
            events = [self._written(region, change) for change in there]
        self._tell(events)
        return there

    def _written(self, region: _Region, change: Change, by_hand: bool = False) -> Event:
        known, after = region.known[change.name], change.after
        alarm = known.alarm
        if not by_hand and change.before.value != after.value:
            alarm.update_state(after.reason, after.data, after.value)
            alarm.state_updated_timestamp = after.at
            known.told = len(alarm.history)
        alarm.state_transitioned_timestamp = after.at
        history.changed(region.backend, alarm, change)
        if change.acts and alarm.actions_enabled:
            self._act(region, alarm, change)
        return notifications.event(change, alarm, region.name, self._account)

    def _act(self, region: _Region, alarm: Any, change: Change) -> None:
        for action in getattr(alarm, ACTIONS[change.after.value]) or ():
            if not action.startswith("arn:aws:sns:"):
                self._once(f"the action {action} of the alarm {alarm.name} is not carried out here: only topics are")
                continue
            topics, problem = get_backend("sns")[self._account][action.split(":")[3]], ""
            told = json.dumps(notifications.message(change, alarm, region.name, self._account))
            try:
                topics.publish(arn=action, message=told, subject=notifications.subject(change, region.name))
            except ServiceException as error:
                problem = str(error)
                self._complain(f"alarm {alarm.name}: {action} cannot be published to: {error}")
            history.acted(region.backend, alarm, action, problem, change.after.at)

    def _tell(self, events: list[Event]) -> None:
        # Not under the lock: what hears of it may want moto at once.
        for event in events:
            self._emit(event)

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._complain(text)


def _by_hand(known: _Known) -> Iterator[State]:
    """Yield the states into which one of moto's alarms was set since it was looked at."""
    alarm, told, known.told = known.alarm, known.told, len(known.alarm.history)
    if told < known.told:
        states = [(value, reason, data, at) for _, reason, data, value, at in alarm.history[told + 1 :]]
        states.append((alarm.state_value, alarm.state_reason, alarm.state_reason_data, alarm.state_updated_timestamp))
        for value, reason, data, at in states:
            yield State(value, reason, data, datetime.fromtimestamp(seconds(at), UTC))
