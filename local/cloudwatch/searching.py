"""Search expressions (CloudWatch user guide, *Search expression syntax*): which metrics a text finds.

    {AWS/Lambda,FunctionName} MetricName="Errors" (FunctionName="a" OR FunctionName="b") NOT "c"

A metric fits the schema if it is of that namespace and has exactly those dimensions; a schema of a namespace only takes
metrics with any. A term in double quotes is the whole of something; one without is a part of it: `FunctionName="web"`
finds that function only, `FunctionName=web` also `shop-web-1`. A bare term is looked for in namespace, name, dimension
names and values.

Parts begin at capitals, numbers and what is neither (`SDBFailure-12`: SDB, Failure, 12) and follow upon each other as
in the term. Case does not matter, unless the term has several parts that nothing stands between (`ReadOps`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from local.cloudwatch.refused import Refused
from local.cloudwatch.store import Metric

LONGEST = 1024
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
RUN = re.compile(r"[A-Za-z0-9]+")
TOKEN = re.compile(r"""\s*(?:(?P<sign>[{}(),=])|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[^\s{}(),="]+))""")
Fits = Callable[[Metric], bool]
Matches = Callable[[str], bool]


@functools.lru_cache(512)
def search(text: str) -> Fits:
    """Return whether a metric is found by a search; raises Refused for what is none, or not evaluated here."""
    if len(text) > LONGEST:
        raise Refused(f"a search has at most {LONGEST} characters, not {len(text)}")
    return _Search(text).whole()


class _Search:
    def __init__(self, text: str) -> None:
        self._text, self._tokens = text, list[tuple[str, str]]()
        at = 0
        while at < len(text.rstrip()):
            match = TOKEN.match(text, at)
            if match is None:
                raise Refused(f"the search {text!r} cannot be read at {len(text) - len(text[at:].lstrip()) + 1}")
            kind = str(match.lastgroup)
            value = re.sub(r"\\(.)", r"\1", match[kind][1:-1]) if kind == "text" else match[kind]
            self._tokens.append((kind, value))
            at = match.end()
        self._tokens.append(("end", ""))
        self._next = 0

    def whole(self) -> Fits:
        schema = self._schema() if self._is("sign", "{") else None
        if schema is not None and self._is("sign", ","):
            self._take()
        terms = self._either() if not self._is("end", "") else None
        if not self._is("end", "") or (schema is None and terms is None):
            raise self._unreadable()
        return lambda metric: (schema is None or schema(metric)) and (terms is None or terms(metric))

    def _schema(self) -> Fits:
        self._take()
        parts = [self._part()]
        while self._is("sign", ","):
            self._take()
            parts.append(self._part())
        if not self._is("sign", "}"):
            raise self._unreadable()
        self._take()
        namespace, *dimensions = parts
        wanted = set(dimensions)
        return lambda metric: (
            metric.namespace == namespace and (not wanted or {name for name, _ in metric.dimensions} == wanted)
        )

    def _part(self) -> str:
        if self._tokens[self._next][0] not in ("word", "text"):
            raise self._unreadable()
        return self._take()

    def _either(self) -> Fits:
        found = [self._both()]
        while self._is("word", "OR"):
            self._take()
            found.append(self._both())
        return found[0] if len(found) == 1 else lambda metric: any(one(metric) for one in found)

    def _both(self) -> Fits:
        found = [self._term()]
        while not (self._is("end", "") or self._is("sign", ")") or self._is("word", "OR")):
            if self._is("word", "AND"):
                self._take()
            found.append(self._term())
        return found[0] if len(found) == 1 else lambda metric: all(one(metric) for one in found)

    def _term(self) -> Fits:
        if self._is("word", "NOT"):
            self._take()
            inner = self._term()
            return lambda metric: not inner(metric)
        if self._is("sign", "("):
            self._take()
            inner = self._either()
            if not self._is("sign", ")"):
                raise self._unreadable()
            self._take()
            return inner
        kind, value = self._tokens[self._next]
        if kind not in ("word", "text") or value in ("AND", "OR"):
            raise self._unreadable()
        self._take()
        if self._is("sign", "="):
            self._take()
            return _property(value, self._matches(*self._tokens[self._next]))
        self._next -= 1
        matches = self._matches(kind, value)
        return lambda metric: any(
            map(matches, (metric.namespace, metric.name, *(one for pair in metric.dimensions for one in pair)))
        )

    def _matches(self, kind: str, value: str) -> Matches:
        if kind not in ("word", "text") or (kind == "word" and value in ("AND", "OR", "NOT")):
            raise self._unreadable()
        self._take()
        if kind == "text":
            return value.__eq__
        wanted = _parts_of_term(value)
        if not wanted:
            raise Refused(f"{value} of the search {self._text!r} has neither a letter nor a digit")
        return lambda text: _contains(text, wanted, _whole(value))

    def _is(self, kind: str, value: str) -> bool:
        return self._tokens[self._next] == (kind, value)

    def _take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _unreadable(self) -> Refused:
        kind, value = self._tokens[self._next]
        return Refused(f"the search {self._text!r} cannot be read at {'its end' if kind == 'end' else repr(value)}")


def _property(name: str, matches: Matches) -> Fits:
    if name == "MetricName":
        return lambda metric: matches(metric.name)
    if name == "Namespace":
        return lambda metric: matches(metric.namespace)
    return lambda metric: any(one == name and matches(value) for one, value in metric.dimensions)


def _parts_of_term(text: str) -> list[tuple[str, bool]]:
    """Return the parts of a term, and of each whether its case matters."""
    runs = (PART.findall(run) for run in RUN.findall(text))
    return [(part, len(run) > 1) for run in runs for part in run]


def _contains(text: str, wanted: list[tuple[str, bool]], whole: str) -> bool:
    parts = PART.findall(text)
    if _whole(text) == whole:
        return True
    return any(
        all(
            part == other if exact else part.lower() == other.lower()
            for (other, exact), part in zip(wanted, parts[at:], strict=False)
        )
        for at in range(len(parts) - len(wanted) + 1)
    )


@functools.cache
def _whole(text: str) -> str:
    return "".join(RUN.findall(text)).lower()
