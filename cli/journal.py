"""`journal`: what was found, newest first."""

from __future__ import annotations

import click

from chalicelib import times
from chalicelib.api import shape
from chalicelib.journal import Journal
from chalicelib.model import STATUSES, Finding, Status
from chalicelib.notices.compose import duration
from chalicelib.pages import SKEW
from cli import findings, output, scopes
from cli.deployment import Outside

DEFAULT = "24h"


@click.command
@click.option("--since", metavar="24h", help=f"How far back; default {DEFAULT}, with --resource or --status all.")
@click.option("--status", type=click.Choice(STATUSES), metavar="STATUS", help=f"One of {', '.join(STATUSES)}.")
@click.option("--resource", metavar="sg-…", help="One resource.")
@click.option("--guardrail", metavar="NAME", help="One guardrail.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@output.json_option
@click.pass_obj
def journal(
    outside: Outside,
    since: str | None,
    status: Status | None,
    resource: str | None,
    guardrail: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """What was found, newest first: what was wrong, who, from which address, how long until it was fixed."""
    if guardrail:
        scopes.known(guardrail)
    now = outside.now()
    if since is None and not (status or resource):
        since = DEFAULT
    start = max(0.0, now - times.span(since, "--since")) if since else 0.0
    found = matching(outside.deployment.journal, start, now, status, resource, guardrail)
    if as_json:
        output.emit({"findings": [shape.summary(one, now) for one in found[:limit]], "total": len(found)})
        return
    if not found:
        output.say(f"Nothing found{f' in the last {since}; --since 30d looks further back' if since else ''}.")
        return
    # Where all is of one account, its number in every line would tell nothing.
    several = len({one.violation.account for one in found}) > 1
    output.table(
        (
            "id", "when", "status", "severity", *(("account",) if several else ()), "what was wrong", "who", "from",
            "fixed after",
        ),
        [
            (
                one.id,
                times.ago(one.opened, now),
                output.styled(one.status),
                output.styled(one.severity),
                *((one.violation.account,) if several else ()),
                one.why,
                findings.who(one),
                one.actor.ip if one.actor else "",
                took(one),
            )
            for one in found[:limit]
        ],
        whole=("id", "when", "status", "severity", "account"),
    )  # fmt: skip
    if len(found) > limit:
        output.say(f"… and {len(found) - limit} more: --limit {len(found)}")


def matching(
    journal: Journal, since: float, now: float, status: Status | None, resource: str | None, guardrail: str | None
) -> list[Finding]:
    """Return the findings that are asked for, newest first, by the narrowest index."""
    if resource:
        found = journal.by_resource(resource, since)
    elif status:
        found = journal.by_status(status, since)
    else:
        found = journal.by_time(since, now + SKEW)
    return [one for one in found if status in (None, one.status) and guardrail in (None, one.violation.guardrail)]


def took(finding: Finding) -> str:
    """Return how long it took until a finding was fixed; empty when it was not."""
    return "" if finding.remediation_seconds is None else duration(finding.remediation_seconds)
