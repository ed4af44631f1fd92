"""Who has not seen the signals of a service does not call it well."""

from __future__ import annotations

import random

import pytest

from chalicelib.explain import explained
from chalicelib.explain.subject import Desk, Subject
from chalicelib.ledger.book import Book
from chalicelib.services.watch import Watch
from local.cloudwatch.store import Store
from tests.explain.rehearsals.account import LEDGER, TABLE, Account
from tests.explain.rehearsals.incidents import CATALOGUE
from tests.explain.rehearsals.stage import STAGE, kinds, moment, service, services, stage
from tests.samples import ACCOUNT, REGION


def asked(account: Account, subject: Subject) -> explained.Explained:
    desk = Desk(
        lambda region: account,
        STAGE,
        TABLE,
        lambda: Book(account, LEDGER),
        services(),
        Watch(lambda region: account, print),
    )
    return explained.explain(desk, subject, "full", patience=20)


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("denied", "denied", "its own metrics may not be read"),
        ("silent", "no_data", "no metric of its own has a point"),
    ],
)
def test_what_is_not_seen_is_not_calm(how: str, status: str, reason: str) -> None:
    onset, at, now = moment(draw := random.Random(3))
    plan = next(one for one in CATALOGUE if not one.quiet).plan(draw, onset)
    with kinds(plan.kind) as name:
        account = stage(plan, onset, now, name)
    if how == "denied":
        account.denied = frozenset({"cloudwatch:get_metric_data"})
    else:
        account.store = Store(ACCOUNT, REGION)
    told = asked(account, Subject("service", plan.system, at, now, service(plan.system)))
    signals = next(one for one in told.fates if one.id == "signals")
    assert (told.status, signals.status) == (status, status)
    assert signals.reason.startswith(reason)
    assert "is not known without its signals" in told.answer
    assert not told.suspects
