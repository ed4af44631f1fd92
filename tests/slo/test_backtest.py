"""What would have been told: against the alarms themselves, minute by minute, and against the plainest model."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.services.model import Counts, Metric, Objective, Under
from chalicelib.services.sli import Counted
from chalicelib.slo import backtest
from chalicelib.slo.backtest import STEP, Told
from chalicelib.slo.burn import SPEEDS, Level
from tests.slo.incidents import DAY, HOUR, START, Incident, objective, stored

A_DAY = DAY // STEP


def points(*parts: tuple[int, float, float]) -> list[Counted | None]:
    """Points of five minutes: how many of them, how many bad in each, how many in all."""
    return [Counted(bad, total) if total else None for many, bad, total in parts for _ in range(many)]


class TestWorkedExamples:
    HEALTHY = (4 * A_DAY, 0, 5000)

    def test_a_quiet_month_tells_nothing(self) -> None:
        found = backtest.replay(objective(), points((34 * A_DAY, 1, 5000)), START, 30)
        assert found.told == ()
        assert found.until - found.since == 30 * DAY
        # A fifth of what may be bad was.
        assert found.budget.left == pytest.approx(0.8)

    def test_an_outage_of_ten_minutes(self) -> None:
        """All fails for ten minutes: a page from the first five minutes on, and until the windows have forgotten."""
        start = START + 4 * DAY
        found = backtest.replay(objective(), points(self.HEALTHY, (2, 5000, 5000), (A_DAY, 0, 5000)), START, 2)
        page, ticket = found.told
        assert (page.level, page.since) == ("page", start + 300)
        # 10 of 360 minutes are more than 0.6 %, for as long as the half hour remembers them.
        assert page.until == start + 600 + 30 * 60
        # The two hours remember longer, and 10 of 1,440 minutes are more than 0.3 %: a ticket is what is left of it.
        assert (ticket.level, ticket.since) == ("ticket", page.until)
        assert ticket.until is not None

    def test_a_slow_burn_is_a_ticket_that_is_still_on(self) -> None:
        found = backtest.replay(objective(), points(self.HEALTHY, (2 * A_DAY, 20, 5000)), START, 3)
        [ticket] = found.told
        assert (ticket.level, ticket.until) == ("ticket", None)
        # Four times as fast as it may: more than three times within a day after 18 hours of it.
        assert ticket.since - (START + 4 * DAY) == 18 * HOUR + STEP

    def test_idle_days_tell_nothing(self) -> None:
        found = backtest.replay(objective(), points((10 * A_DAY, 0, 0)), START, 7)
        assert (found.told, found.budget.state) == ((), "no_data")

    def test_few_bad_ones_tell_nothing(self) -> None:
        some = points((4 * A_DAY, 0, 10), (1, 4, 10), (A_DAY, 0, 10))
        assert backtest.replay(objective(), some, START, 3).told == ()
        assert backtest.replay(objective(few=4), some, START, 3).of("page")

    def test_budget_is_that_of_the_window_however_many_days_are_replayed(self) -> None:
        some = points((20 * A_DAY, 5, 5000), (10 * A_DAY, 0, 5000))
        month = backtest.replay(objective(), some, START, 30)
        assert month.budget.left == pytest.approx(1 - 2 / 3)
        assert backtest.replay(objective(days=7), some, START, 30).budget.left == 1


class TestPoint:
    """Of a window the total is at least the bad ones; of its parts that would count too much."""

    BAD, ALL = Metric("A", "bad"), Metric("A", "all")

    def test_counts_stay_apart_until_they_are_summed_up(self) -> None:
        one = Counts((self.BAD,), (self.ALL,))
        assert backtest.point(one, {self.BAD: 8.0, self.ALL: 2.0}) == Counted(8, 2)
        assert backtest.point(one, {self.ALL: 2.0, self.BAD: None}) == Counted(0, 2)
        assert backtest.point(one, {self.BAD: None}) is None

    def test_others_are_what_they_are(self) -> None:
        one = Under(self.BAD, self.ALL)
        assert backtest.point(one, {self.BAD: 75.0, self.ALL: 8.0}) == Counted(2, 8)


# With pages and tickets, of each window; few is 5, 5 and 1.
@pytest.mark.parametrize("seed", [11, 17, 55])
def test_says_what_the_alarms_would_have_said(seed: int) -> None:
    """Made-up incidents of every size, the alarms evaluated each minute, and the same replayed in steps of five."""
    dice = random.Random(seed)
    promise = objective(dice.choice((99.0, 99.5, 99.9)), dice.choice((7, 28, 30)), dice.choice((1, 5, 50)))
    incident = Incident(promise, before=0)
    # Per minute: all, failed, refused. The same for five minutes, so that both see the same.
    steps: list[tuple[float, float, float]] = []
    while len(steps) < 3 * A_DAY + 144:
        kind, long = dice.random(), dice.randint(1, 30)
        share = 0.0 if kind < 0.5 else dice.choice((0.0005, 0.004, 0.02, 0.1))
        requests = dice.choice((0.0, 2.0, 1000.0, 1000.0))
        long = long if share < 0.01 else 1 + long // 8
        refused = requests / 2 if kind > 0.9 else 0.0
        steps += [(0.0 if refused else requests, requests * share, refused)] * long
    begin = START - 3 * DAY
    for name, place in (("requests", 0), ("failed", 1), ("refused", 2)):
        column = [one[place] or float("nan") for one in steps[: 3 * A_DAY] for _ in range(5)]
        incident.store.fill(stored(incident.metrics[name]), begin, 60, column)
    values = [
        {incident.metrics["requests"]: 5 * requests or None, incident.metrics["failed"]: 5 * failed or None,
         incident.metrics["refused"]: 5 * refused or None}
        for requests, failed, refused in steps
    ]  # fmt: skip
    counted = [backtest.point(Counts(tuple(incident.metrics[one] for one in ("failed", "refused")),
                                     (incident.metrics["requests"],)), one) for one in values]  # fmt: skip
    incident.simulation.step(START)
    expected: list[Told] = []
    level: Level | None = None
    began = START
    for number, (requests, failed, refused) in enumerate(steps[3 * A_DAY : 3 * A_DAY + 144], 1):
        for _ in range(5):
            incident.minute(requests, failed, refused)
        now: Level | None = "page" if incident.on("page") else "ticket" if incident.on("ticket") else None
        if now != level:
            expected += [Told(level, began, START + number * STEP)] if level else []
            level, began = now, START + number * STEP
    expected += [Told(level, began, None)] if level else []
    replayed = backtest.replay(promise, counted[: 3 * A_DAY + 144], begin, 12 / 24)  # type: ignore[arg-type]
    assert list(replayed.told) == expected
    assert len(expected) >= 4, "this seed proves little"


COUNTS = st.tuples(st.sampled_from((0, 0, 0, 1, 5, 40)), st.sampled_from((0, 10, 100, 4000)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(COUNTS, st.integers(1, 40)), min_size=1, max_size=12), st.sampled_from((1, 5, 30)))
def test_is_what_the_plainest_model_says(runs: list[tuple[tuple[int, int], int]], few: int) -> None:
    promise = Objective("shop", "availability", "availability", 99.5, 30, few=few)
    some = [Counted(float(bad), float(total)) for (bad, total), many in runs for _ in range(many)]
    found = backtest.replay(promise, some, START, 63)
    on: list[Level | None] = []
    slow = False
    for end in range(1, len(some) + 1):
        at = START + end * STEP
        levels: set[str] = set()
        for speed in SPEEDS:
            rates = []
            for window in (speed.long, speed.short):
                last = some[max(0, end - window // STEP) : end]
                bad = sum(one.bad for one in last)
                total = max(bad, sum(one.total for one in last))
                rates.append((bad, bad / total / 0.005 if total else 0.0))
            long = rates[0][0] >= few and rates[0][1] > speed.factor(30)
            if speed.long == 72 * HOUR:
                slow = long if at % HOUR == 0 else slow
                long = slow
            if long and rates[1][1] > speed.factor(30):
                levels.add(speed.level)
        on.append("page" if "page" in levels else "ticket" if levels else None)
    expected = []
    for number, level in enumerate(on):
        if level and (number == 0 or on[number - 1] != level):
            rest = next((later for later in range(number, len(on)) if on[later] != level), None)
            until = None if rest is None else START + (rest + 1) * STEP
            expected.append(Told(level, START + (number + 1) * STEP, until))
    assert list(found.told) == expected


def test_neighbours_are_usual_goals_that_can_page() -> None:
    assert [one.goal for one in backtest.neighbours(objective(99.9))] == [99.5, 99.95]
    assert [one.goal for one in backtest.neighbours(objective(99.93))] == [99.9, 99.95]
    assert [one.goal for one in backtest.neighbours(objective(99.99))] == [99.95]
    assert [one.goal for one in backtest.neighbours(objective(95.0))] == [99.0]
