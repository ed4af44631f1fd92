"""The fields that Logs Insights finds in a log event by itself.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from local.insights.values import Value

# Of one event.
MOST = 200
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LAMBDA = re.compile(rf"(START|END|REPORT) RequestId: ({_UUID})")
# What a function logs has tabs between; that it ran out of time, blanks.
_LINE = re.compile(rf"(?:\[\w+\]\t)?\S+Z(?:\t| (?=\S+ Task timed out))({_UUID})[\t ]")
_REPORT = {
    "@duration": (re.compile(r"(?<!Billed )(?<!Init )(?<!Restore )\bDuration: ([\d.]+) ms"), 1),
    "@billedDuration": (re.compile(r"\bBilled Duration: ([\d.]+) ms"), 1),
    "@initDuration": (re.compile(r"\bInit Duration: ([\d.]+) ms"), 1),
    # In bytes, of a megabyte with a million.
    "@memorySize": (re.compile(r"\bMemory Size: (\d+) MB"), 1_000_000),
    "@maxMemoryUsed": (re.compile(r"\bMax Memory Used: (\d+) MB"), 1_000_000),
}
_XRAY = (
    ("@xrayTraceId", re.compile(r"\bXRAY TraceId: (\S+)")),
    ("@xraySegmentId", re.compile(r"\bSegmentId: (\S+)")),
)
_FLOW = (
    "version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort", "protocol", "packets", "bytes",
    "startTime", "endTime", "action", "logStatus",
)  # fmt: skip
_DNS = (
    "version", "queryTimestamp", "hostZoneId", "queryName", "queryType", "responseCode", "protocol", "edgeLocation",
    "resolverIp", "ednsClientSubnet",
)  # fmt: skip
# Lines of fields with blanks between, in which a - stands for one that is missing.
_LINES = (
    (re.compile(r"\d+ \S+ eni-\S+(?: \S+){9} (?:ACCEPT|REJECT|-) (?:OK|NODATA|SKIPDATA)"), _FLOW),
    (re.compile(r"1\.\d \d{4}-\d\d-\d\dT\S+Z Z[A-Z0-9]+ \S+ \S+ [A-Z]+ [A-Z]+ [A-Z]{3}\S+ \S+ \S+"), _DNS),
)
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def discovered(message: str) -> dict[str, Value]:
    """Return the fields of a message by their names: of Lambda's lines, of JSON, of VPC flow logs, of Route 53."""
    found: dict[str, Value] = {}
    start = message.find("{")
    if start < 0:
        bare = message.strip()
        for line, names in _LINES:
            if line.fullmatch(bare):
                return {name: value for name, value in zip(names, bare.split(" "), strict=True) if value != "-"}
        return _of_lambda(message)
    if message[:start].strip():
        # Only Lambda's lines may have something before.
        found = _of_lambda(message)
        if not found:
            return found
    try:
        document, end = _DECODER.raw_decode(message, start)
        if found or not message[end:].strip():
            _flatten(document, found)
    except (ValueError, RecursionError):
        # What is no JSON, or nested without end, is text.
        return found
    return found


def _of_lambda(message: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if kind := _LAMBDA.match(message):
        found["@type"], found["@requestId"] = kind.groups()
        if found["@type"] == "REPORT":
            for name, (pattern, scale) in _REPORT.items():
                if value := pattern.search(message):
                    found[name] = value[1] if scale == 1 else str(int(value[1]) * scale)
    elif line := _LINE.match(message):
        found["@requestId"] = line[1]
    else:
        return found
    for name, pattern in _XRAY:
        if value := pattern.search(message):
            found[name] = value[1]
    return found


def _flatten(document: Any, into: dict[str, Value]) -> None:
    for name, value in _leaves(document, ""):
        if len(into) >= MOST:
            return
        # What begins with @ is the service's own.
        into.setdefault(f"@{name}" if name.startswith("@") else name, value)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for place, child in enumerate(value):
            yield from _leaves(child, f"{name}.{place}" if name else str(place))
    elif value is not None:
        yield name, int(value) if isinstance(value, bool) else value
