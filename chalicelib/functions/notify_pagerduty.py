"""The function that tells PagerDuty what its part of the outbox holds."""

from __future__ import annotations

import functools
import os
from typing import Any

from chalice import Blueprint
from chalice.app import SQSEvent

from chalicelib import registry, settings, wiring
from chalicelib.notices import delivery
from chalicelib.notices.pagerduty import PagerDuty
from chalicelib.notices.threads import Threads
from chalicelib.secrets import Kept

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue="parapet-pagerduty.fifo", batch_size=10)
def notify_pagerduty(event: SQSEvent) -> dict[str, Any]:
    """Tell PagerDuty each notice."""
    return delivery.deliver(event, "notify_pagerduty", pagerduty, threads)


@functools.cache
def pagerduty(account: str) -> PagerDuty:
    """Return the way to PagerDuty, kept for as long as this environment lives."""
    chosen = settings.load(os.environ, registry.names(), ())
    keys = {
        service: Kept(
            lambda store: wiring.connect()(store, wiring.home()), reference, f"PagerDuty's routing key of {service}"
        )
        for service, reference in chosen.pagerduty.items()
        if reference
    }
    return PagerDuty(keys, threads(account), chosen.pagerduty_url)


def threads(account: str) -> Threads:
    """Return what PagerDuty was told."""
    return Threads(wiring.accounts(account)(account, ""), wiring.environment().table, "pagerduty")
