from __future__ import annotations

from tests.account import NOW, TABLE
from tests.cli.terminal import GUARDRAIL, Terminal


def test_stops_fixing_until_resumed(terminal: Terminal) -> None:
    terminal.account.mode(GUARDRAIL, event="enforce", sweep="approve")
    said = terminal.out("pause", "--why", "a deployment")
    assert said == (
        "Paused until `./parapet resume`: nothing is fixed from now on. "
        "Findings are still recorded and told, as held.\n"
        "What one asks for (undo, exempt) is still done.\n"
    )
    finding = terminal.breach()
    assert (finding.status, finding.history[-1].note) == ("held", "fixing is paused by moto: a deployment")
    said = terminal.out("status")
    assert said.startswith(
        "PAUSED by moto since 2026-11-18 11:06:41 UTC, until `./parapet resume`: a deployment. "
        "Nothing is fixed, telling goes on.\n"
    )
    assert "Standing: 1 held.\n" in said
    said = terminal.out("resume")
    assert said == (
        "Parapet fixes again (moto had paused it: a deployment). "
        f"Held meanwhile and looked at again now: {finding.id}.\n"
    )
    [event] = terminal.events()
    assert event["detail-type"] == "Parapet Look Again"
    assert event["detail"] == {"service": "ec2", "finding": finding.id}
    terminal.account.pipeline("ec2").look_again(finding.id, "r")
    assert [one.status for one in terminal.account.findings()] == ["fixed"]


def test_for_a_while(terminal: Terminal) -> None:
    assert terminal.json("pause", "30m", "--why", "a deployment") == {
        "paused": {
            "who": "moto", "why": "a deployment", "at": "2026-11-18T11:06:41Z", "until": "2026-11-18T11:36:41Z",
        }
    }  # fmt: skip
    said = terminal.out("pause", "30m", "--why", "a deployment")
    assert said.startswith("Paused until 2026-11-18 11:36:41 UTC (in 30 min), or `./parapet resume`: ")
    assert "until 2026-11-18 11:36:41 UTC (in 30 min): a deployment." in terminal.out("status")
    terminal.account.clock.forward(1801)
    assert terminal.out("status").startswith("Not paused")
    assert terminal.breach().status == "fixed"


def test_resume_says_who_had_paused(terminal: Terminal) -> None:
    assert terminal.json("resume")["was_paused"] is None
    assert "(it was not paused)" in terminal.out("resume")
    terminal.out("pause", "--why", "a deployment")
    document = terminal.json("resume")
    assert document["was_paused"]["who"] == "moto"
    assert document["looks_again"] == []
    assert terminal.json("status")["paused"] is None


def test_what_somebody_set_in_the_console_counts(terminal: Terminal) -> None:
    key = {"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}}
    terminal.account.client("dynamodb").put_item(TableName=TABLE, Item={**key, "pause": {"S": "stop!"}})
    assert terminal.out("status").startswith(
        "PAUSED by somebody in the console, until `./parapet resume`: stop!. Nothing is fixed"
    )


def test_wrong_use(terminal: Terminal) -> None:
    assert terminal.fails(2, "pause") == "Missing option '--why'. (./parapet pause --help)"
    assert terminal.fails(2, "pause", "--why", "") == "--why is empty: say why, others will want to know"
    assert terminal.fails(2, "pause", "long", "--why", "x") == ("pause: 'long' is not a duration such as 30m, 2h or 7d")
    assert terminal.account.journal.pause() is None


def test_status_counts(terminal: Terminal) -> None:
    assert terminal.out("status") == (
        "Not paused: what the settings say to fix is fixed.\n"
        "Standing: nothing.\nLast 30 days: nothing.\nJournal: parapet-test in eu-west-1.\n"
    )
    terminal.breach()
    terminal.account.mode(GUARDRAIL, event="approve")
    terminal.breach()
    terminal.account.clock.forward(31 * 86400)
    terminal.account.enforce()
    terminal.out("undo", terminal.breach().id)
    terminal.breach()
    document = terminal.json("status")
    assert document == {
        "table": TABLE,
        "region": "eu-west-1",
        "paused": None,
        "standing": {"observed": 0, "asked": 1, "held": 0, "fixing": 0, "failed": 0},
        "lately": {"fixed": 1, "gone": 0, "noted": 0, "undoing": 0, "undone": 1, "exempted": 0},
        "lately_days": 30,
    }
    assert "Standing: 1 asked.\nLast 30 days: 1 fixed, 1 undone.\n" in terminal.out("status")
    assert terminal.account.clock() >= NOW + 31 * 86400
