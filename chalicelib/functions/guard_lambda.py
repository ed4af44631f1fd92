"""The function that keeps the promises about Lambda."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("lambda"))
def guard_lambda(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about Lambda."""
    guard.receive("lambda", event.to_dict(), event.context)
