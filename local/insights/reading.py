"""Reads a query's text into a tree, by the grammar beside this file."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError
from lark.tree import Meta

from local.insights import checking, tree
from local.insights.aggregates import AGGREGATES
from local.insights.functions import FUNCTIONS, OF_THE_QUERY
from local.insights.malformed import Elsewhere, Malformed

LONGEST = 10_000
# Commands of Logs Insights that this engine does not evaluate, or no longer.
ELSEWHERE = frozenset({
    "accum", "addtotals", "anomaly", "appendcols", "autoregress", "cidrlookup", "countfrequent", "estimate", "expand",
    "filldown", "fillmissing", "filterindex", "join", "json", "logcompare", "lookup", "order", "outlier",
    "relevantfields", "search", "sessionize", "tail", "unmask",
})  # fmt: skip
# What it parses besides globs and regular expressions.
FORMATS = frozenset({"csv", "logfmt"})
# How the grammar's terminals are told to people, where their names do not tell.
TOLD = {
    "$END": "the end of the query", "VBAR": "|", "COMMA": ",", "LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]",
    "COLON": ":", "_BY": "by", "_AS": "as", "_INTO": "into", "FIELD": "a field", "FUNCTION": "a function",
    "STRING": "a text in quotes", "NUMBER": "a number", "REGEX": "a regular expression", "PERIOD": "a period",
    "TRUTH": "true or false", "TIMES": "*", "OVER": "/", "PLUS": "+", "MINUS": "-", "MODULO": "%", "RAISED": "^",
    "MATCHES": "=~", "COMPARISON": "a comparison", "LOG_GROUPS": "logGroups", "AGAINST": "previousDay, previousWeek",
    "OPTION": "namePrefix, accountIdentifiers or class",
}  # fmt: skip
HINTS = {
    "==": "equality is written with one =", "&&": "the operator is spelt and", "||": "the operator is spelt or",
    "<>": "inequality is written !=", "!~": "a regular expression is denied with not like", "!": "the operator is not",
    "--": "a comment begins with #", "//": "a comment begins with #",
    "$": "a field's name with other characters than letters, digits, _, @ and . stands in backticks",
}  # fmt: skip
# Every escape that counts; another backslash is meant itself.
_ESCAPE = re.compile(r"""\\(["'\\nt])""")
_SEGMENT = re.compile(r"`([^`]+)`|\[(\d+)\]|([^.`\[\]]+)")
_OPERAND, _NAMES = frozenset({"FIELD", "STRING", "NUMBER", "FUNCTION"}), 6
_FUNCTIONS = {lower: one.name for of in (FUNCTIONS, AGGREGATES) for lower, one in of.items()}
_FUNCTIONS |= {name.lower(): name for name in OF_THE_QUERY}


def parse(text: str) -> tree.Query:
    """Return what a query says; raises Malformed, with position and reason, for what is wrong or not known here."""
    if len(text) > LONGEST:
        raise Malformed(LONGEST, f"a query has {LONGEST:,} characters at most, this one {len(text):,}", text)
    try:
        query: tree.Query = _Reader(text).transform(_parser().parse(text))
    except UnexpectedInput as error:
        raise _told(error, text) from None
    except RecursionError:
        raise _too_deep(text) from None
    except VisitError as error:
        if isinstance(error.orig_exc, RecursionError):
            raise _too_deep(text) from None
        if isinstance(error.orig_exc, Malformed):
            raise error.orig_exc from None
        raise
    try:
        checking.check(query)
    except RecursionError:
        raise _too_deep(text) from None
    return query


def _too_deep(text: str) -> Malformed:
    return Malformed(0, "the query is nested too deep", text, len(text))


@cache
def _parser() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text("utf-8")
    return Lark(grammar, start="query", parser="lalr", propagate_positions=True, maybe_placeholders=True)


def unquoted(quoted: str) -> str:
    """Return the text that a string in quotes means."""
    return _ESCAPE.sub(lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), quoted[1:-1])


def path(name: str) -> tuple[str | int, ...]:
    """Return the path of a field as it is written: `a.b`, `` `a-b`.c ``, `a[0]`."""
    segments = _SEGMENT.findall(name)
    return tuple(quoted or (int(index) if index else plain) for quoted, index, plain in segments)


@v_args(meta=True)
class _Reader(Transformer[Token, tree.Query]):
    """Makes the tree's nodes from the grammar's."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def query(self, _: Meta, found: list[Any]) -> tree.Query:
        source = found[0] if isinstance(found[0], tree.Source) else None
        return tree.Query(tuple(found[1:] if source else found), source, self._text)

    def source(self, meta: Meta, found: list[Any]) -> tree.Source:
        given: dict[str, tuple[str, ...]] = {}
        for option, values in filter(None, found[2:]):
            name = {"namePrefix": "prefixes", "accountIdentifiers": "accounts", "class": "group_class"}.get(option)
            if name is None or name in given:
                raise Malformed(option.start_pos, f"logGroups() does not know {option}, or twice", self._text)
            given[name] = values
        for name, most in (("prefixes", 5), ("accounts", 20)):
            if len(given.get(name, ())) > most:
                raise Malformed(meta.start_pos, f"logGroups() takes {most} {name} at most", self._text)
        of_class = given.get("group_class", ("STANDARD",))
        if of_class not in (("STANDARD",), ("INFREQUENT_ACCESS",)):
            raise Malformed(meta.start_pos, "the class is STANDARD or INFREQUENT_ACCESS", self._text)
        return tree.Source(given.get("prefixes", ()), given.get("accounts", ()), of_class[0], meta.start_pos)

    def option(self, _: Meta, found: list[Any]) -> tuple[Token, tuple[str, ...]]:
        value = found[1]
        return found[0], (unquoted(value),) if isinstance(value, Token) else value

    def text_list(self, _: Meta, found: list[Any]) -> tuple[str, ...]:
        return tuple(unquoted(one) for one in found if one is not None)

    # Commands

    def fields(self, meta: Meta, found: list[Any]) -> tree.Fields:
        return tree.Fields(found[1], meta.start_pos)

    def display(self, meta: Meta, found: list[Any]) -> tree.Display:
        return tree.Display(found[1], meta.start_pos)

    def filter(self, meta: Meta, found: list[Any]) -> tree.Filter:
        return tree.Filter(found[1], meta.start_pos)

    def stats(self, meta: Meta, found: list[Any]) -> tree.Stats:
        return tree.Stats(found[1], found[2] or (), meta.start_pos)

    def sort(self, meta: Meta, found: list[Any]) -> tree.Sort:
        return tree.Sort(tuple(found[1:]), meta.start_pos)

    def limit(self, meta: Meta, found: list[Any]) -> tree.Limit:
        if not found[1].isdigit():
            raise Malformed(found[1].start_pos, f"limit takes a whole number, not {found[1]}", self._text)
        return tree.Limit(int(found[1]), meta.start_pos)

    def glob(self, meta: Meta, found: list[Any]) -> tree.Glob:
        _, source, pattern, names = found
        return tree.Glob(source or tree.Field(("@message",)), unquoted(pattern), names, meta.start_pos)

    def groups(self, meta: Meta, found: list[Any]) -> tree.Groups:
        _, source, pattern, names, multi = found
        regex = tree.Regex(pattern[1:-1], pattern.start_pos)
        return tree.Groups(source or tree.Field(("@message",)), regex, names or (), multi is not None, meta.start_pos)

    def dedup(self, meta: Meta, found: list[Any]) -> tree.Dedup:
        return tree.Dedup(tuple(found[1:]), meta.start_pos)

    def pattern(self, meta: Meta, found: list[Any]) -> tree.Cluster:
        return tree.Cluster(found[1], meta.start_pos)

    def diff(self, meta: Meta, found: list[Any]) -> tree.Diff:
        return tree.Diff(f"previous{found[1][8:].capitalize()}" if found[1] else "", meta.start_pos)

    def unnest(self, meta: Meta, found: list[Any]) -> tree.Unnest:
        return tree.Unnest(found[1], found[2].name, meta.start_pos)

    # What they are made of

    def columns(self, _: Meta, found: list[Any]) -> tuple[tree.Column, ...]:
        return tuple(found)

    def column(self, meta: Meta, found: list[Any]) -> tree.Column:
        expression, alias = found
        end = alias.at if alias else meta.end_pos
        written = " ".join(self._text[meta.start_pos : end].split())
        if alias:
            written = written.removesuffix(" as").removesuffix(" AS")
        return tree.Column(expression, alias.name if alias else "", written, meta.start_pos)

    def names(self, _: Meta, found: list[Any]) -> tuple[str, ...]:
        return tuple(one.name for one in found)

    def key(self, _: Meta, found: list[Any]) -> tree.Key:
        return tree.Key(found[0], found[1] is not None and found[1].type == "DESC")

    # Expressions

    def binary(self, meta: Meta, found: list[Any]) -> tree.Binary:
        left, operator, right = found
        return tree.Binary(operator.lower(), left, right, meta.start_pos)

    def unary(self, meta: Meta, found: list[Any]) -> tree.Unary:
        return tree.Unary(found[0].lower(), found[1], meta.start_pos)

    def like(self, meta: Meta, found: list[Any]) -> tree.Like:
        value, negated, _, pattern = found
        return tree.Like(value, self._pattern(pattern), negated is not None, meta.start_pos)

    def matches(self, meta: Meta, found: list[Any]) -> tree.Like:
        return tree.Like(found[0], self._pattern(found[2]), False, meta.start_pos)

    def _pattern(self, token: Token) -> tree.Text | tree.Regex:
        if token.type == "REGEX":
            return tree.Regex(token[1:-1], token.start_pos or 0)
        return tree.Text(unquoted(token), token.start_pos or 0)

    def among(self, meta: Meta, found: list[Any]) -> tree.Among:
        value, negated, _, *items = found
        return tree.Among(value, tuple(one for one in items if one), negated is not None, meta.start_pos)

    def field(self, meta: Meta, found: list[Any]) -> tree.Field:
        return tree.Field(path(found[0]), meta.start_pos)

    parsed = field

    def text(self, meta: Meta, found: list[Any]) -> tree.Text:
        return tree.Text(unquoted(found[0]), meta.start_pos)

    def number(self, meta: Meta, found: list[Any]) -> tree.Number:
        written = str(found[0])
        return tree.Number(int(written) if written.isdigit() else float(written), meta.start_pos)

    def period(self, meta: Meta, found: list[Any]) -> tree.Period:
        count = re.match(r"\d+", found[0])
        assert count
        return tree.Period(int(count.group()), found[0][count.end() :], meta.start_pos)

    def truth(self, meta: Meta, found: list[Any]) -> tree.Truth:
        return tree.Truth(found[0].lower() == "true", meta.start_pos)

    def call(self, meta: Meta, found: list[Any]) -> tree.Call:
        name, arguments = found
        return tree.Call(_FUNCTIONS.get(name.lower(), str(name)), arguments or (), meta.start_pos)

    def arguments(self, _: Meta, found: list[Any]) -> tuple[tree.Expression, ...]:
        return tuple(found)

    def star(self, meta: Meta, _: list[Any]) -> tuple[tree.Star]:
        return (tree.Star(meta.start_pos),)


def _told(error: UnexpectedInput, text: str) -> Malformed:
    if isinstance(error, UnexpectedToken):
        ended = error.token.type == "$END"
        position = len(text.rstrip()) if ended else error.token.start_pos or 0
        symbol, expected = "" if ended else str(error.token), set(error.accepts or error.expected)
    else:
        assert isinstance(error, UnexpectedCharacters)
        position, expected = error.pos_in_stream or 0, set(error.allowed or ())
        found = re.match(r"[\w@.]+|\S", text[position:])
        symbol = found.group() if found else ""
    for sign, why in HINTS.items():
        # Of a sign of two characters, the first may have been taken for a sign of its own.
        for begins in {position, position - len(sign) + 1}:
            if symbol and begins >= 0 and text.startswith(sign, begins):
                return Malformed(begins, f"unexpected symbol found {sign}: {why}", text, begins + len(sign))
    if re.fullmatch("[a-z]{1,3}", symbol) and text[position - 1 : position] == "/":
        told = f"unexpected symbol found {symbol}: flags stand in a regular expression, as in /(?i)error/"
        return Malformed(position, told, text, position + len(symbol))
    word = _word(symbol).lower()
    if ("FILTER" in expected and word in ELSEWHERE) or ("REGEX" in expected and word in FORMATS):
        what = f"the command {_word(symbol)}" if word in ELSEWHERE else f"parse … {word}"
        return Elsewhere(position, f"{what} is not evaluated here", text, position + len(symbol))
    if expected == {"LSQB"} and re.match(r"\(\s*[A-Za-z]", text[position:]):
        return Elsewhere(position, "a subquery is not evaluated here", text, position + 1)
    return Malformed(position, _reason(symbol, expected), text, position + len(symbol))


def _word(symbol: str) -> str:
    return re.split(r"\W", symbol, maxsplit=1)[0]


def _reason(symbol: str, expected: set[str]) -> str:
    if "FILTER" in expected and symbol[:1].isalpha():
        # A word may have been taken for the beginning of something longer.
        return f"there is no command {_word(symbol)}"
    if symbol[:1] in ('"', "'") and "STRING" in expected:
        return "this text in quotes is never closed"
    if symbol[:1] == "/" and "REGEX" in expected:
        return "this regular expression is never closed"
    if symbol[:1] == "`":
        return "this name in backticks is never closed"
    found = f"unexpected symbol found {symbol}" if symbol else "unexpected end of the query"
    return f"{found}: expected {told}" if (told := _listed(expected)) else found


def _listed(expected: set[str]) -> str:
    names = set(expected)
    if names >= _OPERAND:
        names = (names - _OPERAND - {"PERIOD", "TRUTH", "LPAR", "MINUS", "NOT", "TIMES"}) | {"a value"}
    elif {"OR", "AND"} <= names:
        names = (names - {"COMPARISON", "LIKE", "IN", "NOT", "MATCHES", "AND", "OR"}) | {"an operator"}
        names -= {"PLUS", "MINUS", "TIMES", "OVER", "MODULO", "RAISED"}
    elif "FILTER" in names:
        return "a command"
    told = sorted(TOLD.get(name, name.lower()) for name in names)
    return " or ".join(told) if len(told) <= _NAMES else ""
