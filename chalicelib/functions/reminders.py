"""The function that tells of permissions before they end, and of pauses that do not."""

import time
from collections.abc import Iterator

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import permitted, registry, telemetry, wiring
from chalicelib.journal import Journal
from chalicelib.model import DAY, Finding, Notice
from chalicelib.notices import compose
from chalicelib.settings import Settings

blueprint = Blueprint(__name__)
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
        for notice in notices(Journal(aws, chosen.table), chosen, time.time()):
            outbox.send(notice)


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
