"""Tables, charts and comparisons of whatever Logs Insights answers."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.insights.model import Cell, Column
from chalicelib.model import Notice
from chalicelib.notices import email_text, slack_blocks
from chalicelib.notices.table import drawn
from chalicelib.reports import compare, decide, told
from chalicelib.reports.model import Outcome, Report, Run
from local import slack_limits
from tests.reports.world import NOW, report

cells = st.none() | st.text(max_size=30) | st.floats(-1e12, 1e12) | st.sampled_from(["\x00", "a\nb", "<!here>"])
COLUMNS = (Column("at", "time", "time"), Column("name", "name"), Column("n", "times", "number", "ms"))


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    columns = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=10))
    columns = [Column(f"{one.name}{number or ''}", one.title, one.shape) for number, one in enumerate(columns)]
    row = st.tuples(*(cells for _ in columns))
    rows = draw(st.lists(row, max_size=20))
    return Outcome("slot", tuple(columns), tuple(rows), len(rows) + draw(st.integers(0, 3)), draw(st.booleans()))


def composed(one: Report, now: Outcome, before: Outcome | None) -> Notice:
    run = Run(one.name, "slot", NOW, "done", NOW)
    found = compare.compare(one, now, before) if before else None
    return told.notice(one, run, now, found, decide.window(one, run))


@settings(deadline=None)
@given(
    now=outcomes(), before=st.none() | outcomes(), key=st.lists(st.sampled_from(["name", "name1", "at"]), max_size=2)
)
def test_whatever_comes_can_be_told(now: Outcome, before: Outcome | None, key: list[str]) -> None:
    one = report(key=tuple(key), value="n")
    notice = composed(one, now, before)
    _, blocks = slack_blocks.root(notice)
    slack_limits.blocks(blocks)
    slack_limits.blocks(slack_blocks.reply(notice)[1])
    assert email_text.body(notice, "test")
    if notice.picture:
        assert base64.b64decode(notice.picture).startswith(b"\x89PNG")


@given(
    now=st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1000)),
    before=st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1000)),
    by=st.integers(1, 200),
)
def test_comparing(now: dict[str, float], before: dict[str, float], by: int) -> None:
    def outcome(values: dict[str, float]) -> Outcome:
        rows: tuple[tuple[Cell, ...], ...] = tuple((name, value) for name, value in values.items())
        return Outcome("slot", (Column("name", "name"), Column("n", "n", "number")), rows, len(rows))

    found = compare.compare(report(key=("name",), value="n", worse_by=by), outcome(now), outcome(before))
    assert found is not None
    assert {key[0] for key in found.new} == now.keys() - before.keys()
    assert {key[0] for key in found.gone} == before.keys() - now.keys()
    worse = {one.key[0]: (one.was, one.now) for one in found.worse}
    assert worse == {
        name: (before[name], value)
        for name, value in now.items()
        if name in before and value > before[name] and value >= before[name] * (1 + by / 100)
    } or any(abs(now[name] - before[name] * (1 + by / 100)) < 1e-9 for name in now.keys() & before.keys())
    assert found.whole


def test_over_time_it_is_a_curve() -> None:
    columns = (Column("at", "time", "time"), Column("p95", "p95", "number", "s"), Column("n", "requests", "number"))
    rows: tuple[tuple[Cell, ...], ...] = tuple((NOW + 60 * step, 0.2 + step / 10, 100.0) for step in range(10))
    curve = composed(report(key=(), value="p95"), Outcome("slot", columns, rows, 10), None)
    bars = composed(
        report(key=("at",), value="p95"), Outcome("slot", columns[1:], tuple(r[1:] for r in rows), 10), None
    )
    assert curve.picture
    # Without a key there is nothing to name a bar by.
    assert not bars.picture
    assert curve.table[1] == ("07:10:00", "0.2 s", "100")


@pytest.mark.parametrize(
    ("moments", "shown"),
    [
        ((NOW, None, NOW + 60), ["07:10:00", "–", "07:11:00"]),
        # 17 hours later it is Sunday.
        ((NOW, NOW + 61_200), ["11-21 07:10", "11-22 00:10"]),
        # A day that begins, of rows by the day.
        ((NOW - 25_800, NOW + 60_600), ["2026-11-21", "2026-11-22"]),
        # Of the turn of a year.
        ((NOW, NOW + 50 * 86_400), ["2026-11-21 07:10", "2027-01-10 07:10"]),
        # What is no time stays what it is.
        (("soon or later, perhaps", NOW), ["soon or later, perhaps", "07:10:00"]),
    ],
)
def test_times_of_one_day_are_told_without_it(moments: tuple[Cell, ...], shown: list[str]) -> None:
    rows = tuple((one, "a", 1.0) for one in moments)
    table = composed(report(), Outcome("slot", COLUMNS, rows, len(rows)), None).table
    assert [row[0] for row in table[1:]] == shown


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((), []),
        (
            (("error", "times"), ("timeout", "40"), ("refused", "7")),
            ["error    times", "timeout     40", "refused      7"],
        ),
        ((("a", "b"), ("x",), ("y", "1", "z")), ["a  b", "x", "y  1  z"]),
        (
            (("text", "n"), ("long " * 20, "1,234")),
            ["text" + " " * 36 + "n", "long long long long long long lon…  1,234"],
        ),
        (
            (("route", "requests of the route in all", "slow"), ("/a/b/c/d/e/f/g", "12,345,678,901.25", "1,234.5 ms")),
            ["route       requests of the …        slow", "/a/b/c/d/…  12,345,678,901.25  1,234.5 ms"],
        ),
    ],
)
def test_a_table_in_letters(table: tuple[tuple[str, ...], ...], expected: list[str]) -> None:
    assert drawn(table, 41) == expected


@given(st.lists(st.lists(st.text(max_size=60), max_size=6), max_size=12), st.integers(60, 100))
def test_a_table_is_as_wide_as_it_may_be(table: list[list[str]], width: int) -> None:
    for line in drawn(table, width):
        assert len(line) <= width
        assert "\n" not in line
