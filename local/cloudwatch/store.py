"""Where metrics are kept: per series and unit, in buckets of 60, 300 or 3600 seconds that lie side by side in arrays.

    store.put(metric, at, values, counts)               # samples, as PutMetricData's Values and Counts
    store.put_set(metric, at, count, total, low, high)  # a statistic set: no percentiles, unless all its values are one
    store.fill(metric, start, period, sums, …)          # history at once: one number a bucket, or a statistic set each
    store.fill_spread(metric, start, period, values, …) # history with percentiles: how often each value in each bucket

All times are the engine's (`Clock.now`), in epoch seconds. `fill` and `fill_spread` copy whole arrays: a month of 200
series at 60 s for a day, 300 s for two weeks and 3600 s before takes about a second. Fill what lies further back more
coarsely, as AWS keeps it: minutes for 15 days, five minutes for 63, hours for 455. As on AWS, what came at five-minute
steps (EC2's basic monitoring) answers a period of 60 with a point every five minutes.

Nothing is thinned out when it gets old, since what a period may still see follows from `oldest`.
"""

from __future__ import annotations

import math
import operator
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise

MINUTE, FIVE, HOUR, DAY = 60, 300, 3600, 86_400
# For how many days what period can be read.
KEPT = ((HOUR, 455 * DAY), (FIVE, 63 * DAY), (MINUTE, 15 * DAY))
# What nothing was put into for so long is neither listed nor found.
LISTED = 14 * DAY
# The values that were seen and how often each.
Spread = tuple[tuple[float, ...], Sequence[float]]
# The same of many buckets: from which on, until which, the values, and how often each in the first, the second …
Block = tuple[int, int, tuple[float, ...], "array[float]"]


@dataclass(frozen=True)
class Metric:
    """Which series: its namespace, its name and its dimensions, sorted; made by `Metric.of`."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str] | None = None) -> Metric:
        """Return a metric whose dimensions may come in any order."""
        return cls(namespace, name, tuple(sorted((dimensions or {}).items())))


def oldest(period: int, now: float) -> float:
    """Return since when a period of some seconds can be read."""
    for resolution, kept in KEPT:
        if period % resolution == 0:
            return (now - kept) // resolution * resolution
    raise ValueError(f"nothing is kept for a period of {period} seconds")


class Grid:
    """Buckets of one length, side by side: how many samples, their sum, the least, the greatest, and their spread."""

    def __init__(self, size: int) -> None:
        """Start without any; `size` is their length in seconds."""
        self.size, self.first = size, 0
        self.counts, self.sums, self.lows, self.highs = (array("d") for _ in range(4))
        # What is known beyond that of single buckets, by their number; None where a statistic set came in.
        self._spreads: dict[int, Spread | None] = {}
        # And of many at once.
        self._blocks: list[Block] = []

    @property
    def end(self) -> int:
        """The number of the bucket after the last."""
        return self.first + len(self.counts)

    def add(self, bucket: int, count: float, total: float, low: float, high: float, spread: Spread | None) -> None:
        """Add samples to a bucket; `spread` is None if only these four numbers are known of them."""
        self._cover(bucket, bucket + 1)
        at = bucket - self.first
        before = self.spread(bucket) if self.counts[at] else ((), ())
        self.counts[at] += count
        self.sums[at] += total
        self.lows[at], self.highs[at] = min(self.lows[at], low), max(self.highs[at], high)
        # Where all samples are alike, there is nothing more to know.
        if self.lows[at] < self.highs[at] or self._block(bucket):
            self._spreads[bucket] = _joined((before, spread)) if before and spread else None

    def fill(self, bucket: int, columns: Sequence[array[float]], block: tuple[float, ...], often: array[float]) -> None:
        """Add samples to many buckets, from one on: counts, sums, lows and highs, and their spread if any."""
        many = len(columns[0])
        self._cover(bucket, bucket + many)
        at = bucket - self.first
        if any(self.counts[at : at + many]):
            width = len(block)
            for number, (count, total, low, high) in enumerate(zip(*columns, strict=True)):
                row = (block, often[number * width : (number + 1) * width]) if block else _alike(count, low, high)
                if count:
                    self.add(bucket + number, count, total, low, high, row)
            return
        for mine, theirs in zip((self.counts, self.sums, self.lows, self.highs), columns, strict=True):
            mine[at : at + many] = theirs
        if block:
            self._blocks.append((bucket, bucket + many, block, often))

    def spread(self, bucket: int) -> Spread | None:
        """Return how often each value is in a bucket, and None where that is not known."""
        at = bucket - self.first
        if self.lows[at] >= self.highs[at]:
            return ((self.lows[at],), (self.counts[at],)) if self.counts[at] else ((), ())
        if bucket in self._spreads:
            return self._spreads[bucket]
        block = self._block(bucket)
        return _rows(block, bucket, bucket + 1) if block else None

    def spreads(self, first: int, after: int) -> list[Spread] | None:
        """Return how often each value is in some buckets, in as few parts as it goes; None where that is not known."""
        first, after = max(first, self.first), min(after, self.end)
        if first >= after:
            return []
        block = self._block(first)
        if block and after <= block[1] and not any(map(self._spreads.__contains__, range(first, after))):
            return [_rows(block, first, after)]
        found = []
        for bucket in range(first, after):
            one = self.spread(bucket)
            if one is None:
                return None
            if one[0]:
                found.append(one)
        return found

    def _block(self, bucket: int) -> Block | None:
        return next((one for one in self._blocks if one[0] <= bucket < one[1]), None)

    def _cover(self, first: int, end: int) -> None:
        if not self.counts:
            self.first = first
        before, after = max(self.first - first, 0), max(end - self.end, 0)
        if before or after:
            for name, empty in (("counts", 0.0), ("sums", 0.0), ("lows", math.inf), ("highs", -math.inf)):
                column, one = getattr(self, name), array("d", (empty,))
                if before:
                    setattr(self, name, one * before + column)
                if after:
                    getattr(self, name).extend(one * after)
            self.first -= before


class Window:
    """What a series has for some periods, one after the other: a number per period in each column."""

    def __init__(self, grids: Sequence[Grid], start: int, end: float, period: int) -> None:
        """Look from a whole minute to a time, the periods beginning with the start."""
        self.start, self.end, self.period = start, end, period
        self.many = max(math.ceil((end - start) / period), 0)
        self._grids = [one for one in grids if one.end * one.size > start and one.first * one.size < end]

    def counts(self) -> list[float]:
        """Return how many samples each period has."""
        return self._column("counts", 0.0, sum)

    def sums(self) -> list[float]:
        """Return the sum of each period's samples."""
        return self._column("sums", 0.0, sum)

    def lows(self) -> list[float]:
        """Return the least of each period's samples, infinity where there are none."""
        return self._column("lows", math.inf, min)

    def highs(self) -> list[float]:
        """Return the greatest of each period's samples, minus infinity where there are none."""
        return self._column("highs", -math.inf, max)

    def spread(self, number: int) -> Spread | None:
        """Return how often each value is in a period, sorted by value; None where that is not known."""
        start = self.start + number * self.period
        end = min(start + self.period, self.end)
        found: list[Spread] = []
        for grid in self._grids:
            some = grid.spreads(math.ceil(start / grid.size), math.ceil(end / grid.size))
            if some is None:
                return None
            found += some
        return found[0] if len(found) == 1 else _joined(found)

    def _column(self, name: str, empty: float, take: Callable[[Iterable[float]], float]) -> list[float]:
        columns = [self._of(grid, name, empty, take) for grid in self._grids]
        if not columns:
            return [empty] * self.many
        return columns[0] if len(columns) == 1 else [take(row) for row in zip(*columns, strict=True)]

    def _of(self, grid: Grid, name: str, empty: float, take: Callable[[Iterable[float]], float]) -> list[float]:
        column: array[float] = getattr(grid, name)
        first, after = (math.ceil(one / grid.size) - grid.first for one in (self.start, self.end))
        after = min(after, len(column))
        if self.period % grid.size:
            # Each bucket goes where it begins.
            found = [empty] * self.many
            for number in range(max(first, 0), after):
                place = ((grid.first + number) * grid.size - self.start) // self.period
                found[place] = take((found[place], column[number]))
            return found
        step = self.period // grid.size
        last = min(first + self.many * step, after)
        blank = array("d", (empty,))
        cut = blank * max(-first, 0) + column[max(first, 0) : max(last, 0)]
        cut += blank * (self.many * step - len(cut))
        return list(cut) if step == 1 else [take(cut[at : at + step]) for at in range(0, len(cut), step)]


class Store:
    """The metrics of one account in one region; may be used by several threads."""

    def __init__(self, account: str = "123456789012", region: str = "eu-west-1") -> None:
        """Start without any."""
        self.account, self.region = account, region
        self._series: dict[Metric, dict[str, dict[int, Grid]]] = {}
        self._latest: dict[Metric, float] = {}
        self._lock = threading.RLock()
        # How often something was put: what has not changed since need not be evaluated anew.
        self.changes = 0

    # Putting

    def put(
        self,
        metric: Metric,
        at: float,
        values: Sequence[float],
        counts: Sequence[float] | None = None,
        unit: str = "None",
    ) -> None:
        """Add samples: the values, and how often each was seen (once, unless said otherwise).

        A tuple of values that is the same object every time is kept once only: worth it for latencies in fixed steps.
        """
        often = array("d", counts if counts is not None else (1.0,) * len(values))
        seen = [value for value, count in zip(values, often, strict=True) if count]
        if not seen:
            return
        total = math.fsum(value * count for value, count in zip(values, often, strict=True))
        spread: Spread = (tuple(values), often)
        spread = spread if _ascending(spread[0]) else _merged((spread,))
        self._add(metric, at, unit, (math.fsum(often), total, min(seen), max(seen)), spread)

    def put_set(
        self, metric: Metric, at: float, count: float, total: float, low: float, high: float, unit: str = "None"
    ) -> None:
        """Add a statistic set: how many samples, their sum, the least and the greatest of them."""
        self._add(metric, at, unit, (count, total, low, high), _alike(count, low, high))

    def fill(
        self,
        metric: Metric,
        start: float,
        period: int,
        sums: Sequence[float],
        counts: Sequence[float] | None = None,
        lows: Sequence[float] | None = None,
        highs: Sequence[float] | None = None,
        unit: str = "None",
    ) -> None:
        """Add history: for each bucket from `start` on one sample, or a statistic set; NaN where there is nothing.

        Args:
            metric: of which series.
            start: of the first bucket, a multiple of the period.
            period: 60, 300 or 3600 seconds.
            sums: of each bucket; without counts, the one sample it has.
            counts: how many samples each bucket has; one if left out, and none makes the bucket empty.
            lows: the least sample of each; left out, a bucket's samples are all alike.
            highs: the greatest of each, likewise.
            unit: one of CloudWatch's units.

        Raises ValueError for a start or a period that fits no bucket, and for columns of different lengths.
        """
        many = [0.0 if value != value else 1.0 for value in sums] if counts is None else list(counts)
        totals = [value if count else 0.0 for value, count in zip(sums, many, strict=True)]
        alike = [total / count if count else math.nan for total, count in zip(totals, many, strict=True)]
        least = [low if count else math.inf for low, count in zip(lows or alike, many, strict=True)]
        most = [high if count else -math.inf for high, count in zip(highs or alike, many, strict=True)]
        self._fill(metric, start, period, unit, (many, totals, least, most), (), array("d"))

    def fill_spread(
        self,
        metric: Metric,
        start: float,
        period: int,
        values: Sequence[float],
        counts: Sequence[float],
        unit: str = "None",
    ) -> None:
        """Add history whose percentiles can be taken: for each bucket from `start` on how often each value was seen.

        Args:
            metric: of which series.
            start: of the first bucket, a multiple of the period.
            period: 60, 300 or 3600 seconds.
            values: that samples may have, ascending, the same for all buckets: 20 to 40 make fine percentiles.
            counts: how often each, bucket after bucket: `len(values)` numbers for the first, then for the second, …
            unit: one of CloudWatch's units.

        Raises ValueError for a start or period that fits no bucket, values that do not ascend, counts that do not fit.
        """
        block, often, width = tuple(values), array("d", counts), len(values)
        if not width or len(often) % width or not _ascending(block):
            raise ValueError(f"{len(often)} counts do not fit {width} ascending values")
        rows = list(zip(*[iter(often)] * width, strict=True))
        down = block[::-1]
        columns = (
            list(map(sum, rows)),
            [sum(map(operator.mul, block, row)) for row in rows],
            [next(compress(block, row), math.inf) for row in rows],
            [next(compress(down, row[::-1]), -math.inf) for row in rows],
        )
        self._fill(metric, start, period, unit, columns, block, often)

    def _add(
        self, metric: Metric, at: float, unit: str, four: tuple[float, float, float, float], spread: Spread | None
    ) -> None:
        with self._lock:
            self._grid(metric, unit, MINUTE).add(int(at // MINUTE), *four, spread)
            self._changed(metric, at)

    def _fill(
        self,
        metric: Metric,
        start: float,
        period: int,
        unit: str,
        columns: Sequence[Sequence[float]],
        block: tuple[float, ...],
        often: array[float],
    ) -> None:
        if period not in (MINUTE, FIVE, HOUR) or start % period:
            raise ValueError(f"history begins at a multiple of 60, 300 or 3600 seconds: not {start} at {period}")
        if columns[0]:
            with self._lock:
                grid = self._grid(metric, unit, period)
                grid.fill(int(start // period), [array("d", one) for one in columns], block, often)
                self._changed(metric, start + (len(columns[0]) - 1) * period)

    def _grid(self, metric: Metric, unit: str, size: int) -> Grid:
        grids = self._series.setdefault(metric, {}).setdefault(unit, {})
        return grids.setdefault(size, Grid(size))

    def _changed(self, metric: Metric, at: float) -> None:
        self._latest[metric] = max(self._latest.get(metric, at), at)
        self.changes += 1

    # Looking

    def metrics(self, since: float = -math.inf) -> Iterator[Metric]:
        """Yield the metrics that have had data since a time, sorted."""
        with self._lock:
            found = [metric for metric, at in self._latest.items() if at >= since]
        yield from sorted(found, key=lambda one: (one.namespace, one.name, one.dimensions))

    def latest(self, metric: Metric) -> float | None:
        """Return when something was last measured of a metric, by the data's own times; None if it is not known."""
        return self._latest.get(metric)

    def units(self, metric: Metric) -> tuple[str, ...]:
        """Return the units in which a metric was put."""
        with self._lock:
            return tuple(sorted(self._series.get(metric, {})))

    def taken(
        self,
        metric: Metric,
        unit: str,
        take: Callable[[Window], Sequence[float | None]],
        start: int,
        end: float,
        period: int,
    ) -> list[tuple[int, float]]:
        """Return the beginning and the value of every period that has one.

        Args:
            metric: of which series.
            unit: in which it was put.
            take: the statistic: what it makes of the periods, None where there is no value.
            start: the first period's beginning, a whole minute.
            end: what lies at or after it counts for nothing.
            period: in seconds, a multiple of 60.
        """
        with self._lock:
            grids = self._series.get(metric, {}).get(unit, {})
            taken = take(Window(list(grids.values()), start, end, period))
        return [(start + number * period, value) for number, value in enumerate(taken) if value is not None]


def _alike(count: float, low: float, high: float) -> Spread | None:
    return ((low,), (count,)) if low == high else None


def _rows(block: Block, first: int, after: int) -> Spread:
    """Return some buckets of a block as one."""
    begin, _, values, often = block
    width = len(values)
    cut = often[(first - begin) * width : (after - begin) * width]
    return values, cut if after == first + 1 else array("d", [sum(cut[at::width]) for at in range(width)])


def _ascending(values: Sequence[float]) -> bool:
    return all(one < other for one, other in pairwise(values))


def _joined(some: Sequence[Spread]) -> Spread:
    values = some[0][0] if some else ()
    if all(one[0] is values for one in some):
        # The usual case: the same steps in all of them.
        return values, array("d", map(sum, zip(*(one[1] for one in some), strict=True)))
    return _merged(some)


def _merged(some: Iterable[Spread]) -> Spread:
    found: dict[float, float] = {}
    for row in some:
        for value, count in zip(*row, strict=True):
            if count:
                found[value] = found.get(value, 0.0) + count
    ordered = sorted(found)
    return tuple(ordered), array("d", (found[value] for value in ordered))
