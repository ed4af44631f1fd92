from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import items, records
from chalicelib.model import Finding
from cli import bulk
from tests.account import NOW, TABLE
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.guardrails.test_ec2_security_group_open import authorise
from tests.samples import ACCOUNT, REGION
from tests.wire import Fault, Made

HERE = ("undo", "--guardrail", GUARDRAIL, "--since", "2h")
PREVIEW = "Nothing is done yet: the same with --yes does it.\n"


@pytest.fixture
def fixed(terminal: Terminal) -> list[Finding]:
    """Three fixes, a minute apart, the newest first."""
    found: list[Finding] = []
    for _ in range(3):
        found.insert(0, terminal.breach())
        terminal.account.clock.forward(60)
    return found


def drift(terminal: Terminal, finding: Finding) -> None:
    """Have somebody change the group after the fix, so that undoing would overwrite that."""
    ip = {"CidrIp": "0.0.0.0/0", "Description": "another rule, the same part"}
    authorise(terminal.account, finding.violation.resource, IpProtocol="tcp", FromPort=22, ToPort=22, IpRanges=[ip])


def statuses(terminal: Terminal) -> list[str]:
    """The statuses of all findings, the newest first."""
    return [one.status for one in reversed(terminal.account.findings())]


def outcomes(document: Any) -> dict[str, str]:
    """What became of each finding."""
    return {one["id"]: one["outcome"] for one in document["findings"]}


class TestThePreview:
    def test_shows_what_would_be_undone_and_does_nothing(self, terminal: Terminal, fixed: list[Finding]) -> None:
        heading, *rows, counts, nothing = terminal.out(*HERE, "--for", "30m").splitlines(keepends=True)
        assert heading.split("  ")[0] == "ID"
        assert [row.split()[0] for row in rows] == [one.id for one in fixed]
        cells = [cell.strip() for cell in rows[0].split("  ") if cell.strip()]
        assert cells == [fixed[0].id, fixed[0].violation.resource, fixed[0].why, "60 s ago", "alice", "yes"]
        assert counts == "3 of 3 can be undone, and may then stay so until 2026-11-18 11:39:41 UTC (in 30 min).\n"
        assert nothing == PREVIEW
        assert terminal.events() == []
        assert statuses(terminal) == ["fixed"] * 3

    def test_says_what_cannot_be_undone_and_why(self, terminal: Terminal) -> None:
        group = terminal.group()
        old = terminal.breach(group)
        terminal.account.clock.forward(60)
        new = terminal.breach(group)
        said = terminal.out(*HERE)
        assert f"{old.id} is not the latest finding of this violation: {new.id}\n" in said
        assert "1 of 2 can be undone" in said
        assert "; 1 cannot.\n" in said
        document = terminal.json(*HERE)
        assert outcomes(document) == {new.id: "possible", old.id: "impossible"}
        assert document["findings"][1]["answer"] == f"{old.id} is not the latest finding of this violation: {new.id}"
        assert document["findings"][1]["command"] is None

    def test_with_nothing_to_show(self, terminal: Terminal) -> None:
        said = "Nothing that was fixed then and is fixed now; ./parapet journal --status fixed lists what is.\n"
        assert terminal.out(*HERE, "--yes") == said
        assert terminal.json(*HERE)["findings"] == []

    def test_of_more_than_one_page(self, terminal: Terminal) -> None:
        finding = terminal.breach()
        for number in range(120):
            violation = replace(finding.violation, resource=f"sg-{number}")
            raw = records.finding_record(replace(finding, id=f"0a1b{number:04}", violation=violation))
            terminal.account.client("dynamodb").put_item(TableName=TABLE, Item=items.item(raw))
        assert "1 of 121 can be undone" in terminal.out(*HERE)


class TestChoosing:
    def ids(self, terminal: Terminal, *arguments: str) -> set[str]:
        return set(outcomes(terminal.json("undo", *arguments)))

    def test_by_when_it_was_fixed(self, terminal: Terminal, fixed: list[Finding]) -> None:
        newest, middle, oldest = (one.id for one in fixed)
        assert self.ids(terminal, "--since", "1h") == {newest, middle, oldest}
        assert self.ids(terminal, "--since", "130s") == {newest, middle}
        assert self.ids(terminal, "--since", "130s", "--until", "70s") == {middle}
        assert self.ids(terminal, "--since", "2026-11-18", "--until", "2026-11-18T11:07") == {oldest}

    def test_a_fix_that_came_long_after_the_finding(self, terminal: Terminal) -> None:
        terminal.account.mode(GUARDRAIL, event="approve")
        asked = terminal.breach()
        terminal.account.clock.forward(2 * 86400)
        terminal.out("approve", asked.id)
        assert self.ids(terminal, "--since", "1h") == {asked.id}

    def test_by_what_and_who(self, terminal: Terminal, fixed: list[Finding]) -> None:
        every = {one.id for one in fixed}
        group = fixed[1].violation.resource
        assert self.ids(terminal, "--since", "1h", "--resource", group) == {fixed[1].id}
        assert self.ids(terminal, "--since", "1h", "--resource", "sg-*") == every
        assert self.ids(terminal, "--since", "1h", "--account", ACCOUNT, "--region", REGION) == every
        assert self.ids(terminal, "--since", "1h", "--region", "us-east-1") == set()
        assert self.ids(terminal, "--since", "1h", "--guardrail", "s3_bucket_policy_public") == set()
        for who in ("alice", f"arn:aws:iam::{ACCOUNT}:user/alice", "arn:aws:iam::*:user/al*"):
            assert self.ids(terminal, "--since", "1h", "--by", who) == every
        assert self.ids(terminal, "--since", "1h", "--by", "bob") == set()


class TestDoingIt:
    def test_undoes_all_the_newest_first(self, terminal: Terminal, fixed: list[Finding]) -> None:
        terminal.answering = False
        terminal.run(*HERE, "--yes", "--wait", "1s")
        asked = [terminal.account.journal.command(event["detail"]["command"]) for event in terminal.events()]
        assert [one and one.finding for one in asked] == [one.id for one in fixed]
        terminal.answering = True
        said = terminal.out(*HERE, "--yes", "--for", "30m", "--why", "ours was the mistake")
        assert said.endswith("\n3 undone.\n")
        assert statuses(terminal) == ["undone"] * 3
        assert {one.history[-1].note for one in terminal.account.findings()} == {"ours was the mistake"}

    def test_goes_on_past_one_that_is_refused(self, terminal: Terminal, fixed: list[Finding]) -> None:
        drift(terminal, fixed[1])
        result = terminal.run(*HERE, "--yes")
        assert (result.exit_code, result.stderr) == (1, "parapet: refused: 1 of 3\n")
        summary, refused = result.stdout.splitlines()[-2:]
        assert summary == "2 undone, 1 refused."
        assert refused.startswith(f"  {fixed[1].id} refused: {fixed[1].violation.resource} has changed since the fix")
        assert statuses(terminal) == ["undone", "fixed", "undone"]

    def test_in_json(self, terminal: Terminal, fixed: list[Finding]) -> None:
        drift(terminal, fixed[1])
        result = terminal.run(*HERE, "--yes", "--json")
        assert result.exit_code == 1
        document = json.loads(result.stdout)
        assert list(outcomes(document).items()) == [
            (fixed[0].id, "undone"), (fixed[1].id, "refused"), (fixed[2].id, "undone"),
        ]  # fmt: skip
        assert "has changed since the fix" in document["findings"][1]["answer"]
        for one in document["findings"]:
            assert terminal.account.journal.command(one["command"])

    def test_asks_for_no_more_than_a_few_at_a_time(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bulk, "AT_ONCE", 2)
        for _ in range(5):
            terminal.breach()
        seen = []

        def sleep(_seconds: float) -> None:
            terminal.account.clock.forward(1)
            events = terminal.events()
            seen.append(len(events))
            terminal.carry_out(events)

        assert terminal.run(*HERE, "--yes", sleep=sleep).exit_code == 0
        assert seen == [2, 2, 1]
        assert statuses(terminal) == ["undone"] * 5

    def test_shows_how_far_it_is_on_a_terminal(self, terminal: Terminal, fixed: list[Finding]) -> None:
        terminal.person = True
        result = terminal.run(*HERE, "--yes")
        assert "\r3 of 3 answered, 0 asked" in result.stderr
        assert len(fixed) == 3


class TestAPerson:
    @pytest.mark.parametrize(
        ("typed", "after", "said"),
        [("y\n", "undone", "3 undone."), ("n\n", "fixed", "Nothing is done."), ("", "fixed", "Nothing is done.")],
    )
    def test_is_asked(self, terminal: Terminal, fixed: list[Finding], typed: str, after: str, said: str) -> None:
        terminal.person = True
        result = terminal.run(*HERE, typed=typed)
        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, said)
        assert "Undo 3 now? [y/N]: " in result.stderr
        assert statuses(terminal) == [after] * len(fixed)


class TestInterrupted:
    def test_what_is_asked_stays_asked(
        self, terminal: Terminal, fixed: list[Finding], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk, "AT_ONCE", 1)
        rounds = iter([None, KeyboardInterrupt()])

        def impatient(_seconds: float) -> None:
            if stop := next(rounds):
                raise stop
            terminal.answer()

        result = terminal.run(*HERE, "--yes", sleep=impatient)
        assert result.exit_code == 3
        assert result.stdout.splitlines()[-2:] == [
            "1 undone, 1 not answered yet, 1 not asked.", f"  {fixed[1].id} not answered yet",
        ]  # fmt: skip
        assert result.stderr == (
            "parapet: interrupted: 1 stay asked and may still be carried out "
            "(log: /aws/lambda/parapet-test-guard-ec2); 1 were not asked, which the same command does\n"
        )
        terminal.answer()
        assert statuses(terminal) == ["undone", "undone", "fixed"]
        assert terminal.out(*HERE, "--yes").endswith("\n1 undone.\n")

    def test_no_more_is_asked_for_once_nobody_answers(
        self, terminal: Terminal, fixed: list[Finding], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk, "AT_ONCE", 2)
        terminal.answering = False
        result = terminal.run(*HERE, "--yes", "--wait", "5s", "--json")
        assert (result.exit_code, list(outcomes(json.loads(result.stdout)).values())) == (
            3, ["asked", "asked", "not asked"],
        )  # fmt: skip
        assert result.stderr.startswith("parapet: no answer in time: 2 stay asked and may still be carried out")
        assert terminal.account.clock() == NOW + 180 + 5
        assert len(terminal.events()) == 2
        assert len(fixed) == 3

    def test_by_trouble_it_says_how_far_it_came(self, terminal: Terminal, fixed: list[Finding]) -> None:
        emitted = []

        def second(number: int, made: Made) -> Fault | None:
            if made.operation == "PutEvents" and number not in emitted:
                emitted.append(number)
            return "deny" if emitted[1:] == [number] else None

        terminal.account.wire.fail(second)
        result = terminal.run(*HERE, "--yes", "--json")
        assert (result.exit_code, list(outcomes(json.loads(result.stdout)).values())) == (
            4, ["asked", "asked", "not asked"],
        )  # fmt: skip
        assert result.stderr == "parapet: AWS denies events:PutEvents to you: not authorized\n"
        assert len(fixed) == 3


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("abcd", "--since", "2h"), "undo takes the ID of a finding, or --since and what narrows it, not both"),
        (("abcd", "--yes"), "undo takes the ID of a finding, or --since and what narrows it, not both"),
        (
            ("--guardrail", GUARDRAIL),
            "undo takes the ID of a finding, or --since (and --guardrail, --resource …) for many",
        ),
        (("--since", "soon"), "--since: 'soon' is not a duration such as 30m, 2h or 7d"),
        (("--since", "2026-12-01"), "--since: 2026-12-01 is in the future"),
        (("--since", "1h", "--until", "2h"), "--until 2h is before --since 1h"),
        (("--since", "1h", "--by", ""), "--by is empty: leave it out, or say who"),
        (
            ("--since", "1h", "--guardrail", "ec2_network_acl"),
            "there is no guardrail 'ec2_network_acl'; did you mean 'ec2_network_acl_open'?",
        ),
        (("--since", "1h", "--account", "mine"), "--account: 'mine' is not an account: 12 digits"),
        (("--since", "1h", "--break-glass"), "who breaks the glass must say why"),
    ],
)
def test_wrong_use(terminal: Terminal, arguments: tuple[str, ...], line: str) -> None:
    terminal.breach()
    assert terminal.fails(2, "undo", *arguments) == line
    assert terminal.events() == []
