"""Silences: of which alerts nobody is told that they fire, by whom and until when; begun and ended."""

from __future__ import annotations

from chalicelib import commands, matcher, times
from chalicelib.alerts import asking
from chalicelib.api import params, schemas, shape
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.commanding import command, once
from chalicelib.api.declared import TEXT, Param, many, record
from chalicelib.api.route import Answer, book, chosen, journal, route
from chalicelib.model import ParapetError


@route("GET", "/silences", answers=schemas.listed("silences", schemas.SILENCE))
def listed(asked: Asked) -> Answer:
    """List the silences in force, soonest end first."""
    on = sorted((one for one in book().silences() if one.until > asked.at), key=lambda one: one.until)
    return Answer({"silences": [shape.silence(one) for one in on]})


@route(
    "POST", "/silences", params.WHY_NEEDED, params.FOR, params.UNTIL,
    *(Param(name, "what is silenced: with commas several, * for anything") for name in matcher.FIELDS),
    answers=record(silence=schemas.SILENCE, covers=many(TEXT)), status=201,
)  # fmt: skip
def silence(asked: Asked) -> Answer:
    """Tell nobody, from now on until a time, that what fits fires; that it is over is told all the same."""
    end = asked.end(times.until)
    if end is None:
        raise Declined(400, "for is missing (4h), or until (2026-12-31)")
    given = {name: asked.given[name] for name in matcher.FIELDS if name in asked.given}
    for name, value in given.items():
        if any(letter.isspace() for letter in value):
            raise Declined(400, f"{name}: {value!r} has a blank: put * in its place, and a comma between several")
    try:
        about = matcher.parse(" ".join(f"{name}={value}" for name, value in given.items()))
    except ParapetError as error:
        raise Declined(400, str(error)) from error
    wanted = command(asked, "silence", chosen(), until=end, matcher=about)
    where = book()
    with once(asked):
        begun = commands.silence(journal(), where, wanted, about)
    covers = [one.id for one in where.groups() if about.fits(one, one.tags, one.id)]
    return Answer({"silence": shape.silence(begun), "covers": covers}, 201, {"command": wanted.id})


@route("DELETE", "/silences/{silence}", params.WHY, answers=record(ended=schemas.SILENCE))
def end(asked: Asked) -> Answer:
    """End a silence: what fires still is told within minutes."""
    where = book()
    try:
        meant = asking.meant(where.silences(), asked.item, asked.at)
    except ParapetError as error:
        raise Declined(404, f"there is no silence {asked.item!r}: GET /v1/silences lists them") from error
    ended = commands.end_silence(where, chosen(), asked.asker, asked.given.get("why", ""), asked.at, meant.id)
    return Answer({"ended": shape.silence(ended)}, about={"silence": ended.id})
