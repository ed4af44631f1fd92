"""`redrive`: what nobody could deliver or do, and putting it back once the cause is mended."""

from __future__ import annotations

from typing import Any

import click

from chalicelib import times
from chalicelib.model import ParapetError
from chalicelib.section import meant
from chalicelib.settings import environment
from cli import output
from cli.deployment import Outside


@click.command
@click.argument("queue", required=False, default="")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.json_option
@click.pass_obj
def redrive(outside: Outside, queue: str, yes: bool, as_json: bool) -> None:
    """Show what lies in the dead-letter queues, and put it back where it came from.

    QUEUE is one of them, such as slack-dead-letters; without it, all. Mend the cause first: what cannot be done comes
    back. What a channel has told already it tells no second time.
    """
    from cli import dead_letters  # the readers of every kind of message come with it

    aws, now = outside.deployment.aws, outside.now()
    stage = environment(outside.environment).stage
    every = dead_letters.queues(aws, stage)
    if not every:
        raise ParapetError(f"there are no dead-letter queues of the stage {stage} in {outside.deployment.region}")
    if queue and queue not in (names := [one.name for one in every]):
        raise ParapetError(f"{queue} is none of our dead-letter queues{meant(queue, names)}")
    full = [one for one in every if one.count and queue in ("", one.name)]
    looked = {one.name: dead_letters.look(aws, one, now) for one in full}
    if not as_json:
        _show(looked, full, now)
    moved: dict[str, int] = {}
    if full and (yes or _agreed(outside, sum(one.count for one in full), as_json)):
        for one in full:
            moved[one.name] = dead_letters.put_back(aws, one, lambda letter: _told(letter, as_json), now)
    if as_json:
        output.emit({"queues": [_document(one, looked[one.name], moved.get(one.name, 0)) for one in full]})
    elif full and not moved:
        output.say("Nothing was put back.")


def _show(looked: dict[str, Any], full: list[Any], now: float) -> None:
    from cli import dead_letters

    if not full:
        output.say("Nothing lies in the dead letters.")
        return
    rows = []
    for one in full:
        found = looked[one.name]
        since = times.ago(min(letter.at for letter in found), now) if found else ""
        rows.append((one.name, str(one.count), since, output.lines(dead_letters.shown(one, found))))
    output.table(("queue", "messages", "oldest", "what, and why"), rows, whole=("queue", "messages", "oldest"))


def _agreed(outside: Outside, count: int, as_json: bool) -> bool:
    if as_json or not outside.terminal():
        return False
    return click.confirm(f"Put {count} back now? Is the cause mended?", err=True)


def _told(letter: Any, as_json: bool) -> None:
    if not as_json:
        output.say(f"put back: {letter.what}")


def _document(one: Any, found: list[Any], moved: int) -> dict[str, Any]:
    seen = [{"at": times.iso(letter.at), "what": letter.what, "why": letter.why} for letter in found]
    return {"queue": one.name, "count": one.count, "messages": seen, "put_back": moved}
