"""`pause` and `resume`: the switch that stops all fixing."""

from __future__ import annotations

import click

from chalicelib import times
from chalicelib.api import shape
from chalicelib.model import ParapetError, Pause
from cli import output
from cli.deployment import Outside


@click.command
@click.argument("duration", metavar="[30m]", required=False)
@click.option("--why", required=True, metavar="TEXT", help="The reason, for everybody who wonders.")
@output.json_option
@click.pass_obj
def pause(outside: Outside, duration: str | None, why: str, as_json: bool) -> None:
    """Stop fixing at once, for a while or (without a duration) until `./parapet resume`; telling goes on."""
    now = outside.now()
    if not why.strip():
        raise ParapetError("--why is empty: say why, others will want to know")
    until = times.after(duration, "pause", now) if duration else None
    switch = Pause(outside.deployment.caller.who, why, now, until)
    outside.deployment.journal.set_pause(switch)
    if as_json:
        output.emit({"paused": shape.pause(switch)})
        return
    end = f"until {times.ahead(until, now)}, or `./parapet resume`" if until else "until `./parapet resume`"
    output.say(f"Paused {end}: nothing is fixed from now on. Findings are still recorded and told, as held.")
    output.say("What one asks for (undo, exempt) is still done.")


@click.command
@output.json_option
@click.pass_obj
def resume(outside: Outside, as_json: bool) -> None:
    """Let Parapet fix again, and take up what was held meanwhile."""
    from chalicelib import commands  # botocore comes with it, which `pause --help` does not need

    where = outside.deployment
    was = where.journal.pause()
    # Also when nothing was paused: an earlier resume may have got no further than the switch.
    held = [finding.id for finding in commands.resume(where.journal, where.aws)]
    if as_json:
        output.emit({"was_paused": shape.pause(was) if was else None, "looks_again": held})
        return
    before = f"{was.who} had paused it: {was.why}" if was else "it was not paused"
    taken = f"Held meanwhile and looked at again now: {', '.join(held)}." if held else "Nothing was held meanwhile."
    output.say(f"Parapet fixes again ({before}). {taken}")
