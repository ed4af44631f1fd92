"""The function as Lambda calls it: messages of its queue in, changes in the ledger's table."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from chalice import Chalice

from chalicelib import telemetry, wiring
from chalicelib.functions import ledger as module
from chalicelib.ledger import entry, frames
from chalicelib.ledger.book import Book
from local.trail.catalog import is_data_plane
from tests.account import NOW, TABLE, TestAccount
from tests.functions.test_notify import Context
from tests.ledger.shelf import NAME, Shelf
from tests.rights import CHANGES, LEDGER
from tests.samples import REGION, cloudtrail


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    token = telemetry.stream.set(written)
    yield written
    telemetry.stream.reset(token)


def stand(account: TestAccount) -> Book:
    """Make the table, as the stack does; returns the ledger as people read it."""
    account.client("dynamodb").create_table(TableName=LEDGER, **CHANGES)
    return Book(account.ours, LEDGER)


@contextmanager
def keeping(account: TestAccount) -> Iterator[None]:
    """The environment of the function."""
    caches = (module.settings, module.book, module.began)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_LEDGER": LEDGER,
        }.items():  # fmt: skip
            patch.setenv(name, value)
        before = list(wiring._given)
        wiring.use(account.functions)
        for cache in caches:
            cache.cache_clear()
        Chalice(app_name="parapet").register_blueprint(module.blueprint)
        yield
        wiring._given[:] = before
        for cache in caches:
            cache.cache_clear()


def invoke(account: TestAccount, *bodies: Any, left: int = 30_000) -> list[str]:
    """Hand messages to the function; returns which of them go back."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    records = [
        {"messageId": str(number), "receiptHandle": "r", "body": text, "attributes": {}, "eventSource": "aws:sqs"}
        for number, text in enumerate(texts)
    ]
    answer = account.running("ledger", module.ledger)({"Records": records}, Context(milliseconds=left))
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def deleted(bucket: str = "shop-logs", **more: Any) -> dict[str, Any]:
    return cloudtrail("s3:DeleteBucket", {"bucketName": bucket}, **more)


def play(account: TestAccount) -> None:
    """Keep what was changed."""
    stand(account)
    with keeping(account):
        assert invoke(account, deleted()) == []


def test_keeps_what_was_changed_under_its_role_with_data_events_alone(account: TestAccount) -> None:
    book = stand(account)
    with keeping(account):
        first = deleted()
        assert invoke(account, first, deleted("two"), first) == []
        assert invoke(account, deleted("three")) == []
    kept = book.between(NOW - 60, NOW).changes
    assert sorted(one.resources[0] for one in kept) == ["shop-logs", "three", "two"]
    assert {(one.actor, one.ip) for one in kept} == {("alice", "198.51.100.7")}
    assert book.began() is not None
    made = {(one.service, one.operation) for one in account.wire.calls if one.service == "dynamodb"}
    ours = {("dynamodb", "BatchWriteItem"), ("dynamodb", "UpdateItem")}
    assert ours <= made
    # What is no management event can wake no rule of ours: the ledger never hears of itself.
    assert all(is_data_plane(*call) for call in ours)


def test_what_cannot_be_read_goes_back_and_the_rest_is_kept(account: TestAccount, log: io.StringIO) -> None:
    book = stand(account)
    secret = "xoxb-" + "1234567890-synthetic"
    with keeping(account):
        bodies = ("{", "[]", {"detail": secret}, deleted(), "[" * 100_000, {**deleted(), "account": "210987654321"})
        assert invoke(account, *bodies) == ["0", "1", "2", "4", "5"]
    assert [one.resources[0] for one in book.between(NOW - 60, NOW).changes] == ["shop-logs"]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [one["message_id"] for one in lines if one.get("outcome") == "BadEvent"] == ["0", "1", "2", "4", "5"]
    assert all("is it an EventBridge event?" in one["message"] for one in lines if one.get("message_id") == "2")
    assert secret not in log.getvalue()


def test_without_its_table_everything_goes_back(account: TestAccount, log: io.StringIO) -> None:
    with keeping(account):
        assert invoke(account, deleted(), deleted("two")) == ["0", "1"]
        stand(account)
        # It is tried anew, not remembered.
        assert invoke(account, deleted()) == []
    assert "ResourceNotFoundException" in log.getvalue()


def test_only_what_could_not_be_kept_goes_back(
    account: TestAccount, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, some = Shelf(), [deleted(), deleted("two"), deleted("three")]
    shelf.refused = (entry.change(some[1]).id, "ValidationException")
    with keeping(account):
        monkeypatch.setattr(module, "book", lambda _account: Book(shelf, NAME))
        assert invoke(account, *some) == ["1"]
        # DynamoDB takes nothing for a while: it is waited for as long as there is time.
        shelf.refused, shelf.refuses = ("", ""), [25] * 100
        again = invoke(account, *some, left=21_500)
        shelf.refuses = []
        assert again == ["0", "1", "2"]
        assert invoke(account, *some, left=20_000) == ["0", "1", "2"]
        assert invoke(account, *some) == []
    assert len(Book(shelf, NAME).between(NOW - 60, NOW).changes) == 3
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    told = [(one["message_id"], one["message"]) for one in lines if one.get("outcome") == "refused"]
    assert told[0] == ("1", "not kept: dynamodb:batch_write_item answered ValidationException: no")
    assert told[1:4] == [(number, "not kept: DynamoDB did not take all of it") for number in "012"]
    assert told[4:] == [(number, "not kept: there was no time left") for number in "012"]


def test_what_nobody_expected_of_one_message_does_not_keep_the_others(
    account: TestAccount, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, odd = stand(account), deleted("odd")

    def kept(frame: Any) -> None:
        if frame["id"] == odd["id"]:
            raise KeyError("shop-logs")

    with keeping(account):
        monkeypatch.setattr(frames, "kept", kept)
        assert invoke(account, deleted(), odd, deleted("two")) == ["1"]
    assert len(book.between(NOW - 60, NOW).changes) == 2
    [line] = [json.loads(one) for one in log.getvalue().splitlines() if '"KeyError"' in one]
    assert (line["message_id"], line["message"]) == ("1", "not kept: Parapet cannot read it")
