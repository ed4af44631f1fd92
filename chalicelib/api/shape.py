"""What findings, alerts, commands … look like as JSON, for the HTTP API and the command line's `--json`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from chalicelib.alerts import quiet
from chalicelib.alerts.model import Alert, Group, Silence
from chalicelib.matcher import Matcher
from chalicelib.model import ORIGINS, Call, Command, Exemption, Finding, Pause, Scope, Waiver, plain
from chalicelib.permitted import Permission
from chalicelib.records import exemption_record
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings
from chalicelib.times import iso


def summary(finding: Finding, now: float) -> dict[str, Any]:
    """Return a finding in short, as a list of findings has it."""
    actor = finding.actor
    return {
        "id": finding.id,
        **asdict(finding.violation),
        "status": finding.status,
        "severity": finding.severity,
        "origin": finding.origin,
        "why": finding.why,
        "opened": iso(finding.opened),
        "age_seconds": round(max(0.0, now - finding.opened)),
        "actor": asdict(actor) if actor else None,
        "fixed": _iso(finding.fixed_at),
        "remediation_seconds": _rounded(finding.remediation_seconds),
        "source": finding.source or None,
        "acknowledged": finding.acknowledged or None,
        "question": finding.question,
    }


def details(finding: Finding, permission: Exemption | None, now: float) -> dict[str, Any]:
    """Return everything about a finding, and the permission under which its violation stands."""
    return {
        **summary(finding, now),
        "event": {"id": finding.event_id, "call": finding.event_name, "time": _iso(finding.event_time)},
        "before": finding.before,
        "after": finding.after,
        "fix": [_call(one) for one in finding.fix],
        "undo": [_call(one) for one in finding.undo],
        "history": [
            {"status": step.status, "at": iso(step.at), "by": step.by, "note": step.note} for step in finding.history
        ],
        "look_again": _iso(finding.due),
        "permission": {**exemption_record(permission), "until": iso(permission.until)} if permission else None,
    }


def command(asked: Command) -> dict[str, Any]:
    """Return what a person asked for, and the answer; where Slack wants it is nobody else's business."""
    told = {name: value for name, value in plain(asked).items() if name != "reply_to"}
    return {
        **told,
        "at": iso(asked.at),
        "until": _iso(asked.until or None),
        "expires": _iso(asked.expires),
        "scope": scope(asked.scope),
    }


def pause(switch: Pause) -> dict[str, Any]:
    """Return a pause switch as it is set."""
    return {
        "who": switch.who,
        "why": switch.why,
        "at": iso(switch.at),
        "until": _iso(switch.until),
        "scope": scope(switch.scope),
    }


def waiver(given: Waiver) -> dict[str, Any]:
    """Return an exemption of a scope."""
    return {**plain(given), "at": iso(given.at), "until": iso(given.until), "scope": scope(given.scope)}


def permission(given: Permission) -> dict[str, Any]:
    """Return what is permitted, of a scope or by one finding."""
    return {
        "kind": given.kind,
        "id": given.id,
        "what": given.what,
        "scope": scope(given.scope),
        "since": iso(given.since),
        "until": iso(given.until),
        "who": given.who,
        "why": given.why,
        "covers": given.covers,
    }


def scope(about: Scope) -> dict[str, str]:
    """Return the fields of a scope that are given; none for everything."""
    return {name: value for name, value in plain(about).items() if value}


def group(found: Group, now: float, silences: Sequence[Silence]) -> dict[str, Any]:
    """Return an alert as people know it, in short: what leads a group, how many are with it, whether it is silenced.

    `silences` are all that there are.
    """
    return {
        "id": found.id,
        "episode": found.episode,
        "status": found.status,
        "severity": found.severity,
        "title": found.title,
        "source": found.source,
        "name": found.name,
        "service": found.service or None,
        "account": found.account or None,
        "region": found.region or None,
        "resource": found.resource or None,
        "tags": dict(found.tags),
        "opened": iso(found.opened),
        "age_seconds": round(max(0.0, now - found.opened)),
        "changed": iso(found.at),
        "firing": found.firing,
        "total": found.total,
        "acknowledged": found.acknowledged or None,
        "acknowledged_at": iso(found.acknowledged_at) if found.acknowledged else None,
        "escalated": found.escalated,
        "silenced": bool(quiet.silencing(found, silences, now)),
        "destination": _destination(found),
    }


def _destination(found: Group) -> dict[str, Any] | None:
    where = found.destination
    return {"slack": where.slack, "pagerduty": where.pagerduty, "email": list(where.email)} if where else None


def alert(found: Alert) -> dict[str, Any]:
    """Return one alert of a group; `quiet` is what keeps it from being told."""
    return {
        "fingerprint": found.fingerprint,
        "status": found.status,
        "severity": found.severity,
        "title": found.title,
        "source": found.source,
        "name": found.name,
        "service": found.service or None,
        "account": found.account or None,
        "region": found.region or None,
        "resource": found.resource or None,
        "tags": dict(found.tags),
        "since": iso(found.since),
        "at": iso(found.at),
        "told": found.told,
        "quiet": found.quiet or None,
        "fired": found.fired,
    }


def silence(found: Silence) -> dict[str, Any]:
    """Return a silence."""
    return {
        "id": found.id,
        "matcher": matcher(found.matcher),
        "until": iso(found.until),
        "who": found.who,
        "by": found.by,
        "why": found.why,
        "at": iso(found.at),
    }


def matcher(about: Matcher) -> dict[str, list[str]]:
    """Return the fields of a matcher that are given, each with its texts."""
    return {name: list(texts) for name, texts in plain(about).items() if texts}


def guardrail(rail: Guardrail, settings: Settings) -> dict[str, Any]:
    """Return a guardrail: its promise, its modes in force and its own defaults."""
    return {
        "guardrail": rail.name,
        "severity": rail.severity,
        "mode": settings.modes(rail),
        "default": {origin: rail.default[origin] for origin in ORIGINS},
        "promise": rail.documentation.promise,
    }


def _call(one: Call) -> dict[str, Any]:
    return {"service": one.service, "operation": one.operation, "params": dict(one.params)}


def _iso(at: float | None) -> str | None:
    return None if at is None else iso(at)


def _rounded(seconds: float | None) -> float | None:
    # CloudTrail's clock has whole seconds: more digits would mean nothing.
    return None if seconds is None else round(seconds, 1)
