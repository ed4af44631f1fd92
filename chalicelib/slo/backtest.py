"""What the alarms of an objective would have told lately: the very rules, replayed over five-minute points.

Five minutes is the finest that CloudWatch keeps for 63 days. Windows are sums of such points, so that what an alarm
would have seen within a minute is seen here up to five minutes later, and an incident shorter than that may look weaker
than it was. The window of three days is looked at once an hour, as CloudWatch does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from chalicelib.model import DAY
from chalicelib.services import sli
from chalicelib.services.model import Counts, Objective, Sli
from chalicelib.services.sli import Counted, Values
from chalicelib.slo import budget, burn
from chalicelib.slo.budget import Budget
from chalicelib.slo.burn import HOUR, WINDOWS, Level

STEP = 300
# So long CloudWatch keeps points of five minutes; the longest window must be full before anything is judged.
KEPT, WARM = 63, 3
GOALS = (95.0, 99.0, 99.5, 99.9, 99.95, 99.99)


@dataclass(frozen=True, slots=True)
class Told:
    """One page or ticket: from when to when (epoch seconds); `until` is None while it is still on."""

    level: Level
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Replay:
    """What an objective would have told, and its budget at the end.

    Args:
        objective: with the goal that was tried.
        since: from when on it was judged (epoch seconds).
        until: when that ended.
        told: every page and ticket, in order.
        budget: as it was then.
        days: of how many days.
        told_of: of how many of these anything is known.
    """

    objective: Objective
    since: int
    until: int
    told: tuple[Told, ...]
    budget: Budget
    days: int
    told_of: int

    def of(self, level: Level) -> tuple[Told, ...]:
        """Return those of one level."""
        return tuple(one for one in self.told if one.level == level)


def point(indicator: Sli, values: Values) -> Counted | None:
    """Return what was counted in five minutes, to be summed up: only of a whole window is the total at least the bad.

    Args:
        indicator: what counts.
        values: of its series.
    """
    found = sli.counted(indicator, values)
    if found is None or not isinstance(indicator, Counts):
        return found
    bad, total = (sum(values.get(one) or 0.0 for one in part) for part in (indicator.bad, indicator.total))
    return Counted(bad, total)


def replay(objective: Objective, points: Sequence[Counted | None], start: int, days: int) -> Replay:
    """Return what an objective would have told.

    Args:
        objective: whose alarms.
        points: what was counted in each five minutes, None where nothing was told.
        start: when the first of them begins, a multiple of five minutes.
        days: of how many days, the last ones, is told; what lies before fills the windows.
    """
    sums = _Sums(points)
    first = max(0, len(points) - int(days * DAY) // STEP)
    told: list[Told] = []
    level: Level | None = None
    began, (_, slow) = start, _level(objective, sums, first, slow=False, hourly=True)
    for end in range(first + 1, len(points) + 1):
        at = start + end * STEP
        now, slow = _level(objective, sums, end, slow=slow, hourly=at % HOUR == 0)
        if now != level:
            if level:
                told.append(Told(level, began, at))
            level, began = now, at
    if level:
        told.append(Told(level, began, None))
    until = start + len(points) * STEP
    left = _budget(objective, sums, len(points))
    known = sum(sums.of(end, DAY) is not None for end in range(len(points), first, -int(DAY) // STEP))
    return Replay(objective, start + first * STEP, until, tuple(told), left, days, known)


def neighbours(objective: Objective) -> tuple[Objective, ...]:
    """Return the same objective with a goal below and one above, of those that are usual and can page."""
    below = [goal for goal in GOALS if goal < objective.goal][-1:]
    above = [goal for goal in GOALS if goal > objective.goal][:1]
    found = (replace(objective, goal=goal) for goal in (*below, *above))
    return tuple(one for one in found if not burn.impossible(one))


class _Sums:
    """Sums of windows of points, each in one step."""

    def __init__(self, points: Sequence[Counted | None]) -> None:
        self._bad = _running(one.bad if one else 0.0 for one in points)
        self._total = _running(one.total if one else 0.0 for one in points)
        self._known = _running(1.0 if one else 0.0 for one in points)

    def of(self, end: int, seconds: float) -> Counted | None:
        """Return what was counted in the window that ends before a point; None where nothing was told."""
        first = max(0, end - int(seconds) // STEP)
        if self._known[end] == self._known[first]:
            return None
        bad = self._bad[end] - self._bad[first]
        return Counted(bad, max(self._total[end] - self._total[first], bad))


def _running(values: Iterable[float]) -> list[float]:
    return list(accumulate(values, initial=0.0))


def _level(objective: Objective, sums: _Sums, end: int, *, slow: bool, hourly: bool) -> tuple[Level | None, bool]:
    """Return whom the alarms wake at a time, and whether the one on the longest window is on, which changes hourly."""
    longest = sums.of(end, WINDOWS[-1])
    if longest is None or (longest.bad < burn.least(objective) and (hourly or not slow)):
        # No window has enough bad ones.
        return None, False
    windows: Mapping[int, Counted | None] = {window: sums.of(end, window) for window in WINDOWS}
    found = burn.burning(objective, windows)
    last = found[-1]
    if hourly:
        slow = last.long is not None and last.long > last.factor
    on = slow and last.short is not None and last.short > last.factor
    return burn.level((*found[:-1], replace(last, on=on))), slow


def _budget(objective: Objective, sums: _Sums, end: int) -> Budget:
    windows = {window: sums.of(end, window) for window in WINDOWS}
    return budget.of(objective, sums.of(end, objective.days * DAY), windows)
