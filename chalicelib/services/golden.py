"""The three golden signals of a service: how many requests are good, how long they take, how full it is; pure.

What is not a number is a state (`model.State`): nothing is called healthy because nothing was seen of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from chalicelib.services import kinds, sli
from chalicelib.services.limits import Limit
from chalicelib.services.model import Gauge, Measures, Metric, Service, Sli, Sought, State, Target, Unit
from chalicelib.services.reading import Reading, Wanted
from chalicelib.services.sli import Counted

MINUTE, HOUR, DAY = 60, 3600, 86_400
Window = Literal["3h", "24h", "30d"]
# How long each window is, and how many seconds one point of its charts.
WINDOWS: Mapping[Window, tuple[int, int]] = {"3h": (3 * HOUR, 60), "24h": (DAY, 300), "30d": (30 * DAY, HOUR)}
# Percentiles of a minute with three requests say little, and many gauges have a point in five minutes only.
COARSE = 300
# What is told as now is so old at most; metrics come minutes late, and a period that runs is not all there is to come.
RECENT, NOW, LATE, LATELY = 900, 300, 120, 1800
# Whether a silent metric has ever said anything is looked up in so many seconds, an hour each.
PAST = 14 * DAY
PERCENTILES = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class View:
    """Over how long one looks, and how finely.

    Args:
        window: one of `WINDOWS`.
        length: its seconds.
        period: the seconds of one point of availability.
    """

    window: Window
    length: int
    period: int

    @property
    def coarse(self) -> int:
        """Return the seconds of one point of percentiles and gauges."""
        return max(COARSE, self.period)


def view(window: Window, *, charts: bool = True) -> View:
    """Return the view over a window; without charts as few points as its numbers need."""
    length, period = WINDOWS[window]
    return View(window, length, period if charts else max(COARSE, period))


@dataclass(frozen=True, slots=True)
class Availability:
    """How many of a window's requests were good.

    Args:
        state: `ok`, or what there is instead of a number.
        value: in percent, over the window.
        now: in percent, over the last five minutes that have requests.
        bad: requests.
        total: requests.
        parts: the bad ones apart, by who made them.
        at: when the newest point ends.
        points: percent by when a period begins, None where nothing came.
        why: what denied it.
        lately: what `now` is made of.
    """

    state: State
    value: float | None = None
    now: float | None = None
    bad: float = 0.0
    total: float = 0.0
    parts: Mapping[str, float] | None = None
    at: float | None = None
    points: tuple[tuple[int, float | None], ...] = ()
    why: str = ""
    lately: Counted | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """How long requests take.

    Args:
        state: `ok`, or what there is instead of numbers.
        values: p50, p95 and p99 in seconds, of the newest five minutes.
        at: when these end.
        points: by percentile, seconds by when a period begins.
        why: what denied it.
    """

    state: State
    values: Mapping[str, float] | None = None
    at: float | None = None
    points: Mapping[str, tuple[tuple[int, float | None], ...]] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Fullness:
    """How full one thing is.

    Args:
        of: what it is of, as people call it: `database shop`.
        gauge: what is measured.
        state: `ok`, or what there is instead of a number.
        value: in the gauge's unit.
        full: what it would be if nothing more fitted.
        source: where `full` is from.
        share: how much of `full` is used: 0.92.
        red: whether that is bad.
        at: when the newest point ends.
        points: the share, or the value where nothing tells what is full, by when a period begins.
        why: what denied it.
    """

    of: str
    gauge: Gauge
    state: State
    value: float | None = None
    full: float | None = None
    source: str = ""
    share: float | None = None
    red: bool = False
    at: float | None = None
    points: tuple[tuple[int, float | None], ...] = ()
    why: str = ""

    @property
    def unit(self) -> Unit:
        """Return the unit of its value."""
        return self.gauge.unit


@dataclass(frozen=True, slots=True)
class Golden:
    """The signals of one service over one window."""

    service: Service
    view: View
    availability: Availability
    latency: Latency
    saturation: tuple[Fullness, ...]


Limits = Mapping[Sought, Limit]


def sought(service: Service) -> Iterator[tuple[Target, Sought]]:
    """Yield the limits that a service's gauges are held against and that must be found."""
    for target in service.targets:
        for gauge in kinds.measures(target).gauges:
            if isinstance(gauge.full, Sought):
                yield target, gauge.full


def wanted(service: Service, view: View, now: float) -> Iterator[Wanted]:
    """Yield the series that the signals of a service need; the same times for all services, so that one call can do."""
    start = now - view.length
    entry = kinds.measures(service.entry)
    if entry.availability is not None:
        for metric in _counters(entry, entry.availability):
            yield Wanted(metric, view.period, start)
            yield Wanted(metric, min(view.period, COARSE), now - LATELY)
    coarse = [replace(entry.latency.metric, stat=stat) for stat in _told(entry)] if entry.latency else []
    for _, gauge in gauges(service):
        coarse += [gauge.metric, *([gauge.full] if isinstance(gauge.full, Metric) else [])]
    for metric in coarse:
        yield Wanted(metric, view.coarse, start)
        # How it is now is not told by an hour.
        yield Wanted(metric, COARSE, now - LATELY)


def silent(service: Service, reading: Reading, view: View, now: float) -> Iterator[Wanted]:
    """Yield what tells whether the entry ever had requests, where it has none in the window."""
    entry = kinds.measures(service.entry)
    if entry.availability is None or view.window == "30d":
        return
    metrics = _counters(entry, entry.availability)
    if not any(reading.of(metric, view.period) or metric in reading.denied for metric in metrics):
        for metric in metrics:
            yield Wanted(metric, HOUR, now - PAST)


def gauges(service: Service) -> Iterator[tuple[Target, Gauge]]:
    """Yield every gauge of a service, with what it is of."""
    for target in service.targets:
        for gauge in kinds.measures(target).gauges:
            yield target, gauge


def signals(service: Service, reading: Reading, limits: Limits, view: View, now: float) -> Golden:
    """Return the signals of a service from what was read."""
    entry = kinds.measures(service.entry)
    full = tuple(
        _fullness(kinds.titled(target), gauge, _heard(target, reading), reading, limits, view, now)
        for target, gauge in gauges(service)
    )
    return Golden(service, view, _availability(entry, reading, view, now), _latency(entry, reading, view, now), full)


Rows = Mapping[int, Sequence[float | None]]


def rows(of: Sli, reading: Reading, period: int) -> Rows:
    """Return the values of an indicator's series by when a period begins; periods without any are left out."""
    series = [reading.of(metric, period) for metric in sli.metrics(of)]
    return {at: [points.get(at) for points in series] for at in sorted({at for points in series for at in points})}


def _availability(entry: Measures, reading: Reading, view: View, now: float) -> Availability:
    if entry.availability is None:
        return Availability("no_data", why="nothing counts its requests")
    length, period = view.length, view.period
    for metric in sli.metrics(entry.availability):
        if metric in reading.denied:
            return Availability("denied", why=reading.denied[metric])
    found = rows(entry.availability, reading, period)
    if not found:
        past = any(reading.of(metric, HOUR) for metric in sli.metrics(entry.availability))
        return Availability("no_traffic" if past else "no_data")
    start = int(now - length) // period * period
    count = sli.counter(entry.availability)
    each = {at: Counted(*count(values)) for at, values in found.items()}
    points = tuple((at, _percent(each.get(at))) for at in range(start, int(now), period))
    whole = sli.summed(entry.availability, ((1.0, values) for values in found.values()))
    if whole is None or whole.total == 0:
        return Availability("no_traffic", points=points, at=max(found) + period)
    parts = {part.name: sum(sum(reading.of(one, period).values()) for one in part.metrics) for part in entry.parts}
    lately, at = _lately(entry.availability, reading, min(period, COARSE), now)
    return Availability(
        "ok", _percent(whole), _percent(lately), whole.bad, whole.total, parts, at or max(found) + period, points,
        lately=lately,
    )  # fmt: skip


def _lately(of: Sli, reading: Reading, period: int, now: float) -> tuple[Counted | None, float | None]:
    """Return what was counted in the newest five minutes with requests, and their end; nothing where that is old."""
    found = rows(of, reading, period)
    newest = max(found, default=None)
    if newest is None or newest + period < now - RECENT:
        return None, None
    return sli.summed(of, ((1.0, one) for at, one in found.items() if at > newest - NOW)), newest + period


def _latency(entry: Measures, reading: Reading, view: View, now: float) -> Latency:
    if entry.latency is None:
        return Latency("no_data", why="nothing tells how long its requests take")
    length, period, coarse = view.length, view.period, view.coarse
    series = {stat: replace(entry.latency.metric, stat=stat) for stat in _told(entry)}
    for metric in series.values():
        if metric in reading.denied:
            return Latency("denied", why=reading.denied[metric])
    start = int(now - length) // coarse * coarse
    points = {
        stat: tuple(
            (
                at,
                value / entry.latency.per_second if (value := reading.of(metric, coarse).get(at)) is not None else None,
            )
            for at in range(start, int(now), coarse)
        )
        for stat, metric in series.items()
    }
    fresh = {stat: reading.of(metric, COARSE) for stat, metric in series.items()}
    newest = max((at for metric in series.values() for at in reading.of(metric, coarse)), default=None)
    if newest is None:
        return Latency("no_traffic" if _counts_something(entry, reading, period) else "no_data")
    recent = max((at for line in fresh.values() for at in line), default=0)
    if recent + COARSE < now - RECENT:
        return Latency("no_traffic", at=newest + coarse, points=points)
    values = {stat: line[recent] / entry.latency.per_second for stat, line in fresh.items() if recent in line}
    return Latency("ok", values, recent + COARSE, points)


def _heard(target: Target, reading: Reading) -> bool:
    """Whether what is silent of a target may be taken for zero: something else of it has points, or never would."""
    found = kinds.measures(target)
    others = [gauge.metric for gauge in found.gauges if gauge.silent != "zero"]
    others += sli.metrics(found.availability) if found.availability else ()
    quiet = {gauge.metric for gauge in found.gauges if gauge.silent == "zero"}
    # Of what something stands on nobody asks how many requests it got.
    series = ((one, each) for one in others if one not in quiet for each in (MINUTE, COARSE, HOUR))
    asked = [one for one in series if one in reading.points]
    return not asked or any(reading.points[one] for one in asked)


def _fullness(of: str, gauge: Gauge, heard: bool, reading: Reading, limits: Limits, view: View, now: float) -> Fullness:
    if gauge.metric in reading.denied:
        return Fullness(of, gauge, "denied", why=reading.denied[gauge.metric])
    values = reading.of(gauge.metric, COARSE)
    # Of a period that runs, what comes each second would be too little.
    known = [at for at in values if not gauge.rate or at + COARSE <= now - LATE]
    newest = max(known, default=None)
    fresh = newest is not None and newest + COARSE >= now - RECENT
    if not fresh and not (gauge.silent == "zero" and heard):
        state = "no_data" if gauge.silent == "zero" else gauge.silent
        latest = max((*known, *reading.of(gauge.metric, view.coarse)), default=None)
        return Fullness(of, gauge, state, at=None if latest is None else latest + COARSE)
    at = newest if fresh and newest is not None else int(now) // COARSE * COARSE
    value = gauge.read(values[at], COARSE) if fresh else 0.0
    full, source, why, unbounded = _full(gauge, reading, limits)
    start = int(now - view.length) // view.coarse * view.coarse
    line = reading.of(gauge.metric, view.coarse)
    points = tuple(
        (when, _share(gauge.read(line[when], view.coarse), full) if when in line else None)
        for when in range(start, int(now), view.coarse)
    )
    if gauge.full is not None and full is None and not unbounded:
        return Fullness(of, gauge, "denied" if why else "no_data", value, source=source, at=at + COARSE, why=why)
    share = None if full is None else _share(value, full)
    held = value if share is None else share
    red = not unbounded and (held < gauge.red if gauge.falls else held >= gauge.red)
    # Nothing of nothing is wanted, and nothing is there.
    red = red and not (full == 0 and value == 0)
    return Fullness(of, gauge, "ok", value, full, source, share, red, at + COARSE, points)


def _full(gauge: Gauge, reading: Reading, limits: Limits) -> tuple[float | None, str, str, bool]:
    """Return what is full, where that is from, what denied it, and whether there is no such bound."""
    if isinstance(gauge.full, Metric):
        if gauge.full in reading.denied:
            return None, "", reading.denied[gauge.full], False
        values = reading.of(gauge.full, COARSE)
        return (values[max(values)] * gauge.scale if values else None), gauge.full.name, "", False
    if isinstance(gauge.full, Sought):
        limit = limits.get(gauge.full)
        return (limit.value, limit.source, limit.denied, limit.unbounded) if limit else (None, "", "", False)
    return gauge.full, "", "", False


def _counters(entry: Measures, counted: Sli) -> tuple[Metric, ...]:
    apart = (metric for part in entry.parts for metric in part.metrics)
    return tuple(dict.fromkeys((*sli.metrics(counted), *apart)))


def _counts_something(entry: Measures, reading: Reading, period: int) -> bool:
    counted = entry.availability
    return counted is not None and any(reading.of(one, of) for one in sli.metrics(counted) for of in (period, HOUR))


def _told(entry: Measures) -> tuple[str, ...]:
    return PERCENTILES if entry.percentiles else ("Average", "Maximum")


def _percent(counted: Counted | None) -> float | None:
    return 100 * (1 - counted.bad / counted.total) if counted and counted.total > 0 else None


def _share(value: float, full: float | None) -> float:
    if full is None:
        return value
    return value / full if full else float(value > 0)
