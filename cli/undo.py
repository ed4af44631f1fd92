"""`undo`: take a fix back, for a while."""

from __future__ import annotations

import click

from chalicelib import times
from cli import asking, findings, output
from cli.deployment import Outside


@click.command
@click.argument("finding_id", metavar="ID")
@click.option("--for", "duration", metavar="30m", help="For how long; default: undo.exempt_for of the settings.")
@click.option("--why", default="", metavar="TEXT", help="The reason, for the journal.")
@asking.wait_option
@output.json_option
@click.pass_obj
def undo(outside: Outside, finding_id: str, duration: str | None, why: str, wait: str, as_json: bool) -> None:
    """Take a fix back, and permit that state for a while; then the fix comes back by itself.

    ID is a finding's id, or the first three characters or more of one of the last 90 days.
    Ends with 0 when it is done, 1 when it is refused, 3 when there is no answer in time.
    """
    now = outside.now()
    patience = times.span(wait, "--wait")
    until = times.after(duration, "--for", now) if duration else now + outside.settings().exempt_for
    finding = findings.resolve(outside.deployment.journal, finding_id, now)
    command = asking.ask(outside, "undo", finding, why, until, patience)
    outcome = (
        f"Undone: {finding.violation.resource} is again as it was before the fix ({finding.why}). "
        f"It may stay so until {times.ahead(until, now)}; {asking.afterwards(outside, finding)}."
    )
    asking.told(outside, command, finding, outcome, as_json)
