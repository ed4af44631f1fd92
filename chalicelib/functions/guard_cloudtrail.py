"""The function that keeps the promises about CloudTrail."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("cloudtrail"))
def guard_cloudtrail(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about CloudTrail."""
    guard.receive("cloudtrail", event.to_dict(), event.context)
