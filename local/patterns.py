"""EventBridge's event patterns, for the operators that Parapet uses; anything else is refused, not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PatternError(Exception):
    """A pattern that this stand-in cannot evaluate."""


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event matches a pattern, arrays in the event matching by any element; raises PatternError."""
    for key, wanted in pattern.items():
        if key == "$or":
            if not isinstance(wanted, list):
                raise PatternError("$or takes a list of patterns")
            if not any(matches(one, event) for one in wanted):
                return False
        elif isinstance(wanted, Mapping):
            inner = event.get(key)
            if not isinstance(inner, Mapping):
                # Nothing is there: only patterns that want absence can still match.
                inner = {}
            if not matches(wanted, inner):
                return False
        elif isinstance(wanted, list):
            if not any(_one(rule, key, event) for rule in wanted):
                return False
        else:
            raise PatternError(f"{key}: a pattern holds lists and objects, not {wanted!r}")
    return True


def _one(rule: Any, key: str, event: Mapping[str, Any]) -> bool:
    if isinstance(rule, Mapping):
        if len(rule) != 1:
            raise PatternError(f"{key}: one operator at a time, not {sorted(rule)}")
        ((operator, operand),) = rule.items()
        return _operator(operator, operand, key, event)
    return any(value == rule and type(value) is type(rule) for value in _values(event, key))


def _values(event: Mapping[str, Any], key: str) -> list[Any]:
    if key not in event:
        return []
    value = event[key]
    return value if isinstance(value, list) else [value]


def _operator(operator: str, operand: Any, key: str, event: Mapping[str, Any]) -> bool:
    if operator == "exists" and isinstance(operand, bool):
        return (key in event) is operand
    values = _values(event, key)
    if operator == "prefix" and isinstance(operand, str):
        return any(isinstance(value, str) and value.startswith(operand) for value in values)
    if operator == "suffix" and isinstance(operand, str):
        return any(isinstance(value, str) and value.endswith(operand) for value in values)
    if operator == "anything-but" and isinstance(operand, str | list):
        refused = operand if isinstance(operand, list) else [operand]
        if not all(isinstance(one, str) for one in refused):
            raise PatternError(f"{key}: anything-but with {operand!r} is not evaluated here")
        return any(value not in refused for value in values)
    raise PatternError(f"{key}: the operator {operator!r} with {operand!r} is not evaluated here")
