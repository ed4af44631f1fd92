"""The function that keeps the promises about budgets."""

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import guard, registry

blueprint = Blueprint(__name__)


@guard.strict
@blueprint.on_cw_event(registry.pattern("budgets"))
def guard_budgets(event: CloudWatchEvent) -> None:
    """Handle a call, sweep, look again or command about budgets."""
    guard.receive("budgets", event.to_dict(), event.context)
