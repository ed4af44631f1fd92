"""The function that tells people which events the other functions gave up on."""

import time

from chalice import Blueprint
from chalice.app import SNSEvent

from chalicelib import secrets, telemetry, wiring
from chalicelib.notices import trouble

blueprint = Blueprint(__name__)


@blueprint.on_sns_message(topic="parapet-failures")
def failures(event: SNSEvent) -> None:
    """Put a notice about one failed event into the outbox."""
    with telemetry.invocation("failures", event.context) as seen:
        account = event.context.invoked_function_arn.split(":")[4]
        outbox = wiring.outbox(wiring.accounts(account)(account, ""))
        # What another function has let slip goes no further.
        notice = trouble.of_failure(secrets.redacted(event.message), time.time())
        seen.count("Failures")
        outbox.send(notice)
        seen.line("WARNING", notice.title, notice=notice.key, in_thread=notice.thread, event_id=notice.event_id)
