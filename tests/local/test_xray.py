"""X-Ray's stand-in: filters as documented, numbers that can be counted by hand, and a loud no to the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.xray.responses import XRayResponse

from local.xray import PAGE, Put, Refused, XRay
from local.xray_filter import FilterError, Scene, parse

NOW = 1_795_014_000.0
ACCOUNT = "123456789012"


def segment(number: int, name: str, start: float = 0.0, seconds: float = 0.2, **more: Any) -> dict[str, Any]:
    return {
        "trace_id": f"1-{int(NOW):08x}-{number:024x}", "id": f"{number:08x}{crc32(name.encode()):08x}", "name": name,
        "start_time": NOW + start, "end_time": NOW + start + seconds, "origin": "AWS::Lambda::Function", **more,
    }  # fmt: skip


def request(status: int, method: str = "GET", url: str = "https://shop.example.com/cart") -> dict[str, Any]:
    asked = {"method": method, "url": url, "user_agent": "curl/8", "client_ip": "198.51.100.7"}
    return {"request": asked, "response": {"status": status}}


def chain(number: int, status: int = 200, slow: float = 0.2, **more: Any) -> list[dict[str, Any]]:
    """A trace in which api calls orders, and orders its table."""
    fault = {"fault": True} if status >= 500 else {}
    api = segment(number, "api", seconds=slow, http=request(status), **fault, **more)
    if 400 <= status < 500:
        api["error"] = True
    calls = {"id": f"{number:08x}aaaaaaaa", "name": "orders", "start_time": NOW, "end_time": NOW + slow / 2}
    api["subsegments"] = [calls]
    orders = segment(number, "orders", seconds=slow / 2, parent_id=calls["id"], **fault)
    if fault:
        orders["cause"] = {"exceptions": [{"id": "b" * 16, "type": "KeyError", "message": "price"}]}
    reads = {"id": f"{number:08x}bbbbbbbb", "name": "table", "start_time": NOW, "end_time": NOW + 0.01}
    orders["subsegments"] = [reads]
    kind = "AWS::DynamoDB::Table"
    table = segment(number, "table", seconds=0.01, parent_id=reads["id"], inferred=True) | {"origin": kind}
    return [api, orders, table]


def scene(**given: Any) -> Scene:
    return Scene.of(chain(1, **given))


@pytest.mark.parametrize(
    ("expression", "status", "slow", "holds"),
    [
        ("fault", 500, 0.2, True),
        ("fault", 404, 0.2, False),
        ("fault = true", 500, 0.2, True),
        ("fault != true", 500, 0.2, False),
        ("error", 404, 0.2, True),
        ("ok", 200, 0.2, True),
        ("ok", 500, 0.2, False),
        ("!ok", 500, 0.2, True),
        ("NOT fault", 200, 0.2, True),
        ("responsetime > 0.5", 200, 0.6, True),
        ("responsetime > 0.5", 200, 0.4, False),
        ("duration >= 0.5 AND duration <= 0.7", 200, 0.6, True),
        ("http.status = 500", 500, 0.2, True),
        ("http.status != 200", 200, 0.2, False),
        ("http.status >= 400 http.status < 500", 404, 0.2, True),
        # AND before OR.
        ("fault OR ok AND responsetime > 5", 500, 0.2, True),
        ("(fault OR ok) AND responsetime > 5", 500, 0.2, False),
        ('service("orders")', 200, 0.2, True),
        ('service("nobody")', 200, 0.2, False),
        ('service("orders") { fault }', 500, 0.2, True),
        ('service("table") { fault }', 500, 0.2, False),
        ('service("orders") { responsetime > 0.25 }', 200, 0.6, True),
        ('service("table") { responsetime > 0.25 }', 200, 0.6, False),
        ('service() { responsetime < 0.02 }', 200, 0.6, True),
        ('service(id(name: "table", type: "AWS::DynamoDB::Table"))', 200, 0.2, True),
        ('service(id(type: "AWS::SNS"))', 200, 0.2, False),
        ('edge("api", "orders") { fault = true }', 500, 0.2, True),
        ('edge("orders", "api")', 500, 0.2, False),
        ('edge("api", "table")', 500, 0.2, False),
        ('http.url CONTAINS "/cart" AND !service("nobody")', 200, 0.2, True),
        ('http.url BEGINSWITH "http://"', 200, 0.2, False),
        ('http.method = "GET"', 200, 0.2, True),
        ('annotation.tenant = "blue"', 200, 0.2, True),
        ('annotation[tenant] = "red"', 200, 0.2, False),
        ("annotation.tenant", 200, 0.2, True),
        ("annotation.colour", 200, 0.2, False),
    ],
)  # fmt: skip
def test_filters(expression: str, status: int, slow: float, holds: bool) -> None:
    assert parse(expression)(scene(status=status, slow=slow, annotations={"tenant": "blue"})) is holds


@pytest.mark.parametrize(
    "expression",
    [
        "", "fault AND", "(fault", "fault)", "slow", "responsetime", "responsetime > fast", "responsetime CONTAINS 5",
        "fault = maybe", 'service("a", "b")', 'edge("a")', "service(shop)", 'service("a") { fault', "fault § ok",
        'group.name = "x"', "rootcause.fault.entity { fault }", 'service(id(account.id: "1"))', "json { fault }",
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_refused(expression: str) -> None:
    with pytest.raises(FilterError):
        parse(expression)


@pytest.fixture
def xray() -> XRay:
    return filled()


def filled(ahead: float = 0.0) -> XRay:
    """Ten traces: seven went well, one asked for nothing that is there, two failed slowly."""
    made = XRay(ACCOUNT, lambda: ahead)
    for number, status in enumerate((200,) * 7 + (404,) + (500,) * 2):
        for one in chain(number, status, 1.0 if status == 500 else 0.2):
            made.put.put(one)
    return made


SPAN = {"StartTime": NOW - 60, "EndTime": NOW + 60}


def test_the_graph_counts_services_and_calls(xray: XRay) -> None:
    services = {one["Name"]: one for one in xray.graph(SPAN)["Services"]}
    assert list(services) == ["api", "orders", "table", "client"]
    api, orders, client = services["api"], services["orders"], services["client"]
    assert api["Root"]
    assert "Root" not in orders
    assert api["SummaryStatistics"] == {
        "OkCount": 7, "ErrorStatistics": {"ThrottleCount": 0, "OtherCount": 1, "TotalCount": 1},
        "FaultStatistics": {"OtherCount": 2, "TotalCount": 2}, "TotalCount": 10, "TotalResponseTime": 3.6,
    }  # fmt: skip
    assert api["ResponseTimeHistogram"] == [{"Value": 0.2, "Count": 8}, {"Value": 1.0, "Count": 2}]
    [edge] = api["Edges"]
    assert edge["ReferenceId"] == orders["ReferenceId"]
    assert edge["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 2
    assert edge["SummaryStatistics"]["TotalCount"] == 10
    assert [one["ReferenceId"] for one in client["Edges"]] == [api["ReferenceId"]]
    assert services["table"]["SummaryStatistics"]["OkCount"] == 10
    assert services["table"]["Type"] == "AWS::DynamoDB::Table"
    assert xray.graph({"StartTime": NOW - 60, "EndTime": NOW - 30})["Services"] == []


def test_summaries_are_of_the_entry_and_tell_what_broke(xray: XRay) -> None:
    answer = xray.summaries({**SPAN, "FilterExpression": "fault"})
    assert answer["TracesProcessedCount"] == 10
    assert len(answer["TraceSummaries"]) == 2
    one = answer["TraceSummaries"][0]
    assert (one["HasFault"], one["HasError"], one["ResponseTime"]) == (True, False, 1.0)
    assert one["Http"]["HttpStatus"] == 500
    assert [each["Name"] for each in one["ServiceIds"]] == ["api", "orders", "table"]
    way = one["FaultRootCauses"][0]["Services"]
    assert [each["Name"] for each in way] == ["api", "orders"]
    assert way[-1]["EntityPath"][0]["Exceptions"] == [{"Name": "KeyError", "Message": "price"}]


def test_pages_hold_a_hundred() -> None:
    xray = XRay(ACCOUNT, lambda: 0.0)
    for number in range(PAGE + 7):
        xray.put.put(segment(number, "api"))
    first = xray.summaries(SPAN)
    second = xray.summaries({**SPAN, "NextToken": first["NextToken"]})
    assert (len(first["TraceSummaries"]), len(second["TraceSummaries"])) == (PAGE, 7)
    assert "NextToken" not in second
    # The most recent first, and when each page begins.
    starts = [one["StartTime"] for one in (*first["TraceSummaries"], *second["TraceSummaries"])]
    assert starts == sorted(starts, reverse=True)
    assert (first["ApproximateTime"], second["ApproximateTime"]) == (starts[PAGE - 1], SPAN["StartTime"])


def test_callers_know_the_walls_clock_only() -> None:
    xray = filled(ahead=0.0)
    late = XRay(ACCOUNT, lambda: 3600.0, xray.put)
    span = {"StartTime": NOW - 3660, "EndTime": NOW - 3540}
    assert late.summaries(SPAN)["TraceSummaries"] == []
    found = late.summaries(span)["TraceSummaries"]
    assert {one["StartTime"] for one in found} == {NOW - 3600}
    [trace] = late.batch({"TraceIds": [found[0]["Id"]]})["Traces"]
    document = json.loads(trace["Segments"][0]["Document"])
    assert document["start_time"] == document["subsegments"][0]["start_time"] == NOW - 3600
    assert late.graph(span)["Services"][0]["StartTime"] == NOW - 3600
    # What somebody puts now is of now.
    late.segments({"TraceSegmentDocuments": [json.dumps(segment(77, "mine", start=-3600))]})
    assert len(late.summaries({**span, "FilterExpression": 'service("mine")'})["TraceSummaries"]) == 1


def test_graph_of_some_traces(xray: XRay) -> None:
    bad = xray.summaries({**SPAN, "FilterExpression": "fault"})["TraceSummaries"][0]["Id"]
    services = xray.trace_graph({"TraceIds": [bad]})["Services"]
    assert services[0]["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1


Ask = Callable[[XRay], Any]
REFUSED: list[tuple[Ask, str]] = [
    (lambda x: x.summaries({"StartTime": NOW}), "EndTime must not be null"),
    (lambda x: x.summaries({"StartTime": NOW, "EndTime": NOW}), "before EndTime"),
    (lambda x: x.graph({"StartTime": NOW, "EndTime": NOW + 6 * 3600 + 1}), "6 hours"),
    (lambda x: x.graph({**SPAN, "GroupName": "mine"}), "no groups"),
    (lambda x: x.summaries({**SPAN, "Sampling": True}), "samples no summaries"),
    (lambda x: x.summaries({**SPAN, "TimeRangeType": "Event"}), "by the time in their ids"),
    (lambda x: x.summaries({**SPAN, "FilterExpression": "slow"}), "Invalid filter expression"),
    (lambda x: x.summaries({**SPAN, "SamplingStrategy": {}}), "SamplingStrategy"),
    (lambda x: x.batch({"TraceIds": []}), "1 to 5 ids"),
    (lambda x: x.batch({"TraceIds": [f"1-{n:08x}-{n:024x}" for n in range(6)]}), "1 to 5 ids"),
    (lambda x: x.batch({"TraceIds": ["1-2-3"]}), "Invalid trace id"),
]


@pytest.mark.parametrize(("ask", "why"), REFUSED)
def test_what_it_does_not_answer_it_refuses(xray: XRay, ask: Ask, why: str) -> None:
    with pytest.raises(Refused, match=why):
        ask(xray)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "ParseError"),
        ("[]", "ParseError"),
        (json.dumps({"name": "x", "id": "a" * 16, "start_time": 1}), "MissingParam"),
        (json.dumps({key: value for key, value in segment(1, "x").items() if key != "end_time"}), "MissingParam"),
        (json.dumps(segment(1, "x") | {"trace_id": "1-2-3"}), "InvalidTraceId"),
        (json.dumps(segment(1, "x") | {"id": "short"}), "InvalidId"),
        (json.dumps(segment(1, "x" * 70_000)), "DocumentTooLarge"),
    ],
)  # fmt: skip
def test_documents_that_are_no_segments_are_named(xray: XRay, text: str, code: str) -> None:
    good = json.dumps(segment(99, "fine"))
    [bad] = xray.segments({"TraceSegmentDocuments": [text, good]})["UnprocessedTraceSegments"]
    assert bad["ErrorCode"] == code
    assert len(xray.put.by_id(segment(99, "fine")["trace_id"])) == 1


def test_a_segment_in_progress_is_replaced_when_it_is_done() -> None:
    put, one = Put(), segment(1, "api")
    put.put({key: value for key, value in one.items() if key != "end_time"} | {"in_progress": True})
    put.put(one)
    assert put.by_id(one["trace_id"]) == [one]


@pytest.fixture
def client() -> Iterator[Any]:
    names = ("trace_summaries", "traces", "service_graph", "trace_graph", "trace_segments")
    before = {name: getattr(XRayResponse, name) for name in names}
    with mock_aws():
        filled().plug_in()
        try:
            yield boto3.client("xray", region_name="eu-west-1")
        finally:
            for name, function in before.items():
                setattr(XRayResponse, name, function)


def test_over_the_api(client: Any) -> None:
    answer = client.get_trace_summaries(**SPAN, FilterExpression="http.status = 500")
    wanted = [one["Id"] for one in answer["TraceSummaries"]]
    found = client.batch_get_traces(TraceIds=[*wanted, "1-00000000-" + "0" * 24])
    assert [one["Id"] for one in found["Traces"]] == wanted
    assert found["UnprocessedTraceIds"] == ["1-00000000-" + "0" * 24]
    assert client.get_service_graph(**SPAN)["Services"][0]["SummaryStatistics"]["TotalCount"] == 10
    sent = client.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment(50, "mine"))])
    assert sent["UnprocessedTraceSegments"] == []
    with pytest.raises(ClientError, match=r"InvalidRequestException.*by ok, error"):
        client.get_trace_summaries(**SPAN, FilterExpression="slow")
