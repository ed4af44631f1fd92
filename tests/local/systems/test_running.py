"""The systems at work: minutes as they go by, what somebody makes go wrong, and the clock meanwhile."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.test import Client

from local.cloudwatch.clock import Clock
from local.cloudwatch.store import Metric, Store
from local.inbox import Inbox
from local.insights.discovery import discovered
from local.slack import SlackStandIn
from local.systems import SYSTEMS, running
from local.systems.faults import at_work
from local.systems.running import Running, Unwilling
from local.xray import XRay
from tests.local.receiving import desk
from tests.local.systems.test_parts import Ids

BUSY = 1_795_014_000
DAYS = 6
LB = {"LoadBalancer": "shop_alb"}


@dataclass
class Calls:
    """Clients that keep what they are asked for."""

    made: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    runs: str = "web:2"
    slow: Callable[[], None] = lambda: None

    def __call__(self, service: str) -> Any:
        calls = self

        class Client:
            def __getattr__(self, name: str) -> Any:
                def call(**given: Any) -> dict[str, Any]:
                    calls.made.append((f"{service}:{name}", given))
                    calls.slow()
                    if name == "describe_task_definition":
                        return {"taskDefinition": {"containerDefinitions": [{"name": "web", "image": "web:41"}]}}
                    if name == "register_task_definition":
                        return {"taskDefinition": {"taskDefinitionArn": "web:2"}}
                    if name == "describe_services":
                        return {"services": [{"taskDefinition": calls.runs}]}
                    if name == "list_functions":
                        names = ("images-resize", "intake-parse", "saas-api")
                        return {"Functions": [{"FunctionName": one, "CodeSha256": calls.runs} for one in names]}
                    if name == "describe_auto_scaling_groups":
                        return {"AutoScalingGroups": [{"LaunchTemplate": {"Version": calls.runs}}]}
                    return {"LaunchTemplateVersion": {"LaunchTemplateId": "lt-1", "VersionNumber": 2}}

                return call

        return Client()

    def of(self, name: str) -> list[dict[str, Any]]:
        return [given for made, given in self.made if made == name]


@dataclass
class World:
    """The systems with a wall clock that a test moves."""

    wall: float = BUSY + 20.0
    said: list[str] = field(default_factory=list)
    logs: Calls = field(default_factory=Calls)
    bob: Calls = field(default_factory=Calls)
    stores: defaultdict[str, Store] = field(default_factory=lambda: defaultdict(Store))

    def __post_init__(self) -> None:
        self.clock = Clock(wall=lambda: self.wall)
        stores, wall = self.stores.__getitem__, lambda: self.wall
        self.moved = 0
        self.running = Running(
            self.clock, stores, self.logs, self.bob, Ids(), self.said.append, self.move, wall, DAYS * 86_400
        )
        self.running.start()

    def move(self) -> None:
        """Count how often what was read before is said to be elsewhere."""
        self.moved += 1

    def later(self, seconds: float) -> None:
        """Let the wall's clock go on, and look every second."""
        until = self.wall + seconds
        while self.wall < until:
            self.wall = min(self.wall + 1, until)
            self.running.look()

    def sums(self, name: str, dimensions: dict[str, str], start: int, minutes: int) -> dict[int, float]:
        metric = Metric.of("AWS/ApplicationELB", name, dimensions)
        taken = self.stores[""].taken(metric, "Count", lambda w: w.sums(), start, start + 60 * minutes, 60)
        return {int(at - start) // 60: value for at, value in taken if value}


@pytest.fixture
def world() -> World:
    return World()


def test_three_hours_are_there_at_once_and_then_each_minute_that_is_over(world: World) -> None:
    assert len(world.sums("RequestCount", LB, BUSY - 3 * 3600, 180)) == 180
    assert world.sums("RequestCount", LB, BUSY, 5) == {}
    world.later(39)
    assert world.sums("RequestCount", LB, BUSY, 5) == {}
    world.later(1)
    assert list(world.sums("RequestCount", LB, BUSY, 5)) == [0]
    world.later(120)
    assert list(world.sums("RequestCount", LB, BUSY, 5)) == [0, 1, 2]
    # The edge's metrics are kept elsewhere.
    edge = Metric.of("AWS/CloudFront", "Requests", {"DistributionId": "shop_cdn", "Region": "Global"})
    assert world.stores["us-east-1"].units(edge)
    assert not world.stores[""].units(edge)


class Soon(threading.Event):
    """Stops whoever has waited a few times."""

    times = 3

    def wait(self, timeout: float | None = None) -> bool:
        self.times -= 1
        return self.times < 0


def test_minutes_do_not_wait_for_the_days_before(world: World) -> None:
    world.wall += 160
    world.running.run(Soon())
    assert list(world.sums("RequestCount", LB, BUSY, 5)) == [0, 1, 2]
    assert world.said == [], "the days before are not written yet"


def test_the_days_before_are_written_meanwhile(world: World) -> None:
    stopping = threading.Event()
    thread = threading.Thread(target=world.running.run, args=(stopping,), daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not world.said and time.monotonic() < until:
        time.sleep(0.05)
    stopping.set()
    thread.join(5)
    assert f"{DAYS} days of history" in world.said[0]
    metric = Metric.of("AWS/ApplicationELB", "RequestCount", LB)
    start = BUSY - DAYS * 86_400
    hours = world.stores[""].taken(metric, "Count", lambda w: w.sums(), start, BUSY, 3600)
    assert sum(value > 0 for _, value in hours) == DAYS * 24
    # What went wrong five days ago shows.
    bad = Metric.of("AWS/ApiGateway", "5XXError", {"ApiName": "images", "Stage": "prod"})
    at = BUSY - 5 * 86_400 - 3 * 3600
    [(_, many)] = world.stores[""].taken(bad, "Count", lambda w: w.sums(), at, at + 1200, 1200)
    assert many > 200


def test_chaos_begins_with_the_next_minute_and_the_clock_goes_faster_until_it_is_over(world: World) -> None:
    world.running.begin("shop", "targets-down", 600, 60)
    assert world.clock.speed == 60
    world.later(11)
    assert world.running.chaos == ()
    # It goes on as fast until no page sees it any more.
    assert world.clock.speed == 60
    world.later(40)
    assert world.clock.speed == 1
    refused = world.sums("HTTPCode_ELB_503_Count", LB, BUSY, 11)
    served = world.sums("RequestCount", LB, BUSY, 11)
    assert list(refused) == list(range(1, 11))
    assert 0 in served
    assert not set(served) & set(refused)
    assert world.said == ["chaos: shop: nothing is left that could answer", "chaos: shop: over"]
    # The clock stays ahead, and goes on at the wall's pace.
    world.later(120)
    assert set(world.sums("RequestCount", LB, BUSY, 45)) >= {0, *range(11, 44)}


def test_time_waits_for_who_cannot_write_as_fast(world: World) -> None:
    calls, world.logs.slow = world.logs.made, lambda: setattr(world, "wall", world.wall + 0.05)
    world.running.begin("shop", "500s", 1800, 300)
    calls.clear()
    for _ in range(10):
        world.wall += 0.2
        world.running.look()
        written = BUSY + 60 * (1 + max(world.sums("RequestCount", LB, BUSY, 600)))
        assert world.clock.now() - written < 420, "more than goes by while one minute is written"
    assert len(calls) > 100
    assert world.clock.speed == 300


def test_what_was_read_is_forgotten_for_as_long_as_the_clock_runs_ahead(world: World) -> None:
    world.later(120)
    assert world.moved == 0
    world.running.begin("shop", "500s", 600, 60)
    world.later(5)
    assert world.moved == 4, "59 seconds more each second are four whole minutes"
    world.later(60)
    assert world.clock.speed == 1
    moved = world.moved
    world.later(120)
    assert world.moved == moved, "it stays ahead, by as much"


def test_chaos_can_be_ended(world: World) -> None:
    world.running.begin("shop", "500s", 3600, 60)
    world.later(5)
    world.running.end("shop")
    world.later(39)
    assert world.clock.speed == 60
    world.later(2)
    assert world.clock.speed == 1
    bad = world.sums("HTTPCode_Target_5XX_Count", LB, BUSY, 9)
    assert {minute for minute, many in bad.items() if many > 100} == {1, 2, 3, 4, 5}
    with pytest.raises(Unwilling, match="nothing is wrong with shop"):
        world.running.end("shop")


def test_the_clock_goes_as_fast_as_the_fastest_wants(world: World) -> None:
    world.running.begin("shop", "500s", 3600, 10)
    world.running.begin("saas", "latency", 600, 60)
    assert world.clock.speed == 60
    world.later(11 + 40)
    assert world.clock.speed == 10


@pytest.mark.parametrize(
    ("system", "kind", "seconds", "speed", "why"),
    [
        ("blog", "500s", 60, 1, "no system 'blog': shop, intake"),
        ("shop", "fire", 60, 1, "'fire' is nothing that goes wrong here: 500s"),
        ("intake", "db-connections", 60, 1, "intake has no database .* shop, images, saas have one"),
        ("shop", "500s", 59, 1, "from a minute to a day"),
        ("shop", "500s", 60, 0.5, "1 to 600 times"),
    ],
)
def test_what_cannot_go_wrong_is_refused(
    world: World, system: str, kind: str, seconds: float, speed: float, why: str
) -> None:
    with pytest.raises(Unwilling, match=why):
        world.running.begin(system, kind, seconds, speed)
    assert world.clock.speed == 1


def test_one_thing_at_a_time(world: World) -> None:
    world.running.begin("shop", "500s", 600, 1)
    with pytest.raises(Unwilling, match="shop has 500s already"):
        world.running.begin("shop", "latency", 600, 1)


@pytest.mark.parametrize(
    ("system", "call"),
    [
        ("shop", "autoscaling:update_auto_scaling_group"),
        ("platform", "ecs:update_service"),
        ("images", "lambda:update_function_code"),
        ("saas", "lambda:update_function_code"),
        ("intake", "lambda:update_function_code"),
    ],
)
def test_bob_deploys_what_fails(world: World, system: str, call: str) -> None:
    chaos = world.running.begin(system, "bad-deploy", 600, 1)
    assert len(world.bob.of(call)) == 1
    assert chaos.done.split(" of ")[0].lower() == call.split(":")[1].replace("_", "")
    assert world.said == [f"chaos: {system}: bob deploys a version that fails ({chaos.done})"]


@pytest.mark.parametrize("system", ["shop", "platform", "images"])
def test_what_came_with_a_release_goes_and_comes_with_it(world: World, system: str) -> None:
    world.running.begin(system, "bad-deploy", 1200, 60)
    world.later(5)
    world.logs.runs = "web:1"
    world.later(5)
    world.logs.runs = "web:2"
    world.later(5)
    assert [bool(at_work(world.running._faults[system], BUSY + 60 * minute)) for minute in (0, 1, 4, 7, 9, 12)] == [
        False, True, True, False, False, True,
    ]  # fmt: skip
    assert world.said[1:] == [f"chaos: {system}: what was deployed runs no more", f"chaos: {system}: it runs again"]
    world.later(7)
    assert world.running.chaos == ()
    assert not at_work(world.running._faults[system], BUSY + 60 * 21)


def test_what_was_taken_back_is_over_when_somebody_ends_it(world: World) -> None:
    world.running.begin("platform", "bad-deploy", 1200, 60)
    world.later(5)
    world.logs.runs = "web:1"
    world.later(5)
    world.running.end("platform")
    world.logs.runs = "web:2"
    world.later(10)
    assert not any(at_work(world.running._faults["platform"], BUSY + 60 * minute) for minute in range(7, 21))


def test_nobody_deploys_otherwise(world: World) -> None:
    world.running.begin("saas", "500s", 600, 1)
    assert world.bob.made == []


def test_lines_are_written_by_the_walls_clock_into_few_streams(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STREAMS", 1)
    world.running.begin("saas", "500s", 4 * 3600, 600)
    world.later(7)
    put = world.logs.of("logs:put_log_events")
    bad = [one for one in put if one["logGroupName"] == "/aws/lambda/saas-api"]
    assert bad
    for one in bad:
        times = [event["timestamp"] for event in one["logEvents"]]
        assert times == sorted(times)
        # At 600 times the pace ten minutes are written at once, and none of it is to come.
        assert all((world.wall - 700) * 1000 < when <= (world.wall + 15) * 1000 for when in times)
    streams = {
        name: [one["logStreamName"] for one in world.logs.of(f"logs:{name}_log_stream") if "saas-api" in str(one)]
        for name in ("create", "delete")
    }
    assert len(streams["create"]) == 2
    assert streams["delete"] == streams["create"][:1]


def test_each_minute_tells_who_was_let_into_the_network_and_who_was_not(world: World) -> None:
    world.later(100)
    put = [one for one in world.logs.of("logs:put_log_events") if one["logGroupName"] == "/vpc/flow-logs"]
    assert [len(one["logEvents"]) for one in put] == [8] * 7, "five minutes of them are there at once"
    rows = [discovered(event["message"]) for event in put[5]["logEvents"]]
    assert [(one["dstPort"], one["action"]) for one in rows[:3]] == [
        ("80", "ACCEPT"),
        ("443", "ACCEPT"),
        ("22", "REJECT"),
    ]
    assert {one["startTime"] for one in rows} == {str(BUSY)}


def test_who_slept_for_hours_has_a_hole_in_the_metrics(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BEHIND", 30)
    world.wall += 8 * 3600
    world.running.look()
    found = world.sums("RequestCount", LB, BUSY, 8 * 60)
    assert len(found) == 30
    assert min(found) == 8 * 60 - 30


def test_xray_shows_what_the_metrics_count(world: World) -> None:
    xray = XRay("123456789012", lambda: world.clock.shift, world.running)
    world.running.begin("images", "500s", 600, 60)
    world.later(10)
    graph = xray.graph({"StartTime": world.wall - 480, "EndTime": world.wall})["Services"]
    resize = next(one for one in graph if one["Name"] == "images-resize")["SummaryStatistics"]
    assert resize["FaultStatistics"]["TotalCount"] / resize["TotalCount"] == pytest.approx(0.34, abs=0.05)
    found = xray.summaries({
        "StartTime": world.wall - 480, "EndTime": world.wall, "FilterExpression": 'service("images-resize") { fault }',
    })["TraceSummaries"]  # fmt: skip
    assert found
    [trace] = xray.batch({"TraceIds": [found[0]["Id"]]})["Traces"]
    assert trace["Id"] == found[0]["Id"]
    # What is to come is not known yet.
    assert xray.graph({"StartTime": world.wall + 120, "EndTime": world.wall + 600})["Services"] == []


def test_all_systems_are_known() -> None:
    assert tuple(SYSTEMS) == ("shop", "intake", "platform", "images", "saas")


def test_chaos_is_asked_of_the_inbox(world: World) -> None:
    with desk(SlackStandIn(limited=False)) as there:
        client = Client(Inbox(there.slacks, lambda *_: "", systems=world.running))
        asked = {"system": "shop", "kind": "bad-deploy", "seconds": 600, "speed": 60}
        begun = client.post("/inbox/chaos", json=asked)
        assert begun.get_json() == {
            "system": "shop", "kind": "bad-deploy", "done": "UpdateAutoScalingGroup of shop-web", "speed": 60.0,
        }  # fmt: skip
        again = client.post("/inbox/chaos", json=asked)
        assert (again.status_code, again.get_json()) == (409, {"error": "shop has bad-deploy already: stop that first"})
        assert client.post("/inbox/chaos", json={**asked, "seconds": "long"}).status_code == 400
        assert client.post("/inbox/chaos", json={"system": "shop", "stop": True}).status_code == 200
        assert world.running.chaos == ()
        without = Client(Inbox(there.slacks, lambda *_: ""))
        assert without.post("/inbox/chaos", json=asked).status_code == 404
