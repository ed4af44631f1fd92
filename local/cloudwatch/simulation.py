"""Alarms over made-up metrics, minute by minute, as fast as the machine can: to prove when somebody is paged.

    simulation = Simulation([{"AlarmName": "errors", …}, {"AlarmName": "page", "AlarmRule": …}], store)
    for minute in range(start, end, 60):
        for change in simulation.step(minute):
            print(change.name, change.after.value)

The alarms are judged as the local CloudWatch judges them, which is what `engine` does for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.cloudwatch.definition import composite_alarm, metric_alarm
from local.cloudwatch.engine import Change, Engine
from local.cloudwatch.judgement import State
from local.cloudwatch.refused import Refused
from local.cloudwatch.store import Store

Given = Mapping[str, Any]
BEFORE = datetime.fromtimestamp(0, UTC)


class Simulation:
    """Alarms and a store, and time that is moved by hand."""

    def __init__(self, alarms: Iterable[Given], store: Store) -> None:
        """Take the alarms, all of them new; raises Refused, and Unjudged for those that are not judged here.

        Args:
            alarms: what boto3's put_metric_alarm and (with an AlarmRule) put_composite_alarm are given, in any order.
            store: the metrics; what lies at or after the end of a minute is not seen by its step.
        """
        alarms = list(alarms)
        self._engine = Engine(store, _refuse)
        for given in alarms:
            if "AlarmRule" not in given:
                self._engine.keep(metric_alarm(given), BEFORE)
        waiting = [one for one in alarms if "AlarmRule" in one]
        children: dict[str, tuple[str, ...]] = dict.fromkeys(self._engine.states, ())
        while waiting:
            # A child first, as CloudWatch wants it; what fits never is refused with its reason.
            fits = [one for one in waiting if _fits(one, children)] or waiting[:1]
            for given in fits:
                alarm = composite_alarm(given, children)
                self._engine.keep(alarm, BEFORE)
                children[alarm.name] = alarm.rule.children
                waiting.remove(given)

    def step(self, minute: int) -> list[Change]:
        """Evaluate all alarms at the end of a minute (epoch seconds, a multiple of 60); returns what changed, in order.

        Minutes are stepped through one after the other; raises Refused for what cannot be evaluated.
        """
        return self._engine.step(minute)

    def state(self, name: str) -> State:
        """Return the state that an alarm is in, with its reason; raises KeyError."""
        return self._engine.states[name]


def _fits(given: Given, there: Mapping[str, tuple[str, ...]]) -> bool:
    try:
        composite_alarm(given, there)
    except Refused:
        return False
    return True


def _refuse(problem: str) -> None:
    raise Refused(problem)
