"""`status`: is fixing paused, what stands, and what waits for people?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from chalicelib import times
from chalicelib.api import shape
from chalicelib.model import DAY, STANDING, STATUSES, Status
from chalicelib.services.model import Service
from cli import output
from cli.deployment import Outside
from cli.pause import described

DAYS = 30


@click.command
@output.json_option
@click.pass_obj
def status(outside: Outside, as_json: bool) -> None:
    """Is fixing paused, and by whom? What stands, what waits for an answer, and which exemptions end soon?"""
    now, settings, where = outside.now(), outside.settings(), outside.deployment
    journal = where.journal
    switches = [switch for switch in journal.pauses() if switch.on(now)]
    # What stands counts however old it is; what is over only lately, for its number grows for ever.
    found = {name: journal.by_status(name, 0.0 if name in STANDING else now - DAYS * DAY) for name in STATUSES}
    standing = {name: len(found[name]) for name in STATUSES if name in STANDING}
    lately = {name: len(found[name]) for name in STATUSES if name not in STANDING}
    soon = now + settings.exempting.tell_before
    ending = sorted((one for one in journal.waivers() if now < one.until <= soon), key=lambda one: one.until)
    if as_json:
        output.emit({
            "table": where.table, "region": where.region, "paused": [shape.pause(switch) for switch in switches],
            "standing": standing, "lately": lately, "lately_days": DAYS,
            "questions": [one.id for one in found["asked"]],
            "ending": [shape.waiver(one) for one in ending],
            "four_eyes": settings.control.four_eyes,
            "services": [one.name for one in settings.services],
        })  # fmt: skip
        return
    for switch in switches:
        output.say(described(switch, now))
    if not switches:
        output.say("Not paused: what the settings say to fix is fixed.")
    output.say(f"Standing: {_counted(standing)}.")
    if asked := found["asked"]:
        oldest = times.ago(min(one.opened for one in asked), now)
        output.say(f"Waiting for an answer: {len(asked)}, the oldest found {oldest} (./parapet journal --status asked)")
    output.say(f"Last {DAYS} days: {_counted(lately)}.")
    for one in ending:
        output.say(f"Ends soon: the exemption of {one.scope}, {times.ahead(one.until, now)}, by {one.who}: {one.why}.")
    output.say(f"Four eyes: {'on' if settings.control.four_eyes else 'off'}.")
    output.say(f"Services: {_watched(settings.services)}.")
    output.say(f"Journal: {where.table} in {where.region}.")


def _watched(services: Sequence[Service]) -> str:
    if not services:
        return "none yet (./parapet discover proposes some)"
    promised = sum(len(one.objectives) for one in services)
    return f"{', '.join(one.name for one in services)}; {promised} objective{'' if promised == 1 else 's'}"


def _counted(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"
