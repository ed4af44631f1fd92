"""The function that starts the sweep: it asks every guard function to look at all that stands."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import bus, commands, organisation, registry, telemetry, wiring
from chalicelib.journal import Journal
from chalicelib.model import AwsError
from chalicelib.registry import Guardrail

blueprint = Blueprint(__name__)


@blueprint.schedule("rate(1 hour)")
def sweep(event: CloudWatchEvent) -> None:
    """Put sweep events on the bus, one per guardrail, account and region, the trails' first; raises AwsError.

    And look-again events for what stood under waivers that have been ended: not all of it can a sweep see.
    """
    with telemetry.invocation("sweep", event.context):
        own = event.context.invoked_function_arn.split(":")[4]
        aws, chosen = wiring.accounts(own)(own, ""), wiring.configured((), own)
        problem = None
        try:
            accounts = organisation.listed(aws, chosen.accounts)
        except AwsError as error:
            # Whom we know without asking is swept all the same.
            accounts, problem = list(dict.fromkeys((own, *chosen.accounts.ids))), error
        bus.emit(aws, bus.SWEEP, list(details(registry.load(), accounts, chosen.swept)))
        bus.look_again(aws, commands.unwaived(Journal(aws, chosen.table), time.time()))
        if problem:
            raise problem


def details(rails: Sequence[Guardrail], accounts: Sequence[str], regions: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what each sweep event says; a stopped trail blinds everything else, so that the trails come first."""
    for rail in sorted(rails, key=lambda rail: rail.service != "cloudtrail"):
        if rail.swept:
            for account in accounts:
                for region in regions[:1] if rail.everywhere else regions:
                    yield {"service": rail.service, "guardrail": rail.name, "account": account, "region": region}
