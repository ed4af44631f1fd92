"""`revert`: have people asked whether what somebody has changed is to be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chalicelib import times
from chalicelib.model import Finding
from cli import asking, errors, output
from cli.deployment import Outside

if TYPE_CHECKING:
    from chalicelib.reverting import Offer


@click.command
@click.argument("change", metavar="CHANGE")
@asking.wait_option
@output.json_option
@click.pass_obj
def revert(outside: Outside, change: str, wait: str, as_json: bool) -> None:
    """Ask whether a change is to be taken back; nothing is done before somebody approves that.

    CHANGE is the id of an event, as `./parapet who`, `./parapet changes --json` and `./parapet explain` tell it.
    Ends with 0 when it is asked; 1 when it is not: not offered, done already, rejected or permitted; 3 when no question
    came of it in time.
    """
    # The journal comes with it, which `revert --help` does not need.
    from chalicelib import registry, reverting

    where, patience = outside.deployment, times.span(wait, "--wait")
    terms = reverting.terms(outside.settings(reverting.rails()))
    offer = reverting.offer(where.ledger, where.journal, terms, change, outside.now())
    if offer.why:
        settled = where.journal.get(offer.finding) if offer.finding else None
        if as_json and settled:
            output.emit(_document(offer, settled))
        raise errors.Refused(f"not taken back: {offer.why}")
    reverting.ask(where.aws, offer)
    if outside.terminal():
        click.echo(f"Waiting until guard_{registry.service_of(offer.guardrail)} asks people …", err=True)
    found, deadline = None, outside.now() + patience
    while (found := _question(outside, change)) is None and outside.now() < deadline:
        outside.sleep(asking.POLL)
    if found is None:
        raise errors.NoAnswer(
            "no question came of it: what it changed is no longer as it left it "
            f"(`./parapet journal --guardrail {offer.guardrail}`), or something permits it; else look at the "
            f"function's log, {asking.log(outside, registry.service_of(offer.guardrail))}"
        )
    if as_json:
        output.emit(_document(offer, found))
        return
    output.say(f"Asked: {found.why} ({offer.what}).")
    output.say(f"`./parapet approve {found.id}` does it, `./parapet reject {found.id} --why …` leaves it as it is.")


def _document(offer: Offer, found: Finding) -> dict[str, str]:
    return {
        "change": offer.change, "guardrail": offer.guardrail, "what": offer.what, "finding": found.id,
        "status": found.status,
    }  # fmt: skip


def _question(outside: Outside, change: str) -> Finding | None:
    """Return the question that stands about a change; None where there is none."""
    asked = outside.deployment.journal.by_status("asked")
    return next((one for one in asked if one.event_id == change), None)
