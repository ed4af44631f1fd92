from __future__ import annotations

import pytest

from chalicelib.journal import Place
from tests.account import NOW
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT, REGION

WHY = ("--why", "the vendor needs it")


def test_a_standing_finding(terminal: Terminal) -> None:
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


def test_nothing_is_left_to_permit_of_what_is_fixed(terminal: Terminal) -> None:
    finding = terminal.breach()
    line = terminal.fails(1, "exempt", finding.id, "--until", "30d", *WHY)
    assert line == f"refused: {finding.id} is fixed: there is nothing standing to permit"


def test_before_anything_happened(terminal: Terminal) -> None:
    group = terminal.group()
    where = ("--guardrail", GUARDRAIL, "--resource", group)
    said = terminal.out("exempt", *where, "--until", "2h", *WHY)
    at = "2026-11-18 13:06:41 UTC (in 2 h)"
    assert said == f"Permitted: {GUARDRAIL} leaves all of {group} ({REGION}) alone until {at}.\n"
    assert terminal.account.deliver(SCENARIO.breach(terminal.account, group)) == []
    terminal.account.clock.forward(7201)
    [finding] = terminal.account.sweep(GUARDRAIL)
    assert finding.status == "fixed"


def test_one_part_in_another_region(terminal: Terminal) -> None:
    document = terminal.json(
        "exempt", "--guardrail", GUARDRAIL, "--resource", "sg-1", "--part", "tcp 22-22 0.0.0.0/0",
        "--region", "us-east-1", "--until", "2026-12-01T12:00", *WHY,
    )  # fmt: skip
    assert document == {
        "guardrail": GUARDRAIL, "account": ACCOUNT, "region": "us-east-1", "resource": "sg-1",
        "part": "tcp 22-22 0.0.0.0/0", "until": "2026-12-01T12:00:00Z", "who": "moto",
        "why": "the vendor needs it", "standing": [],
    }  # fmt: skip
    head = terminal.account.journal.head(Place(GUARDRAIL, ACCOUNT, "us-east-1", "sg-1"))
    assert head.exemption("tcp 22-22 0.0.0.0/0", NOW)
    assert head.exemption("tcp 23-23 0.0.0.0/0", NOW) is None


def test_a_finding_that_stands_already_is_named(terminal: Terminal) -> None:
    terminal.account.mode(GUARDRAIL, event="approve")
    finding = terminal.breach()
    where = ("--guardrail", GUARDRAIL, "--resource", finding.violation.resource)
    said = terminal.out("exempt", *where, "--until", "2h", *WHY)
    assert f"A finding about it stands open: ./parapet exempt {finding.id} --until … --why … closes it." in said
    assert terminal.json("exempt", *where, "--until", "2h", *WHY)["standing"] == [finding.id]
    assert terminal.json("exempt", *where, "--part", "another", "--until", "2h", *WHY)["standing"] == []


def test_what_belongs_to_the_account_has_no_region(terminal: Terminal) -> None:
    where = ("--guardrail", "iam_password_policy_weak", "--resource", ACCOUNT, "--until", "1d")
    assert terminal.json("exempt", *where, *WHY)["region"] == "global"


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
        (("abcd", *WHY), "Missing option '--until'. (./parapet exempt --help)"),
        (("abcd", "--until", "30d"), "Missing option '--why'. (./parapet exempt --help)"),
        (("abcd", "--until", "30d", "--why", " "), "--why is empty: say why, others will want to know"),
        (
            ("--until", "30d", *WHY),
            "exempt takes the ID of a finding, or --guardrail and --resource (and --part, --region)",
        ),
        (
            ("abcd", "--guardrail", GUARDRAIL, "--until", "30d", *WHY),
            "exempt takes the ID of a finding, or --guardrail and --resource (and --part, --region)",
        ),
        (
            ("--guardrail", "ec2_security", "--resource", "sg-1", "--until", "30d", *WHY),
            "there is no guardrail 'ec2_security'",
        ),
    ],
)
def test_wrong_use(terminal: Terminal, arguments: tuple[str, ...], line: str) -> None:
    assert terminal.fails(2, "exempt", *arguments) == line


def test_today_ends_tonight(terminal: Terminal) -> None:
    where = ("--guardrail", GUARDRAIL, "--resource", "sg-1")
    assert terminal.json("exempt", *where, "--until", "2026-11-18", *WHY)["until"] == "2026-11-19T00:00:00Z"
