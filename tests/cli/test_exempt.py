from __future__ import annotations

import pytest

from chalicelib import times
from chalicelib.journal import place
from chalicelib.model import Finding, Scope, Waiver
from tests.account import NOW
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT

WHY = ("--why", "the vendor needs it")
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
WHICH = (
    "exempt takes the ID of a finding, or what to leave alone (--guardrail, --resource, --tag, --principal …), "
    "or --end and the id of an exemption"
)


def waiver(terminal: Terminal) -> str:
    """The id of the only waiver there is."""
    [one] = terminal.account.journal.waivers()
    return one.id


class TestAFinding:
    def test_that_stands(self, terminal: Terminal) -> None:
        terminal.account.mode(GUARDRAIL, event="approve")
        finding = terminal.breach()
        said = terminal.out("exempt", finding.id[:4], "--until", "2026-12-31", *WHY)
        assert said == (
            f"Permitted: {finding.why}. It may stay so until 2027-01-01 00:00:00 UTC (in 44 d); "
            "then, if it is still so, it is fixed by itself.\n"
        )
        [permitted] = terminal.account.findings()
        assert (permitted.status, permitted.due) == ("exempted", 1_798_761_600)
        assert permitted.history[-1].note == "the vendor needs it"

    def test_that_is_permitted_already_may_be_so_for_longer(self, terminal: Terminal) -> None:
        finding = terminal.breach()
        terminal.out("undo", finding.id, "--for", "30m")
        terminal.out("exempt", finding.id, "--until", "2h", *WHY)
        [permitted] = terminal.account.findings()
        assert (permitted.status, permitted.due) == ("exempted", NOW + 0.5 + 7200)

    def test_asked_again_is_permitted_as_the_journal_then_has_it(self, terminal: Terminal) -> None:
        terminal.account.mode(GUARDRAIL, event="approve")
        finding = terminal.breach()
        for span in ("30d", "1h"):
            said = terminal.out("exempt", finding.id, "--until", span, *WHY)
            [left] = terminal.account.findings()
            permission = terminal.account.journal.head(place(left.violation)).exemption(left.violation.part, NOW)
            assert permission
            assert f"It may stay so until {times.absolute(permission.until)} " in said
        assert "until 2026-11-18 12:06:" in said, "what is asked last counts"

    def test_that_is_fixed_leaves_nothing_to_permit(self, terminal: Terminal) -> None:
        finding = terminal.breach()
        line = terminal.fails(1, "exempt", finding.id, "--until", "30d", *WHY)
        assert line == f"refused: there is nothing standing to permit: {finding.id} is fixed"
        assert terminal.events() == []


class TestAScope:
    def test_before_anything_happened(self, terminal: Terminal) -> None:
        group = terminal.group()
        said = terminal.out("exempt", "--guardrail", GUARDRAIL, "--resource", group, "--until", "2h", *WHY)
        assert said == (
            f"Permitted until 2026-11-18 13:06:41 UTC (in 2 h): guardrail={GUARDRAIL} resource={group}. "
            f"`./parapet exempt --end {waiver(terminal)} --why …` ends it early.\n"
        )
        [left] = terminal.account.deliver(SCENARIO.breach(terminal.account, group))
        assert left.status == "exempted"
        terminal.account.clock.forward(7201)
        assert [one.status for one in terminal.account.sweep(GUARDRAIL)] == ["exempted", "fixed"]

    def test_of_several_resources(self, terminal: Terminal) -> None:
        document = terminal.json(
            "exempt", "--guardrail", GUARDRAIL, "--resource", "sg-*", "--part", "tcp 22-22 0.0.0.0/0",
            "--region", "us-east-1", "--account", ACCOUNT, "--service", "ec2", "--until", "2026-12-01T12:00", *WHY,
        )  # fmt: skip
        assert document["standing"] == []
        given = document["exemption"]
        assert (given["id"], given["until"], given["who"], given["why"]) == (
            waiver(terminal), "2026-12-01T12:00:00Z", "moto", "the vendor needs it",
        )  # fmt: skip
        assert given["scope"] == {
            "guardrail": GUARDRAIL, "service": "ec2", "account": ACCOUNT, "region": "us-east-1", "resource": "sg-*",
            "part": "tcp 22-22 0.0.0.0/0",
        }  # fmt: skip

    def test_names_what_stands_and_leaves_it_alone(self, terminal: Terminal) -> None:
        terminal.account.mode(GUARDRAIL, event="approve", sweep="approve")
        finding = terminal.breach()
        here = ("exempt", "--resource", finding.violation.resource, "--until", "2h")
        assert terminal.json(*here, "--part", "another", *WHY)["standing"] == []
        said = terminal.out(*here, *WHY)
        assert f"1 standing now, left alone from the next look on (within the hour): {finding.id}.\n" in said
        terminal.account.sweep(GUARDRAIL)
        assert [one.status for one in terminal.account.findings()] == ["exempted"]

    def test_of_a_principal_counts_for_what_comes(self, terminal: Terminal) -> None:
        terminal.account.mode(GUARDRAIL, event="approve")
        asked = terminal.breach()
        said = terminal.out("exempt", "--principal", ALICE, "--until", "1d", *WHY)
        assert "It counts for what is brought about from now on; what stands now, `./parapet exempt ID`" in said
        assert asked.id not in said
        assert terminal.breach().status == "exempted"

    def test_of_a_tag_is_off_unless_the_settings_allow_it(self, terminal: Terminal) -> None:
        tagged = ("exempt", "--tag", "honeypot=yes", "--until", "1d", *WHY)
        assert terminal.fails(2, *tagged) == (
            "exemptions by tag are off, since whoever opens the door could also tag it: "
            "exemptions.by_tag = true in parapet.toml allows them"
        )
        terminal.settings("exemptions.by_tag = true")
        said = terminal.out(*tagged)
        assert "Which findings that stand now have this tag shows when they are looked at next.\n" in said
        assert [one.scope for one in terminal.account.journal.waivers()] == [Scope(tag="honeypot=yes")]


class TestItsEnd:
    def exempted(self, terminal: Terminal) -> Finding:
        finding_of = terminal.group()
        terminal.out("exempt", "--guardrail", GUARDRAIL, "--until", "30d", *WHY)
        return terminal.breach(finding_of)

    def test_before_its_time_fixes_what_it_let_stand(self, terminal: Terminal) -> None:
        finding = self.exempted(terminal)
        name = waiver(terminal)
        said = terminal.out("exempt", "--end", name[:6], "--why", "the vendor is gone")
        assert said == (
            f"Ended: guardrail={GUARDRAIL} is not exempted any longer. What it let stand is looked at again now.\n"
        )
        assert terminal.account.journal.waivers() == ()
        assert finding.status == "exempted"
        terminal.account.clock.forward(60)
        terminal.answer()
        assert [one.status for one in terminal.account.findings()] == ["exempted", "fixed"]

    def test_in_json(self, terminal: Terminal) -> None:
        self.exempted(terminal)
        name = waiver(terminal)
        assert terminal.json("exempt", "--end", name, *WHY)["ended"]["id"] == name

    def test_of_what_is_no_waiver(self, terminal: Terminal) -> None:
        finding = self.exempted(terminal)
        lists = "is no waiver; ./parapet exemptions lists them. `./parapet approve ID` fixes what a finding permits"
        assert terminal.fails(2, "exempt", "--end", finding.id, *WHY) == f"--end: '{finding.id}' {lists}"
        assert terminal.fails(2, "exempt", "--end", "", *WHY) == f"--end: '' {lists}"

    def test_of_what_could_be_several(self, terminal: Terminal) -> None:
        for name in ("0a1b000000000000", "0a1c000000000000"):
            given = Waiver(name, Scope(resource="sg-1"), NOW + 60, "bob", "a honeypot", NOW)
            terminal.account.journal.waive(given)
        line = terminal.fails(2, "exempt", "--end", "0a1", *WHY)
        assert line.startswith("--end: '0a1' could be 0a1b000000000000, 0a1c000000000000: type more of it. ")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("abcd", "--until", "2020-01-01", *WHY), "--until: 2020-01-01 is in the past"),
        (("abcd", "--until", "2026-11-17", *WHY), "--until: 2026-11-17 is in the past"),
        (
            ("abcd", "--until", "2026-13-01", *WHY),
            "--until: '2026-13-01' is not a date such as 2026-12-31, or a duration such as 30d",
        ),
        (("abcd", "--until", "9999-12-31", *WHY), "--until: 9999-12-31 is too far ahead"),
        (("abcd", "--until", "never", *WHY), "--until: 'never' is not a duration such as 30m, 2h or 7d"),
        (
            ("abcd", *WHY),
            "--until is missing: every exemption has an end, a date such as 2026-12-31 or 30d",
        ),
        (("--end", "abcd", "--until", "1d", *WHY), "--end ends an exemption now: leave --until out"),
        (("abcd", "--until", "30d"), "Missing option '--why'. (./parapet exempt --help)"),
        (("abcd", "--until", "30d", "--why", " "), "--why is empty: say why, others will want to know"),
        (("--until", "30d", *WHY), WHICH),
        (("abcd", "--guardrail", GUARDRAIL, "--until", "30d", *WHY), WHICH),
        (("abcd", "--end", "abcd", *WHY), WHICH),
        (
            ("--guardrail", "ec2_security_group", "--until", "30d", *WHY),
            "there is no guardrail 'ec2_security_group'; did you mean 'ec2_security_group_open'?",
        ),
        (
            ("--region", "eu-west-1", "--until", "30d", *WHY),
            "an exemption of region=eu-west-1 would switch Parapet off there: "
            "name a guardrail, resource, tag, principal (or pause)",
        ),
        (
            ("--resource", "*", "--until", "30d", *WHY),
            "resource: '*' may be anything: with * it needs a guardrail",
        ),
        (("--resource", "", "--until", "30d", *WHY), "--resource is empty: leave it out, or say which"),
        (
            ("--principal", "alice", "--until", "30d", *WHY),
            "--principal: 'alice' is not the ARN of a user or role, such as arn:aws:iam::123456789012:role/deploy, "
            "with * or not",
        ),
        (("--tag", "=yes", "--until", "30d", *WHY), "--tag: '=yes' is not a tag: its key, or key=value"),
        (
            ("--guardrail", GUARDRAIL, "--service", "s3", "--until", "30d", *WHY),
            f"{GUARDRAIL} is not a guardrail of s3: leave the service out",
        ),
        (
            ("--guardrail", "iam_password_policy_weak", "--region", "eu-west-1", "--until", "30d", *WHY),
            "region: nothing of iam_password_policy_weak is in eu-west-1: say global, or leave the region out",
        ),
    ],
)
def test_wrong_use(terminal: Terminal, arguments: tuple[str, ...], line: str) -> None:
    assert terminal.fails(2, "exempt", *arguments) == line
    assert terminal.account.journal.waivers() == ()


def test_today_ends_tonight(terminal: Terminal) -> None:
    terminal.out("exempt", "--resource", "sg-1", "--until", "2026-11-18", *WHY)
    assert [one.until for one in terminal.account.journal.waivers()] == [1_795_046_400.0]
