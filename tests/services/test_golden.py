"""The golden signals, with numbers worked out by hand, and every state that is not a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from chalicelib.services import golden, kinds
from chalicelib.services.golden import COARSE, HOUR, Golden, Window
from chalicelib.services.limits import Limit
from chalicelib.services.model import Metric, Service, Sought, Target
from chalicelib.services.reading import Reading

NOW = 1_795_000_220.0
MINUTE = int(NOW) // 60 * 60
FIVE = int(NOW) // COARSE * COARSE
ALB = Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"})
DATABASE = Target("rds", {"instance": "shop", "max_connections": 413})
SHOP = Service("shop", ALB, (DATABASE,))
Points = Mapping[int, float]


def named(service: Service = SHOP) -> dict[str, Metric]:
    """The series of a service by name, percentiles behind a slash."""
    found = {}
    for one in golden.wanted(service, golden.view("3h"), NOW):
        stat = one.metric.stat
        found[f"{one.metric.name}/{stat}" if stat.startswith("p") else one.metric.name] = one.metric
    return found


def seen(
    points: Mapping[str, Points],
    window: Window = "3h",
    service: Service = SHOP,
    denied: Mapping[str, str] | None = None,
    limits: Mapping[Sought, Limit] | None = None,
) -> Golden:
    """What is made of points by the name of their series."""
    metrics = named(service)
    period = golden.WINDOWS[window][1]
    coarse = {
        one.metric for one in golden.wanted(service, golden.view(window), NOW) if one.period == max(COARSE, period)
    }
    read = {
        (metrics[name], max(COARSE, period) if metrics[name] in coarse else period): line
        for name, line in points.items()
    }
    reading = Reading(read, {metrics[name]: why for name, why in (denied or {}).items()})
    return golden.signals(service, reading, limits or {}, golden.view(window), NOW)


def gauge(found: Golden, name: str) -> golden.Fullness:
    [one] = [one for one in found.saturation if one.gauge.name == name]
    return one


def limits(service: Service, value: float, source: str) -> dict[Sought, Limit]:
    """What was found out about all limits of a service: the same."""
    return {one: Limit(value, source) for _, one in golden.sought(service)}


class TestAvailability:
    def test_is_what_was_good_of_all_over_the_window_and_lately(self) -> None:
        requests = {MINUTE - 7200: 1000.0, MINUTE - 60: 90.0, MINUTE: 10.0}
        targets = {MINUTE - 7200: 3.0}
        own = {MINUTE - 60: 5.0, MINUTE: 2.0}
        found = seen(
            {"RequestCount": requests, "HTTPCode_Target_5XX_Count": targets, "HTTPCode_ELB_5XX_Count": own}
        ).availability
        # 10 of 1,100; lately 7 of 100.
        assert (found.state, found.bad, found.total) == ("ok", 10, 1100)
        assert found.value == pytest.approx(99.0909, abs=1e-4)
        assert found.now == pytest.approx(93.0)
        assert found.parts == {"target": 3, "load balancer": 7}
        assert found.at == MINUTE + 60
        assert dict(found.points)[MINUTE - 7200] == pytest.approx(99.7)
        assert dict(found.points)[MINUTE - 120] is None, "a minute without requests is a gap"
        assert len(found.points) == 181

    def test_all_targets_down_is_nothing_good_though_no_request_is_counted(self) -> None:
        found = seen({"HTTPCode_ELB_5XX_Count": {MINUTE - 60: 40.0}}).availability
        assert (found.state, found.value, found.now, found.total) == ("ok", 0.0, 0.0, 40)

    def test_idle_is_a_state(self) -> None:
        found = seen({"RequestCount": {MINUTE - 60: 0.0, MINUTE: 0.0}}).availability
        assert (found.state, found.value) == ("no_traffic", None)

    def test_silence_of_what_once_had_requests_is_no_traffic_and_of_what_never_had_no_data(self) -> None:
        assert seen({}).availability.state == "no_data"
        past = Reading({(named()["RequestCount"], HOUR): {MINUTE // HOUR * HOUR - 10 * HOUR: 5.0}})
        assert golden.signals(SHOP, past, {}, golden.view("3h"), NOW).availability.state == "no_traffic"

    def test_silence_is_looked_into_only_where_there_is_some(self) -> None:
        asked = list(golden.silent(SHOP, Reading(), golden.view("3h"), NOW))
        assert {one.metric.name for one in asked} == {
            "RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count",
        }  # fmt: skip
        assert {one.period for one in asked} == {HOUR}
        known = Reading({(named()["RequestCount"], 60): {MINUTE: 1.0}})
        assert not list(golden.silent(SHOP, known, golden.view("3h"), NOW))

    def test_what_is_old_is_not_now(self) -> None:
        found = seen({"RequestCount": {MINUTE - 3600: 10.0}}).availability
        assert (found.state, found.value, found.now) == ("ok", 100.0, None)

    def test_denied_says_by_whom(self) -> None:
        found = seen({}, denied={"RequestCount": "AWS denies cloudwatch:GetMetricData: no"}).availability
        assert (found.state, found.value) == ("denied", None)
        assert "GetMetricData" in found.why

    def test_of_what_counts_no_requests_nothing_is_told(self) -> None:
        queue = Service("jobs", Target("sqs", {"queue": "jobs"}))
        found = golden.signals(queue, Reading(), {}, golden.view("3h"), NOW).availability
        assert (found.state, found.why) == ("no_data", "nothing counts its requests")

    def test_a_month_is_counted_by_the_hour(self) -> None:
        hour = int(NOW) // HOUR * HOUR
        found = seen(
            {"RequestCount": {hour - 29 * 86400: 500.0, hour: 500.0}, "HTTPCode_Target_5XX_Count": {hour: 1.0}}, "30d"
        ).availability
        assert found.value == pytest.approx(99.9)
        assert len(found.points) == 721


class TestLatency:
    def test_is_of_the_newest_five_minutes_in_seconds(self) -> None:
        lines = {
            f"TargetResponseTime/{stat}": {FIVE - 300: old, FIVE: new}
            for stat, old, new in (("p50", 0.05, 0.06), ("p95", 0.2, 0.31), ("p99", 0.5, 0.9))
        }
        found = seen(lines).latency
        assert (found.state, found.values) == ("ok", {"p50": 0.06, "p95": 0.31, "p99": 0.9})
        assert found.points is not None
        assert dict(found.points["p95"])[FIVE - 300] == 0.2
        assert dict(found.points["p95"])[FIVE - 600] is None

    def test_milliseconds_become_seconds(self) -> None:
        api = Service("images", Target("api_rest", {"api": "images", "stage": "prod"}))
        found = seen({"Latency/p95": {FIVE: 250.0}}, service=api).latency
        assert found.values == {"p95": 0.25}

    def test_without_requests_there_is_none(self) -> None:
        assert seen({}).latency.state == "no_data"
        assert seen({"RequestCount": {MINUTE: 0.0}}).latency.state == "no_traffic"
        assert seen({"TargetResponseTime/p95": {FIVE - 3600: 0.2}}).latency.state == "no_traffic"

    def test_denied(self) -> None:
        assert seen({}, denied={"TargetResponseTime/p95": "no"}).latency == golden.Latency("denied", why="no")


class TestSaturation:
    def test_connections_are_held_against_what_the_settings_say(self) -> None:
        found = gauge(
            seen({"DatabaseConnections": {FIVE: 380.0}}, limits=limits(SHOP, 413, "the settings")), "connections"
        )
        assert (found.state, found.value, found.full, found.source) == ("ok", 380, 413, "the settings")
        assert found.share == pytest.approx(0.9201, abs=1e-4)
        assert found.red
        assert found.of == "database shop"

    def test_or_against_what_was_found(self) -> None:
        plain = replace(SHOP, dependencies=(replace(DATABASE, given={"instance": "shop"}),))
        known = limits(plain, 1000.0, "parameter group shop-pg15")
        points = {"DatabaseConnections": {FIVE: 380.0}}
        found = gauge(seen(points, service=plain, limits=known), "connections")
        assert (found.share, found.red, found.source) == (0.38, False, "parameter group shop-pg15")
        unknown = gauge(seen(points, service=plain), "connections")
        assert (unknown.state, unknown.value, unknown.share) == ("no_data", 380, None)
        denied = {one: Limit(None, denied="AWS denies rds:DescribeDBInstances") for one in known}
        assert gauge(seen(points, service=plain, limits=denied), "connections").state == "denied"

    @pytest.mark.parametrize(("value", "red"), [(89.9, False), (90.0, True), (110.0, True)])
    def test_cpu_is_red_from_its_bound(self, value: float, red: bool) -> None:
        assert gauge(seen({"CPUUtilization": {FIVE: value}}), "cpu").red is red

    def test_what_falls_is_red_below_its_bound(self) -> None:
        gib = 1024.0**3
        known = limits(SHOP, 16 * gib, "db.r6g.large")
        for free, red in ((4 * gib, False), (0.5 * gib, True)):
            assert gauge(seen({"FreeableMemory": {FIVE: free}}, limits=known), "memory").red is red

    def test_what_is_published_only_when_it_happens_is_zero_when_silent(self) -> None:
        found = gauge(seen({}), "rejected")
        assert (found.state, found.value, found.red) == ("ok", 0, False)
        assert gauge(seen({"RejectedConnectionCount": {FIVE: 3.0}}), "rejected").red

    @pytest.mark.parametrize(
        "on", [Target("sns", {"topic": "done"}), Target("cognito", {"pool": "eu-west-1_a1B2c3D4e", "client": "a1b2"})]
    )
    def test_what_it_stands_on_may_publish_nothing_but_what_goes_wrong(self, on: Target) -> None:
        service = Service("web", ALB, (on,))
        asked = Reading({(one.metric, one.period): {} for one in golden.wanted(service, golden.view("3h"), NOW)})
        found = golden.signals(service, asked, {}, golden.view("3h"), NOW).saturation
        mine = [one for one in found if one.of == kinds.titled(on)]
        assert mine
        assert {(one.state, one.value) for one in mine} == {("ok", 0.0)}

    def test_an_agent_that_is_not_there_is_missing_and_memory_is_not_zero(self) -> None:
        group = Service("web", ALB, (Target("autoscaling", {"group": "web"}),))
        found = gauge(golden.signals(group, Reading(), {}, golden.view("3h"), NOW), "memory")
        assert (found.state, found.value, found.share) == ("agent_missing", None, None)

    def test_old_points_are_not_how_it_is(self) -> None:
        found = gauge(seen({"CPUUtilization": {FIVE - 7200: 99.0}}), "cpu")
        assert (found.state, found.value, found.red) == ("no_data", None, False)
        assert found.at == FIVE - 7200 + COARSE

    def test_denied(self) -> None:
        found = gauge(seen({}, denied={"CPUUtilization": "no"}), "cpu")
        assert (found.state, found.why) == ("denied", "no")
