"""An account whose X-Ray is the local one, filled by hand, with logs beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from chalicelib.model import AwsError
from local.xray import XRay

NOW = 1_795_014_000.0
ACCOUNT, REGION = "123456789012", "eu-west-1"
SETTINGS = """
[[services]]
name = "orders"
entry = { kind = "lambda_function", function = "orders" }
dependencies = [{ kind = "dynamodb", table = "table" }]
objectives = []

[[services]]
name = "quiet"
entry = { kind = "lambda_function", function = "quiet" }
objectives = []
"""


def trace_id(number: int, at: float = NOW) -> str:
    return f"1-{int(at):08x}-{number:024x}"


def segment(number: int, name: str, start: float = 0.0, seconds: float = 0.2, **more: Any) -> dict[str, Any]:
    """A segment document of the trace of a number."""
    return {
        "trace_id": trace_id(number), "id": f"{number:08x}{crc32(name.encode()):08x}", "name": name,
        "start_time": NOW + start, "end_time": NOW + start + seconds, "origin": "AWS::Lambda::Function", **more,
    }  # fmt: skip


def chain(number: int, status: int = 200, slow: float = 0.2, start: float = 0.0, where: str = "table") -> list[Any]:
    """A trace in which api calls orders, and orders its table, which is where a 5xx begins unless told otherwise."""
    bad = {"fault": True} if status >= 500 else {}
    asked = {"method": "GET", "url": "https://shop.example.com/cart?token=hunter2"}
    api = segment(number, "api", start, slow, http={"request": asked, "response": {"status": status}}, **bad)
    if 400 <= status < 500:
        api["error"] = True
    if status == 429:
        api["throttle"] = True
    calls = {"id": f"{number:08x}aaaaaaaa", "name": "orders", **{k: api[k] for k in ("start_time", "end_time")}, **bad}
    api["subsegments"] = [calls]
    orders = segment(number, "orders", start + 0.01, slow / 2, parent_id=calls["id"], **bad)
    reads = {
        "id": f"{number:08x}bbbbbbbb", "name": "DynamoDB", "namespace": "aws", "start_time": NOW + start + 0.02,
        "end_time": NOW + start + 0.03, "aws": {"operation": "GetItem", "table_name": "table", "region": REGION},
    }  # fmt: skip
    orders["subsegments"] = [reads]
    table = segment(number, "table", start + 0.02, 0.01, parent_id=reads["id"], inferred=True)
    table["origin"] = "AWS::DynamoDB::Table"
    if bad and where == "table":
        reads |= bad
        table |= bad
    blamed = reads if where == "table" else orders
    if bad:
        thrown = {
            "id": "c" * 16, "type": "KeyError", "message": "price; password=hunter2",
            "stack": [{"path": "cart/total.py", "line": 12, "label": "total"}],
        }  # fmt: skip
        blamed["cause"] = {"exceptions": [thrown]}
    return [api, orders, table]


@dataclass
class Account:
    """Calls to it; `logs` has the lines of each group as time and text, `refuses` what is answered with an error."""

    xray: XRay = field(default_factory=lambda: XRay(ACCOUNT, lambda: 0.0))
    logs: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    query: Callable[[Mapping[str, Any]], Sequence[str]] | None = None
    state: str = "Complete"
    arrived: float = 0.0
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    account: str = ACCOUNT
    region: str = REGION

    def put(self, *traces: Sequence[Mapping[str, Any]]) -> None:
        """Have traces come in."""
        for one in traces:
            for document in one:
                self.xray.put.put(document)

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        action = f"{service}:{''.join(word.capitalize() for word in operation.split('_'))}"
        self.asked.append((action, params))
        if code := self.refuses.get(action):
            raise AwsError(action, code, "no identity-based policy allows it")
        given: dict[str, Any] = {
            key: value.timestamp() if isinstance(value, datetime) else value for key, value in params.items()
        }
        match action:
            case "xray:GetServiceGraph":
                return self.xray.graph(given)
            case "xray:GetTraceSummaries":
                found = self.xray.summaries(given)
                found["ApproximateTime"] = datetime.fromtimestamp(found["ApproximateTime"], UTC)
                for one in found["TraceSummaries"]:
                    one["StartTime"] = datetime.fromtimestamp(one["StartTime"], UTC)
                return found
            case "xray:BatchGetTraces":
                return self.xray.batch(given)
            case "logs:FilterLogEvents":
                return self._lines(given)
            case "logs:StartQuery":
                self._known(given["logGroupNames"][0])
                return {"queryId": "1"}
            case "logs:GetQueryResults":
                started = self.calls("logs:StartQuery")[-1]
                rows = self.query(started) if self.query and self.state == "Complete" else ()
                return {
                    "status": self.state, "statistics": {"bytesScanned": 2.0e6},
                    "results": [[{"field": "@message", "value": one}] for one in rows],
                }  # fmt: skip
            case "logs:StopQuery":
                return {"success": True}
            case "cloudwatch:GetMetricData":
                values = [self.arrived] if self.arrived else []
                return {
                    "MetricDataResults": [{"Id": one["Id"], "Values": values} for one in given["MetricDataQueries"]]
                }
        raise NotImplementedError(action)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params)[key])

    def calls(self, action: str) -> list[dict[str, Any]]:
        return [params for name, params in self.asked if name == action]

    def _known(self, group: str) -> None:
        if group not in self.logs:
            raise AwsError(
                "logs:FilterLogEvents", "ResourceNotFoundException", "The specified log group does not exist."
            )

    def _lines(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._known(given["logGroupName"])
        terms = [one.strip('?"') for one in given["filterPattern"].split()]
        found = [
            {"timestamp": int(at * 1000), "message": text}
            for at, text in self.logs[given["logGroupName"]]
            if given["startTime"] <= at * 1000 <= given["endTime"] and any(one in text for one in terms)
        ]
        return {"events": found}


def span(id_: str, parent: str, name: str, start: float, seconds: float, **more: Any) -> str:
    """A span as Transaction Search keeps it."""
    return json.dumps({
        "resource": {"attributes": {
            "service.name": name, "cloud.platform": "aws_ecs", "aws.log.group.names": [f"/ecs/{name}"],
        }},
        "traceId": trace_id(1).removeprefix("1-").replace("-", ""), "spanId": id_,
        **({"parentSpanId": parent} if parent else {}), "name": "GET /cart", "kind": "SERVER",
        "startTimeUnixNano": int((NOW + start) * 1e9), "endTimeUnixNano": int((NOW + start + seconds) * 1e9),
        "durationNano": int(seconds * 1e9), "status": {"code": "UNSET"}, **more,
    })  # fmt: skip
