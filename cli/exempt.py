"""`exempt`: permit something to be as it is until a date, or end such a permission early."""

from __future__ import annotations

import click

from chalicelib import times
from chalicelib.api import shape
from chalicelib.journal import Journal
from chalicelib.model import EVERYTHING, STANDING, STATUSES, Finding, ParapetError, Scope, Waiver
from chalicelib.scope import places
from chalicelib.settings import ANYHOW
from cli import asking, findings, output, scopes
from cli.deployment import Outside

SHOWN = 10


@click.command
@click.argument("finding_id", metavar="[ID]", required=False)
@scopes.options("guardrail", "resource", "tag", "principal", "account", "region", "service", "part")
@click.option("--until", metavar="2026-12-31|30d", help="A date (to its end, UTC) or a duration.")
@click.option("--end", "ending", metavar="WAIVER", help="End an exemption early, by its id in `./parapet exemptions`.")
@click.option("--why", required=True, metavar="TEXT", help="The reason, for the journal.")
@asking.glass_option
@asking.wait_option
@output.json_option
@click.pass_obj
def exempt(
    outside: Outside,
    /,
    finding_id: str | None,
    until: str | None,
    ending: str | None,
    why: str,
    break_glass: bool,
    wait: str,
    as_json: bool,
    **narrowed: str | None,
) -> None:
    """Permit what one finding is about, or all that the options cover, until a date; or end that early.

    ID is a finding's id, or the first three characters or more of one of the last 90 days. Without ID, at least one
    of --guardrail, --resource, --tag, --principal says what is left alone; all that are given must fit.
    Ends with 0 when it is done, 1 when it is refused, 3 when there is no answer in time.
    """
    now, scope = outside.now(), scopes.given(narrowed)
    asking.reason(why)
    chosen = [finding_id is not None, scope != EVERYTHING, ending is not None]
    if sum(chosen) != 1:
        raise ParapetError(
            "exempt takes the ID of a finding, or what to leave alone (--guardrail, --resource, --tag, --principal …), "
            "or --end and the id of an exemption"
        )
    if ending is not None:
        if until is not None:
            raise ParapetError("--end ends an exemption now: leave --until out")
        _end(outside, ending, why, as_json)
        return
    if until is None:
        raise ParapetError("--until is missing: every exemption has an end, a date such as 2026-12-31 or 30d")
    end = times.until(until, "--until", now)
    if finding_id is None:
        _waive(outside, scope, end, why, as_json)
        return
    finding = findings.resolve(outside.deployment.journal, finding_id, now)
    patience = times.span(wait, "--wait")
    command = asking.ask(outside, "exempt", finding, patience, why=why, until=end, break_glass=break_glass)
    outcome = (
        f"Permitted: {finding.why}. It may stay so until {times.ahead(asking.end(outside, command, finding), now)}; "
        f"{asking.afterwards(outside, finding)}."
    )
    asking.told(outside, command, finding, outcome, as_json)


def _waive(outside: Outside, scope: Scope, until: float, why: str, as_json: bool) -> None:
    from chalicelib import commands  # botocore comes with it, which `exempt --help` does not need

    where, now = outside.deployment, outside.now()
    command = commands.new("exempt", asking.asker(outside), now, outside.settings(), why=why, until=until, scope=scope)
    waiver = commands.waive(where.journal, command)
    standing = _covered(where.journal, scope)
    if as_json:
        output.emit({"exemption": shape.waiver(waiver), "standing": [one.id for one in standing]})
        return
    output.say(f"Permitted until {times.ahead(until, now)}: {scope}. `{_ending(waiver)}` ends it early.")
    if scope.tag:
        output.say("Which findings that stand now have this tag shows when they are looked at next.")
    if scope.principal:
        output.say("It counts for what is brought about from now on; what stands now, `./parapet exempt ID` permits.")
    if standing:
        named = ", ".join(one.id for one in standing[:SHOWN]) + (" …" if len(standing) > SHOWN else "")
        output.say(f"{len(standing)} standing now, left alone from the next look on (within the hour): {named}.")


def _covered(journal: Journal, scope: Scope) -> list[Finding]:
    """Return the standing findings that a waiver surely covers."""
    # A principal counts for what comes, and what has a tag only the function that owns the service can see.
    if scope.principal or scope.tag:
        return []
    standing = (one for status in STATUSES if status in STANDING for one in journal.by_status(status))
    return sorted((one for one in standing if places(scope, one.violation)), key=lambda one: -one.opened)


def _end(outside: Outside, given: str, why: str, as_json: bool) -> None:
    from chalicelib import commands

    where = outside.deployment
    waivers = [one for one in where.journal.waivers() if given and one.id.startswith(given.lower())]
    if len(waivers) != 1:
        named = ", ".join(one.id for one in waivers)
        problem = f"could be {named}: type more of it" if waivers else "is no waiver; ./parapet exemptions lists them"
        raise ParapetError(f"--end: {given!r} {problem}. `./parapet approve ID` fixes what a finding permits")
    [waiver] = waivers
    command = commands.new("resume", asking.asker(outside), outside.now(), ANYHOW, why=why)
    ended = commands.end_waiver(where.journal, where.aws, command, waiver.id)
    if as_json:
        output.emit({"ended": shape.waiver(ended)})
        return
    output.say(f"Ended: {ended.scope} is not exempted any longer. What it let stand is looked at again now.")


def _ending(waiver: Waiver) -> str:
    return f"./parapet exempt --end {waiver.id} --why …"
