"""The function that keeps the promises about S3."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("s3"))
def guard_s3(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about S3."""
    guard.receive("s3", event.to_dict(), event.context)
