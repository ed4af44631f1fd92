"""Metric math evaluated, as the CloudWatch user guide has it (*Using metric math*); pure.

What is easily got wrong, and is so on AWS:

- Between two series a missing value counts as 0, also in comparisons; where both are missing there is no point. So
  `errors / requests` is 0 where only requests were measured, and `missing + 0` is 0.
- What would be no number (a division by zero, the logarithm of 0) is dropped, and the answer says so.
- `FILL(m, 0)` fills every period that was asked for, also if `m` has no data at all: CloudWatch does not tell a metric
  that never was from one that is silent. `REPEAT` and `LINEAR` fill nothing then, nor before the first value.
- `SUM`, `AVG`, `MIN` and `MAX` of one series are one number, of several a series. `AVG` counts missing values as 0.
- `IF(condition, m)` has no point where the condition is missing or 0, and 0 where it holds but `m` is missing.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from local.cloudwatch.expressions import (
    COMPARISONS,
    Array,
    Binary,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Text,
    Word,
    names,
)
from local.cloudwatch.refused import Refused


@dataclass(frozen=True)
class Axis:
    """The periods that were asked for: from when, to when, and how long each, in seconds."""

    start: int
    end: float
    period: int

    @cached_property
    def times(self) -> range:
        """When each begins."""
        return range(self.start, math.ceil(self.end), self.period)


@dataclass(frozen=True)
class Series:
    """Values by the beginning of their period, ascending."""

    points: Mapping[int, float]
    axis: Axis
    label: str = ""
    # Whether some would have been no numbers.
    dropped: bool = False


Several = tuple[Series, ...]
Value = float | Series | Several


@dataclass(frozen=True)
class Request:
    """What an expression may refer to.

    Args:
        known: what other queries have come to, by their ids.
        metrics: the ids of those that are metrics, in their order.
        axis: the periods of an expression that names no metric, if it has any of its own.
        search: what a search finds, given its text, its statistic and its period in seconds, if it names one.
    """

    known: Mapping[str, Value]
    metrics: Sequence[str]
    axis: Axis | None
    search: Callable[[str, str, int | None], Several]


def evaluate(node: Node, request: Request) -> Series | Several:
    """Return what an expression comes to; raises Refused for what CloudWatch or we do not evaluate."""
    found = _Evaluation(node, request).value(node)
    if isinstance(found, float):
        raise Refused("is a single number: its result must be a time series or an array of time series")
    return found


def _kind(value: Value) -> str:
    return "a number" if isinstance(value, float) else "a time series" if isinstance(value, Series) else "an array"


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except (ValueError, OverflowError):
        return math.nan


def _divided(one: float, other: float) -> float:
    return one / other if other else math.nan


def _truth(holds: Callable[[Any, Any], Any]) -> Callable[[float, float], float]:
    # What is no number is neither more nor less than another.
    return lambda one, other: math.nan if one != one or other != other else float(bool(holds(one, other)))


OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided, "^": _power,
    "==": _truth(operator.eq), "!=": _truth(operator.ne), "<=": _truth(operator.le), ">=": _truth(operator.ge),
    "<": _truth(operator.lt), ">": _truth(operator.gt),
    "AND": _truth(lambda one, other: one != 0 and other != 0), "OR": _truth(lambda one, other: one != 0 or other != 0),
}  # fmt: skip
ONE_SERIES = (*COMPARISONS, "AND", "OR")


def _finite(points: Mapping[int, float], like: Series, dropped: bool = False) -> Series:
    """Return a series of what are numbers among some values."""
    kept = {at: value for at, value in points.items() if math.isfinite(value)}
    return replace(like, points=kept, dropped=like.dropped or dropped or len(kept) < len(points))


def combined(sign: str, left: Value, right: Value) -> Value:
    """Return what an operator makes of two values; raises Refused for two that it does not take."""
    take = OPERATORS[sign]
    if isinstance(left, tuple) or isinstance(right, tuple):
        if sign in ONE_SERIES or (isinstance(left, tuple) and isinstance(right, tuple)):
            raise Refused(f"{sign} does not go between {_kind(left)} and {_kind(right)}")
        if isinstance(left, tuple):
            return tuple(_series(combined(sign, one, right)) for one in left)
        assert isinstance(right, tuple)
        return tuple(_series(combined(sign, left, one)) for one in right)
    if isinstance(left, Series) and isinstance(right, Series):
        _same_period((left, right))
        times = sorted({*left.points, *right.points})
        one, other = left.points, right.points
        points = {at: take(one.get(at, 0.0), other.get(at, 0.0)) for at in times}
        return _finite(points, left, right.dropped)
    if isinstance(left, Series):
        scalar = float(right)  # type: ignore[arg-type]
        return _finite({at: take(value, scalar) for at, value in left.points.items()}, left)
    if isinstance(right, Series):
        return _finite({at: take(left, value) for at, value in right.points.items()}, right)
    return take(left, right)


def _series(value: Value) -> Series:
    assert isinstance(value, Series)
    return value


def _same_period(several: Sequence[Series]) -> None:
    if len(periods := sorted({one.axis.period for one in several})) > 1:
        raise Refused(f"mixes periods of {', '.join(map(str, periods))} seconds: the local CloudWatch takes one only")


class _Evaluation:
    """One expression being evaluated."""

    def __init__(self, node: Node, request: Request) -> None:
        self._node, self._request = node, request

    def value(self, node: Node) -> Value:
        match node:
            case Number(value):
                return value
            case Name(id_):
                return self._request.known[id_]
            case Array(items):
                return self._array(items)
            case Negative(operand):
                return combined("*", self.value(operand), -1.0)
            case Binary(sign, left, right, _):
                return combined(sign, self.value(left), self.value(right))
            case Call():
                return self._call(node)
            case Text(value) | Word(value):
                raise Refused(f"{value!r} is no value")

    def _array(self, items: Sequence[Node]) -> Several:
        found: list[Series] = []
        for item in items:
            value = self.value(item)
            if isinstance(value, float):
                raise Refused("an array holds time series, not numbers")
            found += value if isinstance(value, tuple) else (value,)
        return tuple(found)

    def _call(self, call: Call) -> Value:
        if call.function in FUNCTIONS:
            least, most, function = FUNCTIONS[call.function]
            if not least <= len(call.arguments) <= most:
                many = f"{least}" if least == most else f"{least} to {most}"
                raise Refused(f"{call.function} at {call.at + 1} takes {many} arguments, not {len(call.arguments)}")
            try:
                return function(self, call.arguments)
            except _Unfit as unfit:
                raise Refused(f"{call.function} at {call.at + 1} {unfit}") from None
        why = (
            "is not evaluated by the local CloudWatch"
            if call.function in UNEVALUATED
            else "is not a function of CloudWatch"
        )
        raise Refused(f"{call.function} at {call.at + 1} {why}")

    def axis(self) -> Axis:
        """The periods of what the expression refers to, or of its own."""
        for id_ in names(self._node):
            value = self._request.known[id_]
            for one in (value,) if isinstance(value, Series) else value if isinstance(value, tuple) else ():
                return one.axis
        if self._request.axis is None:
            raise _Unfit("needs a Period, since the expression refers to no metric")
        return self._request.axis

    # What functions take

    def series(self, node: Node) -> Series:
        value = self.value(node)
        if not isinstance(value, Series):
            raise _Unfit(f"takes a time series, not {_kind(value)}")
        return value

    def one_or_more(self, node: Node) -> Series | Several:
        value = self.value(node)
        if isinstance(value, float):
            raise _Unfit("takes a time series or an array of them, not a number")
        return value

    def several(self, node: Node) -> Several:
        value = self.value(node)
        if not isinstance(value, tuple):
            raise _Unfit(f"takes an array of time series, not {_kind(value)}")
        return value

    def number(self, node: Node) -> float:
        value = self.value(node)
        if not isinstance(value, float):
            raise _Unfit(f"takes a number there, not {_kind(value)}")
        return value

    def whole(self, node: Node) -> int:
        value = self.number(node)
        if value < 0 or not value.is_integer():
            raise _Unfit(f"takes a whole number there, not {value:g}")
        return int(value)

    # Functions

    def metrics(self, given: Sequence[Node]) -> Value:
        part = ""
        if given:
            if not isinstance(given[0], Text):
                raise _Unfit("takes a part of ids in quotes")
            part = given[0].value
        return tuple(_series(self._request.known[id_]) for id_ in self._request.metrics if part in id_)

    def period(self, given: Sequence[Node]) -> Value:
        if not isinstance(given[0], Name) or given[0].id not in self._request.metrics:
            raise _Unfit("takes the id of a metric, not of an expression")
        return float(self.series(given[0]).axis.period)

    def search(self, given: Sequence[Node]) -> Value:
        if not isinstance(given[0], Text) or not isinstance(given[1], Text):
            raise _Unfit("takes a search and a statistic in quotes")
        period = self.whole(given[2]) if len(given) == 3 else None
        return self._request.search(given[0].value, given[1].value, period)

    def fill(self, given: Sequence[Node]) -> Value:
        target, filler = self.one_or_more(given[0]), given[1]
        if isinstance(filler, Word):
            if filler.value not in ("REPEAT", "LINEAR"):
                raise _Unfit(f"fills with a number, a metric, REPEAT or LINEAR, not {filler.value}")
            return _each(target, _repeated if filler.value == "REPEAT" else _interpolated)
        value = self.value(filler)
        if isinstance(value, tuple):
            raise _Unfit("fills with a number or one time series, not with an array")
        return _each(target, lambda one: _filled(one, value))

    def chosen(self, given: Sequence[Node]) -> Value:
        """IF."""
        condition, right = self.value(given[0]), self.value(given[1])
        wrong = self.value(given[2]) if len(given) == 3 else None
        if any(isinstance(one, tuple) for one in (condition, right, wrong)):
            raise _Unfit("takes single time series and numbers, not arrays")
        if isinstance(condition, Series):
            return _by_point(condition, right, wrong)
        assert isinstance(condition, float)
        if not isinstance(right, Series) or isinstance(wrong, float):
            raise _Unfit("of a number as its condition takes time series to choose from")
        if wrong is not None:
            _same_period((right, _series(wrong)))
        if condition == condition:
            return right if condition else _series(wrong) if wrong is not None else replace(right, points={})
        return replace(right, points={}, dropped=True)

    def part(self, given: Sequence[Node]) -> Value:
        several, start = self.several(given[0]), self.whole(given[1])
        return several[start : self.whole(given[2]) if len(given) == 3 else None]

    def ordered(self, given: Sequence[Node]) -> Value:
        several, by, order = self.several(given[0]), given[1], given[2]
        if not isinstance(by, Word) or by.value not in SORTED_BY or not isinstance(order, Word):
            raise _Unfit("takes an array, one of AVG, MIN, MAX and SUM, and ASC or DESC")
        if order.value not in ("ASC", "DESC"):
            raise _Unfit(f"takes ASC or DESC, not {order.value}")
        limit = self.whole(given[3]) if len(given) == 4 else None
        take = ONE[by.value]
        # What has no points comes last in either order.
        some = [one for one in several if one.points]
        found = sorted(some, key=take, reverse=order.value == "DESC") + [one for one in several if not one.points]
        return tuple(found[:limit])

    def constant(self, given: Sequence[Node]) -> Value:
        value, axis = self.number(given[0]), self.axis()
        return _finite(dict.fromkeys(axis.times, value), Series({}, axis))


class _Unfit(Exception):
    """What a function does not take."""


def _each(value: Series | Several, change: Callable[[Series], Series]) -> Series | Several:
    return change(value) if isinstance(value, Series) else tuple(map(change, value))


def _filled(one: Series, value: float | Series) -> Series:
    if isinstance(value, Series):
        _same_period((one, value))
        filler: Mapping[int, float] = value.points
    else:
        filler = dict.fromkeys(one.axis.times, value)
    points = {
        at: one.points[at] if at in one.points else filler[at]
        for at in one.axis.times
        if at in one.points or at in filler
    }
    return _finite(points, one)


def _repeated(one: Series) -> Series:
    points: dict[int, float] = {}
    latest: float | None = None
    for at in one.axis.times:
        latest = one.points.get(at, latest)
        if latest is not None:
            points[at] = latest
    return replace(one, points=points)


def _interpolated(one: Series) -> Series:
    points = dict(one.points)
    for (before, low), (after, high) in pairwise(one.points.items()):
        for at in range(before + one.axis.period, after, one.axis.period):
            points[at] = low + (high - low) * (at - before) / (after - before)
    return replace(one, points=dict(sorted(points.items())))


def _by_point(condition: Series, right: Value, wrong: Value | None) -> Series:
    _same_period([one for one in (condition, right, wrong) if isinstance(one, Series)])
    points: dict[int, float] = {}
    for at, holds in condition.points.items():
        if holds:
            points[at] = right.points.get(at, 0.0) if isinstance(right, Series) else float(right)  # type: ignore[arg-type]
        elif isinstance(wrong, Series):
            if at in wrong.points:
                points[at] = wrong.points[at]
        elif wrong is not None:
            points[at] = float(wrong)  # type: ignore[arg-type]
    dropped = any(isinstance(one, Series) and one.dropped for one in (right, wrong))
    return _finite(points, condition, dropped)


def _average(one: Series) -> float:
    return sum(one.points.values()) / len(one.axis.times)


# Of one series, and of one moment's values of several: those that there are, and how many series.
ONE: Mapping[str, Callable[[Series], float]] = {
    "SUM": lambda one: float(sum(one.points.values())),
    "AVG": _average,
    "MIN": lambda one: min(one.points.values(), default=math.nan),
    "MAX": lambda one: max(one.points.values(), default=math.nan),
    "DATAPOINT_COUNT": lambda one: float(len(one.points)),
}
MANY: Mapping[str, Callable[[Sequence[float], int], float]] = {
    "SUM": lambda values, _: sum(values),
    "AVG": lambda values, many: sum(values) / many,
    "MIN": lambda values, _: min(values),
    "MAX": lambda values, _: max(values),
    "DATAPOINT_COUNT": lambda values, _: float(len(values)),
}
SORTED_BY = ("AVG", "MIN", "MAX", "SUM")


def _aggregate(name: str) -> Function:
    def function(evaluation: _Evaluation, given: Sequence[Node]) -> Value:
        value = evaluation.one_or_more(given[0])
        if isinstance(value, Series):
            return ONE[name](value)
        if not value:
            return ()
        _same_period(value)
        times = sorted({at for one in value for at in one.points})
        points = {at: MANY[name]([one.points[at] for one in value if at in one.points], len(value)) for at in times}
        return Series(points, value[0].axis, dropped=any(one.dropped for one in value))

    return function


def _pointwise(change: Callable[[float], float]) -> Function:
    def single(one: Series) -> Series:
        return _finite({at: change(value) for at, value in one.points.items()}, one)

    return lambda evaluation, given: _each(evaluation.one_or_more(given[0]), single)


def _logarithm(take: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: take(value) if value > 0 else math.nan


def _stepwise(change: Callable[[float, float, int], float]) -> Function:
    """A value before, the one after, and the seconds between them."""

    def single(one: Series) -> Series:
        steps = pairwise(one.points.items())
        return replace(one, points={at: change(low, high, at - before) for (before, low), (at, high) in steps})

    return lambda evaluation, given: _each(evaluation.one_or_more(given[0]), single)


def _running_sum(one: Series) -> Series:
    total, points = 0.0, {}
    for at, value in one.points.items():
        total += value
        points[at] = total
    return replace(one, points=points)


def _timed(take: Callable[[datetime], float]) -> Function:
    def function(evaluation: _Evaluation, given: Sequence[Node]) -> Value:
        one = evaluation.series(given[0])
        return replace(one, points={at: float(take(datetime.fromtimestamp(at, UTC))) for at in one.axis.times})

    return function


def _edge(place: int) -> Function:
    def function(evaluation: _Evaluation, given: Sequence[Node]) -> Value:
        several = evaluation.several(given[0])
        return several[place] if several else ()

    return function


Function = Callable[[_Evaluation, Sequence[Node]], Value]
# How many arguments at least and at most, and what it does.
FUNCTIONS: Mapping[str, tuple[int, int, Function]] = {
    "METRICS": (0, 1, _Evaluation.metrics),
    "PERIOD": (1, 1, _Evaluation.period),
    "SEARCH": (2, 3, _Evaluation.search),
    "FILL": (2, 2, _Evaluation.fill),
    "IF": (2, 3, _Evaluation.chosen),
    "SLICE": (2, 3, _Evaluation.part),
    "SORT": (3, 4, _Evaluation.ordered),
    "TIME_SERIES": (1, 1, _Evaluation.constant),
    "FIRST": (1, 1, _edge(0)),
    "LAST": (1, 1, _edge(-1)),
    "REMOVE_EMPTY": (1, 1, lambda evaluation, given: tuple(one for one in evaluation.several(given[0]) if one.points)),
    "METRIC_COUNT": (1, 1, lambda evaluation, given: float(len(evaluation.several(given[0])))),
    **{name: (1, 1, _aggregate(name)) for name in ONE},
    "ABS": (1, 1, _pointwise(abs)),
    "CEIL": (1, 1, _pointwise(math.ceil)),
    "FLOOR": (1, 1, _pointwise(math.floor)),
    "LOG": (1, 1, _pointwise(_logarithm(math.log))),
    "LOG10": (1, 1, _pointwise(_logarithm(math.log10))),
    "DIFF": (1, 1, _stepwise(lambda low, high, _: high - low)),
    "DIFF_TIME": (1, 1, _stepwise(lambda _low, _high, gap: float(gap))),
    "RATE": (1, 1, _stepwise(lambda low, high, gap: (high - low) / gap)),
    "RUNNING_SUM": (1, 1, lambda evaluation, given: _each(evaluation.one_or_more(given[0]), _running_sum)),
    "EPOCH": (1, 1, _timed(datetime.timestamp)),
    "MINUTE": (1, 1, _timed(lambda at: at.minute)),
    "HOUR": (1, 1, _timed(lambda at: at.hour)),
    "DAY": (1, 1, _timed(datetime.isoweekday)),
    "DATE": (1, 1, _timed(lambda at: at.day)),
    "MONTH": (1, 1, _timed(lambda at: at.month)),
    "YEAR": (1, 1, _timed(lambda at: at.year)),
}
# CloudWatch has them. Of STDDEV it is nowhere written whether it is a sample's or a population's.
UNEVALUATED = ("STDDEV", "ANOMALY_DETECTION_BAND", "INSIGHT_RULE_METRIC", "SERVICE_QUOTA", "LAMBDA", "DB_PERF_INSIGHTS")
