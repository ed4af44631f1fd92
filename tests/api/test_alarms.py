"""CloudWatch's alarms over HTTP: which are on, of which service, and what they have been through."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto.backends import get_backend

from chalicelib import registry, settings
from chalicelib.times import iso
from local.cloudwatch import api as cloudwatch
from local.cloudwatch import keeping
from local.cloudwatch.alarms import Alarms
from local.cloudwatch.clock import Clock
from tests.api import watched
from tests.api.client import Api
from tests.samples import ACCOUNT, REGION

SERVICES = """
[[services]]
name = "shop"
entry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188" }

[[services]]
name = "shop-eu"
entry = { kind = "alb", load_balancer = "app/shop-eu/50dc6c495c0c9188" }
"""
PAGE, TICKET, LONG = (f"parapet-test-shop-availability-{end}" for end in ("page", "ticket", "1h"))
EU = "parapet-test-shop-eu-availability-page"


class Room:
    """Somebody's alarms, and the API that tells of them."""

    def __init__(self, api: Api) -> None:
        self.api, self.account = api, api.account
        self._cloudwatch = self.account.client("cloudwatch")
        self._alarms = Alarms(ACCOUNT, lambda _event: None, lambda _line: None, Clock(), seldom=0.0)

    def made(self, *names: str) -> None:
        """Make alarms: of two windows one, and what pages is made of it."""
        for name in names:
            about = {"AlarmName": name, "AlarmDescription": f"what {name} is about"}
            if name.endswith(("-page", "-ticket")):
                rule = f'ALARM("{name.removesuffix("-page").removesuffix("-ticket")}-1h")'
                self._cloudwatch.put_composite_alarm(AlarmRule=rule, **about)
            else:
                self._cloudwatch.put_metric_alarm(
                    Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1,
                    Threshold=1.0, ComparisonOperator="GreaterThanThreshold", **about,
                )  # fmt: skip
        self._alarms.look()

    def set(self, name: str, state: str = "ALARM", ago: float = 0) -> None:
        """Have an alarm go into a state, or have gone there some seconds ago."""
        self._cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=f"by hand: {state}")
        self._alarms.look()
        if ago:
            alarm = get_backend("cloudwatch")[ACCOUNT][REGION].alarms[name]
            alarm.state_transitioned_timestamp = datetime.fromtimestamp(time.time() - ago, UTC)
        self.account.clock.at = time.time()

    def names(self, **query: str) -> list[str]:
        return [one["name"] for one in self.api.get("/v1/alarms", **query)["alarms"]]


@pytest.fixture
def room(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Room]:
    file = tmp_path / "parapet.toml"
    file.write_text(SERVICES, "utf-8")
    monkeypatch.setenv("PARAPET_SETTINGS", str(file))
    loaded = settings.load({"PARAPET_SETTINGS": str(file)}, registry.names(), ())
    api.account.set(services=loaded.services)
    # CloudWatch keeps the time of its changes itself.
    api.account.clock.at = time.time()
    watched.forget()
    with keeping.plugged(), cloudwatch.plugged():
        yield Room(api)


class TestList:
    def test_has_what_is_on_the_latest_first_with_its_service_and_objective(self, room: Room) -> None:
        room.made("disk-full", LONG, PAGE, TICKET)
        assert room.names() == []
        room.set("disk-full", ago=3000)
        began = time.time()
        room.set(LONG)
        found = {one["name"]: one for one in room.api.get("/v1/alarms")["alarms"]}
        # What pages is made of the one over an hour.
        assert set(found) == {PAGE, TICKET, LONG, "disk-full"}
        assert list(found)[-1] == "disk-full"
        assert {name for name, one in found.items() if one["tells"]} == {PAGE, TICKET, "disk-full"}
        page = found[PAGE]
        assert (page["state"], page["kind"], page["service"], page["objective"]) == (
            "ALARM", "composite", "shop", "shop-availability",
        )  # fmt: skip
        assert (page["about"], page["since"] >= iso(began - 1)) == (f"what {PAGE} is about", True)
        assert page["console"] == (
            f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}#alarmsV2:alarm/{PAGE}"
        )
        other = found["disk-full"]
        assert (other["kind"], other["service"], other["objective"], other["reason"]) == (
            "metric", None, None, "by hand: ALARM",
        )  # fmt: skip

    def test_has_those_of_one_service_and_not_of_one_whose_name_goes_on(self, room: Room) -> None:
        room.made(LONG, PAGE, "parapet-test-shop-eu-availability-1h", EU, "disk-full")
        for name in (LONG, "parapet-test-shop-eu-availability-1h", "disk-full"):
            room.set(name)
        assert set(room.names(service="shop")) == {LONG, PAGE}
        assert EU in room.names(service="shop-eu")
        assert len(room.names(service="shop-eu")) == 2
        assert room.names(service="gone") == []

    def test_has_those_in_another_state_and_those_that_have_changed_since(self, room: Room) -> None:
        room.made("disk-full", "cpu-high")
        room.set("disk-full", ago=3500)
        assert room.names(state="INSUFFICIENT_DATA") == ["cpu-high"]
        room.set("cpu-high", "OK")
        assert room.names(state="OK") == ["cpu-high"]
        assert room.names(since="1h") == ["disk-full"]
        assert room.names(since="50m") == []

    def test_is_whole_however_many_there_are(self, room: Room) -> None:
        names = [f"alarm-{number:03}" for number in range(101)]
        room.made(*names)
        assert len(room.names(state="INSUFFICIENT_DATA")) == 101

    @pytest.mark.parametrize(
        ("query", "says"), [({"state": "on"}, "state: 'on' is not one"), ({"since": "soon"}, "since: ")]
    )
    def test_declines_what_it_does_not_know(self, room: Room, query: dict[str, str], says: str) -> None:
        assert says in room.api.error(400, "GET", "/v1/alarms", query)


class TestRegions:
    """Services may be anywhere: CloudFront's metrics and alarms are in us-east-1 alone."""

    FAR = "us-east-1"

    @pytest.fixture(autouse=True)
    def far(self, room: Room, tmp_path: Path) -> None:
        """Have a service there, another of whose dependencies is there only, and an alarm."""
        more = """
[[services]]
name = "cdn"
entry = { kind = "cloudfront", distribution = "E2EXAMPLE1" }
dependencies = [{ kind = "sqs", queue = "logs", region = "eu-central-1" }]
"""
        (tmp_path / "parapet.toml").write_text(SERVICES + more, "utf-8")
        room.made("disk-full")
        room.set("disk-full", ago=600)
        for region, name in ((self.FAR, "parapet-test-cdn-availability-page"), ("eu-central-1", "queue-old")):
            client = room.account.client("cloudwatch", region=region)
            client.put_metric_alarm(
                AlarmName=name, Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
                EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
            )  # fmt: skip
            client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")

    def test_of_all_entries_and_dependencies_tell(self, room: Room) -> None:
        found = room.api.get("/v1/alarms")
        assert {(one["name"], one["region"], one["service"]) for one in found["alarms"]} == {
            ("parapet-test-cdn-availability-page", self.FAR, "cdn"), ("queue-old", "eu-central-1", None),
            ("disk-full", REGION, None),
        }  # fmt: skip
        assert found["alarms"][-1]["name"] == "disk-full", "the latest first, wherever it is"
        assert found["alarms_unknown"] == []
        assert f"region={self.FAR}#" in next(one["console"] for one in found["alarms"] if one["service"])
        assert room.names(service="cdn") == ["parapet-test-cdn-availability-page"]

    def test_that_do_not_answer_are_told_and_hide_nothing(self, room: Room) -> None:
        room.account.wire.fail(
            lambda _number, made: "deny" if made.operation == "DescribeAlarms" and made.region == self.FAR else None
        )
        found = room.api.get("/v1/alarms")
        assert {one["name"] for one in found["alarms"]} == {"queue-old", "disk-full"}
        [unknown] = found["alarms_unknown"]
        assert unknown["region"] == self.FAR
        assert unknown["why"].startswith("AWS denies cloudwatch:DescribeAlarms to the API's role")
        services = room.api.get("/v1/services")
        assert services["alarms_unknown"] == [unknown]
        assert len(services["services"]) == 3
        assert room.api.get("/v1/services/cdn/golden")["alarms_unknown"] == [unknown]
        assert room.api.get("/v1/alarms/disk-full")["state"] == "ALARM"
        # It may be there: that nobody is let look is no proof that it is not.
        assert "DescribeAlarms" in room.api.error(503, "GET", "/v1/alarms/parapet-test-cdn-availability-page")

    def test_are_found_by_a_name_and_where_two_are_called_so_by_region(self, room: Room) -> None:
        assert room.api.get("/v1/alarms/queue-old")["region"] == "eu-central-1"
        room.made("queue-old")
        assert room.api.get("/v1/alarms/queue-old")["region"] == REGION
        assert room.api.get("/v1/alarms/queue-old", region="eu-central-1")["region"] == "eu-central-1"
        [change] = room.api.get("/v1/alarms/queue-old/history", region="eu-central-1")["history"]
        assert change["summary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
        says = room.api.error(400, "GET", "/v1/alarms/queue-old", {"region": "eu-north-1"})
        assert says.endswith(f"'eu-north-1', but in {REGION}, eu-central-1, us-east-1")

    def test_another_stage_whose_name_goes_on_is_not_ours(self, room: Room) -> None:
        """`test-eu` has a service `shop`, we have neither that nor `eu-shop`."""
        room.made(
            "parapet-test-eu-shop-availability-page".replace("-page", "-1h"), "parapet-test-eu-shop-availability-page"
        )
        room.set("parapet-test-eu-shop-availability-1h")
        found = {one["name"]: one["service"] for one in room.api.get("/v1/alarms")["alarms"]}
        assert found["parapet-test-eu-shop-availability-page"] is None
        assert room.names(service="shop") == []
        assert {one["name"]: one["alarms"] for one in room.api.get("/v1/services")["services"]}["shop"] == []


class TestOne:
    def test_is_shown_whatever_its_state(self, room: Room) -> None:
        room.made(LONG, PAGE)
        found = room.api.get(f"/v1/alarms/{PAGE}")
        assert (found["name"], found["state"], found["objective"]) == (PAGE, "OK", "shop-availability")
        room.set(LONG)
        assert room.api.get(f"/v1/alarms/{PAGE}")["state"] == "ALARM"

    def test_may_have_any_name(self, room: Room) -> None:
        room.made("disk 90 % full (web)")
        assert room.api.get("/v1/alarms/disk%2090%20%25%20full%20(web)")["name"] == "disk 90 % full (web)"

    @pytest.mark.parametrize("path", ["/v1/alarms/gone", "/v1/alarms/gone/history"])
    def test_that_is_not_there_is_said(self, room: Room, path: str) -> None:
        room.made("gone-wrong")
        assert "there is no alarm 'gone' here" in room.api.error(404, "GET", path)


class TestHistory:
    def test_tells_which_states_it_has_been_in_the_latest_first(self, room: Room) -> None:
        room.made("disk-full", "cpu-high")
        for state in ("ALARM", "OK"):
            room.set("disk-full", state)
        room.set("cpu-high")
        found: list[dict[str, Any]] = room.api.get("/v1/alarms/disk-full/history")["history"]
        assert [one["summary"] for one in found] == [
            "Alarm updated from ALARM to OK", "Alarm updated from INSUFFICIENT_DATA to ALARM",
        ]  # fmt: skip
        assert found[0]["at"] >= found[1]["at"] >= iso(time.time() - 60)
        assert room.api.get("/v1/alarms/disk-full/history", limit="1")["history"] == found[:1]

    def test_tells_of_the_last_day_unless_it_is_asked_for_more(self, room: Room) -> None:
        room.made("disk-full")
        room.set("disk-full")
        room.account.clock.forward(25 * 3600)
        assert room.api.get("/v1/alarms/disk-full/history")["history"] == []
        assert len(room.api.get("/v1/alarms/disk-full/history", since="2d")["history"]) == 1

    def test_tells_of_composites_too(self, room: Room) -> None:
        room.made(LONG, PAGE)
        room.set(LONG)
        found = [one["summary"] for one in room.api.get(f"/v1/alarms/{PAGE}/history")["history"]]
        # Made without an alarm that it is made of being on, it was well.
        assert found == ["Alarm updated from OK to ALARM", "Alarm updated from INSUFFICIENT_DATA to OK"]


class TestServices:
    def test_have_the_names_of_their_alarms_that_are_on(self, room: Room) -> None:
        room.made(LONG, TICKET, PAGE, "disk-full")
        for name in (LONG, "disk-full"):
            room.set(name)
        found = {one["name"]: one for one in room.api.get("/v1/services")["services"]}
        assert found["shop"]["alarms"] == [PAGE, TICKET]
        assert (found["shop"]["status"], found["shop"]["why"]) == ("red", f"{PAGE} is in alarm")
        assert found["shop-eu"]["alarms"] == []
