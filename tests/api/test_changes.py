"""The change ledger over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.account import NOW, TestAccount
from tests.api.ledgered import Ledgered, ledgered
from tests.samples import cloudtrail


@pytest.fixture
def room(account: TestAccount) -> Iterator[Ledgered]:
    with ledgered(account) as one:
        yield one


DELETED = cloudtrail("s3:DeleteBucket", {"bucketName": "shop-logs"}, at=NOW - 60)
OPENED = cloudtrail("ec2:AuthorizeSecurityGroupIngress", {"groupId": "sg-1"}, at=NOW - 30)
OLD = cloudtrail("s3:CreateBucket", {"bucketName": "shop-logs"}, at=NOW - 5 * 86400)


def test_what_was_changed_newest_first(room: Ledgered) -> None:
    room.kept(OLD, DELETED, OPENED)
    found = room.api.get("/v1/changes")
    assert [one["action"] for one in found["changes"]] == ["AuthorizeSecurityGroupIngress", "DeleteBucket"]
    assert found["changes"][1] == {
        "id": DELETED["detail"]["eventID"], "at": "2026-11-18T11:05:41Z", "action": "DeleteBucket",
        "source": "s3.amazonaws.com", "kind": "call", "account": "123456789012", "region": "eu-west-1",
        "resources": ["shop-logs"], "services": [], "actor": "alice", "role": "arn:aws:iam::123456789012:user/alice",
        "ip": "198.51.100.7", "tool": "aws-cli", "what": "bucketName=shop-logs", "error": "", "writes": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ({"resource": "shop-logs", "since": "30d"}, ["DeleteBucket", "CreateBucket"]),
        ({"actor": "bob"}, []),
        ({"action": "DeleteBucket"}, ["DeleteBucket"]),
        ({"q": "SG-1"}, ["AuthorizeSecurityGroupIngress"]),
        ({"since": "2026-11-01", "until": "2026-11-18T11:06:00Z"}, ["DeleteBucket", "CreateBucket"]),
    ],
)
def test_only_what_is_asked_for(room: Ledgered, query: dict[str, str], actions: list[str]) -> None:
    room.kept(OLD, DELETED, OPENED)
    assert [one["action"] for one in room.api.get("/v1/changes", **query)["changes"]] == actions


def test_page_by_page(room: Ledgered) -> None:
    room.kept(OLD, DELETED, OPENED)
    first = room.api.get("/v1/changes", limit="1", since="30d")
    second = room.api.get("/v1/changes", limit="2", since="30d", after=first["after"])
    assert [one["action"] for page in (first, second) for one in page["changes"]] == [
        "AuthorizeSecurityGroupIngress", "DeleteBucket", "CreateBucket",
    ]  # fmt: skip
    assert second["after"] is None


def test_who_did_it_as_the_ledger_knows(room: Ledgered) -> None:
    room.kept(DELETED, OPENED)
    found = room.api.get("/v1/who", action="DeleteBucket", resource="shop-logs", since="1h")
    assert (
        found["answer"]
        == "alice called DeleteBucket on shop-logs from 198.51.100.7 with aws-cli at 2026-11-18 11:05:41 UTC."
    )
    assert (found["source"], found["complete"], found["ledger_since"]) == ("ledger", True, "2026-10-19T11:06:41Z")
    [one] = found["calls"]
    assert [each["action"] for each in one["also"]] == ["AuthorizeSecurityGroupIngress"]


def test_who_did_it_as_cloudtrail_knows(room: Ledgered) -> None:
    for raw in (OLD, OPENED, DELETED):
        room.history.remember(raw["detail"])
    found = room.api.get("/v1/who", action="DeleteBucket")
    assert (found["source"], found["ledger_since"]) == ("cloudtrail", None)
    [one] = found["calls"]
    assert (one["ip"], one["actor"]) == ("198.51.100.7", "alice")
    assert [each["action"] for each in one["also"]] == ["AuthorizeSecurityGroupIngress"]


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("/v1/who", {}, "action is missing"),
        ("/v1/who", {"action": "A", "since": "200d"}, "reaches back more than 90 days"),
        (
            "/v1/who",
            {"action": "Delete*"},
            "'Delete*' is no call's name, and nothing stands for others: write one whole",
        ),
        ("/v1/changes", {"action": "Delete*"}, "is no call's name"),
        ("/v1/who", {"action": "A", "limit": "0"}, "limit: '0' is not"),
        ("/v1/changes", {"after": "../x"}, "is not what an answer of this route had there"),
        ("/v1/changes", {"service": "shop"}, "service: 'shop' is not one"),
        ("/v1/changes", {"since": "soon"}, "since"),
        ("/v1/changes", {"since": "1h", "until": "2h"}, "since is not before until"),
        ("/v1/changes", {"user": "x"}, "knows no query parameter 'user'"),
    ],
)
def test_what_to_mend(room: Ledgered, path: str, query: dict[str, str], says: str) -> None:
    assert says in room.api.error(400, "GET", path, query)


def test_without_a_table_or_its_name(room: Ledgered, monkeypatch: pytest.MonkeyPatch) -> None:
    room.account.client("dynamodb").delete_table(TableName="parapet-test-ledger")
    assert "table parapet-test-ledger does not exist in eu-west-1" in room.api.error(503, "GET", "/v1/changes")
    monkeypatch.delenv("PARAPET_LEDGER")
    assert "PARAPET_LEDGER is not set" in room.api.error(503, "GET", "/v1/changes")
