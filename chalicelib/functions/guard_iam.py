"""The function that keeps the promises about IAM."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("iam"))
def guard_iam(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about IAM."""
    guard.receive("iam", event.to_dict(), event.context)
