"""No value of a parameter changes what a query is: it is refused, or the query has the same structure as with any."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.insights import parameters, queries
from chalicelib.insights.model import Query
from chalicelib.insights.parameters import Address, Choice, Duration, Parameter, Text, Whole, Word
from chalicelib.model import ParapetError
from local.insights import Malformed, parse, regexes, tree
from tests.insights.test_queries import GIVEN, NEEDED

# What breaks out of quotes, slashes, lines and commands where somebody forgot to escape.
HOSTILE = [
    '"', "'", "`", "/", "\\", '\\"', "\\\\", "\\/", "|", "#", "\n", "\r", "\t", "\x00", "\u2028", "\x85", "${top}",
    "${holds}", "$", "{", "}", "*", "(", ")", "(?", "[", "]", "?i", "\\Q", "\\E", "\\x", "\\u0022", "%22", "&quot;",
    '" or 1=1 or "', '" | fields @message | filter "" = "', "/ or @message like /.*", "x/ | limit 10000 #",
    '"] or ispresent(@message) or x in ["', "| SOURCE logGroups(namePrefix: [''])", "5 | fields @message", "1 or 1",
    "5m) | stats count(*) by bin(1m", "-1", "1e9", "٣", "１", "0x10", " 7", "7 ", "+7", "1_000", "٠s", "5m\n",
    "eni-0\n", "198.51.100.7\n", "ſ", "İ", "＂", "／", "\ud800", "e\u0301", "\u202e", "\ufeff", "a" * 10_000,
]  # fmt: skip
PAIRS = [(query, one) for query in queries.EVERY.values() for one in query.takes]
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(),
    st.text(alphabet=st.sampled_from("\"'`/\\|#\n(){}[]*?$.:-_ aA0"), max_size=12),
    st.tuples(st.text(max_size=4), st.sampled_from(HOSTILE), st.text()).map("".join),
)


def structure(found: Any) -> Any:
    """What is left of a tree without the values of its literals, and where they stand."""
    if isinstance(found, tree.Text | tree.Regex | tree.Number | tree.Period | tree.Limit):
        return type(found)
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        kept = [one.name for one in dataclasses.fields(found) if one.compare and one.name not in ("at", "text")]
        return (type(found), *((name, structure(getattr(found, name))) for name in kept))
    if isinstance(found, tuple | list):
        return tuple(map(structure, found))
    return found


def given_to(query: Query, one: Parameter, value: str) -> Mapping[str, str]:
    """What a query needs, and a value for one of its parameters."""
    needed = {each.name: NEEDED[each.name] for each in query.takes if each.needed}
    return {**needed, one.name: value}


@functools.cache
def ordinary(query: str, name: str) -> Any:
    """The structure of a query with an ordinary value for one of its parameters."""
    found = queries.find(query)
    one = next(each for each in found.takes if each.name == name)
    return structure(parse(queries.text(found, given_to(found, one, one.default or GIVEN[name]))))


@pytest.mark.parametrize(("query", "one"), PAIRS, ids=[f"{query.id} {one.name}" for query, one in PAIRS])
class TestWhateverIsGiven:
    @settings(max_examples=25, deadline=None)
    @given(value=VALUES)
    def test_the_query_stays_what_it_is(self, query: Query, one: Parameter, value: str) -> None:
        try:
            text = queries.text(query, given_to(query, one, value))
        except ParapetError as error:
            assert one.name in str(error)
            return
        if value:
            assert structure(parse(text)) == ordinary(query.id, one.name)

    def test_what_is_hostile_is_refused_or_harmless(self, query: Query, one: Parameter) -> None:
        refused = 0
        for value in HOSTILE:
            try:
                text = queries.text(query, given_to(query, one, value))
            except ParapetError:
                refused += 1
                continue
            assert structure(parse(text)) == ordinary(query.id, one.name), value
        # All but texts refuse all of them.
        assert refused == len(HOSTILE) or isinstance(one, Text)


def test_a_naive_query_would_have_been_changed() -> None:
    """What the tests above look at does tell: with a quote in it, a text in mere quotes is another query."""
    plain, hostile = 'filter a = "x"', 'filter a = "" or b = ""'
    assert structure(parse(plain)) != structure(parse(hostile))
    with pytest.raises(Malformed):
        parse('filter a = """')


class TestTexts:
    @settings(max_examples=150, deadline=None)
    @given(text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60))
    @example(text="a.b*c")
    @example(text='x" | limit 1')
    def test_find_themselves_in_any_case_and_nothing_else(self, text: str) -> None:
        if not text.strip():
            return
        found = regexes.compiled(Text("holds", "x").literal(text)[1:-1])
        assert found.search(f"before {text} after")
        assert found.search(text.upper())
        assert not found.search(text[:-1])
        assert not found.search(text[:-1] + ("\x7f" if text[-1] != " " else "_"))

    def test_keep_letters_of_any_language_and_stand_for_their_signs(self) -> None:
        literal = Text("holds", "x").literal("größe – naïve")
        assert literal == "/(?i)größe . naïve/"
        assert regexes.compiled(literal[1:-1]).search("x größe – naïve")

    @pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\tb", "\x00", "a" * 201])
    def test_are_on_one_line_and_short(self, text: str) -> None:
        with pytest.raises(ParapetError, match="holds must be a text on one line"):
            Text("holds", "x").literal(text)


class TestNumbers:
    WHOLE = Whole("top", "x", "5", 1, 100)

    @pytest.mark.parametrize("text", ["1", "7", "007", "100"])
    def test_within_their_bounds(self, text: str) -> None:
        assert self.WHOLE.literal(text) == str(int(text))

    @pytest.mark.parametrize("text", ["0", "101", "-1", "1.5", "1e1", "", "٣", "1 ", "0x1", "1" * 30])
    def test_outside_are_refused(self, text: str) -> None:
        with pytest.raises(ParapetError, match="whole number from 1 to 100"):
            self.WHOLE.literal(text)

    @pytest.mark.parametrize(
        ("text", "ms", "s"),
        [
            ("300ms", "300", "0.3"), ("2s", "2000", "2"), ("1.5s", "1500", "1.5"), ("1m", "60000", "60"),
            ("1h", "3600000", "3600"), ("0.001ms", "0.001", "0.000001"), ("0ms", "0", "0"),
        ],
    )  # fmt: skip
    def test_durations_are_in_the_unit_of_the_query(self, text: str, ms: str, s: str) -> None:
        assert Duration("slower_than", "x", "1s").literal(text) == ms
        assert Duration("slower_than", "x", "1s", per_second=1.0).literal(text) == s

    @pytest.mark.parametrize("text", ["2", "s", "-1s", "1d", "1 s", "1.s", "٣s", "1s\n", "1" * 12 + "s"])
    def test_what_is_no_duration_is_refused(self, text: str) -> None:
        with pytest.raises(ParapetError, match="not a duration such as 300ms"):
            Duration("slower_than", "x", "1s").literal(text)


class TestWords:
    def test_are_of_their_alphabet(self) -> None:
        assert Word("request", "an id").literal("arn:aws:s3:::a-b_c/d.e@f+g=h,i") == '"arn:aws:s3:::a-b_c/d.e@f+g=h,i"'

    @pytest.mark.parametrize("text", ['a"', "a b", "-a", "a\n", "ä", "a" * 201, "a\\", "a'", "a`", "a|b", "a#b"])
    def test_others_are_refused(self, text: str) -> None:
        with pytest.raises(ParapetError, match="is not an id"):
            Word("request", "an id").literal(text)

    def test_of_every_query_hold_nothing_that_ends_a_literal(self) -> None:
        for _, one in PAIRS:
            if isinstance(one, Word):
                for sign in "\"'`\\\n\r|#":
                    assert not re.fullmatch(one.pattern, f"aaaa{sign}aaaa", re.ASCII)


class TestAddresses:
    @pytest.mark.parametrize("text", ["198.51.100.7", "0.0.0.0", "2001:db8::7", "::", "::ffff:198.51.100.7"])
    def test_of_both_versions(self, text: str) -> None:
        assert Address("address").literal(text) == f'"{text}"'

    @pytest.mark.parametrize(
        "text",
        ["999.1.1.1", "198.51.100", "198.51.100.0/24", "2001:db8::7::", ":", "fe80::1%a", 'fe80::1%"', "cafe"],
    )
    def test_others_are_refused(self, text: str) -> None:
        with pytest.raises(ParapetError, match="is not an IP address"):
            Address("address").literal(text)


class TestRendering:
    def test_a_command_without_its_value_is_left_out_whole(self) -> None:
        takes: list[Parameter] = [Text("holds", "x"), Whole("top", "x", "5", 1, 9)]
        text = "fields a\n| filter b like ${holds}\n    and c = 1\n| limit ${top}"
        assert parameters.render(text, takes, {}) == "fields a\n| limit 5"
        assert (
            parameters.render(text, takes, {"holds": "h"})
            == "fields a\n| filter b like /(?i)h/\n    and c = 1\n| limit 5"
        )

    def test_a_value_that_looks_like_a_place_is_none(self) -> None:
        takes = [Text("holds", "x"), Text("top", "x")]
        text = parameters.render(
            "filter a like ${holds}\n| filter b like ${top}", takes, {"holds": "${top}", "top": "t"}
        )
        assert text == "filter a like /(?i)\\x24\\x7btop\\x7d/\n| filter b like /(?i)t/"

    def test_what_is_needed_must_be_there(self) -> None:
        with pytest.raises(ParapetError, match="request is missing: an id"):
            parameters.render("filter a = ${request}", [Word("request", "an id", needed=True)], {})

    @pytest.mark.parametrize("takes", [[], [Choice("every", "x", "1m", ("1m",))]])
    def test_what_nobody_knows_is_refused(self, takes: list[Choice]) -> None:
        with pytest.raises(ParapetError, match="'evry' is not a parameter of this query"):
            parameters.render("fields a", takes, {"evry": "5m"})


def test_types_are_told_to_programs() -> None:
    assert [one.typed()["type"] for _, one in PAIRS if one.name in ("top", "holds", "request", "every", "slower_than")]
    assert Choice("every", "x", "1m", ("1m", "5m")).typed() == {"type": "choice", "among": ["1m", "5m"]}
    assert Whole("top", "x", "5", 1, 9).typed() == {"type": "whole", "least": 1, "most": 9}
    assert Word("a", "x", "y").typed() == {"type": "word", "pattern": "y"}
    assert (Text("a", "x").typed(), Duration("a", "x", "1s").typed()) == (
        {"type": "text", "most": 200},
        {"type": "duration"},
    )
