"""The engine against plain Python: aggregates, parse and like; and whatever is written reads back as the same."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections import defaultdict
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from local.insights import Malformed, Query, parse, quoted, run, tree, write
from local.insights.discovery import discovered
from local.insights.values import order, text
from tests.local.insights.logs import BEGAN, NOW, events, found

FEW = settings(max_examples=50, deadline=None)

# Aggregates

VALUES = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3)), st.none(),
    st.sampled_from(["word", "-", "", "7", "0.5", True, False]),
)  # fmt: skip
ROWS = st.lists(st.fixed_dictionaries({"key": st.sampled_from(["a", "b", "c", None]), "v": VALUES}), max_size=12)


def numbers(values: list[Any]) -> list[float]:
    """What counts in arithmetic, by rules of its own."""
    counted = []
    for value in values:
        try:
            counted.append(float(value))
        except (TypeError, ValueError):
            continue
    return counted


def shown(value: Any) -> str:
    """A value as a discovered field has it."""
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, bool) else json.dumps(value)


@FEW
@given(ROWS)
def test_stats_are_what_python_works_out(rows: list[dict[str, Any]]) -> None:
    query = (
        "stats count(*) as n, count(v) as some, sum(v) as total, avg(v) as mean, min(v) as low, max(v) as high,"
        " stddev(v) as spread, median(v) as middle, pct(v, 90) as p90, count_distinct(v) as kinds by key"
    )
    groups = defaultdict(list)
    for row in rows:
        groups[row["key"]].append(row["v"])
    answers = {row.get("key"): row for row in found(query, rows, end=NOW + 3600)}
    assert set(answers) == set(groups)
    for key, values in groups.items():
        there, counted, row = [value for value in values if value is not None], numbers(values), answers[key]
        assert (int(row["n"]), int(row["some"])) == (len(values), len(there))
        assert int(row["kinds"]) == len({shown(value) for value in there})
        if not counted:
            assert not {"total", "mean", "spread", "middle", "p90"} & set(row)
            continue
        nearest = sorted(counted)[max(math.ceil(0.9 * len(counted)) - 1, 0)]
        expected = {
            "total": math.fsum(counted), "mean": statistics.fmean(counted), "low": min(counted), "high": max(counted),
            "spread": statistics.pstdev(counted), "middle": statistics.median(counted), "p90": nearest,
        }  # fmt: skip
        for name, value in expected.items():
            assert math.isclose(float(row[name]), value, rel_tol=1e-9, abs_tol=1e-4), name


@FEW
@given(st.lists(st.integers(0, 7200), max_size=20), st.sampled_from([1, 5, 30]))
def test_bins_hold_all_that_begins_in_them(offsets: list[int], minutes: int) -> None:
    some = [events(["x"], BEGAN + offset)[0] for offset in offsets]
    rows = run(
        parse(f"stats count(*) as n by bin({minutes}m) as at | fields toMillis(at) as ms"), some, 0, NOW * 2
    ).rows
    expected: dict[int, int] = defaultdict(int)
    for offset in offsets:
        expected[(BEGAN + offset) // (60 * minutes) * 60 * minutes * 1000] += 1
    assert {int(row["ms"]): int(row["n"]) for row in rows} == expected


@FEW
@given(st.lists(st.one_of(st.integers(-50, 50), st.text("ab1", max_size=4)), max_size=10))
def test_sorting_is_the_same_whatever_came_first(values: list[Any]) -> None:
    rows = [{"v": value} for value in values]
    there = found("fields v | sort v asc, @timestamp asc", rows, end=NOW + 3600)
    back = found("fields v | sort v asc, @timestamp asc", rows[::-1], end=NOW + 3600)
    assert sorted(map(str, there)) == sorted(map(str, back))
    keys = [order(row.get("v")) for row in there]
    assert keys == sorted(keys) == [order(row.get("v")) for row in back]
    assert [int(row["v"]) for row in there if re.fullmatch(r"-?\d+", row.get("v", ""))] == sorted(
        int(str(value)) for value in values if re.fullmatch(r"-?\d+", str(value))
    )


# like and parse

PIECES = st.sampled_from(
    ["a", "b", "1", ".", r"\d", r"\w", r"\s", r"\.", "[ab]", "[^a]", "(?:a|b1)", "(a)", "^", "$", r"\b", "a|b"]
)
TIMES = st.sampled_from(["", "", "", "*", "+?", "?", "{1,2}"])
PATTERNS = st.lists(st.tuples(PIECES, TIMES).map("".join), min_size=1, max_size=4).map("".join)
TEXTS = st.text("ab1. \u00e9", max_size=8)


def usable(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        assume(False)
        raise


@FEW
@given(PATTERNS, TEXTS)
def test_like_finds_what_re_finds(pattern: str, message: str) -> None:
    expected = usable(pattern).search(message) is not None
    assert bool(found(f"filter @message like /{pattern}/", [message])) is expected
    assert bool(found(f"filter @message not like /{pattern}/", [message])) is not expected


@FEW
@given(PATTERNS, PATTERNS, TEXTS)
def test_flags_in_the_middle_hold_from_there_on(first: str, second: str, message: str) -> None:
    # Two branches would take the flag of the first for the second; that is told apart in the test below.
    assume("|" not in first + second)
    usable(first), usable(second)
    expected = re.search(f"{first}(?i:{second})", message.upper(), re.ASCII) is not None
    assert bool(found(f"filter @message like /{first}(?i){second}/", [message.upper()])) is expected


def test_flags_hold_beyond_a_branch_and_not_beyond_their_group() -> None:
    for pattern, matched, unmatched in (
        ("x(?i)a|b", ["xA", "xa", "B", "b"], ["XA", "c"]),
        ("(?:x(?i)a|b)c", ["xAc", "Bc"], ["XAc", "xAC"]),
        ("(?i)ab|c", ["AB", "C"], ["d"]),
        ("[(?i)]a", ["?a", "ia"], ["?A", "a"]),
        (r"\((?i)a", ["(A"], ["A"]),
        ("a(?i-s:B)c", ["abc", "aBc"], ["aBC"]),
    ):
        rows = found(f"filter @message like /{pattern}/", [*matched, *unmatched])
        assert [row["@message"] for row in rows] == matched[::-1], pattern


@FEW
@given(st.text(max_size=6), st.text(max_size=12))
def test_a_quoted_text_is_that_text_and_no_more(part: str, message: str) -> None:
    query = f"filter @message like {quoted(part)} | limit 1"
    assert bool(found(query, [message])) is (part in message)
    parsed = parse(query)
    assert parsed == Query((tree.Filter(tree.Like(tree.Field(("@message",)), tree.Text(part))), tree.Limit(1)))


@FEW
@given(st.lists(st.text("ab,= ", max_size=2), min_size=2, max_size=4), st.text("ab,= ", max_size=12))
def test_a_glob_is_a_lazy_regular_expression(parts: list[str], message: str) -> None:
    names = [f"g{place}" for place in range(len(parts) - 1)]
    groups = ["(.*?)"] * (len(names) - 1) + ["(.*)" if not parts[-1] else "(.*?)"]
    pattern = re.escape(parts[0]) + "".join(g + re.escape(part) for g, part in zip(groups, parts[1:], strict=True))
    matched = re.search(pattern, message, re.DOTALL)
    (row,) = found(
        f"parse @message {quoted('*'.join(parts))} as {', '.join(names)} | display {', '.join(names)}", [message]
    )
    assert row == (dict(zip(names, matched.groups(), strict=True)) if matched else {})


@FEW
@given(PATTERNS, PATTERNS, TEXTS)
def test_parse_takes_the_groups_that_re_takes(first: str, second: str, message: str) -> None:
    plain = [one.replace("(a)", "a") for one in (first, second)]
    matched = usable(f"(?P<x>{plain[0]})(?P<y>{plain[1]})").search(message)
    (row,) = found(f"parse @message /(?<x>{plain[0]})(?<y>{plain[1]})/ | display x, y", [message])
    assert row == ({name: value for name, value in matched.groupdict().items() if value is not None} if matched else {})


# Reading and writing

NAMES = st.sampled_from(["a", "b.c", "b.0.c", "@duration", "limit", "by", "foo-bar", "d e"])
FIELDS = st.one_of(
    NAMES.map(lambda name: tree.Field(tuple(name.split(".")))), st.just(tree.Field(("doc", "list", 1, "x.y")))
)
LITERALS = st.one_of(
    st.text(max_size=5).map(tree.Text), st.integers(0, 10**9).map(tree.Number),
    st.floats(0, 1e9, allow_nan=False).filter(lambda value: value != int(value)).map(tree.Number),
    st.booleans().map(tree.Truth),
)  # fmt: skip
REGEXES = PATTERNS.filter(lambda one: "/" not in one).map(tree.Regex)


def compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    operators = st.sampled_from(["+", "-", "*", "/", "%", "^", "=", "!=", "<", "<=", ">", ">=", "and", "or"])
    calls = st.sampled_from(
        [("abs", 1), ("strlen", 1), ("replace", 3), ("coalesce", 2), ("if", 3), ("isIpInSubnet", 2)]
    )
    return st.one_of(
        st.builds(tree.Binary, operators, inner, inner),
        st.builds(tree.Unary, st.sampled_from(["-", "not"]), inner),
        calls.flatmap(lambda one: st.builds(tree.Call, st.just(one[0]), st.tuples(*[inner] * one[1]))),
        st.builds(tree.Like, inner, st.one_of(REGEXES, st.text(max_size=3).map(tree.Text)), st.booleans()),
        st.builds(tree.Among, inner, st.lists(inner, min_size=1, max_size=2).map(tuple), st.booleans()),
    )


EXPRESSIONS = st.recursive(st.one_of(FIELDS, LITERALS), compound, max_leaves=8)
COMMANDS = st.one_of(
    st.lists(EXPRESSIONS, min_size=1, max_size=3).map(lambda some: tree.Fields(tuple(map(tree.Column, some)))),
    EXPRESSIONS.map(lambda one: tree.Fields((tree.Column(one, "made up"),))),
    EXPRESSIONS.map(lambda one: tree.Filter(tree.Binary("=", tree.Call("abs", (one,)), tree.Number(1)))),
    st.builds(tree.Key, EXPRESSIONS, st.booleans()).map(lambda key: tree.Sort((key,))),
    st.integers(1, 100_000).map(tree.Limit),
    st.text(max_size=4).map(
        lambda part: tree.Glob(tree.Field(("@message",)), f"{part.replace('*', '')}*", ("parsed",))
    ),
)
QUERIES = st.lists(COMMANDS, min_size=1, max_size=4, unique_by=type).map(lambda some: Query(tuple(some)))
STATS = st.builds(
    lambda inner, by: Query((tree.Stats((tree.Column(tree.Call("sum", (inner,)), "total"),), (tree.Column(by),)),)),
    EXPRESSIONS, st.one_of(FIELDS, st.just(tree.Call("bin", (tree.Period(5, "m"),)))),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.one_of(QUERIES, STATS))
def test_what_is_written_reads_back_as_the_same(query: Query) -> None:
    try:
        again = parse(write(query))
    except Malformed as error:
        assume("regular expression" not in error.reason)
        raise
    assert again == query
    assert write(again) == write(query)


@settings(max_examples=80, deadline=None)
@given(st.one_of(QUERIES, STATS), st.lists(st.dictionaries(st.sampled_from(["a", "limit"]), VALUES), max_size=3))
def test_a_query_that_reads_well_runs(query: Query, rows: list[dict[str, Any]]) -> None:
    try:
        parsed = parse(write(query))
    except Malformed:
        assume(False)
        raise
    results = run(parsed, events(rows), BEGAN, NOW)
    assert all(isinstance(value, str) for row in results.rows for value in row.values())
    assert results.statistics.records_scanned == len(rows)


WORDS = st.sampled_from(
    [
        "fields", "filter", "stats", "by", "as", "|", ",", "(", ")", "[", "]", "=", "like", "in", "not", "/x/", "'x'",
        "5m", "count(*)", "bin(", "@message", "`", '"', "#", "parse", "sort", "limit", "1", "desc", "\n", "-", "dedup",
        "diff",
    ]
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=12).map(" ".join)))
def test_whatever_is_written_is_read_or_refused(written: str) -> None:
    try:
        query = parse(written)
    except Malformed as error:
        assert 0 <= error.position <= len(written)
        assert error.reason
    else:
        run(query, events(["x", '{"a": 1}']), BEGAN, NOW)


@FEW
@given(st.one_of(st.text(max_size=40), st.dictionaries(st.text(max_size=3), VALUES, max_size=4).map(json.dumps)))
def test_whatever_is_logged_is_looked_into(message: str) -> None:
    assert all(text(value) is not None for value in discovered(message).values())
    (row,) = found("fields @message, a.b", [message])
    assert row["@message"] == message
