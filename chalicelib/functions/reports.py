"""The function that runs reports: each minute it starts what is due, looks at what is under way, and tells of it."""

import time

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import telemetry, wiring

blueprint = Blueprint(__name__)
# What starting a query can take when AWS answers slowly (seconds): with less time left nothing is begun.
SPARE = 45.0


@blueprint.schedule("rate(1 minute)")
def reports(event: CloudWatchEvent) -> None:
    """Do what is due; two invocations at once, or one that is tried again, do each thing once. Raises ParapetError."""
    with telemetry.invocation("reports", event.context):
        account = event.context.invoked_function_arn.split(":")[4]
        chosen, reach = wiring.configured((), account), wiring.accounts(account)
        if not chosen.reports:
            return
        # Without reports it costs nothing to be there.
        from chalicelib.reports.book import Book
        from chalicelib.reports.desk import Desk

        ours = reach(account, "")
        desk = Desk(
            lambda region: reach(account, region), Book(ours, chosen.table), wiring.outbox(ours, chosen), chosen,
            time.time, time.sleep, lambda: event.context.get_remaining_time_in_millis() > SPARE * 1000,
        )  # fmt: skip
        desk.work()
