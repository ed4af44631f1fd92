"""The function that tells Slack what the outbox holds."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from chalice import Blueprint
from chalice.app import SQSEvent

from chalicelib import registry, settings, wiring
from chalicelib.model import ParapetError
from chalicelib.notices import outbox
from chalicelib.notices.slack import Parameter, Slack
from chalicelib.notices.threads import Threads

blueprint = Blueprint(__name__)
logger = Logger(service="notify")


@blueprint.on_sqs_message(queue="parapet-slack.fifo", batch_size=10)
def notify(event: SQSEvent) -> dict[str, Any]:
    """Tell each notice; what could not be told goes back to the queue, and in the end to its dead letters."""
    account = event.context.invoked_function_arn.split(":")[4]
    # After a thread's first failure the rest of that thread waits its turn; the other threads go on.
    processor = SqsFifoPartialProcessor(skip_group_on_error=True)
    # A batch that failed as a whole goes back like one that failed in part: each message has its log line.
    processor.raise_on_entire_batch_failure = False
    handler = functools.partial(tell, account=account, context=event.context)
    return dict(process_partial_response(event.to_dict(), handler, processor, event.context))


def tell(record: SQSRecord, account: str, context: Any) -> None:
    """Tell one notice and log what became of it; raises a ParapetError, after which it may be delivered again."""
    started = time.monotonic()
    about: dict[str, Any] = {"message_id": record.message_id}
    try:
        notice = outbox.load(record.body)
        about |= {"notice": notice.key, "in_thread": notice.thread}
        outcome = slack(account).tell(notice, lambda: context.get_remaining_time_in_millis() / 1000)
    except ParapetError as error:
        logger.error(f"not told: {error}", **about, outcome=type(error).__name__, ms=_since(started))
        raise
    except Exception:
        logger.exception("not told: a defect of Parapet's", **about, outcome="defect", ms=_since(started))
        raise
    logger.info("told", **about, outcome=outcome.kind, note=outcome.note, ms=_since(started))


@functools.cache
def slack(account: str) -> Slack:
    """Return the way to Slack, kept for as long as this environment lives."""
    chosen = settings.load(os.environ, registry.names(), ())
    token = Parameter(wiring.connect()("ssm", wiring.home()), os.environ.get("PARAPET_SLACK_TOKEN", ""))
    threads = Threads(wiring.accounts(account)(account, ""), chosen.table)
    return Slack(token, threads, chosen.slack_channel, url=os.environ.get("PARAPET_SLACK_URL", ""))


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
