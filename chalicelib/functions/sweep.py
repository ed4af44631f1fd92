"""The function that starts the sweep: it asks every guard function to look at all that stands."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import commands, registry, wiring

blueprint = Blueprint(__name__)


@blueprint.schedule("rate(1 hour)")
def sweep(event: CloudWatchEvent) -> None:
    """Put one sweep event per guardrail on the bus, the trails' first: a stopped trail blinds everything else."""
    account = event.context.invoked_function_arn.split(":")[4]
    names = sorted(registry.names(), key=lambda name: not name.startswith("cloudtrail_"))
    details = [{"service": registry.service_of(name), "guardrail": name} for name in names]
    commands.emit(wiring.accounts(account)(account, ""), commands.SWEEP, details)
