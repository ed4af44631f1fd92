"""The function that notices what is owed: an end of a permission or pause, a command that got lost."""

import time

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import commands, telemetry, wiring
from chalicelib.journal import Journal

blueprint = Blueprint(__name__)


@blueprint.schedule("rate(1 minute)")
def timer(event: CloudWatchEvent) -> None:
    """Put an event on the bus for each finding to look at again and each command that nobody has answered."""
    with telemetry.invocation("timer", event.context):
        account = event.context.invoked_function_arn.split(":")[4]
        aws, chosen = wiring.accounts(account)(account, ""), wiring.configured((), account)
        commands.take_up(Journal(aws, chosen.table), aws, chosen, time.time())
