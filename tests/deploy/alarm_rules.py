"""What the rule of a composite alarm says about the states of others: strict, and nothing but what CloudWatch takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
TOKEN = re.compile(r'\s*(?:(AND|OR|NOT|TRUE|FALSE)\b|(ALARM|OK|INSUFFICIENT_DATA)\("([^"\\]+)"\)|([()]))')


def children(rule: str) -> list[str]:
    """The alarms that a rule names, in their order."""
    return [name for kind, name in _tokens(rule) if kind in ("ALARM", "OK", "INSUFFICIENT_DATA")]


def holds(rule: str, states: Mapping[str, State]) -> bool:
    """Whether a rule is true; raises KeyError for an alarm that is not there, ValueError for what is no rule."""
    tokens = [*_tokens(rule), ("end", "")]

    def either() -> bool:
        found = both()
        while tokens[0][0] == "OR":
            tokens.pop(0)
            # Not short: what is on the right must be a rule, too.
            found = both() or found
        return found

    def both() -> bool:
        found = one()
        while tokens[0][0] == "AND":
            tokens.pop(0)
            found = one() and found
        return found

    def one() -> bool:
        kind, text = tokens.pop(0)
        if kind == "NOT":
            return not one()
        if kind == "(":
            found = either()
            if tokens.pop(0)[0] != ")":
                raise ValueError(f"a parenthesis is open in {rule!r}")
            return found
        if kind in ("TRUE", "FALSE"):
            return kind == "TRUE"
        if kind in ("ALARM", "OK", "INSUFFICIENT_DATA"):
            return states[text] == kind
        raise ValueError(f"{kind} {text} is out of place in {rule!r}")

    found = either()
    if tokens[0][0] != "end":
        raise ValueError(f"{tokens[0]} is left over of {rule!r}")
    return found


def _tokens(rule: str) -> Iterator[tuple[str, str]]:
    at = 0
    while rule[at:].strip():
        match = TOKEN.match(rule, at)
        if not match:
            raise ValueError(f"{rule[at:]!r} is no part of a rule")
        word, state, name, mark = match.groups()
        yield (word or state or mark, name or "")
        at = match.end()
