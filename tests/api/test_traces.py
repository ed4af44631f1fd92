"""Traces over HTTP: the map, samples, one of them with its log lines; what is denied is a state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.api import traces as module
from chalicelib.tracing import graph, samples
from tests.account import TestAccount
from tests.api.test_services import without
from tests.api.traced import Traced, traced
from tests.tracing.playing import chain, trace_id

MAP = "/v1/traces/map"


def test_what_the_route_says_before_anything_is_imported_is_so() -> None:
    assert module.KINDS == samples.KINDS
    assert module.LONGEST == graph.LONGEST


@pytest.fixture
def room(account: TestAccount) -> Iterator[Traced]:
    with traced(account) as made:
        yield made


def filled(room: Traced) -> None:
    """Sixty good ones an hour ago; of twenty now eight fail in the table of orders."""
    room.put(*(chain(number, start=-2400 + number) for number in range(100, 160)))
    room.put(*(chain(number, 500 if number < 8 else 200, 0.1 * number, start=number) for number in range(20)))


def calls(document: Any) -> list[tuple[str, str, str, int, int]]:
    names = {one["id"]: one["name"] for one in document["nodes"]}
    return [
        (names[one["caller"]], names[one["callee"]], one["status"], one["requests"], one["faults"])
        for one in document["edges"]
    ]


def test_the_map_tells_where_it_hurts(room: Traced) -> None:
    filled(room)
    found = room.api.get(MAP)
    assert (found["status"], found["region"], found["service"], found["why"]) == ("ok", "eu-west-1", None, None)
    assert found["answer"] == (
        "Most of what fails begins where orders calls table: 40 % of 20 sampled calls fail, 0 % in the hour before."
    )
    assert calls(found) == [
        ("orders", "table", "red", 20, 8), ("api", "orders", "red", 20, 8), ("client", "api", "red", 20, 8),
    ]  # fmt: skip
    assert found["edges"][0]["before"] == {"requests": 60, "fault_share": 0.0, "p95": 0.01}
    assert {one["name"]: one["services"] for one in found["nodes"]} == {
        "api": [], "orders": ["orders"], "table": ["orders"], "client": [],
    }  # fmt: skip
    assert found["cost"] == {"api_calls": 2, "queries": 0}
    # Again within half a minute nobody is asked.
    assert room.api.get(MAP)["cost"]["api_calls"] == 0
    assert room.api.get(MAP, service="orders")["cost"]["api_calls"] == 0


def test_of_a_service_and_of_another_time(room: Traced) -> None:
    filled(room)
    assert [one["id"] for one in room.api.get(MAP, service="quiet")["nodes"]] == []
    assert "none of what X-Ray tells of is known to be quiet's" in room.api.get(MAP, service="quiet")["why"]
    earlier = room.api.get(MAP, since="1h", until="30m")
    assert calls(earlier)[0][3] == 60
    assert earlier["answer"] == "Nothing hurts: 0 % of 60 sampled calls failed."
    assert room.api.get(MAP, since="6h")["status"] == "ok"
    assert room.api.get(MAP, region="eu-central-1")["region"] == "eu-central-1"


def test_without_traces_there_is_no_data(room: Traced) -> None:
    found = room.api.get(MAP)
    assert (found["status"], found["nodes"]) == ("no_data", [])
    assert "tracing is off" in found["why"]
    listed = room.api.get("/v1/traces")
    assert (listed["status"], listed["traces"], listed["scanned"]) == ("no_data", [], 0)
    assert room.api.get("/v1/traces", service="orders")["why"].startswith("no node of the map is orders's")
    room.put(chain(1))
    assert room.api.get("/v1/traces", kind="fault")["why"] == "no trace of this time fits"


def test_samples_are_found_by_what_they_met(room: Traced) -> None:
    filled(room)
    table = {"node": "table", "type": "AWS::DynamoDB::Table"}
    found = room.api.get("/v1/traces", kind="fault", limit="3", **table)
    assert [one["id"] for one in found["traces"]] == [trace_id(number) for number in (7, 6, 5)]
    assert (found["more"], found["scanned"]) == (True, 20)
    first = found["traces"][0]
    assert (first["method"], first["url"], first["http_status"], first["met"]) == (
        "GET", "https://shop.example.com/cart", 500, "fault",
    )  # fmt: skip
    assert first["failing"]["name"] == "table"
    assert first["console"].endswith(f"#xray:traces/{first['id']}")
    assert found["cost"]["api_calls"] == 1
    assert room.api.get("/v1/traces", kind="fault", limit="3", **table)["cost"]["api_calls"] == 0
    slow = room.api.get("/v1/traces", node="orders", caller="api", slower="850ms", kind="ok")
    assert [one["id"] for one in slow["traces"]] == [trace_id(number) for number in (19, 18)]
    assert slow["filter"].startswith('edge(id(name: "api"), id(name: "orders")) { ok = true AND responsetime > 0.85')
    ours = room.api.get("/v1/traces", service="orders", kind="fault")
    assert len(ours["traces"]) == 8
    assert 'service(id(name: "table", type: "AWS::DynamoDB::Table"))' in ours["filter"]


def test_one_trace_has_steps_and_lines(room: Traced) -> None:
    filled(room)
    room.log("/aws/lambda/orders", "of another", f"failed {trace_id(3)}; password=hunter2")
    found = room.api.get(f"/v1/traces/{trace_id(3)}")
    assert (found["status"], found["source"], found["why"]) == ("ok", "xray", None)
    assert found["answer"] == "table failed: KeyError: price; password=(secret) (cart/total.py:12)"
    assert [(one["depth"], one["name"], one["met"]) for one in found["steps"]] == [
        (0, "api", "fault"), (1, "orders", "fault"), (2, "orders", "fault"), (3, "table", "fault"),
    ]  # fmt: skip
    assert [one["text"] for one in found["lines"]["lines"]] == [f"failed {trace_id(3)}; password=(secret)"]
    assert found["lines"]["why"] == "there is no log group /aws/lambda/api"
    assert found["cost"] == {"api_calls": 3, "queries": 0, "bytes_scanned": 0}


@pytest.mark.parametrize(
    ("path", "query", "status", "why"),
    [
        (MAP, {"since": "7h"}, 400, "more than 6 h"),
        (MAP, {"since": "1h", "until": "2h"}, 400, "since is not before until"),
        (MAP, {"since": "soon"}, 400, "since"),
        (MAP, {"service": "nobody"}, 404, "there is no service 'nobody'"),
        (MAP, {"region": "here"}, 400, "is not a region"),
        ("/v1/traces", {"node": 'x" { fault }'}, 400, "cannot be asked for"),
        ("/v1/traces", {"caller": "api"}, 400, "node is missing"),
        ("/v1/traces", {"node": "api", "caller_type": "client"}, 400, "caller is missing"),
        ("/v1/traces", {"service": "orders", "node": "api"}, 400, "one of them will do"),
        ("/v1/traces", {"slower": "soon"}, 400, "is not a duration such as 500ms"),
        ("/v1/traces", {"kind": "bad"}, 400, "kind"),
        ("/v1/traces/1-2-3", {}, 400, "is not the id of a trace"),
        (f"/v1/traces/{trace_id(77)}", {}, 404, "there is no trace"),
    ],
)
def test_what_cannot_be_asked(room: Traced, path: str, query: dict[str, str], status: int, why: str) -> None:
    assert why in room.api.error(status, "GET", path, query)


def test_what_is_denied_is_a_state(room: Traced) -> None:
    filled(room)
    without(room.account, "xray:GetServiceGraph")
    found = room.api.get(MAP, service="orders")
    assert (found["status"], found["nodes"], found["edges"], found["service"]) == ("denied", [], [], "orders")
    assert "AWS denies xray:GetServiceGraph to the API's role" in found["why"]
    without(room.account, "xray:GetTraceSummaries")
    assert room.api.get("/v1/traces")["status"] == "denied"
    without(room.account, "logs:FilterLogEvents")
    assert room.api.get(f"/v1/traces/{trace_id(3)}")["lines"]["status"] == "denied"
    without(room.account, "xray:BatchGetTraces")
    found = room.api.get(f"/v1/traces/{trace_id(3)}")
    assert (found["status"], found["steps"]) == ("denied", [])
    assert "xray:BatchGetTraces" in found["answer"]
