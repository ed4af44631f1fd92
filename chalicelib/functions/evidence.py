"""The function that exports the journal, day by day, to a bucket where nobody can change it."""

import time

from chalice import Blueprint
from chalice.app import CloudWatchEvent

from chalicelib import export, telemetry, wiring
from chalicelib.archive import Archive
from chalicelib.evidence import bucket as own

blueprint = Blueprint(__name__)
# Another day is not begun later: a run that has much to catch up with leaves the rest to the next one.
PATIENCE = 100.0


# Each hour, so that what failed is mended an hour later; all runs of a day but one find nothing to do.
@blueprint.schedule("rate(1 hour)")
def evidence(event: CloudWatchEvent) -> None:
    """Export every complete day that has no manifest yet; raises ParapetError, AwsError."""
    with telemetry.invocation("evidence", event.context) as seen:
        account, started = event.context.invoked_function_arn.split(":")[4], time.monotonic()
        aws, told = wiring.accounts(account)(account, ""), wiring.environment()
        bucket = told.evidence_bucket or own(told.stage, account)
        archive = Archive(aws, bucket, told.evidence_account or account, told.stage, account)

        def more() -> bool:
            return time.monotonic() - started < PATIENCE

        for manifest in export.catch_up(aws, told.table, archive, time.time(), more):
            seen.line("INFO", "exported", day=manifest.day, entries=len(manifest.entries), sha256=manifest.link.sha256)
