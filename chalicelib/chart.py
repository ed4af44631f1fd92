"""Charts as PNG, drawn without any library: a metric over time with its bound, and bars side by side; pure.

What CloudWatch draws for an alarm it draws itself; these are for costs, and for the account on the laptop. They are
looked at on a telephone at night, so that their letters are large and their colours few.
"""

from __future__ import annotations

import math
import struct
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from chalicelib.glyphs import HEIGHT, STEP, glyph

Colour = tuple[int, int, int]
Point = tuple[float, float]

WIDTH, TALL, TOP = 600, 260, 54
WHITE, INK, GREY, FAINT, RED = (255, 255, 255), (38, 50, 56), (110, 122, 130), (226, 231, 234), (208, 32, 48)
# Told apart by colour-blind people too.
COLOURS: tuple[Colour, ...] = ((0, 100, 190), (230, 140, 0), (0, 140, 110), (150, 80, 170), (100, 100, 100))
PALE: Colour = (186, 200, 212)
# What lies beyond is no measurement, and no time that a calendar has; what lies below is nothing.
LARGEST, LATEST, TINY = 1e300, 32_503_680_000.0, 1e-200
STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000, 31_536_000)
DAYS = 36 * 3600.0


class Canvas:
    """Pixels, and what can be drawn on them."""

    def __init__(self, width: int, height: int) -> None:
        """Start out white."""
        self.width, self.height = width, height
        self._rows = [bytearray(b"\xff" * (3 * width)) for _ in range(height)]

    def dot(self, x: int, y: int, colour: Colour, cover: float = 1.0) -> None:
        """Colour one pixel, as far as it is covered; outside nothing happens."""
        if 0 <= x < self.width and 0 <= y < self.height and cover > 0:
            row, at, cover = self._rows[y], 3 * x, min(cover, 1.0)
            for part in range(3):
                row[at + part] = round(row[at + part] * (1 - cover) + colour[part] * cover)

    def box(self, left: int, top: int, right: int, bottom: int, colour: Colour, cover: float = 1.0) -> None:
        """Fill a rectangle, its right and bottom edge left out."""
        for y in range(max(top, 0), min(bottom, self.height)):
            for x in range(max(left, 0), min(right, self.width)):
                self.dot(x, y, colour, cover)

    def line(self, start: Point, end: Point, colour: Colour, thick: float = 2.0) -> None:
        """Draw a straight line with soft edges."""
        steep = abs(end[1] - start[1]) > abs(end[0] - start[0])
        (a, b), (c, d) = sorted((one[::-1] if steep else one) for one in (start, end))
        slope = (d - b) / (c - a) if c > a else 0.0
        half = thick / 2 * math.hypot(1.0, slope)
        for along in range(round(a), round(c) + 1):
            middle = b + slope * (min(max(along, a), c) - a)
            for across in range(math.floor(middle - half), math.ceil(middle + half) + 1):
                cover = half + 0.5 - abs(across - middle)
                self.dot(*((across, along) if steep else (along, across)), colour, cover)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Draw a filled circle."""
        reach = math.ceil(radius) + 1
        for down in range(round(y) - reach, round(y) + reach + 1):
            for across in range(round(x) - reach, round(x) + reach + 1):
                self.dot(across, down, colour, radius + 0.5 - math.hypot(across - x, down - y))

    def text(self, x: int, y: int, text: str, colour: Colour, bold: bool = False) -> None:
        """Write a text whose top left corner is given."""
        for number, letter in enumerate(text):
            for across, down in glyph(letter):
                for more in range(2 if bold else 1):
                    self.dot(x + number * STEP + across + more, y + down, colour)

    def png(self) -> bytes:
        """Return the picture."""
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\0" + row for row in self._rows), 9)
        chunks = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )


class Scale:
    """The values from bottom to top, and where each lies on the canvas."""

    def __init__(self, values: Sequence[float], top: int, bottom: int) -> None:
        low, high = min(values, default=0.0), max(values, default=1.0)
        if low >= 0 and low < 0.4 * high:
            low = 0.0
        if high - low <= max(abs(high), abs(low), TINY) * 1e-9:
            low, high = (0.0, 2 * high) if high > TINY else (2 * low, 0.0) if low < -TINY else (0.0, 1.0)
        self.step = _nice((high - low) / 5)
        self.low = math.floor(low / self.step) * self.step
        self.high = math.ceil(high / self.step) * self.step
        if high > 0.97 * self.high:
            self.high += self.step
        self.top, self.bottom = top, bottom

    def y(self, value: float) -> float:
        """Return how far down a value lies."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def ticks(self) -> list[float]:
        """Return the values at which there is a line."""
        count = round((self.high - self.low) / self.step)
        return [self.low + number * self.step for number in range(count + 1)]


def lines(
    title: str,
    series: Mapping[str, Sequence[Point]],
    threshold: float | None = None,
    onset: float | None = None,
    unit: str = "",
) -> bytes:
    """Return a PNG of values over time (UTC).

    Args:
        title: what is shown.
        series: by name, points of time (epoch seconds) and value; where some are missing, the line has a gap.
        threshold: a bound, as a line across.
        onset: when it began, as a line down.
        unit: written behind the values of the axis.
    """
    known = {name: _points(points) for name, points in series.items()}
    bound = threshold if threshold is not None and _sound(threshold) else None
    every = [point for points in known.values() for point in points]
    named = len(known) > 1
    bottom = TALL - 30 - (22 if named else 0)
    scale = Scale([value for _, value in every] + ([bound] if bound is not None else []), TOP, bottom)
    canvas, left = _axis(title, scale, unit)
    right = WIDTH - 16
    if not every:
        canvas.text((left + right) // 2 - 4 * STEP, (scale.top + bottom) // 2 - 7, "no data", GREY)
        return canvas.png()
    start, end = min(at for at, _ in every), max(at for at, _ in every)
    if onset is not None and start - DAYS <= onset <= end + DAYS:
        start, end = min(start, onset), max(end, onset)
    span = end - start if end > start else 1.0

    def x(at: float) -> float:
        return left + (at - start) / span * (right - left)

    _times(canvas, start, end, left, right, bottom)
    if onset is not None and start <= onset <= end:
        _onset(canvas, round(x(onset)), scale, left, right, f"began {_clock(onset)}")
    for number, points in enumerate(known.values()):
        placed = [(x(at), scale.y(value)) for at, value in points]
        _curve(canvas, placed, _gap(points) / span * (right - left), COLOURS[number % len(COLOURS)], scale, not named)
    if bound is not None:
        _bound(canvas, scale, bound, left, right, unit)
    if named:
        _legend(canvas, list(known), left, right)
    return canvas.png()


def bars(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    compare: Sequence[float] | None = None,
    unit: str = "",
) -> bytes:
    """Return a PNG of bars, each with a pale one beside it that it is to be compared with.

    Args:
        title: what is shown.
        labels: one below each bar; where there is no room for all, some.
        values: one for each label.
        compare: what each was before.
        unit: written behind the values of the axis.
    """
    shown = [value if _sound(value) else 0.0 for value in values]
    before = [value if _sound(value) else 0.0 for value in compare or ()]
    bottom = TALL - 30
    scale = Scale([0.0, *shown, *before], TOP, bottom)
    canvas, left = _axis(title, scale, unit)
    right, zero = WIDTH - 16, round(scale.y(0.0))
    if not shown:
        canvas.text((left + right) // 2 - 4 * STEP, (scale.top + bottom) // 2 - 7, "no data", GREY)
        return canvas.png()
    slot = (right - left) / len(shown)
    wide = max(1, min(48, int(slot * 0.72 / (2 if before else 1))))
    for number, value in enumerate(shown):
        middle = left + slot * (number + 0.5)
        at = round(middle) - (wide if before else wide // 2)
        if number < len(before):
            _bar(canvas, at, wide, zero, scale.y(before[number]), PALE)
            at += wide
        _bar(canvas, at, wide, zero, scale.y(value), COLOURS[0])
    canvas.box(left, zero, right, zero + 1, GREY)
    _labels(canvas, labels[: len(shown)], left, slot, right, bottom)
    return canvas.png()


def number(value: float) -> str:
    """Return a number as people read it: `0.25`, `12`, `1.5k`, `3.2M`."""
    for size, letter in ((1e15, ""), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value:.1e}" if not letter else f"{value / size:.4g}{letter}"
    return f"{value:.4g}" if value == 0 or abs(value) >= 0.001 else f"{value:.1e}"


def _sound(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= LARGEST


def _points(points: Sequence[Point]) -> list[Point]:
    return sorted((at, value) for at, value in points if 0 <= at <= LATEST and _sound(value))


def _nice(step: float) -> float:
    """Return the next larger step of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next((times * power for times in (1, 2, 5) if times * power >= step), 10 * power)


def _gap(points: Sequence[Point]) -> float:
    """Return the seconds between two points from which on something is missing between them."""
    apart = sorted(later - earlier for (earlier, _), (later, _) in pairwise(points))
    return 2.5 * apart[len(apart) // 2] if apart else 0.0


def _axis(title: str, scale: Scale, unit: str) -> tuple[Canvas, int]:
    """Return a canvas with its title and its values, and where the room for what is drawn begins."""
    canvas = Canvas(WIDTH, TALL)
    canvas.text(16, 10, _cut(title, (WIDTH - 32) // STEP - 4), INK, bold=True)
    marks = [(scale.y(tick), _plain(number(tick) + unit)) for tick in scale.ticks()]
    left = 22 + STEP * max(len(mark) for _, mark in marks)
    for y, mark in marks:
        canvas.box(left, round(y), WIDTH - 16, round(y) + 1, FAINT)
        canvas.text(left - 8 - STEP * len(mark), round(y) - HEIGHT // 2 + 1, mark, GREY)
    return canvas, left


def _times(canvas: Canvas, start: float, end: float, left: int, right: int, bottom: int) -> None:
    span = max(end - start, 1.0)
    days = span > DAYS
    step = next((one for one in STEPS if span / one <= (right - left) / (STEP * 8)), STEPS[-1])
    free = 0
    for at in range(math.ceil(start / step) * step, math.floor(end) + 1, step):
        label = f"{datetime.fromtimestamp(at, UTC):%d %b}" if days else _clock(at)
        x = round(left + (at - start) / span * (right - left))
        begin = min(max(x - STEP * len(label) // 2, 0), WIDTH - 2 - STEP * len(label))
        canvas.box(x, bottom, x + 1, bottom + 5, GREY)
        if begin >= free:
            canvas.text(begin, bottom + 9, label, GREY)
            free = begin + STEP * (len(label) + 1)
    canvas.text(WIDTH - 16 - STEP * 3, 10, "UTC", GREY)


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M}"


def _curve(canvas: Canvas, points: Sequence[Point], gap: float, colour: Colour, scale: Scale, filled: bool) -> None:
    for run in _runs(points, gap):
        dense = list(_thinned(run))
        if filled:
            _fill(canvas, dense, colour, scale.bottom)
        for start, end in pairwise(dense):
            canvas.line(start, end, colour, 2.4)
        if len(run) == 1:
            canvas.disc(*run[0], 2.6, colour)
    if points and filled:
        canvas.disc(*points[-1], 4.5, WHITE)
        canvas.disc(*points[-1], 3.4, colour)


def _runs(points: Sequence[Point], gap: float) -> Iterator[list[Point]]:
    """Yield the parts of a curve between which something is missing."""
    run: list[Point] = []
    for point in points:
        if run and gap and point[0] - run[-1][0] > gap:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _thinned(points: Sequence[Point]) -> Iterator[Point]:
    """Yield at most three points for a column of pixels, the highest and the lowest among them."""
    column: list[Point] = []
    for point in points:
        if column and int(point[0]) != int(column[0][0]):
            yield from _extremes(column)
            column = []
        column.append(point)
    yield from _extremes(column)


def _extremes(column: Sequence[Point]) -> list[Point]:
    kept = {column[0], min(column, key=lambda one: one[1]), max(column, key=lambda one: one[1]), column[-1]}
    return sorted(kept)


def _fill(canvas: Canvas, points: Sequence[Point], colour: Colour, bottom: int) -> None:
    done = -1
    for (a, b), (c, d) in pairwise(points):
        for x in range(max(math.ceil(a), done + 1), math.floor(c) + 1):
            y = b + (d - b) * (x - a) / (c - a) if c > a else d
            canvas.box(x, round(y) + 1, x + 1, bottom, colour, 0.10)
            done = x


def _onset(canvas: Canvas, x: int, scale: Scale, left: int, right: int, label: str) -> None:
    for y in range(scale.top - 3, scale.bottom, 6):
        canvas.box(x, y, x + 1, min(y + 3, scale.bottom), INK)
    # Above the highest value that there can be: nothing is hidden there.
    wide = STEP * len(label)
    canvas.text(max(left, min(x - wide // 2, right - wide)), scale.top - HEIGHT - 5, label, INK)


def _bound(canvas: Canvas, scale: Scale, bound: float, left: int, right: int, unit: str) -> None:
    y, label = round(scale.y(bound)), _plain(f"threshold {number(bound)}{unit}")
    for x in range(left, right, 12):
        canvas.box(x, y - 1, min(x + 8, right), y + 1, RED)
    top = y - HEIGHT - 4 if y - HEIGHT - 4 > scale.top + HEIGHT else y + 5
    canvas.box(left + 4, top - 1, left + 8 + STEP * len(label), top + HEIGHT, WHITE, 0.85)
    canvas.text(left + 6, top, label, RED)


def _legend(canvas: Canvas, names: Sequence[str], left: int, right: int) -> None:
    shown = min(len(names), len(COLOURS), max(1, (right - left) // (STEP * 10)))
    more = f"+{len(names) - shown}" if len(names) > shown else ""
    room = (right - left - STEP * (len(more) + 1)) // shown
    for place, name in enumerate(names[:shown]):
        x, y = left + place * room, TALL - 18
        canvas.box(x, y + 2, x + 10, y + 12, COLOURS[place])
        canvas.text(x + 15, y, _cut(name, (room - 26) // STEP), INK)
    canvas.text(right - STEP * len(more), TALL - 18, more, GREY)


def _bar(canvas: Canvas, left: int, wide: int, zero: int, y: float, colour: Colour) -> None:
    canvas.box(left, min(zero, round(y)), left + wide, max(zero, round(y)), colour)


def _labels(canvas: Canvas, labels: Sequence[str], left: int, slot: float, right: int, bottom: int) -> None:
    room = max(3, int(slot / STEP) - 1) if slot >= 4 * STEP else 8
    cut = [_cut(label, room) for label in labels]
    each = max(1, math.ceil(STEP * (max((len(label) for label in cut), default=0) + 1) / slot))
    for place in range(0, len(cut), each):
        wide = STEP * len(cut[place])
        x = round(left + slot * (place + 0.5) - wide / 2)
        canvas.text(min(max(x, 0), WIDTH - 2 - wide), bottom + 9, cut[place], GREY)


def _cut(text: str, most: int) -> str:
    plain = _plain(text)
    return plain if len(plain) <= most else plain[: max(most - 2, 0)] + ".."


def _plain(text: str) -> str:
    """Return a text in the letters that there are."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().replace("\n", " ")
