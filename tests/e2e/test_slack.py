"""Slack over the wire: what people press and type is signed, passes API Gateway, and is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.workspace import ALICE, BOB, MALLORY
from tests.e2e.conftest import Terminal, eventually

pytestmark = pytest.mark.xdist_group("local account")


def opened(terminal: Terminal, name: str) -> dict[str, Any]:
    """The finding about a group of its own that alice opens: what is fixed too often is asked about."""
    group = terminal.json(f"aws ec2 create-security-group --group-name {name} --description x")["GroupId"]
    terminal.run(
        f"aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 22 --cidr 0.0.0.0/0"
    )

    def fixed() -> Any:
        found = terminal.findings(f"--resource {group}")
        return found and found[0]["status"] == "fixed" and found[0]

    found: dict[str, Any] = eventually(fixed)
    return found


@pytest.fixture
def asked(terminal: Terminal) -> Iterator[str]:
    """A finding that waits for a decision."""
    made = terminal.json("aws iam create-access-key --user-name bob")["AccessKey"]["AccessKeyId"]

    def waiting() -> Any:
        found = terminal.journal("iam_access_key_for_other")
        return next((one["id"] for one in found if made in one["why"] and one["status"] == "asked"), None)

    yield eventually(waiting)
    terminal.run(f"aws iam delete-access-key --user-name bob --access-key-id {made}")


def becomes(terminal: Terminal, finding: str, status: str) -> None:
    eventually(lambda: terminal.json(f"./parapet show {finding} --json")["status"] == status)


def alone(terminal: Terminal, user: str) -> str:
    """What somebody alone was told last."""
    told = [one for one in terminal.slack(user)["places"][0]["messages"] if one.get("ephemeral")]
    return json.dumps(told[-1], ensure_ascii=False) if told else ""


def typed(terminal: Terminal, user: str, text: str) -> str:
    terminal.post("command", **{"as": user, "channel": terminal.slack()["places"][0]["id"], "text": text})
    return alone(terminal, user)


def test_undo(terminal: Terminal) -> None:
    finding = opened(terminal, "undone")
    terminal.press(BOB.id, "undo", finding["id"])
    becomes(terminal, finding["id"], "undone")
    rules = terminal.run(f"aws ec2 describe-security-groups --group-ids {finding['resource']}").stdout
    assert "0.0.0.0/0" in json.dumps(json.loads(rules)["SecurityGroups"][0]["IpPermissions"])
    eventually(lambda: f"Undone: {finding['why']} · by bob" in terminal.lines())
    roots = [one for one in terminal.slack()["places"][0]["messages"] if finding["id"] in json.dumps(one)]
    assert len(roots) == 1, "its message is rewritten, not repeated"


def test_whoever_made_the_change_is_told_directly(terminal: Terminal) -> None:
    finding = opened(terminal, "told")
    eventually(lambda: finding["why"] in json.dumps(terminal.slack(ALICE.id)["places"][1]))
    assert finding["why"] not in json.dumps(terminal.slack(BOB.id)["places"][1])
    eventually(lambda: "Told alice directly" in terminal.lines())


@pytest.mark.parametrize(("action", "status"), [("approve", "fixed"), ("reject", "rejected")])
def test_a_question_is_answered(terminal: Terminal, asked: str, action: str, status: str) -> None:
    terminal.press(BOB.id, action, asked)
    becomes(terminal, asked, status)


def test_an_exemption_is_asked_for_in_a_modal(terminal: Terminal, asked: str) -> None:
    terminal.press(BOB.id, "exempt", asked)
    modal = eventually(lambda: terminal.slack(BOB.id)["modal"])
    given = {"for": "7d", "until": "2020-01-01", "why": "the vendor needs it"}
    answer = terminal.post("submit", **{"as": BOB.id, "modal": modal["id"], "values": given})
    assert "past" in answer["errors"]["until"]
    answer = terminal.post("submit", **{"as": BOB.id, "modal": modal["id"], "values": {**given, "until": ""}})
    assert (answer["errors"], terminal.slack(BOB.id)["modal"]) == ({}, None)
    becomes(terminal, asked, "exempted")


def test_who_is_not_in_the_group_is_refused(terminal: Terminal) -> None:
    finding = opened(terminal, "refused")
    terminal.press(MALLORY.id, "undo", finding["id"])
    assert "@parapet" in alone(terminal, MALLORY.id)
    assert terminal.json(f"./parapet show {finding['id']} --json")["status"] == "fixed"
    assert "may" in typed(terminal, MALLORY.id, f"/parapet undo {finding['id']}")


def test_a_command_is_answered_to_whoever_types_it(terminal: Terminal) -> None:
    assert "/parapet pause" in typed(terminal, ALICE.id, "/parapet help")
    before = alone(terminal, BOB.id)
    try:
        assert "paused" in typed(terminal, ALICE.id, "/parapet pause 5m service=rds why a migration")
        assert "service=rds" in typed(terminal, ALICE.id, "/parapet status")
    finally:
        typed(terminal, ALICE.id, "/parapet resume service=rds")
    assert alone(terminal, BOB.id) == before
