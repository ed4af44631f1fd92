"""Services over HTTP: their signals, states and budgets, counted by hand, from the local CloudWatch."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry, settings
from local.cloudwatch import api as cloudwatch
from local.cloudwatch.clock import Clock
from local.cloudwatch.store import Metric
from tests.account import NOW, TestAccount
from tests.api import watched
from tests.api.client import Api, event
from tests.samples import ACCOUNT, REGION

FIVE = int(NOW) // 300 * 300
HOUR, DAY = 3600, 86_400
SHOP = """
[[services]]
name = "shop"
runbook = "https://wiki.example.com/shop"
entry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188" }
dependencies = [{ kind = "rds", instance = "shop-db", max_connections = 413, memory = 4 }]
objectives = [{ availability = 99.9 }, { latency = 95, under = "300ms" }]
"""
CART = """
[[services]]
name = "cart"
entry = { kind = "lambda_function", function = "cart" }
"""
QUIET = """
[[services]]
name = "quiet"
entry = { kind = "alb", load_balancer = "app/quiet/50dc6c495c0c9188" }
objectives = []
"""
BLANK = """
[[services]]
name = "blank"
entry = { kind = "alb", load_balancer = "app/blank/50dc6c495c0c9188" }
"""
WEB = """
[[services]]
name = "web"
entry = { kind = "alb", load_balancer = "app/web/50dc6c495c0c9188" }
dependencies = [{ kind = "autoscaling", group = "web" }]
objectives = []
"""
WELL = """
[[services]]
name = "well"
entry = { kind = "alb", load_balancer = "app/web/50dc6c495c0c9188" }
objectives = []
"""


@pytest.fixture
def run(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    watched.forget()
    watched.patient(monkeypatch)
    with cloudwatch.plugged(Clock(wall=api.account.clock)):
        yield Run(api, tmp_path / "parapet.toml", monkeypatch)


class Run:
    """The API of somebody who runs services."""

    def __init__(self, api: Api, file: Path, patch: pytest.MonkeyPatch) -> None:
        self.api, self.account, self._file = api, api.account, file
        patch.setenv("PARAPET_SETTINGS", str(file))
        self.chosen()

    def chosen(self, *some: str) -> None:
        """Choose services, and deploy what follows."""
        self._file.write_text("".join(some), "utf-8")
        loaded = settings.load({"PARAPET_SETTINGS": str(self._file)}, registry.names(), ())
        self.account.set(services=loaded.services)

    def put(self, namespace: str, name: str, dimensions: dict[str, str], at: float, *values: float) -> None:
        """Have samples come in at a time."""
        cloudwatch.store(ACCOUNT, REGION).put(Metric.of(namespace, name, dimensions), at, values)

    def balanced(self, balancer: str, at: float, requests: float, targets: float = 0, own: float = 0) -> None:
        """Have requests come in at a load balancer, some of which its targets or itself answer with a 5xx."""
        counts = {"RequestCount": requests, "HTTPCode_Target_5XX_Count": targets, "HTTPCode_ELB_5XX_Count": own}
        for name, count in counts.items():
            if count:
                where = {"LoadBalancer": f"app/{balancer}/50dc6c495c0c9188"}
                self.put("AWS/ApplicationELB", name, where, at, count)

    def get(self, path: str, **query: str) -> Any:
        return self.api.get(path, **query)


def shop(run: Run) -> None:
    """A shop that lost 10 requests of 10,000 lately, and of 20,000 in all; its database is nearly full."""
    run.chosen(SHOP)
    run.balanced("shop", FIVE - 2 * DAY, 10_000)
    run.balanced("shop", FIVE - HOUR, 9000)
    run.balanced("shop", FIVE - 300, 1000, targets=4, own=6)
    # 96 of 100 are faster than 300 ms.
    times = [0.1] * 96 + [0.5] * 4
    run.put(
        "AWS/ApplicationELB", "TargetResponseTime", {"LoadBalancer": "app/shop/50dc6c495c0c9188"}, FIVE - 300, *times
    )
    database = {"DBInstanceIdentifier": "shop-db"}
    run.put("AWS/RDS", "DatabaseConnections", database, FIVE - 300, 380)
    run.put("AWS/RDS", "CPUUtilization", database, FIVE - 300, 40, 60)


def named(gauges: list[Any], of: str, name: str) -> Any:
    [one] = [one for one in gauges if (one["of"], one["name"]) == (of, name)]
    return one


class TestNumbers:
    def test_of_a_service_are_what_one_counts_by_hand(self, run: Run) -> None:
        shop(run)
        found = run.get("/v1/services")
        assert (found["as_of"], found["window"], found["after"]) == ("2026-11-18T11:06:41Z", "3h", None)
        [one] = found["services"]
        assert (one["name"], one["entry"], one["runbook"]) == (
            "shop", "load balancer shop", "https://wiki.example.com/shop",
        )  # fmt: skip
        assert one["availability"] == {
            "state": "ok", "value": 99.9, "now": 99.0, "goal": 99.9, "bad": 10.0, "total": 10_000.0,
            "parts": {"target": 4.0, "load balancer": 6.0}, "at": "2026-11-18T11:05:00Z", "why": None,
        }  # fmt: skip
        latency = one["latency"]
        assert (latency["state"], latency["under"], latency["goal"]) == ("ok", 0.3, 95.0)
        assert latency["values"]["p50"] == pytest.approx(0.1, rel=0.02)
        assert latency["values"]["p99"] == pytest.approx(0.5, rel=0.02)
        # 380 of 413 connections is more than 80 %: the first thing one sees.
        gauges = one["saturation"]["gauges"]
        connections = gauges[0]
        assert (connections["of"], connections["name"], connections["source"]) == (
            "database shop-db", "connections", "parapet.toml",
        )  # fmt: skip
        assert (connections["value"], connections["full"], connections["share"]) == (380, 413, 0.9201)
        assert connections["red"] is True
        assert named(gauges, "database shop-db", "cpu")["share"] == 0.5
        # Never told, though AWS would tell how much fits.
        assert named(gauges, "database shop-db", "memory")["state"] == "no_data"
        assert (one["status"], one["why"]) == ("amber", "database shop-db: connections 92 %")

    def test_of_a_budget_are_what_one_counts_by_hand(self, run: Run) -> None:
        shop(run)
        one = run.get("/v1/slos/shop-availability")
        # 20,000 requests may have 20 bad ones, and 10 were: half is left. Of the last hour 10 of 1,000 were, which is
        # ten times what may be: of 30 days the half, divided by ten, is 36 h.
        assert (one["bad"], one["total"], one["left"], one["exhausted_in"]) == (10, 20_000, 0.5, 36 * HOUR)
        assert one["burn"] == {"5m": None, "30m": 10, "1h": 10, "2h": 1, "6h": 1, "1d": 1, "3d": 0.5}
        assert (one["goal"], one["days"], one["under"], one["level"]) == (99.9, 30, None, None)
        assert one["sentence"] == "At this rate the month's budget is gone in 36 h; 50 % left."
        left = run.get("/v1/slos/shop-availability/budget")
        # A month has 43,200 minutes, 43.2 of which may be bad.
        assert (left["good"], left["requests_left"], left["minutes_left"]) == (99.95, 10.0, 21.6)
        burn = run.get("/v1/slos/shop-availability/burn")
        assert [(one["long"], one["short"], one["factor"], one["long_burn"], one["on"]) for one in burn["speeds"]] == [
            ("1h", "5m", 14.4, 10, False), ("6h", "30m", 6, 1, False), ("1d", "2h", 3, 1, False),
            ("3d", "6h", 1, 0.5, False),
        ]  # fmt: skip

    def test_of_a_latency_objective_too(self, run: Run) -> None:
        shop(run)
        one = run.get("/v1/slos/shop-latency")
        # Four of 100 were slow, and five may be.
        assert (one["aspect"], one["under"], one["total"], one["left"]) == ("latency", 0.3, 100, 0.2)
        assert one["bad"] == pytest.approx(4)

    def test_of_charts_come_with_one_service(self, run: Run) -> None:
        shop(run)
        found = run.get("/v1/services/shop/golden")
        points = dict(found["availability"]["points"])
        # The minute that runs, and the one that began three hours ago.
        assert (len(points), found["period"]) == (181, 60)
        assert {at: value for at, value in points.items() if value is not None} == {FIVE - HOUR: 100, FIVE - 300: 99}
        assert dict(found["latency"]["points"]["p50"])[FIVE - 300] == pytest.approx(0.1, rel=0.02)
        connections = named(found["saturation"]["gauges"], "database shop-db", "connections")
        assert [value for _, value in connections["points"] if value is not None] == [0.9201]
        listed = run.get("/v1/services")["services"][0]
        assert "points" not in listed["availability"]
        assert found["availability"]["value"] == listed["availability"]["value"]

    @pytest.mark.parametrize(("window", "total", "points"), [("24h", 10_000, 289), ("30d", 20_000, 721)])
    def test_of_a_longer_window_are_of_more(self, run: Run, window: str, total: float, points: int) -> None:
        shop(run)
        found = run.get("/v1/services/shop/golden", window=window)
        assert (found["window"], found["availability"]["total"]) == (window, total)
        assert len(found["availability"]["points"]) == points

    def test_that_wake_somebody_are_red(self, run: Run) -> None:
        run.chosen(CART)
        where = {"FunctionName": "cart"}
        run.put("AWS/Lambda", "Invocations", where, FIVE, *[1] * 100)
        run.put("AWS/Lambda", "Errors", where, FIVE, *[1] * 20)
        [one] = run.get("/v1/services")["services"]
        [budget] = one["budgets"]
        # 20 % of the requests where a thousandth may be: 200 times as fast.
        assert (budget["level"], budget["burn"]["5m"], budget["burn"]["1h"]) == ("page", 200, 200)
        assert budget["sentence"].startswith("The month's budget is spent")
        assert (one["status"], one["why"]) == ("red", f"availability: t{budget['sentence'][1:]}")
        speeds = run.get("/v1/slos/cart-availability/burn")["speeds"]
        assert [each["on"] for each in speeds] == [True] * 4

    def test_of_what_is_full_are_looked_up_under_the_deployed_policy(self, account: TestAccount) -> None:
        found = watched.play(account)
        gib = 2.0**30
        assert {
            "database shop: connections": 413,  # PostgreSQL's formula for 4 GiB
            "database shop: free memory": 4 * gib,
            "database shop: free storage": 20 * gib,
            "cluster orders: connections": 1741,
            "cluster orders: free memory": 16 * gib,
            "function checkout: concurrent executions": 1000,
            "function checkout: longest execution": 3,
            "group web: instances in service": 4,
        }.items() <= found.items()


class TestStates:
    def test_who_had_requests_once_has_no_traffic_and_who_never_had_any_no_data(self, run: Run) -> None:
        run.chosen(QUIET, BLANK)
        run.balanced("quiet", FIVE - 2 * DAY, 100)
        blank, quiet = run.get("/v1/services")["services"]
        assert (quiet["availability"]["state"], quiet["latency"]["state"]) == ("no_traffic", "no_traffic")
        assert (quiet["status"], quiet["why"]) == ("grey", "no requests")
        assert (blank["availability"]["state"], blank["availability"]["value"]) == ("no_data", None)
        assert (blank["status"], blank["why"]) == ("grey", "nothing is known of its requests")
        [budget] = blank["budgets"]
        assert (budget["state"], budget["left"], budget["level"]) == ("no_data", None, None)

    def test_an_agent_that_tells_nothing_is_missing(self, run: Run) -> None:
        run.chosen(WEB)
        run.balanced("web", FIVE - 300, 100)
        run.put("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": "web"}, FIVE - 300, 30)
        [one] = run.get("/v1/services")["services"]
        memory = named(one["saturation"]["gauges"], "group web", "memory")
        assert (memory["state"], memory["value"], memory["red"]) == ("agent_missing", None, False)
        # Told, and no trouble of the service's.
        assert (one["status"], one["why"]) == ("green", "well")

    def test_what_aws_denies_is_denied_and_says_what_to_allow(self, run: Run) -> None:
        shop(run)
        without(run.account, "cloudwatch:GetMetricData")
        [one] = run.get("/v1/services")["services"]
        assert {one["availability"]["state"], one["latency"]["state"], one["budgets"][0]["state"]} == {"denied"}
        assert "cloudwatch:GetMetricData" in one["why"]
        assert (one["status"], one["availability"]["value"]) == ("grey", None)
        assert run.get("/v1/slos/shop-availability")["state"] == "denied"

    def test_a_limit_that_aws_denies_is_denied_alone(self, run: Run) -> None:
        run.chosen(WEB)
        run.balanced("web", FIVE - 300, 100)
        run.put("AWS/AutoScaling", "GroupInServiceInstances", {"AutoScalingGroupName": "web"}, FIVE - 300, 3)
        without(run.account, "autoscaling:DescribeAutoScalingGroups")
        [one] = run.get("/v1/services")["services"]
        size = named(one["saturation"]["gauges"], "group web", "size")
        assert (size["state"], size["why"]) == ("denied", "AWS denies autoscaling:DescribeAutoScalingGroups")
        assert one["availability"]["state"] == "ok"

    def test_aws_that_does_not_tell_which_alarms_are_on_is_a_state_and_no_service_is_called_well(
        self, run: Run
    ) -> None:
        run.chosen(WELL)
        run.balanced("web", FIVE - 300, 1000)
        assert run.get("/v1/services")["services"][0]["status"] == "green"
        without(run.account, "cloudwatch:DescribeAlarms")
        watched.forget()
        found = run.api.get("/v1/services")
        [unknown] = found["alarms_unknown"]
        assert (unknown["region"], "AWS denies cloudwatch:DescribeAlarms" in unknown["why"]) == (REGION, True)
        assert [(one["status"], one["alarms"]) for one in found["services"]] == [("amber", [])]
        assert found["services"][0]["why"] == "nobody knows whether its alarms are on"

    def test_aws_that_does_not_answer_is_an_error_and_not_a_state(self, run: Run) -> None:
        shop(run)
        run.account.wire.fail(lambda _number, made: "throttle" if made.operation == "GetMetricData" else None)
        for path in ("/v1/services", "/v1/services/shop/golden", "/v1/slos"):
            said = run.api.error(503, "GET", path)
            assert (
                said
                == "cloudwatch:GetMetricData does not answer at the moment (ThrottlingException): ask again in a moment"
            )
        run.account.wire.calm()
        assert run.get("/v1/services")["services"][0]["availability"]["state"] == "ok"


def without(account: TestAccount, action: str) -> None:
    """Have the API's role lack a right."""
    document = copy.deepcopy(account.roles.documents["api_handler"])
    for statement in document["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action] or ["none:Such"]
    account.hold("api_handler", document)


class TestList:
    def test_has_the_worst_first(self, run: Run) -> None:
        shop(run)
        run.chosen(WELL, SHOP, CART, BLANK)
        run.balanced("web", FIVE - 300, 100)
        for name, count in (("Invocations", 100), ("Errors", 20)):
            run.put("AWS/Lambda", name, {"FunctionName": "cart"}, FIVE, count)
        found = run.get("/v1/services")["services"]
        assert [(one["status"], one["name"]) for one in found] == [
            ("red", "cart"), ("amber", "shop"), ("grey", "blank"), ("green", "well"),
        ]  # fmt: skip

    def test_of_many_services_is_one_call_for_each_span_and_for_none_that_is_fresh(self, run: Run) -> None:
        run.chosen(SHOP, CART, QUIET, WELL)
        first = run.get("/v1/services")["cost"]
        # What is shown, whether who is silent ever had requests, and four spans of budgets.
        assert first["api_calls"] == 6
        asked = [one for one in run.account.wire.calls if one.operation == "GetMetricData"]
        assert len(asked) == 6
        assert run.get("/v1/services")["cost"] == {"api_calls": 0, "queries": 0}
        run.account.clock.forward(60)
        assert 0 < run.get("/v1/services")["cost"]["api_calls"] <= 6

    def test_goes_on_where_a_page_ended_by_name(self, run: Run) -> None:
        run.chosen(WELL, SHOP, CART, BLANK, QUIET)
        seen: list[list[str]] = []
        after: dict[str, str] = {}
        for _ in range(3):
            page = run.get("/v1/services", limit="2", **after)
            seen.append(sorted(one["name"] for one in page["services"]))
            after = {"after": page["after"]}
        assert seen == [["blank", "cart"], ["quiet", "shop"], ["well"]]
        assert after == {"after": None}
        # The last page is full: there is none after it.
        assert run.get("/v1/services", limit="5")["after"] is None

    def test_without_services_is_empty(self, run: Run) -> None:
        found = run.get("/v1/services")
        assert (found["services"], found["after"], found["cost"]) == ([], None, {"api_calls": 0, "queries": 0})
        assert run.get("/v1/slos")["slos"] == []

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ({"window": "5h"}, "window: '5h' is not one"),
            ({"after": "gone"}, "after: 'gone' is not what an answer of this route had there"),
            ({"limit": "0"}, "limit: '0'"),
        ],
    )
    def test_declines_what_it_does_not_know(self, run: Run, query: dict[str, str], says: str) -> None:
        run.chosen(SHOP)
        assert says in run.api.error(400, "GET", "/v1/services", query)

    def test_settings_that_cannot_be_read_say_so(self, run: Run) -> None:
        run._file.write_text('[[services]]\nname = "shop"\n', "utf-8")
        assert "lacks entry" in run.api.error(503, "GET", "/v1/services")

    def test_who_has_the_answer_already_gets_no_other_until_it_changes(self, run: Run) -> None:
        shop(run)
        mark = run.api.respond(event("GET", "/v1/services", at=run.account.clock()))["headers"]["ETag"]

        def again() -> Any:
            run.account.clock.forward(110)
            return run.api.respond(
                event("GET", "/v1/services", at=run.account.clock(), headers={"If-None-Match": mark})
            )

        # When it was asked, and what that took, is all that differs.
        same = again()
        assert (same["statusCode"], same["body"]) == (304, "")
        run.balanced("shop", FIVE, 500, targets=10)
        changed = again()
        assert (changed["statusCode"], changed["headers"]["ETag"] == mark) == (200, False)


class TestObjectives:
    def test_are_listed_the_emptiest_budget_first_and_those_without_a_number_before(self, run: Run) -> None:
        shop(run)
        run.chosen(SHOP, BLANK)
        found = run.get("/v1/slos")["slos"]
        assert [one["id"] for one in found] == ["shop-latency", "shop-availability", "blank-availability"]
        assert [one["id"] for one in run.get("/v1/slos", service="blank")["slos"]] == ["blank-availability"]

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("/v1/services/gone/golden", "there is no service 'gone': GET /v1/services lists them"),
            ("/v1/slos/gone-availability", "there is no objective 'gone-availability': GET /v1/slos lists them"),
            ("/v1/slos/gone-availability/burn", "there is no objective"),
            ("/v1/slos/shop/budget", "there is no objective 'shop'"),
        ],
    )
    def test_that_are_not_there_are_said(self, run: Run, path: str, says: str) -> None:
        run.chosen(SHOP)
        assert says in run.api.error(404, "GET", path)

    def test_of_a_service_that_is_not_there_is_said(self, run: Run) -> None:
        assert "there is no service 'gone'" in run.api.error(404, "GET", "/v1/slos", {"service": "gone"})
