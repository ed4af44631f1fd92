"""Since when a series is not what it was, and what that looks like; pure, and without numpy (17 MB in a Lambda).

The algorithm, which is the epidemic CUSUM of change-point literature (Levin and Kline, 1985) on robust scales:

1. What the series was at the same time yesterday or a week ago is taken out, where that explains some of it. Those days
   may have fewer points: each holds until the next one, for five minutes at the most.
2. Its noise is the larger of two estimates, over single points and over blocks of five, since what is measured each
   minute is seldom independent: of each, the median absolute difference of neighbours, which no step can spoil. It is
   never less than a part of the least effect that is of interest, so that a flat line does not make a crumb a mountain.
3. Of all spans, the one is taken whose mean differs most from that of the rest, in units of what chance would do. One
   that touches the start is a change at its end: then it is the rest that is new.
4. It counts if that is `SURE` times what chance would do, also (`SURER`) where chance is what the rest of the points
   shows, and no less than the least effect; a few points must stand out from all others besides, since rare
   outliers are a series' nature. Its first point is the onset;
   and the shape follows from what it is like inside, and from what else there is.
5. What was found may be two: inside it, and behind it, the same is done again, and the later one counts that is at
   least half as large, unless it all climbs, or comes and goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import sqrt
from statistics import fmean, median, pstdev
from typing import Literal

Shape = Literal["step", "ramp", "spike", "flap", "none"]
Points = Iterable[tuple[float, float | None]]

# Chance alone makes about 4.4 of 180 independent points, and noise has heavier tails than chance.
SURE = 6.0
# And so much of what the other points, as far as they lie apart, would do.
SURER = 7.0
# Of a normal distribution, what the median absolute deviation is to be multiplied with.
NORMAL = 1.4826
BLOCK = 5
# Blocks tell of so many times the noise of single points at most: what goes to and fro is no noise.
WAVES = 3.0
# Which part of the least effect the noise is at least; and by how much noise a single point can differ at most.
FLOOR, MOST = 3.0, 12.0
FEWEST = 12
# Spans of these lengths are tried everywhere, and their ends moved then; those to the start and end all are.
LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160)
# A span of so few points must be so many times as far out as any other of its length.
FEW, OUT = 5, 2.1
# A span that is over and no longer than this share of all is a spike; one that comes back so often flaps.
SHORT, TIMES = 0.2, 3
# A slope must leave less than this share of what the best step leaves, and climb over at least so many points.
SLOPING, CLIMB = 0.6, 8
# A point of another day holds for so long at the most (seconds).
HOLDS = 300.0
# A second change within a first counts if it is this part of it at least.
AGAIN = 0.5


@dataclass(frozen=True, slots=True)
class Onset:
    """Since when a series is another.

    Args:
        shape: what it looks like; `none` where it is as it was.
        at: when that began.
        until: when it was over; None where it is not.
        before: the usual value: of then, where other days tell.
        after: the value since: of a spike its extreme, of a ramp its end.
        confidence: from 0 to 1: 0.5 is as little as counts.
    """

    shape: Shape
    at: float = 0.0
    until: float | None = None
    before: float = 0.0
    after: float = 0.0
    confidence: float = 0.0

    def __bool__(self) -> bool:
        """Whether there is a change at all."""
        return self.shape != "none"

    @property
    def up(self) -> bool:
        """Whether it is more than before."""
        return self.after > self.before

    @property
    def times(self) -> float | None:
        """How many times the usual value; None where that is nothing."""
        return self.after / self.before if self.before > 0 else None


NONE = Onset("none")


@dataclass(frozen=True, slots=True)
class _Span:
    """Points from a number on to before another, and how unlikely it is that they differ so by chance (signed)."""

    start: int
    end: int
    score: float


def find(
    points: Points,
    least: float,
    past: Sequence[Points] = (),
    reaching: float | None = None,
    around: float | None = None,
) -> Onset:
    """Return since when a series is another.

    Args:
        points: when and what, ascending; None where nothing is known.
        least: a smaller change of its level is of no interest; above 0.
        past: the same hours of other days, moved to the same times.
        reaching: what was over before this time is of no interest.
        around: what began after this time is of less interest than what began before.
    """
    known = [(at, value) for at, value in points if value is not None]
    if len(known) < FEWEST:
        return NONE
    times, raw = [at for at, _ in known], [value for _, value in known]
    expected = _expected(times, raw, past)
    level = median(raw)
    values = list(raw) if expected is None else [one - usual + level for one, usual in zip(raw, expected, strict=True)]
    first = 0 if reaching is None else sum(at < reaching for at in times)
    span = _counting(values, least, first)
    if span is None:
        return NONE
    until = len(values) if around is None else sum(at <= around for at in times)
    if span.start >= until and (earlier := _counting(values[: span.start], least, first)):
        times, raw, values, span = times[: span.start], raw[: span.start], values[: span.start], earlier
    clipped = _clipped(values, least)
    found = _shaped(times, raw, expected, clipped, span)
    later = None if found.shape == "flap" else _later(values, least, span, until)
    if later is None or (found.shape == "ramp" and not _level(clipped, span.start, later.start)):
        return found
    # What the first one was is neither usual nor new.
    kept = [*range(span.start), *range(later.start, len(values))]
    values = [values[number] for number in kept]
    return _shaped(
        [times[number] for number in kept], [raw[number] for number in kept],
        expected and [expected[number] for number in kept], _clipped(values, least),
        _Span(span.start, span.start + later.end - later.start, later.score),
    )  # fmt: skip


def _clipped(values: Sequence[float], least: float) -> list[float]:
    """Return how many times the noise each value is from the middle, as far as that matters."""
    scale, middle = _scale(values, least), median(values)
    return [max(-MOST, min(MOST, (value - middle) / scale)) for value in values]


def _scale(values: Sequence[float], least: float) -> float:
    return max(_noise(values), least / FLOOR)


def _counting(values: Sequence[float], least: float, first: int = 0) -> _Span | None:
    """Return the span that differs most from the rest, None where that does not count."""
    if len(values) < FEWEST:
        return None
    clipped, scale = _clipped(values, least), _scale(values, least)
    span = _most(clipped, first)
    if abs(span.score) < SURE:
        return None
    inside, others = clipped[span.start : span.end], clipped[: span.start] + clipped[span.end :]
    size = fmean(inside) - median(others)
    chance = max(1.0, pstdev(others)) * sqrt(1 / len(inside) + 1 / len(others))
    if abs(size) * scale < least or abs(size) < SURER * chance:
        return None
    if len(inside) <= FEW and not _stands_out(values, span):
        return None
    return span


def _later(values: Sequence[float], least: float, span: _Span, until: int) -> _Span | None:
    """Return the last change in or behind a span that began before a point, is one of its own, and as bad; or None."""
    rest, long = [*values[: span.start], *values[span.end :]], span.end - span.start
    size = fmean(values[span.start : span.end]) - median(rest)
    up, enough = size > 0, max(least, AGAIN * abs(size))
    behind = _counting(rest, enough, span.start + 1)
    if behind and behind.start > span.start and (behind.score > 0) == up and behind.start + long < until:
        return _Span(behind.start + long, behind.end + long, behind.score)
    inside = _counting(values[span.start : span.end], enough)
    if inside is None:
        return None
    # It became worse and stays so; or it was over in between.
    worse, lasts = (inside.score > 0) == up, inside.end == long
    start = span.start + (inside.start if worse else inside.end)
    return _Span(start, span.end, span.score) if worse == lasts and start < until else None


def _shaped(
    times: Sequence[float], raw: Sequence[float], expected: Sequence[float] | None, clipped: Sequence[float],
    span: _Span,
) -> Onset:  # fmt: skip
    """Return a span that counts as an onset, in the series' own values."""
    up = fmean(clipped[span.start : span.end]) > median([*clipped[: span.start], *clipped[span.end :]])
    over = times[span.end] if span.end < len(times) else None
    confidence = round(min(0.99, 1 - 0.5 * (SURE / abs(span.score)) ** 2), 2)

    def onset(shape: Shape, start: int, of: Sequence[int]) -> Onset:
        # The evening is quieter than the noon: usual is what it is at that time.
        usual = median(
            [expected[one] for one in of] if expected else raw[:start] or raw[span.end :] or raw[: span.start]
        )
        return Onset(shape, times[start], over, usual, median(raw[one] for one in of), confidence)

    inside = range(span.start, span.end)
    again = _again(clipped, span, up)
    if len(again) >= TIMES:
        return onset("flap", again[0].start, inside)
    if over is not None and len(inside) <= max(2, SHORT * len(raw)):
        return onset("spike", span.start, [(max if up else min)(inside, key=raw.__getitem__)])
    if (start := _climbs(clipped, span)) is not None:
        return onset("ramp", start, inside[-3:])
    return onset("step", span.start, inside)


def _expected(times: Sequence[float], values: Sequence[float], past: Sequence[Points]) -> list[float] | None:
    """Return what a series would be by other days; None where they explain nothing."""
    days = [_held(times, one) for one in past]
    usual = [[one for one in some if one is not None] for some in zip(*days, strict=True)]
    if not days or sum(map(bool, usual)) < len(times) * 0.8:
        return None
    means = [fmean(some) if some else None for some in usual]
    ratios = [value / one for value, one in zip(values, means, strict=True) if one and one > 0]
    share, level = median(ratios) if ratios else 1.0, median(values)
    expected = [value if one is None else one * share for value, one in zip(values, means, strict=True)]
    rest = [value - one + level for value, one in zip(values, expected, strict=True)]
    return expected if _spread(rest) < _spread(values) else None


def _held(times: Sequence[float], points: Points) -> list[float | None]:
    """Return what another day was at some times, ascending: a point holds until the next, for some minutes at most."""
    known = [(at, value) for at, value in points if value is not None]
    smooth = [median(value for _, value in known[max(0, n - 1) : n + 2]) for n in range(len(known))]
    found: list[float | None] = []
    number = -1
    for at in times:
        while number + 1 < len(known) and known[number + 1][0] <= at:
            number += 1
        found.append(smooth[number] if number >= 0 and at - known[number][0] < HOLDS else None)
    return found


def _spread(values: Sequence[float]) -> float:
    middle = median(values)
    return fmean(abs(value - middle) for value in values)


def _noise(values: Sequence[float]) -> float:
    blocks = [fmean(values[at : at + BLOCK]) for at in range(0, len(values) - BLOCK + 1, BLOCK)]
    single = _of_neighbours(values)
    return max(single, min(sqrt(BLOCK) * _of_neighbours(blocks), WAVES * single))


def _of_neighbours(values: Sequence[float]) -> float:
    apart = [other - one for one, other in pairwise(values)]
    if not apart:
        return 0.0
    middle = median(apart)
    return NORMAL * median(abs(one - middle) for one in apart) / sqrt(2)


def _most(values: Sequence[float], first: int = 0) -> _Span:
    """Return the span that differs most from the rest, among those that end behind a point or begin the series."""
    many = len(values)
    sums = [0.0, *accumulate(values)]
    all_ = sums[many]

    def score(start: int, end: int) -> float:
        inside = end - start
        if not 0 < inside < many:
            return 0.0
        of = sums[end] - sums[start]
        return (of / inside - (all_ - of) / (many - inside)) * sqrt(inside * (many - inside) / many)

    spans = [(start, many) for start in range(1, many)] + [(0, end) for end in range(1, many)]
    spans += [
        (start, start + length)
        for length in LENGTHS
        if length < many
        for start in range(max(0, first - length + 1), many - length + 1)
    ]
    # What begins the series and its rest differ alike: which of them is taken is not for the last digit to tell.
    start, end = max(spans, key=lambda one: round(abs(score(*one)), 9))
    # The ends move for as long as that makes it better.
    best, moved = abs(score(start, end)), True
    while moved:
        moved = False
        for one in ((start + by, end + also) for by in range(-8, 9) for also in range(-8, 9)):
            fits = 0 <= one[0] < one[1] <= many and (one[1] > first or one[0] == 0)
            if fits and abs(score(*one)) > best + 1e-9:
                best, (start, end), moved = abs(score(*one)), one, True
    found = score(start, end)
    # What differs at the start was so before: new is what comes then.
    return _Span(end, many, -found) if start == 0 else _Span(start, end, found)


def _stands_out(values: Sequence[float], span: _Span) -> bool:
    usual = median([*values[: span.start], *values[span.end :]])
    length, sums = span.end - span.start, [0.0, *accumulate(value - usual for value in values)]
    starts = (*range(span.start - length + 1), *range(span.end, len(values) - length + 1))
    others = (abs(sums[at + length] - sums[at]) for at in starts)
    return abs(sums[span.end] - sums[span.start]) >= OUT * max(others, default=0.0)


def _again(values: Sequence[float], span: _Span, up: bool) -> list[_Span]:
    """Return the span with all others that are like it and apart from it."""
    outside = [value for number, value in enumerate(values) if not span.start <= number < span.end]
    usual = median(outside)
    ordered = sorted(values[span.start : span.end], reverse=not up)
    extreme = ordered[len(ordered) * 3 // 4]
    # Half way up is up.
    bound = (usual + extreme) / 2
    found: list[_Span] = []
    out = [value > bound if up else value < bound for value in values]
    start = None
    for number, one in enumerate([*out, False]):
        if one and start is None:
            start = number
        elif not one and start is not None:
            # Two minutes down within minutes up are no end, and one up alone is nothing.
            if found and start - found[-1].end <= 2:
                start = found.pop().start
            found.append(_Span(start, number, 0.0))
            start = None
    apart = [one for one in found if one.end - one.start >= 2]
    return apart if len(apart) >= TIMES else [span]


def _climbs(values: Sequence[float], span: _Span) -> int | None:
    """Return where a line that climbs through a span begins, if it fits much better than a step; else None."""
    if span.end - span.start < CLIMB:
        return None
    base = median(values[: span.start] or [0.0])
    line = [value - base for value in values[: span.end]]
    stepped = _left(line[span.start :], [1.0] * (span.end - span.start)) + sum(v * v for v in line[: span.start])
    best, where = stepped, None
    for start in range(max(0, 2 * span.start - span.end), span.start + 1):
        slope = [max(0.0, float(number - start + 1)) for number in range(len(line))]
        if (left := _left(line, slope)) < best:
            best, where = left, start
    return where if where is not None and best < SLOPING * stepped else None


def _level(values: Sequence[float], start: int, end: int) -> bool:
    """Whether a part is long enough to see that it does not climb, and does not."""
    return end - start >= CLIMB and _climbs(values[:end], _Span(start, end, 0.0)) is None


def _left(values: Sequence[float], shape: Sequence[float]) -> float:
    """Return the squares that are left of values when a shape, as large as fits best, is taken out."""
    of = sum(one * one for one in shape)
    size = sum(value * one for value, one in zip(values, shape, strict=True)) / of if of else 0.0
    return sum((value - size * one) ** 2 for value, one in zip(values, shape, strict=True))
