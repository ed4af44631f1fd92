"""`approve`, `reject`, `acknowledge` and `dismiss`: what people answer when Parapet asks or tells."""

from __future__ import annotations

import click

from chalicelib import times
from chalicelib.model import CommandKind
from cli import alerts, asking, findings, output
from cli.deployment import Outside

_OUTCOMES: dict[CommandKind, str] = {
    "approve": "Approved, and {answer}: {what}.",
    "reject": "Rejected: {what} stays so, and is not asked about again.",
    "acknowledge": "Acknowledged: {what}.",
}


@click.command
@click.argument("finding_id", metavar="ID")
@click.option("--why", default="", metavar="TEXT", help="The reason, for the journal.")
@asking.glass_option
@asking.wait_option
@output.json_option
@click.pass_obj
def approve(outside: Outside, finding_id: str, why: str, break_glass: bool, wait: str, as_json: bool) -> None:
    """Have the fix made now that Parapet asks about, that a pause holds, or that was permitted to wait.

    ID is a finding's id, or the first three characters or more of one of the last 90 days.
    Ends with 0 when it is done, 1 when it is refused or fails, 3 when there is no answer in time.
    """
    _answer(outside, "approve", finding_id, why, wait, as_json, break_glass)


@click.command
@click.argument("finding_id", metavar="ID")
@click.option("--why", required=True, metavar="TEXT", help="The reason, for the journal.")
@asking.glass_option
@asking.wait_option
@output.json_option
@click.pass_obj
def reject(outside: Outside, finding_id: str, why: str, break_glass: bool, wait: str, as_json: bool) -> None:
    """Answer that a fix must not be made; Parapet does not ask again.

    ID is a finding's id, or the first three characters or more of one of the last 90 days.
    Ends with 0 when it is done, 1 when it is refused, 3 when there is no answer in time.
    """
    _answer(outside, "reject", finding_id, asking.reason(why), wait, as_json, break_glass)


@click.command
@click.argument("finding_id", metavar="ID")
@click.option("--why", default="", metavar="TEXT", help="The reason, for the journal.")
@asking.wait_option
@output.json_option
@click.pass_obj
def acknowledge(outside: Outside, finding_id: str, why: str, wait: str, as_json: bool) -> None:
    """Say that somebody has seen a finding and takes care of it, or that you are on an alert.

    A finding stays as it is. About an alert (a-…) nobody is asked again until it is over, and nobody else is paged.

    ID is a finding's id, or the first three characters or more of one of the last 90 days; or an alert's.
    Ends with 0 when it is done, 1 when it is refused, 3 when there is no answer in time.
    """
    if finding_id.lower().startswith(alerts.PREFIX):
        _about(outside, "acknowledge", finding_id, why, wait, as_json)
        return
    _answer(outside, "acknowledge", finding_id, why, wait, as_json)


@click.command
@click.argument("alert_id", metavar="ID")
@click.option("--why", default="", metavar="TEXT", help="What made it not actionable.")
@asking.wait_option
@output.json_option
@click.pass_obj
def dismiss(outside: Outside, alert_id: str, why: str, wait: str, as_json: bool) -> None:
    """Say that there was nothing to do about an alert: it is counted, and proposed to be changed where that is often.

    ID is an alert's id, or the beginning of one (a-3f9).
    Ends with 0 when it is done, 1 when it is refused, 3 when there is no answer in time.
    """
    _about(outside, "dismiss", alert_id, why, wait, as_json)


def _about(outside: Outside, kind: CommandKind, alert_id: str, why: str, wait: str, as_json: bool) -> None:
    patience = times.span(wait, "--wait")
    group = alerts.resolve(outside, alert_id)
    command = alerts.ask(outside, kind, group, patience, why=why)
    done = "Counted as not actionable" if kind == "dismiss" else "Acknowledged"
    alerts.told(outside, command, group, f"{done}: {group.title}.", as_json)


def _answer(
    outside: Outside, kind: CommandKind, finding_id: str, why: str, wait: str, as_json: bool, break_glass: bool = False
) -> None:
    patience = times.span(wait, "--wait")
    finding = findings.resolve(outside.deployment.journal, finding_id, outside.now())
    command = asking.ask(outside, kind, finding, patience, why=why, break_glass=break_glass)
    outcome = _OUTCOMES[kind].format(answer=command.answer, what=finding.why)
    asking.told(outside, command, finding, outcome, as_json)
