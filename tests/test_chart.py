"""Charts: PNGs that any reader takes, of bounded size, for whatever there is to draw."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import chart
from chalicelib.glyphs import glyph

NOW = 1_795_000_000.0
HOUR = [(NOW + 60 * minute, 2.0 if minute < 40 else 9.0) for minute in range(60)]
LARGEST = 20_000


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(png):
        size, name = struct.unpack_from(">I4s", png, at)
        data = png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size) == (zlib.crc32(name + data),)
        yield name, data
        at += size + 12


def pixels(png: bytes) -> list[list[tuple[int, ...]]]:
    """A picture read as the standard says; fails for anything else."""
    parts = list(chunks(png))
    assert [name for name, _ in parts] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, kind, *rest = struct.unpack(">IIBBBBB", parts[0][1])
    assert (width, height, depth, kind, rest) == (600, 260, 8, 2, [0, 0, 0])
    raw = zlib.decompress(parts[1][1])
    assert len(raw) == height * (1 + 3 * width)
    rows = [raw[start : start + 1 + 3 * width] for start in range(0, len(raw), 1 + 3 * width)]
    assert {row[0] for row in rows} == {0}
    return [[tuple(row[at : at + 3]) for at in range(1, len(row), 3)] for row in rows]


def count(png: bytes, colour: tuple[int, int, int]) -> int:
    return sum(row.count(colour) for row in pixels(png))


class TestLines:
    def test_draws_the_curve_the_bound_and_the_onset(self) -> None:
        plain = chart.lines("Errors", {"Errors": HOUR})
        assert count(plain, chart.COLOURS[0]) > 500
        assert count(plain, chart.RED) == 0
        bound = chart.lines("Errors", {"Errors": HOUR}, threshold=5.0)
        assert count(bound, chart.RED) > 500
        assert count(chart.lines("Errors", {"Errors": HOUR}, onset=NOW + 2400), chart.INK) > count(plain, chart.INK)
        assert len(bound) < LARGEST

    @pytest.mark.parametrize("minute", [0, 3, 30, 57, 59])
    def test_when_it_began_covers_nothing_of_the_curve(self, minute: int) -> None:
        series = {"x": [(at, 9.0 if number % 2 else 8.0) for number, (at, _) in enumerate(HOUR)]}
        plain, marked = (pixels(chart.lines("A title", series, onset=at)) for at in (None, NOW + 60 * minute))
        changed = {(x, y) for y, row in enumerate(plain) for x, one in enumerate(row) if marked[y][x] != one}
        # Of the plot, only the one column of the line is drawn over.
        assert len({x for x, y in changed if y >= chart.TOP}) == 1
        assert {plain[y][x] for x, y in changed if y < chart.TOP - 3} == {chart.WHITE}

    def test_the_curve_is_where_its_values_are(self) -> None:
        rows = pixels(chart.lines("", {"x": [(NOW, 0.0), (NOW + 60, 10.0)]}))
        blue = [(x, y) for y, row in enumerate(rows) for x, one in enumerate(row) if one == chart.COLOURS[0]]
        left, right = min(blue), max(blue)
        assert left[1] > right[1], "it rises"

    def test_a_hole_in_the_data_is_a_hole_in_the_curve(self) -> None:
        def columns(points: list[tuple[float, float]]) -> int:
            rows = pixels(chart.lines("", {"x": points}))
            return len({x for row in rows for x, one in enumerate(row) if one == chart.COLOURS[0]})

        assert columns([point for point in HOUR if not NOW + 600 < point[0] < NOW + 1800]) < columns(HOUR) - 100

    def test_a_spike_of_one_point_among_many_is_seen(self) -> None:
        dense = [(NOW + number, 1.0) for number in range(20_000)]
        dense[7_777] = (NOW + 7_777, 100.0)
        rows = pixels(chart.lines("", {"x": dense}))
        tops = [y for y, row in enumerate(rows) if chart.COLOURS[0] in row]
        assert max(tops) - min(tops) > 120

    def test_tells_several_series_apart_and_counts_those_left_out(self) -> None:
        png = chart.lines("CPU", {f"i-{number}": [(at, number + value) for at, value in HOUR] for number in range(9)})
        assert all(count(png, colour) > 100 for colour in chart.COLOURS)

    def test_says_when_there_is_nothing(self) -> None:
        nothing = chart.lines("Errors", {})
        assert nothing == chart.lines("Errors", {"x": [(NOW, float("nan")), (-1.0, 3.0)]})
        assert count(nothing, chart.COLOURS[0]) == 0

    @pytest.mark.parametrize("least", [5e-324, -5e-324])
    def test_the_least_that_a_number_can_be_is_drawn_as_nothing(self, least: float) -> None:
        assert chart.lines("", {"x": [(NOW, least)]}) == chart.lines("", {"x": [(NOW, 0.0)]})

    @settings(max_examples=25, deadline=None)
    @given(
        title=st.text(max_size=80),
        series=st.dictionaries(st.text(max_size=8), st.lists(st.tuples(st.floats(), st.floats()), max_size=8)),
        threshold=st.none() | st.floats(),
        onset=st.none() | st.floats(),
    )
    def test_takes_anything(
        self, title: str, series: dict[str, list[tuple[float, float]]], threshold: float | None, onset: float | None
    ) -> None:
        png = chart.lines(title, series, threshold, onset)
        assert sum(len(row) for row in pixels(png)) == 600 * 260
        assert len(png) < LARGEST


class TestBars:
    def test_draws_a_bar_for_each_value_and_a_pale_one_for_what_was_before(self) -> None:
        alone = chart.bars("Cost", ["1", "2"], [10.0, 20.0])
        assert count(alone, chart.COLOURS[0]) > 5_000
        assert count(alone, chart.PALE) == 0
        assert count(chart.bars("Cost", ["1", "2"], [10.0, 20.0], [5.0, 40.0]), chart.PALE) > 5_000

    def test_twice_as_much_is_twice_as_high(self) -> None:
        one, two = (count(chart.bars("", [""] * 2, [value, 40.0]), chart.COLOURS[0]) for value in (10.0, 20.0))
        full = count(chart.bars("", [""] * 2, [0.0, 40.0]), chart.COLOURS[0])
        assert (two - full) / (one - full) == pytest.approx(2, rel=0.05)

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(st.tuples(st.text(max_size=20), st.floats()), max_size=60),
        st.none() | st.lists(st.floats(), max_size=60),
    )
    def test_takes_anything(self, bars: list[tuple[str, float]], compare: list[float] | None) -> None:
        png = chart.bars("Cost", [name for name, _ in bars], [value for _, value in bars], compare)
        assert sum(len(row) for row in pixels(png)) == 600 * 260
        assert len(png) < LARGEST


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.25, "0.25"), (12.0, "12"), (999.9, "999.9"), (999_960.0, "1000k"), (1_500.0, "1.5k"),
        (-2_000_000.0, "-2M"), (3.2e9, "3.2G"), (0.00004, "4.0e-05"), (1e20, "1.0e+20"),
    ],
)  # fmt: skip
def test_numbers_as_people_read_them(value: float, text: str) -> None:
    assert chart.number(value) == text


def test_every_letter_has_dots_within_its_room() -> None:
    letters = [chr(number) for number in range(33, 127)]
    assert len({glyph(letter) for letter in letters}) == len(letters)
    assert all(0 <= x < 10 and 0 <= y < 16 for letter in letters for x, y in glyph(letter))
    assert glyph(" ") == ()
    assert glyph("é") == glyph("?")
