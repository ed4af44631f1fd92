"""`changes` and `who`, as they are typed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.ledger import entry
from tests.account import NOW
from tests.api.ledgered import Ledgered, ledgered
from tests.cli.terminal import Terminal
from tests.rights import LEDGER
from tests.samples import cloudtrail

DELETED = cloudtrail("s3:DeleteBucket", {"bucketName": "shop-logs"}, at=NOW - 60)
OPENED = cloudtrail("ec2:AuthorizeSecurityGroupIngress", {"groupId": "sg-1"}, at=NOW - 30, error="AccessDenied")


@pytest.fixture
def room(terminal: Terminal) -> Iterator[Ledgered]:
    terminal.environment["PARAPET_LEDGER"] = LEDGER
    with ledgered(terminal.account) as one:
        yield one


def test_what_was_changed(terminal: Terminal, room: Ledgered) -> None:
    room.kept(DELETED, OPENED)
    heading, *rows = terminal.out("changes").splitlines()
    assert heading.split() == ["WHEN", "WHAT", "ON", "WHO", "FROM", "WITH", "EXACTLY"]
    assert [[cell.strip() for cell in row.split("  ") if cell] for row in rows] == [
        [
            "30 s ago",
            "AuthorizeSecurityGroupIngress (AccessDenied)",
            "sg-1",
            "alice",
            "198.51.100.7",
            "aws-cli",
            "groupId=sg-1",
        ],
        ["60 s ago", "DeleteBucket", "shop-logs", "alice", "198.51.100.7", "aws-cli", "bucketName=shop-logs"],
    ]
    assert len(terminal.json("changes", "--resource", "shop-logs")["changes"]) == 1
    assert "There may be more: --limit 4" in terminal.out("changes", "--limit", "1")


def test_that_nothing_was_is_said_with_how_far_back_is_known(terminal: Terminal, room: Ledgered) -> None:
    assert "nothing has come into the ledger yet" in terminal.out("changes")
    room.kept()
    assert "the ledger goes back to 2026-10-19 11:06:41 UTC" in terminal.out("changes", "--actor", "carol")


def test_who_did_it_and_what_else(terminal: Terminal, room: Ledgered) -> None:
    room.kept(DELETED, OPENED)
    said = terminal.out("who", "DeleteBucket", "shop-logs", "--since", "1h")
    assert said.startswith(
        "alice called DeleteBucket on shop-logs from 198.51.100.7 with aws-cli at 2026-11-18 11:05:41 UTC."
    )
    assert "And within half an hour alice also:" in said
    assert "AuthorizeSecurityGroupIngress (AccessDenied)" in said
    assert "From the ledger; the ledger, which goes back to 2026-10-19 11:06:41 UTC, keeps 90 days." in said


def test_what_is_alike_is_told_once_and_no_wildcard_is_taken_for_a_name(terminal: Terminal, room: Ledgered) -> None:
    topics = [cloudtrail("sns:CreateTopic", {"name": f"t-{n}"}, at=NOW - 30 + n) for n in range(22)]
    made = cloudtrail("iam:CreateUser", {"userName": "mallory"}, at=NOW - 90)
    room.kept(made, DELETED, *topics)
    said = terminal.out("who", "DeleteBucket", "--since", "1h")
    assert "CreateTopic × 22, 11:06 UTC" in said
    assert "CreateUser" in said
    assert "'Delete*' is no call's name" in terminal.fails(2, "who", "Delete*")


def test_who_touched_a_resource(terminal: Terminal, room: Ledgered) -> None:
    room.kept(DELETED)
    found = terminal.json("who", "-", "arn:aws:s3:::shop-logs", "--since", "1h")
    assert (found["action"], [one["action"] for one in found["calls"]]) == (None, ["DeleteBucket"])


def test_who_did_it_as_cloudtrail_knows(terminal: Terminal, room: Ledgered) -> None:
    room.history.remember(DELETED["detail"])
    said = terminal.out("who", "DeleteBucket")
    assert "From     198.51.100.7" in said
    assert "From CloudTrail's history; the ledger, which is empty yet, keeps 90 days." in said


def test_what_hides_in_a_name_is_shown(terminal: Terminal, room: Ledgered) -> None:
    raw = cloudtrail("s3:DeleteBucket", {"bucketName": "shop\u202elogs\x1b[2J"}, at=NOW - 60)
    room.kept(raw)
    assert "\x1b" not in terminal.out("changes") + terminal.out("who", "DeleteBucket", "--since", "1h")
    assert "\u202e" not in "".join(entry.change(raw).resources)


def test_what_to_mend(terminal: Terminal, room: Ledgered) -> None:
    assert "there is no service 'shop'" in terminal.fails(2, "changes", "--service", "shop")
    assert "--since must be before --until" in terminal.fails(2, "changes", "--since", "1h", "--until", "2h")
    assert "'Delete*' is no call's name" in terminal.fails(2, "changes", "--action", "Delete*")
    assert "name a RESOURCE" in terminal.fails(2, "who", "-")
    assert "back more than 90 days" in terminal.fails(2, "who", "DeleteBucket", "--since", "200d")
    terminal.environment.pop("PARAPET_LEDGER")
    assert "PARAPET_LEDGER is not set" in terminal.fails(2, "changes")
