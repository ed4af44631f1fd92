"""An account's costs as far as they can be seen, put together; what cannot be seen is said, not guessed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.costs import budgets, idle, spending
from chalicelib.costs.budgets import Budget
from chalicelib.costs.days import day_of
from chalicelib.costs.explorer import Explorer, NotEnabled
from chalicelib.costs.idle import Idle
from chalicelib.costs.spending import Days, Spending
from chalicelib.model import Aws, AwsError


@dataclass(frozen=True, slots=True)
class Report:
    """What an account costs.

    Args:
        account: whose costs.
        at: when (epoch seconds).
        days: what is known of the last days.
        spending: where it stands; None: Cost Explorer does not tell.
        forecast: what this month will cost in all; None: not known.
        unit: the currency of the bill.
        budgets: the account's budgets of costs.
        idle: what does nothing.
        problems: what could not be seen, and why, as people read it.
        enabled: whether Cost Explorer is enabled.
    """

    account: str
    at: float
    days: Days
    spending: Spending | None
    forecast: float | None
    unit: str
    budgets: tuple[Budget, ...]
    idle: tuple[Idle, ...]
    problems: tuple[str, ...] = ()
    enabled: bool = True


def report(
    aws_of: Callable[[str, str], Aws],
    account: str,
    regions: Sequence[str],
    table: str,
    now: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Return what our own account costs.

    Args:
        aws_of: how to reach an account and region, an empty one being our own.
        account: our own.
        regions: where to look for what is idle.
        table: the journal's, where Cost Explorer's answers are kept.
        now: epoch seconds.
        sleep: how to wait for another one's answer.
    """
    ours, today, problems = aws_of(account, ""), day_of(now), []
    days: Days = {}
    stands, forecast, unit, enabled = None, None, "USD", True
    try:
        explorer = Explorer(ours, table, lambda: now, sleep)
        known = explorer.days(spending.reach(today))
        days, unit, stands = known.days, known.unit, spending.standing(known.days, today)
        rest = explorer.forecast(today)
        forecast = None if rest is None else stands.until_today + rest
    except NotEnabled as error:
        enabled = False
        problems.append(f"Cost Explorer is not enabled in account {account}, or has no data yet: {error.message}")
    except AwsError as error:
        problems.append(f"Cost Explorer could not be asked: {error}")
    held: tuple[Budget, ...] = ()
    try:
        held = tuple(budgets.read(ours))
    except AwsError as error:
        problems.append(f"The budgets could not be read: {error}")
    unused: list[Idle] = []
    for region in regions:
        try:
            unused += idle.find(aws_of(account, region), now)
        except AwsError as error:
            problems.append(f"What is idle in {region} could not be looked for: {error}")
    return Report(account, now, days, stands, forecast, unit, held, tuple(unused), tuple(problems), enabled)
