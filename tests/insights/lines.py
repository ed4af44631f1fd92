"""Log lines as services and loggers write them: the shapes are theirs, what they tell is made up."""

from __future__ import annotations

import json
from typing import Any

from local.insights import Event
from tests.samples import ACCOUNT

T0 = 1_795_000_020.0  # 2026-11-18 11:07:00 UTC, the beginning of a minute
TRACE = "1-69b1f3a0-0123456789abcdef01234567"
REQUEST = "3f1c2d4e-1111-4222-8333-444455556666"


def at(seconds: float, message: str | dict[str, Any], group: str = "/ecs/shop") -> Event:
    """One line, so many seconds after T0."""
    text = message if isinstance(message, str) else json.dumps(message)
    return Event(round((T0 + seconds) * 1000), text, group, "stream", account=ACCOUNT)


def powertools(level: str, message: str, **more: Any) -> dict[str, Any]:
    """A line of Powertools' Logger for Python."""
    told = {"level": level, "location": "pay:12", "message": message, "timestamp": "2026-11-18 11:07:00,123+0000"}
    return {**told, "service": "shop", **more}


def report(
    request: str, ms: float, used: int = 80, size: int = 256, start: float | None = None, trace: str = ""
) -> str:
    """Lambda's own line of an invocation, as text."""
    init = f"\tInit Duration: {start} ms" if start is not None else ""
    xray = f"\nXRAY TraceId: {trace}\tSegmentId: 0123456789abcdef\tSampled: true" if trace else ""
    return (
        f"REPORT RequestId: {request}\tDuration: {ms} ms\tBilled Duration: {round(ms)} ms\tMemory Size: {size} MB"
        f"\tMax Memory Used: {used} MB{init}\t{xray}"
    )


def platform(request: str, ms: float, used: int = 80, size: int = 256, status: str = "success", **more: float) -> Any:
    """The same as JSON."""
    metrics = {"durationMs": ms, "billedDurationMs": round(ms), "memorySizeMB": size, "maxMemoryUsedMB": used, **more}
    tracing = {"spanId": "0123456789abcdef", "type": "X-Amzn-Trace-Id", "value": f"Root={TRACE};Sampled=1"}
    record = {"requestId": request, "metrics": metrics, "tracing": tracing, "status": status}
    return {"time": "2026-11-18T11:07:00.123Z", "type": "platform.report", "record": record}


def access(
    route: str, status: int, took: tuple[str, str, str], target: str = "10.0.1.17:8080", target_status: str = ""
) -> str:
    """A line of a load balancer's access log."""
    method, path = route.split(" ")
    return (
        f"https 2026-11-18T11:07:00.123456Z app/shop/50dc6c495c0c9188 198.51.100.7:41822 {target} {' '.join(took)} "
        f'{status} {target_status or status} 214 5133 "{method} https://shop.example.com:443{path} HTTP/2.0" '
        f'"Mozilla/5.0 (X11) \\"odd\\"" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
        f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:targetgroup/shop/73e2d6bc24d8a067 "
        f'"Root={TRACE}" "shop.example.com" "-" 0 2026-11-18T11:07:00.100000Z "forward" "-" "-" "{target}" "{status}" '
        f'"-" "-" TID_0123456789abcdef0123456789abcdef'
    )


def gateway(route: str, status: int, ms: int, behind: int | None, rest: bool = False) -> dict[str, Any]:
    """A line of API Gateway's access log, as docs/logging.md has it set; numbers come as texts."""
    method, path = route.split(" ")
    named = {"httpMethod": method, "resourcePath": path} if rest else {"routeKey": route}
    waited = "-" if behind is None else str(behind)
    return {
        "requestId": REQUEST, "ip": "198.51.100.7", **named, "status": str(status), "responseLatency": str(ms),
        "integrationLatency": waited, "xrayTraceId": TRACE,
    }  # fmt: skip


def flow(
    source: str, to: str, port: int, packets: int, action: str = "REJECT", eni: str = "eni-0a1b2c3d4e5f60718"
) -> str:
    """A line of a flow log in its default format."""
    return f"2 {ACCOUNT} {eni} {source} {to} 41822 {port} 6 {packets} {packets * 40} 1795000020 1795000080 {action} OK"


def call(name: str, who: str, /, *, read: bool = False, error: str = "", ip: str = "198.51.100.7", **asked: Any) -> Any:
    """A CloudTrail event."""
    role = f"arn:aws:iam::{ACCOUNT}:role/{who}"
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{who}/ada",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role, "userName": who}},
        },
        "eventSource": "ec2.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1", "sourceIPAddress": ip,
        "userAgent": "aws-cli/2.31.0", **({"errorCode": error} if error else {}), "requestParameters": asked,
        "eventID": "00000000-0000-4000-9000-000000000001", "readOnly": read, "eventCategory": "Management",
    }  # fmt: skip
