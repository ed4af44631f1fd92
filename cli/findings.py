"""Findings as the command line names and prints them."""

from __future__ import annotations

import re

from chalicelib import times
from chalicelib.journal import Journal
from chalicelib.model import DAY, Call, Finding, ParapetError
from chalicelib.pages import SKEW

DAYS = 90
LENGTH = 8
ALERT = re.compile(r"a-[0-9a-v]{1,8}")
_ID = re.compile(r"[0-9a-v]{3,8}")


class Unknown(ParapetError):
    """An id that names no finding, or more than one."""


def resolve(journal: Journal, given: str, now: float) -> Finding:
    """Return the finding that an id, or the beginning of one, names; raises Unknown, AwsError."""
    text = given.lower()
    if ALERT.fullmatch(text):
        raise Unknown(f"{given!r} is an alert's id, not a finding's: `./parapet alert {text}` shows what can be done")
    if len(text) < 3:
        raise Unknown(f"{given!r} is too short: give at least 3 characters of the finding's id")
    if not _ID.fullmatch(text):
        raise Unknown(f"no finding starts with {given!r}; ./parapet journal lists them")
    exact = journal.get(text) if len(text) == LENGTH else None
    if exact:
        return exact
    recent = journal.by_time(now - DAYS * DAY, now + SKEW) if len(text) < LENGTH else []
    found = [finding for finding in recent if finding.id.startswith(text)]
    if not found:
        raise Unknown(f"no finding starts with {given!r} in the last {DAYS} days; ./parapet journal lists them")
    if len(found) > 1:
        shown = ", ".join(f"{one.id} ({one.why}, {times.ago(one.opened, now)})" for one in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise Unknown(f"{given!r} could be {shown}{more}: type more of it")
    return found[0]


def who(finding: Finding) -> str:
    """Return who brought a finding about, in a word."""
    return finding.actor.who if finding.actor else "found standing"


def readable(call: Call) -> str:
    """Return a call as one reads it: `ec2.stop_instances(InstanceIds=['i-1'])`."""
    params = ", ".join(f"{name}={value!r}" for name, value in call.params.items())
    return f"{call.service}.{call.operation}({params})"
