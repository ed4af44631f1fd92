"""The function that sends the digest of what the account costs: each morning, and on Mondays that of the week."""

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import registry, telemetry, wiring
from chalicelib.costs import told
from chalicelib.costs.budgets import of_month
from chalicelib.costs.days import day_of
from chalicelib.costs.report import Report, report
from chalicelib.costs.spending import bars
from chalicelib.model import Aws, Notice, ParapetError
from chalicelib.settings import Settings

blueprint = Blueprint(__name__)
MONDAY = 0


# In the morning (UTC), when AWS has counted most of the day before.
@blueprint.schedule("cron(30 7 * * ? *)")
def digest(event: CloudWatchEvent) -> None:
    """Send the digests that are due; sent again, they are told once. Raises ParapetError."""
    with telemetry.invocation("digest", event.context):
        account = event.context.invoked_function_arn.split(":")[4]
        chosen, aws_of = wiring.configured(registry.load(), account), wiring.accounts(account)
        outbox = wiring.outbox(aws_of(account, ""), chosen)
        for notice in notices(aws_of, chosen, account, time.time()):
            outbox.send(notice)


def notices(aws_of: Callable[[str, str], Aws], chosen: Settings, account: str, now: float) -> Iterator[Notice]:
    """Yield the digests that are due, or once why there is none; raises ParapetError when Cost Explorer fails."""
    due = [every for every in chosen.costs.digest if every == "daily" or day_of(now).weekday() == MONDAY]
    if not due:
        return
    found = report(aws_of, account, chosen.swept, chosen.table, now)
    if not found.enabled:
        yield told.not_enabled(account, found.problems[0], now)
        return
    if found.spending is None:
        raise ParapetError(found.problems[0])
    budget = of_month(found.budgets)
    for every in due:
        compose = told.weekly if every == "weekly" else told.daily
        yield replace(compose(found, found.spending, budget, now), picture=_picture(found))


def _picture(found: Report) -> str:
    from chalicelib import chart  # only what has something to draw needs it

    labels, values, before = bars(found.days, day_of(found.at))
    png = chart.bars("Costs by day, and a month before", labels, values, before, f" {found.unit}")
    return base64.b64encode(png).decode()
