"""The function that keeps the promises about ECS."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("ecs"))
def guard_ecs(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about ECS."""
    guard.receive("ecs", event.to_dict(), event.context)
