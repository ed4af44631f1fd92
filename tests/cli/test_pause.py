from __future__ import annotations

from tests.account import NOW, TABLE
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.samples import ACCOUNT


def test_stops_fixing_until_resumed(terminal: Terminal) -> None:
    terminal.account.mode(GUARDRAIL, event="enforce", sweep="approve")
    said = terminal.out("pause", "--why", "a deployment")
    assert said == (
        "Paused until `./parapet resume`: nothing is fixed from now on. "
        "Findings are still recorded and told, as held.\n"
        "What one asks for (undo, approve, exempt) is still done.\n"
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
            "scope": {},
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
    assert terminal.json("status")["paused"] == []


class TestAPart:
    def test_is_paused_and_nothing_else(self, terminal: Terminal) -> None:
        said = terminal.out("pause", "2h", "--service", "s3", "--region", "eu-west-1", "--why", "a migration")
        assert said.startswith(
            "Paused until 2026-11-18 13:06:41 UTC (in 2 h), or `./parapet resume --service s3 --region eu-west-1`: "
            "nothing of service=s3 region=eu-west-1 is fixed from now on. "
        )
        assert terminal.breach().status == "fixed"
        terminal.out("pause", "--guardrail", GUARDRAIL, "--why", "a deployment")
        assert terminal.breach().status == "held"

    def test_each_is_shown_with_how_to_lift_it(self, terminal: Terminal) -> None:
        terminal.out("pause", "2h", "--service", "s3", "--why", "a migration")
        terminal.out("pause", "--account", ACCOUNT, "--why", "a deployment")
        terminal.out("pause", "1h", "--guardrail", GUARDRAIL, "--why", "over by then")
        terminal.account.clock.forward(3601)
        assert terminal.out("status").splitlines()[:3] == [
            f"PAUSED for account={ACCOUNT} by moto since 2026-11-18 11:06:41 UTC, until "
            f"`./parapet resume --account {ACCOUNT}`: a deployment. Nothing of account={ACCOUNT} is fixed, "
            "telling goes on.",
            "PAUSED for service=s3 by moto since 2026-11-18 11:06:41 UTC, until 2026-11-18 13:06:41 UTC (in 60 min): "
            "a migration. Nothing of service=s3 is fixed, telling goes on.",
            "Standing: nothing.",
        ]
        assert [one["why"] for one in terminal.json("status")["paused"]] == ["a deployment", "a migration"]

    def test_is_resumed_alone(self, terminal: Terminal) -> None:
        here = ("--service", "ec2")
        terminal.out("pause", *here, "--why", "a deployment")
        held = terminal.breach()
        terminal.out("pause", "--service", "s3", "--why", "a migration")
        said = terminal.out("resume", *here)
        assert said.splitlines() == [
            "Parapet fixes service=ec2 again (moto had paused it: a deployment). "
            f"Held meanwhile and looked at again now: {held.id}.",
            "Still PAUSED for service=s3 by moto since 2026-11-18 11:06:41 UTC, until `./parapet resume --service s3`: "
            "a migration. Nothing of service=s3 is fixed, telling goes on.",
        ]
        assert terminal.breach().status == "fixed"

    def test_that_is_not_paused_leaves_what_is(self, terminal: Terminal) -> None:
        terminal.out("pause", "--service", "ec2", "--why", "a deployment")
        paused = "Paused: service=ec2, by moto (`./parapet resume --service ec2`)"
        assert terminal.fails(2, "resume") == f"there is no pause of everything to lift. {paused}"
        line = terminal.fails(2, "resume", "--service", "s3")
        assert line == f"there is no pause of service=s3 to lift. {paused}"
        assert terminal.breach().status == "held"


def test_what_somebody_set_in_the_console_counts(terminal: Terminal) -> None:
    key = {"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}}
    terminal.account.client("dynamodb").put_item(TableName=TABLE, Item={**key, "pause": {"S": "stop!"}})
    assert terminal.out("status").startswith(
        "PAUSED by somebody in the console, until `./parapet resume`: stop!. Nothing is fixed"
    )


def test_works_with_settings_that_cannot_be_used(terminal: Terminal) -> None:
    waiver = terminal.json("exempt", "--resource", "sg-1", "--until", "2d", "--why", "a honeypot")["exemption"]["id"]
    terminal.settings("[commands")
    assert "not TOML" in terminal.fails(2, "status")
    terminal.out("pause", "30m", "--service", "ec2", "--why", "the settings are broken")
    assert terminal.breach().status == "held"
    assert terminal.out("resume", "--service", "ec2").startswith("Parapet fixes service=ec2 again")
    assert terminal.out("exempt", "--end", waiver, "--why", "nor this").startswith("Ended: resource=sg-1")


def test_finds_the_stacks_table_with_settings_that_cannot_be_used(terminal: Terminal) -> None:
    terminal.settings("[commands")
    del terminal.environment["PARAPET_TABLE"]
    assert "in eu-west-1 there is no stack parapet-test with a Journal" in terminal.fails(2, "pause", "--why", "x")


def test_wrong_use(terminal: Terminal) -> None:
    assert terminal.fails(2, "pause") == "Missing option '--why'. (./parapet pause --help)"
    assert terminal.fails(2, "pause", "--why", "") == "--why is empty: say why, others will want to know"
    assert terminal.fails(2, "pause", "long", "--why", "x") == ("pause: 'long' is not a duration such as 30m, 2h or 7d")
    assert terminal.fails(2, "pause", "--service", "kmss", "--why", "x") == (
        "--service: 'kmss' has no guardrails; did you mean 'kms'?"
    )
    assert (
        terminal.fails(2, "pause", "--account", "1234", "--why", "x")
        == "--account: '1234' is not an account: 12 digits"
    )
    assert terminal.fails(2, "pause", "--region", "mars", "--why", "x") == (
        "--region: 'mars' is not a region such as eu-west-1, or global"
    )
    assert terminal.account.journal.pauses() == ()


def test_status_tells_what_waits_for_people(terminal: Terminal) -> None:
    terminal.account.mode(GUARDRAIL, event="approve")
    asked = terminal.breach()
    terminal.out("exempt", "--resource", "sg-1", "--until", "2d", "--why", "a honeypot")
    terminal.out("exempt", "--resource", "sg-2", "--until", "30d", "--why", "a honeypot")
    terminal.settings("commands.four_eyes = true")
    terminal.account.clock.forward(3600)
    said = terminal.out("status")
    assert "Waiting for an answer: 1, the oldest found 60 min ago (./parapet journal --status asked)\n" in said
    assert (
        "Ends soon: the exemption of resource=sg-1, 2026-11-20 11:06:41 UTC (in 47 h), by moto: a honeypot.\n" in said
    )
    assert "sg-2" not in said
    assert "Four eyes: on.\n" in said
    document = terminal.json("status")
    assert (document["questions"], document["four_eyes"]) == ([asked.id], True)
    assert [one["scope"] for one in document["ending"]] == [{"resource": "sg-1"}]


def test_status_counts(terminal: Terminal) -> None:
    assert terminal.out("status") == (
        "Not paused: what the settings say to fix is fixed.\n"
        "Standing: nothing.\nLast 30 days: nothing.\nFour eyes: off.\n"
        "Services: none yet (./parapet discover proposes some).\nJournal: parapet-test in eu-west-1.\n"
    )
    terminal.breach()
    terminal.account.mode(GUARDRAIL, event="approve")
    asked = terminal.breach()
    terminal.account.clock.forward(31 * 86400)
    terminal.account.enforce()
    terminal.out("undo", terminal.breach().id)
    terminal.breach()
    document = terminal.json("status")
    assert document == {
        "table": TABLE,
        "region": "eu-west-1",
        "paused": [],
        "standing": {"observed": 0, "asked": 1, "held": 0, "fixing": 0, "failed": 0, "rejected": 0},
        "lately": {"fixed": 1, "gone": 0, "noted": 0, "undoing": 0, "undone": 1, "exempted": 0},
        "lately_days": 30,
        "questions": [asked.id],
        "ending": [],
        "four_eyes": False,
        "services": [],
    }
    terminal.settings(
        '[[services]]\nname = "shop"\nentry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188" }'
    )
    assert "\nServices: shop; 1 objective.\n" in terminal.out("status")
    assert "\nLast 30 days: 1 fixed, 1 undone.\n" in terminal.out("status")
    assert terminal.account.clock() >= NOW + 31 * 86400
