from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.journal import place
from tests.account import NOW
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.samples import ACCOUNT, REGION, cloudtrail


def test_what_who_from_where_and_how_fast(terminal: Terminal) -> None:
    finding = terminal.breach()
    terminal.account.clock.forward(300)
    heading, row = terminal.out("journal").splitlines()
    assert heading.split("  ")[0] == "ID"
    assert [cell.strip() for cell in row.split("  ") if cell] == [
        finding.id, "5 min ago", "fixed", "high", finding.why, "alice", "198.51.100.7", "1.0 s",
    ]  # fmt: skip


def test_whose_where_there_are_several_accounts(terminal: Terminal) -> None:
    finding, journal = terminal.breach(), terminal.account.journal
    assert "ACCOUNT" not in terminal.out("journal")
    violation = replace(finding.violation, account="210987654321")
    look = journal.look([place(violation)], [violation.guardrail])
    entry = journal.head(place(finding.violation)).entries[violation.part]
    journal.open(
        replace(finding, id="0ther000", violation=violation),
        replace(entry, finding="0ther000"),
        look.heads[place(violation)],
        look.limits[violation.guardrail],
    )
    heading, *rows = terminal.out("journal").splitlines()
    assert "ACCOUNT" in heading
    assert {row.split()[6] for row in rows} == {"123456789012", "210987654321"}


def test_json(terminal: Terminal) -> None:
    finding = terminal.breach()
    terminal.account.clock.forward(300)
    document = terminal.json("journal")
    assert document == {
        "findings": [
            {
                "id": finding.id,
                "guardrail": GUARDRAIL,
                "account": ACCOUNT,
                "region": REGION,
                "resource": finding.violation.resource,
                "part": "tcp 22-22 0.0.0.0/0",
                "status": "fixed",
                "severity": "high",
                "origin": "event",
                "why": f"{finding.violation.resource} admits 0.0.0.0/0 to port 22",
                "opened": "2026-11-18T11:06:41Z",
                "age_seconds": 300,
                "actor": {
                    "who": "alice",
                    "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
                    "ip": "198.51.100.7",
                    "tool": "aws-cli/2.31.0",
                    "kind": "IAMUser",
                },
                "fixed": "2026-11-18T11:06:41Z",
                "remediation_seconds": 1.0,
                "source": None,
                "acknowledged": None,
                "question": 0,
            }
        ],
        "total": 1,
    }


def test_newest_first_and_no_more_than_asked_for(terminal: Terminal) -> None:
    first = terminal.breach()
    terminal.account.clock.forward(60)
    second = terminal.breach()
    rows = terminal.out("journal").splitlines()[1:]
    assert [row[:8] for row in rows] == [second.id, first.id]
    lines = terminal.out("journal", "--limit", "1").splitlines()
    assert (lines[1][:8], lines[2:]) == (second.id, ["… and 1 more: --limit 2"])
    document = terminal.json("journal", "--limit", "1")
    assert (len(document["findings"]), document["total"]) == (1, 2)


def test_filters(terminal: Terminal) -> None:
    old = terminal.breach()
    terminal.account.clock.forward(40 * 86400)
    terminal.account.mode(GUARDRAIL, event="approve")
    new = terminal.breach()

    def ids(*arguments: str) -> list[str]:
        return [one["id"] for one in terminal.json("journal", *arguments)["findings"]]

    assert ids() == [new.id]
    assert ids("--since", "41d") == [new.id, old.id]
    assert ids("--status", "fixed") == [old.id]
    assert ids("--status", "fixed", "--since", "1h") == []
    assert ids("--status", "asked") == [new.id]
    assert ids("--resource", old.violation.resource) == [old.id]
    assert ids("--resource", old.violation.resource, "--status", "asked") == []
    assert ids("--guardrail", GUARDRAIL) == [new.id]
    assert ids("--guardrail", "signin_root_used") == []


def test_nothing(terminal: Terminal) -> None:
    assert terminal.out("journal") == "Nothing found in the last 24h; --since 30d looks further back.\n"
    assert terminal.out("journal", "--status", "failed") == "Nothing found.\n"
    assert terminal.json("journal") == {"findings": [], "total": 0}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--since", "yesterday"), "--since: 'yesterday' is not a duration such as 30m, 2h or 7d"),
        (
            ("--guardrail", "ec2_image_open"),
            "there is no guardrail 'ec2_image_open'; did you mean 'ec2_image_public'?",
        ),
        (("--limit", "0"), "Invalid value for '--limit': 0 is not in the range x>=1. (./parapet journal --help)"),
    ],
)
def test_wrong_use(terminal: Terminal, arguments: tuple[str, ...], line: str) -> None:
    assert terminal.fails(2, "journal", *arguments) == line


def test_what_stood_before_has_nobody_to_blame(terminal: Terminal) -> None:
    group = terminal.group()
    terminal.account.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    terminal.account.sweep(GUARDRAIL)
    assert "found standing" in terminal.out("journal")
    assert terminal.json("journal")["findings"][0]["actor"] is None


def test_a_user_agent_cannot_move_the_cursor(terminal: Terminal) -> None:
    group = terminal.group()
    finding = terminal.breach(group)
    assert finding.actor
    nasty = replace(finding, id="00000000", actor=replace(finding.actor, who="al\x1b[2Jice\nroot", tool="\u202egnp"))
    _plant(terminal, nasty)
    for command in ("journal", "show"):
        said = terminal.out(*((command,) if command == "journal" else (command, "00000000")))
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert "al\ufffd[2Jice\ufffdroot" in said
    assert terminal.json("show", "00000000")["actor"]["who"] == "al\x1b[2Jice\nroot"


def _plant(terminal: Terminal, finding: object) -> None:
    from chalicelib import items, records
    from chalicelib.model import Finding
    from tests.account import TABLE

    assert isinstance(finding, Finding)
    raw = items.item(records.finding_record(finding))
    terminal.account.client("dynamodb").put_item(TableName=TABLE, Item=raw)


def test_an_event_of_an_hour_ago_shows_how_long_it_stood_open(terminal: Terminal) -> None:
    group = terminal.group()
    made = terminal.account.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    rules = [{"groupId": group, "securityGroupRuleId": made["SecurityGroupRules"][0]["SecurityGroupRuleId"]}]
    terminal.account.deliver(
        cloudtrail(
            "ec2:AuthorizeSecurityGroupIngress",
            {"groupId": group},
            {"securityGroupRuleSet": {"items": rules}},
            at=NOW - 3600,
        )
    )
    assert terminal.out("journal").splitlines()[1].endswith("60 min")
