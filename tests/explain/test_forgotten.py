"""Of a time that AWS or we have forgotten nothing is known: that is not to say that nothing was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.explain import explained
from chalicelib.explain.gathering import Fate, Look
from chalicelib.explain.model import Symptom
from chalicelib.explain.onset import Onset
from chalicelib.explain.sections import changes, errors, ours
from chalicelib.explain.sections.signals import Signals
from chalicelib.explain.subject import Desk, Subject
from chalicelib.ledger.book import Book
from chalicelib.model import DAY
from chalicelib.times import iso
from tests.explain.rehearsals.account import LEDGER, Account
from tests.explain.rehearsals.stage import FIRST, Plan, prepared, service

NOW = FIRST + 9 * DAY + 50_400.0
GROUP = "/shop/web"


@pytest.fixture
def asks() -> tuple[Desk, Subject]:
    return prepared(Plan("shop"), int(NOW) - 600, NOW - 300, NOW, "nothing")


def long_ago(subject: Subject, days: float) -> Subject:
    return replace(subject, at=subject.now - days * DAY)


def test_what_parapet_did_before_it_was_there(asks: tuple[Desk, Subject]) -> None:
    desk, subject = asks
    account = desk.reach("")
    assert isinstance(account, Account)
    for since in (f"only since {iso(NOW - 30 * DAY)}", "not yet"):
        assert (ours.look(*asks).status, ours.look(*asks).answer) == ("ok", "Parapet did nothing")
        then = ours.look(desk, long_ago(subject, 31))
        assert (then.status, then.answer) == ("no_data", "nothing is known of what Parapet did")
        assert then.reason == f"the ledger, which tells since when Parapet is here, is there {since}"
        account.tables[LEDGER] = []


def test_changes_that_the_ledger_keeps_no_more(asks: tuple[Desk, Subject]) -> None:
    desk, subject = asks
    account = desk.reach("")
    assert isinstance(account, Account)
    assert (changes.look(*asks).status, changes.look(*asks).answer) == ("ok", "nothing was changed")
    then = changes.look(desk, long_ago(subject, 31))
    assert (then.status, then.answer) == ("partial", "no change is known")
    assert then.reason.startswith(f"the ledger has only since {iso(NOW - 30 * DAY)}")
    account.tables[LEDGER] = []
    Book(account, LEDGER).begin(NOW - 400 * DAY)
    then = changes.look(desk, long_ago(subject, 91))
    assert (then.status, then.answer) == ("partial", "no change is known")
    assert then.reason == "the ledger keeps changes for 90 days"


@dataclass
class Kept:
    """An account whose log groups keep their lines for some days."""

    account: Account
    days: int

    def __call__(self, service: str, operation: str, /, **params: Any) -> Mapping[str, Any]:
        answer = self.account(service, operation, **params)
        for one in answer.get("logGroups", ()):
            one["retentionInDays"] = self.days
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.account, name)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params)[key])


@pytest.mark.parametrize(
    ("days", "status", "reason"), [(3, "ok", ""), (1, "no_data", f"{GROUP} keeps its lines for 1 day")]
)
def test_error_lines_that_are_kept_no_more(asks: tuple[Desk, Subject], days: int, status: str, reason: str) -> None:
    desk, subject = asks
    kept: Any = Kept(desk.reach(""), days)  # type: ignore[arg-type]
    then = long_ago(subject, 2)
    look = errors.look(replace(desk, reach=lambda region: kept), then, service("shop"), FIRST + 7 * DAY, 60.0)
    assert (look.status, look.reason) == (status, reason)
    assert look.answer == f"no error lines in {GROUP} from 2026-11-29 23:59 UTC to 2026-11-30 00:14 UTC"


def test_error_lines_are_looked_for_since_requests_fail_and_not_since_they_are_slow() -> None:
    slow = Symptom("latency", "p95 latency", "seconds", Onset("ramp", NOW - 840, None, 0.2, 0.4, 0.9))
    failing = Symptom("errors", "errors", "share", Onset("step", NOW, None, 0.0, 0.45, 0.9))
    main = replace(failing, onset=replace(failing.onset, at=slow.onset.at))
    fates = {"signals": Fate("signals", "ok", 0.1, Look(Signals((failing, slow), main), "fails"))}
    assert explained._failed_since(fates, main) == NOW
    assert explained._failed_since({}, slow) == slow.onset.at
