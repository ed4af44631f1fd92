"""`pause` and `resume`: the switches that stop fixing, all of it or a part."""

from __future__ import annotations

import click

from chalicelib import times
from chalicelib.api import shape
from chalicelib.model import EVERYTHING, ParapetError, Pause
from chalicelib.scope import PAUSED_BY
from chalicelib.settings import ANYHOW
from cli import asking, output, scopes
from cli.deployment import Outside


@click.command
@click.argument("duration", metavar="[30m]", required=False)
@click.option("--why", required=True, metavar="TEXT", help="The reason, for everybody who wonders.")
@scopes.options(*PAUSED_BY)
@output.json_option
@click.pass_obj
def pause(outside: Outside, /, duration: str | None, why: str, as_json: bool, **narrowed: str | None) -> None:
    """Stop fixing at once, everything or what the options say; telling goes on.

    For a while, or (without a duration) until `./parapet resume` with the same options.
    """
    from chalicelib import commands  # botocore comes with it, which `pause --help` does not need

    now, scope = outside.now(), scopes.given(narrowed)
    until = times.after(duration, "pause", now) if duration else 0.0
    command = commands.new(
        "pause", asking.asker(outside), now, ANYHOW, why=asking.reason(why), until=until, scope=scope
    )
    switch = commands.pause(outside.deployment.journal, command)
    if as_json:
        output.emit({"paused": shape.pause(switch)})
        return
    end = f"until {times.ahead(switch.until, now)}, or" if switch.until is not None else "until"
    output.say(
        f"Paused {end} `{_resume(switch)}`: {_stopped(switch)} from now on. "
        "Findings are still recorded and told, as held."
    )
    output.say("What one asks for (undo, approve, exempt) is still done.")


@click.command
@scopes.options(*PAUSED_BY)
@output.json_option
@click.pass_obj
def resume(outside: Outside, /, as_json: bool, **narrowed: str | None) -> None:
    """Lift the pause of exactly these options, and take up what it held meanwhile."""
    from chalicelib import commands

    now, scope, where = outside.now(), scopes.given(narrowed), outside.deployment
    was = next((switch for switch in where.journal.pauses() if switch.on(now) and switch.scope == scope), None)
    # Also when nothing was paused: an earlier resume may have got no further than the switch.
    command = commands.new("resume", asking.asker(outside), now, ANYHOW, scope=scope)
    held = [finding.id for finding in commands.resume(where.journal, where.aws, command)]
    still = [switch for switch in where.journal.pauses() if switch.on(now)]
    if was is None and still:
        named = "; ".join(f"{scopes.covered(one.scope)}, by {one.who} (`{_resume(one)}`)" for one in still)
        raise ParapetError(f"there is no pause of {scopes.covered(scope)} to lift. Paused: {named}")
    if as_json:
        lifted, left = shape.pause(was) if was else None, [shape.pause(one) for one in still]
        output.emit({"was_paused": lifted, "still_paused": left, "looks_again": held})
        return
    again = "again" if scope == EVERYTHING else f"{scope} again"
    before = f"{was.who} had paused it: {was.why}" if was else "it was not paused"
    taken = f"Held meanwhile and looked at again now: {', '.join(held)}." if held else "Nothing was held meanwhile."
    output.say(f"Parapet fixes {again} ({before}). {taken}")
    for switch in still:
        output.say(f"Still {described(switch, now)}")


def described(switch: Pause, now: float) -> str:
    """Return a pause in two sentences: who, since when, until when, why, and what it stops."""
    what = "PAUSED" if switch.scope == EVERYTHING else f"PAUSED for {switch.scope}"
    since = f" since {times.absolute(switch.at)}" if switch.at else ""
    end = f"`{_resume(switch)}`" if switch.until is None else times.ahead(switch.until, now)
    stopped = _stopped(switch)
    return (
        f"{what} by {switch.who}{since}, until {end}: {switch.why}. {stopped[0].upper()}{stopped[1:]}, telling goes on."
    )


def _resume(switch: Pause) -> str:
    return f"./parapet resume{scopes.typed(switch.scope)}"


def _stopped(switch: Pause) -> str:
    return "nothing is fixed" if switch.scope == EVERYTHING else f"nothing of {switch.scope} is fixed"
