"""`redrive`: what nobody could deliver or do, and putting it back once the cause is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
    back. What a channel has told already it tells no second time, and old test pages are dropped.
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
    dropped: Counter[str] = Counter()
    if full and (yes or _agreed(outside, sum(one.count for one in full), as_json)):
        for one in full:

            def told(letter: dead_letters.Letter, name: str = one.name) -> None:
                dropped[name] += letter.test
                if not as_json:
                    output.say(f"{'dropped' if letter.test else 'put back'}: {letter.what}")

            moved[one.name] = dead_letters.put_back(aws, one, told, now)
    if as_json:
        output.emit({"queues": [_document(one, looked[one.name], moved, dropped) for one in full]})
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


def _document(one: Any, found: list[Any], moved: Mapping[str, int], dropped: Mapping[str, int]) -> dict[str, Any]:
    seen = [{"at": times.iso(letter.at), "what": letter.what, "why": letter.why} for letter in found]
    counts = {"put_back": moved.get(one.name, 0), "dropped": dropped.get(one.name, 0)}
    return {"queue": one.name, "count": one.count, "messages": seen, **counts}
