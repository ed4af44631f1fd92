"""EventBridge's event patterns, for the operators that Parapet uses; anything else is refused, not guessed.

EventBridge (its matcher is github.com/aws/event-ruler) takes an event apart into its leaves. Lists vanish from
their paths, so that a field has as many values as the lists on its way hold; what a pattern wants of several
fields must be found within the same element of each list; and `exists` sees leaves only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Which element of which list a leaf is in; a list is known by its path and the elements around it.
Within = Mapping[tuple[str, tuple[int, ...]], int]
Leaves = Mapping[str, list[tuple[Any, Within]]]
Test = Callable[[Any], bool]


class PatternError(Exception):
    """A pattern that EventBridge refuses or that this stand-in cannot evaluate."""


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
        ((operator, operand),) = rule.items()
        return _operator(operator, operand, path)
    if rule is not None and not isinstance(rule, str | int):
        raise PatternError(f"{path}: the value {rule!r} is not evaluated here")
    return lambda value: value == rule and type(value) is type(rule)


def _operator(operator: str, operand: Any, path: str) -> Test:
    if operator == "exists" and isinstance(operand, bool):
        return lambda _value: operand
    if operator == "prefix" and isinstance(operand, str):
        return lambda value: isinstance(value, str) and value.startswith(operand)
    if operator == "suffix" and isinstance(operand, str):
        return lambda value: isinstance(value, str) and value.endswith(operand)
    if operator == "anything-but":
        refused = operand if isinstance(operand, list) else [operand]
        if refused and all(isinstance(one, str) for one in refused):
            return lambda value: value not in refused
    raise PatternError(f"{path}: the operator {operator!r} with {operand!r} is not evaluated here")


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
