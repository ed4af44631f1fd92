"""The function that tells of permissions before they end."""

import time
from collections.abc import Iterator

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import permitted, registry, telemetry, wiring
from chalicelib.journal import Journal
from chalicelib.model import Finding, Notice
from chalicelib.notices import compose
from chalicelib.notices.outbox import Outbox
from chalicelib.settings import Settings

blueprint = Blueprint(__name__)


# In the morning (UTC), so that there is a day to do something about it.
@blueprint.schedule("cron(0 7 * * ? *)")
def reminders(event: CloudWatchEvent) -> None:
    """Tell of each permission that ends soon; whoever hears the same again tells it once. Raises AwsError."""
    with telemetry.invocation("reminders", event.context):
        account = event.context.invoked_function_arn.split(":")[4]
        aws, chosen = wiring.accounts(account)(account, ""), wiring.configured(registry.load(), account)
        outbox = Outbox(aws, (chosen.slack_queue,))
        for notice in notices(Journal(aws, chosen.table), chosen, time.time()):
            outbox.send(notice)


def notices(journal: Journal, settings: Settings, now: float) -> Iterator[Notice]:
    """Yield the news of each permission that ends soon, but of none that was given for no longer than that."""
    soon = settings.exempting.tell_before
    for one in permitted.permissions(journal, now):
        if one.until > now + soon or one.until - one.since <= soon:
            continue
        about = one.about
        if not isinstance(about, Finding):
            yield compose.of_waiver_ending(about, one.covers, now)
        elif about.violation.guardrail in registry.names():
            mode = settings.mode(registry.get(about.violation.guardrail), about.origin)
            yield compose.of_ending(about, one.who, one.why, one.until, mode, now)
