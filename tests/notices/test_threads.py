"""The record of a thread: kept for ninety days after its last news, and for as long as news comes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import items
from chalicelib.notices.threads import Failed, Threads, Told
from tests.account import NOW, TABLE, TestAccount

DAY = 86400
TEMPLATE = Path(__file__).parent.parent.parent / ".chalice" / "resources.json"


@pytest.fixture
def threads(account: TestAccount) -> Threads:
    return Threads(account.aws("notify"), TABLE)


def kept(account: TestAccount) -> Any:
    """The one record as the table has it."""
    [raw] = account.client("dynamodb").scan(TableName=TABLE)["Items"]
    return items.values(raw)


def told(key: str) -> Told:
    return Told(key, "1.0", NOW - 40 * DAY, "fixed", "a line")


class TestEnd:
    def test_comes_ninety_days_after_the_last_news_was_told_however_old_that_was(
        self, threads: Threads, account: TestAccount
    ) -> None:
        thread = threads.attempt(threads.read("f1"), "fixed", NOW)
        thread = threads.sent(thread, told("fixed"), "C1", "1.0")
        assert kept(account)["expires"] == int(NOW) + 90 * DAY
        thread = threads.attempt(thread, "undone", NOW + 80 * DAY)
        assert kept(account)["expires"] == int(NOW) + 170 * DAY
        threads.sent(thread, told("undone"), "C1", "1.0")
        assert kept(account)["expires"] == int(NOW) + 170 * DAY

    def test_is_the_attempts_when_nothing_could_be_told(self, threads: Threads, account: TestAccount) -> None:
        threads.refused(threads.attempt(threads.read("f1"), "fixed", NOW), "fixed")
        assert kept(account)["expires"] == int(NOW) + 90 * DAY

    def test_is_a_tests_when_it_could_not_be_told(self, threads: Threads, account: TestAccount) -> None:
        threads.failed("f1", Failed("fixed", "no key", True), NOW)
        assert kept(account)["expires"] == int(NOW) + 90 * DAY

    def test_is_what_the_table_goes_by(self) -> None:
        table = json.loads(TEMPLATE.read_text("utf-8"))["Resources"]["Journal"]["Properties"]
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}

    def test_leaves_a_new_thread_behind(self, threads: Threads, account: TestAccount) -> None:
        threads.attempt(threads.read("f1"), "fixed", NOW)
        account.client("dynamodb").delete_item(
            TableName=TABLE, Key=items.item({"pk": "THREAD#slack#f1", "sk": "THREAD"})
        )
        anew = threads.read("f1")
        assert (anew.told, anew.root, anew.rev) == ((), "", 0)
        assert threads.attempt(anew, "fixed", NOW).rev == 1


def test_why_a_test_failed_is_kept_until_it_is_told_after_all(threads: Threads) -> None:
    thread = threads.attempt(threads.read("f1"), "fixed", NOW)
    threads.failed("f1", Failed("fixed", "no answer", False), NOW)
    threads.failed("f1", Failed("fixed", "no answer either", False), NOW)
    threads.failed("f1", Failed("undone", "no key", True), NOW)
    thread = threads.read("f1")
    assert thread.attempts == {"fixed": NOW}
    assert [(one.key, one.why) for one in thread.failed] == [("fixed", "no answer either"), ("undone", "no key")]
    threads.sent(thread, told("fixed"), "C1", "1.0")
    assert [one.key for one in threads.read("f1").failed] == ["undone"]
