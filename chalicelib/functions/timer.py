"""The function that notices what is owed: an end of a permission or pause, a command that got lost, news of a pause."""

import contextlib
import json
import time

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import commands, telemetry, wiring
from chalicelib.alerts.book import Book
from chalicelib.journal import Journal
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.notices import compose
from chalicelib.notices.outbox import BATCH, Outbox

blueprint = Blueprint(__name__)
# Told until it is so old, since we may have been out of order, and from so far ahead, since people's clocks differ.
LATELY = 3600.0
# So many alerts are looked at again in a minute.
LOOKS = 300


@blueprint.schedule("rate(1 minute)")
def timer(event: CloudWatchEvent) -> None:
    """Have each finding and alert looked at whose time has come, and each command that nobody has answered."""
    with telemetry.invocation("timer", event.context):
        account, now = event.context.invoked_function_arn.split(":")[4], time.time()
        aws, told = wiring.accounts(account)(account, ""), wiring.environment()
        journal = Journal(aws, told.table)
        # What is owed comes first, and none keeps us from the others.
        with contextlib.ExitStack() as last:
            last.callback(tell, journal, wiring.outbox(aws), now)
            last.callback(look, Book(aws, told.table), aws, told.alert_queue, now)
            commands.take_up(journal, aws, wiring.configured((), account), now)


def tell(journal: Journal, outbox: Outbox, now: float) -> None:
    """Send the news of each pause, resume and waiver of late; whoever hears the same again tells it once."""
    for command in journal.commands(now - LATELY, now + LATELY):
        if notice := compose.of_switch(command):
            outbox.send(notice)


def look(book: Book, aws: Aws, queue: str, now: float) -> None:
    """Have the alerts and groups looked at whose time has come; raises AwsError, ParapetError without a queue."""
    alerts, groups = book.due(now)
    owed = [{"look": {"group": one}} for one in groups] + [{"look": {"alert": one}} for one in alerts]
    # What is left comes next time: it must not stand in front of what is reported meanwhile.
    owed = owed[:LOOKS]
    if owed and not queue:
        raise ParapetError("PARAPET_ALERT_QUEUE is not set: it names the queue of what is reported")
    for start in range(0, len(owed), BATCH):
        entries = [
            {"Id": str(number), "MessageBody": json.dumps(one)}
            for number, one in enumerate(owed[start : start + BATCH])
        ]
        answer = aws("sqs", "send_message_batch", QueueUrl=queue, Entries=entries)
        for failed in answer.get("Failed", []):
            raise AwsError("sqs:SendMessage", failed["Code"], failed.get("Message", ""))
