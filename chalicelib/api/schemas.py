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
from chalicelib.model import COMMANDS, MODES, ORIGINS, SEVERITIES, STATUSES
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
REMEDIATION = named(
    "Remediation",
    record(
        id=TEXT, guardrail=TEXT, account=TEXT, region=TEXT, resource=TEXT, part=TEXT, status=STATUS, severity=SEVERITY,
        why=TEXT, who=maybe(TEXT), at=maybe(TIME), undo=FLAG,
    ),
)  # fmt: skip


def watched(schema: Schema) -> Schema:
    """Return the schema of what was read from CloudWatch: when, and what that took."""
    return extended(schema, as_of=TIME, cost=record(api_calls=WHOLE, queries=WHOLE))
