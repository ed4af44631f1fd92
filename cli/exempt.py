"""`exempt`: permit a resource to stay as it is, until a date."""

from __future__ import annotations

from dataclasses import asdict

import click

from chalicelib import registry, times
from chalicelib.decision import EVERY_PART
from chalicelib.journal import Place
from chalicelib.model import STANDING, Exemption, ParapetError
from cli import asking, findings, output
from cli.deployment import Outside


@click.command
@click.argument("finding_id", metavar="[ID]", required=False)
@click.option("--guardrail", metavar="NAME", help="Without ID: the guardrail that is to leave the resource alone.")
@click.option("--resource", metavar="sg-…", help="Without ID: the resource, as findings name it.")
@click.option("--part", metavar="PART", help="Without ID: one part of the resource; default: all of it.")
@click.option("--region", metavar="REGION", help="Without ID: the resource's region; default: Parapet's own.")
@click.option("--until", required=True, metavar="2026-12-31|30d", help="A date (to its end, UTC) or a duration.")
@click.option("--why", required=True, metavar="TEXT", help="The reason, for the journal.")
@asking.wait_option
@output.json_option
@click.pass_obj
def exempt(
    outside: Outside,
    finding_id: str | None,
    guardrail: str | None,
    resource: str | None,
    part: str | None,
    region: str | None,
    until: str,
    why: str,
    wait: str,
    as_json: bool,
) -> None:
    """Permit what one finding is about, or (--guardrail, --resource) what has not happened yet, until a date.

    ID is a finding's id, or the first three characters or more of one of the last 90 days.
    Ends with 0 when it is done, 1 when it is refused, 3 when there is no answer in time.
    """
    now = outside.now()
    end = times.until(until, "--until", now)
    if not why.strip():
        raise ParapetError("--why is empty: say why, others will want to know")
    if finding_id and not (guardrail or resource or part or region):
        _finding(outside, finding_id, end, why, times.span(wait, "--wait"), as_json)
    elif not finding_id and guardrail and resource:
        permission = Exemption(part or EVERY_PART, end, outside.deployment.caller.who, why)
        _place(outside, guardrail, resource, region, permission, as_json)
    else:
        raise ParapetError("exempt takes the ID of a finding, or --guardrail and --resource (and --part, --region)")


def _finding(outside: Outside, finding_id: str, until: float, why: str, wait: float, as_json: bool) -> None:
    now = outside.now()
    finding = findings.resolve(outside.deployment.journal, finding_id, now)
    command = asking.ask(outside, "exempt", finding, why, until, wait)
    outcome = (
        f"Permitted: {finding.why}. It may stay so until {times.ahead(until, now)}; "
        f"{asking.afterwards(outside, finding)}."
    )
    asking.told(outside, command, finding, outcome, as_json)


def _place(
    outside: Outside, guardrail: str, resource: str, region: str | None, permission: Exemption, as_json: bool
) -> None:
    rail, where = registry.get(guardrail), outside.deployment
    scope = "global" if rail.everywhere else region or where.region
    place = Place(guardrail, where.caller.account, scope, resource)
    where.journal.exempt(place, permission)
    entries = where.journal.head(place).entries.values()
    standing = [
        entry.finding for entry in entries if entry.status in STANDING and permission.part in (entry.part, EVERY_PART)
    ]
    if as_json:
        output.emit({**asdict(place), **asdict(permission), "until": times.iso(permission.until), "standing": standing})
        return
    covered = f"all of {resource}" if permission.part == EVERY_PART else f"{permission.part!r} of {resource}"
    output.say(
        f"Permitted: {guardrail} leaves {covered} ({scope}) alone until {times.ahead(permission.until, outside.now())}."
    )
    for finding in standing:
        output.say(f"A finding about it stands open: ./parapet exempt {finding} --until … --why … closes it.")
