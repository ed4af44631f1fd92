"""The rules of composite alarms: whether they hold, by CloudWatch's documented grammar and nothing beyond it; pure.

`AND` and `OR` side by side need parentheses here: which of them goes first, CloudWatch does not say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
LENGTH, CHILDREN, ELEMENTS = 10_240, 100, 500
TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([(),])|([^\s"(),]+))')
Holds = Callable[[Mapping[str, str]], bool]


class RuleError(Exception):
    """What is no rule of a composite alarm, or none that can be judged here."""


@dataclass(frozen=True)
class Rule:
    """A rule that was understood: the names of the alarms that it is about, and whether it holds."""

    children: tuple[str, ...]
    holds: Holds


def parse(text: str) -> Rule:
    """Return a rule; raises RuleError."""
    if not text.strip() or len(text) > LENGTH:
        raise RuleError(f"a rule has 1 to {LENGTH} characters")
    reader = _Reader(text)
    try:
        holds = reader.expression()
    except RecursionError:
        raise RuleError("a rule cannot be nested so deeply here") from None
    if (rest := reader.take()) is not None:
        raise RuleError(f"{rest!r} is too much in {text!r}")
    children = tuple(dict.fromkeys(reader.children))
    if len(children) > CHILDREN or reader.elements > ELEMENTS:
        raise RuleError(f"a rule is about at most {CHILDREN} alarms, and has at most {ELEMENTS} elements")
    return Rule(children, holds)


def name_of(reference: str) -> str:
    """Return the name of an alarm that a rule names, also by its ARN."""
    return reference.split(":alarm:", 1)[1] if reference.startswith("arn:") and ":alarm:" in reference else reference


class _Reader:
    """Reads a rule from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self.children: list[str] = []
        self.elements = 0

    def peek(self) -> str | None:
        at, token = self._at, self.take()
        self._at = at
        return token

    def take(self) -> str | None:
        if not self._text[self._at :].strip():
            return None
        match = TOKEN.match(self._text, self._at)
        if not match:
            raise RuleError(f"{self._text[self._at :][:20]!r} cannot be read in {self._text!r}")
        self._at = match.end()
        return match[0].strip()

    def expect(self, wanted: str) -> None:
        if (found := self.take()) != wanted:
            raise RuleError(f"{wanted!r} is missing before {found or 'the end'!r} in {self._text!r}")

    def expression(self) -> Holds:
        """Read terms with `AND` or `OR` between them."""
        terms, between = [self.term()], ""
        while (operator := self.peek()) in ("AND", "OR"):
            if between and operator != between:
                raise RuleError(f"AND and OR side by side need parentheses: {self._text!r}")
            between = str(self.take())
            terms.append(self.term())
        if len(terms) == 1:
            return terms[0]
        return (lambda states: any(one(states) for one in terms)) if between == "OR" else _all(terms)

    def term(self) -> Holds:
        token = self.take()
        if token == "NOT":
            negated = self.term()
            return lambda states: not negated(states)
        self.elements += 1
        if token == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if token in ("TRUE", "FALSE"):
            return lambda _: token == "TRUE"
        if token in STATES:
            self.expect("(")
            name = self.alarm()
            self.expect(")")
            return lambda states: _state(states, name) == token
        if token == "AT_LEAST":
            return self.at_least()
        raise RuleError(f"{token or 'the end'!r} is no condition in {self._text!r}")

    def at_least(self) -> Holds:
        """Read `AT_LEAST(2, ALARM, (a, b, c))`, `AT_LEAST(60%, NOT OK, (a, b))`."""
        self.expect("(")
        bound = self.take() or ""
        if not re.fullmatch(r"[1-9]\d{0,2}%?", bound):
            raise RuleError(f"{bound!r} is not a number such as 2, or a share such as 60%: {self._text!r}")
        self.expect(",")
        state = self.take()
        if negated := state == "NOT":
            state = self.take()
        if state not in STATES:
            raise RuleError(f"{state!r} is not a state: {', '.join(STATES)}")
        self.expect(",")
        self.expect("(")
        names = [self.alarm()]
        while self.peek() == ",":
            self.take()
            names.append(self.alarm())
        self.expect(")")
        self.expect(")")
        self.elements += len(names)
        share = bound.endswith("%")
        number = math.ceil(int(bound[:-1]) * len(names) / 100) if share else int(bound)
        if number > len(names):
            raise RuleError(f"{bound} of {len(names)} alarms are too many: {self._text!r}")
        return lambda states: sum((_state(states, name) == state) is not negated for name in names) >= number

    def alarm(self) -> str:
        token = self.take()
        if token is None or token in ("(", ")", ","):
            raise RuleError(f"an alarm's name is missing before {token or 'the end'!r} in {self._text!r}")
        name = name_of(re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token)
        self.children.append(name)
        return name


def _all(terms: list[Holds]) -> Holds:
    return lambda states: all(one(states) for one in terms)


def _state(states: Mapping[str, str], name: str) -> str:
    if name not in states:
        raise RuleError(f"there is no alarm {name!r}")
    return states[name]
