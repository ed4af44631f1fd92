"""Who comes to a system in a minute, and how they fare: pure, and the same whenever it is worked out.

What comes is drawn for five minutes at once and then dealt out to the minutes, so that history, which CloudWatch keeps
by five minutes, is exactly the sum of the minutes that would have been.
"""

from __future__ import annotations

import math
import operator
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from local.systems.faults import KINDS, Fault, at_work

BLOCK, MINUTE = 300, 60
# Of a working day in UTC, hour by hour: what share of the peak comes.
HOURS = (
    0.22, 0.17, 0.14, 0.12, 0.13, 0.18, 0.30, 0.48, 0.68, 0.84, 0.93, 0.97,
    0.94, 0.92, 0.95, 1.00, 0.98, 0.93, 0.88, 0.84, 0.76, 0.62, 0.45, 0.31,
)  # fmt: skip
# 1970 began on a Thursday.
DAYS = (1.0, 0.96, 0.62, 0.58, 0.97, 1.0, 1.0)
# How the requests of five minutes fall on the minutes, before they are turned around: their mean is 1.
WAVES = (0.94, 1.03, 1.0, 1.06, 0.97)
# How long answers may take, in shares of the median: finest where p90 to p99 are. The local CloudWatch keeps how many
# took each of these times.
STEPS = (
    *(0.4 * 1.3**one for one in range(6)),
    *(1.6 * 1.066**one for one in range(13)),
    *(3.7 * 1.3**one for one in range(10)),
)  # fmt: skip
MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Traffic:
    """How a system is used.

    Args:
        peak: requests a minute at the busiest hour of a working day.
        median: of the time to answer, in milliseconds.
        spread: sigma of its logarithm.
        errors: the share of requests that fails on a good day, with 5xx.
        rejected: the share that is refused for what was asked, with 4xx.
        capacity: requests a minute at which what answers is busy all the time.
    """

    peak: float
    median: float
    spread: float
    errors: float
    rejected: float
    capacity: float


@dataclass(frozen=True, slots=True)
class Flow:
    """What happened in a span of one or five minutes.

    Args:
        at: when it began, in epoch seconds.
        minutes: how long it lasted.
        offered: requests that were made.
        served: of these, what reached something that answers.
        failed: of the served, what was answered with 5xx.
        rejected: of the served, what was answered with 4xx.
        busy: the share of the capacity in use.
        slower: how many times as long as usual an answer took.
        fault: what was wrong, or nothing.
        traffic: of which system.
    """

    at: int
    minutes: int
    offered: int
    served: int
    failed: int
    rejected: int
    busy: float
    slower: float
    fault: str
    traffic: Traffic

    @property
    def refused(self) -> int:
        """Requests that nothing was there to answer."""
        return self.offered - self.served

    @property
    def down(self) -> bool:
        """Whether nothing could answer."""
        return bool(self.fault) and KINDS[self.fault].down

    @property
    def exhausted(self) -> bool:
        """Whether the database had no connection left."""
        return bool(self.fault) and KINDS[self.fault].connections

    @property
    def rate(self) -> float:
        """Served requests a minute."""
        return self.served / self.minutes

    def lasted(self, total: int, share: float = 1.0) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Return how long so many answers took, and how many each; `share` is of their milliseconds."""
        return times(self.traffic.median * share), counts(total, round(self.slower, 2), self.traffic.spread)


def flow(name: str, traffic: Traffic, at: int, minutes: int, faults: Sequence[Fault] = ()) -> Flow:
    """Return what happens to a system in the minute, or five minutes, that begin at a time.

    Raises ValueError for five minutes in which something is wrong: these have to be looked at one by one.
    """
    block = at // BLOCK
    everything, errors, rejected, busy = _block(name, traffic, block)
    slower = (0.93 + 0.14 * uniform(seed(name), block, 4)) * (1 + max(0.0, busy - 0.4) ** 2 * 2)
    kind = at_work(faults, at)
    if minutes == 5:
        if any(one.covers(at + back) for one in faults for back in range(0, BLOCK, MINUTE)):
            raise ValueError("five minutes with a fault are five different minutes")
        return Flow(at, 5, everything, everything, errors, rejected, busy, slower, "", traffic)
    minute = at % BLOCK // MINUTE
    offered = _dealt(everything, block, minute)
    failed = min(_drawn(errors, block, minute, 1), offered)
    refused = min(_drawn(rejected, block, minute, 2), offered - failed)
    busy *= offered / everything * 5 if everything else 1.0
    if not kind:
        return Flow(at, 1, offered, offered, failed, refused, busy, slower, "", traffic)
    what = KINDS[kind]
    if what.silent:
        return Flow(at, 1, 0, 0, 0, 0, 0.0, 1.0, kind, traffic)
    if what.down:
        return Flow(at, 1, offered, 0, 0, 0, 0.0, 1.0, kind, traffic)
    failed = min(offered, failed + round(offered * what.failing))
    busier = min(1.0, busy * math.sqrt(what.slower))
    return Flow(
        at, 1, offered, offered, failed, min(refused, offered - failed), busier, slower * what.slower, kind, traffic
    )


def uniform(seed: int, number: int, salt: int = 0) -> float:
    """Return a number from 0 to 1 that is always the same for the same seed, number and salt."""
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + salt * 0x94D049BB133111EB) & MASK
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & MASK
    return (mixed ^ mixed >> 31) / 2**64


@cache
def seed(name: str) -> int:
    """Return the seed of a system."""
    return zlib.crc32(name.encode())


@cache
def times(median: float) -> tuple[float, ...]:
    """Return how long answers may take, by what half of them take at most: always the same object."""
    return tuple(float(f"{median * step:.4g}") for step in STEPS)


@lru_cache(9000)
def counts(total: int, slower: float, spread: float) -> tuple[int, ...]:
    """Return how many of so many answers took each of `times`, all being slower than usual."""
    until = [math.floor(total * share + 0.5) for share in _shares(slower, spread)]
    return tuple(map(operator.sub, until, (0, *until)))


@cache
def _shares(slower: float, spread: float) -> tuple[float, ...]:
    """Return which share of the answers takes at most each of `times`: log-normal, the bounds between the steps."""
    bounds = [math.log(math.sqrt(one * other) / slower) / spread for one, other in pairwise(STEPS)]
    return (*(0.5 + math.erf(one / math.sqrt(2)) / 2 for one in bounds), 1.0)


@lru_cache(64)
def _block(name: str, traffic: Traffic, block: int) -> tuple[int, int, int, float]:
    """Return requests, errors and rejections of five minutes, and how busy what answers is meanwhile."""
    of = seed(name)
    hour, part = divmod(block % 288, 12)
    shape = HOURS[hour] + (HOURS[(hour + 1) % 24] - HOURS[hour]) * part / 12
    share = shape * DAYS[block // 288 % 7] * (0.94 + 0.12 * uniform(of, block))
    expected = traffic.peak * share * 5
    requests = math.floor(expected + uniform(of, block, 1))
    errors = math.floor(requests * traffic.errors + uniform(of, block, 2))
    rejected = math.floor(requests * traffic.rejected + uniform(of, block, 3))
    errors = min(errors, requests)
    return requests, errors, min(rejected, requests - errors), requests / 5 / traffic.capacity


def _dealt(total: int, block: int, minute: int) -> int:
    """Return the part of five minutes' requests that falls on a minute."""
    turned = [WAVES[(one + block) % 5] for one in range(5)]
    until = [math.floor(total * sum(turned[:one]) / 5 + 0.5) for one in range(6)]
    return until[minute + 1] - until[minute]


def _drawn(total: int, block: int, minute: int, salt: int) -> int:
    """Return the part of a few things in five minutes that falls on a minute, each drawn for itself."""
    if total > 50:
        return _dealt(total, block + salt, minute)
    return sum(int(uniform(block, number, salt) * 5) == minute for number in range(total))
