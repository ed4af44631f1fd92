"""The digest of costs: what it says, when, and what it says when it cannot."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from chalice import Chalice

from chalicelib.costs import idle
from chalicelib.costs.chosen import Costs
from chalicelib.costs.report import report
from chalicelib.functions import digest
from chalicelib.model import Notice, ParapetError
from local import costs
from local.costs import CostExplorer
from tests.account import TABLE, TestAccount
from tests.functions.test_guards import TICK, Context
from tests.samples import ACCOUNT, REGION

SATURDAY = datetime(2026, 11, 21, 7, 30, tzinfo=UTC).timestamp()
MONDAY = SATURDAY + 2 * 86400


@pytest.fixture
def bill(account: TestAccount) -> CostExplorer:
    """The account's Cost Explorer."""
    account.clock.at = SATURDAY
    one = CostExplorer(account.clock, date(2026, 11, 21))
    costs.plug_in(one)
    return one


def sent(account: TestAccount, now: float | None = None) -> list[Notice]:
    """What the function would send now, under its role."""
    account.set(table=TABLE, swept=(REGION,))
    if now is not None:
        account.clock.at = now
    reach = lambda _, region: account.aws("digest", region or REGION)  # noqa: E731
    return list(digest.notices(reach, account.settings, ACCOUNT, account.clock()))


def play(account: TestAccount, functions: Sequence[str] = ("digest", "enrich")) -> None:
    """Have functions look up all that there may be to say about costs, in an account that is three weeks older."""
    costs.plug_in(CostExplorer(time.time))
    ec2 = account.client("ec2")
    ec2.create_nat_gateway(SubnetId=ec2.describe_subnets()["Subnets"][0]["SubnetId"])
    for function in functions:
        reach = lambda _, region, function=function: account.aws(function, region or REGION)  # noqa: E731
        report(reach, ACCOUNT, (REGION,), TABLE, time.time())
        idle.find(account.aws(function), time.time() + 21 * 86400)
        # The next one shall have to ask too.
        table = account.client("dynamodb")
        for item in table.scan(TableName=TABLE)["Items"]:
            if item["pk"]["S"].startswith("COST#"):
                table.delete_item(TableName=TABLE, Key={name: item[name] for name in ("pk", "sk")})


def budget(account: TestAccount, limit: str, actual: str) -> None:
    account.client("budgets").create_budget(
        AccountId=ACCOUNT,
        Budget={
            "BudgetName": "monthly",
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": limit, "Unit": "USD"},
            "CalculatedSpend": {"ActualSpend": {"Amount": actual, "Unit": "USD"}},
        },
    )


def test_a_morning(account: TestAccount, bill: CostExplorer) -> None:
    budget(account, "1000", "812.50")
    account.client("ec2").create_volume(AvailabilityZone="eu-west-1a", Size=200, VolumeType="gp3")
    [volume] = account.client("ec2").describe_volumes()["Volumes"]
    [notice] = sent(account)
    assert base64.b64decode(notice.picture).startswith(b"\x89PNG")
    assert (notice.key, notice.thread) == (f"costs:{ACCOUNT}:daily:2026-11-21",) * 2
    assert (notice.kind, notice.source, notice.status, notice.account) == ("digest", "costs", "digest", ACCOUNT)
    assert notice.severity == "medium", "the forecast is more than the budget"
    assert notice.title == "Costs: $803 in November so far, 1–19 November +14 % on the month before"
    assert notice.lines == (
        "Yesterday: $36.59 so far, AWS still counts; 19 November: $53.29",
        "Forecast for November: $1,397",
        "Budget monthly: $812 spent of $1,000 (81 %), $188 left",
        "1–19 November: $766, 1–19 October: $672 (+14 %)",
        "Grew most:",
        "• EC2 - Other +$61.70 ($159, was $97.02)",
        "• Amazon SageMaker +$30.37 (new)",
        "• Amazon Elastic Compute Cloud - Compute +$2.66 ($247, was $244)",
        "• AWS Lambda +$0.23 ($10.27, was $10.04)",
        "• Amazon DynamoDB +$0.05 ($7.77, was $7.72)",
        "Idle: 1 thing, about $17.60 a month (by AWS's list prices of 2026-11-21, without tax and discounts)",
        f"• {volume['VolumeId']}, eu-west-1: unattached volume, 200 GB gp3, about $17.60 a month",
    )
    assert notice.facts == (
        ("Account", ACCOUNT),
        ("Spent in November", "$803"),
        ("Forecast", "$1,397"),
        ("Budget left", "$188"),
        ("Idle", "about $17.60 a month"),
    )
    assert bill.requests == ["GetCostAndUsage", "GetCostForecast"]


def test_on_mondays_the_week_too_for_the_same_two_cents(account: TestAccount, bill: CostExplorer) -> None:
    daily, weekly = sent(account, MONDAY)
    assert daily.title.startswith("Costs: $")
    assert weekly.key == f"costs:{ACCOUNT}:weekly:2026-11-23"
    assert weekly.title.startswith("Costs of the week 15–21 November: $")
    assert weekly.lines[0].startswith("15–21 November: $")
    assert "8–14 November: $" in weekly.lines[0]
    assert weekly.picture == daily.picture
    assert bill.requests == ["GetCostAndUsage", "GetCostForecast"]


def test_mornings_cost_two_cents_each(account: TestAccount, bill: CostExplorer) -> None:
    for morning in range(8):
        sent(account, SATURDAY + morning * 86400)
    # And after a week the first of the month again, on which support and tax grow.
    assert len(bill.requests) == 17


@pytest.mark.parametrize(
    ("chosen", "now", "names"),
    [
        (("daily",), MONDAY, ["daily"]),
        (("weekly",), MONDAY, ["weekly"]),
        (("weekly",), SATURDAY, []),
        ((), MONDAY, []),
    ],
)
def test_as_chosen_and_for_nothing_when_none_is_due(
    account: TestAccount, bill: CostExplorer, chosen: Any, now: float, names: list[str]
) -> None:
    account.set(costs=Costs(digest=chosen))
    assert [one.name for one in sent(account, now)] == names
    assert bool(bill.requests) is bool(names)


def test_it_says_once_that_cost_explorer_is_not_enabled(account: TestAccount, bill: CostExplorer) -> None:
    bill.enabled = False
    [first] = sent(account)
    [again] = sent(account, MONDAY)
    # A thread tells the same key once.
    assert (first.key, first.thread) == (again.key, again.thread) == (f"costs:{ACCOUNT}:not-enabled",) * 2
    assert first.title == "No cost digest: Cost Explorer is not enabled, or has no data yet"
    assert "User not enabled for cost explorer access" in first.lines[0]
    bill.enabled = True
    assert sent(account, MONDAY + 86400)[0].name == "daily"


def test_a_failing_cost_explorer_is_a_failure(account: TestAccount, bill: CostExplorer) -> None:
    account.hold("digest", {"Version": "2012-10-17", "Statement": [
        one for one in account.roles.documents["digest"]["Statement"] if one["Sid"] != "Costs"
    ]})  # fmt: skip
    with pytest.raises(
        ParapetError, match=r"Cost Explorer could not be asked: ce:GetCostAndUsage answered AccessDenied"
    ):
        sent(account)
    assert bill.requests == []


def test_what_else_cannot_be_seen_is_said(account: TestAccount, bill: CostExplorer) -> None:
    kept = [one for one in account.roles.documents["digest"]["Statement"] if one["Sid"] not in ("Idle", "Budgets")]
    account.hold("digest", {"Version": "2012-10-17", "Statement": kept})
    [notice] = sent(account)
    assert [line.split(":")[0] for line in notice.lines[-2:]] == [
        "The budgets could not be read", "What is idle in eu-west-1 could not be looked for"
    ]  # fmt: skip


def test_on_the_first_of_a_month(account: TestAccount, bill: CostExplorer) -> None:
    [notice] = sent(account, datetime(2026, 12, 1, 7, 30, tzinfo=UTC).timestamp())
    assert notice.title.startswith("Costs: $0.00 in December so far, 1–29 November +")


@pytest.mark.parametrize(("actual", "severity"), [("100", "low"), ("9001", "high")])
def test_how_bad_it_is_the_budget_says(account: TestAccount, bill: CostExplorer, actual: str, severity: str) -> None:
    budget(account, "9000", actual)
    assert sent(account)[0].severity == severity


def test_the_handler_sends_them(account: TestAccount, bill: CostExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib import wiring

    for name, value in {
        "AWS_REGION": REGION, "PARAPET_STAGE": "test", "PARAPET_TABLE": TABLE,
        "PARAPET_SLACK_QUEUE": account.queue,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    before = list(wiring._given)
    wiring.use(account.functions)
    try:
        Chalice(app_name="parapet").register_blueprint(digest.blueprint)
        now = datetime.now(UTC)
        account.clock.at, bill.started = now.timestamp(), now.date() - timedelta(days=1)
        account.running("digest", digest.digest)(TICK, Context(function_name="parapet-test-digest"))
    finally:
        wiring._given[:] = before
    names = [notice.name for notice in account.notices()]
    assert names == (["daily", "weekly"] if now.weekday() == 0 else ["daily"])
