"""How fast an error budget is spent, and which speeds wake people: the multi-window, multi-burn-rate alerts.

The SRE workbook, chapter 5: a page for 2 % of the month's budget within an hour, or 5 % within six; a ticket for 10 %
within a day, or within three. Each speed is looked at over a long window, and over one of a twelfth, so that it ends
soon after the trouble does.

https://sre.google/workbook/alerting-on-slos/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from chalicelib.model import DAY
from chalicelib.services.model import Objective
from chalicelib.services.sli import Counted

HOUR, MINUTE = 3600, 60
Level = Literal["page", "ticket"]


@dataclass(frozen=True, slots=True)
class Speed:
    """One row of the workbook's table.

    Args:
        level: whom it wakes.
        spent: the share of the budget that is gone when it does.
        long: the window in seconds.
        short: the one that tells that it still goes on.
    """

    level: Level
    spent: float
    long: int
    short: int

    def factor(self, days: int) -> float:
        """Return how many times faster than evenly the budget of so many days is spent at this speed."""
        return round(self.spent * days * DAY / self.long, 9)


SPEEDS = (
    Speed("page", 0.02, HOUR, 5 * MINUTE),
    Speed("page", 0.05, 6 * HOUR, 30 * MINUTE),
    Speed("ticket", 0.10, 24 * HOUR, 2 * HOUR),
    Speed("ticket", 0.10, 72 * HOUR, 6 * HOUR),
)

# Every window that is looked at, the shortest first.
WINDOWS = tuple(sorted({window for speed in SPEEDS for window in (speed.long, speed.short)}))


@dataclass(frozen=True, slots=True)
class Burning:
    """One speed, and how fast the budget is spent over its two windows.

    Args:
        speed: which row of the table.
        factor: how many times faster than evenly is too fast.
        long: the burn rate over the long window; None without traffic.
        short: over the short one.
        on: whether both are too fast, and as many requests bad as it takes to wake somebody.
    """

    speed: Speed
    factor: float
    long: float | None
    short: float | None
    on: bool


def burning(objective: Objective, windows: Mapping[int, Counted | None]) -> tuple[Burning, ...]:
    """Return how fast the budget is spent at each speed: what the alarms of an objective say.

    Args:
        objective: whose budget.
        windows: what was counted over each of `WINDOWS`, by its seconds; None or absent where there was nothing.
    """
    found = []
    for speed in SPEEDS:
        factor, long, short = speed.factor(objective.days), windows.get(speed.long), windows.get(speed.short)
        slow, fast = (rate(one, objective) if one else None for one in (long, short))
        enough = long is not None and long.bad >= least(objective)
        on = enough and slow is not None and fast is not None and slow > factor and fast > factor
        found.append(Burning(speed, factor, slow, fast, on))
    return tuple(found)


def level(burnings: Iterable[Burning]) -> Level | None:
    """Return whom it wakes: a page says more than a ticket; None where nothing burns too fast."""
    on = {one.speed.level for one in burnings if one.on}
    return "page" if "page" in on else "ticket" if on else None


def length(seconds: int) -> str:
    """Return what a window is called: 5m, 6h, 3d."""
    for size, letter in ((24 * HOUR, "d"), (HOUR, "h")):
        if seconds % size == 0:
            return f"{seconds // size}{letter}"
    return f"{seconds // MINUTE}m"


def least(objective: Objective) -> float:
    """Return how many bad requests a long window must have to wake anybody; where percentages were counted, halves."""
    return objective.few - 0.5


def rate(counted: Counted, objective: Objective) -> float | None:
    """Return the burn rate: 1 spends the budget evenly over its window; None without traffic."""
    return counted.bad / counted.total / objective.budget if counted.total > 0 else None


def impossible(objective: Objective) -> str:
    """Return why an objective could never page, or nothing: its fastest speed would need more than all requests bad."""
    for speed in SPEEDS:
        factor = speed.factor(objective.days)
        if speed.level == "page" and factor * objective.budget >= 1:
            lowest = 100 * (1 - 1 / factor)
            return (
                f"{objective.goal:g} % could never page: {factor:g} times its budget is more than all requests; "
                f"over {objective.days} days a goal above {lowest:.2f} % can"
            )
    return ""
