"""`/parapet`: what people type, and what they alone are answered."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import tokens, wiring
from chalicelib.api import slack_answers, slack_words
from chalicelib.api.slack_words import Unclear
from chalicelib.model import Finding, Pause, Scope
from local import slack_limits
from local.workspace import Person
from tests.account import NOW
from tests.api.client import GUARDRAIL
from tests.api.slacking import ALICE, BOB, MALLORY, Slacking
from tests.api.test_slack_actions import four_eyes, now
from tests.samples import ACCOUNT

HOUR, DAY = 3600.0, 86400.0
SERVICE = Scope(service="ec2")


@pytest.fixture
def finding(room: Slacking) -> Finding:
    return room.api.breach()


class TestReading:
    def test_help_names_every_command_and_is_for_everybody(self, room: Slacking) -> None:
        for text in ("help", "", "  ", "HELP"):
            said = room.type(MALLORY, text)
            assert all(f"/parapet {verb}" in said for verb in slack_words.USES)

    def test_findings_are_what_stands_open(self, room: Slacking, finding: Finding) -> None:
        assert room.type(ALICE, "findings") == "Nothing stands open."
        room.account.mode(GUARDRAIL, event="approve")
        asked = room.api.breach()
        for text in ("findings", "findings ec2"):
            said = room.type(ALICE, text)
            assert asked.id in said
            assert finding.id not in said
        assert room.type(ALICE, "findings s3") == "There is no finding about s3."

    def test_findings_about_a_resource_are_all_there_were(self, room: Slacking, finding: Finding) -> None:
        said = room.type(ALICE, f"findings {finding.violation.resource}")
        assert f"✅ {finding.id} · fixed" in said
        assert room.type(ALICE, "findings sg-nowhere") == "There is no finding about sg-nowhere."

    def test_who_brought_what_about_a_resource(self, room: Slacking, finding: Finding) -> None:
        said = room.type(ALICE, f"who {finding.violation.resource}")
        for told in ("alice (IAMUser)", "198.51.100.7", "AuthorizeSecurityGroupIngress", "2026-11-18", finding.id):
            assert told in said
        assert "as far as the journal knows" in room.type(ALICE, "who sg-nowhere")

    def test_status(self, room: Slacking) -> None:
        said = room.type(ALICE, "status")
        assert "Nothing is paused" in said
        assert "Nothing stands open." in said
        room.account.mode(GUARDRAIL, event="approve")
        room.api.breach()
        room.account.clock.forward(300)
        room.type(ALICE, "pause 30m service=ec2 why a migration")
        said = room.type(ALICE, "status")
        assert "service=ec2, until 2026-11-18 11:41 UTC: alice in Slack" in said
        assert "a migration" in said
        assert "❓ 1 asked, the oldest 5 min ago" in said

    @pytest.mark.parametrize("text", ["status", "findings", "who sg-1"])
    def test_is_for_those_who_may_do_anything(self, room: Slacking, text: str) -> None:
        assert room.type(MALLORY, text).startswith("You may not look into Parapet from Slack. @parapet may: [commands]")
        room.settings(f'[commands]\nacknowledge = ["{MALLORY.id}"]\n')
        assert "may not" not in room.type(MALLORY, text)

    def test_many_findings_stay_within_slacks_limits(self, room: Slacking, finding: Finding) -> None:
        room.api.plant(*(
            replace(finding, id=f"{number:08d}", status="asked", why="<!channel> *x* " * 400) for number in range(30)
        ))  # fmt: skip
        said = room.type(ALICE, "findings")
        assert len(re.findall(r"\d{8} · asked", said)) == 10
        assert "&lt;!channel&gt;" in said
        assert said.endswith("./parapet findings lists them all")


class TestAsking:
    def test_an_undo_is_asked_for_and_its_outcome_answered_where_it_was_asked(
        self, room: Slacking, finding: Finding
    ) -> None:
        said = room.type(ALICE, f"undo {finding.id} for 30m why the vendor connects today")
        assert said == f"⏳ Asked for: Undo, {finding.id}. What comes of it is shown here."
        [command] = room.commands()
        assert (float(command["until"]["N"]), command["why"]["S"]) == (NOW + 1800, "the vendor connects today")
        assert command["reply_to"]["S"].startswith(f"{room.url}/hooks/commands/")
        room.account.notices()
        assert room.obey() == ["undone"]
        [notice] = room.account.notices()
        assert notice.reply_to == command["reply_to"]["S"]

    @pytest.mark.parametrize(("text", "status"), [
        ("approve {}", "fixed"), ("reject {} why a honeypot", "rejected"), ("APPROVE {}", "fixed"),
    ])  # fmt: skip
    def test_a_question_is_answered(self, room: Slacking, text: str, status: str) -> None:
        room.account.mode(GUARDRAIL, event="approve")
        asked = room.api.breach()
        room.type(BOB, text.format(asked.id))
        room.obey()
        assert now(room, asked).status == status

    def test_an_undo_lasts_as_long_as_the_settings_say(self, room: Slacking, finding: Finding) -> None:
        room.type(ALICE, f"undo {finding.id}")
        [command] = room.commands()
        assert float(command["until"]["N"]) == NOW + 30 * DAY

    def test_an_exemption_asks_in_a_dialog(self, room: Slacking) -> None:
        room.account.mode(GUARDRAIL, event="approve")
        asked = room.api.breach()
        assert room.type(ALICE, f"exempt {asked.id}") == f"A dialog asks for the rest about {asked.id}."
        assert room.submit(ALICE, **{"for": "1d", "why": "x"}) is None
        [command] = room.commands()
        assert command["reply_to"]["S"].startswith(f"{room.url}/hooks/commands/")
        assert room.obey() == ["exempted"]

    def test_a_decision_about_ones_own_change_asks_why(self, room: Slacking, finding: Finding) -> None:
        four_eyes(room)
        assert room.type(ALICE, f"undo {finding.id} for 2h why x").startswith("A dialog")
        assert room.submit(ALICE, why="it is night") is None
        [command] = room.commands()
        assert (float(command["until"]["N"]), command["why"]["S"]) == (NOW + 2 * HOUR, "it is night")

    def test_what_is_a_plain_no_is_said_at_once(self, room: Slacking, finding: Finding) -> None:
        assert room.type(ALICE, f"approve {finding.id}") == f"There is nothing to approve: {finding.id} is fixed."
        assert room.type(ALICE, "undo 0a1b2c3d") == "There is no finding 0a1b2c3d."
        assert room.commands() == []

    def test_nobody_without_the_right(self, room: Slacking, finding: Finding) -> None:
        for text in (f"undo {finding.id}", f"exempt {finding.id}", "pause 30m why x", "resume"):
            assert room.type(MALLORY, text).startswith("You may not")
        assert room.commands() == []
        assert room.account.journal.pauses() == ()

    def test_twice_is_once(self, room: Slacking, finding: Finding) -> None:
        trigger = room.slack.trigger(ALICE.id)
        for _ in range(2):
            assert "Asked for" in room.type(ALICE, f"undo {finding.id}", trigger_id=trigger)
        assert len(room.commands()) == 1

    def test_an_address_that_is_not_slacks_is_not_kept(self, room: Slacking, finding: Finding) -> None:
        room.type(ALICE, f"undo {finding.id}", response_url="https://hooks.example.com/x")
        [command] = room.commands()
        assert "reply_to" not in command or command["reply_to"]["S"] == ""


class TestPausing:
    def test_is_done_at_once(self, room: Slacking) -> None:
        said = room.type(ALICE, "pause 30m why a migration")
        assert said == "⏸️ Everything is paused until 2026-11-18 11:36 UTC; telling goes on. `/parapet resume` ends it."
        assert room.account.journal.pauses() == (Pause("alice in Slack", "a migration", NOW, NOW + 1800),)
        [command] = room.commands()
        assert (command["kind"]["S"], command["status"]["S"], command["by"]["S"]) == (
            "pause", "done", f"slack:{ALICE.id}",
        )  # fmt: skip

    def test_without_a_reason_is_done_too_when_it_is_urgent(self, room: Slacking) -> None:
        said = room.type(ALICE, "pause 30m")
        assert said.startswith("⏸️ Everything is paused until 2026-11-18 11:36 UTC;")
        assert said.endswith("ends it. Type it once more with `why REASON`, and the others know why.")
        [pause] = room.account.journal.pauses()
        assert (pause.why, pause.until) == ("no reason given", NOW + 1800)
        assert "once more" not in room.type(ALICE, "pause 30m why a migration")
        assert [one.why for one in room.account.journal.pauses()] == ["a migration"]

    def test_of_a_scope_holds_what_is_there_and_looks_at_it_again_afterwards(self, room: Slacking) -> None:
        assert "service=ec2 is paused" in room.type(ALICE, "pause 2h service=ec2 why a migration")
        held = room.api.breach()
        assert held.status == "held"
        assert room.type(ALICE, "resume").startswith("Everything is not paused. What is:\n• `service=ec2`")
        assert room.type(ALICE, "resume service=ec2") == (
            "▶️ service=ec2 is no longer paused. What waited is looked at again: 1."
        )
        assert room.account.journal.pauses() == ()
        assert room.api.events() == [("Parapet Look Again", {"service": "ec2", "finding": held.id})]

    def test_replayed_does_not_pause_again(self, room: Slacking) -> None:
        trigger = room.slack.trigger(ALICE.id)
        room.type(ALICE, "pause 30m why x", trigger_id=trigger)
        room.type(BOB, "resume")
        assert "paused" in room.type(ALICE, "pause 30m why x", trigger_id=trigger)
        assert room.account.journal.pauses() == ()

    @pytest.mark.parametrize("scope", ["service=nothing", "region=nowhere", "account=12", "guardrail=nothing"])
    def test_of_nothing_there_is(self, room: Slacking, scope: str) -> None:
        assert scope.partition("=")[2] in room.type(ALICE, f"pause 30m {scope} why x")
        assert room.account.journal.pauses() == ()


class TestSettingsThatCannotBeUsed:
    """Who may do what is not known then: the command line, where IAM decides, still stops everything."""

    @pytest.mark.parametrize("text", ["pause 30m why it breaks", "resume", "status", "undo abcd1234"])
    def test_nothing_is_done_and_the_command_line_is_named(
        self, room: Slacking, text: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        room.settings("[commands]\npeople = ['*']\nexpire_after = 'soon'")
        said = room.type(ALICE, text)
        assert said.startswith(
            "Parapet's settings cannot be used, so who may do what in Slack is not known and nothing"
        )
        assert "`./parapet pause --why …`" in said
        assert (room.account.journal.pauses(), room.commands()) == ((), [])
        assert "commands.expire_after: 'soon' is not a duration" in capfd.readouterr().out

    def test_a_press_is_answered_so_too(self, room: Slacking, finding: Finding) -> None:
        ts = room.root(finding)
        room.settings("[commands")
        room.press(ALICE, finding, "undo", ts)
        assert room.told(ALICE)[-1].endswith("by `./parapet pause --why …`")
        assert room.commands() == []

    def test_whoever_is_not_slack_gets_no_further(self, room: Slacking) -> None:
        room.settings("[commands")
        assert room.send("/v1/slack/command", b"text=help", signed={})[0] == 401

    def test_mended_they_count_at_once(self, room: Slacking) -> None:
        room.settings("[commands")
        room.type(ALICE, "status")
        room.settings_file.write_text("")
        assert "is paused until" in room.type(ALICE, "pause 30m why it breaks")


class TestWords:
    @pytest.mark.parametrize(("text", "says"), [
        ("undoo abcd1234", "did you mean 'undo'?"),
        ("undo", "`undo` wants which finding, by its id. For example: `/parapet undo abcd1234 for 30m"),
        ("undo HEAD#x", "eight letters and digits: not `HEAD#x`"),
        ("undo abcd1234 soon", "nothing of `soon`; write `why` before a reason"),
        ("undo abcd1234 for ever", "'ever' is not a duration"),
        ("undo abcd1234 why", "Say why."),
        ("undo abcd1234 why " + "x" * 501, "Say it shorter"),
        ("approve abcd1234 now", "nothing of `now`"),
        ("who", "`who` wants which resource. For example: `/parapet who sg-"),
        ("pause", "`pause` wants for how long. For example: `/parapet pause 30m service=ec2 why a migration`"),
        ("pause 30m why", "Say why."),
        ("pause why x", "`pause` wants for how long."),
        ("pause forever why x", "'forever' is not a duration"),
        ("pause 30m resource=x why y", "'resource=x' is not a scope"),
        ("pause 30m ec2 why y", "'ec2' is not a scope"),
        ("pause 30m service=ec2 service=s3 why y", "is not a scope"),
        ("resume ec2", "'ec2' is not a scope"),
        ("x" * 2001, "That is too long"),
    ])  # fmt: skip
    def test_what_is_unclear_names_what_to_mend(self, text: str, says: str) -> None:
        with pytest.raises(Unclear) as caught:
            slack_words.read(text, NOW)
        assert says in str(caught.value)

    def test_a_reason_may_hold_anything(self) -> None:
        said = slack_words.read("undo abcd1234 for 2h why: we do not know why  it `fails`", NOW)
        assert (said.until, said.why) == (NOW + 2 * HOUR, "we do not know why it `fails`")

    @given(st.text(st.characters(codec=None), max_size=80), st.sampled_from([*slack_words.USES, ""]))
    def test_whatever_is_typed_is_read_or_unclear(self, text: str, verb: str) -> None:
        try:
            said = slack_words.read(f"{verb} {text}", NOW)
        except Unclear as error:
            for name, value in slack_answers.said(str(error)).items():
                if name == "blocks":
                    slack_limits.blocks(json.loads(json.dumps(value)))
        else:
            assert said.verb in slack_words.USES


def test_a_pause_without_a_reason_or_an_end_is_shown() -> None:
    by_hand = Pause("somebody", "", NOW, None, SERVICE)
    assert slack_answers.paused(by_hand, NOW).startswith("service=ec2, until somebody resumes: somebody")


class TestLogin:
    """A token for the page, in Slack: it lets people do there what they may do here."""

    def login(self, room: Slacking, who: Person) -> tuple[str, tokens.Bearer]:
        said = room.type(who, "login")
        [made] = re.findall(r"`([\w-]+\.[\w-]+\.[\w-]+)`", said)
        keys = wiring.token_keys(ACCOUNT).named
        return said, tokens.read(made, tokens.issuer("test", ACCOUNT), keys, room.account.clock())

    def test_whoever_may_press_every_button_may_operate(self, room: Slacking) -> None:
        said, bearer = self.login(room, ALICE)
        assert (bearer.who, bearer.by, bearer.scopes) == ("alice in Slack", f"slack:{ALICE.id}", tokens.OPERATE)
        assert bearer.until == int(NOW) + 1800
        assert "`https://abc123def4.execute-api.eu-west-1.amazonaws.com/api/`" in said
        assert "?" not in said, "a token is in no link"

    def test_whoever_may_press_one_may_read(self, room: Slacking) -> None:
        room.settings(f'[commands]\nacknowledge = ["{MALLORY.id}"]\n')
        said, bearer = self.login(room, MALLORY)
        assert (bearer.by, bearer.scopes, bearer.until) == (f"slack:{MALLORY.id}", tokens.READ, int(NOW) + 3600)
        assert "It lets you read until" in said

    def test_nobody_else_gets_one(self, room: Slacking) -> None:
        assert room.type(MALLORY, "login").startswith("You may not look into Parapet from Slack.")

    def test_for_as_long_as_the_settings_say(self, room: Slacking) -> None:
        room.settings('[commands]\npeople = ["@parapet"]\n[api]\noperate_for = "10m"\n')
        assert self.login(room, ALICE)[1].until == int(NOW) + 600

    def test_the_token_is_in_no_log(self, room: Slacking, capsys: pytest.CaptureFixture[str]) -> None:
        said, _ = self.login(room, ALICE)
        [made] = re.findall(r"`([\w-]+\.[\w-]+\.[\w-]+)`", said)
        assert made not in capsys.readouterr().out
