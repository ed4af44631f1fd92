"""The function that tells Slack what the outbox holds."""

from __future__ import annotations

import functools
import os
from typing import Any

from chalice import Blueprint
from chalice.app import SQSEvent

from chalicelib import registry, settings, wiring
from chalicelib.model import Notice, ParapetError
from chalicelib.notices import delivery, slack_reply
from chalicelib.notices.channel import Outcome
from chalicelib.notices.slack import Slack
from chalicelib.notices.threads import Threads
from chalicelib.secrets import Kept

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue="parapet-slack.fifo", batch_size=10)
def notify(event: SQSEvent) -> dict[str, Any]:
    """Tell each notice in Slack."""
    return delivery.deliver(event, "notify", slack, threads, beside)


def beside(notice: Notice, outcome: Outcome) -> str:
    """Tell where it was asked for, too; but not once more when the queue brings it again. Return the log's note."""
    if notice.reply_to and outcome.kind != "known":
        return slack_reply.told(notice.reply_to, notice, wiring.environment().slack_url) or outcome.note
    return outcome.note


@functools.cache
def slack(account: str) -> Slack:
    """Return the way to Slack, kept for as long as this environment lives."""
    chosen = settings.load(os.environ, registry.names(), ())
    if not chosen.slack_token:
        raise ParapetError("PARAPET_SLACK_TOKEN is not set: it names where Slack's bot token is kept")
    token = Kept(lambda store: wiring.connect()(store, wiring.home()), chosen.slack_token, "Slack's bot token")
    heard = bool(chosen.slack_signing_secret)
    return Slack(
        token, threads(account), chosen.slack_channel, url=chosen.slack_url, interactive=heard, people=chosen.people
    )


def threads(account: str) -> Threads:
    """Return what Slack was told."""
    return Threads(wiring.accounts(account)(account, ""), wiring.environment().table)
