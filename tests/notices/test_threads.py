"""The record of a thread: kept for ninety days after its last news, and for as long as news comes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import items
from chalicelib.notices.threads import Threads, Told
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
