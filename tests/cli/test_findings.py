from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib import items, records
from chalicelib.events import name_of
from tests.account import NOW, TABLE
from tests.cli.terminal import Terminal


def plant(terminal: Terminal, *ids: str, at: float = NOW) -> None:
    finding = terminal.breach()
    for name in ids:
        raw = records.finding_record(replace(finding, id=name, opened=at))
        terminal.account.client("dynamodb").put_item(TableName=TABLE, Item=items.item(raw))


def test_the_beginning_of_an_id_is_enough(terminal: Terminal) -> None:
    plant(terminal, "0a1b2c3d", "0a1c0000")
    for given in ("0a1b", "0A1B2C3D", "0a1b2c3d"):
        assert terminal.json("show", given)["id"] == "0a1b2c3d"


def test_more_than_one(terminal: Terminal) -> None:
    plant(terminal, "0a1b2c3d", "0a1c0000")
    line = terminal.fails(2, "show", "0a1")
    assert line.startswith("'0a1' could be 0a1")
    assert "0a1b2c3d (sg-" in line
    assert "0a1c0000 (sg-" in line
    assert line.endswith("admits 0.0.0.0/0 to port 22, 0.0 s ago): type more of it")
    plant(terminal, *(f"0a1b000{number}" for number in range(6)))
    assert "and 3 more: type more of it" in terminal.fails(2, "show", "0a1")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("x1", "'x1' is too short: give at least 3 characters of the finding's id"),
        ("zzz", "no finding starts with 'zzz'; ./parapet journal lists them"),
        ("0a1b2c3d4", "no finding starts with '0a1b2c3d4'; ./parapet journal lists them"),
        ("aaa", "no finding starts with 'aaa' in the last 90 days; ./parapet journal lists them"),
        ("aaaaaaaa", "no finding starts with 'aaaaaaaa' in the last 90 days; ./parapet journal lists them"),
        ("\x1b[2J", "no finding starts with '\\x1b[2J'; ./parapet journal lists them"),
    ],
)
@pytest.mark.parametrize("command", [("show",), ("undo",), ("exempt", "--until", "1d", "--why", "a reason")])
def test_none(terminal: Terminal, command: tuple[str, ...], given: str, line: str) -> None:
    assert terminal.fails(2, *command, given) == line


def test_beyond_ninety_days_only_the_whole_id_counts(terminal: Terminal) -> None:
    plant(terminal, "0a1b2c3d", at=NOW - 91 * 86400)
    assert terminal.json("show", "0a1b2c3d")["id"] == "0a1b2c3d"
    assert terminal.fails(2, "show", "0a1b").startswith("no finding starts with '0a1b' in the last 90 days")


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::123456789012:user/alice", "alice"),
        ("arn:aws:iam::123456789012:user/staff/alice", "alice"),
        ("arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com", "alice@example.com as Admin"),
        ("arn:aws-us-gov:sts::123456789012:federated-user/bob", "bob"),
        ("arn:aws:iam::123456789012:root", "root"),
    ],
)
def test_who_asks(arn: str, name: str) -> None:
    assert name_of(arn) == name
