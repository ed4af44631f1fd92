"""`status`: is fixing paused, and what stands?"""

from __future__ import annotations

from collections.abc import Mapping

import click

from chalicelib import times
from chalicelib.api import shape
from chalicelib.model import STANDING, STATUSES, Status
from cli import output
from cli.deployment import Outside

DAYS = 30


@click.command
@output.json_option
@click.pass_obj
def status(outside: Outside, as_json: bool) -> None:
    """Is fixing paused, and by whom? How many findings stand, and how many came to which end lately?"""
    now = outside.now()
    journal = outside.deployment.journal
    switch = journal.pause()
    if switch and switch.until is not None and switch.until <= now:
        switch = None
    # What stands counts however old it is; what is over only lately, for its number grows for ever.
    counts = {
        name: len(journal.by_status(name, 0.0 if name in STANDING else now - DAYS * times.DAY)) for name in STATUSES
    }
    standing = {name: counts[name] for name in STATUSES if name in STANDING}
    lately = {name: counts[name] for name in STATUSES if name not in STANDING}
    where = outside.deployment
    if as_json:
        output.emit({
            "table": where.table, "region": where.region, "paused": shape.pause(switch) if switch else None,
            "standing": standing, "lately": lately, "lately_days": DAYS,
        })  # fmt: skip
        return
    if switch:
        end = f"until {times.ahead(switch.until, now)}" if switch.until is not None else "until `./parapet resume`"
        since = f" since {times.absolute(switch.at)}" if switch.at else ""
        output.say(f"PAUSED by {switch.who}{since}, {end}: {switch.why}. Nothing is fixed, telling goes on.")
    else:
        output.say("Not paused: what the settings say to fix is fixed.")
    output.say(f"Standing: {_counted(standing)}.")
    output.say(f"Last {DAYS} days: {_counted(lately)}.")
    output.say(f"Journal: {where.table} in {where.region}.")


def _counted(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"
