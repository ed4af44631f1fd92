"""The function that keeps the promises about EC2."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("ec2"))
def guard_ec2(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about EC2."""
    guard.receive("ec2", event.to_dict(), event.context)
