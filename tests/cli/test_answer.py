from __future__ import annotations

import json

import pytest

from chalicelib.model import Finding
from chalicelib.people import Person
from chalicelib.settings import Control
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT

# Who asks in these tests is whoever moto takes everybody for.
MOTO = f"arn:aws:sts::{ACCOUNT}:user/moto"


@pytest.fixture
def asked(terminal: Terminal) -> Finding:
    """A finding whose fix is asked for."""
    terminal.account.mode(GUARDRAIL, event="approve", sweep="approve")
    return terminal.breach()


def status(terminal: Terminal) -> str:
    """The status of the only finding."""
    [finding] = terminal.account.findings()
    return finding.status


class TestApproving:
    def test_fixes_now(self, terminal: Terminal, asked: Finding) -> None:
        said = terminal.out("approve", asked.id[:5], "--why", "nobody needs it")
        assert said == f"Approved, and fixed: {asked.why}.\n"
        assert status(terminal) == "fixed"
        [fixed] = terminal.account.findings()
        assert [(step.status, step.by, step.note) for step in fixed.history][1] == ("fixing", "moto", "nobody needs it")

    def test_fixes_what_a_pause_holds(self, terminal: Terminal) -> None:
        terminal.out("pause", "--why", "a deployment")
        held = terminal.breach()
        assert terminal.out("approve", held.id) == f"Approved, and fixed: {held.why}.\n"

    def test_is_recorded_with_who_asked_and_how(self, terminal: Terminal, asked: Finding) -> None:
        answer = terminal.json("approve", asked.id)
        assert (answer["kind"], answer["status"], answer["finding"]) == ("approve", "done", asked.id)
        assert (answer["who"], answer["by"], answer["via"], answer["question"]) == ("moto", MOTO, "cli", 1)

    def test_of_what_is_fixed_costs_no_waiting(self, terminal: Terminal) -> None:
        fixed = terminal.breach()
        assert terminal.fails(1, "approve", fixed.id) == f"refused: there is nothing to approve: {fixed.id} is fixed"
        answer = json.loads(terminal.run("approve", fixed.id, "--json").stdout)
        assert (answer["status"], answer["answer"]) == ("refused", f"there is nothing to approve: {fixed.id} is fixed")
        assert terminal.events() == []

    def test_that_fails_says_why(self, terminal: Terminal, asked: Finding) -> None:
        terminal.account.wire.fail(
            lambda _number, made: "deny" if made.operation == "RevokeSecurityGroupIngress" else None
        )
        line = terminal.fails(1, "approve", asked.id)
        assert line.startswith("tried, but failed: ")
        assert "RevokeSecurityGroupIngress" in line

    def test_without_an_answer_says_so(self, terminal: Terminal, asked: Finding) -> None:
        terminal.answering = False
        line = terminal.fails(3, "approve", asked.id, "--wait", "5s")
        assert line.startswith("no answer from guard_ec2 yet; command ")


class TestFourEyes:
    @pytest.fixture
    def own(self, terminal: Terminal, asked: Finding) -> Finding:
        """A finding on the change of whoever sits at the terminal."""
        assert asked.actor
        control = Control(four_eyes=True)
        terminal.account.set(control=control, people=(Person("alice", aws=(MOTO, asked.actor.arn)),))
        terminal.settings(
            f'commands.four_eyes = true\n[people.alice]\naws = ["{MOTO}", "{asked.actor.arn}"]\n'
            f'[guardrails.{GUARDRAIL}]\nmode = "approve"'
        )
        return asked

    def test_somebody_else_must_approve_ones_own_change(self, terminal: Terminal, own: Finding) -> None:
        assert terminal.fails(1, "approve", own.id) == (
            f"refused: somebody else must decide about {own.id} (commands.four_eyes): it is their own change; "
            "if it cannot wait for them, --break-glass with --why insists"
        )
        assert terminal.events() == []
        assert status(terminal) == "asked"

    def test_whoever_insists_breaks_the_glass_and_says_why(self, terminal: Terminal, own: Finding) -> None:
        assert terminal.fails(2, "approve", own.id, "--break-glass") == "who breaks the glass must say why"
        terminal.out("approve", own.id, "--break-glass", "--why", "an incident")
        assert status(terminal) == "fixed"

    def test_it_counts_for_every_decision(self, terminal: Terminal, own: Finding) -> None:
        until = ("--until", "1d", "--why", "a honeypot")
        assert terminal.fails(1, "exempt", own.id, *until).startswith("refused: somebody else must decide")
        assert terminal.fails(1, "reject", own.id, *until[2:]).startswith("refused: somebody else must decide")
        terminal.out("reject", own.id, "--break-glass", *until[2:])
        terminal.out("approve", own.id, "--break-glass", "--why", "an incident")
        assert terminal.fails(1, "undo", own.id).startswith("refused: somebody else must decide")
        terminal.out("undo", own.id, "--break-glass", "--why", "it was the wrong one")
        assert status(terminal) == "undone"


class TestRejecting:
    def test_leaves_it_and_asks_no_more(self, terminal: Terminal, asked: Finding) -> None:
        group = asked.violation.resource
        before = SCENARIO.state(terminal.account, group)
        said = terminal.out("reject", asked.id, "--why", "a honeypot")
        assert said == f"Rejected: {asked.why} stays so, and is not asked about again.\n"
        terminal.account.sweep(GUARDRAIL)
        assert status(terminal) == "rejected"
        assert SCENARIO.state(terminal.account, group) == before

    def test_needs_a_reason_and_a_question(self, terminal: Terminal, asked: Finding) -> None:
        assert terminal.fails(2, "reject", asked.id) == "Missing option '--why'. (./parapet reject --help)"
        assert terminal.fails(2, "reject", asked.id, "--why", " ").startswith("--why is empty")
        terminal.out("approve", asked.id)
        line = terminal.fails(1, "reject", asked.id, "--why", "a honeypot")
        assert line == f"refused: there is no question to reject: {asked.id} is fixed"


class TestAcknowledging:
    def test_is_noted_and_changes_nothing(self, terminal: Terminal, asked: Finding) -> None:
        assert terminal.out("acknowledge", asked.id, "--why", "on it") == f"Acknowledged: {asked.why}.\n"
        [finding] = terminal.account.findings()
        assert (finding.status, finding.acknowledged) == ("asked", "moto")

    def test_is_done_once(self, terminal: Terminal, asked: Finding) -> None:
        terminal.out("acknowledge", asked.id)
        assert terminal.fails(1, "acknowledge", asked.id) == f"refused: moto has acknowledged {asked.id} already"
