"""The aggregate functions of `stats`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Stats.html
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.insights.functions import extreme
from local.insights.values import Value, number, order, text


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate of the values that are there; with `timed`, each comes with its time."""

    name: str
    apply: Callable[..., Value]
    least: int = 1
    most: int = 1
    timed: bool = False


def _numeric(apply: Callable[[list[int | float]], Value]) -> Callable[[Sequence[Value]], Value]:
    def applied(values: Sequence[Value]) -> Value:
        some = [counted for counted in map(number, values) if counted is not None]
        return apply(some) if some else None

    return applied


def _sum(values: list[int | float]) -> int | float:
    return sum(values) if all(isinstance(value, int) for value in values) else math.fsum(values)


def _percentile(values: Sequence[Value], percent: float) -> Value:
    """Return the value at which so many percent are lower: one that is there, none in between."""
    some = sorted((value for value in values if number(value) is not None), key=order)
    if not some:
        return None
    return some[max(math.ceil(percent / 100 * len(some)) - 1, 0)]


def _mean(values: list[int | float]) -> float:
    return math.fsum(values) / len(values)


def _at(choose: Callable[..., tuple[int, Value]]) -> Callable[[Sequence[tuple[int, Value]]], Value]:
    return lambda timed: choose(timed, key=lambda one: one[0])[1] if timed else None


def _extreme(choose: Callable[..., Value]) -> Callable[[Sequence[Value]], Value]:
    return lambda values: extreme(values, choose)


def _sorts(choose: Callable[..., Value]) -> Callable[[Sequence[Value]], Value]:
    return lambda values: choose(values, key=order, default=None)


_ALL = (
    Aggregate("count", len, 0),
    Aggregate("count_distinct", lambda values: len({text(value) for value in values})),
    Aggregate("sum", _numeric(_sum)),
    Aggregate("avg", _numeric(_mean)),
    Aggregate("min", _extreme(min)),
    Aggregate("max", _extreme(max)),
    Aggregate("pct", _percentile, 2, 2),
    Aggregate("median", _numeric(statistics.median)),
    Aggregate("stddev", _numeric(statistics.pstdev)),
    Aggregate("earliest", _at(min), timed=True),
    Aggregate("latest", _at(max), timed=True),
    Aggregate("sortsFirst", _sorts(min)),
    Aggregate("sortsLast", _sorts(max)),
)
AGGREGATES = {one.name.lower(): one for one in _ALL}
