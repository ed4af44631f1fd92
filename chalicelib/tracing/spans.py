"""Steps and maps from OpenTelemetry's spans, which CloudWatch's Transaction Search keeps in the group aws/spans; pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search-ingesting-span-log-groups.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from chalicelib.services.model import Service
from chalicelib.tracing.belonging import owners
from chalicelib.tracing.graph import CLIENT, Edge, Map, Node, Stats
from chalicelib.tracing.segments import Step, ordered

GROUP = "aws/spans"
# Where an attribute was called otherwise before.
STATUS = ("http.response.status_code", "http.status_code")
METHOD, URL = ("http.request.method", "http.method"), ("url.full", "http.url", "url.path", "http.target", "http.route")
PLATFORMS = {
    "aws_lambda": "AWS::Lambda::Function", "aws_ecs": "AWS::ECS::Container", "aws_eks": "AWS::EKS::Container",
    "aws_ec2": "AWS::EC2::Instance", "aws_elastic_beanstalk": "AWS::ElasticBeanstalk::Environment",
}  # fmt: skip
# Of whom it is known who came in, and who calls.
INTO, CALLABLE = ("SERVER", "CONSUMER"), ("remote", "AWS::Lambda::Function")
CACHES = ("redis", "valkey", "memcached")
# So many rows a query answers at once, and so many samples an edge has.
ROWS, SAMPLES = 10_000, 3
ID = re.compile(r"([0-9a-f]{8})([0-9a-f]{24})")
# Whose spans they are, whom they call, and how that went: each instrumentation has its own names for it. Nothing that
# people or programs named is part of the query: whose a span is, is told afterwards, as it is of X-Ray's nodes.
_COUNTING = """
fields floor((toMillis(@timestamp) - {since}) / 86400000) as span_half, strlen(parentSpanId) as span_inside,
  coalesce(attributes.aws.xray.origin, resource.attributes.cloud.platform) as span_origin,
  resource.attributes.faas.name as span_function, attributes.aws.local.service as span_local,
  resource.attributes.service.name as span_service, attributes.aws.remote.resource.type as span_type,
  coalesce(attributes.aws.remote.resource.identifier, attributes.aws.dynamodb.table_names.0,
    attributes.messaging.destination.name) as span_resource,
  coalesce(attributes.peer.service, attributes.aws.remote.service, attributes.rpc.service) as span_remote,
  coalesce(attributes.server.address, attributes.net.peer.name) as span_host,
  coalesce(attributes.db.system.name, attributes.db.system) as span_db,
  coalesce(attributes.db.namespace, attributes.db.name) as span_schema,
  coalesce(attributes.http.response.status_code, attributes.http.status_code) as span_status
| filter kind in ["CLIENT", "PRODUCER", "SERVER", "CONSUMER"]
| stats count(*) as span_count, sum(durationNano) as span_took, max(startTimeUnixNano) as span_at,
  latest(traceId) as span_last, earliest(traceId) as span_first, sortsFirst(traceId) as span_other
  by span_half, kind, span_inside, span_origin, span_function, span_local, span_service, span_type, span_resource,
  span_remote, span_host, span_db, span_schema, span_status, status.code
| sort span_count desc
| limit {most}"""
Row = Mapping[str, Any]
Ends = tuple[str, str]
# The services that a name and a type of X-Ray's belong to.
Owners = Callable[[str, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Counted:
    """What spans tell.

    Args:
        now: the map of a time.
        before: that of the time before it.
        samples: ids of a few traces in which a call failed, by caller and callee.
        times: when some of them were (epoch seconds), which their ids may not tell.
    """

    now: Map
    before: Map
    samples: Mapping[Ends, tuple[str, ...]]
    times: Mapping[str, float]


def counting(since: float) -> str:
    """Return the query of Logs Insights for who calls whom, before a moment and from it on."""
    return _COUNTING.format(since=int(since * 1000), most=ROWS).lstrip()


def maps(
    rows: Iterable[Row], start: float, since: float, end: float, region: str, services: Sequence[Service]
) -> Counted:
    """Return the maps that the rows of `counting` make.

    Args:
        rows: its answer.
        start: from when on spans were counted.
        since: the moment.
        end: until when.
        region: where.
        services: those of the settings, to tell which a node belongs to.
    """
    whose = cache(lambda name, kind: owners(name, kind, services))
    told = [(row, one) for row in rows if (one := _doer(row, whose))]
    doers = {one.name: one for _, one in sorted(told, key=lambda each: each[1].type)}
    nodes = {CLIENT: Node(CLIENT, CLIENT, CLIENT)}
    edges: dict[bool, dict[Ends, Stats]] = {True: {}, False: {}}
    samples: dict[Ends, dict[str, None]] = {}
    times: dict[str, float] = {}
    called = set[str]()
    # Who calls is in the caller's spans; who comes in is nobody's, where nobody who is known calls.
    for row, one in sorted(told, key=lambda each: each[0]["kind"] in INTO):
        caller, callee = doers[one.name], _called(row, whose)
        if row["kind"] in INTO:
            caller, callee = nodes[CLIENT], caller
            if row.get("span_inside") and callee.id in called:
                continue
        elif callee is None:
            continue
        else:
            callee = doers.get(callee.name, callee) if callee.type in CALLABLE else callee
            called.add(callee.id)
        nodes |= {caller.id: caller, callee.id: callee}
        stats, later, ends = _stats(row), float(row["span_half"]) >= 0, (caller.id, callee.id)
        edges[later][ends] = edges[later].get(ends, Stats()) + stats
        if later and stats.faults:
            found = (ID.fullmatch(str(row.get(name))) for name in ("span_last", "span_first", "span_other"))
            ids = [f"1-{id_[1]}-{id_[2]}" for id_ in found if id_]
            samples.setdefault((caller.name, callee.name), {}).update(dict.fromkeys(ids))
            times |= {id_: float(row["span_at"]) / 1e9 for id_ in ids[:1]}
    drawn = {
        later: (
            tuple(nodes[id_] for id_ in dict.fromkeys(id_ for ends in some for id_ in ends)),
            tuple(Edge(*ends, stats) for ends, stats in some.items()),
        )
        for later, some in edges.items()
    }
    return Counted(
        Map(since, end, region, *drawn[True]), Map(start, since, region, *drawn[False]),
        {ends: tuple(ids)[:SAMPLES] for ends, ids in samples.items()}, times,
    )  # fmt: skip


def _doer(row: Row, whose: Owners) -> Node | None:
    """Return whose a span is; None of one that does not tell."""
    origin = str(row.get("span_origin") or "")
    kind = origin if origin.startswith("AWS::") else PLATFORMS.get(origin, "")
    own: dict[str, dict[str, None]] = {}
    for column in ("span_function", "span_local", "span_service"):
        if name := row.get(column):
            # What Lambda calls it is no name that an application gives itself.
            kinds = (kind,) if column == "span_function" else (kind, "")
            own.setdefault(name, {}).update({one: None for each in kinds for one in whose(name, each)})
    if not own:
        return None
    name = next((one for one in own if own[one]), next(iter(own)))
    return Node(
        f"{kind or '?'} {name}", name, kind, services=tuple({one: None for some in own.values() for one in some})
    )


def _called(row: Row, whose: Owners) -> Node | None:
    """Return whom a span calls, by the name and the type that X-Ray would give it; None where nothing tells."""
    of, kind, host = (str(row.get(name) or "") for name in ("span_resource", "span_type", "span_host"))
    remote = str(row.get("span_remote") or "").removesuffix(":443").removesuffix(":80")
    system = str(row.get("span_db") or "").removeprefix("aws.")
    if kind.startswith("DB::") or system not in ("", "dynamodb"):
        # Application Signals tells `schema|host|port`, and some of these may be missing.
        *schemas, at, _ = of.split("|") if "|" in of else ("", host, "")
        system = system or remote
        schema = next(filter(None, schemas), "") or row.get("span_schema") or system
        name, kind = f"{schema}@{at}" if at else str(schema), "Redis" if system in CACHES else "Database::SQL"
    else:
        name = of or (remote if remote != "UnknownRemoteService" else "") or host
        kind = kind or ("AWS::DynamoDB::Table" if of and system else "remote")
    return Node(f"{kind} {name}", name, kind, services=whose(name, kind)) if name else None


def _stats(row: Row) -> Stats:
    count = int(float(row["span_count"]))
    fault, error, throttle = _outcome(row.get("span_status"), row.get("status.code") == "ERROR")
    return Stats(count, count * fault, count * error, count * throttle, float(row.get("span_took") or 0) / 1e9)


def _outcome(status: Any, failed: bool) -> tuple[bool, bool, bool]:
    """Return whether a call is a fault, an error, and throttled: by its HTTP status, where it has one."""
    code = int(float(status)) if status else None
    return code >= 500 if code else failed, bool(code and 400 <= code < 500), code == 429


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
    thrown: Mapping[str, Any] = next(
        (one.get("attributes") or {} for one in raw.get("events") or () if one.get("name") == "exception"), {}
    )
    fault, error, throttle = _outcome(status, (raw.get("status") or {}).get("code") == "ERROR")
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
        fault=fault,
        error=error,
        throttle=throttle,
        status=int(status) if status else None,
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
