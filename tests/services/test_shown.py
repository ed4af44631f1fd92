"""How a service is, as one colour and a few words, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.services import golden, shown
from chalicelib.services.golden import Availability, Fullness, Golden, Latency
from chalicelib.services.model import Gauge, Metric, Objective, Service, State, Target
from chalicelib.services.shown import Colour
from chalicelib.services.sli import Counted
from chalicelib.slo.budget import Budget
from chalicelib.slo.burn import Level

AVAILABLE = Objective("shop", "availability", "availability", 99.9)
FAST = Objective("shop", "latency", "latency", 95.0, 28, under=0.3)
SHOP = Service("shop", Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"}), (), (AVAILABLE, FAST))
CPU = Gauge("cpu", "CPU", Metric("AWS/RDS", "CPUUtilization"), "percent", full=100.0, red=0.9)
LAG = Gauge("lag", "behind its source", Metric("AWS/RDS", "ReplicaLag"), "seconds", red=60)
BUSY = Gauge("busy", "PHP workers", Metric("Shop", "Busy"), "percent", red=90)
FREE = Gauge("storage", "free storage", Metric("AWS/RDS", "FreeStorageSpace"), "bytes", red=0.1, falls=True)
MEMORY = Gauge("memory", "memory", Metric("CWAgent", "mem_used_percent"), "percent", full=100.0)
WELL = Availability("ok", 99.95, 100.0, 5, 10_000)
PAGE, TICKET, ABSENT, UNHEARD = (
    f"parapet-prod-shop-availability-{end}" for end in ("page", "ticket", "absent", "unheard")
)


def seen(availability: Availability = WELL, *gauges: Fullness) -> Golden:
    return Golden(SHOP, golden.view("3h"), availability, Latency("ok", {"p95": 0.12}), gauges)


def failing(bad: float, total: float) -> Availability:
    """So many of the last five minutes' requests failed."""
    return replace(WELL, now=100 * (1 - bad / total), lately=Counted(bad, total))


def full(
    gauge: Gauge, state: State = "ok", *, red: bool = False, of: str = "database shop-db", **more: object
) -> Fullness:
    return replace(Fullness(of, gauge, state, red=red), **more)  # type: ignore[arg-type]


def budget(level: Level | None, sentence: str = "", objective: Objective = AVAILABLE) -> Budget:
    return Budget(objective, "ok", sentence or f"It burns: a {level}.", left=0.3, level=level)


def judged(found: Golden, budgets: Sequence[Budget] = (), alarms: Sequence[str] = ()) -> tuple[Colour, str]:
    return shown.judged(found, budgets, alarms)


HOT = full(CPU, red=True, value=95.0, share=0.95)


class TestRed:
    def test_a_budget_that_burns_fast_enough_for_a_page_says_how_fast(self) -> None:
        burning = budget("page", "At this rate the month's budget is gone in 50 h; 31 % left.")
        told = "availability: at this rate the month's budget is gone in 50 h; 31 % left."
        assert judged(seen(), [budget(None), burning]) == ("red", told)

    def test_of_two_that_page_the_first_is_told(self) -> None:
        two = [budget("page", "the one"), budget("page", "the other", FAST)]
        assert judged(seen(), two) == ("red", "availability: the one")

    def test_of_two_that_page_the_one_that_is_spent_first_is_told(self) -> None:
        slow, fast = (replace(budget("page", f"gone in {hours} h"), exhausted_in=hours * 3600.0) for hours in (50, 7))
        assert judged(seen(), [slow, fast, budget("page", "never gone")]) == ("red", "availability: gone in 7 h")

    @pytest.mark.parametrize("name", [PAGE, ABSENT, UNHEARD])
    def test_an_alarm_that_pages_is_told_by_its_name(self, name: str) -> None:
        assert judged(seen(), [budget(None)], [name]) == ("red", f"{name} is in alarm")

    def test_most_requests_fail_though_nobody_is_paged_for_it(self) -> None:
        some = "60 of 100 requests failed in the last five minutes"
        assert judged(seen(failing(60, 100)), [budget(None)], [TICKET]) == ("red", some)
        assert judged(seen(failing(8, 8))) == ("red", "all of its 8 requests failed in the last five minutes")

    def test_a_page_goes_before_all_that_is_amber(self) -> None:
        assert judged(seen(WELL, HOT), [budget("ticket")], [TICKET, PAGE]) == ("red", f"{PAGE} is in alarm")

    def test_what_pages_is_red_though_nothing_is_known_now(self) -> None:
        assert judged(seen(Availability("no_data")), [], [PAGE])[0] == "red"


class TestAmber:
    def test_a_budget_that_burns_fast_enough_for_a_ticket(self) -> None:
        assert judged(seen(), [budget("ticket")]) == ("amber", "availability: it burns: a ticket.")

    @pytest.mark.parametrize(
        ("gauge", "words"),
        [
            (HOT, "database shop-db: CPU 95 %"),
            (full(LAG, red=True, value=63.4), "database shop-db: behind its source 63.4"),
            (full(BUSY, red=True, value=97.0), "database shop-db: PHP workers 97 %"),
            (full(FREE, red=True, value=5.0, full=100.0, share=0.05), "database shop-db: free storage 5 %"),
        ],
        ids=["share", "value", "percentage", "falling"],
    )
    def test_what_is_full_says_how_full(self, gauge: Fullness, words: str) -> None:
        assert judged(seen(WELL, full(MEMORY), gauge)) == ("amber", words)

    def test_of_two_that_are_full_the_fuller_is_told(self) -> None:
        fuller = full(MEMORY, red=True, share=0.97)
        assert judged(seen(WELL, HOT, fuller)) == ("amber", "database shop-db: memory 97 %")

    def test_what_is_full_goes_before_an_alarm_that_says_less(self) -> None:
        assert judged(seen(WELL, HOT), [], [TICKET]) == ("amber", "database shop-db: CPU 95 %")

    def test_any_other_alarm_is_told_by_its_name(self) -> None:
        assert judged(seen(), [], [TICKET]) == ("amber", f"{TICKET} is in alarm")

    def test_fewer_good_requests_than_promised_are_counted(self) -> None:
        assert judged(seen(failing(5, 100))) == ("amber", "5 of 100 requests failed in the last five minutes")
        assert judged(seen(failing(4, 100))) == ("green", "well"), "so few call nobody"

    def test_most_of_very_few_requests_is_not_red(self) -> None:
        assert judged(seen(failing(4, 4))) == ("amber", "all of its 4 requests failed in the last five minutes")

    def test_half_of_the_requests_is_not_most(self) -> None:
        assert judged(seen(failing(50, 100)))[0] == "amber"

    def test_where_nothing_was_promised_a_thousandth_may_fail(self) -> None:
        free = replace(SHOP, objectives=())
        assert judged(replace(seen(failing(10, 5000)), service=free))[0] == "amber"
        assert judged(replace(seen(failing(5, 5000)), service=free))[0] == "green"

    def test_a_budget_that_is_spent_though_it_burns_no_more(self) -> None:
        spent = replace(budget(None, "The month's budget is spent."), left=-0.2)
        assert judged(seen(), [budget(None), spent]) == ("amber", "availability: the month's budget is spent.")

    def test_a_dependency_that_has_gone_silent_as_a_whole(self) -> None:
        lost = [full(CPU, "no_data"), full(LAG, "no_data")]
        assert judged(seen(WELL, full(BUSY, of="a"), *lost)) == ("amber", "nothing is known of database shop-db")

    def test_what_tells_its_value_is_not_silent_though_nothing_tells_its_limit(self) -> None:
        assert judged(seen(WELL, full(CPU, "no_data", value=3.0)))[0] == "green"

    def test_a_gauge_that_may_not_be_read_says_who_denies_it(self) -> None:
        denied = full(CPU, "denied", why="AWS denies rds:DescribeDBInstances")
        assert judged(seen(WELL, denied)) == ("amber", "database shop-db: CPU: AWS denies rds:DescribeDBInstances")

    def test_a_service_without_requests_whose_database_is_silent(self) -> None:
        assert judged(seen(Availability("no_traffic"), full(CPU, "no_data")))[0] == "amber"


class TestGrey:
    def test_nobody_asks_it_anything(self) -> None:
        assert judged(seen(Availability("no_traffic"))) == ("grey", "no requests")

    def test_nobody_has_asked_it_anything_for_a_while(self) -> None:
        assert judged(seen(replace(WELL, now=None))) == ("grey", "no requests lately")

    def test_nothing_is_known(self) -> None:
        assert judged(seen(Availability("no_data"))) == ("grey", "nothing is known of its requests")

    def test_nothing_counts_its_requests(self) -> None:
        lacking = Availability("no_data", why="nothing counts its requests")
        assert judged(seen(lacking)) == ("grey", "nothing counts its requests")

    def test_parapet_may_not_look(self) -> None:
        why = "AWS denies cloudwatch:GetMetricData: no identity-based policy allows it"
        assert judged(seen(Availability("denied", why=why))) == ("grey", why)
        assert judged(seen(Availability("denied"))) == ("grey", "Parapet may not read its metrics")

    def test_who_may_not_look_tells_that_before_a_gauge_that_is_not_seen_either(self) -> None:
        assert judged(seen(Availability("denied"), full(CPU, "denied")))[0] == "grey"


class TestGreen:
    def test_all_is_well(self) -> None:
        assert judged(seen(WELL, full(CPU, value=40.0, share=0.4)), [budget(None)]) == ("green", "well")

    def test_a_single_gauge_without_a_point_is_no_trouble(self) -> None:
        assert judged(seen(WELL, full(CPU, value=40.0, share=0.4), full(LAG, "no_data"))) == ("green", "well")

    def test_an_agent_that_is_missing_is_told_at_its_gauge(self) -> None:
        found = seen(WELL, full(CPU, value=40.0, share=0.4), full(MEMORY, "agent_missing"))
        assert judged(found) == ("green", "well")
        assert shown.saturation(found.saturation, points=False)["gauges"][0]["state"] == "agent_missing"


class TestDocuments:
    def test_gauges_have_first_what_is_red_then_what_is_not_seen_then_the_fullest(self) -> None:
        half, most = full(CPU, share=0.5, of="a"), full(CPU, share=0.8, of="b")
        # Of what falls, little is much.
        little = full(FREE, share=0.3, of="c")
        found = shown.saturation(
            [half, full(MEMORY, "no_data", of="d"), little, replace(HOT, of="e"), most], points=False
        )
        assert [one["of"] for one in found["gauges"]] == ["e", "d", "b", "c", "a"]

    def test_no_number_is_no_zero(self) -> None:
        found = shown.service(seen(Availability("no_traffic")), [Budget(AVAILABLE, "no_traffic", "No traffic.")], ())
        assert (found["availability"]["value"], found["availability"]["now"]) == (None, None)
        [one] = found["budgets"]
        assert (one["left"], one["exhausted_in"], one["bad"]) == (None, None, None)

    def test_percentages_are_cut_off_so_that_what_was_touched_is_not_whole(self) -> None:
        found = shown.service(seen(replace(WELL, value=99.99999)), [replace(budget(None), left=0.99999)], ())
        assert (found["availability"]["value"], found["budgets"][0]["left"]) == (99.9999, 0.9999)

    def test_points_come_only_when_they_are_asked_for(self) -> None:
        charted = seen(replace(WELL, points=((60, 99.91234567), (120, None))))
        assert "points" not in shown.service(charted, (), ())["availability"]
        assert shown.service(charted, (), (), points=True)["availability"]["points"] == [[60, 99.9123], [120, None]]

    def test_goals_are_those_of_the_first_objective_of_each_aspect(self) -> None:
        found = shown.service(seen(), (), ())
        assert (found["availability"]["goal"], found["latency"]["goal"], found["latency"]["under"]) == (99.9, 95.0, 0.3)
