"""Log lines, the ledger and explanations lie as long ago as the metrics that a faster clock has moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend
from moto.logs.models import LogStream

from chalicelib.aws import AccountAws
from chalicelib.explain.kept import Kept, Past
from chalicelib.ledger.book import Book
from local.cloudwatch.clock import Clock
from local.moving import Moving
from local.querying import Querying
from local.restored import restored
from tests.account import Clock as Wall
from tests.explain.rehearsals.stage import change
from tests.samples import ACCOUNT, REGION

# Ten minutes after midnight.
NOW = 1_795_219_800.0
GROUP, TABLE, JOURNAL = "/shop/web", "parapet-ledger", "parapet-journal"


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wall]:
    """moto's time, too, is this."""
    found = Wall(NOW)
    monkeypatch.setattr("moto.logs.models.utcnow", lambda: datetime.fromtimestamp(found.at, UTC).replace(tzinfo=None))
    plugs = ((LogStream, "get_log_events", "filter_log_events"), (DynamoDBBackend, "query", "put_item"))
    with mock_aws(), restored((owner, name) for owner, *names in plugs for name in names):
        yield found


@pytest.fixture
def clock(wall: Wall) -> Clock:
    return Clock(wall=wall)


@pytest.fixture
def logs(wall: Wall, clock: Clock) -> Iterator[Any]:
    moving = Moving(clock)
    moving.plug_in(TABLE, JOURNAL)
    client = boto3.client("logs", region_name=REGION)
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="one")
    with Querying(wall, takes=(0.0, 0.0), move=moving.lines).plugged():
        yield client


@pytest.fixture
def aws(clock: Clock) -> AccountAws:
    """The tables of the ledger and of the journal."""
    Moving(clock).plug_in(TABLE, JOURNAL)
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    client = boto3.client("dynamodb", region_name=REGION)
    for table in (TABLE, JOURNAL):
        client.create_table(
            TableName=table, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        )  # fmt: skip
    return AccountAws(lambda _service, _region: client, ACCOUNT, REGION)


@pytest.fixture
def book(aws: AccountAws) -> Book:
    return Book(aws, TABLE)


def ago(logs: Any, wall: Wall) -> list[float]:
    """How long ago each line was: as everybody who reads them is told."""
    page = logs.get_log_events(logGroupName=GROUP, logStreamName="one", startFromHead=True)["events"]
    found = [wall.at - one["timestamp"] / 1000 for one in page]
    since = int(NOW - 7200) * 1000
    filtered = logs.filter_log_events(logGroupName=GROUP, startTime=since)["events"]
    assert [wall.at - one["timestamp"] / 1000 for one in filtered] == found
    asked = logs.start_query(
        logGroupName=GROUP, startTime=int(NOW - 7200), endTime=int(wall.at) + 1,
        queryString="fields toMillis(@timestamp) as at | sort @timestamp asc",
    )  # fmt: skip
    rows = logs.get_query_results(queryId=asked["queryId"])["results"]
    assert [wall.at - float(row[0]["value"]) / 1000 for row in rows] == found
    return found


def line(logs: Any, at: float) -> None:
    logs.put_log_events(
        logGroupName=GROUP, logStreamName="one", logEvents=[{"timestamp": int(at * 1000), "message": "late"}]
    )


def test_lines_get_older_with_what_they_tell_of(logs: Any, wall: Wall, clock: Clock) -> None:
    line(logs, NOW - 30)
    wall.at += 10
    assert ago(logs, wall) == [40.0], "the wall's pace"
    clock.faster(60)
    wall.at += 10
    line(logs, wall.at)
    assert ago(logs, wall) == [50.0 + 590, 0.0]
    wall.at += 1
    assert ago(logs, wall) == [51.0 + 649, 60.0]
    clock.faster(1)
    wall.at += 100
    assert ago(logs, wall) == [151.0 + 649, 160.0], "what it has gained stays"
    line(logs, wall.at)
    assert ago(logs, wall)[-1] == 0.0


def test_changes_get_older_too(book: Book, wall: Wall, clock: Clock) -> None:
    book.begin(NOW)
    first = change(NOW, "UpdateFunctionCode", "lambda.amazonaws.com", ["images-resize"])
    book.write([first], {first.id: {"kind": "call"}})
    clock.faster(60)
    wall.at += 20
    second = change(wall.at, "DeleteBucket", "s3.amazonaws.com", ["shop-logs"])
    book.write([second])
    wall.at += 1
    told = book.between(wall.at - 7200, wall.at).changes
    # The day before it, now.
    assert [(one.id, wall.at - one.at) for one in told] == [(second.id, 60.0), (first.id, 21.0 * 60)]
    since, until = wall.at - 7200, wall.at - 120
    assert book.between(since, until, resource="images-resize").changes == (told[1],)
    assert book.between(since, until, actor="bob").changes == (told[1],)
    assert book.between(NOW - 60, wall.at).changes == (told[0],)
    assert book.began() == NOW - 20 * 59 - 59
    assert book.frame(first.id) == {"kind": "call"}
    # Delivered once more, it is one.
    book.write([first])
    wall.at += 1
    assert [one.id for one in book.between(wall.at - 7200, wall.at).changes] == [second.id, first.id]


def test_other_tables_stay_as_they_are(book: Book, wall: Wall, clock: Clock) -> None:
    Moving(clock).plug_in("another", JOURNAL)
    book.write([change(NOW, "DeleteBucket", "s3.amazonaws.com", ["shop-logs"])])
    clock.faster(60)
    wall.at += 20
    assert [one.at for one in book.between(NOW - 60, wall.at).changes] == [NOW]


def test_explanations_get_older_by_when_they_were_given_and_not_by_what_they_are_about(
    aws: AccountAws, wall: Wall, clock: Clock
) -> None:
    kept = Kept(aws, JOURNAL)
    clock.faster(60)
    wall.at += 60
    told = "shop fails since 23:41 UTC; because of UpdateService (23:39 UTC). So it was on 2026-11-20 00:30 UTC."
    # Of half an hour ago, as the metrics are told; and asked about twice.
    about = Past(wall.at - 1800, told, "UpdateService", "same", "e1", {"c1": wall.at - 1920})
    for id_ in ("e1", "e2"):
        kept.remember("shop", replace(about, id=id_))
        wall.at += 1
    [older, newer] = sorted(kept.past("shop", wall.at), key=lambda one: one.at)
    assert [wall.at - one.at for one in (older, newer)] == [1802 + 118, 1802 + 59]
    assert [one.at - one.changes["c1"] for one in (older, newer)] == [120.0, 120.0]
    # What is found by its time is found where it is now.
    assert kept.past("shop", wall.at - 1900) == [older]
    aws("dynamodb", "put_item", TableName=JOURNAL, Item={"pk": {"S": "FINDING#1"}, "sk": {"S": f"{NOW}#1"}})
    wall.at += 60
    assert kept.past("shop", wall.at)[0].answer == (
        "shop fails since 22:41 UTC; because of UpdateService (22:39 UTC). So it was on 2026-11-19 23:30 UTC."
    )
    found = aws("dynamodb", "query", TableName=JOURNAL, KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": "FINDING#1"}})["Items"]  # fmt: skip
    assert found == [{"pk": {"S": "FINDING#1"}, "sk": {"S": f"{NOW}#1"}}]
