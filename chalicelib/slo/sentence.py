"""What a tired person is told of an error budget: one sentence."""

from __future__ import annotations

import math
from typing import Literal

from chalicelib.model import DAY
from chalicelib.services.model import Objective
from chalicelib.slo.burn import HOUR, MINUTE

WINDOWS = {7: "week", 28: "four weeks", 30: "month"}


def lacking(objective: Objective, state: Literal["no_data", "no_traffic"]) -> str:
    """Return what is told where there are no numbers."""
    if state == "no_traffic":
        return f"No traffic in {objective.days} days: there is nothing to spend a budget on."
    return f"No data: nothing tells how much of the {possessive(objective.days)} budget is left."


def denied(objective: Objective, why: str) -> str:
    """Return what is told where Parapet may not read what the budget is counted from."""
    return f"Nothing can be told of the {possessive(objective.days)} budget: {why}."


def told(objective: Objective, left: float, gone: float | None, hour: float | None, now: float | None) -> str:
    """Return where a budget stands and where it is going.

    Args:
        objective: whose.
        left: the share that is left.
        gone: in how many seconds nothing is, at the rate of the last hour; None where that never comes.
        hour: the burn rate over the last hour; None without traffic.
        now: over the last five minutes.
    """
    budget = f"{possessive(objective.days)} budget"
    still = f"{share(left)} left"
    burns, ended = hour is not None and hour > 1, now is not None and now <= 1
    if left <= 0:
        spent = f"The {budget} is spent{over(left)}"
        if burns and not ended:
            return f"{spent}, and burns on {times(hour)} as fast as it may."
        return f"{spent}; it comes back as the bad hours leave the window."
    if hour is None:
        return f"No traffic in the last hour; {still} of the {budget}."
    if burns and ended:
        return f"Recovering: the last five minutes were fine; {still} of the {budget}."
    if burns:
        return f"At this rate the {budget} is gone in {lasting(gone or 0)}; {still}."
    if hour == 0:
        return f"Not burning: nothing was bad in the last hour; {still} of the {budget}."
    return f"Burning {times(hour)} as fast as it may, which lasts; {still} of the {budget}."


def possessive(days: int) -> str:
    """Return whose budget it is: the month's."""
    name = WINDOWS[days]
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def share(value: float) -> str:
    """Return a share in percent, rounded down: what was touched is not told as whole."""
    percent = value * 100 + 1e-9
    return f"{math.floor(percent)} %" if percent >= 1 else "less than 1 %"


def over(left: float) -> str:
    """Return how much more than all of a budget is spent, if that can be seen."""
    more = math.floor(-left * 100 + 1e-9)
    return f", and {more} % more" if more else ""


def times(rate: float | None) -> str:
    """Return how fast `as fast as it may` is: 14.4 times."""
    value = round(rate or 0, 1)
    if value < 0.1:
        return "less than 0.1 times"
    return "just" if value == 1 else f"{value:g} times"


def lasting(seconds: float) -> str:
    """Return a duration as one says it: in minutes, hours, or days, rounded down."""
    if seconds < MINUTE:
        return "less than a minute"
    if seconds < 2 * HOUR:
        return _counted(seconds / MINUTE, "minute")
    if seconds < 3 * DAY:
        return f"{math.floor(seconds / HOUR + 1e-6)} h"
    return _counted(seconds / DAY, "day")


def _counted(value: float, word: str) -> str:
    whole = math.floor(value + 1e-6)
    return f"{whole} {word}{'' if whole == 1 else 's'}"
