"""Findings: listed, shown, and what one can ask about one: to take its fix back, or to permit it."""

from __future__ import annotations

import os
import re
from typing import cast

from chalicelib import commands, pages, registry, settings, times
from chalicelib.api import shape
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.route import Answer, journal, ours, route, table
from chalicelib.journal import place
from chalicelib.model import STATUSES, CommandKind, Finding, Status

# A finding's own clock may be ahead of API Gateway's.
SKEW = 3600.0
MOST = 200


@route("GET", "/findings", "status", "resource", "guardrail", "since", "limit", "after")
def listed(asked: Asked) -> Answer:
    """List findings, newest first; of the last day unless status, resource or since say otherwise."""
    status = cast("Status | None", asked.one_of("status", STATUSES))
    resource = asked.given.get("resource")
    since = 0.0 if status or resource else asked.at - times.DAY
    if "since" in asked.given:
        since = asked.time("since", times.since)
    guardrail = asked.one_of("guardrail", registry.names())
    limit = asked.count("limit", 50, MOST)
    wanted = pages.Wanted(since, asked.at + SKEW, status, resource, guardrail)
    page = pages.read(ours(), table(), wanted, limit, _mark(asked))
    return Answer(
        {
            "findings": [shape.summary(one, asked.at) for one in page.findings],
            "after": str(page.after) if page.after else None,
        }
    )


def _mark(asked: Asked) -> pages.Mark | None:
    text = asked.given.get("after")
    if text is None:
        return None
    mark = pages.mark(text)
    if mark is None:
        raise Declined(400, f"after: {text!r} is not what an answer of this route had there")
    return mark


@route("GET", "/findings/{finding}")
def shown(asked: Asked) -> Answer:
    """Show everything about one finding."""
    finding = _finding(asked)
    permission = journal().head(place(finding.violation)).exemption(finding.violation.part, asked.at)
    return Answer(shape.details(finding, permission, asked.at))


@route("POST", "/findings/{finding}/undo", "why", "for")
def undo(asked: Asked) -> Answer:
    """Ask for a fix to be taken back, for a while; the function that owns the service does it."""
    if "for" in asked.given:
        until = asked.time("for", times.after)
    else:
        until = asked.at + settings.load(os.environ, registry.names(), ()).exempt_for
    return _ask(asked, "undo", asked.given.get("why", ""), until)


@route("POST", "/findings/{finding}/exempt", "why", "for")
def exempt(asked: Asked) -> Answer:
    """Ask for what a finding is about to be permitted, for a while."""
    return _ask(asked, "exempt", asked.text("why"), asked.time("for", times.after))


def _ask(asked: Asked, kind: CommandKind, why: str, until: float) -> Answer:
    finding, where = _finding(asked), journal()
    # Decided anew by the function that does it; but nobody should wait for what is a plain no already.
    commands.admitted(kind, finding, where.head(place(finding.violation)))
    command = commands.ask(where, ours(), kind, finding, asked.who, why, asked.at, until)
    return Answer(shape.command(command), 202, {"command": command.id, "finding": finding.id})


def _finding(asked: Asked) -> Finding:
    found = journal().get(asked.item) if re.fullmatch("[0-9a-v]{8}", asked.item) else None
    if found is None:
        raise Declined(404, f"there is no finding {asked.item!r}: GET /v1/findings lists them")
    return found
