"""The function that gathers evidence for an alert, and has it told in the alert's thread."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import replace
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from chalice import Blueprint
from chalice.app import SQSEvent

from chalicelib import telemetry, wiring
from chalicelib.enrich import asked, evidence
from chalicelib.enrich.evidence import Desk
from chalicelib.enrich.gather import gather
from chalicelib.model import AwsError, ParapetError
from chalicelib.notices import outbox
from chalicelib.telemetry import Invocation

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue="parapet-enrich", batch_size=1)
def enrich(event: SQSEvent) -> dict[str, Any]:
    """Gather evidence for one alert; what could not be told goes back to the queue, and at last to its dead letters."""
    with telemetry.invocation("enrich", event.context) as seen:
        processor = BatchProcessor(event_type=EventType.SQS)
        processor.raise_on_entire_batch_failure = False
        account = event.context.invoked_function_arn.split(":")[4]
        handler = functools.partial(tell, account=account, seen=seen)
        return dict(process_partial_response(event.to_dict(), handler, processor, event.context))


def tell(record: SQSRecord, account: str, seen: Invocation) -> None:
    """Look everything up and put what was found into the outbox; raises ParapetError, and it is delivered again."""
    if record.body.startswith('{"explain":'):
        explain(record, account, seen)
        return
    started, about = time.monotonic(), {"message_id": record.message_id}
    try:
        wanted = asked.load(record.body)
        about |= {"notice": wanted.notice.key, "in_thread": wanted.notice.thread, "event_id": wanted.signal.id}
        chosen = wiring.configured((), account)
        where = wanted.notice.destination or chosen.routes.destination(wanted.notice)
        if not where.slack:
            seen.line("INFO", "no evidence: its route leads to no Slack channel", **about, ms=_since(started))
            return
        reach = wiring.accounts(account)
        desk = Desk(
            reach, account, chosen.stage, chosen.table, chosen.further, chosen.swept, chosen.services,
            wiring.environment().ledger,
        )  # fmt: skip
        gathered = gather(evidence.sections(desk, wanted.signal, time.time()))
        for trace in gathered.defects:
            seen.count("Failures")
            seen.line("ERROR", "a section of the evidence is missing: a defect of Parapet's", **about, exception=trace)
        ours, notice = reach(account, ""), evidence.told(wanted, gathered.found, where.slack)
        wiring.outbox(ours, chosen).send(notice)
        # What is told of it later shows the same.
        known = json.dumps({"evidence": outbox.dump(replace(notice, picture="", lines=()))})
        ours("sqs", "send_message", QueueUrl=wiring.environment().alert_queue, MessageBody=known)
    except ParapetError as error:
        if not (isinstance(error, AwsError) and error.transient):
            seen.count("Failures")
        seen.line("ERROR", f"no evidence: {error}", **about, outcome=type(error).__name__, ms=_since(started))
        raise
    seen.line("INFO", "told", **about, sections=dict(gathered.fates), ms=_since(started))


def explain(record: SQSRecord, account: str, seen: Invocation) -> None:
    """Explain thoroughly what somebody asked about; raises ParapetError, and it is delivered again."""
    # Most of what this function does is something else.
    from chalicelib.explain import asked as asking
    from chalicelib.explain.work import carry_out

    started, wanted = time.monotonic(), asking.load(record.body)
    about = {"message_id": record.message_id, "explains": wanted.name}
    try:
        told = carry_out(wanted, account, time.time())
    except ParapetError as error:
        seen.count("Failures")
        seen.line("ERROR", f"no explanation: {error}", **about, outcome=type(error).__name__, ms=_since(started))
        raise
    if told is None:
        seen.line("INFO", "there is no such thing to explain", **about, ms=_since(started))
        return
    for fate in told.fates:
        if fate.defect:
            seen.count("Failures")
            seen.line("ERROR", "a section is missing: a defect of Parapet's", **about, exception=fate.defect)
    fates = {one.id: one.status for one in told.fates}
    seen.line("INFO", "explained", **about, explanation=told.subject.id, sections=fates, ms=_since(started))


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
