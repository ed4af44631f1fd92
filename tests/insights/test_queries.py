"""Every named query, read and evaluated by the local Logs Insights; what they must find was counted by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from chalicelib.insights import parameters, queries, running
from chalicelib.insights.logs import LOGS
from chalicelib.insights.model import Query
from local.insights import Event, parse, redefined, run
from local.insights.discovery import discovered
from tests.insights import lines
from tests.insights.lines import REQUEST, T0, TRACE, at
from tests.samples import ACCOUNT

EVERY = list(queries.EVERY.values())
# What a query needs where it needs something, and all that it may be given.
NEEDED = {"request": TRACE}
GIVEN = {
    **NEEDED, "holds": 'a "quoted" | text', "address": "198.51.100.7", "interface": "eni-0a1b2c3d4e5f60718",
    "resource": "sg-0a1b", "actor": "ada",
}  # fmt: skip
Rows = Sequence[Mapping[str, Any]]


def rows(name: str, events: Sequence[Event], **given: str) -> Rows:
    """What a query finds within the hour from T0 on, with its columns in their order and types."""
    query = queries.find(name)
    results = run(parse(queries.text(query, given)), events, T0, T0 + 3599)
    return [{one.name: running.cell(row.get(one.name), one) for one in query.columns} for row in results.rows]


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
class TestEach:
    def test_is_whole(self, query: Query) -> None:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", query.id)
        assert query.logs
        assert set(query.logs) <= set(LOGS)
        assert 0 < query.window <= query.longest <= 30 * 86_400
        assert query.about.endswith((".", "?"))
        names = [one.name for one in query.takes]
        assert len(set(names)) == len(names)
        for one in query.takes:
            if one.default:
                assert one.literal(one.default)
        # What it begins with is never left out.
        assert not re.search(r"\$\{", query.text.strip().split("\n|")[0])
        assert set(re.findall(r"\$\{(\w+)\}", query.text)) == set(names)

    @pytest.mark.parametrize("given", [NEEDED, GIVEN], ids=["little", "much"])
    def test_is_understood(self, query: Query, given: Mapping[str, str]) -> None:
        known = {one.name for one in query.takes}
        text = queries.text(query, {name: value for name, value in given.items() if name in known})
        parse(text)
        assert len(text) <= 10_000

    def test_gives_no_name_that_its_logs_have_already(self, query: Query) -> None:
        text = queries.text(query, {one.name: GIVEN[one.name] for one in query.takes if one.needed})
        fields = {name for message in FIELDS for name in discovered(message)}
        assert redefined(parse(text), fields) is None


# Lines with the fields that the logs of all kinds may have.
FIELDS = [
    *(
        json.dumps(one)
        for one in (
            lines.powertools(
                "ERROR", "x", exception="x", exception_name="x", exception_notes=[], stack_trace={}, cold_start=True,
                function_name="x", function_memory_size="x", function_arn="x", function_request_id="x",
                correlation_id="x", xray_trace_id="x", error="x", request="x", request_id="x", trace="x", path="x",
                status=500, duration=1, ms=1, user="x", method="x", url="x", target="x", route="x", who="x", role="x",
                client="x", times=1, percent=1, line="x", count=1,
            ),
            # pino, winston, Logback's encoders, slog, serilog, Rust's tracing.
            {"level": 50, "time": 1, "pid": 1, "hostname": "x", "msg": "x", "err": {"message": "x"}, "req": {"id": 1}},
            {"level": "error", "message": "x", "timestamp": "x", "stack": "x"},
            {"@timestamp": "x", "@version": "1", "message": "x", "logger_name": "x", "thread_name": "x",
             "level_value": 1, "stack_trace": "x", "mdc": {"a": 1}},
            {"time": "x", "level": "ERROR", "msg": "x", "source": {"function": "x"}},
            {"timestamp": "x", "level": "ERROR", "fields": {"message": "x"}, "target": "x", "span": {"name": "x"}},
            lines.platform(REQUEST, 1, initDurationMs=1.0),
            lines.gateway("GET /x", 200, 1, 1),
            lines.gateway("GET /x", 200, 1, 1, rest=True),
            lines.call("DeleteBucket", "x", error="x"),
        )
    ),
    lines.report(REQUEST, 1.0, start=1.0, trace=TRACE),
    lines.flow("198.51.100.7", "10.0.0.1", 22, 1),
]  # fmt: skip


class TestErrors:
    EVENTS = (
        at(10, lines.powertools("ERROR", "card declined", xray_trace_id="1-a")),
        at(20, lines.powertools("ERROR", "card declined", xray_trace_id="1-a")),
        at(70, lines.powertools("ERROR", "card declined", xray_trace_id="1-b")),
        at(30, {"level": 50, "time": 1, "msg": "no stock", "traceId": "c"}),
        at(40, {"level": "error", "message": "no stock"}),
        at(45, '{"time":"2026-11-18T11:07:45Z","level":"ERROR","msg":"timeout of db"}'),
        at(50, f"[ERROR]\t2026-11-18T11:07:50.123Z\t{REQUEST}\tcannot reach payments", "/aws/lambda/pay"),
        at(55, "[ERROR]\t2026-11-18T11:07:55.456Z\t00000000-1111-4222-8333-444455556666\tcannot reach payments"),
        at(60, f"2026-11-18T11:08:00.000Z {REQUEST} Task timed out after 3.00 seconds"),
        at(
            65,
            f'2026-11-18T11:08:05.000Z\t{REQUEST}\tERROR\tInvoke Error\t{{"errorType":"Error","errorMessage":"bad"}}',
        ),
        # No errors.
        at(11, lines.powertools("INFO", "answered ERROR none", errors=0)),
        at(12, {"level": 30, "msg": "fine", "error": None}),
        at(13, "GET /errors 200"),
        at(14, lines.report(REQUEST, 12.5)),
        at(15, lines.powertools("WARNING", "slow")),
    )

    def test_the_most_frequent_messages_come_first(self) -> None:
        found = rows("errors-top", self.EVENTS)
        assert [(one["error_text"], one["times_seen"], one["requests_hit"]) for one in found[:1]] == [
            ("card declined", 3, 2)
        ]
        assert found[0]["first_seen"] == T0 + 10
        assert found[0]["last_seen"] == T0 + 70
        counted = {one["error_text"]: one["times_seen"] for one in rows("errors-top", self.EVENTS, top="100")}
        assert counted == {
            "card declined": 3, "no stock": 2, "cannot reach payments": 2, "timeout of db": 1,
            "Task timed out after 3.00 seconds": 1, "bad": 1,
        }  # fmt: skip

    def test_how_many_requests_is_told_as_far_as_lines_name_them(self) -> None:
        found = {one["error_text"]: (one["requests_hit"], one["lines_unnamed"]) for one in rows("errors-top", [
            *self.EVENTS, at(80, lines.powertools("ERROR", "disk is full", function_request_id=REQUEST)),
        ], top="100")}  # fmt: skip
        assert found == {
            "card declined": (2, 0), "cannot reach payments": (2, 0), "Task timed out after 3.00 seconds": (1, 0),
            "bad": (1, 0), "disk is full": (1, 0),
            # One of two lines; none at all, of which nothing is known.
            "no stock": (1, 1), "timeout of db": (None, 1),
        }  # fmt: skip

    def test_are_five_unless_more_are_wanted(self) -> None:
        assert len(rows("errors-top", self.EVENTS)) == 5
        assert len(rows("errors-top", self.EVENTS, top="2")) == 2

    def test_may_be_those_that_hold_a_text(self) -> None:
        [one] = rows("errors-top", self.EVENTS, holds="CARD declined")
        assert one["times_seen"] == 3
        assert rows("errors-top", self.EVENTS, holds="card.declined") == []

    def test_by_minute(self) -> None:
        first, second = rows("errors-rate", self.EVENTS)
        assert first == {"span_start": T0, "error_lines": 7, "all_lines": 12, "error_percent": 58.3333}
        assert second == {"span_start": T0 + 60, "error_lines": 3, "all_lines": 3, "error_percent": 100}

    def test_by_the_hour(self) -> None:
        [one] = rows("errors-rate", self.EVENTS, every="1h")
        assert (one["span_start"], one["error_lines"], one["all_lines"]) == (T0 - 7 * 60, 10, 15)

    def test_that_are_new_are_told_from_those_before(self) -> None:
        old = [at(second - 3600, "ERROR cannot reach payments") for second in range(1, 6)]
        now = [at(second, "ERROR cannot reach payments") for second in range(1, 6)]
        new = [at(second, f"ERROR card {second} was declined") for second in range(20, 23)]
        quiet = [at(second - 3600, "ERROR disk is full") for second in range(2)]
        found = {one["@pattern"]: one for one in rows("errors-new", [*old, *now, *new, *quiet, at(1, "INFO fine")])}
        assert {one["@differenceDescription"] for one in found.values()} == {"new", "no change", "missing"}
        [fresh] = [one for one in found.values() if one["@differenceDescription"] == "new"]
        assert fresh["@pattern"].startswith("ERROR card <Number-")
        assert fresh["@sampleCount"] == 3
        [gone] = [one for one in found.values() if one["@differenceDescription"] == "missing"]
        assert (gone["@pattern"], gone["@sampleCount"]) == ("ERROR disk is full", 0)

    def test_of_one_request_are_followed_through_all_groups(self) -> None:
        events = [
            at(3, lines.powertools("ERROR", "card declined", xray_trace_id=TRACE), "/aws/lambda/pay"),
            at(1, lines.gateway("POST /pay", 502, 90, 80), "/apigw/shop"),
            at(2, lines.powertools("INFO", "paying", xray_trace_id=TRACE), "/ecs/shop"),
            at(2, lines.powertools("INFO", "another", xray_trace_id="1-69b1f3a0-000000000000000000000000")),
        ]
        found = rows("trace", events, request=TRACE)
        assert [(one["@timestamp"], one["@log"], one["level"], one["service"]) for one in found] == [
            (T0 + 1, f"{ACCOUNT}:/apigw/shop", None, None),
            (T0 + 2, f"{ACCOUNT}:/ecs/shop", "INFO", "shop"),
            (T0 + 3, f"{ACCOUNT}:/aws/lambda/pay", "ERROR", "shop"),
        ]
        assert found[1]["line_text"] == "paying"
        assert TRACE in found[0]["line_text"]


class TestLambda:
    EVENTS = (
        at(1, lines.report("00000000-0000-4000-8000-000000000001", 2500.5, used=90, trace=TRACE), "/aws/lambda/a"),
        at(2, lines.report("00000000-0000-4000-8000-000000000002", 12.5, start=310.0), "/aws/lambda/a"),
        at(3, lines.report("00000000-0000-4000-8000-000000000003", 20.0), "/aws/lambda/a"),
        at(4, lines.report("00000000-0000-4000-8000-000000000004", 30.0), "/aws/lambda/a"),
        at(5, lines.platform("00000000-0000-4000-8000-000000000005", 1200.0, initDurationMs=500.0), "/aws/lambda/b"),
        at(6, lines.platform("00000000-0000-4000-8000-000000000006", 3000.0, status="timeout"), "/aws/lambda/b"),
        at(7, lines.powertools("INFO", "took", duration=9999), "/aws/lambda/b"),
    )

    def test_slow_invocations(self) -> None:
        found = rows("lambda-slow", self.EVENTS)
        assert [(one["lambda_request"][-1], one["took_ms"]) for one in found] == [
            ("6", 3000),
            ("1", 2500.5),
            ("5", 1200),
        ]
        assert found[1] == {
            "@timestamp": T0 + 1, "@log": f"{ACCOUNT}:/aws/lambda/a", "took_ms": 2500.5, "start_ms": None,
            "lambda_request": "00000000-0000-4000-8000-000000000001", "used_mb": 90, "memory_mb": 256,
            "trace_header": TRACE,
        }  # fmt: skip
        assert found[2]["start_ms"] == 500
        assert found[2]["trace_header"] == f"Root={TRACE};Sampled=1"

    @pytest.mark.parametrize(("bound", "count"), [("2.6s", 1), ("20ms", 4), ("19.9ms", 5), ("1m", 0)])
    def test_slower_than_a_bound(self, bound: str, count: int) -> None:
        assert len(rows("lambda-slow", self.EVENTS, slower_than=bound)) == count

    def test_cold_starts(self) -> None:
        worst, other = rows("lambda-cold", self.EVENTS)
        assert worst == {
            "@log": f"{ACCOUNT}:/aws/lambda/b", "invoked": 2, "cold_starts": 1, "cold_percent": 50, "average_ms": 500,
            "longest_ms": 500, "p95_ms": 3000,
        }  # fmt: skip
        assert (other["invoked"], other["cold_starts"], other["cold_percent"]) == (4, 1, 25)

    def test_timeouts_and_out_of_memory(self) -> None:
        events = [
            *self.EVENTS,
            at(8, f"2026-11-18T11:07:08.000Z {REQUEST} Task timed out after 3.00 seconds", "/aws/lambda/a"),
            at(
                9,
                f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
                "/aws/lambda/c",
            ),
            at(
                10, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "/aws/lambda/c"
            ),
            at(11, lines.powertools("ERROR", "no", exception_name="MemoryError"), "/aws/lambda/a"),
        ]
        found = {one["@log"].split("/")[-1]: one for one in rows("lambda-broken", events)}
        assert {name: (one["timeouts_seen"], one["killed_for_memory"]) for name, one in found.items()} == {
            "a": (1, 1), "b": (1, 0), "c": (0, 2),
        }  # fmt: skip
        assert (found["c"]["first_seen"], found["c"]["last_seen"]) == (T0 + 9, T0 + 10)


class TestBalancer:
    EVENTS = (
        at(1, lines.access("GET /cart?id=1", 200, ("0.001", "0.099", "0.000")), "/alb/shop"),
        at(2, lines.access("GET /cart?id=2", 200, ("0.001", "0.199", "0.000")), "/alb/shop"),
        at(3, lines.access("GET /cart", 500, ("0.000", "0.600", "0.000")), "/alb/shop"),
        at(4, lines.access("POST /pay", 502, ("0.001", "0.010", "-1"), "10.0.1.18:8080", "-"), "/alb/shop"),
        at(5, lines.access("GET /cart?x=y", 500, ("0.000", "0.300", "0.000")), "/alb/shop"),
        at(6, lines.access("GET /", 503, ("-1", "-1", "-1"), "-", "-"), "/alb/shop"),
        at(600, lines.access("GET /", 404, ("0.000", "0.050", "0.000")), "/alb/shop"),
        at(7, "not an access log"),
    )

    def test_response_times(self) -> None:
        first, second = rows("alb-latency", self.EVENTS)
        # 100, 200, 600 and 300 ms; nobody waited for the others to the end.
        assert first == {
            "span_start": T0 - 120, "average_s": 0.3, "p95_s": 0.6, "longest_s": 0.6, "requests_answered": 4,
        }  # fmt: skip
        assert (second["average_s"], second["requests_answered"]) == (0.05, 1)

    def test_failing_routes_and_targets(self) -> None:
        found = rows("alb-failing", self.EVENTS)
        assert tuple(found[0].values()) == (
            "GET", "/cart", "10.0.1.17:8080", "500", "500", 2.0, T0 + 5,
        )  # fmt: skip
        assert {tuple(one.values())[:6] for one in found[1:]} == {
            ("POST", "/pay", "10.0.1.18:8080", "502", "-", 1.0),
            ("GET", "/", "-", "503", "-", 1.0),
        }


def test_api_gateway_by_route() -> None:
    events = [
        at(1, lines.gateway("GET /cart", 200, 100, 90)),
        at(2, lines.gateway("GET /cart", 429, 2, None)),
        at(3, lines.gateway("POST /pay", 502, 300, 290)),
        at(4, lines.gateway("POST /pay", 500, 400, 390)),
        at(5, lines.gateway("POST /pay", 201, 200, 190)),
        at(6, lines.gateway("GET /orders/{id}", 200, 50, 40, rest=True)),
        at(7, "not JSON"),
    ]
    assert [tuple(one.values()) for one in rows("apigw-routes", events)] == [
        ("POST /pay", 3, 2, pytest.approx(66.6667), 0, 400, 390),
        ("GET /cart", 2, 0, 0, 1, 100, 90),
        ("GET /orders/{id}", 1, 0, 0, 0, 50, 40),
    ]


class TestFlows:
    EVENTS = (
        at(1, lines.flow("198.51.100.7", "10.0.0.1", 22, 3)),
        at(2, lines.flow("198.51.100.7", "10.0.0.1", 22, 4)),
        at(3, lines.flow("198.51.100.8", "10.0.0.1", 5432, 1, eni="eni-ffffffff")),
        at(4, lines.flow("198.51.100.7", "10.0.0.1", 443, 9, action="ACCEPT")),
        at(5, f"2 {ACCOUNT} eni-ffffffff - - - - - - - 1795000020 1795000080 - NODATA"),
    )

    def test_refused_connections(self) -> None:
        first, second = rows("vpc-rejects", self.EVENTS)
        assert tuple(first.values()) == (
            "198.51.100.7", "10.0.0.1", "22", "6", "eni-0a1b2c3d4e5f60718", 2, 7, T0 + 2,
        )  # fmt: skip
        assert (second["dstPort"], second["flows_refused"]) == ("5432", 1)

    @pytest.mark.parametrize(
        "given",
        [
            {"address": "198.51.100.8"},
            {"interface": "eni-ffffffff"},
            {"address": "10.0.0.1", "interface": "eni-ffffffff"},
        ],
    )
    def test_of_an_address_or_interface(self, given: dict[str, str]) -> None:
        [one] = rows("vpc-rejects", self.EVENTS, **given)
        assert one["dstPort"] == "5432"


class TestTrail:
    EVENTS = (
        at(1, lines.call("DeleteSecurityGroup", "deploy", groupId="sg-0a1b")),
        at(
            2,
            lines.call(
                "TerminateInstances", "admin", error="AccessDenied", instancesSet={"items": [{"instanceId": "i-0a1b"}]}
            ),
        ),
        at(3, lines.call("RevokeSecurityGroupIngress", "admin", groupId="sg-0a1b")),
        at(4, lines.call("RevokeSecurityGroupIngress", "admin", groupId="sg-0a1c")),
        at(5, lines.call("DescribeInstances", "deploy", read=True)),
        at(6, lines.call("PutMetricData", "deploy")),
    )

    def test_who_deleted(self) -> None:
        latest, first = rows("who-deleted", self.EVENTS)
        assert first == {
            "@timestamp": T0 + 1, "eventName": "DeleteSecurityGroup", "on_what": "sg-0a1b",
            "eventSource": "ec2.amazonaws.com", "who_did": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ada",
            "which_role": f"arn:aws:iam::{ACCOUNT}:role/deploy", "sourceIPAddress": "198.51.100.7",
            "userAgent": "aws-cli/2.31.0", "errorCode": None, "awsRegion": "eu-west-1",
            "eventID": "00000000-0000-4000-9000-000000000001",
        }  # fmt: skip
        assert (latest["eventName"], latest["errorCode"]) == ("TerminateInstances", "AccessDenied")
        assert latest["on_what"] == "i-0a1b"

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"bucketName": "shop-logs", "Host": "s3"}, "shop-logs"), ({"tableName": "carts"}, "carts"),
            ({"functionName": "pay", "name": "live"}, "pay"), ({"roleName": "deploy", "policyArn": "arn:p"}, "deploy"),
            ({"dBInstanceIdentifier": "shop"}, "shop"), ({"queueUrl": "https://sqs/q"}, "https://sqs/q"),
            ({"keyId": "k-1", "pendingWindowInDays": 7}, "k-1"), ({"alarmNames": ["a", "b"]}, "a"),
            ({"cluster": "shop", "service": "web"}, "web"),
            ({"resourcesSet": {"items": [{"resourceId": "i-1"}]}}, "i-1"),
            ({"topicArn": "arn:aws:sns:eu-west-1:123456789012:t"}, "arn:aws:sns:eu-west-1:123456789012:t"), ({}, None),
        ],
    )  # fmt: skip
    def test_what_was_deleted_as_each_service_names_it(self, asked: dict[str, Any], found: str | None) -> None:
        [one] = rows("who-deleted", [at(1, lines.call("DeleteIt", "deploy", **asked))])
        assert one["on_what"] == found

    @pytest.mark.parametrize(
        ("given", "count"),
        [
            ({"resource": "sg-0a1b"}, 1), ({"actor": "role/admin"}, 1), ({"resource": "i-0a1b", "actor": "deploy"}, 0),
            ({"top": "1"}, 1),
        ],
    )  # fmt: skip
    def test_of_a_resource_or_somebody(self, given: dict[str, str], count: int) -> None:
        assert len(rows("who-deleted", self.EVENTS, **given)) == count

    def test_what_changed(self) -> None:
        again = at(7, lines.call("RevokeSecurityGroupIngress", "admin", groupId="sg-0a1c"))
        latest, other, first = rows("changes", [*self.EVENTS, again])
        assert tuple(latest.values()) == (
            "RevokeSecurityGroupIngress", "sg-0a1c", "ec2.amazonaws.com",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/ada", "198.51.100.7", 2, T0 + 4, T0 + 7,
        )  # fmt: skip
        assert (other["on_what"], other["times_seen"]) == ("sg-0a1b", 1)
        assert (first["eventName"], first["times_seen"]) == ("DeleteSecurityGroup", 1)


def test_of_nothing_there_is_nothing() -> None:
    for query in EVERY:
        assert rows(query.id, [], **{one.name: GIVEN[one.name] for one in query.takes if one.needed}) == []


def test_an_unknown_name_says_which_was_meant() -> None:
    with pytest.raises(Exception, match="did you mean 'errors-top'"):
        queries.find("error-top")


def test_the_place_of_a_parameter_is_written_once() -> None:
    assert (
        parameters.render("fields ${a}\n| limit ${b}", [parameters.Whole("b", "", "5", 1, 9)], {"b": "7"})
        == "| limit 7"
    )
