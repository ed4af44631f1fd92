"""What Cost Explorer has answered is kept: nobody pays twice for a day that is closed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib import items
from chalicelib.costs import days
from chalicelib.costs.explorer import CLAIM, PATIENCE, NotEnabled
from chalicelib.costs.spending import reach
from chalicelib.model import AwsError
from tests.account import TABLE, TestAccount
from tests.costs.bill import MORNING, START, Bill

HOUR, DAY = 3600.0, 86400.0
SPAN = reach(START)


def all_days(asked: list[tuple[str, str]]) -> list[date]:
    """Every day that was asked for, as often as it was."""
    found = []
    for first, after in asked:
        found += list(days.each((date.fromisoformat(first), date.fromisoformat(after) - timedelta(days=1))))
    return found


def test_one_question_fills_all_days() -> None:
    bill = Bill()
    known = bill.explorer().days(SPAN)
    assert bill.asked == [("2026-10-01", "2026-11-22")]
    assert known.unit == "USD"
    assert sorted(known.days) == list(days.each(SPAN))
    there = bill.costs.costs(START - timedelta(days=5))
    assert known.days[START - timedelta(days=5)].services == pytest.approx(there, abs=1e-6)


def test_asked_again_within_hours_it_is_not_paid_again() -> None:
    bill = Bill()
    first = bill.explorer().days(SPAN)
    bill.at += 5 * HOUR
    assert bill.explorer().days(SPAN).days == first.days
    assert len(bill.asked) == 1
    assert bill.waits == 0.0


def test_a_year_of_mornings_never_asks_for_a_day_that_is_closed_and_costs_little() -> None:
    bill, seen = Bill(), dict[date, Any]()
    for _ in range(365):
        before = len(bill.asked)
        known = bill.explorer().days(reach(days.day_of(bill.at)))
        again = all_days(bill.asked[before:])
        assert not [day for day in again if day in seen and days.closed(day, seen[day])]
        assert len(again) == len(set(again)), "no day twice in one morning"
        seen |= known.days
        bill.at += DAY
    settled = [day for day in seen if days.ends(day) + 5 * DAY < bill.at and day.day != 1]
    for day in settled:
        assert seen[day].services == pytest.approx(bill.costs.costs(day), abs=1e-6), "what is kept is the whole day"
    # One a morning, and for the first of a month once a week: less than four and a half dollars a year.
    assert 365 <= len(bill.asked) <= 365 + 12 * 6


def test_an_answer_in_pages_is_one_answer() -> None:
    whole, paged = Bill(), Bill(page=7)
    assert paged.explorer().days(SPAN).days == whole.explorer().days(SPAN).days
    assert len(paged.costs.requests) > 10


def test_dying_between_the_answer_and_the_table_costs_one_question_more() -> None:
    bill, down = Bill(), AwsError("dynamodb:UpdateItem", "InternalServerError", "down")
    explorer = bill.explorer()

    def dies(*_: Any) -> None:
        raise down

    explorer._keep = dies  # type: ignore[method-assign, assignment]
    explorer._release = dies  # type: ignore[method-assign]
    with pytest.raises(AwsError, match="down"):
        explorer.days(SPAN)
    # Whoever comes next waits for the one that has died, and then asks itself.
    found = bill.explorer().days(SPAN)
    assert sorted(found.days) == list(days.each(SPAN))
    assert (len(bill.asked), bill.waits) == (2, PATIENCE)
    bill.at += CLAIM
    bill.explorer().days(SPAN)
    assert len(bill.asked) == 2


def test_whoever_comes_meanwhile_takes_the_other_ones_answer() -> None:
    bill = Bill()
    first, second = bill.explorer(), bill.explorer()
    found: list[Any] = []
    own = first._cost_explorer

    def interrupted(operation: str, **params: Any) -> dict[str, Any]:
        """Another caller comes while the first one waits for the answer; it gets it after half a second."""
        answer = own(operation, **params)
        held = bill.sleep

        def later(seconds: float) -> None:
            held(seconds)
            first._keep({day: days.Day({"EC2": 1.0}, True, bill.at) for day in days.each(SPAN)}, "USD")

        second._sleep = later
        found.append(second.days(SPAN))
        return answer

    first._cost_explorer = interrupted  # type: ignore[method-assign]
    first.days(SPAN)
    assert (len(bill.asked), bill.waits) == (1, 0.5)
    assert sorted(found[0].days) == list(days.each(SPAN))


def test_it_waits_no_longer_than_it_should_and_leaves_the_others_claim_alone() -> None:
    bill = Bill()
    assert bill.explorer()._claimed()
    bill.explorer().days(SPAN)
    assert bill.waits == PATIENCE
    assert bill.table[f"COST#{bill.account}"] == {"asking": MORNING + CLAIM}


def test_a_day_of_which_aws_says_nothing_is_not_asked_for_at_once() -> None:
    bill = Bill()
    span = START + timedelta(days=1), START + timedelta(days=1)
    assert bill.explorer().days(span).days[span[0]].services == {}
    bill.explorer().days(span)
    assert len(bill.asked) == 1


def test_the_forecast_is_asked_for_twice_a_day_at_most() -> None:
    bill = Bill()
    first = bill.explorer().forecast(START)
    # Ten days of about forty dollars and more.
    assert first is not None
    assert 400 < first < 800
    bill.at += 11 * HOUR
    assert bill.explorer().forecast(START) == first
    assert bill.costs.requests == ["GetCostForecast"]
    bill.at += HOUR
    bill.explorer().forecast(START)
    assert len(bill.costs.requests) == 2


def test_too_little_to_forecast_is_an_answer_too() -> None:
    bill = Bill()
    bill.fail["get_cost_forecast"] = AwsError("ce:GetCostForecast", "DataUnavailableException", "not enough data")
    assert bill.explorer().forecast(START) is None
    assert bill.explorer().forecast(START) is None
    assert bill.costs.requests == []


@pytest.mark.parametrize("operation", ["days", "forecast"])
def test_says_that_it_is_not_enabled(operation: str) -> None:
    bill = Bill()
    bill.costs.enabled = False
    explorer = bill.explorer()
    with pytest.raises(NotEnabled, match="User not enabled for cost explorer access"):
        explorer.days(SPAN) if operation == "days" else explorer.forecast(START)
    # It may be enabled any minute.
    assert "asking" not in bill.table.get(f"COST#{bill.account}", {})


def test_a_missing_right_is_no_reason_to_say_so() -> None:
    bill = Bill()
    denied = AwsError("ce:GetCostAndUsage", "AccessDeniedException", "is not authorized to perform: ce:GetCostAndUsage")
    bill.fail["get_cost_and_usage"] = denied
    with pytest.raises(AwsError) as caught:
        bill.explorer().days(SPAN)
    assert not isinstance(caught.value, NotEnabled)


def test_dynamodb_takes_it(account: TestAccount) -> None:
    bill = Bill()
    bill.at = account.clock()
    ours = account.aws("digest")

    class Both:
        account, region = ours.account, ours.region

        def __call__(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
            return bill(service, operation, **params) if service == "ce" else ours(service, operation, **params)

    from chalicelib.costs.explorer import Explorer

    today = days.day_of(bill.at)
    for _ in range(2):
        explorer = Explorer(Both(), TABLE, lambda: bill.at, bill.sleep)  # type: ignore[arg-type]
        known = explorer.days(reach(today))
        explorer.forecast(today)
    assert bill.costs.requests == ["GetCostAndUsage", "GetCostForecast"]
    key = {"pk": {"S": f"COST#{ours.account}#{today:%Y-%m}"}, "sk": {"S": "COST"}}
    kept = items.values(account.client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"])
    assert kept["day 01"]["services"] == known.days[today.replace(day=1)].services
