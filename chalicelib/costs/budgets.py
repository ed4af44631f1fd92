"""AWS Budgets: what an account may cost, and whom it tells when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.model import Aws


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget of costs.

    Args:
        name: its name.
        limit: how much may be spent in its period; None: it has one for each period of its own.
        actual: how much is spent.
        forecast: how much will be, as far as AWS can tell.
        unit: the currency.
        period: `MONTHLY`, `DAILY` …
        whole: whether it counts all of the account, not some services or tags only.
    """

    name: str
    limit: float | None
    actual: float
    forecast: float | None
    unit: str
    period: str
    whole: bool

    @property
    def left(self) -> float | None:
        """What is left of it."""
        return None if self.limit is None else self.limit - self.actual


def read(aws: Aws) -> list[Budget]:
    """Return the account's budgets of costs; asking is free; raises AwsError."""
    found = aws.all("budgets", "describe_budgets", "Budgets", AccountId=aws.account)
    return [budget(one) for one in found if one["BudgetType"] == "COST"]


def budget(raw: Mapping[str, Any]) -> Budget:
    """Return a budget as AWS describes it."""
    limit, spent = raw.get("BudgetLimit"), raw.get("CalculatedSpend") or {}
    actual, forecast = spent.get("ActualSpend") or {}, spent.get("ForecastedSpend") or {}
    return Budget(
        name=raw["BudgetName"],
        limit=float(limit["Amount"]) if limit else None,
        actual=float(actual.get("Amount", 0)),
        forecast=float(forecast["Amount"]) if forecast.get("Amount") else None,
        unit=(limit or actual).get("Unit", "USD"),
        period=raw["TimeUnit"],
        whole=not raw.get("CostFilters") and not raw.get("FilterExpression"),
    )


def of_month(budgets: Iterable[Budget]) -> Budget | None:
    """Return the budget that a month's costs are held against: all of the account, by the month, the tightest one."""
    fitting = [one for one in budgets if one.whole and one.period == "MONTHLY" and one.limit]
    return min(fitting, key=lambda one: (one.limit or 0.0, one.name), default=None)
