"""How every channel's function empties its queue: tell each notice, log what became of it, give back what failed."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from chalice.app import SQSEvent

from chalicelib import telemetry
from chalicelib.model import AwsError, Busy, Notice, ParapetError
from chalicelib.notices import outbox
from chalicelib.notices.channel import Outcome, RateLimited, Unreachable
from chalicelib.notices.threads import Failed, Threads, mark
from chalicelib.telemetry import Invocation

# After these another try may well do; after anything else somebody has to mend something.
PASSING = (RateLimited, Unreachable, Busy)


class Channel(Protocol):
    """A way to people."""

    def tell(self, notice: Notice, remaining: Callable[[], float]) -> Outcome:
        """Send a notice unless it was sent before; `remaining` tells how many seconds this invocation still has."""
        ...


def deliver(
    event: SQSEvent,
    function: str,
    channel: Callable[[str], Channel],
    threads: Callable[[str], Threads],
    told: Callable[[Notice, Outcome], str] = lambda _, outcome: outcome.note,
) -> dict[str, Any]:
    """Tell each notice of a batch; what could not be told goes back to the queue, and in the end to its dead letters.

    Of a test it is recorded why, for whoever waits for it; and a test that was refused for good is not tried again,
    lest it reach somebody when nobody waits for it any more.

    Args:
        event: the batch, from the channel's own queue.
        function: whose batch it is.
        channel: returns the channel, by the account that we run in.
        threads: returns its records, likewise.
        told: does what else belongs to having told a notice, and returns the note for the log.
    """
    with telemetry.invocation(function, event.context) as seen:
        # After a thread's first failure the rest of that thread waits its turn; the other threads go on.
        processor = SqsFifoPartialProcessor(skip_group_on_error=True)
        # A batch that failed as a whole goes back like one that failed in part: each message has its log line.
        processor.raise_on_entire_batch_failure = False
        handler = functools.partial(
            _tell, context=event.context, seen=seen, channel=channel, threads=threads, told=told
        )
        return dict(process_partial_response(event.to_dict(), handler, processor, event.context))


def _tell(
    record: SQSRecord,
    context: Any,
    seen: Invocation,
    channel: Callable[[str], Channel],
    threads: Callable[[str], Threads],
    told: Callable[[Notice, Outcome], str],
) -> None:
    started, notice = time.monotonic(), None
    account = context.invoked_function_arn.split(":")[4]
    about: dict[str, Any] = {"message_id": record.message_id}
    try:
        notice = outbox.load(record.body)
        about |= {"notice": notice.key, "in_thread": notice.thread, "finding": notice.finding}
        about |= {"guardrail": notice.guardrail, "event_id": notice.event_id}
        outcome = channel(account).tell(notice, lambda: context.get_remaining_time_in_millis() / 1000)
    except ParapetError as error:
        final = not (isinstance(error, PASSING) or (isinstance(error, AwsError) and error.transient))
        if final:
            seen.count("Failures")
        seen.line("ERROR", f"not told: {error}", **about, outcome=type(error).__name__, ms=_since(started))
        if notice and notice.test:
            threads(account).failed(mark(notice.thread), Failed(mark(notice.key), str(error), final), notice.at)
            if final:
                return
        raise
    except Exception:
        seen.count("Failures")
        about |= {"exception": traceback.format_exc(), "outcome": "defect"}
        seen.line("ERROR", "not told: a defect of Parapet's", **about, ms=_since(started))
        raise
    note = told(notice, outcome)
    seen.line("INFO", "told", **about, outcome=outcome.kind, note=note, ms=_since(started))


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
