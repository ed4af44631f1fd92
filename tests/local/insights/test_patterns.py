"""Texts that say the same of other things have one pattern, and texts that say something else have another."""

from __future__ import annotations

import random

import pytest

from local.insights.patterns import difference, pattern, severity, shapes


def found(*texts: str) -> list[tuple[str, int]]:
    return [(pattern(one), len(one.members)) for one in shapes(texts)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at 2026-11-18T10:55:00.000Z", "at <Timestamp-1>"),
        ("at 2026-11-18 10:55:00,123 on", "at <Timestamp-1> on"),
        ("on 2026-11-18 at 10:55:00", "on <Date-1> at <Time-2>"),
        ("from 10.0.0.1:443", "from <IPAddress-1>:<Number-2>"),
        ("request 8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f", "request <UUID-1>"),
        ("trace 1-5e1b4151-5ac6c58f5a7a1b2c3d4e5f60", "trace <TraceId-1>"),
        ("commit 0a1b2c3d4e by 0x7ffeeabc", "commit <Id-1> by <Id-2>"),
        ("took 12.5ms of 3 s, 80% of 128MB", "took <Number-1> of <Number-2> s, <Number-3> of <Number-4>"),
        ("deadbeef face v2 sha256 i-abc", "deadbeef face v2 sha256 i-abc"),
        ('{"n": 5, "s": "5"}', '{"n": <Number-1>, "s": "<Number-2>"}'),
        ("", ""),
    ],
)
def test_what_is_known_to_vary(text: str, expected: str) -> None:
    assert found(text) == [(expected, 1)]


def test_a_word_that_varies_is_a_token() -> None:
    assert found("user ada logged in", "user bob logged in", "user eve logged in") == [("user <Token-1> logged in", 3)]
    many = [f"user {name} logged in to {place}" for name in ("ada", "bob", "eve") for place in ("shop", "bank", "mill")]
    assert found(*many) == [("user <Token-1> logged in to <Token-2>", 9)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("timeout calling payments", "connection refused by payments"),
        ("timeout calling payments", "timeout calling orders"),
        ("INFO order 7 kept", "ERROR order 7 kept"),
        ('{"level": "ERROR", "message": "slow", "path": "/a"}', '{"level": "ERROR", "message": "gone", "path": "/a"}'),
        ("a b c", "a b c d"),
    ],
)  # fmt: skip
def test_what_says_something_else_is_another(first: str, second: str) -> None:
    assert len(found(first, second)) == 2


def test_the_most_frequent_come_first() -> None:
    assert found("one thing", "took 1 s", "took 2 s") == [("took <Number-1> s", 2), ("one thing", 1)]


def test_many_that_have_nothing_in_common_do_not_take_for_ever() -> None:
    drawn = random.Random(7)
    words = ["".join(drawn.choices("abcdefghij", k=6)) for _ in range(500)]
    assert len(shapes([" ".join(drawn.choices(words, k=6)) for _ in range(1500)])) > 1000


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["[ERROR] x"], "ERROR"), (["INFO x", "WARNING y"], "WARN"), (["x"], "NONE"), ([], "NONE"),
        (['{"level":"critical"}'], "FATAL"), (["errors happen"], "NONE"), (["DEBUG", "TRACE"], "DEBUG"),
    ],
)  # fmt: skip
def test_the_worst_level_counts(texts: list[str], expected: str) -> None:
    assert severity(texts) == expected


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [(3, 0, "new"), (0, 2, "missing"), (2, 2, "no change"), (5, 2, "3 more events"), (1, 4, "3 fewer events")],
)
def test_what_changed_is_told(now: int, before: int, expected: str) -> None:
    assert difference(now, before) == expected
