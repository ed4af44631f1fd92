"""The derived alarms, evaluated as CloudWatch does: when somebody is woken, when not, and when it is over.

The times are those of the SRE workbook's table, simulated at one evaluation a minute and without a delay of publication
(`facts/slo.md`): pages after so many minutes of 100, 10 and 2 % errors at 99.9 %, resets so many after the fix.
"""

from __future__ import annotations

import pytest

from tests.slo.incidents import DAY, HOUR, Incident, objective

ROWS = {
    ("1h", "5m"): ((1, 9, 44), (5, 5, 2)),
    ("6h", "30m"): ((3, 22, 109), (30, 29, 21)),
    ("1d", "2h"): ((5, 44, 217), (120, 117, 102)),
}
# Longer than a day, and CloudWatch looks once an hour only.
HOURLY = {("3d", "6h-slow"): ((5, 44, 217), (360, 357, 342))}
ERRORS = (1000, 100, 20)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("pair", ROWS)
def test_is_on_when_the_table_says_and_off_again(pair: tuple[str, str], number: int) -> None:
    incident = Incident(objective(), only=pair)
    after, reset = (times[number] for times in ROWS[pair])
    incident.minute()
    taken = incident.until(lambda: incident.on(*pair), after + 1, failed=ERRORS[number])
    assert abs(taken - after) <= 1
    short = pair[1]
    over = incident.until(lambda: not incident.on(short), reset + 1)
    assert abs(over - reset) <= 1


@pytest.mark.parametrize("number", range(3))
def test_the_slowest_is_on_within_an_hour_of_the_table_for_cloudwatch_evaluates_it_hourly(number: int) -> None:
    [(pair, (after, reset))] = [(pair, (row[0][number], row[1][number])) for pair, row in HOURLY.items()]
    incident = Incident(objective(), only=pair)
    incident.minute()
    taken = incident.until(lambda: incident.on(*pair), after + 60, failed=ERRORS[number])
    assert after - 1 <= taken <= after + 60
    # The longer it went on, the longer the short window remembers.
    over = incident.until(lambda: not incident.on(pair[1]), 361)
    assert over >= reset - 60


@pytest.mark.parametrize(("failed", "minutes"), [(1000, 60), (100, 60), (20, 230)])
def test_pages_first_and_tickets_only_where_nobody_is_paged(failed: int, minutes: int) -> None:
    incident = Incident(objective())
    incident.minute()
    told: list[str] = []
    for _ in range(minutes):
        told += [one for one in incident.minute(failed=failed) if one.endswith(("page ALARM", "ticket ALARM"))]
    assert told == ["shop-availability-page ALARM"]
    # Fixed: the page ends, and a ticket is left for what goes on burning in the longer windows.
    while incident.on("page"):
        told += incident.minute()
    assert "shop-availability-ticket ALARM" in told
    assert incident.on("ticket")


def test_a_slow_burn_is_a_ticket_and_no_page() -> None:
    # Four times as fast as it may: more than 3 within a day after 18 hours of it, never 6.
    incident = Incident(objective(), failed=4, lately=1040)
    incident.minute(failed=4)
    assert abs(incident.until(lambda: incident.on("ticket"), 60, failed=4) - 40) <= 1
    assert not incident.on("page")


class TestAllTargetsDown:
    def test_pages(self) -> None:
        """The load balancer refuses all requests itself: they are in its own errors, and in no RequestCount."""
        incident = Incident(objective())
        incident.minute()
        assert incident.until(lambda: incident.on("page"), 3, requests=0, refused=1000) <= 2

    def test_pages_where_no_request_ever_found_a_target(self) -> None:
        incident = Incident(objective(), before=0)
        assert incident.until(lambda: incident.on("page"), 5, requests=0, refused=3) == 2

    def test_is_not_absent_traffic(self) -> None:
        incident = Incident(objective(absent=600))
        for _ in range(20):
            incident.minute(requests=0, refused=1000)
        assert incident.on("page")
        assert not incident.on("absent")


class TestQuiet:
    def test_a_service_that_was_never_used_wakes_nobody(self) -> None:
        incident = Incident(objective(), before=0)
        changes = [one for _ in range(300) for one in incident.minute(requests=0)]
        assert not [one for one in changes if one.endswith("ALARM")]
        assert not [one for one in changes if one.endswith("INSUFFICIENT_DATA")]

    def test_traffic_that_ends_wakes_nobody(self) -> None:
        incident = Incident(objective())
        incident.minute()
        assert not [one for _ in range(300) for one in incident.minute(requests=0) if one.endswith("ALARM")]

    def test_one_error_in_ten_requests_wakes_nobody(self) -> None:
        incident = Incident(objective(), before=0)
        told = incident.minute(requests=10, failed=1)
        told += [one for _ in range(300) for one in incident.minute(requests=0)]
        assert not [one for one in told if one.endswith(("page ALARM", "ticket ALARM"))]

    @pytest.mark.parametrize(("few", "minutes"), [(1, 1), (5, 5), (20, 20)])
    def test_as_many_bad_ones_as_few_page_in_however_little_traffic(self, few: int, minutes: int) -> None:
        incident = Incident(objective(few=few), before=0)
        assert incident.until(lambda: incident.on("page"), minutes + 1, requests=1, failed=1) == minutes

    def test_what_just_stays_within_the_budget_wakes_nobody(self) -> None:
        incident = Incident(objective(), failed=0.9, lately=72 * 60)
        told = [one for _ in range(120) for one in incident.minute(requests=1000, failed=0.9)]
        assert not [one for one in told if one.endswith(("page ALARM", "ticket ALARM"))]


class TestAbsent:
    def test_traffic_that_stops_is_told_where_there_always_is_some(self) -> None:
        incident = Incident(objective(absent=600))
        incident.minute()
        assert incident.until(lambda: incident.on("absent"), 11, requests=0) == 10
        assert not incident.on("page")
        assert incident.until(lambda: not incident.on("absent"), 2, requests=1) == 1

    def test_a_pause_that_is_shorter_is_not(self) -> None:
        incident = Incident(objective(absent=600))
        incident.minute()
        for _ in range(9):
            incident.minute(requests=0)
        assert not [one for _ in range(30) for one in incident.minute(requests=1) if one.endswith("ALARM")]


class TestUnheard:
    def test_pages_without_parapet_while_it_is_unwell_and_only_then(self) -> None:
        incident = Incident(objective())
        for _ in range(10):
            incident.minute(failed=1000)
        assert incident.on("page")
        assert not incident.on("unheard")
        assert "shop-availability-unheard ALARM" in incident.minute(failed=1000, unwell=True)
        # The stand-in's last point is looked at for two more minutes.
        assert incident.until(lambda: not incident.on("unheard"), 3, failed=1000)

    def test_pages_for_absent_traffic_as_well(self) -> None:
        incident = Incident(objective(absent=300))
        told = [one for _ in range(9) for one in incident.minute(requests=0, unwell=True)]
        assert "shop-availability-unheard ALARM" in told

    def test_an_unwell_parapet_alone_pages_for_no_objective(self) -> None:
        incident = Incident(objective())
        assert not [one for _ in range(9) for one in incident.minute(unwell=True) if one.startswith("shop")
                    and one.endswith("ALARM")]  # fmt: skip


@pytest.mark.parametrize("days", [7, 28])
def test_other_windows_page_by_their_own_factors(days: int) -> None:
    """Over 7 days 3.36 times 0.1 % within an hour: 10 % errors page after 60 x 0.00336 / 0.1 = 2.02 minutes."""
    incident = Incident(objective(days=days))
    incident.minute()
    factor = 0.02 * days * DAY / HOUR
    expected = factor * 0.001 * 60 / 0.1
    assert abs(incident.until(lambda: incident.on("page"), 60, failed=100) - expected) <= 1
