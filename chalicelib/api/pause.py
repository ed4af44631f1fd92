"""The pause switch: whether anything is fixed."""

from __future__ import annotations

from chalicelib import commands, times
from chalicelib.api import shape
from chalicelib.api.asked import Asked
from chalicelib.api.route import Answer, journal, ours, route
from chalicelib.model import Pause


@route("GET", "/pause")
def shown(asked: Asked) -> Answer:
    """Show by whom and why fixing is paused; null when it is not."""
    switch = standing(journal().pause(), asked.at)
    return Answer({"paused": shape.pause(switch) if switch else None})


@route("POST", "/pause", "why", "for")
def pause(asked: Asked) -> Answer:
    """Stop fixing at once, for a while or until it is lifted; telling goes on."""
    until = asked.time("for", times.after) if "for" in asked.given else None
    switch = Pause(asked.who, asked.text("why"), asked.at, until)
    journal().set_pause(switch)
    return Answer({"paused": shape.pause(switch)})


@route("DELETE", "/pause")
def resume(_asked: Asked) -> Answer:
    """Let Parapet fix again, and have what was held meanwhile looked at again."""
    where = journal()
    was = where.pause()
    held = commands.resume(where, ours())
    return Answer({"was_paused": shape.pause(was) if was else None, "looks_again": [finding.id for finding in held]})


def standing(switch: Pause | None, now: float) -> Pause | None:
    """Return the pause switch if its time is not over."""
    return None if switch and switch.until is not None and switch.until <= now else switch
