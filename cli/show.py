"""`show`: everything about one finding, and what can be done about it."""

from __future__ import annotations

import json
import shlex
from typing import Any

import click

from chalicelib import times
from chalicelib.api import shape
from chalicelib.decision import EVERY_PART, Head
from chalicelib.journal import place
from chalicelib.model import STANDING, Exemption, Finding
from cli import findings, output
from cli.deployment import Outside
from cli.journal import took


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
    permission = head.exemption(finding.violation.part, now)
    if as_json:
        commands = [command for command, _ in following(finding, head)]
        output.emit({**shape.details(finding, permission, now), "next": commands})
        return
    output.facts(_facts(finding, permission, now))
    output.say()
    output.table(
        ("when", "status", "by", "note"),
        [(times.absolute(step.at), output.styled(step.status), step.by, step.note) for step in finding.history],
        whole=("when", "status"),
    )
    for command, what in following(finding, head):
        output.say()
        output.say(f"{what}:")
        output.say(f"  {command}")


def following(finding: Finding, head: Head) -> list[tuple[str, str]]:
    """Return what one can do next: the command, and what it does."""
    violation = finding.violation
    entry = head.entries.get(violation.part)
    if entry and entry.finding != finding.id:
        return [(f"./parapet show {entry.finding}", "There is a newer finding of the same violation")]
    if finding.status == "fixed" and finding.undo:
        return [(f"./parapet undo {finding.id} --for 30m", "To take the fix back for a while")]
    found = []
    if finding.status == "held":
        found.append(("./parapet resume", "To let Parapet fix again"))
    if finding.status in STANDING and finding.status != "fixing":
        found.append((f"./parapet exempt {finding.id} --until 30d --why …", "To permit it"))
    if finding.status in ("undone", "exempted"):
        named = shlex.join(
            ("--guardrail", violation.guardrail, "--resource", violation.resource, "--part", violation.part)
        )
        found.append((f"./parapet exempt {named} --until 30d --why …", "To permit it for longer"))
    return found


def _facts(finding: Finding, permission: Exemption | None, now: float) -> list[tuple[str, Any]]:
    violation, actor = finding.violation, finding.actor
    pairs: list[tuple[str, Any]] = [
        ("Finding", f"{finding.id}, {finding.severity}"),
        ("Status", output.styled(finding.status)),
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
    pairs.append(("Before", json.dumps(finding.before)))
    pairs += [("Fix", findings.readable(one)) for one in finding.fix]
    pairs += [("Undo", findings.readable(one)) for one in finding.undo]
    if permission:
        part = "the whole resource" if permission.part == EVERY_PART else "this part"
        reason = f": {permission.why}" if permission.why else ""
        text = f"{part} until {times.ahead(permission.until, now)}, by {permission.who}{reason}"
        pairs.append(("Permitted", text))
    return pairs
