"""Buttons and modals: who presses what, what comes of it, and what everybody sees of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api import slack as receiving
from chalicelib.model import Finding
from chalicelib.people import Person as Known
from tests.account import NOW
from tests.api.client import GUARDRAIL
from tests.api.slacking import ALICE, BOB, IN_TIME, MALLORY, Slacking
from tests.samples import ACCOUNT

DAY = 86400.0
# Who brings the violations of these tests.
CULPRIT = f"arn:aws:iam::{ACCOUNT}:user/alice"
FOUR_EYES = f"""
[commands]
people = ["@parapet"]
four_eyes = true
[people.alice]
slack = "{ALICE.id}"
aws = ["{CULPRIT}"]
[people.bob]
slack = "{BOB.id}"
"""


@pytest.fixture
def fixed(room: Slacking) -> Finding:
    return room.api.breach()


@pytest.fixture
def asked(room: Slacking) -> Finding:
    room.account.mode(GUARDRAIL, event="approve")
    return room.api.breach()


def four_eyes(room: Slacking) -> None:
    """Have nobody decide about their own change."""
    room.settings(FOUR_EYES)
    own = room.account.settings.control
    people = (Known("alice", ALICE.id, "", (CULPRIT,)), Known("bob", BOB.id))
    room.account.set(control=replace(own, four_eyes=True), people=people)


def now(room: Slacking, finding: Finding) -> Finding:
    found = room.account.journal.get(finding.id)
    assert found is not None
    return found


def kinds(message: dict[str, Any]) -> list[str]:
    return [e["action_id"] for block in message["blocks"] if block["type"] == "actions" for e in block["elements"]]


NOT_OURS = [
    {"value": "x"}, {"value": ""}, {"value": "abcd1234"}, {"value": "abcd1234:-1"}, {"value": "ABCD1234:0"},
    {"value": "HEAD#x:0"}, {"value": "abcd1234:9999999"}, {"action_id": "pause"}, {"action_id": "destroy"},
]  # fmt: skip


TO_MEND = [
    ({"for": "7d"}, "why", "Say why."),
    ({"for": "7d", "why": "  \n"}, "why", "Say why."),
    ({"for": "7d", "why": "x" * 501}, "why", "Say it shorter"),
    ({"for": "7d", "why": "half \ud800"}, "why", "half a character"),
    ({"why": "x"}, "for", "for how long"),
    ({"for": "soon", "why": "x"}, "for", "not a duration"),
    ({"for": "99999999d", "why": "x"}, "for", "too far"),
    ({"until": "2026-01-01", "why": "x"}, "until", "in the past"),
    ({"until": "tomorrow", "why": "x"}, "until", "not a day"),
    ({"until": "2026-13-99", "why": "x"}, "until", "not a date"),
    ({"until": "9999-12-31", "why": "x"}, "until", "too far"),
]  # fmt: skip


CARRIED = [
    {}, {"kind": "exempt", "finding": {}}, {"kind": "pause"}, {"kind": ["undo"]}, {"kind": "undo"},
    {"kind": "destroy", "finding": {}},
]  # fmt: skip


class TestAPress:
    def test_is_recorded_shown_and_carried_out_by_the_function_that_owns_the_service(
        self, room: Slacking, fixed: Finding
    ) -> None:
        ts = room.press(ALICE, fixed, "undo")
        message = room.message(ts)
        assert kinds(message) == []
        assert "*Undo* asked for by alice in Slack" in json.dumps(message["blocks"])
        assert message["metadata"]["event_type"] == "parapet_notice", "by it the message is found again"
        assert now(room, fixed).status == "fixed", "the API asks, and does not act"
        [command] = room.commands()
        assert (command["kind"]["S"], command["who"]["S"], command["by"]["S"], command["via"]["S"]) == (
            "undo", "alice in Slack", f"slack:{ALICE.id}", "slack",
        )  # fmt: skip
        assert float(command["until"]["N"]) == NOW + 30 * DAY
        assert room.obey() == ["undone"]
        undone = now(room, fixed)
        assert (undone.status, undone.history[-1].by) == ("undone", "alice in Slack")
        assert room.told(ALICE) == []

    @pytest.mark.parametrize(("kind", "status"), [("approve", "fixed"), ("reject", "rejected")])
    def test_answers_a_question(self, room: Slacking, asked: Finding, kind: str, status: str) -> None:
        room.press(BOB, asked, kind)
        room.obey()
        assert now(room, asked).status == status

    def test_acknowledges(self, room: Slacking) -> None:
        room.account.mode(GUARDRAIL, event="observe")
        finding = room.api.breach()
        room.press(BOB, finding, "acknowledge")
        room.obey()
        assert (now(room, finding).status, now(room, finding).acknowledged) == ("observed", "bob in Slack")

    def test_says_who_pressed_as_the_settings_know_them(self, room: Slacking, fixed: Finding) -> None:
        room.settings(f'[commands]\nundo = ["*"]\n[people.mallory-of-ops]\nslack = "{MALLORY.id}"\n')
        room.press(MALLORY, fixed, "undo")
        assert [one["who"]["S"] for one in room.commands()] == ["mallory-of-ops in Slack"]

    def test_counts_once_however_often_slack_tells_of_it(self, room: Slacking, fixed: Finding) -> None:
        payload = room.pressed(ALICE, room.root(fixed), "undo")
        assert room.tell(payload) == (200, None)
        assert room.tell(payload, headers={"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"})[0] == 200
        assert len(room.commands()) == 1
        assert room.obey() == ["undone", "undone"]

    def test_replayed_after_its_outcome_does_nothing_new(self, room: Slacking, fixed: Finding) -> None:
        ts = room.root(fixed)
        payload = room.pressed(ALICE, ts, "undo")
        room.tell(payload)
        room.obey()
        outcome = {"text": "Undone", "blocks": [{"type": "divider"}]}
        room.slack.rewrite(room.message(ts), outcome)
        room.account.clock.forward(200)
        assert room.tell(payload, at=NOW) == (200, None)
        assert room.api.events() == []
        assert room.message(ts)["text"] == "Undone", "a late repeat must not overwrite what came of it"
        assert room.told(ALICE) == []

    def test_of_two_people_only_the_first_counts_and_the_second_is_told(self, room: Slacking, fixed: Finding) -> None:
        ts = room.root(fixed)
        first, second = room.pressed(ALICE, ts, "undo"), room.pressed(BOB, ts, "undo")
        room.tell(first)
        room.obey()
        assert room.tell(second) == (200, None)
        assert room.told(BOB) == [
            f"Only what was fixed can be undone, and {fixed.id} is undone by alice in Slack."
        ]  # fmt: skip
        assert room.told(ALICE) == []
        assert len(room.commands()) == 1

    def test_of_two_people_at_once_the_second_is_refused_by_the_function(self, room: Slacking, fixed: Finding) -> None:
        ts = room.root(fixed)
        first, second = room.pressed(ALICE, ts, "undo"), room.pressed(BOB, ts, "undo")
        room.tell(first)
        room.tell(second)
        assert room.obey() == [
            "undone",
            f"only what was fixed can be undone, and {fixed.id} is undone by alice in Slack",
        ]

    def test_of_an_older_question_is_refused(self, room: Slacking, asked: Finding) -> None:
        payload = room.pressed(BOB, room.root(asked), "approve")
        payload["actions"][0]["value"] = f"{asked.id}:{asked.question + 1}"
        assert room.tell(payload) == (200, None)
        [told] = room.told(BOB)
        assert "asked about anew" in told
        assert room.commands() == []

    def test_of_a_finding_that_is_not_there(self, room: Slacking, fixed: Finding) -> None:
        payload = room.pressed(ALICE, room.root(fixed), "undo")
        payload["actions"][0]["value"] = "0a1b2c3d:0"
        room.tell(payload)
        assert room.told(ALICE) == ["There is no finding 0a1b2c3d."]

    def test_of_a_button_that_is_not_ours(self, room: Slacking, fixed: Finding) -> None:
        ts = room.root(fixed)
        for change in NOT_OURS:
            payload = room.pressed(ALICE, ts, "undo")
            payload["actions"][0] |= change
            assert room.tell(payload) == (200, None)
            assert room.told(ALICE)[-1] == "This is from another version of Parapet: use the latest message.", change
        assert room.commands() == []

    def test_counts_though_the_message_cannot_show_it(self, room: Slacking, fixed: Finding) -> None:
        room.slack.fail("500", method="chat.update")
        room.press(ALICE, fixed, "undo")
        assert room.obey() == ["undone"]

    def test_does_not_wait_for_slack_longer_than_slack_waits_for_us(
        self, room: Slacking, fixed: Finding, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiving, "BUDGET", IN_TIME)
        room.slack.fail("silence", method="chat.update", seconds=1.5)
        room.press(ALICE, fixed, "undo")
        assert room.obey() == ["undone"]

    def test_cannot_have_us_answer_elsewhere(self, room: Slacking, fixed: Finding) -> None:
        ts = room.root(fixed)
        for url in (
            "https://hooks.slack.com.example.com/x",
            "file:///etc/passwd",
            "http://169.254.169.254/x",
            "\ud800",
        ):
            before = len(room.slack.calls)
            assert room.tell(room.pressed(MALLORY, ts, "undo", response_url=url)) == (200, None)
            assert "response_url" not in room.slack.calls[before:]

    def test_that_cannot_be_recorded_says_so_and_can_be_repeated(self, room: Slacking, fixed: Finding) -> None:
        room.account.wire.fail(lambda _, made: "throttle" if made.operation == "PutItem" else None)
        ts = room.press(ALICE, fixed, "undo")
        room.account.wire.reset()
        [told] = room.told(ALICE)
        assert told.endswith("does not answer at the moment (ThrottlingException): ask again in a moment.")
        assert room.commands() == []
        assert kinds(room.message(ts)) == ["undo"]
        room.press(ALICE, fixed, "undo", ts)
        assert len(room.commands()) == 1

    def test_whose_event_cannot_be_sent_is_taken_up_by_the_timer(self, room: Slacking, fixed: Finding) -> None:
        room.account.wire.fail(lambda _, made: "throttle" if made.operation == "PutEvents" else None)
        ts = room.press(ALICE, fixed, "undo")
        room.account.wire.reset()
        assert (room.told(ALICE), kinds(room.message(ts)), room.obey()) == ([], [], [])
        assert [one["status"]["S"] for one in room.commands()] == ["asked"]


class TestWhoMay:
    def test_nobody_else(self, room: Slacking, fixed: Finding, capfd: pytest.CaptureFixture[str]) -> None:
        capfd.readouterr()
        ts = room.press(MALLORY, fixed, "undo")
        assert room.told(MALLORY) == [
            "You may not undo anything from Slack. @parapet may: "
            "commands.undo (or commands.people) in parapet.toml says so."
        ]
        assert room.commands() == []
        assert kinds(room.message(ts)) == ["undo"]
        *_, line = (json.loads(one) for one in capfd.readouterr().out.splitlines())
        assert (line["who"], line["by"], line["Denials"]) == ("mallory in Slack", MALLORY.id, 1)

    @pytest.mark.parametrize("who", [f'"{MALLORY.id}"', '"*"', '"S0PARAPET0"', '"@oncall", "@others"'])
    def test_whom_the_settings_name(self, room: Slacking, fixed: Finding, who: str) -> None:
        room.settings(f"[commands]\nundo = [{who}]\n")
        room.slack.groups[0].people = (MALLORY.id,)
        room.slack.groups[0].handle = "oncall"
        room.press(MALLORY, fixed, "undo")
        assert len(room.commands()) == 1

    def test_no_group_of_that_name(self, room: Slacking, fixed: Finding) -> None:
        room.slack.groups.clear()
        room.press(ALICE, fixed, "undo")
        [told] = room.told(ALICE)
        assert told.endswith("There is no user group @parapet in this workspace.")
        assert room.commands() == []

    @pytest.mark.parametrize("fault", ["500", "429", "silence", "fatal_error"])
    def test_nobody_while_slack_does_not_say_who_is_in_the_group(
        self, room: Slacking, fixed: Finding, fault: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiving, "BUDGET", IN_TIME)
        room.slack.fail(fault, method="usergroups.list", seconds=1.5)
        room.press(ALICE, fixed, "undo")
        [told] = room.told(ALICE)
        assert told.startswith("Slack does not say who is in @parapet, so nothing was done.")
        assert room.commands() == []

    def test_nobody_while_the_app_may_not_ask(self, room: Slacking, fixed: Finding) -> None:
        room.slack.tokens = {token: frozenset({"chat:write"}) for token in room.slack.tokens}
        room.press(ALICE, fixed, "undo")
        assert room.commands() == []

    def test_groups_are_asked_for_once_a_minute_and_no_longer_believed_then(
        self, room: Slacking, fixed: Finding, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticks = [0.0]
        line = receiving.line()
        monkeypatch.setattr(line.groups, "_clock", lambda: ticks[0])
        room.press(MALLORY, fixed, "undo")
        room.press(MALLORY, fixed, "undo")
        assert room.slack.calls.count("usergroups.list") == 1
        room.slack.groups[0].people = (MALLORY.id,)
        ticks[0] = 61.0
        room.press(MALLORY, fixed, "undo")
        assert len(room.commands()) == 1
        ticks[0] = 122.0
        room.slack.fail("500", method="usergroups.list")
        room.press(MALLORY, fixed, "undo")
        assert "does not say who is in" in room.told(MALLORY)[-1]


class TestExempting:
    def test_asks_until_when_and_why(self, room: Slacking, asked: Finding) -> None:
        ts = room.press(ALICE, asked, "exempt")
        assert room.commands() == []
        assert "exempt" in kinds(room.message(ts)), "nothing is asked for yet"
        assert room.submit(ALICE, **{"for": "30d", "why": "the vendor connects"}) is None
        [command] = room.commands()
        assert (float(command["until"]["N"]), command["why"]["S"]) == (NOW + 30 * DAY, "the vendor connects")
        assert room.obey() == ["exempted"]
        assert now(room, asked).status == "exempted"

    def test_takes_a_day_before_a_span(self, room: Slacking, asked: Finding) -> None:
        room.press(ALICE, asked, "exempt")
        assert room.submit(ALICE, **{"for": "7d", "until": "2026-12-24", "why": "x"}) is None
        [command] = room.commands()
        assert float(command["until"]["N"]) == 1_798_156_800.0

    def test_names_the_field_to_mend(self, room: Slacking, asked: Finding) -> None:
        room.press(ALICE, asked, "exempt")
        for given, field, text in TO_MEND:
            [(name, said)] = room.submit(ALICE, **given).items()
            assert (name, text in said) == (field, True), said
        assert room.commands() == []
        assert room.submit(ALICE, **{"for": "1d", "why": "mended"}) is None
        assert len(room.commands()) == 1

    def test_looks_again_at_who_may(self, room: Slacking, asked: Finding) -> None:
        room.press(ALICE, asked, "exempt")
        room.settings('[commands]\npeople = ["@nobody"]\n')
        [said] = room.submit(ALICE, **{"for": "7d", "why": "x"}).values()
        assert said.startswith("You may not exempt anything from Slack.")
        assert room.commands() == []

    def test_looks_again_at_what_has_happened_since(self, room: Slacking, asked: Finding) -> None:
        room.press(ALICE, asked, "exempt")
        room.press(BOB, asked, "approve")
        room.obey()
        [said] = room.submit(ALICE, **{"for": "7d", "why": "x"}).values()
        assert "nothing standing to permit" in said
        assert len(room.commands()) == 1

    def test_counts_once_however_often_slack_tells_of_it(self, room: Slacking, asked: Finding) -> None:
        room.press(ALICE, asked, "exempt")
        payload = room.submitted(ALICE, **{"for": "7d", "why": "x"})
        assert room.tell(payload) == room.tell(payload) == (200, None)
        assert len(room.commands()) == 1

    def test_told_twice_of_a_press_opens_one_modal(self, room: Slacking, asked: Finding) -> None:
        payload = room.pressed(ALICE, room.root(asked), "exempt")
        assert room.tell(payload) == room.tell(payload) == (200, None)
        assert room.told(ALICE) == []

    def test_too_late_for_a_modal(self, room: Slacking, asked: Finding) -> None:
        payload = room.pressed(ALICE, room.root(asked), "exempt")
        room.account.clock.forward(4)
        room.tell(payload)
        assert room.told(ALICE) == ["The dialog took too long to open: try once more."]

    def test_believes_nothing_that_a_modal_carries(self, room: Slacking, asked: Finding) -> None:
        room.press(ALICE, asked, "exempt")
        payload = room.submitted(ALICE, **{"for": "7d", "why": "x"})
        for carried in CARRIED:
            payload["view"]["private_metadata"] = json.dumps(carried)
            status, answer = room.tell(payload)
            assert (status, list(answer["errors"])) == (200, ["why"]), carried
        assert room.commands() == []


class TestFourEyes:
    @pytest.fixture(autouse=True)
    def _wanted(self, room: Slacking) -> None:
        four_eyes(room)

    def test_asks_whoever_made_the_change_why_it_cannot_wait(self, room: Slacking, fixed: Finding) -> None:
        ts = room.press(ALICE, fixed, "undo")
        assert kinds(room.message(ts)) == ["undo"]
        assert "own change" in json.dumps(room.slack.modals[ALICE.id].view)
        assert room.submit(ALICE, why="everything is down") is None
        [command] = room.commands()
        assert (command["break_glass"]["BOOL"], command["why"]["S"]) == (True, "everything is down")
        assert room.obey() == ["undone"]

    def test_somebody_else_is_not_asked(self, room: Slacking, fixed: Finding) -> None:
        room.press(BOB, fixed, "undo")
        assert room.obey() == ["undone"]

    def test_a_modal_without_the_question_does_not_break_the_glass(self, room: Slacking, asked: Finding) -> None:
        room.press(BOB, asked, "exempt")
        payload = room.submitted(BOB, **{"for": "7d", "why": "x"})
        payload["user"] |= {"id": ALICE.id}
        _, answer = room.tell(payload)
        assert "somebody else must decide" in answer["errors"]["why"].lower()
        assert room.commands() == []

    def test_an_exemption_of_ones_own_change_says_so_in_its_modal(self, room: Slacking, asked: Finding) -> None:
        room.press(ALICE, asked, "exempt")
        assert "own change" in json.dumps(room.slack.modals[ALICE.id].view)
        assert room.submit(ALICE, **{"for": "1d", "why": "nobody else is awake"}) is None
        [command] = room.commands()
        assert command["break_glass"]["BOOL"] is True
        assert room.obey() == ["exempted"]

    def test_a_reason_is_needed(self, room: Slacking, fixed: Finding) -> None:
        room.press(ALICE, fixed, "undo")
        assert room.submit(ALICE, why=" ") == {"why": "Say why."}
        assert room.commands() == []
