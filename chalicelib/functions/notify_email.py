"""The function that sends by e-mail what its part of the outbox holds."""

from __future__ import annotations

import functools
from typing import Any

from chalice import Blueprint
from chalice.app import SQSEvent

from chalicelib import wiring
from chalicelib.notices import delivery
from chalicelib.notices.email import Email
from chalicelib.notices.threads import Threads

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue="parapet-email.fifo", batch_size=10)
def notify_email(event: SQSEvent) -> dict[str, Any]:
    """Send each notice by e-mail."""
    return delivery.deliver(event, "notify_email", email, threads)


@functools.cache
def email(account: str) -> Email:
    """Return the way to people's mailboxes, kept for as long as this environment lives."""
    ours, told = wiring.accounts(account)(account, ""), wiring.environment()
    return Email(ours, told.email_topic, threads(account), told.stage)


def threads(account: str) -> Threads:
    """Return what was sent by e-mail."""
    return Threads(wiring.accounts(account)(account, ""), wiring.environment().table, "email")
