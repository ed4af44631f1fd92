from __future__ import annotations

from tests.cli.terminal import GUARDRAIL, Terminal
from tests.samples import ACCOUNT, REGION

WHY = ("--why", "the vendor needs it")


def rows(said: str) -> list[list[str]]:
    """The cells of each line of a table, without heading and advice."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in said.splitlines()[1:-1]]


def test_the_soonest_end_comes_first(terminal: Terminal) -> None:
    undone = terminal.breach()
    terminal.out("undo", undone.id, "--for", "2h", "--why", "a migration")
    terminal.account.mode(GUARDRAIL, event="approve")
    asked = terminal.breach()
    terminal.out("exempt", asked.id, "--until", "1d", *WHY)
    terminal.out("exempt", "--resource", "sg-1", "--until", "1h", *WHY)
    [waiver] = terminal.account.journal.waivers()
    terminal.account.clock.at = 1_795_000_002.0
    assert rows(terminal.out("exemptions")) == [
        ["2026-11-18 12:06:42 UTC (in 60 min)", "waiver", waiver.id, "resource=sg-1", "moto", "the vendor needs it"],
        ["2026-11-18 13:06:41 UTC (in 120 min)", "undone", undone.id, undone.why, "moto", "a migration"],
        ["2026-11-19 11:06:41 UTC (in 24 h)", "exempted", asked.id, asked.why, "moto", "the vendor needs it"],
    ]
    ends = [one["id"] for one in terminal.json("exemptions", "--ending", "3h")["exemptions"]]
    assert ends == [waiver.id, undone.id]


def test_what_a_waiver_lets_stand_is_counted_with_it(terminal: Terminal) -> None:
    terminal.out("exempt", "--guardrail", GUARDRAIL, "--until", "1d", *WHY)
    finding = terminal.breach()
    assert finding.status == "exempted"
    [row] = rows(terminal.out("exemptions"))
    assert row[3] == f"guardrail={GUARDRAIL} (1 now)"
    [one] = terminal.json("exemptions")["exemptions"]
    assert (one["kind"], one["scope"], one["covers"]) == ("waiver", {"guardrail": GUARDRAIL}, 1)


def test_in_json_a_finding_tells_what_it_is_about(terminal: Terminal) -> None:
    finding = terminal.breach()
    terminal.out("undo", finding.id, "--for", "2h")
    assert terminal.json("exemptions")["exemptions"] == [
        {
            "kind": "undone",
            "id": finding.id,
            "what": finding.why,
            "scope": {
                "guardrail": GUARDRAIL, "account": ACCOUNT, "region": REGION,
                "resource": finding.violation.resource, "part": "tcp 22-22 0.0.0.0/0",
            },
            "since": "2026-11-18T11:06:41Z",
            "until": "2026-11-18T13:06:41Z",
            "who": "moto",
            "why": "",
            "covers": 1,
        }
    ]  # fmt: skip


def test_what_is_over_is_not_shown(terminal: Terminal) -> None:
    group = terminal.group()
    terminal.out("undo", terminal.breach(group).id, "--for", "30m")
    terminal.out("exempt", "--resource", "sg-1", "--until", "30m", *WHY)
    terminal.account.clock.forward(1860)
    assert terminal.out("exemptions") == "Nothing is permitted.\n"
    # The same violation again, in a new episode: the old one is no longer what is permitted.
    terminal.account.sweep(GUARDRAIL)
    new = terminal.account.findings()[-1]
    terminal.out("undo", new.id, "--for", "2h")
    assert [one["id"] for one in terminal.json("exemptions")["exemptions"]] == [new.id]


def test_nothing(terminal: Terminal) -> None:
    assert terminal.out("exemptions") == "Nothing is permitted.\n"
    assert terminal.out("exemptions", "--ending", "7d") == "Nothing is permitted that ends within 7d.\n"
    assert terminal.json("exemptions") == {"exemptions": []}
    assert terminal.fails(2, "exemptions", "--ending", "soon") == (
        "--ending: 'soon' is not a duration such as 30m, 2h or 7d"
    )
