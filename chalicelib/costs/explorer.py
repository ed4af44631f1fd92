"""Cost Explorer, which takes a cent for each question: what it has answered is kept in the journal's table.

One item per account and month, with an attribute per day, so that two callers never overwrite each other's days. Who
asks says so first; whoever comes meanwhile waits for that answer. If the one that asked dies, its claim ends by itself,
and the question is asked, and paid for, once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from chalicelib import items
from chalicelib.costs.days import ONE, Day, Span, each, first_of_month, unknown
from chalicelib.costs.spending import rest_of_month
from chalicelib.model import Aws, AwsError

# Seconds: longer than an answer takes, and how long others wait for it, in steps.
CLAIM, PATIENCE, STEP = 60.0, 8.0, 0.5
# The forecast is made anew about once a day.
FORECAST = 12 * 3600.0


class NotEnabled(AwsError):
    """Nobody has enabled Cost Explorer in this account, or its data is not there yet."""


@dataclass(frozen=True, slots=True)
class Known:
    """What Cost Explorer has told of some days, and in which currency."""

    days: Mapping[date, Day]
    unit: str = "USD"


class Explorer:
    """Cost Explorer's answers about our own account, each asked for once."""

    def __init__(self, ours: Aws, table: str, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._aws, self._table, self._now, self._sleep = ours, table, now, sleep

    def days(self, span: Span) -> Known:
        """Return what is known of some days, asking for what is not; raises NotEnabled, AwsError."""
        found, unit = self._kept(span)
        if not unknown(span, found, self._now()):
            return Known(found, unit)
        claimed = self._claimed()
        if not claimed:
            self._await(lambda: not unknown(span, self._kept(span)[0], self._now()))
        try:
            # Another one's answer counts, whether or not it was waited for.
            found, unit = self._kept(span)
            for some in unknown(span, found, self._now()):
                answered, unit = self._asked(some)
                self._keep(answered, unit)
                found |= answered
        finally:
            if claimed:
                self._release()
        return Known(found, unit)

    def forecast(self, today: date) -> float | None:
        """Return what the rest of the month will cost, today included; None: there is too little to go by.

        Raises NotEnabled, AwsError.
        """
        kept = self._item(self._month(today)).get("forecast")
        if kept and self._now() - kept["at"] < FORECAST and kept["day"] == today.isoformat():
            amount = kept["amount"]
            return None if amount is None else float(amount)
        amount = self._forecast(rest_of_month(today))
        told = {"at": self._now(), "day": today.isoformat(), "amount": amount}
        self._update(self._month(today), "SET forecast = :forecast", {":forecast": told})
        return amount

    # Asking

    def _asked(self, span: Span) -> tuple[dict[date, Day], str]:
        """Ask for some days; the answer may come in pages, of which one may go on with the last one's day."""
        services: dict[date, dict[str, float]] = {}
        estimated: dict[date, bool] = {}
        unit = "USD"
        page: dict[str, str] = {}
        while True:
            answer = self._cost_explorer(
                "get_cost_and_usage",
                TimePeriod=_period(span),
                Granularity="DAILY",
                Metrics=["UnblendedCost"],
                GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
                **page,
            )
            for one in answer["ResultsByTime"]:
                day = date.fromisoformat(one["TimePeriod"]["Start"])
                estimated[day] = bool(one["Estimated"])
                costs = services.setdefault(day, {})
                for group in one["Groups"]:
                    cost = group["Metrics"]["UnblendedCost"]
                    unit = cost["Unit"]
                    if amount := round(float(cost["Amount"]), 6):
                        costs[group["Keys"][0]] = amount
            if not answer.get("NextPageToken"):
                break
            page = {"NextPageToken": answer["NextPageToken"]}
        # Of a day that it does not tell of it has nothing; it need not be asked about again at once.
        now = self._now()
        return {day: Day(services.get(day, {}), estimated.get(day, True), now) for day in each(span)}, unit

    def _forecast(self, span: Span) -> float | None:
        try:
            # By the month its answer would be for whole months; the days add up to what is left of this one.
            answer = self._cost_explorer(
                "get_cost_forecast", TimePeriod=_period(span), Metric="UNBLENDED_COST", Granularity="DAILY"
            )
        except NotEnabled as error:
            if error.code == "DataUnavailableException":
                return None
            raise
        return round(float(answer["Total"]["Amount"]), 2)

    def _cost_explorer(self, operation: str, **params: Any) -> dict[str, Any]:
        try:
            return self._aws("ce", operation, **params)
        except AwsError as error:
            if error.code == "DataUnavailableException" or (error.denied and "not enabled" in error.message):
                raise NotEnabled(error.action, error.code, error.message) from error
            raise

    # Keeping

    def _month(self, day: date) -> str:
        return f"{self._aws.account}#{day:%Y-%m}"

    def _kept(self, span: Span) -> tuple[dict[date, Day], str]:
        found: dict[date, Day] = {}
        unit = "USD"
        for month in dict.fromkeys(first_of_month(day) for day in each(span)):
            item = self._item(self._month(month))
            unit = item.get("unit", unit)
            for name, kept in item.items():
                if name.startswith("day "):
                    day = month.replace(day=int(name.removeprefix("day ")))
                    found[day] = Day({one: float(cost) for one, cost in kept["services"].items()}, *_when(kept))
        return found, unit

    def _keep(self, days: Mapping[date, Day], unit: str) -> None:
        for month in dict.fromkeys(map(first_of_month, days)):
            some = {day: one for day, one in days.items() if first_of_month(day) == month}
            values = {
                f":day{day.day}": {"services": one.services, "estimated": one.estimated, "at": one.at}
                for day, one in some.items()
            }
            sets = ", ".join(f"#day{day.day} = :day{day.day}" for day in some)
            names = {f"#day{day.day}": f"day {day.day:02d}" for day in some}
            self._update(self._month(month), f"SET {sets}, #unit = :unit", {**values, ":unit": unit}, {
                **names, "#unit": "unit"
            })  # fmt: skip

    def _claimed(self) -> bool:
        """Say that we ask; False when somebody else does at this moment."""
        now = self._now()
        try:
            self._update(
                self._aws.account,
                "SET asking = :until",
                {":until": now + CLAIM, ":now": now},
                condition="attribute_not_exists(asking) OR asking <= :now",
            )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _release(self) -> None:
        self._update(self._aws.account, "REMOVE asking", {})

    def _await(self, there: Callable[[], bool]) -> None:
        waited = 0.0
        while waited < PATIENCE and not there():
            self._sleep(STEP)
            waited += STEP

    def _item(self, name: str) -> dict[str, Any]:
        answer = self._aws("dynamodb", "get_item", TableName=self._table, Key=_key(name), ConsistentRead=True)
        return items.values(answer.get("Item") or {})

    def _update(
        self,
        name: str,
        update: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
        condition: str = "",
    ) -> None:
        params: dict[str, Any] = {"TableName": self._table, "Key": _key(name), "UpdateExpression": update}
        if values:
            params["ExpressionAttributeValues"] = items.item(values)
        if names:
            params["ExpressionAttributeNames"] = dict(names)
        if condition:
            params["ConditionExpression"] = condition
        self._aws("dynamodb", "update_item", **params)


def _key(name: str) -> dict[str, Any]:
    return {"pk": {"S": f"COST#{name}"}, "sk": {"S": "COST"}}


def _period(span: Span) -> dict[str, str]:
    # The end is not part of it.
    return {"Start": span[0].isoformat(), "End": (span[1] + ONE).isoformat()}


def _when(kept: Mapping[str, Any]) -> tuple[bool, float]:
    return bool(kept["estimated"]), float(kept["at"])
