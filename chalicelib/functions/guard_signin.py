"""The function that keeps the promises about sign-in."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("signin"))
def guard_signin(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about sign-in."""
    guard.receive("signin", event.to_dict(), event.context)
