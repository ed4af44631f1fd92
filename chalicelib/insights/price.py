"""What a query of Logs Insights costs: about, before it runs, and to the byte afterwards; pure.

It reads every line of its log groups and window, whatever it asks for, and AWS bills what was read, uncompressed.
Before, that is what CloudWatch counted as arriving in the window (its metric IncomingBytes); of a group without that
metric, the window's share of what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.model import DAY, ParapetError

GB = 1024.0**3
# AWS's list prices of 2026-11-21 for a gigabyte read; elsewhere they are higher by up to a half.
ELSEWHERE = "us-east-1"
PRICES: Mapping[str, float] = {"us-east-1": 0.005, "ap-northeast-1": 0.0076}


class Dear(ParapetError):
    """A query that would read more than the budget lets it; `about`: how much for how many dollars."""

    def __init__(self, about: str, why: str) -> None:
        """Say both."""
        super().__init__(f"{about}, and {why}")
        self.about = about


@dataclass(frozen=True, slots=True)
class Group:
    """A log group.

    Args:
        name: its name.
        bytes: what is stored of it, as AWS last counted.
        since: when it was made (epoch seconds).
        days: for how long its lines are kept; None: for ever.
    """

    name: str
    bytes: float = 0.0
    since: float = 0.0
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """How many bytes are read, and about how many US dollars that is."""

    bytes: float
    usd: float


def of(read: float, region: str) -> Price:
    """Return what reading so many bytes costs."""
    return Price(read, read / GB * PRICES.get(region, PRICES[ELSEWHERE]))


def estimate(
    groups: Iterable[Group], start: float, end: float, now: float, region: str, incoming: Mapping[str, float]
) -> Price:
    """Return what a query would cost.

    Args:
        groups: which it reads.
        start: not before this time.
        end: not after this one.
        now: what time it is.
        region: where.
        incoming: by the name of a group, how many bytes arrived in that window, as far as CloudWatch counted them.
    """
    return of(sum(incoming.get(one.name, share(one, start, end, now)) for one in groups), region)


def share(group: Group, start: float, end: float, now: float) -> float:
    """Return how much of what a group stores lies in a window, as if it had come evenly."""
    oldest = max(group.since, now - group.days * DAY if group.days else 0.0)
    # What was made this very moment has written something all the same.
    oldest = min(oldest, now - 60.0)
    covered = min(end, now) - max(start, oldest)
    return group.bytes * max(0.0, covered) / (now - oldest)


def check(price: Price, budget: float, most: float, *, force: bool = False) -> None:
    """Raise Dear for a query that would read more than `budget` gigabytes, or `most` where somebody insists."""
    limit, name, whom = (most, "force_gb", "nobody") if force else (budget, "budget_gb", "one query")
    if price.bytes > limit * GB:
        costs = dollars(price.usd) if price.usd < 0.01 else f"about {dollars(price.usd)}"
        lets = f"lets {whom} read {'more than ' if force else ''}{limit:g} GB"
        insist = ", or insist (force)" if price.bytes <= most * GB else ""
        raise Dear(
            f"this would read about {size(price.bytes)} for {costs}",
            f"[insights] {name} in parapet.toml {lets}: ask for a shorter window or fewer log groups{insist}",
        )


def size(read: float) -> str:
    """Return bytes as people read them: `1.2 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if read < 1024 or unit == "GB":
            return f"{read:.0f} {unit}" if unit == "B" or read >= 100 else f"{read:.1f} {unit}"
        read /= 1024
    raise AssertionError("gigabytes are the last")


def dollars(usd: float) -> str:
    """Return dollars as people read them: `$0.06`, `less than $0.01`."""
    return "less than $0.01" if usd < 0.01 else f"${usd:,.2f}"
