"""What `GetMetricData` answers: the values of metrics, and of expressions over them.

Periods begin with the start of the request, rounded down as CloudWatch does it: to a whole minute, to five minutes if
it is more than 15 days ago, to an hour if more than 63 (API reference, *GetMetricData*; that periods are aligned to the
start and not to the clock: boto3's issue 3457). What is no longer kept at a period has no values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from local.cloudwatch.evaluation import Axis, Request, Series, Several, Value, evaluate
from local.cloudwatch.expressions import Call, Node, names, parse, walk
from local.cloudwatch.refused import Refused
from local.cloudwatch.searching import search
from local.cloudwatch.statistics import statistic
from local.cloudwatch.store import DAY, FIVE, HOUR, LISTED, MINUTE, Metric, Store, oldest

Query = Mapping[str, Any]

ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
MOST, FOUND = 500, 500
# What CloudWatch takes too, for metrics of a finer resolution than is kept here.
FINER = (1, 5, 10, 20, 30)
QUERY = {"Id", "MetricStat", "Expression", "Label", "ReturnData", "Period", "AccountId"}
STAT = {"Metric", "Period", "Stat", "Unit"}


@dataclass(frozen=True)
class Line:
    """What one query has come to, or one of the several series of an expression; its points are in ascending order."""

    id: str
    label: str
    period: int
    points: tuple[tuple[float, float], ...]
    # Whether points were left out because they would have been no numbers, as after a division by zero.
    dropped: bool = False


def results(store: Store, queries: Sequence[Query], start: float, end: float, now: float) -> dict[str, Line]:
    """Return what the queries that return data have come to, by their ids.

    Args:
        store: the metrics.
        queries: MetricDataQueries as the API takes them.
        start: epoch seconds of the engine's clock, rounded down to a minute (more if long ago); periods begin there.
        end: likewise; what lies at or after it counts for nothing.
        now: the engine's time.

    Raises Refused for what CloudWatch does not take, what is not evaluated here, and an expression of several series.
    """
    found: dict[str, Line] = {}
    for line in lines(store, queries, start, end, now):
        if line.id in found:
            raise Refused(f"{line.id} is an array of time series, where one is wanted")
        found[line.id] = line
    return found


def lines(
    store: Store, queries: Sequence[Query], start: float, end: float, now: float, shift: float = 0.0
) -> list[Line]:
    """Return the same as `results`, in the order of the queries; an array's series come one after the other.

    `shift` is how far the engine's clock is ahead of the callers', by which a start is rounded.
    """
    known = _checked(queries, store.account)
    if start >= end:
        raise Refused("The parameter StartTime must be less than the parameter EndTime.")
    begin = rounded(start, now, shift)
    trees = {id_: tree(id_, query["Expression"]) for id_, query in known.items() if "Expression" in query}
    metrics = [id_ for id_ in known if id_ not in trees]
    come_to: dict[str, Value] = {}

    def searched(text: str, stat: str, period: int | None) -> Several:
        fits, axis = search(text), Axis(begin, end, checked_period(period, "SEARCH"))
        some = [metric for metric in store.metrics(now - LISTED) if fits(metric)]
        if len(some) > FOUND:
            raise Refused(f"the search {text!r} finds {len(some)} metrics: the limit is {FOUND}")
        return tuple(measured(store, metric, stat, axis, now) for metric in some)

    for id_ in in_order(trees, metrics):
        query = known[id_]
        if id_ in trees:
            own = Axis(begin, end, checked_period(query["Period"], id_)) if query.get("Period") else None
            of_period = _searching(searched, own)
            try:
                come_to[id_] = evaluate(trees[id_], Request(come_to, metrics, own, of_period))
            except Refused as refused:
                raise Refused(f"Error in expression '{id_}': {refused}") from None
        else:
            stat = query["MetricStat"]
            axis = Axis(begin, end, checked_period(stat.get("Period"), id_))
            come_to[id_] = measured(store, metric_of(stat["Metric"]), stat["Stat"], axis, now, stat.get("Unit") or "")
    return [
        line for id_, query in known.items() if query.get("ReturnData", True) for line in _lines(query, come_to[id_])
    ]


def _searching(searched: Any, own: Axis | None) -> Any:
    return lambda text, stat, period: searched(text, stat, period or (own.period if own else None))


def measured(store: Store, metric: Metric, stat: str, axis: Axis, now: float, unit: str = "") -> Series:
    """Return a metric's values as far back as they are kept; raises Refused for a statistic that cannot be taken."""
    take, unit = statistic(stat), unit_of(store, metric, unit)
    skipped = max(math.ceil((oldest(axis.period, now) - axis.start) / axis.period), 0)
    start = axis.start + skipped * axis.period
    points = store.taken(metric, unit, take, start, axis.end, axis.period)
    return Series(dict(points), axis, " ".join([metric.name, *(value for _, value in metric.dimensions)]))


def unit_of(store: Store, metric: Metric, unit: str = "") -> str:
    """Return the unit in which a metric is read: the only one, unless it is said; raises Refused for several."""
    units = store.units(metric)
    if not unit and len(units) > 1:
        raise Refused(f"{metric.name} was put in {' and '.join(units)}: name one as Unit")
    return unit or (units[0] if units else "")


def rounded(start: float, now: float, shift: float = 0.0) -> int:
    """Return a request's start as CloudWatch rounds it, by the callers' clock, which is behind by `shift`."""
    ago = now - start
    step = MINUTE if ago <= 15 * DAY else FIVE if ago <= 63 * DAY else HOUR
    return int((start - shift) // step * step + shift)


def metric_of(given: Mapping[str, Any]) -> Metric:
    """Return the series that a `Metric` of the API means."""
    return Metric.of(
        given["Namespace"], given["MetricName"], {one["Name"]: one["Value"] for one in given.get("Dimensions") or ()}
    )


def checked_period(period: Any, where: str) -> int:
    """Return a period in seconds; raises Refused for one that CloudWatch does not take, or that is not kept here."""
    if period is None:
        raise Refused(f"The parameter Period of {where} is required")
    length = int(period)
    if length in FINER:
        raise Refused(
            f"the local CloudWatch keeps whole minutes: it has no period of {length} seconds, as {where} wants"
        )
    if length < MINUTE or length % MINUTE:
        raise Refused(f"Period {length} of {where} must be 1, 5, 10, 20, 30 or a multiple of 60")
    return length


def _checked(queries: Sequence[Query], account: str) -> dict[str, Query]:
    if not queries:
        raise Refused("The parameter MetricDataQueries is required.")
    if len(queries) > MOST:
        raise Refused(
            f"The collection MetricDataQueries must not have a size greater than {MOST}: it has {len(queries)}"
        )
    known: dict[str, Query] = {}
    for query in queries:
        id_ = query.get("Id") or ""
        if not ID.fullmatch(id_) or len(id_) > 255:
            raise Refused(f"the Id {id_!r} must begin with a lowercase letter and hold letters, digits and _ only")
        if id_ in known:
            raise Refused(f"The values for parameter Id in MetricDataQueries are not unique: {id_}")
        if unknown := sorted(set(query) - QUERY | set(query.get("MetricStat") or ()) - STAT):
            raise Refused(f"the local CloudWatch does not know {', '.join(unknown)} of {id_}")
        if ("MetricStat" in query) == ("Expression" in query):
            raise Refused(f"{id_} must have either a MetricStat or an Expression")
        if query.get("AccountId") not in (None, account):
            raise Refused(f"{id_} is of the account {query['AccountId']}: the local CloudWatch has only {account}")
        if "${" in (query.get("Label") or ""):
            raise Refused(f"the local CloudWatch does not know dynamic labels: {query['Label']} of {id_}")
        known[id_] = query
    if not any(query.get("ReturnData", True) for query in queries):
        raise Refused("At least one query must have ReturnData true.")
    return known


def tree(id_: str, text: str) -> Node:
    """Return the tree of an expression; raises Refused, which names it."""
    try:
        return parse(text)
    except Refused as refused:
        raise Refused(f"Error in expression '{id_}': {refused}") from None


def in_order(trees: Mapping[str, Node], metrics: Collection[str]) -> list[str]:
    """Return the ids of expressions and metrics so that each comes after those that it refers to; raises Refused."""
    wanted: dict[str, list[str]] = {id_: [] for id_ in metrics}
    for id_, root in trees.items():
        of_all = any(isinstance(one, Call) and one.function == "METRICS" for one in walk(root))
        wanted[id_] = [*names(root), *(metrics if of_all else ())]
        if missing := [one for one in wanted[id_] if one not in trees and one not in metrics]:
            raise Refused(f"Error in expression '{id_}': Undefined variable {', '.join(missing)}")
    try:
        return list(TopologicalSorter(wanted).static_order())
    except CycleError as error:
        raise Refused(f"the expressions refer to each other in a circle: {' → '.join(error.args[1])}") from None


def _lines(query: Query, value: Value) -> list[Line]:
    label = query.get("Label")
    if isinstance(value, Series):
        own = query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"]
        return [_line(query["Id"], own if label is None else label, value)]
    assert isinstance(value, tuple)
    return [_line(query["Id"], f"{label or ''} {one.label}".strip(), one) for one in value]


def _line(id_: str, label: str, series: Series) -> Line:
    points = tuple((float(at), float(value)) for at, value in series.points.items())
    return Line(id_, label, series.axis.period, points, series.dropped)
