"""The alerts' core at work in a test account: what fires there is recorded, told, and answered."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from chalicelib.alerts.book import Book
from chalicelib.alerts.dispatch import Dispatch, Rules
from chalicelib.alerts.model import Group
from chalicelib.alerts.signal import Alarm, Signal, State
from chalicelib.notices.outbox import Outbox
from chalicelib.notices.routes import Routes
from tests.account import TABLE, TestAccount
from tests.samples import ACCOUNT, REGION

_numbers = itertools.count(1)


def dispatch(account: TestAccount) -> Dispatch:
    """Who takes signals and commands in an account, without anything that follows."""
    ours, routes = account.ours, Routes()
    return Dispatch(
        Book(ours, TABLE), account.journal, Outbox(ours, {"slack": account.queue}, routes), Rules(routes),
        account.clock, lambda _: None, lambda *_: None,
    )  # fmt: skip


def signal(account: TestAccount, name: str = "checkout-5xx", state: State = "firing", **changes: Any) -> Signal:
    """What an alarm reports, as of now."""
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"
    made = Signal(
        id=f"signal-{next(_numbers)}", source="alarm", fingerprint=arn, state=state, severity="high", name=name,
        title=f"{name} is in ALARM", lines=("5xx is 12, over 5",), facts=(("Value", "12"),), at=account.clock(),
        since=account.clock(), account=ACCOUNT, region=REGION, service="checkout", alarm=Alarm(arn, "metric"),
    )  # fmt: skip
    return replace(made, **changes)


def fires(account: TestAccount, name: str = "checkout-5xx", **changes: Any) -> Group:
    """An alarm begins to fire; returns the alert that people know it by."""
    report = signal(account, name, **changes)
    assert dispatch(account).receive([report]) == {}
    [alert] = Book(account.ours, TABLE).look([report.fingerprint], []).alerts.values()
    return known(account, alert.group)


def ends(account: TestAccount, name: str = "checkout-5xx", **changes: Any) -> None:
    """An alarm is OK again."""
    assert dispatch(account).receive([signal(account, name, "resolved", **changes)]) == {}


def known(account: TestAccount, alert: str) -> Group:
    """An alert as it is recorded."""
    found = Book(account.ours, TABLE).group(alert)
    assert found
    return found
