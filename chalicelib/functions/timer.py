"""The function that notices what is owed: an end of a permission or pause, a command that got lost, news of a pause."""

import time

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import commands, telemetry, wiring
from chalicelib.journal import Journal
from chalicelib.notices import compose
from chalicelib.notices.outbox import Outbox

blueprint = Blueprint(__name__)
# Told until it is so old, since we may have been out of order, and from so far ahead, since people's clocks differ.
LATELY = 3600.0


@blueprint.schedule("rate(1 minute)")
def timer(event: CloudWatchEvent) -> None:
    """Put an event on the bus for each finding to look at again and each command that nobody has answered."""
    with telemetry.invocation("timer", event.context):
        account, now = event.context.invoked_function_arn.split(":")[4], time.time()
        aws, told = wiring.accounts(account)(account, ""), wiring.environment()
        journal = Journal(aws, told.table)
        try:
            commands.take_up(journal, aws, wiring.configured((), account), now)
        finally:
            # What is owed comes first, and neither keeps us from the other.
            tell(journal, wiring.outbox(aws), now)


def tell(journal: Journal, outbox: Outbox, now: float) -> None:
    """Send the news of each pause, resume and waiver of late; whoever hears the same again tells it once."""
    for command in journal.commands(now - LATELY, now + LATELY):
        if notice := compose.of_switch(command):
            outbox.send(notice)
