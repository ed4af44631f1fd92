"""The stand-in for Cost Explorer: the same account at every start, and no answer to what it cannot evaluate."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import costs
from local.costs import CostExplorer, Refused
from tests.account import TestAccount

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
ASKED: dict[str, Any] = {
    "TimePeriod": {"Start": "2026-11-01", "End": "2026-11-22"},
    "Granularity": "DAILY",
    "Metrics": ["UnblendedCost"],
    "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
}
AHEAD = {
    "TimePeriod": {"Start": "2026-11-21", "End": "2026-12-01"}, "Granularity": "DAILY", "Metric": "UNBLENDED_COST"
}  # fmt: skip


def explorer() -> CostExplorer:
    return CostExplorer(lambda: NOON)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Filter": {"Dimensions": {"Key": "REGION", "Values": ["eu-west-1"]}}}, "NotHere"),
        ({"BillingViewArn": "arn:aws:billing::123456789012:billingview/primary"}, "NotHere"),
        ({"Granularity": "MONTHLY"}, "NotHere"),
        ({"Granularity": "HOURLY"}, "NotHere"),
        ({"Metrics": ["AmortizedCost"]}, "NotHere"),
        ({"Metrics": ["UnblendedCost", "UsageQuantity"]}, "NotHere"),
        ({"GroupBy": [{"Type": "DIMENSION", "Key": "REGION"}]}, "NotHere"),
        ({"GroupBy": [{"Type": "TAG", "Key": "team"}]}, "NotHere"),
        ({"GroupBy": []}, "NotHere"),
        ({"NextPageToken": "abc"}, "InvalidNextTokenException"),
        ({"NextPageToken": "3"}, "InvalidNextTokenException"),
        ({"TimePeriod": {"Start": "2026-11-22", "End": "2026-11-22"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "2026-11-22", "End": "2026-12-02"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "2025-01-01", "End": "2026-11-22"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "2026-11-01T00:00:00Z", "End": "2026-11-22"}}, "ValidationException"),
        ({"TimePeriod": None}, "ValidationException"),
    ],
)
def test_refuses_what_it_cannot_evaluate(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        explorer().usage({**ASKED, **change})
    assert caught.value.code == code


@pytest.mark.parametrize(
    "change",
    [
        {"Granularity": "MONTHLY"},
        {"Metric": "BLENDED_COST"},
        {"Filter": {}},
        {"PredictionIntervalLevel": 80},
        {"TimePeriod": {"Start": "2026-11-20", "End": "2026-12-01"}},
    ],
)
def test_so_it_does_with_forecasts(change: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        explorer().forecast({**AHEAD, **change})


def test_counts_what_would_cost_a_cent_also_what_it_refuses() -> None:
    one = explorer()
    one.usage(ASKED)
    one.forecast(AHEAD)
    with pytest.raises(Refused):
        one.usage({})
    assert one.requests == ["GetCostAndUsage", "GetCostForecast", "GetCostAndUsage"]


def test_is_the_same_account_at_every_start_and_shaped_as_aws_does() -> None:
    answer = explorer().usage(ASKED)
    assert answer == explorer().usage(ASKED)
    results = answer["ResultsByTime"]
    assert len(results) == 21
    assert results[0]["TimePeriod"] == {"Start": "2026-11-01", "End": "2026-11-02"}
    assert results[0]["Total"] == {}
    assert all(one["Estimated"] for one in results)
    [group] = [one for one in results[3]["Groups"] if one["Keys"] == ["AmazonCloudWatch"]]
    assert group["Metrics"]["UnblendedCost"]["Unit"] == "USD"
    assert 1.7 < float(group["Metrics"]["UnblendedCost"]["Amount"]) < 2.1
    assert "NextPageToken" not in answer


def test_months_are_estimated_until_their_bill_is_made() -> None:
    usage = CostExplorer(lambda: NOON).usage({**ASKED, "TimePeriod": {"Start": "2026-10-31", "End": "2026-11-02"}})
    assert [one["Estimated"] for one in usage["ResultsByTime"]] == [False, True]


def test_one_service_grows_one_is_new_and_yesterday_is_counted_in_part() -> None:
    one = explorer()
    before, now = one.costs(date(2026, 11, 8)), one.costs(date(2026, 11, 19))
    assert now[costs.GROWING] > 2 * before[costs.GROWING]
    assert costs.NEW in now
    assert costs.NEW not in before
    assert sum(one.costs(date(2026, 11, 20)).values()) < 0.8 * sum(now.values())
    assert one.costs(date(2026, 11, 22)) == {}
    assert costs.SUPPORT in one.costs(date(2026, 11, 1))


def test_the_forecast_is_what_will_be_and_adds_up() -> None:
    answer = explorer().forecast(AHEAD)
    days = answer["ForecastResultsByTime"]
    assert len(days) == 10
    assert float(answer["Total"]["Amount"]) == pytest.approx(sum(float(day["MeanValue"]) for day in days))


def test_plugged_into_moto_it_answers_over_the_wire(account: TestAccount) -> None:
    one = explorer()
    costs.plug_in(one)
    ce = account.client("ce")
    assert len(ce.get_cost_and_usage(**ASKED)["ResultsByTime"]) == 21
    assert float(ce.get_cost_forecast(**AHEAD)["Total"]["Amount"]) > 100
    with pytest.raises(ClientError, match="the local Cost Explorer groups by SERVICE"):
        ce.get_cost_and_usage(**{**ASKED, "GroupBy": [{"Type": "TAG", "Key": "team"}]})
    one.enabled = False
    with pytest.raises(ClientError, match=r"AccessDeniedException.*User not enabled"):
        ce.get_cost_and_usage(**ASKED)
