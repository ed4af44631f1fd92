"""The function that tells people which events the other functions gave up on."""

import os
import time

from chalice import Blueprint
from chalice.app import SNSEvent

from chalicelib import wiring
from chalicelib.notices import trouble
from chalicelib.notices.outbox import Outbox

blueprint = Blueprint(__name__)


@blueprint.on_sns_message(topic="parapet-failures")
def failures(event: SNSEvent) -> None:
    """Put a notice about one failed event into the outbox."""
    account = event.context.invoked_function_arn.split(":")[4]
    outbox = Outbox(wiring.accounts(account)(account, ""), (os.environ.get("PARAPET_SLACK_QUEUE", ""),))
    outbox.send(trouble.of_failure(event.message, time.time()))
