"""What a system writes into its logs in a minute: a few lines, which tell of the requests that X-Ray sampled; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any

from local.systems.faults import Fault
from local.systems.model import System
from local.systems.traces import traces, version, wrong
from local.systems.traffic import Flow, flow

# In a minute, of a system.
ERRORS, USUAL, ASKED = 6, 2, 8
# Of 256 invocations, so many start cold.
COLD = 8
Line = tuple[float, str]
# Where the flow logs of the systems' VPC go; what somebody outside tries in each minute, and which ports are open.
FLOWS, ACCOUNT = "/vpc/flow-logs", 123456789012
TRIED, OPEN = (22, 23, 445, 3389, 5432, 6379), (80, 443)


def application(system: System, at: int, faults: Sequence[Fault], ahead: float = 0.0) -> Iterator[Line]:
    """Yield the time and the text of what the application logs in a minute: its errors, and a few of the rest.

    Times are told by the wall's clock, `ahead` being by how much that of the metrics is ahead of it.
    """
    happened = flow(system.name, system.traffic, at, 1, faults)
    sampled = list(traces(system, at, faults))
    bad = [one for one in sampled if one.message][:ERRORS]
    usual = [one for one in sampled if not one.message][:USUAL]
    for one in (*bad, *usual):
        level, when = "ERROR" if one.message else "INFO", one.start + one.seconds - ahead
        more = {
            "path": one.path, "status": one.status, "milliseconds": round(one.seconds * 1000, 1),
            "xray_trace_id": one.id,
        }  # fmt: skip
        yield when, _told(system, happened, when, level, one.message or "answered", **more)
    for number in range(len(bad), min(happened.failed, ERRORS)):
        # Of a request that was not sampled.
        when = at + 60.0 * number / ERRORS - ahead
        yield when, _told(system, happened, when, "ERROR", wrong(system, happened, number))


def reports(system: System, at: int, faults: Sequence[Fault], ahead: float = 0.0) -> Iterator[Line]:
    """Yield what Lambda itself reports of some invocations of a minute, where the application is a function."""
    if not system.log_group.startswith("/aws/lambda/"):
        return
    for one in list(traces(system, at, faults))[:ASKED]:
        number, ms = one.id.removeprefix("1-").replace("-", ""), one.seconds * 1000
        request = "-".join((number[:8], number[8:12], f"4{number[13:16]}", f"8{number[17:20]}", number[20:32]))
        # Some have had to wait for their environment.
        start = f"\tInit Duration: {200 + int(number[-4:], 16) % 400}.00 ms" if int(number[-2:], 16) < COLD else ""
        told = (
            f"REPORT RequestId: {request}", f"Duration: {ms:.2f} ms", f"Billed Duration: {ceil(ms)} ms",
            "Memory Size: 512 MB", f"Max Memory Used: {90 + int(number[-3:], 16) % 60} MB{start}",
            f"\nXRAY TraceId: {one.id}", f"SegmentId: {number[:16]}", "Sampled: true",
        )  # fmt: skip
        yield one.start + one.seconds - ahead, "\t".join(told)


def _told(system: System, happened: Flow, at: float, level: str, message: str, **more: Any) -> str:
    return json.dumps({
        "timestamp": _moment(at), "level": level, "service": system.name, "version": version(happened),
        "message": message, **more,
    })  # fmt: skip


def access(system: System, at: int, faults: Sequence[Fault], ahead: float = 0.0) -> Iterator[Line]:
    """Yield the time and the text of some access-log lines of a minute, also of what nothing was there to answer."""
    happened = flow(system.name, system.traffic, at, 1, faults)
    balanced = any(one.namespace == "AWS/ApplicationELB" for one in system.series)
    asked = _balanced if balanced else _api
    for number, one in enumerate(list(traces(system, at, faults))[:ASKED]):
        when = one.start - ahead
        yield when, asked(system, when, one.path, one.status, f"{one.seconds:.3f}", f"198.51.100.{10 + number}", one.id)
    # What nothing was there to answer left no trace.
    for number in range(min(happened.refused, ASKED) if balanced else 0):
        when = at + 60.0 * number / ASKED - ahead
        path = system.paths[number % len(system.paths)]
        yield when, asked(system, when, path, 503, "", f"198.51.100.{10 + number}", "")


def flows(at: int, ahead: float = 0.0) -> Iterator[Line]:
    """Yield what a VPC's flow logs tell of a minute: who was let in, and who was not."""
    start = int(at - ahead)
    for number, port in enumerate((*OPEN, *TRIED)):
        client, action = (10 + number, "ACCEPT") if port in OPEN else (66, "REJECT")
        packets = 120 if port in OPEN else 1 + (at // 60 + number) % 3
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html, version 2.
        told: tuple[object, ...] = (
            2, ACCOUNT, "eni-0a1b2c3d4e5f60718", f"198.51.100.{client}", "10.0.1.17", 41_800 + number, port, 6, packets,
            packets * 60, start, start + 59, action, "OK",
        )  # fmt: skip
        yield float(start), " ".join(map(str, told))


def _api(system: System, at: float, path: str, status: int, seconds: str, client: str, trace: str) -> str:
    method, what = path.split(" ")
    return json.dumps({
        "requestTime": _moment(at), "ip": client, "httpMethod": method, "path": what, "status": status,
        "responseLatency": round(float(seconds) * 1000), "xrayTraceId": trace,
    })  # fmt: skip


def _balanced(system: System, at: float, path: str, status: int, seconds: str, client: str, trace: str) -> str:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html."""
    method, what = path.split(" ")
    took, target, answered = "-1 -1 -1", "-", "-"
    if seconds:
        took, target, answered = f"0.001 {seconds} 0.000", "10.0.1.17:80", str(status)
    request = f"{method} http://{system.name}.example.com:80{what} HTTP/1.1"
    return (
        f"http {_moment(at)} app/{system.name}/0 {client}:41822 {target} {took} {status} {answered} 214 5133 "
        f'"{request}" "Mozilla/5.0" - - - "Root={trace or "-"}" "-" "-" 0 {_moment(at)} "forward" "-" "-" '
        f'"{target}" "{answered}" "-" "-"'
    )


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
