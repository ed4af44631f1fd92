"""What CloudWatch's statistics make of the samples of a period (CloudWatch user guide, *Statistics definitions*).

Those that need to know each value (percentiles and the trimmed ones) have none where a period holds a statistic set
whose samples differ, or a negative value; on AWS neither. Bounds and results are in the metric's own unit, but for
`PR` (percent), `TC` and `SampleCount` (numbers of samples).

Refused: bounds in percent and what stands for them (`TM(10%:90%)`, `tm99`, `IQM`), since it is documented nowhere how
CloudWatch cuts a sample of which only a part lies within.
"""

from __future__ import annotations

import functools
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from local.cloudwatch.refused import Refused
from local.cloudwatch.store import Spread, Window

Statistic = Callable[[Window], Sequence[float | None]]
Bounds = tuple[float, float]

SIMPLE = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
PERCENTILE = re.compile(r"p(100(?:\.0{1,10})?|\d{1,2}(?:\.\d{1,10})?)")
NUMBER = r"(\d+(?:\.\d{1,10})?|\.\d{1,10})?"
RANGE = re.compile(rf"(TM|WM|TC|TS|PR)\({NUMBER}:{NUMBER}\)")
IN_PERCENT = re.compile(r"IQM|(?:tm|wm|tc|ts)\d+(?:\.\d+)?|(?:TM|WM|TC|TS|PR)\((?:[\d.]*%:[\d.%]*|[\d.]*:[\d.]*%)\)")


@functools.cache
def statistic(name: str) -> Statistic:
    """Return the statistic of a name: a simple one, a percentile (`p99.9`), or `TM`, `WM`, `TC`, `TS`, `PR` of a range.

    Raises Refused for one that CloudWatch does not have, or that is not evaluated here.
    """
    if name in SIMPLE:
        return SIMPLE_ONES[name]
    if match := PERCENTILE.fullmatch(name):
        return _of_each(functools.partial(percentile, float(match[1])))
    if (match := RANGE.fullmatch(name)) and (match[2] or match[3]):
        low, high = float(match[2] or -math.inf), float(match[3] or math.inf)
        if low >= high:
            raise Refused(f"the statistic {name} has no range: its lower bound must be below its upper one")
        return _of_each(functools.partial(RANGED[match[1]], (low, high)))
    if IN_PERCENT.fullmatch(name):
        raise Refused(f"the local CloudWatch does not evaluate {name}: bounds in percent; name values, as in TM(0:0.3)")
    raise Refused(f"CloudWatch takes no statistic {name!r}: {', '.join(SIMPLE)}, pNN.N, TM, WM, TC, TS or PR (n:m)")


SIMPLE_ONES: dict[str, Statistic] = {
    "SampleCount": lambda window: [count or None for count in window.counts()],
    "Sum": lambda window: _if_any(window, window.sums()),
    "Average": lambda window: [
        total / count if count else None for total, count in zip(window.sums(), window.counts(), strict=True)
    ],
    "Minimum": lambda window: _if_any(window, window.lows()),
    "Maximum": lambda window: _if_any(window, window.highs()),
}


def _if_any(window: Window, values: Sequence[float]) -> list[float | None]:
    return [value if count else None for value, count in zip(values, window.counts(), strict=True)]


def _of_each(take: Callable[[Spread], float | None]) -> Statistic:
    def taken(window: Window) -> list[float | None]:
        found: list[float | None] = []
        for number, (count, low) in enumerate(zip(window.counts(), window.lows(), strict=True)):
            spread = window.spread(number) if count and low >= 0 else None
            found.append(take(spread) if spread else None)
        return found

    return taken


def percentile(rank: float, spread: Spread) -> float:
    """Return the value below which a share of the samples lies, in percent: between the two nearest, in proportion."""
    values, counts = spread
    up_to = list(accumulate(counts))
    place = rank / 100 * max(up_to[-1] - 1, 0.0)
    below, above = math.floor(place), min(math.ceil(place), up_to[-1] - 1)
    low = values[min(bisect_right(up_to, below), len(values) - 1)]
    high = values[min(bisect_right(up_to, above), len(values) - 1)]
    return low + (high - low) * (place - below)


def trimmed_count(bounds: Bounds, spread: Spread) -> float:
    """TC: how many samples are above the lower bound, and at most the upper."""
    low, high = bounds
    return math.fsum(count for value, count in zip(*spread, strict=True) if low < value <= high)


def trimmed_sum(bounds: Bounds, spread: Spread) -> float:
    """TS: the sum of the samples above the lower bound, and at most the upper."""
    low, high = bounds
    return math.fsum(value * count for value, count in zip(*spread, strict=True) if low < value <= high)


def trimmed_mean(bounds: Bounds, spread: Spread) -> float | None:
    """TM: the mean of the samples above the lower bound, and at most the upper; None where there are none."""
    count = trimmed_count(bounds, spread)
    return trimmed_sum(bounds, spread) / count if count else None


def winsorized_mean(bounds: Bounds, spread: Spread) -> float:
    """WM: the mean, what lies outside the bounds counting as the bound that it is beyond."""
    low, high = bounds
    total = math.fsum(min(max(value, low), high) * count for value, count in zip(*spread, strict=True))
    return total / math.fsum(spread[1])


def percentile_rank(bounds: Bounds, spread: Spread) -> float:
    """PR: the percentage of the samples above the lower bound, and at most the upper."""
    return 100 * trimmed_count(bounds, spread) / math.fsum(spread[1])


RANGED: dict[str, Callable[[Bounds, Spread], float | None]] = {
    "TC": trimmed_count,
    "TS": trimmed_sum,
    "TM": trimmed_mean,
    "WM": winsorized_mean,
    "PR": percentile_rank,
}
