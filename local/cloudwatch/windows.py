"""What a series has for windows that slide on minute by minute: each minute is looked at once, and kept.

An alarm with a period of a day reads 1,440 minutes every minute, and its neighbours the same ones. Here they lie side
by side with their running totals, and what came in late is noticed by the number of samples, which only grows.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate

from local.cloudwatch.data import measured, unit_of
from local.cloudwatch.evaluation import Axis, Series
from local.cloudwatch.statistics import statistic
from local.cloudwatch.store import MINUTE, Metric, Store, Window

RANGED = re.compile(r"(PR|TC)(\(.*\))")
# Up to here running totals of whole numbers are exact.
EXACT = 2.0**53


class Windows:
    """The windows of a store's series."""

    def __init__(self, store: Store) -> None:
        """Look at a store."""
        self._store = store
        self._kept: dict[tuple[Metric, str], _Minutes] = {}

    def series(self, metric: Metric, stat: str, axis: Axis, unit: str = "") -> Series:
        """Return a metric's values for some periods; raises Refused for a statistic that cannot be taken.

        Args:
            metric: of which series.
            stat: which statistic.
            axis: the periods; the last of them ends where the axis does.
            unit: in which it was put; may be left out where there is one only.
        """
        if not (take := _taken(stat)):
            return measured(self._store, metric, stat, axis, axis.end, unit)
        key = metric, unit_of(self._store, metric, unit)
        if not (kept := self._kept.get(key)):
            kept = self._kept[key] = _Minutes(self._store, *key)
        kept.look(axis)
        found = {at: kept.value(at, axis.period, take) for at in axis.times}
        return Series({at: value for at, value in found.items() if value is not None}, axis, metric.name)


class _Column:
    """A number for each minute, and their running total."""

    def __init__(self) -> None:
        self.numbers, self._totals = array("d"), array("d", (0.0,))
        self._exact = True

    def extend(self, more: Sequence[float]) -> None:
        self.numbers.extend(more)
        totals = array("d", accumulate(more, initial=self._totals.pop()))
        self._totals.extend(totals)
        self._exact = self._exact and abs(totals[-1]) < EXACT and all(map(float.is_integer, more))

    def cut(self, after: int) -> None:
        del self.numbers[after:], self._totals[after + 1 :]

    def drop(self, before: int) -> None:
        # One that was not asked for lately may end before.
        del self.numbers[:before], self._totals[: min(before, len(self._totals) - 1)]

    def total(self, first: int, after: int) -> float:
        if self._exact:
            return self._totals[after] - self._totals[first]
        return sum(self.numbers[first:after])


Taken = Callable[["_Minutes", float, int, int], float]
TAKEN: dict[str, Taken] = {
    "SampleCount": lambda _minutes, count, _first, _after: count,
    "Sum": lambda minutes, _, first, after: minutes.column("Sum").total(first, after),
    "Average": lambda minutes, count, first, after: minutes.column("Sum").total(first, after) / count,
    "Minimum": lambda minutes, _, first, after: min(minutes.column("Minimum", math.inf).numbers[first:after]),
    "Maximum": lambda minutes, _, first, after: max(minutes.column("Maximum", -math.inf).numbers[first:after]),
}


def _taken(stat: str) -> Taken | None:
    """Return how a statistic of a window follows from those of its minutes, if it does."""
    if not (match := RANGED.fullmatch(stat)):
        return TAKEN.get(stat)
    name = f"TC{match[2]}"
    if match[1] == "TC":
        return lambda minutes, _, first, after: minutes.column(name).total(first, after)
    return lambda minutes, count, first, after: 100 * minutes.column(name).total(first, after) / count


class _Minutes:
    """One series minute by minute, as far back as somebody looks."""

    def __init__(self, store: Store, metric: Metric, unit: str) -> None:
        self._store, self._metric, self._unit = store, metric, unit
        self._start, self._reach, self._changes = 0, 0, -1
        self._counts, self._columns = _Column(), dict[str, _Column]()

    @property
    def _end(self) -> int:
        return self._start + len(self._counts.numbers) * MINUTE

    def look(self, axis: Axis) -> None:
        """Have what lies between two times, as it is now."""
        start, end, changes = axis.start, int(axis.end), self._store.changes
        changed = changes != self._changes
        if not changed and self._start <= start and end <= self._end:
            return
        self._reach, self._changes = max(self._reach, end - start), changes
        if not self._start <= start <= self._end:
            self._start, self._counts, self._columns = start, _Column(), {}
        self._drop((end - self._reach - self._start) // MINUTE)
        if changed:
            fresh = self._raw(self._start, end)
            same = _alike(self._counts.numbers, fresh)
            for column in (self._counts, *self._columns.values()):
                column.cut(same)
            self._counts.extend(fresh[same:])
        else:
            self._counts.extend(self._raw(self._end, end))

    def value(self, at: int, period: int, take: Taken) -> float | None:
        """Return what a statistic makes of a period; None where there is nothing."""
        first = (at - self._start) // MINUTE
        after = first + period // MINUTE
        if not (count := self._counts.total(first, after)):
            return None
        found = take(self, count, first, after)
        return None if math.isnan(found) else found

    def column(self, stat: str, empty: float = 0.0) -> _Column:
        """Return what each minute has of a statistic; `empty` where it has no samples."""
        column = self._columns.get(stat)
        if column is None:
            column = self._columns[stat] = _Column()
        if (known := len(column.numbers)) < len(self._counts.numbers):
            start = self._start + known * MINUTE
            more = [math.nan if count else empty for count in self._counts.numbers[known:]]
            taken = self._store.taken(self._metric, self._unit, statistic(stat), start, self._end, MINUTE)
            for at, value in taken:
                more[(at - start) // MINUTE] = value
            column.extend(more)
        return column

    def _drop(self, before: int) -> None:
        """Forget what nobody looks back to."""
        if before > 0:
            self._start += before * MINUTE
            for column in (self._counts, *self._columns.values()):
                column.drop(before)

    def _raw(self, start: int, end: int) -> array[float]:
        found: list[array[float]] = []

        def keep(window: Window) -> Sequence[None]:
            found.append(array("d", window.counts()))
            return ()

        self._store.taken(self._metric, self._unit, keep, start, end, MINUTE)
        return found[0]


def _alike(known: array[float], fresh: array[float]) -> int:
    """Return how many numbers two columns have in common at their beginning."""
    if known.tobytes() == fresh[: len(known)].tobytes():
        return len(known)
    return next((at for at, (one, other) in enumerate(zip(known, fresh, strict=False)) if one != other), len(fresh))
