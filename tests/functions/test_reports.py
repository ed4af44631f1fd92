"""The function as Lambda calls it: a tick in, a query of the local Logs Insights, one notice in the outbox."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from chalice import Chalice

from chalicelib import registry, settings, wiring
from chalicelib.functions import reports as module
from chalicelib.model import ParapetError
from chalicelib.notices.outbox import Outbox
from chalicelib.reports import asking, decide
from chalicelib.reports.book import Book
from chalicelib.reports.desk import Desk
from chalicelib.reports.model import Report
from local.querying import Querying
from tests.account import TABLE, TestAccount
from tests.api import watched
from tests.functions.test_guards import TICK
from tests.functions.test_notify import Context
from tests.guardrails import test_lambda_alias_failing as functions
from tests.samples import ACCOUNT, REGION

BUCKET, GROUP = "acme-reports", "/aws/lambda/checkout"
# By everything that tells which log groups to read, and one into S3.
REPORTS = """
[[reports]]
name = "shop-errors"
query = "errors-top"
schedule = "rate(1 minute)"
service = "shop"
s3 = "acme-reports/logs"
slack = "#shop"
[[reports]]
name = "team"
query = "errors-top"
schedule = "rate(1 minute)"
tag = "team=shop"
[[reports]]
name = "rejects"
query = "vpc-rejects"
schedule = "rate(1 minute)"
[[reports]]
name = "changes"
query = "changes"
schedule = "rate(1 minute)"
"""


@functools.cache
def chosen() -> tuple[Report, ...]:
    """They, as the settings have them."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "parapet.toml"
        file.write_text(watched.SERVICES + REPORTS, "utf-8")
        return settings.load({"PARAPET_SETTINGS": str(file)}, registry.names(), ()).reports


def stand(account: TestAccount) -> None:
    """Make what they read and write."""
    functions.build(account)
    account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    logs = account.client("logs")
    logs.create_log_group(logGroupName=GROUP, tags={"team": "shop"})
    logs.create_log_stream(logGroupName=GROUP, logStreamName="one")


def write(account: TestAccount, at: float, *messages: str) -> None:
    """Write errors at a time."""
    events = [
        {"timestamp": int(at * 1000), "message": json.dumps({"level": "ERROR", "message": one})} for one in messages
    ]
    account.client("logs").put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events)


def play(account: TestAccount) -> None:
    """Run each of them, and have one cancelled that takes too long."""
    stand(account)
    account.everywhere()
    account.set(services=watched.services(), reports=chosen())
    clock = account.clock
    clock.at = time.time()
    with Querying(clock, takes=(1.0, 2.0)).plugged():
        ours = account.aws("reports")
        book = Book(ours, TABLE)
        work = Desk(
            lambda _region: ours, book, Outbox(ours, account.queues, account.routes), account.settings, clock,
            clock.forward, lambda: True,
        )  # fmt: skip
        work.work()
        clock.forward(61 + decide.LAG)
        work.work()
    with Querying(clock, takes=(1.0, 99_999.0)).plugged():
        clock.forward(61)
        shop = chosen()[0]
        work.turn(shop)
        clock.forward(5000)
        work.turn(shop)


@contextmanager
def reporting(account: TestAccount, patch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """The environment of the function."""
    file = folder / "parapet.toml"
    file.write_text(watched.SERVICES + REPORTS, "utf-8")
    for name, value in {
        "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_SLACK_QUEUE": account.queue,
        "PARAPET_SETTINGS": str(file),
    }.items():  # fmt: skip
        patch.setenv(name, value)
    before = list(wiring._given)
    wiring.use(account.functions)
    account.set(services=watched.services(), reports=chosen())
    Chalice(app_name="parapet").register_blueprint(module.blueprint)
    # What is written now is in the window of a minute that is over only later.
    with Querying(takes=(0.0, 0.0)).plugged():
        yield
    wiring._given[:] = before


@dataclass
class Watch:
    """What the function has for `time`."""

    at: float

    def time(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_a_tick(account: TestAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also at the turn of a minute: a time of the schedule that comes between two ticks is begun LAG later."""
    stand(account)
    book, turn = Book(account.ours, TABLE), (time.time() // 60 + 1) * 60
    write(account, time.time() - 30, "timeout", "timeout", "refused")
    watch = Watch(turn - 1)
    monkeypatch.setattr(module, "time", watch)
    with reporting(account, monkeypatch, tmp_path):
        tick: Any = account.running("reports", module.reports)
        # Nobody knew of them before.
        tick(TICK, Context(milliseconds=60_000))
        assert account.notices() == []
        assert [book.newest(one.name).status for one in chosen()] == ["new"] * 4  # type: ignore[union-attr]
        watch.at = turn + 1
        asking.ask(book, chosen()[0], "ada", watch.at, "0123456789abcdef")
        tick(TICK, Context(milliseconds=60_000))
    told = {one.name: one for one in account.notices()}
    notice = told["shop-errors"]
    assert notice.title == "Top error messages, shop: 2 rows"
    assert [row[:2] for row in notice.table] == [("error", "times"), ("timeout", "2"), ("refused", "1")]
    assert notice.destination.slack == "#shop"
    [stored] = account.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert stored["Key"].startswith("logs/shop-errors/")
    assert dict(notice.facts)["Rows"] == f"s3://{BUCKET}/{stored['Key']}"


def test_without_reports_nothing_is_asked(
    account: TestAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with reporting(account, monkeypatch, tmp_path):
        (tmp_path / "parapet.toml").write_text("", "utf-8")
        account.wire.reset()
        account.running("reports", module.reports)(TICK, Context(milliseconds=60_000))
        assert account.wire.calls == []


def test_without_its_rights_it_says_which(account: TestAccount) -> None:
    stand(account)
    account.set(services=watched.services(), reports=chosen())
    kept = [one for one in account.roles.documents["reports"]["Statement"] if one["Sid"] != "Rows"]
    account.hold("reports", {"Version": "2012-10-17", "Statement": kept})
    clock = account.clock
    clock.at = time.time()
    ours = account.aws("reports")
    book = Book(ours, TABLE)
    with Querying(clock, takes=(0.0, 0.0)).plugged():
        work = Desk(
            lambda _region: ours, book, Outbox(ours, account.queues, account.routes),
            replace(account.settings, reports=chosen()[:1]), clock, clock.forward, lambda: True,
        )  # fmt: skip
        work.work()
        clock.forward(61 + decide.LAG)
        work.work()
    unstored, notice = account.notices()
    assert unstored.title == "Report shop-errors is not in S3"
    assert "s3:PutObject" in unstored.lines[0]
    assert "AccessDenied" in unstored.lines[0]
    assert notice.name == "shop-errors"


def test_the_bucket_is_all_that_it_may_write_to(account: TestAccount) -> None:
    stand(account)
    account.set(services=watched.services(), reports=chosen())
    ours = account.aws("reports")
    ours("s3", "put_object", Bucket=BUCKET, Key="logs/shop-errors/x", Body=b"", ExpectedBucketOwner=ACCOUNT)
    for key in ("logs/team/x", "x"):
        with pytest.raises(ParapetError, match="AccessDenied"):
            ours("s3", "put_object", Bucket=BUCKET, Key=key, Body=b"", ExpectedBucketOwner=ACCOUNT)
