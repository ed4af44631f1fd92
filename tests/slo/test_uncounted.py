"""What the windows cannot tell, evaluated as CloudWatch does: that nothing is left, and averaged percentages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from random import Random

import pytest

from chalicelib.services.model import Down, Metric, Target
from tests.slo.incidents import DAY, MINUTE, Watched

BALANCER, GROUP = "app/shop/50dc6c495c0c9188", "targetgroup/web/943f017f100becff"
BEHIND = {"load_balancer": BALANCER, "target_group": GROUP}
GROUPED = [Target("alb", BEHIND), Target("ecs", {"cluster": "platform", "service": "web", **BEHIND})]
CONNECTED = Target("ecs", {"cluster": "platform", "service": "web", "discovery_name": "web"})
Points = Mapping[Metric, Sequence[float]]


class Behind(Watched):
    """A service that is behind a target group, or that others reach by its discovery name."""

    @property
    def down(self) -> Down:
        assert self.measured.down is not None
        return self.measured.down

    def points(self, healthy: Sequence[float], missed: float) -> Points:
        """What is published of it: by each node how many are healthy, and what is missed if anything is."""
        return {self.down.healthy: healthy, **({self.down.missed: [missed]} if missed else {})}


@pytest.mark.parametrize("entry", GROUPED, ids=lambda one: one.kind)
class TestNoTargetIsLeft:
    """Its requests are refused by the load balancer, whose errors name no target group."""

    def test_pages_as_soon_as_the_last_healthy_one_is_five_minutes_ago(self, entry: Target) -> None:
        service = Behind(entry)
        for _ in range(10):
            service.minute(service.points([2], 0))
        assert service.until("page ALARM", 9, service.points([0], 200)) == 5
        assert service.heard == ["page ALARM"]
        assert service.until("page OK", 2, service.points([1], 200)) == 1
        assert service.until("down OK", 1, service.points([1], 0)) == 1

    def test_pages_where_none_is_registered_any_longer_of_which_nothing_is_published(self, entry: Target) -> None:
        service = Behind(entry)
        for _ in range(10):
            service.minute(service.points([2], 0))
        assert service.until("page ALARM", 9, service.points([], 200)) == 5

    def test_pages_for_as_many_as_few_says_and_no_fewer(self, entry: Target) -> None:
        service = Behind(entry, few=20)
        for _ in range(30):
            service.minute(service.points([0], 3))
        assert service.heard == []
        assert service.until("page ALARM", 5, service.points([0], 4)) == 5

    def test_idle_wakes_nobody(self, entry: Target) -> None:
        """Scaled to nothing at night: none healthy, or none at all, and nobody asks."""
        service = Behind(entry)
        for number in range(120):
            service.minute(service.points([0] if number < 60 else [], 0))
        assert service.told == []

    def test_a_node_without_targets_of_its_own_is_no_outage(self, entry: Target) -> None:
        """Without balancing across zones each node counts those of its zone: the errors are another service's."""
        service = Behind(entry)
        for _ in range(60):
            service.minute(service.points([2, 0], 200))
        assert service.told == []

    def test_a_short_loss_wakes_nobody(self, entry: Target) -> None:
        service = Behind(entry)
        for number in range(60):
            service.minute(service.points([0] if number % 10 > 5 else [2], 200 if number % 10 > 5 else 0))
        assert service.told == []


class TestNoTaskIsLeft:
    """Of Service Connect's clients nobody counts what found no task; Container Insights counts tasks."""

    def test_pages_after_five_minutes(self) -> None:
        service = Behind(CONNECTED)
        for _ in range(10):
            service.minute(service.points([2], 2))
        assert service.until("page ALARM", 9, service.points([0], 2)) == 5
        assert service.until("page OK", 2, service.points([1], 2)) == 1

    def test_pages_where_nothing_tells_of_running_ones(self) -> None:
        service = Behind(CONNECTED)
        assert service.until("page ALARM", 9, service.points([], 1)) == 5

    def test_none_that_should_be_there_wakes_nobody(self) -> None:
        """Scaled to nothing, then wanted: its first task takes four minutes to begin."""
        service = Behind(CONNECTED)
        for number in range(60):
            service.minute(service.points([1 if number >= 34 else 0], 3 if number >= 30 else 0))
        assert service.told == []

    def test_without_container_insights_nobody_knows_and_nobody_is_woken(self) -> None:
        service = Behind(CONNECTED)
        for _ in range(60):
            service.minute({})
        assert service.told == []


def test_a_whole_load_balancer_counts_what_it_refuses() -> None:
    assert Watched(Target("alb", {"load_balancer": BALANCER})).measured.down is None


class Distribution(Watched):
    """CloudFront's: the percentage of a minute's requests that failed, and how many there were."""

    def __init__(self, few: int = 5) -> None:
        super().__init__(Target("cloudfront", {"distribution": "E2EXAMPLE1"}), few)
        self.percent = Metric(
            "AWS/CloudFront", "5xxErrorRate", (("DistributionId", "E2EXAMPLE1"), ("Region", "Global"))
        )
        self.requests = Metric("AWS/CloudFront", "Requests", self.percent.dimensions)

    def lately(self, days: int, traffic: Sequence[tuple[float, float]]) -> None:
        """Tell of days before, in which minutes of so many failed of so many requests come again and again."""
        many = days * DAY // MINUTE
        rows = [traffic[number % len(traffic)] for number in range(many)]
        self.before(many, {self.percent: [_share(*row) for row in rows],
                           self.requests: [total or nan for _, total in rows]})  # fmt: skip

    def of(self, failed: float, total: float) -> Points:
        """What is published of a minute in which so many of so many failed; nothing without any."""
        return {self.percent: [_share(failed, total)], self.requests: [total]} if total else {}


def _share(failed: float, total: float) -> float:
    return 100 * failed / total if total else nan


class TestAveragedPercentages:
    """`slo.md`'s table: 100, 10 and 2 % errors page after 1, 9 and 44 minutes; here never before five."""

    @pytest.mark.parametrize(("failed", "after"), [(1000, 5), (100, 9), (20, 44)])
    def test_page_within_one_evaluation_of_the_table_and_the_minutes_that_the_gate_takes(
        self, failed: float, after: int
    ) -> None:
        service = Distribution()
        service.lately(3, [(0, 1000)])
        service.minute(service.of(0, 1000))
        assert abs(service.until("page ALARM", after + 1, service.of(failed, 1000)) - after) <= 1
        assert service.heard == ["page ALARM"]
        # The windows of an hour forget it first: the gate remembers for half an hour.
        assert service.until("page OK", 31, service.of(0, 1000)) <= 30

    def test_ticket_for_a_slow_burn_as_counts_do(self) -> None:
        """Four times too fast is a ticket after 18 hours; see `test_a_slow_burn_is_a_ticket_and_no_page`."""
        service = Distribution()
        quiet, burning = [(0.0, 1000.0)] * (3 * 1440 - 1040), [(4.0, 1000.0)] * 1040
        service.lately(3, [*quiet, *burning])
        service.minute(service.of(4, 1000))
        assert abs(service.until("ticket ALARM", 60, service.of(4, 1000)) - 40) <= 1
        assert service.heard == ["ticket ALARM"]

    def test_one_failed_request_of_a_quiet_minute_among_busy_ones_wakes_nobody(self) -> None:
        """By CloudWatch's average over the hour 1.7 % of 59,001 requests failed, 983; it was one."""
        service = Distribution()
        service.lately(3, [(0, 1000)])
        for number in range(180):
            service.minute(service.of(1, 1) if number == 60 else service.of(0, 1000))
        assert "1h ALARM" in service.told
        assert "5m ALARM" in service.told
        assert service.heard == []

    def test_four_quiet_bad_minutes_of_each_half_hour_page_nobody_for_hours(self) -> None:
        """By the average 13 % fail, a hundred times too much; of the requests it is 0.015 %: budget is left over."""
        service = Distribution()
        mix = [(1.0, 1.0) if number % 30 < 4 else (0.0, 1000.0) for number in range(30)]
        service.lately(3, mix)
        for number in range(360):
            service.minute(service.of(*mix[number % 30]))
        assert {"1h ALARM", "5m ALARM"} <= {*service.told}
        # Nor does it look at more than that: a ticket says that some minutes are all bad.
        assert service.heard == ["ticket ALARM"]

    def test_single_failures_at_night_wake_nobody(self) -> None:
        """A handful of requests an hour, of which now and then one fails."""
        service, chance = Distribution(), Random(500)
        service.lately(3, [(0, 1000)])
        for number in range(12 * 60):
            total = chance.choice([0, 0, 0, 1, 2, 3])
            service.minute(service.of(1 if total and number in (90, 250, 400, 610) else 0, total))
        assert service.heard == []

    def test_a_few_requests_that_all_fail_page_as_soon_as_there_were_few(self) -> None:
        service = Distribution()
        assert service.until("page ALARM", 6, service.of(1, 1)) == 5

    def test_idle_wakes_nobody(self) -> None:
        service = Distribution()
        for _ in range(120):
            service.minute({})
        assert service.told == []
