"""The function that keeps the change ledger: what EventBridge has put into its queue, in batches."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalice import Blueprint
from chalice.app import SQSEvent

from chalicelib import secrets, telemetry, wiring
from chalicelib.ledger import entry, frames
from chalicelib.ledger.book import Book
from chalicelib.ledger.model import Change
from chalicelib.model import AwsError, BadEvent
from chalicelib.settings import Settings
from chalicelib.telemetry import Invocation

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue="parapet-ledger", batch_size=10)
def ledger(event: SQSEvent) -> dict[str, Any]:
    """Keep each change; what could not be kept goes back to the queue, and in the end to its dead letters."""
    with telemetry.invocation("ledger", event.context) as seen:
        account = event.context.invoked_function_arn.split(":")[4]
        left = event.context.get_remaining_time_in_millis
        failed = keep(event.to_dict()["Records"], account, seen, lambda: left() / 1000)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def keep(records: Sequence[Mapping[str, Any]], account: str, seen: Invocation, left: Callable[[], float]) -> list[str]:
    """Keep the changes in some messages; returns the ids of the messages that are to be delivered again."""
    chosen, failed = settings(account), list[str]()
    changes: dict[str, Change] = {}
    wholes: dict[str, Mapping[str, Any]] = {}
    for record in records:
        try:
            frame = _frame(record["body"])
            change = entry.change(frame, chosen.services, chosen.people)
            if whole := frames.kept(frame):
                wholes[change.id] = whole
            changes[record["messageId"]] = change
        except Exception as error:  # the others are to be kept whatever is wrong with one
            seen.count("Failures")
            why = type(error).__name__
            # What we did not expect may quote the message.
            said = str(error) if isinstance(error, BadEvent) else "Parapet cannot read it"
            seen.line("ERROR", f"not kept: {said}", message_id=record["messageId"], outcome=why)
            failed.append(record["messageId"])
    if not changes:
        return failed
    try:
        began(account)
        missed = book(account).write(changes.values(), wholes, left=left)
    except AwsError as error:
        seen.line("ERROR", f"not kept: {error}", changes=len(changes), outcome=error.code)
        return [record["messageId"] for record in records]
    again = [message for message, change in changes.items() if change.id in missed]
    for message in again:
        seen.line("ERROR", f"not kept: {missed[changes[message].id]}", message_id=message, outcome="refused")
    seen.line("INFO", "kept", changes=len(changes) - len(again), again=len(again), outcome="kept")
    return [*failed, *again]


def _frame(body: str) -> Any:
    try:
        return json.loads(secrets.redacted(body))
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"the message is not JSON: {type(error).__name__}") from None


@functools.cache
def settings(account: str) -> Settings:
    """Return the settings in force, kept for as long as this environment lives."""
    return wiring.configured((), account)


@functools.cache
def book(account: str) -> Book:
    """Return the ledger, likewise."""
    return Book(wiring.accounts(account)(account, ""), wiring.environment().ledger)


@functools.cache
def began(account: str) -> None:
    """Note since when there is a ledger: once for each environment; raises AwsError."""
    book(account).begin(time.time())
