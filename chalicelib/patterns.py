"""EventBridge's event patterns, for the operators that Parapet knows; anything else is refused, not guessed.

EventBridge (its matcher is github.com/aws/event-ruler) takes an event apart into its leaves. Lists vanish from
their paths, so that a field has as many values as the lists on its way hold; what a pattern wants of several
fields must be found within the same element of each list; and `exists` sees leaves only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.model import ParapetError

# Which element of which list a leaf is in; a list is known by its path and the elements around it.
Within = Mapping[tuple[str, tuple[int, ...]], int]
Leaves = Mapping[str, list[tuple[Any, Within]]]
Test = Callable[[Any], bool]


class PatternError(ParapetError):
    """A pattern that EventBridge refuses, or that cannot be evaluated here."""


@dataclass(frozen=True)
class Want:
    """What a pattern wants of one field: a value that passes one of the tests, or (`absent`) none at all."""

    path: str
    tests: Sequence[Test]
    absent: bool


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event matches a pattern; raises PatternError for a bad pattern, whatever the event is."""
    ways = _ways(pattern, "")
    leaves: dict[str, list[tuple[Any, Within]]] = {}
    for path, value, within in _leaves(event, "", {}):
        leaves.setdefault(path, []).append((value, within))
    return any(_all(way, leaves, {}) for way in ways)


def _ways(pattern: Any, at: str) -> list[list[Want]]:
    """Return each way to satisfy a pattern, of which `$or` makes several."""
    if not isinstance(pattern, Mapping) or not pattern:
        raise PatternError(f"{at or 'the pattern'}: a pattern is an object that is not empty, not {pattern!r}")
    ways: list[list[Want]] = [[]]
    for key, wanted in pattern.items():
        path = f"{at}.{key}" if at else key
        if key == "$or":
            # With fewer than two, EventBridge takes $or for the name of a field.
            if not isinstance(wanted, list) or len(wanted) < 2:
                raise PatternError(f"{path} takes a list of two or more patterns, not {wanted!r}")
            choices = [way for one in wanted for way in _ways(one, at)]
        elif isinstance(wanted, Mapping):
            choices = _ways(wanted, path)
        else:
            choices = [[_want(path, wanted)]]
        ways = [[*way, *choice] for way in ways for choice in choices]
    return ways


def _want(path: str, rules: Any) -> Want:
    if not isinstance(rules, list) or not rules:
        raise PatternError(f"{path}: a pattern holds objects and lists that are not empty, not {rules!r}")
    absent = any(isinstance(rule, Mapping) and rule == {"exists": False} for rule in rules)
    return Want(path, [_test(rule, path) for rule in rules], absent)


def _test(rule: Any, path: str) -> Test:
    if isinstance(rule, Mapping):
        if len(rule) != 1:
            raise PatternError(f"{path}: one operator at a time, not {sorted(rule)}")
        ((name, operand),) = rule.items()
        return _operator(name, operand, path)
    if rule is not None and not isinstance(rule, str | int):
        raise PatternError(f"{path}: the value {rule!r} is not evaluated here")
    return lambda value: value == rule and type(value) is type(rule)


def _operator(name: str, operand: Any, path: str) -> Test:
    if name == "exists" and isinstance(operand, bool):
        return lambda _value: operand
    if name == "numeric" and (bounds := _bounds(operand)):
        return lambda value: _number(value) and all(holds(value, bound) for holds, bound in bounds)
    if name == "anything-but":
        if isinstance(operand, Mapping) and len(operand) == 1 and set(operand) <= set(_TEXTS):
            ((kind, texts),) = operand.items()
            several = texts if isinstance(texts, list) else [texts]
            if several and all(isinstance(one, str) for one in several):
                refusals = [_text(kind, one) for one in several]
                return lambda value: isinstance(value, str) and not any(refused(value) for refused in refusals)
        refused = operand if isinstance(operand, list) else [operand]
        if refused and all(isinstance(one, str) for one in refused):
            return lambda value: value not in refused
    elif name in _TEXTS and isinstance(operand, str):
        return _text(name, operand)
    raise PatternError(f"{path}: the operator {name!r} with {operand!r} is not evaluated here")


_TEXTS = ("prefix", "suffix", "equals-ignore-case", "wildcard")
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip


def _text(kind: str, operand: str) -> Test:
    if kind == "prefix":
        return lambda value: isinstance(value, str) and value.startswith(operand)
    if kind == "suffix":
        return lambda value: isinstance(value, str) and value.endswith(operand)
    if kind == "equals-ignore-case":
        return lambda value: isinstance(value, str) and value.casefold() == operand.casefold()
    parts = operand.split("*")
    return lambda value: isinstance(value, str) and _spread(value, parts)


def _spread(value: str, parts: Sequence[str]) -> bool:
    """Whether a text is these parts with anything between them: in one pass, however many `*` there are."""
    if len(parts) == 1:
        return value == parts[0]
    if not value.startswith(parts[0]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        found = value.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(value) - at >= len(parts[-1]) and value.endswith(parts[-1])


def _bounds(operand: Any) -> list[tuple[Callable[[float, float], bool], float]]:
    """Return the comparisons of `[">", 0, "<=", 5]`, none for anything else."""
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return []
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    if all(isinstance(sign, str) and sign in _COMPARED and _number(bound) for sign, bound in pairs):
        return [(_COMPARED[sign], bound) for sign, bound in pairs]
    return []


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _leaves(value: Any, path: str, within: Within) -> Iterator[tuple[str, Any, Within]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key, within)
    elif isinstance(value, list):
        here = (path, tuple(within.values()))
        for number, inner in enumerate(value):
            yield from _leaves(inner, path, {**within, here: number})
    else:
        yield path, value, within


def _all(wants: Sequence[Want], leaves: Leaves, within: Within) -> bool:
    if not wants:
        return True
    want, rest = wants[0], wants[1:]
    found = leaves.get(want.path, [])
    if not found and want.absent:
        return _all(rest, leaves, within)
    return any(
        all(within.get(where, element) == element for where, element in inside.items())
        and any(test(value) for test in want.tests)
        and _all(rest, leaves, {**within, **inside})
        for value, inside in found
    )
