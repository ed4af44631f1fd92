"""The function that keeps the promises about RDS."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("rds"))
def guard_rds(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about RDS."""
    guard.receive("rds", event.to_dict(), event.context)
