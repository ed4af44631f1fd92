"""A stand-in for Cost Explorer, whose answers in moto are empty: one believable account, the same at every start.

It answers what it can evaluate and refuses the rest: in AWS's words what AWS refuses, in its own what only it does. Of
its services one grows since twelve days before the start, and one is five days old; yesterday is counted in part, as on
AWS. Every request would cost a cent, and is counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from moto.ce.responses import CostExplorerResponse
from moto.core.exceptions import JsonRESTError

ONE = timedelta(days=1)
# Dollars a day.
SERVICES = {
    "Amazon Elastic Compute Cloud - Compute": 14.20,
    "Amazon Relational Database Service": 9.60,
    "EC2 - Other": 5.10,
    "Amazon Simple Storage Service": 2.35,
    "AmazonCloudWatch": 1.90,
    "Amazon Virtual Private Cloud": 0.84,
    "AWS Lambda": 0.62,
    "Amazon DynamoDB": 0.41,
    "AWS Key Management Service": 0.13,
    "AWS Cost Explorer": 0.02,
}
GROWING, SINCE, FASTER = "EC2 - Other", 12 * ONE, 0.22
NEW, NEW_SINCE, NEW_COSTS = "Amazon SageMaker", 5 * ONE, 7.40
# What is charged by the month stands on its first day.
SUPPORT, SUPPORT_COSTS = "AWS Support (Developer)", 29.0
# Weekends are quieter, for what people use.
QUIETER = {"Amazon Elastic Compute Cloud - Compute": 0.7, "AWS Lambda": 0.5}
HISTORY = timedelta(days=14 * 30)
BILLED = timedelta(days=6)
PAGE = 1000


class Refused(Exception):
    """A request that Cost Explorer, or this stand-in for it, does not answer."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the error's code and text."""
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class CostExplorer:
    """The account's costs; `requests` counts what was asked, `enabled` may be switched off."""

    def __init__(self, now: Callable[[], float], started: date | None = None, page: int = PAGE) -> None:
        """Begin the account's story on a day, by default today."""
        self._now, self._page = now, page
        self.started = started or self._today()
        self.requests: list[str] = []
        self.enabled = True

    def usage(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetCostAndUsage; raises Refused."""
        self._asked("GetCostAndUsage", params, {"TimePeriod", "Granularity", "Metrics", "GroupBy", "NextPageToken"})
        first, after = _period(params)
        today = self._today()
        if after > _next_month(today):
            raise Refused("ValidationException", "end date past the beginning of next month")
        if first < today - HISTORY:
            raise Refused("ValidationException", "You haven't enabled historical data beyond 14 months")
        if params.get("Granularity") != "DAILY":
            raise Refused("NotHere", f"the local Cost Explorer answers by the day, not {params.get('Granularity')!r}")
        if params.get("Metrics") != ["UnblendedCost"]:
            raise Refused("NotHere", f"the local Cost Explorer knows UnblendedCost, not {params.get('Metrics')!r}")
        if params.get("GroupBy") != [{"Type": "DIMENSION", "Key": "SERVICE"}]:
            raise Refused("NotHere", f"the local Cost Explorer groups by SERVICE, not {params.get('GroupBy')!r}")
        rows = [(day, *cost) for day in _days(first, after) for cost in sorted(self.costs(day).items())]
        start = self._start(params, len(rows))
        some, days = rows[start : start + self._page], list(_days(first, after))
        if len(rows) > self._page:
            days = sorted({day for day, _, _ in some})
        results = [
            {
                "TimePeriod": {"Start": day.isoformat(), "End": (day + ONE).isoformat()},
                "Total": {},
                "Groups": [
                    {"Keys": [service], "Metrics": {"UnblendedCost": {"Amount": f"{cost:.10f}", "Unit": "USD"}}}
                    for of, service, cost in some
                    if of == day
                ],
                "Estimated": today < _next_month(day) + BILLED,
            }
            for day in days
        ]
        more = {"NextPageToken": str(start + self._page)} if start + self._page < len(rows) else {}
        return {"ResultsByTime": results, "DimensionValueAttributes": [], **more}

    def forecast(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetCostForecast; raises Refused."""
        self._asked("GetCostForecast", params, {"TimePeriod", "Granularity", "Metric"})
        first, after = _period(params)
        if first < self._today():
            raise Refused("ValidationException", "Start date must be equal to or later than the current date")
        if params.get("Metric") != "UNBLENDED_COST" or params.get("Granularity") != "DAILY":
            raise Refused("NotHere", "the local Cost Explorer forecasts UNBLENDED_COST, and by the day")
        values = [(day, sum(self._whole(day).values())) for day in _days(first, after)]
        return {
            "Total": {"Amount": f"{sum(value for _, value in values):.10f}", "Unit": "USD"},
            "ForecastResultsByTime": [
                {
                    "TimePeriod": {"Start": day.isoformat(), "End": (day + ONE).isoformat()},
                    "MeanValue": f"{value:.10f}",
                }
                for day, value in values
            ],
        }

    def costs(self, day: date) -> dict[str, float]:
        """Return what is counted of a day by now, by service."""
        today, now = self._today(), datetime.fromtimestamp(self._now(), UTC)
        if day > today:
            return {}
        # Of today there is what is half a day old, of yesterday some more.
        counted = max(0.0, (now.hour - 12) / 24) if day == today else 0.5 + now.hour / 48 if day == today - ONE else 1.0
        return {service: cost * counted for service, cost in self._whole(day).items() if cost * counted > 0}

    def _whole(self, day: date) -> dict[str, float]:
        found = {service: cost * _noise(service, day) for service, cost in SERVICES.items()}
        for service, share in QUIETER.items():
            found[service] *= share if day.weekday() >= 5 else 1.0
        grown = max(0, (day - (self.started - SINCE)).days)
        found[GROWING] *= 1 + FASTER * grown
        if day >= self.started - NEW_SINCE:
            found[NEW] = NEW_COSTS * _noise(NEW, day)
        if day.day == 1:
            found[SUPPORT] = SUPPORT_COSTS
        return found

    def _asked(self, operation: str, params: Mapping[str, Any], known: set[str]) -> None:
        self.requests.append(operation)
        if not self.enabled:
            raise Refused("AccessDeniedException", "User not enabled for cost explorer access")
        if unknown := sorted(set(params) - known):
            raise Refused("NotHere", f"the local Cost Explorer does not evaluate {', '.join(unknown)}")

    def _start(self, params: Mapping[str, Any], rows: int) -> int:
        token = params.get("NextPageToken", "0")
        if not token.isdigit() or int(token) % self._page or (rows and int(token) >= rows):
            raise Refused("InvalidNextTokenException", f"{token!r} is not a token of this request")
        return int(token)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._now(), UTC).date()


def plug_in(explorer: CostExplorer) -> None:
    """Have moto's Cost Explorer be this one."""

    def answering(answer: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[Any], str]:
        def respond(self: Any) -> str:
            try:
                return json.dumps(answer(json.loads(self.body)))
            except Refused as error:
                raise JsonRESTError(error.code, error.message) from error

        return respond

    CostExplorerResponse.get_cost_and_usage = answering(explorer.usage)
    CostExplorerResponse.get_cost_forecast = answering(explorer.forecast)


def _period(params: Mapping[str, Any]) -> tuple[date, date]:
    try:
        period = params["TimePeriod"]
        first, after = date.fromisoformat(period["Start"]), date.fromisoformat(period["End"])
    except (KeyError, TypeError, ValueError):
        raise Refused("ValidationException", "Start time or End time is invalid. Valid format is: yyyy-MM-dd") from None
    if first >= after:
        raise Refused("ValidationException", "Start date (and hour) should be before end date (and hour)")
    return first, after


def _days(first: date, after: date) -> Iterator[date]:
    while first < after:
        yield first
        first += ONE


def _next_month(day: date) -> date:
    return (day.replace(day=1) + 31 * ONE).replace(day=1)


def _noise(service: str, day: date) -> float:
    """Return a factor between 0.95 and 1.05, always the same for a service and day."""
    return 0.95 + hashlib.sha256(f"{service} {day}".encode()).digest()[0] / 2550
