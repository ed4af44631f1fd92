"""The function whose call comes back through CloudTrail and EventBridge; an alarm tells when it no longer does."""

import time

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import __version__, telemetry, wiring
from chalicelib import heartbeat as heart

blueprint = Blueprint(__name__)


@blueprint.schedule("rate(5 minutes)")
def heartbeat(event: CloudWatchEvent) -> None:
    """Write the time into our parameter; nobody reads it, the record of the call is what counts."""
    with telemetry.invocation("heartbeat", event.context):
        account = event.context.invoked_function_arn.split(":")[4]
        heart.beat(wiring.accounts(account)(account, ""), wiring.environment().stage, __version__, time.time())
