"""The function that tells of permissions before they end, of pauses that do not, and of what is noise."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import permitted, registry, telemetry, wiring
from chalicelib.alerts import compose as alerts
from chalicelib.alerts.asking import week
from chalicelib.alerts.book import Book
from chalicelib.journal import Journal
from chalicelib.model import DAY, Finding, Notice
from chalicelib.notices import compose
from chalicelib.settings import Settings

blueprint = Blueprint(__name__)
MONDAY = 0
# One morning may come so much later than the last (seconds): what ends before the next is told on this one.
LATE = 3600.0


# In the morning (UTC), so that there is a day to do something about it.
@blueprint.schedule("cron(0 7 * * ? *)")
def reminders(event: CloudWatchEvent) -> None:
    """Tell of pauses that stay and permissions that end soon; told again, it is told once. Raises AwsError."""
    with telemetry.invocation("reminders", event.context):
        account = event.context.invoked_function_arn.split(":")[4]
        aws, chosen = wiring.accounts(account)(account, ""), wiring.configured(registry.load(), account)
        outbox = wiring.outbox(aws, chosen)
        now = time.time()
        for notice in notices(Journal(aws, chosen.table), chosen, now):
            outbox.send(notice)
        if noise := proposal(Book(aws, chosen.table), now):
            outbox.send(noise)


def proposal(book: Book, now: float) -> Notice | None:
    """Return the proposal about what people called not actionable last week: on Mondays, where they did."""
    if datetime.fromtimestamp(now, UTC).weekday() != MONDAY:
        return None
    last = week(now - 7 * DAY)
    noise = book.noise(last)
    return alerts.proposal(noise, last, now) if noise else None


def notices(journal: Journal, settings: Settings, now: float) -> Iterator[Notice]:
    """Yield the news of each pause on for a day, and of each permission that ends soon and was given for longer."""
    for pause in journal.pauses():
        if pause.on(now) and pause.at <= now - DAY:
            yield compose.of_pause_standing(pause, now)
    soon = settings.exempting.tell_before
    for one in permitted.permissions(journal, now):
        if one.until > now + max(soon, DAY + LATE) or one.until - one.since <= soon:
            continue
        about = one.about
        if not isinstance(about, Finding):
            yield compose.of_waiver_ending(about, one.covers, now)
        elif about.violation.guardrail in registry.names():
            mode = settings.mode(registry.get(about.violation.guardrail), about.origin)
            yield compose.of_ending(about, one.who, one.why, one.until, mode, now)
