"""The function that keeps the promises about EC2 Auto Scaling."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("autoscaling"))
def guard_autoscaling(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about EC2 Auto Scaling."""
    guard.receive("autoscaling", event.to_dict(), event.context)
