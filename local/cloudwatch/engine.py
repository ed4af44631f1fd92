"""Judges the alarms of one account in one region, minute after minute, by the metrics of a store.

An alarm is evaluated at the end of every minute, by periods that end there: of an hour's sum at 12:34, what lies
between 11:34 and 12:34. One that looks back for more than a day is evaluated at every full hour (and once when it is
new). A composite is evaluated at once when an alarm changes that it is about.

No thread, no network, and no clock but what `step` is told: times are the engine's, epoch seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from graphlib import TopologicalSorter

from local.cloudwatch.alarm_rules import RuleError
from local.cloudwatch.data import in_order, metric_of, tree
from local.cloudwatch.definition import CompositeAlarm, MetricAlarm
from local.cloudwatch.evaluation import Axis, Request, Series, Several, evaluate
from local.cloudwatch.judgement import State, Value, judge, reason, reason_data, stamp
from local.cloudwatch.refused import Refused
from local.cloudwatch.store import Store
from local.cloudwatch.suppression import Hold, held
from local.cloudwatch.windows import Windows

NEW = "Unchecked: Initial alarm creation"
HOUR = 3600
Points = dict[float, float | None]


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm that went from one state into another, or whose actions are taken after having been held back.

    Args:
        name: of the alarm.
        before: the state that was.
        after: the state that is.
        acts: whether its actions are taken now.
    """

    name: str
    before: State
    after: State
    acts: bool = True

    @property
    def minute(self) -> float:
        """When, in epoch seconds."""
        return self.after.at.timestamp()


@dataclass(frozen=True, slots=True)
class Told:
    """How an evaluation is told outside: when it was, by the clock on the wall, and how far this one is behind ours."""

    at: datetime
    shift: float = 0.0


class Reading:
    """What an alarm reads, understood once."""

    def __init__(self, alarm: MetricAlarm) -> None:
        """Understand it; raises Refused for an expression that CloudWatch refuses, or that is not evaluated here."""
        stats = {one["Id"]: one["MetricStat"] for one in alarm.queries if "MetricStat" in one}
        self.metrics = {
            id_: (metric_of(one["Metric"]), str(one["Stat"]), str(one.get("Unit") or "")) for id_, one in stats.items()
        }
        trees = {one["Id"]: tree(one["Id"], one["Expression"]) for one in alarm.queries if "Expression" in one}
        self.expressions = [(id_, trees[id_]) for id_ in in_order(trees, self.metrics) if id_ in trees]
        self._alarm, self._ids = alarm, tuple(self.metrics)
        # An expression of nothing is judged at once: it is refused now, and not when it is first evaluated.
        self.points(Windows(Store()), HOUR * 24 * 3650)

    def points(self, windows: Windows, end: int) -> Points:
        """Return the value of each period that ends by a time, the oldest first; raises Refused."""
        period = self._alarm.period
        axis = Axis(end - self._alarm.terms.reach * period, end, period)
        known: dict[str, float | Series | Several] = {
            id_: windows.series(metric, stat, axis, unit) for id_, (metric, stat, unit) in self.metrics.items()
        }
        request = Request(known, self._ids, axis, _no_search)
        for id_, root in self.expressions:
            try:
                known[id_] = evaluate(root, request)
            except Refused as refused:
                raise Refused(f"Error in expression '{id_}': {refused}") from None
        found = known[self._alarm.watched]
        if not isinstance(found, Series):
            raise Refused(f"{self._alarm.watched} must be one time series, not an array")
        return {at: found.points.get(at) for at in axis.times}

    def samples(self, windows: Windows, end: int) -> float:
        """Return how many samples an alarm on a single metric has to go by."""
        [(metric, _, unit)] = self.metrics.values()
        axis = Axis(end - self._alarm.terms.periods * self._alarm.period, end, self._alarm.period)
        return sum(windows.series(metric, "SampleCount", axis, unit).points.values())


class Engine:
    """The alarms, their states, and what becomes of them."""

    def __init__(self, store: Store, complain: Callable[[str], None] = print, patient: bool = False) -> None:
        """Start without any.

        Args:
            store: the metrics.
            complain: is told of what cannot be judged.
            patient: leave an alarm as it is until something was put for one of its metrics.
        """
        self._store, self._complain, self._patient = store, complain, patient
        self._windows = Windows(store)
        self._metric: dict[str, tuple[MetricAlarm, Reading]] = {}
        self._composite: dict[str, CompositeAlarm] = {}
        # The composites in the order in which they stand upon each other, and which of them are to be judged anew.
        self._order: list[str] = []
        self._stale: set[str] = set()
        self._fresh: set[str] = set()
        self._holds: dict[str, Hold] = {}
        # By which state of a composite its actions were taken last.
        self._acted: dict[str, Value] = {}
        self.states: dict[str, State] = {}

    def keep(self, alarm: MetricAlarm | CompositeAlarm, at: datetime) -> None:
        """Take a new alarm, or a changed one, whose state stays; raises Refused."""
        if isinstance(alarm, MetricAlarm):
            reading = Reading(alarm)
            self._drop(alarm.name)
            self._metric[alarm.name] = (alarm, reading)
            self._fresh.add(alarm.name)
        else:
            self._drop(alarm.name)
            self._composite[alarm.name] = alarm
            self._stale.add(alarm.name)
        self._order = self._sorted()
        state = self.states.setdefault(alarm.name, State("INSUFFICIENT_DATA", NEW, "{}", at))
        self._acted.setdefault(alarm.name, state.value)

    def mention(self, name: str, at: datetime) -> None:
        """Know of an alarm that is not judged here, since composites may be about it."""
        self._drop(name)
        self.states.setdefault(name, State("INSUFFICIENT_DATA", NEW, "{}", at))

    def forget(self, name: str) -> None:
        """Leave an alarm out from now on."""
        self._drop(name)
        self._order = self._sorted()
        self._stale.update(self._parents(name))
        for kept in (self.states, self._acted, self._holds):
            kept.pop(name, None)

    def set(self, name: str, state: State, now: float) -> list[Change]:
        """Put an alarm into a state, until it is evaluated next; returns the change, and those of composites."""
        return [*self._change(name, state, now), *self.settle(now, Told(state.at))]

    def step(self, minute: int, told: Told | None = None) -> list[Change]:
        """Evaluate all alarms at the end of a minute; returns what has changed, in order.

        Args:
            minute: its end, a multiple of 60.
            told: how it is told outside; as it is unless said otherwise.
        """
        told = told or Told(datetime.fromtimestamp(minute, UTC))
        changes: list[Change] = []
        for name, (alarm, reading) in self._metric.items():
            if alarm.hourly and minute % HOUR and name not in self._fresh:
                continue
            if self._patient and all(self._store.latest(one) is None for one, _, _ in reading.metrics.values()):
                continue
            self._fresh.discard(name)
            try:
                points = reading.points(self._windows, minute)
                if alarm.samples and reading.samples(self._windows, minute) < alarm.samples:
                    continue
            except Refused as refused:
                self._complain(f"the alarm {name} is not judged here: {refused}")
                continue
            value = judge(list(points.values()), alarm.terms)
            if value and value != self.states[name].value:
                changes += self._change(name, _state(alarm, value, points, told), minute)
        return [*changes, *self.settle(minute, told)]

    def settle(self, now: float, told: Told) -> Iterator[Change]:
        """Judge the composites that stand upon what has changed, end what held actions back; yields what changed."""
        for name in self._order if self._stale else ():
            if name not in self._stale:
                continue
            self._stale.discard(name)
            try:
                value: Value = "ALARM" if self._composite[name].rule.holds(self._values) else "OK"
            except RuleError as error:
                self._complain(f"the composite alarm {name} is not judged: {error}")
                continue
            if value != self.states[name].value:
                why, data = self._triggered(name, told.at)
                yield from self._change(name, State(value, why, data, told.at), now)
        for alarm in self._composite.values():
            if alarm.suppressor:
                yield from self._released(alarm, now, told)

    def suppressible(self) -> Iterator[tuple[str, State]]:
        """Yield the composites whose actions another alarm can keep back, and their states."""
        yield from ((name, self.states[name]) for name, alarm in self._composite.items() if alarm.suppressor)

    # Changing

    @property
    def _values(self) -> dict[str, str]:
        return {name: state.value for name, state in self.states.items()}

    def _change(self, name: str, state: State, now: float) -> Iterator[Change]:
        before, alarm = self.states[name], self._composite.get(name)
        self.states[name] = state
        if state.value == before.value:
            self.states[name] = replace(state, suppressed=before.suppressed)
            return
        self._stale.update(self._parents(name))
        if alarm and alarm.suppressor:
            hold = self._held(alarm, now, changed=True)
            if hold:
                self.states[name] = state = replace(state, suppressed=hold.by)
                yield Change(name, before, state, acts=False)
                return
            self._acted[name] = state.value
        yield Change(name, before, state)

    def _released(self, alarm: CompositeAlarm, now: float, told: Told) -> Iterator[Change]:
        before = self.states[alarm.name]
        hold = self._held(alarm, now)
        by = hold.by if hold else ""
        if by == before.suppressed:
            return
        self.states[alarm.name] = replace(before, suppressed=by)
        if not by and before.value != self._acted[alarm.name]:
            self._acted[alarm.name] = before.value
            self.states[alarm.name] = after = replace(before, suppressed="", at=told.at)
            yield Change(alarm.name, before, after)

    def _held(self, alarm: CompositeAlarm, now: float, changed: bool = False) -> Hold | None:
        suppressor = self.states.get(alarm.suppressor)
        suppressing = suppressor is not None and suppressor.value == "ALARM"
        hold = held(self._holds.get(alarm.name), suppressing, changed, now, alarm.wait, alarm.extension)
        if hold:
            self._holds[alarm.name] = hold
        else:
            self._holds.pop(alarm.name, None)
        return hold

    def _triggered(self, name: str, at: datetime) -> tuple[str, str]:
        """Return why a composite is in another state, and the same as data: the child that has changed last."""
        there = [(self.states[one], one) for one in self._composite[name].rule.children if one in self.states]
        if not there:
            return f"The rule {self._composite[name].text} holds since {at:%A %d %B, %Y %H:%M:%S} UTC", "{}"
        state, child = max(there, key=lambda one: one[0].at)
        arn = f"arn:aws:cloudwatch:{self._store.region}:{self._store.account}:alarm:{child}"
        told = [{"arn": arn, "state": {"value": state.value, "timestamp": stamp(state.at)}}]
        why = f"{arn} transitioned to {state.value} at {state.at:%A %d %B, %Y %H:%M:%S} UTC"
        return why, json.dumps({"triggeringAlarms": told})

    # Who stands upon whom

    def _parents(self, name: str) -> Iterable[str]:
        return [one for one, alarm in self._composite.items() if name in alarm.rule.children]

    def _sorted(self) -> list[str]:
        graph = {name: [*alarm.rule.children] for name, alarm in self._composite.items()}
        return [one for one in TopologicalSorter(graph).static_order() if one in graph]

    def _drop(self, name: str) -> None:
        self._metric.pop(name, None)
        self._composite.pop(name, None)
        self._stale.discard(name)
        self._fresh.discard(name)


def _state(alarm: MetricAlarm, value: Value, points: Points, told: Told) -> State:
    outside = {at - told.shift: one for at, one in points.items()}
    data = reason_data(outside, alarm.terms, alarm.period, told.at, alarm.statistic, alarm.unit)
    return State(value, reason(value, outside, alarm.terms), data, told.at)


def _no_search(text: str, stat: str, period: int | None) -> Several:
    raise Refused("SEARCH cannot be used in an alarm")
