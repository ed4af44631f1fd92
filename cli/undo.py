"""`undo`: take a fix back for a while, one or all of a span of time."""

from __future__ import annotations

import click

from chalicelib import times
from chalicelib.model import EVERYTHING, ParapetError
from cli import asking, bulk, findings, output, scopes
from cli.deployment import Outside


@click.command
@click.argument("finding_id", metavar="[ID]", required=False)
@click.option("--for", "duration", metavar="30m", help="For how long; default: undo.exempt_for of the settings.")
@click.option("--why", default="", metavar="TEXT", help="The reason, for the journal.")
@click.option("--since", metavar="2h", help="Without ID: what was fixed since then (a duration, a date or a time).")
@click.option("--until", metavar="1h", help="Without ID: what was fixed before then; default: now.")
@scopes.options("guardrail", "resource", "account", "region")
@click.option("--by", metavar="WHO|ARN", help="Without ID: what one user or role brought about.")
@click.option("--yes", is_flag=True, help="Without ID: do it; else it is only shown, and asked on a terminal.")
@asking.glass_option
@asking.wait_option
@output.json_option
@click.pass_obj
def undo(
    outside: Outside,
    /,
    finding_id: str | None,
    duration: str | None,
    why: str,
    since: str | None,
    until: str | None,
    by: str | None,
    yes: bool,
    break_glass: bool,
    wait: str,
    as_json: bool,
    **narrowed: str | None,
) -> None:
    """Take a fix back, and permit that state for a while; then the fix comes back by itself.

    ID is a finding's id, or the first three characters or more of one of the last 90 days. Without ID, `--since 2h`
    and what narrows it choose many: they are shown first, and nothing is done without `--yes`.
    Ends with 0 when it is done, 1 when it (or one of many) is refused, 3 when there is no answer in time.
    """
    now = outside.now()
    patience = times.span(wait, "--wait")
    end = times.after(duration, "--for", now) if duration else now + outside.settings().exempt_for
    scope = scopes.given(narrowed)
    several = since is not None or until is not None or by is not None or yes or scope != EVERYTHING
    if finding_id is None and since is None:
        raise ParapetError("undo takes the ID of a finding, or --since (and --guardrail, --resource …) for many")
    if finding_id is not None and several:
        raise ParapetError("undo takes the ID of a finding, or --since and what narrows it, not both")
    if by is not None and not by.strip():
        raise ParapetError("--by is empty: leave it out, or say who")
    if since is not None:
        chosen = bulk.Chosen(scope, by or "", *bulk.window(since, until, now))
        bulk.undo(outside, chosen, bulk.Wish(why, end, break_glass, patience), yes, as_json)
        return
    assert finding_id is not None
    finding = findings.resolve(outside.deployment.journal, finding_id, now)
    command = asking.ask(outside, "undo", finding, patience, why=why, until=end, break_glass=break_glass)
    outcome = (
        f"Undone: {finding.violation.resource} is again as it was before the fix ({finding.why}). "
        f"It may stay so until {times.ahead(asking.end(outside, command, finding), now)}; "
        f"{asking.afterwards(outside, finding)}."
    )
    asking.told(outside, command, finding, outcome, as_json)
