"""What `shape` makes of findings, alerts, commands …, as JSON Schema. Pure."""

from __future__ import annotations

from typing import get_args

from chalicelib.alerts.model import Firing
from chalicelib.api.declared import (
    ANYTHING,
    FLAG,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    Schema,
    among,
    by_name,
    extended,
    many,
    maybe,
    named,
    record,
)  # fmt: skip
from chalicelib.insights.logs import LOGS
from chalicelib.model import COMMANDS, MODES, ORIGINS, SEVERITIES, STATUSES
from chalicelib.reports.model import Status as RunStatus
from chalicelib.services.golden import WINDOWS
from chalicelib.services.model import State
from chalicelib.services.shown import COLOURS

SEVERITY, STATUS, FIRING = among(*SEVERITIES), among(*STATUSES), among(*get_args(Firing))
SCOPE = named("Scope", by_name(TEXT))
MODE = named("Modes", record(**{origin: among(*MODES) for origin in ORIGINS}))

# What API Gateway says itself lacks a title and status now and then.
PROBLEM = named("Problem", record("title", "status", type=TEXT, title=TEXT, status=WHOLE, detail=TEXT, instance=TEXT))
TOKEN = named(
    "Token",
    record(token=TEXT, token_type=among("Bearer"), scope=TEXT, expires=TIME, expires_in=WHOLE, who=TEXT, by=TEXT),
)

CALL = named("Call", record(service=TEXT, operation=TEXT, params=by_name(ANYTHING)))
SUMMARY = named(
    "Finding",
    record(
        id=TEXT, guardrail=TEXT, account=TEXT, region=TEXT, resource=TEXT, part=TEXT, status=STATUS, severity=SEVERITY,
        origin=among(*ORIGINS), why=TEXT, opened=TIME, age_seconds=WHOLE,
        actor=maybe(record(who=TEXT, arn=TEXT, ip=TEXT, tool=TEXT, kind=TEXT)), fixed=maybe(TIME),
        remediation_seconds=maybe(NUMBER), source=ANYTHING, acknowledged=maybe(TEXT), question=maybe(WHOLE),
    ),
)  # fmt: skip
DETAILS = named(
    "FindingInFull",
    extended(
        SUMMARY,
        event=record(id=maybe(TEXT), call=maybe(TEXT), time=maybe(TIME)),
        before=ANYTHING,
        after=ANYTHING,
        fix=many(CALL),
        undo=many(CALL),
        history=many(record(status=STATUS, at=TIME, by=TEXT, note=TEXT)),
        look_again=maybe(TIME),
        permission=maybe(record(part=TEXT, until=TIME, who=TEXT, why=TEXT)),
    ),
)
COMMAND = named(
    "Command",
    record(
        id=TEXT, kind=among(*COMMANDS), finding=TEXT, about=TEXT, service=TEXT, who=TEXT, by=TEXT,
        via=among("api", "cli", "slack", ""), why=TEXT, at=TIME, until=maybe(TIME), expires=maybe(TIME),
        question=maybe(WHOLE), break_glass=FLAG, scope=SCOPE, status=among("asked", "done", "refused"), answer=TEXT,
    ),
)  # fmt: skip
PAUSE = named("Pause", record(who=TEXT, why=TEXT, at=TIME, until=maybe(TIME), scope=SCOPE))
PAUSES: dict[str, Schema] = {"paused": maybe(PAUSE), "pauses": many(PAUSE)}
WAIVER = named("Waiver", record(id=TEXT, scope=SCOPE, until=TIME, who=TEXT, why=TEXT, at=TIME, by=TEXT))
PERMISSION = named(
    "Permission",
    record(
        kind=among("waiver", "exempted", "undone"), id=TEXT, what=TEXT, scope=SCOPE, since=TIME, until=TIME, who=TEXT,
        why=TEXT, covers=WHOLE,
    ),
)  # fmt: skip
_OF_ALERTS: dict[str, Schema] = {
    "status": FIRING, "severity": SEVERITY, "title": TEXT, "source": TEXT, "name": TEXT, "service": maybe(TEXT),
    "account": maybe(TEXT), "region": maybe(TEXT), "resource": maybe(TEXT), "tags": by_name(TEXT),
}  # fmt: skip
GROUP = named(
    "Alert",
    record(
        id=TEXT, episode=WHOLE, **_OF_ALERTS, opened=TIME, age_seconds=WHOLE, changed=TIME, firing=WHOLE, total=WHOLE,
        acknowledged=maybe(TEXT), acknowledged_at=maybe(TIME), escalated=FLAG,
        destination=maybe(record(slack=TEXT, pagerduty=TEXT, email=many(TEXT))),
    ),
)  # fmt: skip
SILENCE = named(
    "Silence", record(id=TEXT, matcher=by_name(many(TEXT)), until=TIME, who=TEXT, by=TEXT, why=TEXT, at=TIME)
)
ALERT = named(
    "AlertInFull",
    extended(
        GROUP,
        alerts=many(
            record(fingerprint=TEXT, **_OF_ALERTS, since=TIME, at=TIME, told=FLAG, quiet=maybe(TEXT), fired=WHOLE)
        ),
        history=many(record(at=TIME, status=TEXT, line=TEXT)),
        silences=many(SILENCE),
    ),
)
GUARDRAIL = named("Guardrail", record(guardrail=TEXT, severity=SEVERITY, mode=MODE, default=MODE, promise=TEXT))
HEALTH = named(
    "Health",
    record(
        "paused", "pauses", "modes", "observed",
        status=among("ok", "degraded"), reasons=many(TEXT), version=TEXT, stage=TEXT, region=TEXT, account=TEXT,
        table=TEXT, **PAUSES, modes=record(**{origin: by_name(WHOLE) for origin in ORIGINS}), observed=many(TEXT),
    ),
)  # fmt: skip


def listed(name: str, schema: Schema) -> Schema:
    """Return the schema of a list under a name."""
    return record(**{name: many(schema)})


def paged(name: str, schema: Schema) -> Schema:
    """Return the schema of one page of a list, with what to ask the next one for."""
    return record(**{name: many(schema), "after": maybe(TEXT)})


SPEED = record(
    level=among("page", "ticket"),
    long=TEXT,
    short=TEXT,
    factor=NUMBER,
    long_burn=maybe(NUMBER),
    short_burn=maybe(NUMBER),
    on=FLAG,
)
STATE = among(*get_args(State))
_LEVEL = maybe(among("page", "ticket"))
_POINTS = many(many(maybe(NUMBER)))
_LEFT: dict[str, Schema] = {
    "id": TEXT, "state": STATE, "goal": NUMBER, "days": WHOLE, "left": maybe(NUMBER), "exhausted_in": maybe(NUMBER),
    "bad": maybe(NUMBER), "total": maybe(NUMBER), "sentence": TEXT,
}  # fmt: skip
SLO = named(
    "Objective",
    record(
        **_LEFT, service=TEXT, name=TEXT, aspect=among("availability", "latency"), under=maybe(NUMBER),
        burn=by_name(maybe(NUMBER)), level=_LEVEL,
    ),
)  # fmt: skip
BURN = named("Burn", record(id=TEXT, state=STATE, level=_LEVEL, sentence=TEXT, speeds=many(SPEED)))
BUDGET = named("Budget", record(**_LEFT, good=maybe(NUMBER), requests_left=maybe(NUMBER), minutes_left=maybe(NUMBER)))
GAUGE = named(
    "Gauge",
    record(
        "points", of=TEXT, name=TEXT, label=TEXT, state=STATE, value=maybe(NUMBER),
        unit=among("percent", "count", "seconds", "bytes"), full=maybe(NUMBER), source=maybe(TEXT), share=maybe(NUMBER),
        red=FLAG, red_from=NUMBER, falls=FLAG, at=maybe(TIME), why=maybe(TEXT), points=_POINTS,
    ),
)  # fmt: skip
SERVICE = named(
    "Service",
    record(
        name=TEXT, entry=TEXT, status=among(*COLOURS), why=TEXT, runbook=maybe(TEXT), window=among(*WINDOWS),
        period=WHOLE, alarms=many(TEXT), budgets=many(SLO),
        availability=record(
            "points", state=STATE, value=maybe(NUMBER), now=maybe(NUMBER), goal=maybe(NUMBER), bad=NUMBER, total=NUMBER,
            parts=by_name(NUMBER), at=maybe(TIME), why=maybe(TEXT), points=_POINTS,
        ),
        latency=record(
            "points", state=STATE, values=by_name(maybe(NUMBER)), under=maybe(NUMBER), goal=maybe(NUMBER),
            at=maybe(TIME), why=maybe(TEXT), points=by_name(_POINTS),
        ),
        saturation=record(gauges=many(GAUGE)),
    ),
)  # fmt: skip
ALARM = named(
    "Alarm",
    record(
        name=TEXT, state=among("ALARM", "OK", "INSUFFICIENT_DATA"), since=TIME, reason=TEXT, about=TEXT,
        kind=among("metric", "composite"), region=TEXT, service=maybe(TEXT), objective=maybe(TEXT), tells=FLAG,
        console=TEXT,
    ),
)  # fmt: skip
# Regions whose alarms nobody knows, and why.
MUTE: dict[str, Schema] = {"alarms_unknown": many(record(region=TEXT, why=TEXT))}
CHANGE = record(at=TIME, summary=TEXT)
_WRITE: dict[str, Schema] = {
    "id": TEXT, "at": TIME, "action": TEXT, "source": TEXT, "kind": among("call", "deployment", "notice"),
    "account": TEXT, "region": TEXT, "resources": many(TEXT), "services": many(TEXT), "actor": TEXT, "role": TEXT,
    "ip": TEXT, "tool": TEXT, "what": TEXT, "error": TEXT, "writes": FLAG,
}  # fmt: skip
WRITE = named("Change", record(**_WRITE))
# Calls that differ in what they were about alone: the nearest one, how many, from when until when.
_ALIKE = named("CallsAlike", record(**_WRITE, times=WHOLE, first=TIME, last=TIME))
WHO = record(
    as_of=TIME, answer=TEXT, action=maybe(TEXT), resource=maybe(TEXT), since=TIME, until=TIME,
    source=among("ledger", "cloudtrail", "both"), ledger_since=maybe(TIME), complete=FLAG, missing=many(TEXT),
    # `also_more`: calls that are of none of those kinds; `also_complete`: whether none was left unread.
    calls=many(
        named("WhoCalled", record(**_WRITE, also=maybe(many(_ALIKE)), also_more=WHOLE, also_complete=FLAG))
    ),
)  # fmt: skip
REMEDIATION = named(
    "Remediation",
    record(
        id=TEXT, guardrail=TEXT, account=TEXT, region=TEXT, resource=TEXT, part=TEXT, status=STATUS, severity=SEVERITY,
        why=TEXT, who=maybe(TEXT), at=maybe(TIME), undo=FLAG,
    ),
)  # fmt: skip

_COLUMN = record(name=TEXT, title=TEXT, type=among("text", "number", "time"), unit=maybe(TEXT))
_SPENT = record(bytes_scanned=WHOLE, usd=NUMBER)
_RUN: dict[str, Schema] = {
    "id": TEXT, "query": maybe(TEXT), "text": TEXT, "groups": many(TEXT), "who": TEXT, "start": TIME, "end": TIME,
    "at": TIME,
}  # fmt: skip
QUERY = named(
    "Query",
    record(
        id=TEXT, title=TEXT, about=TEXT, logs=many(among(*LOGS)), size=among("small", "medium", "large"),
        window_seconds=NUMBER, longest_seconds=NUMBER, columns=many(_COLUMN),
        takes=many(
            record(
                "least", "most", "pattern", "among",
                name=TEXT, about=TEXT, default=maybe(TEXT), needed=FLAG,
                type=among("whole", "duration", "word", "text", "choice"), least=WHOLE, most=WHOLE, pattern=TEXT,
                among=many(TEXT),
            )
        ),
    ),
)  # fmt: skip
RUN = named("QueryStarted", record(**_RUN, status=among("running"), estimate=_SPENT))
RESULT = named(
    "QueryResult",
    record(
        **_RUN, status=among("running", "complete", "failed", "timeout", "cancelled", "unknown"), reason=maybe(TEXT),
        columns=many(_COLUMN), rows=many(by_name(ANYTHING)), after=maybe(TEXT), cut=FLAG,
        statistics=maybe(record(matched=WHOLE, scanned=WHOLE, bytes=WHOLE)), cost=maybe(_SPENT),
    ),
)  # fmt: skip

REPORT_RUN = named(
    "ReportRun",
    record(
        run=TEXT, at=TIME, status=among(*get_args(RunStatus)), since=TIME, over=FLAG, tries=WHOLE, missed=WHOLE,
        who=maybe(TEXT), why=maybe(TEXT), s3=maybe(TEXT), not_in_s3=maybe(TEXT),
    ),
)  # fmt: skip
REPORT = named(
    "Report",
    record(
        name=TEXT, title=TEXT, query=maybe(TEXT), text=maybe(TEXT), parameters=by_name(TEXT), service=maybe(TEXT),
        groups=many(TEXT), tag=maybe(TEXT), region=maybe(TEXT), schedule=TEXT, window_seconds=NUMBER, next=maybe(TIME),
        slack=maybe(TEXT), email=many(TEXT), s3=maybe(TEXT), last=maybe(REPORT_RUN), asked=maybe(REPORT_RUN),
    ),
)  # fmt: skip
OUTCOME = named(
    "ReportResult",
    record(
        run=TEXT, at=TIME, who=maybe(TEXT), columns=many(_COLUMN), rows=many(by_name(ANYTHING)), total=WHOLE, cut=FLAG,
        groups=many(TEXT), s3=maybe(TEXT), cost=_SPENT,
    ),
)  # fmt: skip

_CALLS: dict[str, Schema] = {
    "status": among(*COLOURS), "requests": WHOLE, "rate": NUMBER, "faults": WHOLE, "errors": WHOLE, "throttles": WHOLE,
    "fault_share": maybe(NUMBER), "average": maybe(NUMBER), "p50": maybe(NUMBER), "p95": maybe(NUMBER),
    "p99": maybe(NUMBER), "slower": FLAG,
    "before": maybe(record(requests=WHOLE, fault_share=NUMBER, p95=maybe(NUMBER))),
}  # fmt: skip
_TRACED: dict[str, Schema] = {"region": TEXT, "status": among("ok", "no_data", "denied"), "why": maybe(TEXT)}
MET = among("fault", "throttle", "error", "ok")
MAP = named(
    "ServiceMap",
    record(
        **_TRACED, since=TIME, until=TIME, service=maybe(TEXT), answer=TEXT, estimate=TEXT, rows=many(WHOLE),
        console=TEXT,
        nodes=many(
            record(
                id=TEXT, name=TEXT, type=TEXT, label=TEXT, account=maybe(TEXT), services=many(TEXT), root=FLAG,
                layer=WHOLE, row=WHOLE, **_CALLS,
            )
        ),
        edges=many(
            record(
                caller=TEXT, callee=TEXT, bends=many(WHOLE), more_faults=maybe(NUMBER), begun_here=maybe(NUMBER),
                **_CALLS,
            )
        ),
    ),
)  # fmt: skip
TRACES = named(
    "Traces",
    record(
        **_TRACED, since=TIME, until=TIME, filter=TEXT, scanned=WHOLE, more=FLAG,
        traces=many(
            record(
                id=TEXT, at=TIME, seconds=NUMBER, answered=NUMBER, method=maybe(TEXT), url=maybe(TEXT),
                http_status=maybe(WHOLE), met=MET, partial=FLAG, entry=TEXT, console=TEXT,
                failing=maybe(record(name=TEXT, label=TEXT, exception=maybe(TEXT), message=maybe(TEXT))),
            )
        ),
    ),
)  # fmt: skip
STEP = record(
    id=TEXT, parent=maybe(TEXT), depth=WHOLE, name=TEXT, label=maybe(TEXT), after=NUMBER, seconds=maybe(NUMBER),
    met=MET, http_status=maybe(WHOLE), asked=maybe(TEXT), exception=maybe(TEXT), message=maybe(TEXT), where=maybe(TEXT),
    aws=by_name(TEXT),
)  # fmt: skip
_FOLLOWED = among("ok", "no_data", "denied", "failed")
TRACE = named(
    "Trace",
    record(
        id=TEXT, region=TEXT, status=_FOLLOWED, why=maybe(TEXT), answer=TEXT, source=maybe(among("xray", "spans")),
        at=maybe(TIME), seconds=NUMBER, steps=many(STEP), failing=maybe(STEP), console=TEXT,
        lines=record(
            status=_FOLLOWED, why=maybe(TEXT), groups=many(TEXT), lines=many(record(at=TIME, group=TEXT, text=TEXT))
        ),
    ),
)  # fmt: skip

REVERT = named("Revert", record(change=TEXT, guardrail=TEXT, what=TEXT, findings=TEXT))
EXPLANATION = named(
    "Explanation",
    record(
        id=TEXT, as_of=TIME, depth=among("quick", "full"), done=FLAG,
        status=among("looking", "ok", "partial", "no_data", "denied", "given_up"), answer=TEXT, confidence=NUMBER,
        about=record(kind=among("service", "alarm"), name=TEXT, service=maybe(TEXT), at=TIME),
        onset=maybe(
            record(
                sign=among("errors", "latency", "traffic", "silence", "alarm"), label=TEXT, unit=TEXT,
                shape=among("step", "ramp", "spike", "flap"), at=TIME, until=maybe(TIME), before=NUMBER, after=NUMBER,
                confidence=NUMBER, suffering=maybe(NUMBER),
            )
        ),
        suspects=many(
            record(
                kind=among("change", "dependency", "edge", "errors", "traffic", "alarm", "remediation", "region"),
                title=TEXT, at=TIME, score=NUMBER, evidence=many(TEXT), against=many(TEXT), change=maybe(TEXT),
            )
        ),
        revert=maybe(
            record(
                change=TEXT, guardrail=maybe(TEXT), what=maybe(TEXT), ask=maybe(TEXT), command=maybe(TEXT),
                why=maybe(TEXT),
            )
        ),
        sections=many(
            record(
                id=TEXT, status=among("ok", "partial", "no_data", "denied", "late", "failed"), took_ms=WHOLE,
                answer=maybe(TEXT), data=ANYTHING, evidence=many(by_name(TEXT)), reason=maybe(TEXT),
            )
        ),
        before=many(record(at=TIME, answer=TEXT, id=TEXT)),
        cost=record(api_calls=WHOLE, usd=NUMBER, bytes_scanned=WHOLE), next=many(TEXT),
    ),
)  # fmt: skip

TIMELINE = named(
    "Timeline",
    record(
        **{"from": TIME, "to": TIME}, service=TEXT, markdown=TEXT, missing=many(TEXT),
        entries=many(
            record(
                at=TIME, what=TEXT, who=maybe(TEXT),
                kind=among(
                    "alarm", "alert", "change", "deployment", "notice", "command", "fix", "finding", "explained"
                ),
            )
        ),
    ),
)  # fmt: skip


def watched(schema: Schema) -> Schema:
    """Return the schema of what was read from CloudWatch: when, and what that took."""
    return extended(schema, as_of=TIME, cost=record(api_calls=WHOLE, queries=WHOLE))
