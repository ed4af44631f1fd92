"""Expressions made into functions of a row."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local.insights import periods, regexes, tree
from local.insights.functions import FUNCTIONS, true
from local.insights.rows import Row
from local.insights.values import Value, below, equal, number, plain, sized, text

Compute = Callable[[Row], Value]


@dataclass(frozen=True, slots=True)
class Scope:
    """When the query runs and over which time, in epoch seconds, and which expressions are columns already."""

    start: float
    end: float
    now: float
    columns: Mapping[tree.Expression, str] = field(default_factory=dict)


def compute(expression: tree.Expression, scope: Scope) -> Compute:
    """Return what works out an expression for a row."""
    if expression in scope.columns:
        name = scope.columns[expression]
        return lambda row: row.get(name)
    match expression:
        case tree.Field(path=(str(name),)):
            return lambda row: row.get(name)
        case tree.Field():
            return lambda row: row.field(expression)
        case tree.Text(value) | tree.Number(value) | tree.Truth(value):
            return lambda _: value
        case tree.Period():
            return lambda _: expression
        case tree.Unary("not", operand):
            denied = compute(operand, scope)
            return lambda row: not true(denied(row))
        case tree.Unary(_, operand):
            signed = compute(operand, scope)
            return lambda row: _negative(signed(row))
        case tree.Binary():
            return _binary(expression, scope)
        case tree.Like():
            return _like(expression, scope)
        case tree.Among(value, items, negated):
            wanted, among = compute(value, scope), [compute(one, scope) for one in items]
            return lambda row: _any_equal(wanted(row), [one(row) for one in among]) is not negated
        case tree.Call():
            return _call(expression, scope)
        case _:
            raise AssertionError(f"{expression} is checked to be elsewhere only")


def _call(call: tree.Call, scope: Scope) -> Compute:
    match call.name:
        case "bin":
            period = call.arguments[0]
            assert isinstance(period, tree.Period)
            return lambda row: _binned(row, period)
        case "now":
            return lambda _: int(scope.now)
        case "queryStartTime":
            return lambda _: int(scope.start * 1000)
        case "queryEndTime":
            return lambda _: int(scope.end * 1000)
        case "queryTimeRange":
            return lambda _: int(scope.end * 1000) - int(scope.start * 1000)
    apply, arguments = FUNCTIONS[call.name.lower()].apply, [compute(one, scope) for one in call.arguments]
    if len(arguments) == 1:
        only = arguments[0]
        return lambda row: apply(only(row))
    return lambda row: apply(*(one(row) for one in arguments))


def _binned(row: Row, period: tree.Period) -> Value:
    at = row.get("@timestamp")
    return None if at is None else periods.floor(at, period)


def _binary(binary: tree.Binary, scope: Scope) -> Compute:
    left, right = compute(binary.left, scope), compute(binary.right, scope)
    match binary.operator:
        case "and":
            return lambda row: true(left(row)) and true(right(row))
        case "or":
            return lambda row: true(left(row)) or true(right(row))
        case "=":
            return lambda row: equal(left(row), right(row))
        case "!=":
            return lambda row: _differ(left(row), right(row))
        case "<":
            return lambda row: below(left(row), right(row))
        case ">":
            return lambda row: below(right(row), left(row))
        case "<=":
            return lambda row: _at_most(left(row), right(row))
        case ">=":
            return lambda row: _at_most(right(row), left(row))
    of = _ARITHMETIC[binary.operator]
    return lambda row: _worked_out(of, left(row), right(row))


def _at_most(left: Value, right: Value) -> bool:
    return below(left, right) or equal(left, right)


def _differ(left: Value, right: Value) -> bool:
    # A missing value is different from all that is there; maps and lists compare with nothing.
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return False
    return not equal(left, right) and not (left is None and right is None)


def _any_equal(value: Value, items: list[Value]) -> bool:
    return any(equal(value, one) for one in items)


def _like(like: tree.Like, scope: Scope) -> Compute:
    value, negated, wanted = compute(like.value, scope), like.negated, like.pattern
    if isinstance(wanted, tree.Regex):
        search = regexes.compiled(wanted.source).search
        return lambda row: _matches(value(row), lambda whole: search(whole) is not None) is not negated
    part = wanted.value
    return lambda row: _matches(value(row), lambda whole: part in whole) is not negated


def _matches(value: Value, test: Callable[[str], bool]) -> bool:
    return plain(value) is not None and test(text(value))


_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": math.fmod, "^": math.pow,
}  # fmt: skip


def _worked_out(of: Callable[[float, float], float], left: Value, right: Value) -> Value:
    first, second = number(plain(left)), number(plain(right))
    if first is None or second is None:
        return None
    try:
        return sized(of(first, second))
    except (ZeroDivisionError, OverflowError, ValueError):
        return None


def _negative(value: Value) -> Value:
    counted = number(plain(value))
    return None if counted is None else -counted
