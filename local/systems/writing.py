"""What a system's parts write into the local CloudWatch: a month of history at the start, then minute by minute."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence

from local.cloudwatch.store import Metric, Store
from local.systems.faults import Fault
from local.systems.model import Series, System
from local.systems.traffic import BLOCK, MINUTE, Flow, flow

# By region: empty is the account's own.
Stores = Callable[[str], Store]


def coarse(
    stores: Stores, system: System, ids: Mapping[str, str], faults: Sequence[Fault], start: int, end: int
) -> Iterator[Series]:
    """Write what was between two times by five minutes, and by the minute where something was wrong.

    Yields each series that was written, so that others may go on meanwhile; raises KeyError for a resource that is
    not there.
    """
    wrong = {at for fault in faults for at in _blocks(fault) if start <= at < end}
    flows = [None if at in wrong else flow(system.name, system.traffic, at, 5) for at in range(start, end, BLOCK)]
    apart = [one for at in sorted(wrong) for one in _minutes(system, range(at, at + BLOCK, MINUTE), faults)]
    for series in system.series:
        store, metric = stores(series.region), metric_of(series, ids)
        _fill(store, metric, series, start, BLOCK, flows)
        for one in apart:
            _put(store, metric, series, one)
        yield series


def fine(stores: Stores, system: System, ids: Mapping[str, str], faults: Sequence[Fault], start: int, end: int) -> None:
    """Write what was between two times by the minute; raises KeyError."""
    flows = _minutes(system, range(start, end, MINUTE), faults)
    for series in system.series:
        _fill(stores(series.region), metric_of(series, ids), series, start, MINUTE, flows)


def minute(stores: Stores, system: System, ids: Mapping[str, str], faults: Sequence[Fault], at: int) -> Flow:
    """Write what happened in the minute that began at a time, and return it; raises KeyError."""
    happened = flow(system.name, system.traffic, at, 1, faults)
    for series in system.series:
        _put(stores(series.region), metric_of(series, ids), series, happened)
    return happened


def metric_of(series: Series, ids: Mapping[str, str]) -> Metric:
    """Return the metric that a series is written as; raises KeyError."""
    return Metric.of(series.namespace, series.name, dict(series.resolved(ids)))


def _blocks(fault: Fault) -> Iterator[int]:
    yield from range(int(fault.start // BLOCK * BLOCK), int(fault.end) + BLOCK, BLOCK)


def _minutes(system: System, minutes: range, faults: Sequence[Fault]) -> list[Flow]:
    return [flow(system.name, system.traffic, at, 1, faults) for at in minutes]


def _put(store: Store, metric: Metric, series: Series, happened: Flow) -> None:
    if measured := series.measured(happened):
        store.put(metric, happened.at, *measured, unit=series.unit)


def _fill(store: Store, metric: Metric, series: Series, start: int, period: int, flows: Sequence[Flow | None]) -> None:
    measured = [series.measured(one) if one else None for one in flows]
    some = next(filter(None, measured), None)
    if some is None:
        return
    values = some[0]
    if len(values) > 2:
        none = array("d", bytes(8 * len(values)))
        often = array("d")
        for one in measured:
            often.extend(one[1] if one else none)
        store.fill_spread(metric, start, period, values, often, series.unit)
        return
    counts = [sum(one[1]) if one else 0 for one in measured]
    if len(values) == 1:
        sums = [one[0][0] * one[1][0] if one else 0.0 for one in measured]
        store.fill(metric, start, period, sums, counts, unit=series.unit)
        return
    # Noughts and ones.
    sums = [float(one[1][1]) if one else 0.0 for one in measured]
    lows = [float(ones == many) for ones, many in zip(sums, counts, strict=True)]
    highs = [float(ones > 0) for ones in sums]
    store.fill(metric, start, period, sums, counts, lows, highs, series.unit)
