"""Reads series from CloudWatch in as few calls as it takes, and asks only once for what cannot change any more.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.model import Aws, AwsError
from chalicelib.services.model import Metric

QUERIES, POINTS = 500, 100_800
# What is older than this is taken for complete: metrics come minutes late, and Lambda's count when an invocation began,
# which lasts 15 minutes at most.
LATE = 1200.0
# A series is asked for again after so many seconds, a long one by its period: each time costs, and little is new.
FRESH, LONGEST, SHARE = 55.0, 900.0, 0.35
# An environment of a function that has read so many series begins anew.
KEPT = 20_000
HOUR = 3600

Points = Mapping[int, float]
Series = tuple[Metric, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One series over a time.

    Args:
        metric: which.
        period: seconds of one point.
        start: from when on, epoch seconds.
    """

    metric: Metric
    period: int
    start: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Args:
        points: of each series, by metric and period: the value by when its period begins (epoch seconds).
        denied: why a metric could not be read: the action, and who denies it.
        calls: how often CloudWatch was asked.
        queries: for how many series.
    """

    points: Mapping[Series, Points] = field(default_factory=dict)
    denied: Mapping[Metric, str] = field(default_factory=dict)
    calls: int = 0
    queries: int = 0

    def of(self, metric: Metric, period: int) -> Points:
        """Return the points of a series, none where there are none."""
        return self.points.get((metric, period), {})


@dataclass(slots=True)
class _Kept:
    """What is known of a series: from when on, until when for good, when it was read."""

    since: int
    until: int
    read: float
    span: float
    points: dict[int, float] = field(default_factory=dict)


def fresh(period: int) -> float:
    """Return for how many seconds the points of such a period do as they were read."""
    return min(LONGEST, max(FRESH, SHARE * period))


class Reader:
    """Reads, and remembers for as long as its environment lives."""

    def __init__(self, reach: Callable[[str], Aws]) -> None:
        """Keep how to call CloudWatch in a region; an empty region is the one we run in."""
        self._reach = reach
        self._kept: dict[Series, _Kept] = {}
        # Of two who want the same at the same time one asks.
        self._reading = threading.Lock()

    def read(self, wanted: Iterable[Wanted], now: float) -> Reading:
        """Return series up to now; one that is denied is said to be.

        Raises:
            AwsError: when CloudWatch does not answer for another reason.
        """
        with self._reading:
            return self._read(wanted, now)

    def _read(self, wanted: Iterable[Wanted], now: float) -> Reading:
        starts = _starts(wanted)
        if len(self._kept) > KEPT:
            self._kept.clear()
        denied: dict[Metric, str] = {}
        calls = queries = 0
        for (region, start), batch in _batches(self._missing(starts, now), now):
            calls, queries = calls + 1, queries + len(batch)
            found, forbidden = _asked(self._reach(region), batch, start, now)
            denied |= forbidden
            for series, line in found.items():
                self._keep(series, starts[series], start, line, now)
        points = {
            series: {at: value for at, value in self._kept[series].points.items() if at >= start}
            for series, start in starts.items()
            if series in self._kept and series[0] not in denied
        }
        return Reading(points, denied, calls, queries)

    def _missing(self, starts: Mapping[Series, int], now: float) -> Iterator[tuple[Series, int]]:
        """Yield the series that must be read, and from when on."""
        for series, start in starts.items():
            kept = self._kept.get(series)
            if kept is None or kept.since > start:
                yield series, start
            elif now - kept.read >= fresh(series[1]):
                # The same start for all whose past is known: then one call does for all of them.
                whole = max(HOUR, series[1])
                yield series, min(kept.until, int(now - LATE)) // whole * whole

    def _keep(self, series: Series, wanted: int, start: int, points: Points, now: float) -> None:
        kept = self._kept.get(series)
        if kept is None or kept.since > wanted:
            kept = self._kept[series] = _Kept(wanted, wanted, now, now - wanted)
        # A point that was there may be gone, where it was counted to another period since.
        kept.points = {at: value for at, value in kept.points.items() if at < start} | dict(points)
        kept.span = max(kept.span, now - wanted)
        kept.since = max(kept.since, int(now - kept.span) // series[1] * series[1])
        kept.points = {at: value for at, value in kept.points.items() if at >= kept.since}
        kept.until, kept.read = int(now - LATE) // series[1] * series[1], now


def between(reach: Callable[[str], Aws], wanted: Iterable[Wanted], end: float) -> Reading:
    """Return series up to a time, perhaps long ago, each from its own start on; nothing is remembered.

    Raises:
        AwsError: when CloudWatch does not answer; what it denies is said to be.
    """
    starts = _starts(wanted)
    # Periods begin where the call does: all of them must fit.
    longest = max((period for _, period in starts), default=1)
    earliest = min(starts.values(), default=0) // longest * longest
    points: dict[Series, Points] = {}
    denied: dict[Metric, str] = {}
    calls = 0
    # What one call begins with all of it does: a few points more cost nothing.
    for (region, start), batch in _batches(((series, earliest) for series in starts), end):
        calls += 1
        found, forbidden = _asked(reach(region), batch, start, end)
        denied |= forbidden
        points |= {
            series: {at: value for at, value in line.items() if starts[series] <= at < end}
            for series, line in found.items()
        }
    return Reading(points, denied, calls, len(starts))


def _starts(wanted: Iterable[Wanted]) -> dict[Series, int]:
    """Return from when on each series is wanted, at the beginning of a period."""
    starts: dict[Series, int] = {}
    for one in wanted:
        start = int(one.start) // one.period * one.period
        series = (one.metric, one.period)
        starts[series] = min(start, starts.get(series, start))
    return starts


def _batches(missing: Iterable[tuple[Series, int]], now: float) -> Iterator[tuple[tuple[str, int], Sequence[Series]]]:
    """Yield what one call can answer, with its region and start."""
    together: dict[tuple[str, int], list[Series]] = {}
    for series, start in missing:
        together.setdefault((series[0].region, start), []).append(series)
    for key, several in together.items():
        batch: list[Series] = []
        points = 0.0
        for series in several:
            more = (now - key[1]) / series[1] + 1
            if batch and (len(batch) == QUERIES or points + more > POINTS):
                yield key, batch
                batch, points = [], 0.0
            batch.append(series)
            points += more
        yield key, batch


def _asked(
    aws: Aws, batch: Sequence[Series], start: int, now: float
) -> tuple[dict[Series, dict[int, float]], dict[Metric, str]]:
    """Return the points of each series, and why some are denied: all, or those of an account that shares nothing."""
    queries = [metric.query(f"q{number}", period, returned=True) for number, (metric, period) in enumerate(batch)]
    # The minute that has begun counts too.
    end = datetime.fromtimestamp(int(now) // 60 * 60 + 60, UTC)
    try:
        results = aws.all(
            "cloudwatch", "get_metric_data", "MetricDataResults",
            MetricDataQueries=queries, StartTime=datetime.fromtimestamp(start, UTC), EndTime=end,
            ScanBy="TimestampAscending",
        )  # fmt: skip
    except AwsError as error:
        if not error.denied:
            raise
        return {}, {metric: f"AWS denies {error.action}: {error.message}" for metric, _ in batch}
    found: dict[Series, dict[int, float]] = {series: {} for series in batch}
    denied: dict[Metric, str] = {}
    for one in results:
        series, status = batch[int(one["Id"][1:])], one.get("StatusCode")
        said = "; ".join(text.get("Value", "") for text in one.get("Messages", []))
        if status == "InternalError":
            raise AwsError("cloudwatch:GetMetricData", "InternalServiceError", said or "a series could not be read")
        if status == "Forbidden":
            denied[series[0]] = f"CloudWatch forbids to read {series[0].name}: {said or 'it does not say why'}"
        seconds = (int(at.timestamp()) for at in one["Timestamps"])
        found[series].update(zip(seconds, one["Values"], strict=True))
    return found, denied
