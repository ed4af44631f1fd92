"""`revert`, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.terminal import Terminal
from tests.guardrails.test_ec2_security_group_changed import BY_ID, OFFICE, SCENARIO, asked
from tests.reverting import Reverting, reverting
from tests.rights import LEDGER


@pytest.fixture
def room(terminal: Terminal) -> Iterator[Reverting]:
    with reverting(terminal.account) as one:
        terminal.environment |= {"PARAPET_LEDGER": LEDGER, "PARAPET_SETTINGS": str(one.settings)}
        yield one


def test_asks_and_once_approved_it_is_done(terminal: Terminal, room: Reverting) -> None:
    group, event = room.happen(SCENARIO)
    change, broken = event["detail"]["eventID"], SCENARIO.state(room.account, group)
    first, second = terminal.out("revert", change).splitlines()
    assert first.startswith(f"Asked: alice revoked ingress tcp 443-443 {OFFICE}, ingress tcp 8443-8443 {OFFICE} of")
    assert SCENARIO.state(room.account, group) == broken
    [finding] = room.account.findings()
    assert second.startswith(f"`./parapet approve {finding.id}` does it")
    told = terminal.json("revert", change)
    assert (told["finding"], told["guardrail"]) == (finding.id, SCENARIO.guardrail)
    assert terminal.out("approve", finding.id).startswith("Approved, and fixed")
    assert SCENARIO.state(room.account, group) != broken


def test_says_at_once_what_has_become_of_it(terminal: Terminal, room: Reverting) -> None:
    _, event = room.happen(SCENARIO)
    change = event["detail"]["eventID"]
    terminal.out("revert", change)
    [finding] = room.account.findings()
    terminal.out("approve", finding.id)
    before = room.account.clock()
    said = terminal.fails(1, "revert", change)
    assert said.startswith(f"not taken back: that was done already: moto approved finding {finding.id}, fixed at ")
    assert said.endswith(f"./parapet undo {finding.id} takes that back")
    told = terminal.run("revert", change, "--json")
    assert (told.exit_code, json.loads(told.stdout)["finding"], json.loads(told.stdout)["status"]) == (
        1, finding.id, "fixed",
    )  # fmt: skip
    assert room.account.clock() - before < 1, "nobody is waited for"
    assert room.api.error(409, "POST", f"/v1/changes/{change}/revert").endswith("takes that back")


def test_says_at_a_terminal_what_is_waited_for(terminal: Terminal, room: Reverting) -> None:
    _, event = room.happen(SCENARIO)
    terminal.person = True
    assert "Waiting until guard_ec2 asks people" in terminal.run("revert", event["detail"]["eventID"]).stderr


def test_says_what_is_not_offered(terminal: Terminal, room: Reverting) -> None:
    change = room.keep(asked("RevokeSecurityGroupIngress", BY_ID))
    assert "not taken back: it names rules by their ids alone" in terminal.fails(1, "revert", change)
    assert "the ledger has no such change" in terminal.fails(1, "revert", "nonsense")


def test_says_that_no_question_came_of_it(terminal: Terminal, room: Reverting) -> None:
    group, event = room.happen(SCENARIO)
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": OFFICE}]}
    room.account.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    said = terminal.fails(3, "revert", event["detail"]["eventID"], "--wait", "2s")
    assert "no longer as it left it" in said
    assert room.account.findings() == []
