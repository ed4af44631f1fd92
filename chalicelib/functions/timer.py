"""The function that notices when a permission ends, and asks for another look at what it covered."""

import time

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import commands, telemetry, wiring
from chalicelib.journal import Journal

blueprint = Blueprint(__name__)


@blueprint.schedule("rate(1 minute)")
def timer(event: CloudWatchEvent) -> None:
    """Put an event on the bus for each finding that is due; the guard function clears the due time once done."""
    with telemetry.invocation("timer", event.context):
        account = event.context.invoked_function_arn.split(":")[4]
        aws = wiring.accounts(account)(account, "")
        commands.look_again(aws, Journal(aws, wiring.environment().table).due(time.time()))
