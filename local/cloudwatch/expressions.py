"""Metric math as it is written (CloudWatch user guide, *Metric math syntax and functions*): text to a tree.

From the loosest to the tightest: `OR ||`, `AND &&`, comparisons, `+ -`, `* /`, the sign, `^`. What the documentation
leaves open (`a < b < c`, `a ^ b ^ c`) is refused: parentheses say it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from local.cloudwatch.refused import Refused

LONGEST, DEEPEST, CHAINED = 2048, 60, 400
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>()\[\],]))"
)
SAME = {"&&": "AND", "||": "OR"}
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
LEVELS = (("OR",), ("AND",), COMPARISONS, ("+", "-"), ("*", "/"))


@dataclass(frozen=True)
class Number:
    """A number as such."""

    value: float


@dataclass(frozen=True)
class Text:
    """What stands between quotes."""

    value: str


@dataclass(frozen=True)
class Name:
    """The id of another query."""

    id: str


@dataclass(frozen=True)
class Word:
    """A word of CloudWatch's own that is no call: REPEAT, LINEAR, ASC, DESC, or what SORT sorts by."""

    value: str


@dataclass(frozen=True)
class Array:
    """Several in brackets."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Negative:
    """Something with a minus before it."""

    operand: Node


@dataclass(frozen=True)
class Binary:
    """Two with an operator between them; `AND` and `OR` by these names."""

    operator: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Node, ...]
    at: int


Node = Number | Text | Name | Word | Array | Negative | Binary | Call


@functools.lru_cache(4096)
def parse(text: str) -> Node:
    """Return the tree of an expression; raises Refused, with the place, for what is none."""
    if not 1 <= len(text) <= LONGEST:
        raise Refused(f"an expression has 1 to {LONGEST} characters, not {len(text)}")
    if re.match(r"\s*SELECT\b", text):
        raise Refused("the local CloudWatch does not evaluate Metrics Insights (SELECT)")
    return _Parser(text).whole()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all that it is made of."""
    yield node
    match node:
        case Array(items) | Call(_, items, _):
            for item in items:
                yield from walk(item)
        case Negative(operand):
            yield from walk(operand)
        case Binary(_, left, right, _):
            yield from walk(left)
            yield from walk(right)


def names(node: Node) -> list[str]:
    """Return the ids that an expression refers to, in the order in which they stand there."""
    return list(dict.fromkeys(one.id for one in walk(node) if isinstance(one, Name)))


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str, int]] = []
        at = 0
        while at < len(text.rstrip()):
            match = TOKEN.match(text, at)
            if match is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise Refused(f"cannot be read at {at + 1}: {text[at : at + 10]!r}")
            kind = str(match.lastgroup)
            value = match[kind]
            is_word = kind == "word" and value not in ("AND", "OR")
            self._tokens.append(
                (kind if is_word or kind != "word" else "sign", SAME.get(value, value), match.start(kind))
            )
            at = match.end()
        self._tokens.append(("end", "its end", len(text)))
        self._next = self._depth = 0

    def whole(self) -> Node:
        found = self._level(0)
        if self._kind != "end":
            raise self._unexpected()
        return found

    @property
    def _kind(self) -> str:
        return self._tokens[self._next][0]

    @property
    def _value(self) -> str:
        return self._tokens[self._next][1]

    @property
    def _at(self) -> int:
        return self._tokens[self._next][2]

    def _unexpected(self) -> Refused:
        return Refused(f"cannot be read at {self._at + 1}: {self._value!r} is not expected there")

    def _is(self, *signs: str) -> bool:
        return self._kind == "sign" and self._value in signs

    def _take(self, sign: str = "") -> str:
        if sign and not self._is(sign):
            raise self._unexpected()
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _level(self, level: int) -> Node:
        if level == len(LEVELS):
            return self._signed()
        found, chained = self._level(level + 1), 0
        while self._is(*LEVELS[level]):
            at = self._at
            if chained and LEVELS[level] is COMPARISONS:
                raise Refused(f"two comparisons in a row at {at + 1}: say with parentheses or AND what is meant")
            found, chained = Binary(self._take(), found, self._level(level + 1), at), chained + 1
            if chained > CHAINED:
                raise Refused(f"has more than {CHAINED} operators in a row at {at + 1}")
        return found

    def _signed(self) -> Node:
        if self._is("-"):
            self._deeper()
            self._take()
            found: Node = Negative(self._signed())
            self._depth -= 1
            return found
        found = self._single()
        if self._is("^"):
            at = self._at
            self._take()
            power = Negative(self._single()) if self._is("-") and self._take() else self._single()
            if self._is("^"):
                raise Refused(f"two powers in a row at {self._at + 1}: say with parentheses what is meant")
            return Binary("^", found, power, at)
        return found

    def _single(self) -> Node:
        kind, value, at = self._tokens[self._next]
        if kind == "number":
            self._take()
            return Number(float(value))
        if kind == "text":
            self._take()
            return Text(value[1:-1])
        if kind == "word":
            self._take()
            if self._is("("):
                return Call(value, self._several("(", ")"), at)
            return Name(value) if value[0].islower() else Word(value)
        if self._is("["):
            return Array(self._several("[", "]"))
        if self._is("("):
            self._deeper()
            self._take()
            found = self._level(0)
            self._take(")")
            self._depth -= 1
            return found
        raise self._unexpected()

    def _several(self, opening: str, closing: str) -> tuple[Node, ...]:
        self._deeper()
        self._take(opening)
        found: list[Node] = []
        while not self._is(closing):
            if found:
                self._take(",")
            found.append(self._level(0))
        self._take(closing)
        self._depth -= 1
        return tuple(found)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Refused(f"is nested more than {DEEPEST} deep at {self._at + 1}")
