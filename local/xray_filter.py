"""X-Ray's filter expressions, as far as people ordinarily write them; the rest is refused by name.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
TOKEN = re.compile(r"""\s*(?:"(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?|!=|<=|>=|[=<>!(){},:]|[A-Za-z_][\w.]*(?:\[[^\]]*\])?)""")
FLAGS = ("ok", "error", "throttle", "fault", "partial")
NUMBERS = ("responsetime", "duration", "http.status")
TEXTS = ("http.url", "http.method", "http.useragent", "http.clientip", "user")
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "CONTAINS": lambda one, other: other in one,
    "BEGINSWITH": lambda one, other: one.startswith(other),
    "ENDSWITH": lambda one, other: one.endswith(other),
}
WORDS = ("CONTAINS", "BEGINSWITH", "ENDSWITH")
COMPLEX = ("service", "edge")


class FilterError(Exception):
    """A filter expression that X-Ray, or this stand-in for it, does not take."""


@dataclass(frozen=True)
class Scene:
    """What an expression is asked about: a whole trace, or those of its segments that a `service()` or `edge()` names.

    Args:
        segments: of the trace, the entry's first.
        about: what flags and numbers are of.
        duration: of the trace, in seconds.
    """

    segments: tuple[Document, ...]
    about: Document
    duration: float

    @classmethod
    def of(cls, segments: Iterable[Document]) -> Scene:
        """Return the scene of a trace; its entry comes first."""
        every = tuple(segments)
        ends = [one.get("end_time", one["start_time"]) for one in every]
        return cls(every, every[0], max(ends) - min(one["start_time"] for one in every))

    def within(self, segment: Document) -> Scene:
        """Return the same trace, seen from one of its segments."""
        return Scene(self.segments, segment, self.duration)


Test = Callable[[Scene], bool]


def parse(text: str) -> Test:
    """Return the test of an expression; raises FilterError."""
    reader = _Reader(list(_tokens(text)))
    test = reader.any_of()
    if reader.left:
        raise FilterError(f"{reader.left[0]!r} is not expected there")
    return test


def _tokens(text: str) -> Iterable[str]:
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if not match:
            raise FilterError(f"{text[at:].strip()[:20]!r} cannot be read")
        yield match[0].strip()
        at = match.end()


class _Reader:
    """Reads tokens from the left; AND binds closer than OR, and stands where two conditions follow each other."""

    def __init__(self, tokens: list[str]) -> None:
        self.left = tokens

    def any_of(self) -> Test:
        tests = [self.all_of()]
        while self._next_is("OR"):
            tests.append(self.all_of())
        return lambda scene: any(test(scene) for test in tests)

    def all_of(self) -> Test:
        tests = [self.one()]
        while self.left and self.left[0] not in (")", "}") and self.left[0].upper() != "OR":
            self._next_is("AND")
            tests.append(self.one())
        return lambda scene: all(test(scene) for test in tests)

    def one(self) -> Test:
        if self._next_is("!") or self._next_is("NOT"):
            test = self.one()
            return lambda scene: not test(scene)
        if self._next_is("("):
            test = self.any_of()
            self._want(")")
            return test
        word = self._take("a keyword")
        if word in COMPLEX:
            return self._complex(word)
        if word in FLAGS:
            return self._flag(word)
        if word in NUMBERS:
            return self._compared(word, _number, float(self._value(word, ("=", "!=", "<", "<=", ">", ">="))[1]))
        key = re.fullmatch(r"annotation(?:\.(\w+)|\[\"?([\w.]+)\"?\])", word)
        if word in TEXTS or key:
            read = _annotation(key[1] or key[2]) if key else _text(word)
            return self._text(word, read)
        known = ", ".join((*FLAGS, *NUMBERS, *TEXTS, "annotation.KEY", "service()", "edge()"))
        raise FilterError(f"the local X-Ray filters by {known}, not by {word}")

    def _flag(self, word: str) -> Test:
        wanted = True
        if self.left and self.left[0] in ("=", "!="):
            sign, value = self.left.pop(0), self._take("true or false").lower()
            if value not in ("true", "false"):
                raise FilterError(f"{word} is true or false, not {value}")
            wanted = (value == "true") == (sign == "=")
        return lambda scene: has(scene.about, word) == wanted

    def _value(self, word: str, signs: tuple[str, ...]) -> tuple[str, str]:
        self.sign = self._take("a comparison")
        self.sign = self.sign.upper() if self.sign.isalpha() else self.sign
        if self.sign not in signs:
            raise FilterError(f"{word} is compared by {' '.join(signs)}, not by {self.sign}")
        value = self._take("a value")
        if not re.fullmatch(r"\d+(\.\d+)?", value) and "<" in signs:
            raise FilterError(f"{word} is compared with a number, not with {value}")
        return self.sign, value

    def _compared(self, word: str, read: Callable[[Scene, str], float | None], bound: float) -> Test:
        holds = COMPARE[self.sign]

        def test(scene: Scene) -> bool:
            value = read(scene, word)
            return value is not None and holds(value, bound)

        return test

    def _text(self, word: str, read: Callable[[Scene], Iterable[Any]]) -> Test:
        if not self.left or self.left[0].upper() not in ("=", "!=", *WORDS):
            # On its own: whether there is one at all.
            return lambda scene: any(True for _ in read(scene))
        sign, value = self._value(word, ("=", "!=", *WORDS))
        holds, wanted = COMPARE[sign], _unquoted(value)
        return lambda scene: any(holds(str(one), wanted) for one in read(scene))

    def _complex(self, word: str) -> Test:
        self._want("(")
        names: list[Callable[[Document], bool]] = []
        while not self._next_is(")"):
            if names:
                self._want(",")
            names.append(self._name())
        inner: Test | None = None
        if self._next_is("{"):
            inner = self.any_of()
            self._want("}")
        if word == "service":
            if len(names) > 1:
                raise FilterError("service() takes one name")
            named = names[0] if names else lambda _: True
            return lambda scene: any(
                named(one) and (inner is None or inner(scene.within(one))) for one in scene.segments
            )
        if len(names) != 2:
            raise FilterError("edge() takes two names")
        caller, callee = names
        return lambda scene: any(
            caller(one) and callee(other) and (inner is None or inner(scene.within(other)))
            for one, other in edges(scene.segments)
        )

    def _name(self) -> Callable[[Document], bool]:
        token = self._take("a name")
        if token.startswith('"'):
            name = _unquoted(token)
            return lambda one: one["name"] == name
        if token != "id":
            raise FilterError(f"a service is named in quotes or by id(), not by {token}")
        self._want("(")
        wanted: dict[str, str] = {}
        while not self._next_is(")"):
            if wanted:
                self._want(",")
            key = self._take("name or type")
            if key not in ("name", "type"):
                raise FilterError(f"the local X-Ray knows id(name: …, type: …), not {key}")
            self._want(":")
            wanted["origin" if key == "type" else key] = _unquoted(self._take("a text"))
        return lambda one: all(one.get(key) == value for key, value in wanted.items())

    def _next_is(self, token: str) -> bool:
        if self.left and self.left[0].upper() == token:
            self.left.pop(0)
            return True
        return False

    def _want(self, token: str) -> None:
        if not self._next_is(token):
            raise FilterError(f"{token!r} is missing before {self.left[0] if self.left else 'the end'!r}")

    def _take(self, what: str) -> str:
        if not self.left:
            raise FilterError(f"it ends where {what} should be")
        return self.left.pop(0)


def has(segment: Document, flag: str) -> bool:
    """Whether a segment has one of X-Ray's flags."""
    if flag == "ok":
        return not any(segment.get(one) for one in ("error", "throttle", "fault"))
    return bool(segment.get("in_progress" if flag == "partial" else flag))


def took(segment: Document) -> float:
    """Return for how many seconds a segment went on; 0 for one that is in progress."""
    return float(segment.get("end_time", segment["start_time"]) - segment["start_time"])


def edges(segments: Iterable[Document]) -> Iterable[tuple[Document, Document]]:
    """Yield who called whom, as pairs of segments."""
    every = tuple(segments)
    owner = {inner["id"]: one for one in every for inner in _inner(one)} | {one["id"]: one for one in every}
    for one in every:
        if (caller := owner.get(one.get("parent_id", ""))) is not None and caller is not one:
            yield caller, one


def _inner(segment: Document) -> Iterable[Document]:
    for one in segment.get("subsegments", ()):
        yield one
        yield from _inner(one)


def _number(scene: Scene, word: str) -> float | None:
    if word == "duration":
        return scene.duration
    if word == "http.status":
        status = scene.about.get("http", {}).get("response", {}).get("status")
        return None if status is None else float(status)
    return took(scene.about)


def _text(word: str) -> Callable[[Scene], Iterable[Any]]:
    if word == "user":
        return lambda scene: (one["user"] for one in scene.segments if "user" in one)
    key = {"useragent": "user_agent", "clientip": "client_ip"}.get(word[5:], word[5:])

    def read(scene: Scene) -> Iterable[Any]:
        value = scene.about.get("http", {}).get("request", {}).get(key)
        return () if value is None else (value,)

    return read


def _annotation(key: str) -> Callable[[Scene], Iterable[Any]]:
    return lambda scene: (
        _plain(one["annotations"][key]) for one in scene.segments if key in one.get("annotations", {})
    )


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token
