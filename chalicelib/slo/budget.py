"""What is left of an error budget: as a share, as requests, as minutes, and for how long at the present speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.model import DAY
from chalicelib.services.model import Objective, State
from chalicelib.services.sli import Counted
from chalicelib.slo import burn, sentence
from chalicelib.slo.burn import HOUR, MINUTE, WINDOWS, Burning, Level


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of an objective over its window, as it stands.

    Args:
        objective: whose.
        state: `ok`, or why there are no numbers: nothing came in (`no_traffic`), nothing was told (`no_data`) …
        sentence: what a person is told of it.
        bad: how many requests were bad.
        total: of how many.
        good: how many were good, in percent.
        left: the share that is left, 1 for all of it and below 0 where more than all is spent.
        requests_left: how many more may be bad, of as many as there were; below 0 likewise.
        minutes_left: for how many minutes all requests could fail, where traffic is even.
        burn: the burn rate over each window, by its length; None without traffic.
        speeds: each pair of windows, and whether both burn too fast.
        level: whom that wakes.
        exhausted_in: in how many seconds it is gone at the rate of the last hour; None where it never will be.
    """

    objective: Objective
    state: State
    sentence: str
    bad: float | None = None
    total: float | None = None
    good: float | None = None
    left: float | None = None
    requests_left: float | None = None
    minutes_left: float | None = None
    burn: Mapping[str, float | None] = field(default_factory=dict)
    speeds: tuple[Burning, ...] = ()
    level: Level | None = None
    exhausted_in: float | None = None


def of(objective: Objective, whole: Counted | None, windows: Mapping[int, Counted | None]) -> Budget:
    """Return the budget of an objective.

    Args:
        objective: what is promised.
        whole: what was counted over all its days; None where nothing was told.
        windows: what was counted over each of `burn.WINDOWS`, by its seconds; None or absent where nothing was told.
    """
    if whole is None:
        return Budget(objective, "no_data", sentence.lacking(objective, "no_data"))
    if whole.total <= 0:
        return Budget(objective, "no_traffic", sentence.lacking(objective, "no_traffic"), bad=0.0, total=0.0)
    rates = {window: _rate(windows.get(window), objective) for window in WINDOWS}
    allowed, speeds = objective.budget * whole.total, burn.burning(objective, windows)
    left, hour = 1 - whole.bad / allowed, rates[HOUR]
    gone = exhausted_in(objective, left, hour)
    return Budget(
        objective,
        "ok",
        sentence.told(objective, left, gone, hour, rates[5 * MINUTE]),
        bad=whole.bad,
        total=whole.total,
        good=100 * (1 - whole.bad / whole.total),
        left=left,
        requests_left=allowed - whole.bad,
        minutes_left=left * objective.budget * objective.days * DAY / MINUTE,
        burn={burn.length(window): rate for window, rate in rates.items()},
        speeds=speeds,
        level=burn.level(speeds),
        exhausted_in=gone,
    )


def exhausted_in(objective: Objective, left: float, rate: float | None) -> float | None:
    """Return in how many seconds a budget is gone at a burn rate: 0 where it is; None where it never will be.

    It counts what comes, not what leaves the window meanwhile: rather too early than too late.
    """
    if left <= 0:
        return 0.0
    return left * objective.days * DAY / rate if rate else None


def _rate(counted: Counted | None, objective: Objective) -> float | None:
    return burn.rate(counted, objective) if counted else None
