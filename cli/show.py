"""`show`: everything about one finding, and what can be done about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from chalicelib import scope, times
from chalicelib.api import shape
from chalicelib.decision import EVERY_PART, PERMITTED, Head
from chalicelib.journal import place
from chalicelib.model import STANDING, Exemption, Finding, Pause
from cli import findings, output, scopes
from cli.deployment import Outside
from cli.journal import took

if TYPE_CHECKING:
    from rich.text import Text


@click.command
@click.argument("finding_id", metavar="ID")
@output.json_option
@click.pass_obj
def show(outside: Outside, finding_id: str, as_json: bool) -> None:
    """Everything about one finding: why, who, the state before, the calls, the history, what one can do next.

    ID is a finding's id, or the first three characters or more of one of the last 90 days.
    """
    now = outside.now()
    journal = outside.deployment.journal
    finding = findings.resolve(journal, finding_id, now)
    head = journal.head(place(finding.violation))
    permission = head.exemption(finding.violation.part, now, finding.event_id)
    steps = following(finding, head, journal.pauses() if finding.status == "held" else (), now)
    if as_json:
        commands = [command for command, _ in steps]
        output.emit({**shape.details(finding, permission, now), "next": commands})
        return
    output.facts(_facts(finding, permission, now))
    output.say()
    output.table(
        ("when", "status", "by", "note"),
        [(times.absolute(step.at), output.styled(step.status), step.by, step.note) for step in finding.history],
        whole=("when", "status"),
    )
    for command, what in steps:
        output.say()
        output.say(f"{what}:")
        output.say(f"  {command}")


def following(finding: Finding, head: Head, pauses: Iterable[Pause], now: float) -> list[tuple[str, str]]:
    """Return what one can do next: the command, and what it does."""
    entry, status = head.entries.get(finding.violation.part), finding.status
    if entry and entry.finding != finding.id:
        return [(f"./parapet show {entry.finding}", "There is a newer finding of the same violation")]
    if status == "fixed" and finding.undo:
        return [(f"./parapet undo {finding.id} --for 30m", "To take the fix back for a while")]
    found = []
    if pause := scope.paused(pauses, finding.violation, now):
        found.append((f"./parapet resume{scopes.typed(pause.scope)}", "To let Parapet fix again"))
    if waiver := finding.waiver:
        return [(f"./parapet exempt --end {waiver} --why …", "To end the exemption that covers it")]
    standing = status in STANDING and status != "fixing"
    if finding.fix and (standing or status in PERMITTED) and status != "observed":
        found.append((f"./parapet approve {finding.id}", "To have it fixed now"))
    if status == "asked":
        found.append((f"./parapet reject {finding.id} --why …", "To leave it, and not be asked again"))
    if standing or status in PERMITTED:
        longer = " for longer" if status in PERMITTED else ""
        found.append((f"./parapet exempt {finding.id} --until 30d --why …", f"To permit it{longer}"))
    if (standing or status == "noted") and not finding.acknowledged:
        found.append((f"./parapet acknowledge {finding.id}", "To say that you have seen it"))
    return found


def _status(finding: Finding) -> Text:
    status = output.styled(finding.status)
    again = finding.status == "asked" and finding.question > 1
    return status.append(f" ({finding.question} times)", "dim") if again else status


def _facts(finding: Finding, permission: Exemption | None, now: float) -> list[tuple[str, Any]]:
    violation, actor = finding.violation, finding.actor
    pairs: list[tuple[str, Any]] = [
        ("Finding", f"{finding.id}, {finding.severity}"),
        ("Status", _status(finding)),
        ("Why", finding.why),
        ("Guardrail", violation.guardrail),
        ("Resource", f"{violation.resource} in {violation.account}, {violation.region}"),
        ("Part", violation.part),
        ("Found", f"{times.absolute(finding.opened)} ({times.ago(finding.opened, now)}), by {finding.origin}"),
        ("Who", f"{actor.who} ({actor.kind})" if actor else "not known: found standing"),
    ]
    if actor:
        pairs += [("ARN", actor.arn), ("From", actor.ip), ("With", actor.tool)]
    if finding.event_id:
        at = f" at {times.absolute(finding.event_time)}" if finding.event_time is not None else ""
        pairs.append(("Event", f"{finding.event_name}{at}, {finding.event_id}"))
    if took(finding):
        pairs.append(("Fixed after", took(finding)))
    if finding.source:
        pairs.append(("Mend it in", finding.source))
    if finding.acknowledged:
        pairs.append(("Seen by", finding.acknowledged))
    pairs.append(("Before", json.dumps(finding.before)))
    pairs += [("Fix", findings.readable(one)) for one in finding.fix]
    pairs += [("Undo", findings.readable(one)) for one in finding.undo]
    if permission:
        part = "the whole resource" if permission.part == EVERY_PART else "this part"
        reason = f": {permission.why}" if permission.why else ""
        text = f"{part} until {times.ahead(permission.until, now)}, by {permission.who}{reason}"
        pairs.append(("Permitted", text))
    return pairs
