"""What is said about costs, beside an alert and in the digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from chalicelib.alerts.signal import Signal
from chalicelib.costs import about, told, words
from chalicelib.costs.budgets import Budget, budget, of_month
from chalicelib.costs.idle import Idle
from chalicelib.costs.report import Report
from chalicelib.costs.spending import Comparison, Service, Spending
from chalicelib.model import AwsError
from tests.costs.bill import MORNING, TABLE, Bill
from tests.samples import ACCOUNT, REGION

BUDGET = {
    "BudgetName": "team", "BudgetType": "COST", "TimeUnit": "MONTHLY",
    "BudgetLimit": {"Amount": "800", "Unit": "USD"},
    "CalculatedSpend": {
        "ActualSpend": {"Amount": "812.34", "Unit": "USD"}, "ForecastedSpend": {"Amount": "1310", "Unit": "USD"}
    },
}  # fmt: skip


class Whole(Bill):
    """The account with a budget and two idle things."""

    def __init__(self) -> None:
        super().__init__()
        self.denied: set[str] = set()

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        if operation in self.denied:
            raise AwsError(f"{service}:{operation}", "AccessDeniedException", "is not authorized")
        if service in ("ce", "dynamodb"):
            return super().__call__(service, operation, **params)
        answers: dict[str, dict[str, Any]] = {
            "describe_budgets": {"Budgets": [BUDGET, {**BUDGET, "BudgetName": "hours", "BudgetType": "USAGE"}]},
            "describe_volumes": {
                "Volumes": [{"VolumeId": "vol-1", "Size": 500, "VolumeType": "gp3", "State": "available"}]
            },
            "describe_addresses": {"Addresses": [{"PublicIp": "198.51.100.9"}]},
        }
        return answers.get(operation, {})


def alerting(**more: Any) -> Signal:
    given = {"account": ACCOUNT, "name": "team", **more}
    return Signal(
        "1", "budget", "budget team", "told", "high", lines=(), facts=(), at=MORNING, since=MORNING,
        title="Budget team has spent $812.34 of $800.00", **given,
    )  # fmt: skip


def gather(aws: Bill, signal: Signal) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    return about.gather(lambda _account, _region: aws, TABLE, signal, MORNING, own=ACCOUNT, regions=(REGION,))


def test_beside_a_budgets_alert() -> None:
    lines, facts = gather(Whole(), alerting())
    assert lines == (
        "Budget team: $812 spent of $800 (102 %), $12.34 too much; AWS expects $1,310",
        "1–19 November: $766, 1–19 October: $672 (+14 %)",
        "Grew most:",
        "• EC2 - Other +$61.70 ($159, was $97.02)",
        "• Amazon SageMaker +$30.37 (new)",
        "• Amazon Elastic Compute Cloud - Compute +$2.66 ($247, was $244)",
        "• AWS Lambda +$0.23 ($10.27, was $10.04)",
        "• Amazon DynamoDB +$0.05 ($7.77, was $7.72)",
        "Idle: 2 things, about $47.65 a month (by AWS's list prices of 2026-11-21, without tax and discounts)",
        "• vol-1, eu-west-1: unattached volume, 500 GB gp3, about $44.00 a month",
        "• 198.51.100.9, eu-west-1: unassociated Elastic IP address, about $3.65 a month",
    )
    assert facts == (
        ("Spent in November", "$803"),
        ("Forecast", "$1,397"),
        ("Budget left", "-$12.34"),
        ("Idle", "about $47.65 a month"),
    )


def test_a_storm_of_budget_alerts_pays_once() -> None:
    aws = Whole()
    for _ in range(20):
        gather(aws, alerting())
    assert aws.costs.requests == ["GetCostAndUsage", "GetCostForecast"]


def test_of_another_account_nothing_is_asked() -> None:
    aws = Whole()
    lines, facts = gather(aws, alerting(account="210987654321"))
    assert (len(lines), facts, aws.costs.requests) == (1, (), [])
    assert "210987654321" in lines[0]


@pytest.mark.parametrize(
    ("denied", "text"),
    [
        ("get_cost_and_usage", "Cost Explorer could not be asked: ce:get_cost_and_usage answered AccessDenied"),
        ("describe_budgets", "The budgets could not be read: budgets:describe_budgets answered AccessDenied"),
        ("describe_volumes", "What is idle in eu-west-1 could not be looked for: ec2:describe_volumes answered"),
    ],
)
def test_what_cannot_be_seen_is_said_and_the_rest_is_there(denied: str, text: str) -> None:
    aws = Whole()
    aws.denied.add(denied)
    lines, _ = gather(aws, alerting())
    assert lines[-1].startswith(text)
    assert len(lines) > 3


def test_a_budget_as_aws_describes_it() -> None:
    assert budget(BUDGET) == Budget("team", 800.0, 812.34, 1310.0, "USD", "MONTHLY", True)
    planned = {name: one for name, one in BUDGET.items() if name not in ("BudgetLimit", "CalculatedSpend")}
    assert budget({**planned, "CostFilters": {"Service": ["EC2"]}}) == Budget(
        "team", None, 0.0, None, "USD", "MONTHLY", False
    )
    assert not budget({**BUDGET, "FilterExpression": {"Tags": {}}}).whole
    assert told.standing(budget(planned)) == "Budget team: $0.00 spent"


def test_the_budget_of_the_month_is_the_tightest_for_all_costs() -> None:
    def one(name: str, limit: float | None, period: str = "MONTHLY", whole: bool = True) -> Budget:
        return Budget(name, limit, 0.0, None, "USD", period, whole)

    some = [one("a", 900), one("b", 700), one("c", 10, "DAILY"), one("d", 10, whole=False), one("e", None)]
    assert of_month(some) == some[1]
    assert of_month([]) is None


def test_more_that_is_new_than_grew_most() -> None:
    grown = tuple(Service(f"S{n}", 10.0 - n, 0.0) for n in range(5))
    new = (*grown[:1], *(Service(f"N{n}", 1.0, 0.0) for n in range(7)))
    day = date(2026, 11, 1), date(2026, 11, 1)
    lines = list(told.growth(Comparison(day, day, 1.0, 1.0, grown, new), "USD"))
    assert lines[2] == "• S0 +$10.00 (new)"
    assert lines[-1] == "New too: N0 ($1.00), N1 ($1.00), N2 ($1.00), N3 ($1.00), N4 ($1.00) and 2 more"


def test_a_price_that_is_not_on_the_list_is_not_made_up() -> None:
    gone = Idle("vol-9", "unattached volume, 1 GB gp9", REGION, None, "scratch")
    report = Report(ACCOUNT, MORNING, {}, None, None, "USD", (), (gone,))
    assert list(told.unused(report))[1] == (
        "• vol-9 (scratch), eu-west-1: unattached volume, 1 GB gp9, its price is not on our list"
    )


def test_before_aws_has_counted_anything() -> None:
    month = Comparison((date(2026, 11, 1),) * 2, (date(2026, 10, 1),) * 2, 0.0, 0.0, (), ())
    spending = Spending(date(2026, 11, 3), 0.0, 0.0, None, None, month, month)
    report = Report(ACCOUNT, MORNING, {}, spending, None, "USD", (), ())
    notice = told.daily(report, spending, None, MORNING)
    assert notice.title == "Costs: $0.00 in November so far"
    assert notice.lines == ("AWS has not counted yesterday yet", "1 November: $0.00, 1 October: $0.00")


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (0, "USD", "$0.00"),
        (-0.001, "USD", "$0.00"),
        (99.99, "USD", "$99.99"),
        (100.5, "USD", "$100"),
        (1234567.8, "USD", "$1,234,568"),
        (-12.5, "USD", "-$12.50"),
        (-1500, "CNY", "-1,500 CNY"),
    ],
)
def test_money(amount: float, unit: str, text: str) -> None:
    assert words.money(amount, unit) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [(120, 100, "+20 %"), (80, 100, "-20 %"), (5, 0, ""), (5, 0.001, ""), (2000, 100, ""), (100, 100, "+0 %")],
)
def test_percent_only_where_it_says_something(now: float, before: float, text: str) -> None:
    assert words.percent(now, before) == text


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 11, 1), date(2026, 11, 19), "1–19 November"),
        (date(2026, 10, 1), date(2026, 10, 31), "October"),
        (date(2026, 10, 28), date(2026, 11, 3), "28 October – 3 November"),
        (date(2026, 11, 1), date(2026, 11, 1), "1 November"),
    ],
)
def test_spans(first: date, last: date, text: str) -> None:
    assert words.span((first, last)) == text


def test_a_shorter_month_is_said_to_be() -> None:
    march = Comparison(
        (date(2026, 3, 1), date(2026, 3, 30)), (date(2026, 2, 1), date(2026, 2, 28)), 110.0, 100.0, (), ()
    )
    assert words.compared(march) == "1–30 March: $110, February: $100 (+10 %); that month has 2 days less"
