"""`revert`, as it is typed."""

from __future__ import annotations

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
