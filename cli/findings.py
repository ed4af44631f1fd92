"""Findings as the command line names and prints them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.journal import Journal
from chalicelib.model import Call, Finding, ParapetError
from cli import times

DAYS = 90
LENGTH = 8
_ID = re.compile(r"[0-9a-v]{3,8}")
# A finding's own clock may be ahead of this machine's.
SKEW = 3600.0


class Unknown(ParapetError):
    """An id that names no finding, or more than one."""


def resolve(journal: Journal, given: str, now: float) -> Finding:
    """Return the finding that an id, or the beginning of one, names; raises Unknown, AwsError."""
    text = given.lower()
    if len(text) < 3:
        raise Unknown(f"{given!r} is too short: give at least 3 characters of the finding's id")
    if not _ID.fullmatch(text):
        raise Unknown(f"no finding starts with {given!r}; ./parapet journal lists them")
    exact = journal.get(text) if len(text) == LENGTH else None
    if exact:
        return exact
    recent = journal.by_time(now - DAYS * times.DAY, now + SKEW) if len(text) < LENGTH else []
    found = [finding for finding in recent if finding.id.startswith(text)]
    if not found:
        raise Unknown(f"no finding starts with {given!r} in the last {DAYS} days; ./parapet journal lists them")
    if len(found) > 1:
        shown = ", ".join(f"{one.id} ({one.why}, {times.ago(one.opened, now)})" for one in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise Unknown(f"{given!r} could be {shown}{more}: type more of it")
    return found[0]


def summary(finding: Finding, now: float) -> dict[str, Any]:
    """Return a finding as `journal --json` prints it."""
    actor = finding.actor
    return {
        "id": finding.id,
        **asdict(finding.violation),
        "status": finding.status,
        "severity": finding.severity,
        "origin": finding.origin,
        "why": finding.why,
        "opened": times.iso(finding.opened),
        "age_seconds": round(max(0.0, now - finding.opened)),
        "actor": asdict(actor) if actor else None,
        "fixed": times.iso(finding.fixed_at) if finding.fixed_at is not None else None,
        "remediation_seconds": rounded(finding.remediation_seconds),
    }


def details(finding: Finding, now: float) -> dict[str, Any]:
    """Return a finding as `show --json` prints it."""
    at = finding.event_time
    return {
        **summary(finding, now),
        "event": {
            "id": finding.event_id,
            "call": finding.event_name,
            "time": times.iso(at) if at is not None else None,
        },
        "before": finding.before,
        "after": finding.after,
        "fix": [_call(one) for one in finding.fix],
        "undo": [_call(one) for one in finding.undo],
        "history": [
            {"status": step.status, "at": times.iso(step.at), "by": step.by, "note": step.note}
            for step in finding.history
        ],
        "look_again": times.iso(finding.due) if finding.due is not None else None,
    }


def rounded(seconds: float | None) -> float | None:
    """Return seconds with the digits that mean something."""
    return None if seconds is None else round(seconds, 1)


def who(finding: Finding) -> str:
    """Return who brought a finding about, in a word."""
    return finding.actor.who if finding.actor else "found standing"


def readable(call: Call) -> str:
    """Return a call as one reads it: `ec2.stop_instances(InstanceIds=['i-1'])`."""
    params = ", ".join(f"{name}={value!r}" for name, value in call.params.items())
    return f"{call.service}.{call.operation}({params})"


def _call(call: Call) -> Mapping[str, Any]:
    return {"service": call.service, "operation": call.operation, "params": dict(call.params)}
