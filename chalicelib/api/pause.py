"""The pause switches: whether anything is fixed, and where not."""

from __future__ import annotations

from typing import Any

from chalicelib import commands, times
from chalicelib.api import params, schemas, shape
from chalicelib.api.asked import Asked
from chalicelib.api.commanding import command, once
from chalicelib.api.declared import TEXT, many, maybe, record
from chalicelib.api.route import Answer, journal, ours, route
from chalicelib.model import EVERYTHING, Pause
from chalicelib.scope import PAUSED_BY
from chalicelib.settings import ANYHOW


@route("GET", "/pause", answers=record(**schemas.PAUSES))
def shown(asked: Asked) -> Answer:
    """Show by whom and why fixing is paused, and of what: `paused` is the pause of everything, null without one."""
    return Answer(standing(journal().pauses(), asked.at))


@route(
    "POST", "/pause", params.WHY_NEEDED, params.FOR, params.UNTIL, *params.scope(*PAUSED_BY),
    answers=record(paused=schemas.PAUSE),
)  # fmt: skip
def pause(asked: Asked) -> Answer:
    """Stop fixing at once, everything or what a scope covers, for a while or until it is lifted; telling goes on."""
    wanted = command(asked, "pause", ANYHOW, until=asked.end(times.until) or 0.0, scope=asked.scope(PAUSED_BY))
    with once(asked):
        switch = commands.pause(journal(), wanted)
    return Answer({"paused": shape.pause(switch)}, about={"command": wanted.id})


@route(
    "DELETE", "/pause", params.WHY, *params.scope(*PAUSED_BY),
    answers=record(was_paused=maybe(schemas.PAUSE), still_paused=many(schemas.PAUSE), looks_again=many(TEXT)),
)  # fmt: skip
def resume(asked: Asked) -> Answer:
    """Let Parapet fix again what exactly this scope covers, and have what was held meanwhile looked at again."""
    where, scope = journal(), asked.scope(PAUSED_BY)
    before = {one.scope: one for one in where.pauses()}
    wanted = command(asked, "resume", ANYHOW, scope=scope)
    held = commands.resume(where, ours(), wanted)
    was = before.pop(scope, None)
    return Answer(
        {
            "was_paused": shape.pause(was) if was else None,
            "still_paused": [shape.pause(one) for one in before.values() if one.on(asked.at)],
            "looks_again": [finding.id for finding in held],
        },
        about={"command": wanted.id},
    )


def standing(switches: tuple[Pause, ...], now: float) -> dict[str, Any]:
    """Return the pauses whose time is not over: that of everything, and all of them, the widest first."""
    on = [one for one in switches if one.on(now)]
    everything = next((one for one in on if one.scope == EVERYTHING), None)
    return {"paused": shape.pause(everything) if everything else None, "pauses": [shape.pause(one) for one in on]}
