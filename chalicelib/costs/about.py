"""What stands beside the alert of a budget or a cost anomaly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chalicelib.alerts.signal import Signal
from chalicelib.costs import told
from chalicelib.costs.budgets import of_month
from chalicelib.costs.report import report
from chalicelib.model import Aws

SOURCES = frozenset({"budget", "anomaly"})


def gather(
    aws_of: Callable[[str, str], Aws],
    table: str,
    signal: Signal,
    now: float,
    own: str = "",
    regions: Sequence[str] = ("",),
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return lines and labelled values about what an account costs; what cannot be seen is a line too.

    Args:
        aws_of: how to reach an account and region, an empty one being our own.
        table: the journal's.
        signal: what a budget or an anomaly reports.
        now: epoch seconds.
        own: our own account, where it need not be the signal's.
        regions: where to look for what is idle.
    """
    account = own or signal.account
    if signal.account not in ("", account):
        return (f"It is about account {signal.account}; what grew there only its own Cost Explorer tells.",), ()
    found = report(aws_of, account, regions, table, now)
    alerting = next((one for one in found.budgets if one.name == signal.name), None)
    return told.evidence(found, alerting or of_month(found.budgets))
