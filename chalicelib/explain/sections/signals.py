"""What is wrong with a service and since when, and what of all that it stands on is full: pure but for its reading.

One call of GetMetricData for now, and one each for the same hours of yesterday and of a week ago, which tell whether
that is how it always is. One more for the day before: what fills the hours that are looked at is no change in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from chalicelib.explain import onset
from chalicelib.explain.gathering import Look, Status
from chalicelib.explain.model import Filled, Symptom
from chalicelib.explain.onset import Onset
from chalicelib.explain.sentence import value, wrong
from chalicelib.explain.subject import Desk, Subject
from chalicelib.model import DAY
from chalicelib.services import golden, kinds, sli
from chalicelib.services.golden import Fullness
from chalicelib.services.limits import Limit
from chalicelib.services.model import Measures, Metric, Service, Sought
from chalicelib.services.reading import Reading, Wanted, between

MINUTE, COARSE = 60, golden.COARSE
PAST = (DAY, 7 * DAY)
# What is smaller is of no interest: of the requests, of the usual latency (and seconds), of the usual traffic.
ERRORS, SLOWER, SLOW, CROWD = 0.01, 0.5, 0.02, 0.4
# One error of three requests is no third: of fewer requests shares are taken of so many; so many errors at least.
AMONG, FEW = 50, 5
# Of the usual traffic, what is as good as nobody.
NOBODY = 0.1
# Fewer requests a minute are none.
REQUESTS = 5.0
# What was over so long before the moment that is asked about is another matter; signs so near are the same matter.
OVER, TOGETHER = 900.0, 900.0
# What fails on another day at these hours is the like of what fails now, where it is such a part of it.
ALIKE = 2.0
# Counts arrive late (seconds).
LATE = 120
PRICE = 0.01 / 1000
NOTHING = Reading()
VIEW = golden.view("3h")


@dataclass(frozen=True, slots=True)
class Signals:
    """What was found: all signs of trouble, the one that counts, how many come, what is full.

    Where nothing has changed in the hours that were looked at, `since` is when it became so bad before them, and
    `failing` the share of the requests that fails now.
    """

    symptoms: tuple[Symptom, ...] = ()
    main: Symptom | None = None
    traffic: Onset | None = None
    filled: tuple[Filled, ...] = ()
    since: float | None = None
    failing: float = 0.0


def look(desk: Desk, subject: Subject, service: Service) -> Look[Signals]:
    """Return the signals of a service around a moment; raises AwsError."""
    entry, end = kinds.measures(service.entry), subject.end
    wanted = [*golden.wanted(service, VIEW, end), *_series(entry, subject.start)]
    with ThreadPoolExecutor(len(PAST) + 2) as pool:
        # Who we are, and where we log, is in the context.
        seeking = pool.submit(copy_context().run, desk.watch.limits, [service], subject.now)
        coarse = pool.submit(copy_context().run, between, desk.reach, list(_series(entry, end - DAY, COARSE)), end)
        before = [pool.submit(copy_context().run, _past, desk, entry, subject, ago) for ago in PAST]
        reading = between(desk.reach, wanted, end)
        past, limits, day = [one.result() for one in before], seeking.result(), coarse.result()
    found = judged(service, reading, past, limits, subject, day)
    calls = sum(one.calls for one in (reading, day, *past))
    queries = sum(one.queries for one in (reading, day, *past))
    denied = {**reading.denied, **{metric: why for one in past for metric, why in one.denied.items()}}
    status, reason = _seen(entry, reading) if not found.main else ("ok", "")
    told = (
        wrong(service.name, found.main)
        if found.main
        else ("nothing is known of them" if reason else "")
        or (f"{value(found.failing, 'share')} of the requests fail, as far back as was looked" if found.failing else "")
        or "availability, latency and traffic are as they were"
    )
    return Look(
        found,
        told,
        {
            "symptoms": [_told(one) for one in found.symptoms],
            "filled": [{"of": one.of, "what": one.label, "said": one.said, "since": one.at} for one in found.filled],
        },
        tuple({"kind": "metric", "ref": f"{one.namespace} {one.name}"} for one in _counters(entry)),
        calls,
        queries * PRICE,
        status="partial" if denied and status == "ok" else status,
        reason="; ".join(filter(None, (reason, *sorted(set(denied.values()))))),
    )


def _seen(entry: Measures, reading: Reading) -> tuple[Status, str]:
    """Return whether the service's own series tell anything, and why not: what nobody has seen is not calm."""
    own = {one.metric for one in _series(entry, 0.0)}
    if own & reading.denied.keys():
        return "denied", "its own metrics may not be read"
    if not any(reading.of(metric, MINUTE) for metric in own):
        return "no_data", "no metric of its own has a point in these hours (those of a minute are kept for 15 days)"
    return "ok", ""


def judged(
    service: Service,
    reading: Reading,
    past: Sequence[Reading],
    limits: Mapping[Sought, Limit],
    subject: Subject,
    day: Reading = NOTHING,
) -> Signals:
    """Return what the series of a service come to; `day` has them coarsely from a day before on; pure."""
    entry = kinds.measures(service.entry)
    reaching = subject.at - OVER
    signs = [*_errors(entry, reading, subject, reaching), *_latency(entry, reading, past, reaching, subject.at)]
    traffic = _traffic(entry, reading, past, subject, reaching)
    if traffic and not traffic.up and traffic.after <= NOBODY * traffic.before:
        signs.insert(0, Symptom("silence", "requests a minute", "count", traffic))
    elif traffic:
        signs.append(Symptom("traffic", "requests a minute", "count", traffic))
    main = signs[0] if signs else None
    if main and main.sign in ("errors", "latency"):
        # What is slow at first fails a little later.
        first = min(
            (
                one.onset.at
                for one in signs
                if one.sign in ("errors", "latency") and one.onset.at >= main.onset.at - TOGETHER
            ),
            default=main.onset.at,
        )
        main = replace(main, onset=replace(main.onset, at=first))
    view = golden.signals(service, reading, limits, VIEW, subject.end)
    since = main.onset.at if main else subject.at
    filled = tuple(_filled(service, view.saturation, since, subject.end))
    if main and main.sign != "traffic":
        return Signals(tuple(signs), main, traffic or None, filled)
    began = _before(entry, reading, day, past, subject)
    return Signals(tuple(signs), main, traffic or None, filled, began, _failing(entry, reading, subject))


def _series(entry: Measures, start: float, period: int = MINUTE) -> Iterator[Wanted]:
    """Yield what is looked at from a time on."""
    for metric in _counters(entry):
        yield Wanted(metric, period, start)
    if slow := _slow(entry):
        yield Wanted(slow, period, start)


def _counters(entry: Measures) -> tuple[Metric, ...]:
    return tuple(dict.fromkeys(sli.metrics(entry.availability))) if entry.availability else ()


def _slow(entry: Measures) -> Metric | None:
    return replace(entry.latency.metric, stat="p95" if entry.percentiles else "Average") if entry.latency else None


def _past(desk: Desk, entry: Measures, subject: Subject, ago: float) -> Reading:
    """Return the same hours of another day, moved to the times of this one."""
    found = between(desk.reach, _series(entry, subject.start - ago), subject.end - ago)
    moved = {key: {int(at + ago): one for at, one in line.items()} for key, line in found.points.items()}
    return replace(found, points=moved)


def _before(entry: Measures, reading: Reading, day: Reading, past: Sequence[Reading], subject: Subject) -> float | None:
    """Return since when it is as bad as all through the hours looked at, and on no other day; None where it is not."""
    began = list[float]()

    def lasts(line: Callable[[Reading, int], list[tuple[float, float]]], least: float, more: float) -> None:
        now = _middle(line(reading, MINUTE))
        if any(more * _middle(points) >= now for one in past if (points := line(one, MINUTE))):
            return
        found = onset.find(line(day, COARSE), least, reaching=subject.end - OVER)
        if found.up and found.until is None and found.shape != "flap" and found.at < subject.start:
            began.append(found.at)

    if entry.availability and _failing(entry, reading, subject):
        lasts(partial(_shares, entry), ERRORS, ALIKE)
    if slow := _times(entry, day, COARSE):
        lasts(partial(_times, entry), max(SLOW, SLOWER * _middle(slow)), 1 + SLOWER)
    return min(began, default=None) if began else _left(entry, reading, day, past, subject)


def _left(entry: Measures, reading: Reading, day: Reading, past: Sequence[Reading], subject: Subject) -> float | None:
    """Return since when nobody comes, where somebody does at these hours of each other day; None where it is not so."""
    usual = min((_middle(some) for one in past if (some := _coming(entry, one, MINUTE))), default=0.0)
    came = sum(many for _, many in _coming(entry, reading, MINUTE)) * MINUTE / (subject.end - subject.start)
    since = max((at + COARSE for at, many in _coming(entry, day, COARSE) if many > NOBODY * usual), default=subject.end)
    return since if usual >= REQUESTS and came <= NOBODY * usual and since <= subject.start else None


def _coming(entry: Measures, reading: Reading, period: int) -> list[tuple[float, float]]:
    """Return how many requests a minute come, over time; where there are none, nothing may be counted."""
    return [(float(at), total * MINUTE / period) for at, (_, total) in _counted(entry, reading, period).items()]


def _counted(entry: Measures, reading: Reading, period: int) -> dict[int, tuple[float, float]]:
    """Return how many requests failed, and of how many, by when a period begins; nothing where nobody counts them."""
    if entry.availability is None:
        return {}
    count = sli.counter(entry.availability)
    return {at: count(some) for at, some in golden.rows(entry.availability, reading, period).items()}


def _failing(entry: Measures, reading: Reading, subject: Subject) -> float:
    """Return which share of the requests has failed lately; 0 where that is not worth a word."""
    lately = [one for at, one in _counted(entry, reading, MINUTE).items() if at >= subject.end - OVER]
    failed, every = sum(bad for bad, _ in lately), sum(total for _, total in lately)
    return failed / every if failed >= FEW and failed >= ERRORS * max(every, AMONG) else 0.0


def _shares(entry: Measures, reading: Reading, period: int) -> list[tuple[float, float]]:
    """Return which share of the requests fails, over time."""
    return [(float(at), bad / max(total, AMONG)) for at, (bad, total) in _counted(entry, reading, period).items()]


def _times(entry: Measures, reading: Reading, period: int) -> list[tuple[float, float]]:
    """Return how long the requests take, in seconds, over time."""
    metric = _slow(entry)
    if metric is None or entry.latency is None:
        return []
    return [(float(at), one / entry.latency.per_second) for at, one in sorted(reading.of(metric, period).items())]


def _middle(points: Sequence[tuple[float, float]]) -> float:
    return median(one for _, one in points) if points else 0.0


def _errors(entry: Measures, reading: Reading, subject: Subject, reaching: float) -> Iterator[Symptom]:
    counted = _counted(entry, reading, MINUTE)
    found = onset.find(_shares(entry, reading, MINUTE), ERRORS, reaching=reaching, around=subject.at)
    if not (found and found.up):
        return
    until = found.until or subject.end
    inside = [(bad, total) for at, (bad, total) in counted.items() if found.at <= at < until]
    failed, every = sum(bad for bad, _ in inside), sum(total for _, total in inside)
    if failed >= FEW:
        # Of a few requests the share that is told is the true one.
        share = failed / every if every else found.after
        yield Symptom("errors", "errors", "share", replace(found, after=max(share, found.after)), failed)


def _latency(
    entry: Measures, reading: Reading, past: Sequence[Reading], reaching: float, around: float
) -> Iterator[Symptom]:
    points = _times(entry, reading, MINUTE)
    if not points:
        return
    days = [_times(entry, one, MINUTE) for one in past]
    found = onset.find(points, max(SLOW, SLOWER * _middle(points)), days, reaching, around)
    if found and found.up:
        label = "p95 latency" if entry.percentiles else "latency"
        yield Symptom("latency", label, "seconds", found)


def _traffic(entry: Measures, reading: Reading, past: Sequence[Reading], subject: Subject, reaching: float) -> Onset:
    """Return since when more or fewer come; nothing where nobody counts them."""
    if entry.availability is None:
        return onset.NONE

    def line(of: Reading) -> list[tuple[float, float]]:
        counted = {at: total for at, (_, total) in _counted(entry, of, MINUTE).items()}
        return list(_rates(counted, int(subject.start), int(subject.end) - LATE))

    points = line(reading)
    usual = _middle(points)
    days = [line(one) for one in past if _counted(entry, one, MINUTE)]
    return _silent(onset.find(points, max(REQUESTS, CROWD * usual), days, reaching, subject.at), points)


def _rates(counted: Mapping[int, float], start: int, until: int) -> Iterator[tuple[float, float]]:
    """Yield how many came a minute: where nothing is counted nothing came, unless five minutes are counted at once."""
    coarse = {at for at in counted if _coarse(at, counted)}
    first = min(counted, default=start)
    at, by = (start + (first - start) % COARSE, COARSE) if first in coarse else (start, MINUTE)
    while at < until:
        if at in counted:
            by = COARSE if at in coarse else MINUTE
        # The five minutes that run are not counted yet.
        if at in counted or at + by <= until or by == MINUTE:
            yield float(at), counted.get(at, 0.0) * MINUTE / by
        at += by


def _coarse(at: int, counted: Mapping[int, float]) -> bool:
    """Whether a point is of five minutes, as it and its neighbour lie."""
    beside = (at + sign * by for by in range(MINUTE, COARSE, MINUTE) for sign in (1, -1))
    lone = at % COARSE == 0 and not any(one in counted for one in beside)
    return lone and (at + COARSE in counted or at - COARSE in counted)


def _silent(found: Onset, points: Sequence[tuple[float, float]]) -> Onset:
    """Return an onset with the minute from which nobody came, where nobody does: fewer before that were an evening."""
    least = NOBODY * found.before
    if not found or found.shape == "flap" or found.up or found.after > least:
        return found
    until = found.until or float("inf")
    came = [at for at, many in points if found.at <= at < until and many > least]
    return replace(found, at=came[-1] + MINUTE) if came and came[-1] + MINUTE < min(until, points[-1][0]) else found


def _filled(service: Service, fullness: Sequence[Fullness], since: float, end: float) -> Iterator[Filled]:
    """Yield what is bad at the onset or soon after, and since when."""
    where = list(golden.gauges(service))
    for (target, gauge), full in zip(where, fullness, strict=True):
        bounded = gauge.full is not None
        zero = gauge.silent == "zero"
        points = [(at, one or 0.0) for at, one in full.points if one is not None or zero]
        if (bounded and full.full is None) or not points:
            continue
        bad = [(at, (one < gauge.red if gauge.falls else one >= gauge.red)) for at, one in points]
        if bounded and full.full == 0:
            continue
        run: list[int] = []
        for at, is_bad in bad:
            if is_bad:
                run.append(at)
            elif run and run[-1] + COARSE >= since:
                break
            else:
                run = []
        if not run or run[-1] + COARSE < since or run[0] > since + TOGETHER:
            continue
        inside = [one for at, one in points if at in run]
        worst = min(inside) if gauge.falls else max(inside)
        earlier = [one for at, one in points if at < run[0]]
        # When within its period a point became bad nobody knows: not before the rest, as far as it tells.
        began = since if run[0] < since < run[0] + COARSE else float(run[0])
        yield Filled(
            full.of, target.kind, gauge.name, gauge.label, began, _said(full, worst),
            _said(full, median(earlier)) if earlier else "",
        )  # fmt: skip


def _said(full: Fullness, point: float) -> str:
    """Return a point of a chart in words: its share of the bound, or its value."""
    unit = {"percent": "%", "seconds": "seconds", "bytes": "B", "count": ""}[full.unit]
    if full.full is None:
        return value(point, unit)
    if full.unit == "percent":
        return f"{point * full.full:.0f} %"
    if full.unit == "count":
        return f"{point * full.full:,.0f} of {full.full:,.0f}"
    return f"{point * 100:.0f} %{' of its limit' if full.unit == 'seconds' else ''}"


def _told(one: Symptom) -> dict[str, object]:
    found = one.onset
    return {
        "sign": one.sign, "label": one.label, "unit": one.unit, "shape": found.shape, "onset": found.at,
        "until": found.until, "before": found.before, "after": found.after, "confidence": found.confidence,
        "suffering": one.who,
    }  # fmt: skip
