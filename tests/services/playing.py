"""Series as AWS publishes them, put into the local CloudWatch and read back, as numbers and by metric math."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.services import golden, sli
from chalicelib.services.golden import Fullness, Golden
from chalicelib.services.limits import Limit
from chalicelib.services.model import Metric, Service, Sli, Sought, Target
from chalicelib.services.reading import Reading
from chalicelib.services.sli import Counted
from local.cloudwatch import data
from local.cloudwatch.store import Metric as Kept
from local.cloudwatch.store import Store

AT = 1_795_000_200
FIVE = 300


@dataclass(frozen=True)
class Put:
    """Samples of one series in one period: the values, and how often each was seen."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    values: tuple[float, ...]
    counts: tuple[int, ...] | None = None
    # In which period; 0 is the first.
    period: int = 0


def stored(puts: Iterable[Put], period: int = FIVE) -> Store:
    """Return a CloudWatch that has these."""
    store = Store()
    for one in puts:
        kept = Kept.of(one.namespace, one.name, one.dimensions)
        store.put(kept, AT + one.period * period, one.values, one.counts)
    return store


def query(id_: str, metric: Metric, period: int) -> dict[str, Any]:
    """Return a metric as GetMetricData is asked for it."""
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    series = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    return {"Id": id_, "MetricStat": {"Metric": series, "Stat": metric.stat, "Period": period}}


def read(store: Store, metrics: Iterable[Metric], periods: int = 1, period: int = FIVE) -> Reading:
    """Return the points of series, by the engine."""
    several = list(dict.fromkeys(metrics))
    queries = [query(f"m{number}", metric, period) for number, metric in enumerate(several)]
    end = AT + periods * period
    found = data.results(store, queries, AT, end, end) if queries else {}
    points = {
        (metric, period): {int(at): value for at, value in found[f"m{number}"].points}
        for number, metric in enumerate(several)
    }
    return Reading(points)


def counted(store: Store, of: Sli, periods: int = 1, period: int = FIVE) -> dict[int, Counted]:
    """Return what an indicator counts from values, by the number of the period."""
    found = golden.rows(of, read(store, sli.metrics(of), periods, period), period)
    return {(at - AT) // period: Counted(*sli.counter(of)(values)) for at, values in found.items()}


def evaluated(store: Store, of: Sli, periods: int = 1, period: int = FIVE) -> dict[int, Counted]:
    """Return what its metric math comes to, by the number of the period."""
    said = sli.expressed(of)
    queries = [{**query(id_, metric, period), "ReturnData": False} for id_, metric in said.metrics.items()]
    queries += [{"Id": "bad", "Expression": said.bad}, {"Id": "total", "Expression": said.total}]
    found = data.results(store, queries, AT, AT + periods * period, AT + periods * period)
    bad, total = ({int(at): value for at, value in found[id_].points} for id_ in ("bad", "total"))
    assert bad.keys() == total.keys()
    return {(at - AT) // period: Counted(value, total[at]) for at, value in bad.items()}


def seen(target: Target, puts: Iterable[Put], limits: Mapping[str, Limit] | None = None) -> Golden:
    """Return the signals of a service that stands on a target, when its points are whole."""
    service = Service("shop", Target("custom", {"namespace": "Shop", "total": "Requests", "bad": "Bad"}), (target,))
    store, now = stored(puts), float(AT + FIVE + golden.LATE)
    metrics = [one.metric for one in golden.wanted(service, golden.view("3h"), now)]
    full: dict[Sought, Limit] = {}
    for _, sought in golden.sought(service):
        full[sought] = (limits or {}).get(sought.what, Limit(None))
    return golden.signals(service, read(store, metrics), full, golden.view("3h"), now)


def gauges(target: Target, puts: Iterable[Put], limits: Mapping[str, Limit] | None = None) -> dict[str, Fullness]:
    """Return how full a target is, by the names of its gauges."""
    return {one.gauge.name: one for one in seen(target, puts, limits).saturation}
