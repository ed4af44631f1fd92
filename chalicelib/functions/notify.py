"""The function that tells Slack what the outbox holds."""

from __future__ import annotations

import functools
import os
import time
import traceback
from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from chalice import Blueprint
from chalice.app import SQSEvent

from chalicelib import registry, settings, telemetry, wiring
from chalicelib.model import AwsError, Busy, ParapetError
from chalicelib.notices import outbox, slack_reply
from chalicelib.notices.slack import Slack
from chalicelib.notices.slack_api import RateLimited, Unreachable
from chalicelib.notices.threads import Threads
from chalicelib.secrets import Kept
from chalicelib.telemetry import Invocation

blueprint = Blueprint(__name__)
# After these another try may well do; after anything else somebody has to mend something.
PASSING = (RateLimited, Unreachable, Busy)


@blueprint.on_sqs_message(queue="parapet-slack.fifo", batch_size=10)
def notify(event: SQSEvent) -> dict[str, Any]:
    """Tell each notice; what could not be told goes back to the queue, and in the end to its dead letters."""
    with telemetry.invocation("notify", event.context) as seen:
        # After a thread's first failure the rest of that thread waits its turn; the other threads go on.
        processor = SqsFifoPartialProcessor(skip_group_on_error=True)
        # A batch that failed as a whole goes back like one that failed in part: each message has its log line.
        processor.raise_on_entire_batch_failure = False
        handler = functools.partial(tell, context=event.context, seen=seen)
        return dict(process_partial_response(event.to_dict(), handler, processor, event.context))


def tell(record: SQSRecord, context: Any, seen: Invocation) -> None:
    """Tell one notice and log what became of it; raises a ParapetError, after which it may be delivered again."""
    started = time.monotonic()
    about: dict[str, Any] = {"message_id": record.message_id}
    try:
        notice = outbox.load(record.body)
        about |= {"notice": notice.key, "in_thread": notice.thread, "finding": notice.finding}
        about |= {"guardrail": notice.guardrail, "event_id": notice.event_id}
        account = context.invoked_function_arn.split(":")[4]
        outcome = slack(account).tell(notice, lambda: context.get_remaining_time_in_millis() / 1000)
    except ParapetError as error:
        if not (isinstance(error, PASSING) or (isinstance(error, AwsError) and error.transient)):
            seen.count("Failures")
        seen.line("ERROR", f"not told: {error}", **about, outcome=type(error).__name__, ms=_since(started))
        raise
    except Exception:
        seen.count("Failures")
        about |= {"exception": traceback.format_exc(), "outcome": "defect"}
        seen.line("ERROR", "not told: a defect of Parapet's", **about, ms=_since(started))
        raise
    note = outcome.note
    # Where it was asked for, too; but not once more when the queue brings it again.
    if notice.reply_to and outcome.kind != "known":
        note = slack_reply.told(notice.reply_to, notice, wiring.environment().slack_url) or note
    seen.line("INFO", "told", **about, outcome=outcome.kind, note=note, ms=_since(started))


@functools.cache
def slack(account: str) -> Slack:
    """Return the way to Slack, kept for as long as this environment lives."""
    chosen = settings.load(os.environ, registry.names(), ())
    if not chosen.slack_token:
        raise ParapetError("PARAPET_SLACK_TOKEN is not set: it names where Slack's bot token is kept")
    token = Kept(lambda store: wiring.connect()(store, wiring.home()), chosen.slack_token, "Slack's bot token")
    threads = Threads(wiring.accounts(account)(account, ""), chosen.table)
    heard = bool(chosen.slack_signing_secret)
    return Slack(token, threads, chosen.slack_channel, url=chosen.slack_url, interactive=heard, people=chosen.people)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
