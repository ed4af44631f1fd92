"""The queries that people on call keep at hand, over logs as services write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.insights import Malformed, parse, run, write
from tests.local.insights.logs import BEGAN, NOW, events, found

TOP_ERRORS = """
filter level in ["ERROR","CRITICAL","error","fatal"] or ispresent(exception_name)
| stats count(*) as n, earliest(@timestamp) as first_seen, latest(@timestamp) as last_seen,
    count_distinct(trace_id) as traces by coalesce(exception_name, error, message) as {what}
| sort n desc | limit 5
"""
ALB = """
parse @message '* * * * * * * * * * * * "* * *" "*" * * * "*"' as type,time,elb,client,target,rpt,tpt,rspt,elb_status,
    target_status,rx,tx,method,url,proto,ua,cipher,tls,tg,trace
"""
CHANGES = """
filter readOnly = 0 and not ispresent(errorCode)
| filter eventName like /^(Create|Update|Put|Delete|Modify|Set|Attach|Detach|Register|Deregister|Start|Stop|Run)/
| filter eventName not in ["PutLogEvents","CreateLogStream","StartQuery","UpdateInstanceInformation","PutMetricData"]
| stats count(*) as n, earliest(eventTime) as first, latest(eventTime) as last
    by eventName, eventSource, userIdentity.arn, sourceIPAddress
| sort last desc | limit 50
"""
ALICE = "arn:aws:iam::123456789012:user/alice"


def app(level: str, message: str, trace: str, **more: Any) -> dict[str, Any]:
    return {"level": level, "message": message, "trace_id": trace, **more}


def access(status: int, seconds: str, path: str, target: str = "10.0.1.17:80") -> str:
    answered = "-" if target == "-" else str(status)
    took = f"{target} 0.001 {seconds} 0.000 {status} {answered}"
    return (
        f"http 2026-11-18T10:55:00.000Z app/shop/0 198.51.100.10:41822 {took} 214 5133 "
        f'"GET http://shop.example.com:80{path}?q=1 HTTP/1.1" "Mozilla/5.0 (X11)" - - - "Root=1-0-0" "-" "-" 0'
    )


def report(milliseconds: float, used: int, cold: str = "") -> str:
    return (
        f"REPORT RequestId: 8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f\tDuration: {milliseconds} ms\t"
        f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: 128 MB\tMax Memory Used: {used} MB\t{cold}"
    )


def call(name: str, minute: int, read_only: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "eventTime": f"2026-11-18T10:{minute}:00Z", "eventName": name, "eventSource": "ec2.amazonaws.com",
        "userIdentity": {"arn": ALICE}, "sourceIPAddress": "198.51.100.7", "readOnly": read_only, **more,
    }  # fmt: skip


def test_top_errors() -> None:
    rows = found(TOP_ERRORS.format(what="what"), [
        app("ERROR", "refused", "t1"), app("INFO", "fine", "t2"), app("ERROR", "refused", "t3"),
        app("INFO", "odd", "t4", exception_name="KeyError"), app("fatal", "x", "t5", error="disk full"),
        app("ERROR", "refused", "t3"),
    ])  # fmt: skip
    assert rows[0] == {
        "what": "refused", "n": "3", "first_seen": "2026-11-18 10:55:00.000", "last_seen": "2026-11-18 11:00:00.000",
        "traces": "2",
    }  # fmt: skip
    assert sorted(row["what"] for row in rows[1:]) == ["KeyError", "disk full"]


def test_an_alias_is_no_field_of_the_logs() -> None:
    # CloudWatch refuses it, having a field of that name.
    with pytest.raises(Malformed, match="Ephemeral field is already defined: error"):
        parse(TOP_ERRORS.format(what="error"))


def test_new_errors() -> None:
    query = """
filter level in ["ERROR","CRITICAL"] or @message like /(?i)(error|exception|timeout|refused|denied)/
| pattern @message | diff | limit 50
"""
    before = events(["connection to 10.0.0.1 refused", "request 1 fine"], BEGAN - 600)
    after = events(["connection to 10.0.0.2 refused", "access denied for ada on orders", "request 2 fine"])
    found = {
        row["@pattern"]: row["@differenceDescription"] for row in run(parse(query), [*before, *after], BEGAN, NOW).rows
    }
    assert found == {
        "access denied for ada on orders": "new",
        "connection to <IPAddress-1> refused": "no change",
    }


def test_error_rate_by_minute() -> None:
    query = """
stats sum(level="ERROR") as errors, count(*) as total, sum(level="ERROR")*100/count(*) as pct by bin(1m)
| sort bin(1m) asc
"""
    rows = found(query, [app("ERROR", "a", "1"), app("INFO", "a", "1"), "no JSON"])
    assert [(row["errors"], row["total"], row["pct"]) for row in rows] == [
        ("1", "1", "100"),
        ("0", "1", "0"),
        ("0", "1", "0"),
    ]


def test_slow_invocations_in_both_formats() -> None:
    query = """
fields coalesce(@duration, record.metrics.durationMs) as ms, coalesce(@requestId, record.requestId) as rid
| filter @type="REPORT" or type="platform.report"
| filter ms > 1000 | sort ms desc | limit 25
| display @timestamp, @log, rid, ms, @billedDuration, @maxMemoryUsed, @memorySize, @initDuration, @xrayTraceId
"""
    platform = {"type": "platform.report", "record": {"requestId": "r2", "metrics": {"durationMs": 3000.5}}}
    rows = found(query, [report(1500.25, 70), report(20.0, 70), platform, "START RequestId: none"])
    assert [(row["rid"][:2], row["ms"], row.get("@memorySize")) for row in rows] == [
        ("r2", "3000.5", None),
        ("8f", "1500.25", "128000000"),
    ]


def test_health_of_functions() -> None:
    query = """
filter @type="REPORT"
| stats count(*) as inv, pct(@duration,50) as p50, pct(@duration,95) as p95, max(@duration) as max_ms,
    sum(strcontains(@message,"Init Duration")) as cold, max(@maxMemoryUsed/@memorySize)*100 as mem_pct by @log
| sort p95 desc
"""
    rows = found(query, [report(10.0, 64, "Init Duration: 99.1 ms"), report(30.0, 96), report(20.0, 32)])
    assert rows == [{
        "@log": "123456789012:/aws/lambda/api", "inv": "3", "p50": "20.0", "p95": "30.0", "max_ms": "30.0", "cold": "1",
        "mem_pct": "75",
    }]  # fmt: skip


def test_timeouts_and_deaths() -> None:
    query = r"""
filter @message like /Task timed out|Runtime exited|OutOfMemory|signal: killed/ | stats count(*) by @log, bin(5m)
"""
    rows = found(query, ["2026 r Task timed out after 3.00 seconds", "RequestId: r Error: Runtime exited", "fine"])
    assert [row["count(*)"] for row in rows] == ["2"]


def test_response_time_of_a_load_balancer() -> None:
    query = f"{ALB} | filter tpt >= 0 | stats avg(tpt) as avg_s, pct(tpt,95) as p95_s, count(*) as n by bin(5m)"
    rows = found(query, [access(200, "0.100", "/a"), access(200, "0.300", "/b"), access(503, "-1", "/c", "-")])
    assert rows == [{"bin(5m)": "2026-11-18 10:55:00.000", "avg_s": "0.2", "p95_s": "0.300", "n": "2"}]


def test_failing_targets() -> None:
    query = rf"""{ALB}
| filter elb_status >= 500
| parse url /https?:\/\/[^\/]+(?<path>\/[^?\s]*)/
| stats count(*) as n by elb_status, target_status, target, path | sort n desc | limit 25
"""
    rows = found(
        query, [access(503, "-1", "/c", "-"), access(502, "0.1", "/a"), access(502, "0.2", "/a"), access(200, "0", "/")]
    )
    assert rows == [
        {"elb_status": "502", "target_status": "502", "target": "10.0.1.17:80", "path": "/a", "n": "2"},
        {"elb_status": "503", "target_status": "-", "target": "-", "path": "/c", "n": "1"},
    ]


def test_routes_of_an_api() -> None:
    query = """
stats count(*) as n, sum(status>=500) as e5, sum(status=429) as throttled, pct(responseLatency,95) as p95,
    pct(integrationLatency,95) as p95_int by coalesce(routeKey,resourcePath) as route, httpMethod
| sort e5 desc | limit 25
"""
    rows = found(query, [
        {"routeKey": "GET /a", "httpMethod": "GET", "status": "502", "responseLatency": "31",
         "integrationLatency": "-"},
        {"resourcePath": "/b", "httpMethod": "PUT", "status": 429, "responseLatency": 2},
        {"routeKey": "GET /a", "httpMethod": "GET", "status": 200, "responseLatency": 12, "integrationLatency": "9"},
    ])  # fmt: skip
    assert rows == [
        {"route": "GET /a", "httpMethod": "GET", "n": "2", "e5": "1", "throttled": "0", "p95": "31", "p95_int": "9"},
        {"route": "/b", "httpMethod": "PUT", "n": "1", "e5": "0", "throttled": "1", "p95": "2"},
    ]


def test_rejected_traffic() -> None:
    query = """
filter action="REJECT" | stats count(*) as n, sum(bytes) as b by srcAddr, dstAddr, dstPort, interfaceId
| sort n desc | limit 25
"""
    line = "2 123456789012 eni-0a1b2c3d 198.51.100.9 10.0.0.5 51001 22 6 1 40 1795000000 1795000060 {} OK"
    rows = found(query, [line.format("REJECT"), line.format("ACCEPT"), line.format("REJECT")])
    assert [(row["srcAddr"], row["n"], row["b"]) for row in rows] == [("198.51.100.9", "2", "80")]


def test_who_deleted() -> None:
    query = """
filter eventName like /^(Delete|Terminate|Remove)/ and (requestParameters.bucketName = "orders")
| fields eventTime, eventName, eventSource, userIdentity.arn, userIdentity.sessionContext.sessionIssuer.arn,
    sourceIPAddress, userAgent, errorCode, awsRegion, eventID
| sort eventTime desc | limit 50
"""
    rows = found(query, [
        call("DeleteBucket", 10, requestParameters={"bucketName": "orders"}),
        call("DeleteBucket", 11, requestParameters={"bucketName": "others"}),
        call("DeleteBucketPolicy", 12, requestParameters={"bucketName": "orders"}),
    ])  # fmt: skip
    assert [(row["eventName"], row["userIdentity.arn"]) for row in rows] == [
        ("DeleteBucketPolicy", ALICE),
        ("DeleteBucket", ALICE),
    ]


def test_changes_before_onset() -> None:
    rows = found(CHANGES, [
        call("RunInstances", 10), call("RunInstances", 20), call("DescribeInstances", 21, read_only=True),
        call("DeleteSecurityGroup", 22, errorCode="AccessDenied"), call("PutLogEvents", 23), call("StopInstances", 15),
    ])  # fmt: skip
    assert [(row["eventName"], row["n"], row["first"], row["last"]) for row in rows] == [
        ("RunInstances", "2", "2026-11-18T10:10:00Z", "2026-11-18T10:20:00Z"),
        ("StopInstances", "1", "2026-11-18T10:15:00Z", "2026-11-18T10:15:00Z"),
    ]


def test_one_request_through_all() -> None:
    query = parse("""
SOURCE logGroups(namePrefix: ["/aws/lambda/","/ecs/","/aws/apigateway/"])
| filter @message like "1-5e1b4151" | fields @timestamp, @log, level, message, @message
| sort @timestamp asc | limit 200
""")
    assert query.source
    assert query.source.prefixes == ("/aws/lambda/", "/ecs/", "/aws/apigateway/")
    assert parse(write(query)) == query
    web = events([app("INFO", "asked", "1-5e1b4151")], BEGAN, group="/ecs/shop")
    api = events([app("ERROR", "refused", "1-5e1b4151"), app("INFO", "other", "1-0")], BEGAN + 30)
    rows = run(query, [*api, *web], BEGAN, NOW).rows
    assert [(row["@log"].split(":")[1], row["message"]) for row in rows] == [
        ("/ecs/shop", "asked"),
        ("/aws/lambda/api", "refused"),
    ]
    assert json.loads(rows[0]["@message"])["level"] == rows[0]["level"]
