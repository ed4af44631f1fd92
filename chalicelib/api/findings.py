"""Findings: listed, shown, and what one can ask about one: to take its fix back, or to permit it."""

from __future__ import annotations

import re
from typing import cast

from chalicelib import admission, commands, pages, registry, times
from chalicelib.api import params, schemas, shape
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.commanding import command, once
from chalicelib.api.declared import Param
from chalicelib.api.params import BREAK_GLASS, FOR, QUESTION, UNTIL, WHY, WHY_NEEDED
from chalicelib.api.route import Answer, chosen, journal, ours, route, table
from chalicelib.journal import place
from chalicelib.model import DAY, STATUSES, Command, CommandKind, Finding, Status
from chalicelib.settings import Settings

MOST = 200


@route(
    "GET", "/findings", Param("status", "what has become of it", STATUSES), Param("resource", "its id"),
    Param("guardrail", "a guardrail's name"), params.SINCE, params.LIMIT, params.AFTER,
    answers=schemas.paged("findings", schemas.SUMMARY),
)  # fmt: skip
def listed(asked: Asked) -> Answer:
    """List findings, newest first; of the last day unless status, resource or since say otherwise."""
    status = cast("Status | None", asked.one_of("status", STATUSES))
    resource = asked.given.get("resource")
    since = asked.time("since", times.since, 0.0 if status or resource else asked.at - DAY)
    guardrail = asked.one_of("guardrail", registry.names())
    limit = asked.count("limit", 50, MOST)
    wanted = pages.Wanted(since, asked.at + pages.SKEW, status, resource, guardrail)
    page = pages.read(ours(), table(), wanted, limit, mark(asked))
    return Answer(
        {
            "findings": [shape.summary(one, asked.at) for one in page.findings],
            "after": str(page.after) if page.after else None,
        }
    )


def mark(asked: Asked) -> pages.Mark | None:
    """Return from where on a page of findings is wanted, None for the first; raises Declined."""
    text = asked.given.get("after")
    if text is None:
        return None
    found = pages.mark(text)
    if found is None:
        raise Declined(400, f"after: {text!r} is not what an answer of this route had there")
    return found


@route("GET", "/findings/{finding}", answers=schemas.DETAILS)
def shown(asked: Asked) -> Answer:
    """Show everything about one finding."""
    finding = _finding(asked)
    permission = journal().head(place(finding.violation)).exemption(finding.violation.part, asked.at, finding.event_id)
    return Answer(shape.details(finding, permission, asked.at))


@route("POST", "/findings/{finding}/undo", WHY, FOR, UNTIL, BREAK_GLASS, answers=schemas.COMMAND, status=202)
def undo(asked: Asked) -> Answer:
    """Ask for a fix to be taken back, for a while; the function that owns the service does it."""
    return _ask(asked, "undo", asked.end(times.until) or asked.at + chosen().exempt_for)


@route("POST", "/findings/{finding}/exempt", WHY_NEEDED, FOR, UNTIL, BREAK_GLASS, answers=schemas.COMMAND, status=202)
def exempt(asked: Asked) -> Answer:
    """Ask for what a finding is about to be permitted, for a while."""
    end = asked.end(times.until)
    if end is None:
        raise Declined(400, "for is missing (30d), or until (2026-12-31)")
    return _ask(asked, "exempt", end)


@route("POST", "/findings/{finding}/approve", WHY, QUESTION, BREAK_GLASS, answers=schemas.COMMAND, status=202)
def approve(asked: Asked) -> Answer:
    """Ask for the fix to be made that Parapet asks about, that is held, or that a permission keeps from being made."""
    return _ask(asked, "approve")


@route("POST", "/findings/{finding}/reject", WHY_NEEDED, QUESTION, answers=schemas.COMMAND, status=202)
def reject(asked: Asked) -> Answer:
    """Ask for a fix that Parapet asks about not to be made, and not to be asked about again."""
    return _ask(asked, "reject")


@route("POST", "/findings/{finding}/acknowledge", WHY, answers=schemas.COMMAND, status=202)
def acknowledge(asked: Asked) -> Answer:
    """Say that somebody has seen a finding and takes care of it."""
    return _ask(asked, "acknowledge")


def _ask(asked: Asked, kind: CommandKind, until: float = 0.0) -> Answer:
    insists = asked.flag("break_glass")
    finding, where, settings = _finding(asked), journal(), chosen()
    # What is decided is what was asked by now, not what will be asked meanwhile.
    question = finding.question if kind in ("approve", "reject") else None
    if "question" in asked.given:
        question = asked.count("question", 1, MOST)
    wanted = command(asked, kind, settings, finding=finding, until=until, question=question, break_glass=insists)
    with once(asked):
        if not (asked.number and where.command(asked.number)):
            # Decided anew by the function that does it; but nobody should wait for what is a plain no already.
            _admit(wanted, finding, settings)
        done = commands.ask(where, ours(), wanted)
    return Answer(shape.command(done), 202, {"command": done.id, "finding": finding.id})


def _admit(wanted: Command, finding: Finding, settings: Settings) -> None:
    try:
        admission.admitted(wanted, finding, journal().head(place(finding.violation)), settings, wanted.at)
    except admission.OwnChange as error:
        insist = '"break_glass": "true" and a "why" insist on it, which is recorded and told loudly'
        raise Declined(409, f"{error}; {insist}") from error


def _finding(asked: Asked) -> Finding:
    found = journal().get(asked.item) if re.fullmatch("[0-9a-v]{8}", asked.item) else None
    if found is None:
        raise Declined(404, f"there is no finding {asked.item!r}: GET /v1/findings lists them")
    return found
