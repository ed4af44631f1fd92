"""The function that keeps the promises about KMS."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("kms"))
def guard_kms(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about KMS."""
    guard.receive("kms", event.to_dict(), event.context)
