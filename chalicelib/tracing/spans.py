"""The same steps from OpenTelemetry's spans, which CloudWatch's Transaction Search keeps in the group aws/spans; pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search-ingesting-span-log-groups.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.tracing.segments import Step, ordered

GROUP = "aws/spans"
# Where an attribute was called otherwise before.
STATUS = ("http.response.status_code", "http.status_code")
METHOD, URL = ("http.request.method", "http.method"), ("url.full", "http.url", "url.path", "http.target", "http.route")
PLATFORMS = {
    "aws_lambda": "AWS::Lambda::Function", "aws_ecs": "AWS::ECS::Container", "aws_eks": "AWS::EKS::Container",
    "aws_ec2": "AWS::EC2::Instance", "aws_elastic_beanstalk": "AWS::ElasticBeanstalk::Environment",
}  # fmt: skip


def query(trace: str) -> str:
    """Return the query of Logs Insights for the spans of a trace, whose id has nothing but hexadecimal digits."""
    return f'fields @message | filter traceId = "{bare(trace)}" | sort @timestamp asc | limit 1000'


def bare(trace: str) -> str:
    """Return X-Ray's id of a trace as OpenTelemetry writes it: 32 digits."""
    return "".join(trace.removeprefix("1-").split("-"))


def steps(messages: Iterable[str]) -> tuple[Step, ...]:
    """Return the steps that spans tell; raises ValueError for what is no span."""
    return ordered([_step(json.loads(one)) for one in messages])


def _step(raw: Mapping[str, Any]) -> Step:
    known: Mapping[str, Any] = raw.get("attributes") or {}
    resource: Mapping[str, Any] = (raw.get("resource") or {}).get("attributes") or {}
    start = int(raw["startTimeUnixNano"])
    took = int(raw.get("durationNano") or int(raw.get("endTimeUnixNano") or start) - start)
    status = _first(known, STATUS)
    code = int(status) if status else None
    thrown: Mapping[str, Any] = next(
        (one.get("attributes") or {} for one in raw.get("events") or () if one.get("name") == "exception"), {}
    )
    failed = (raw.get("status") or {}).get("code") == "ERROR"
    # Whose call it was, where it was one; else who did it.
    name = known.get("aws.remote.service") or known.get("aws.local.service") or resource.get("service.name")
    kind = "" if known.get("aws.remote.service") else PLATFORMS.get(str(resource.get("cloud.platform")), "")
    groups = resource.get("aws.log.group.names") or ()
    own = (f"/aws/lambda/{resource['faas.name']}",) if resource.get("faas.name") else ()
    named = {
        "operation": known.get("rpc.method"), "request_id": _first(known, ("aws.request_id", "faas.invocation_id")),
        "region": resource.get("cloud.region"), "account": resource.get("cloud.account.id"),
        "resource": resource.get("cloud.resource_id"), "table": _first(known, ("aws.dynamodb.table_names",)),
    }  # fmt: skip
    return Step(
        id=str(raw["spanId"]),
        parent=str(raw.get("parentSpanId") or ""),
        name=str(name or raw["name"]),
        at=start / 1e9,
        seconds=max(0, took) / 1e9,
        type=kind,
        fault=code >= 500 if code else failed,
        error=bool(code and 400 <= code < 500),
        throttle=code == 429,
        status=code,
        asked=" ".join(filter(None, (_first(known, METHOD), _first(known, URL)))) or str(raw["name"]),
        exception=str(thrown.get("exception.type") or ""),
        message=str(thrown.get("exception.message") or (raw.get("status") or {}).get("message") or ""),
        aws={key: str(value) for key, value in named.items() if value},
        groups=tuple(dict.fromkeys((*(groups if isinstance(groups, list | tuple) else str(groups).split("&")), *own))),
    )


def _first(known: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the first of some attributes that is there, of several values the first."""
    value = next((known[name] for name in names if known.get(name)), "")
    return str(value[0] if isinstance(value, list) and value else value)
