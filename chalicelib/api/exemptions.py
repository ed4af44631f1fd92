"""Exemptions: what may stay as it is, by whom and until when; and those of a scope, given and ended."""

from __future__ import annotations

from dataclasses import fields

from chalicelib import commands, permitted, times
from chalicelib.api import params, schemas, shape
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.commanding import command, once
from chalicelib.api.declared import Param, record
from chalicelib.api.route import Answer, chosen, journal, ours, route
from chalicelib.model import Scope
from chalicelib.settings import ANYHOW

SCOPE = tuple(one.name for one in fields(Scope))


@route(
    "GET", "/exemptions", Param("ending", "only what ends within so long", example="7d"),
    answers=schemas.listed("exemptions", schemas.PERMISSION),
)  # fmt: skip
def listed(asked: Asked) -> Answer:
    """List what is permitted, soonest end first: of a scope (`waiver`), or what one finding is about."""
    before = asked.time("ending", times.after, float("inf"))
    found = permitted.permissions(journal(), asked.at)
    return Answer({"exemptions": [shape.permission(one) for one in found if one.until <= before]})


@route(
    "POST", "/exemptions", params.WHY_NEEDED, params.FOR, params.UNTIL, *params.scope(),
    answers=record(exemption=schemas.WAIVER), status=201,
)  # fmt: skip
def waive(asked: Asked) -> Answer:
    """Exempt at once all that a scope covers, until a time."""
    end = asked.end(times.until)
    if end is None:
        raise Declined(400, "for is missing (30d), or until (2026-12-31)")
    wanted = command(asked, "exempt", chosen(), until=end, scope=asked.scope(SCOPE))
    with once(asked):
        given = commands.waive(journal(), wanted)
    return Answer({"exemption": shape.waiver(given)}, 201, {"command": wanted.id})


@route("DELETE", "/exemptions/{waiver}", params.WHY, answers=record(ended=schemas.WAIVER))
def end(asked: Asked) -> Answer:
    """End an exemption of a scope, and have what it let stand looked at again."""
    where = journal()
    if not any(one.id == asked.item for one in where.waivers()):
        raise Declined(
            404,
            f"there is no waiver {asked.item!r}: GET /v1/exemptions lists them; "
            "what a finding permits, POST /v1/findings/{id}/approve ends",
        )
    wanted = command(asked, "resume", ANYHOW)
    ended = commands.end_waiver(where, ours(), wanted, asked.item)
    return Answer({"ended": shape.waiver(ended)}, about={"command": wanted.id})
