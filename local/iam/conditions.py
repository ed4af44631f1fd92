"""Condition operators of IAM policies: the ones we use and their kin; every other one is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from local.iam import CannotEvaluate
from local.iam.arns import like, pattern

# What a key holds in a request: one text, several, or nothing because this call does not carry it.
Value = str | tuple[str, ...] | None
Context = Mapping[str, Value]
Test = Callable[[str], object]
Condition = Callable[[Context], bool]

_ALL, _ANY, _IF_EXISTS = "ForAllValues:", "ForAnyValue:", "IfExists"


def parse(block: Mapping[str, Any], where: str) -> tuple[Condition, ...]:
    """Return the conditions of a statement, of which all must hold; raises CannotEvaluate for unknown operators."""
    found: list[Condition] = []
    for operator, keys in block.items():
        for key, given in keys.items():
            values = [_text(one) for one in (given if isinstance(given, list) else [given])]
            if not values:
                raise CannotEvaluate(f"{where}: {operator} of {key} names no value")
            if any("${" in value for value in values):
                raise CannotEvaluate(f"{where}: policy variables such as those of {key} are not known")
            found.append(_condition(operator, key, values, where))
    return tuple(found)


def _condition(operator: str, key: str, values: Sequence[str], where: str) -> Condition:
    prefix = next((one for one in (_ALL, _ANY) if operator.startswith(one)), "")
    name = operator.removeprefix(prefix)
    lower, about = key.lower(), f"{where}: {operator} of {key}"
    if name == "Null":
        if prefix or set(values) - {"true", "false"} or len(values) != 1:
            raise CannotEvaluate(f"{about} is neither true nor false")
        return lambda context: (_value(context, lower, about) in (None, ())) == (values[0] == "true")
    optional = name.endswith(_IF_EXISTS)
    name = name.removesuffix(_IF_EXISTS)
    negated, compare = _operator(name, about)
    tests = [compare(value, about) for value in values]

    def matches(one: str) -> bool:
        return any(test(one) for test in tests) != negated

    def holds(context: Context) -> bool:
        value = _value(context, lower, about)
        if isinstance(value, tuple):
            if not prefix:
                raise CannotEvaluate(f"{about}: the key has several values, say {_ALL} or {_ANY}")
            if not value and optional:
                return True
            return all(map(matches, value)) if prefix == _ALL else any(map(matches, value))
        if prefix == _ALL:
            raise CannotEvaluate(f"{about}: the key has one value, and {_ALL} would also hold without any")
        if value is None:
            return optional or (negated and not prefix)
        return matches(value)

    return holds


def _value(context: Context, key: str, about: str) -> Value:
    if key not in context:
        raise CannotEvaluate(f"{about}: nobody said what this key is in such a request")
    return context[key]


def _operator(name: str, about: str) -> tuple[bool, Callable[[str, str], Test]]:
    """Return whether an operator is a negation, and how it compares."""
    positive = name.replace("Not", "", 1)
    if positive != name and positive in _NEGATABLE:
        return True, _COMPARES[positive]
    if name not in _COMPARES:
        raise CannotEvaluate(f"{about}: this operator is not known")
    return False, _COMPARES[name]


def _equals(value: str, _about: str) -> Test:
    return lambda one: one == value


def _equals_ignoring_case(value: str, _about: str) -> Test:
    return lambda one: one.lower() == value.lower()


def _like(value: str, _about: str) -> Test:
    return like(value)


def _arn(value: str, _about: str) -> Test:
    return pattern(value)


def _bool(value: str, about: str) -> Test:
    if value.lower() not in ("true", "false"):
        raise CannotEvaluate(f"{about}: {value!r} is neither true nor false")
    return lambda one: one.lower() == value.lower()


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[str, str], Test]:
    def made(value: str, about: str) -> Test:
        wanted = _number(value, about)
        return lambda one: compare(_number(one, about), wanted)

    return made


def _number(text: str, about: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CannotEvaluate(f"{about}: {text!r} is no number") from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise CannotEvaluate(f"{value!r} is no value of a condition")


_COMPARES: Mapping[str, Callable[[str, str], Test]] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": _like,
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": _bool,
    "NumericEquals": _numeric(Decimal.__eq__),
    "NumericLessThan": _numeric(Decimal.__lt__),
    "NumericLessThanEquals": _numeric(Decimal.__le__),
    "NumericGreaterThan": _numeric(Decimal.__gt__),
    "NumericGreaterThanEquals": _numeric(Decimal.__ge__),
}
_NEGATABLE = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "NumericEquals")
