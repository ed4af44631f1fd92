"""What Slack sends to the app, signed, and what it makes of the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from chalicelib.api import slack_payload, slack_signature
from chalicelib.notices import slack_modals
from local.interactivity import App, Interactivity, NotDelivered
from local.slack import SlackError, SlackStandIn
from local.workspace import ALICE, BOB, BOT, MALLORY
from tests.local.receiving import SECRET, Desk, Received, desk

UNDO = {"type": "button", "action_id": "undo", "value": "abcd1234:0", "text": {"type": "plain_text", "text": "Undo"}}
FILLED = {"for": "30d", "until": "2026-12-24", "why": " the vendor reads it "}


@pytest.fixture
def there() -> Iterator[Desk]:
    with desk(SlackStandIn(limited=False), seconds=0.5) as made:
        yield made


def told(there: Desk, **more: Any) -> str:
    """A message with a button; returns its number."""
    blocks = [{"type": "divider"}, {"type": "actions", "elements": [UNDO]}]
    given = {"channel": "#parapet", "text": "Fixed", "blocks": blocks, **more}
    return str(there.call("chat.postMessage", **given)["ts"])


def press(there: Desk, ts: str, user: str = BOB.id) -> dict[str, Any]:
    there.slacks.press(user, there.slack.channels[0].id, ts, "undo", "abcd1234:0")
    return there.app.last


def opened(there: Desk, user: str = BOB.id) -> str:
    """A modal that is open before somebody; returns its number."""
    view = slack_modals.exempt("a bucket is public", {"finding": "abcd1234"})
    return str(there.call("views.open", trigger_id=there.slack.trigger(user), view=view)["view"]["id"])


class TestSignature:
    def test_is_one_that_slacks_own_library_and_ours_accept(self, there: Desk) -> None:
        press(there, told(there))
        [received] = there.app.received
        assert SignatureVerifier(SECRET).is_valid_request(received.body, received.headers)
        stamp, signature = slack_signature.fresh(received.headers, time.time())
        slack_signature.verify(SECRET, stamp, signature, received.body)
        with pytest.raises(slack_signature.Unfitting):
            slack_signature.verify("another", stamp, signature, received.body)
        assert received.headers["content-type"] == "application/x-www-form-urlencoded"

    def test_is_there_on_commands_too(self, there: Desk) -> None:
        there.slacks.command(BOB.id, there.slack.channels[0].id, "/parapet status")
        [received] = there.app.received
        assert SignatureVerifier(SECRET).is_valid_request(received.body, received.headers)


class TestPress:
    def test_tells_who_pressed_what_where(self, there: Desk) -> None:
        ts = told(there)
        payload = press(there, ts)
        [action] = payload.pop("actions")
        assert action.pop("action_ts") > ts
        assert action == {**UNDO, "text": {**UNDO["text"], "emoji": True}, "block_id": action["block_id"]}  # type: ignore[dict-item]
        assert action["block_id"] == payload["message"]["blocks"][1]["block_id"]
        assert payload["user"] == {"id": BOB.id, "username": "bob", "name": "bob", "team_id": BOT["team"]}
        channel = there.slack.channels[0].id
        assert payload["container"] == {
            "type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False,
        }  # fmt: skip
        assert payload["channel"] == {"id": channel, "name": "parapet"}
        assert (payload["message"]["text"], payload["message"]["bot_id"]) == ("Fixed", BOT["bot_id"])
        assert (payload["type"], payload["api_app_id"]) == ("block_actions", BOT["app_id"])
        assert payload["response_url"].startswith(f"{there.url}/hooks/actions/")

    def test_is_read_by_the_app_as_it_is_meant(self, there: Desk) -> None:
        ts = told(there)
        press(there, ts)
        found = slack_payload.interaction(there.app.received[-1].body)
        assert isinstance(found, slack_payload.Pressed)
        assert (found.user.id, found.action, found.value) == (BOB.id, "undo", "abcd1234:0")
        assert found.message is not None
        assert found.message.ts == ts
        assert there.call("chat.update", channel=found.message.channel, ts=ts, text="x", blocks=found.message.blocks)[
            "ok"
        ]

    def test_gives_a_trigger_and_an_address_that_work(self, there: Desk) -> None:
        payload = press(there, told(there))
        view = slack_modals.exempt("x", {})
        assert there.call("views.open", trigger_id=payload["trigger_id"], view=view)["ok"]
        assert there.respond(payload["response_url"], text="for you") == (200, {"ok": True})
        assert [one.user for one in there.slack.ephemerals] == [BOB.id]

    def test_in_a_thread_tells_which(self, there: Desk) -> None:
        root = told(there)
        ts = told(there, thread_ts=root)
        assert press(there, ts)["container"]["thread_ts"] == root

    def test_of_what_one_person_alone_sees_does_not_tell_the_message(self, there: Desk) -> None:
        channel, blocks = there.slack.channels[0].id, [{"type": "actions", "elements": [UNDO]}]
        given = {"channel": channel, "text": "x", "blocks": blocks, "user": MALLORY.id}
        ts = there.call("chat.postEphemeral", **given)["message_ts"]
        payload = press(there, ts, MALLORY.id)
        assert payload["container"]["is_ephemeral"] is True
        assert "message" not in payload
        with pytest.raises(SlackError, match="message_not_found"):
            press(there, ts, BOB.id)

    def test_of_a_button_that_is_gone_sends_nothing(self, there: Desk) -> None:
        ts, channel = told(there), there.slack.channels[0].id
        for action, value in (("approve", "abcd1234:0"), ("undo", "abcd1234:1")):
            with pytest.raises(SlackError) as refusal:
                there.slacks.press(BOB.id, channel, ts, action, value)
            assert refusal.value.text == "that button is no longer there"
        assert there.app.received == []

    @pytest.mark.parametrize(
        ("answer", "shown"),
        [((401, "no"), "HTTP 401: no"), ((500, ""), "HTTP 500"), ((302, ""), "HTTP 302")],
    )
    def test_that_the_app_does_not_take_is_shown(self, there: Desk, answer: tuple[int, str], shown: str) -> None:
        there.app.answer = lambda _: answer
        with pytest.raises(NotDelivered, match=shown):
            press(there, told(there))

    def test_goes_nowhere_else(self, there: Desk) -> None:
        there.app.answer = lambda _: (302, f"{there.slacks.app.commands}")
        with pytest.raises(NotDelivered, match="HTTP 302"):
            press(there, told(there))
        assert [one.path for one in there.app.received] == ["/actions"]

    def test_is_waited_for_three_seconds(self, there: Desk) -> None:
        assert Interactivity(there.slack, there.slacks.app, "").seconds == 3.0

        def slow(_received: Received) -> str:
            time.sleep(1.0)
            return ""

        there.app.answer = slow
        with pytest.raises(NotDelivered, match=r"operation_timeout: the app did not answer within 0\.5 s"):
            press(there, told(there))

    def test_of_an_app_that_is_not_there(self, there: Desk) -> None:
        nowhere = App("http://127.0.0.1:9/actions", "http://127.0.0.1:9/command", SECRET)
        with pytest.raises(NotDelivered, match="dispatch_failed"):
            Interactivity(there.slack, nowhere, there.url).press(
                BOB.id, there.slack.channels[0].id, told(there), "undo", "abcd1234:0"
            )


class TestSubmission:
    def test_tells_what_was_filled_in(self, there: Desk) -> None:
        assert there.slacks.submit(BOB.id, opened(there), FILLED) == {}
        payload = there.app.last
        values = payload["view"]["state"]["values"]
        chosen = {"text": {"type": "plain_text", "text": "30 days", "emoji": False}, "value": "30d"}
        assert values["for"] == {"for": {"type": "static_select", "selected_option": chosen}}
        assert values["until"] == {"until": {"type": "datepicker", "selected_date": "2026-12-24"}}
        assert values["why"] == {"why": {"type": "plain_text_input", "value": "the vendor reads it"}}
        assert json.loads(payload["view"]["private_metadata"]) == {"finding": "abcd1234"}
        assert (payload["type"], payload["user"]["id"]) == ("view_submission", BOB.id)
        found = slack_payload.interaction(there.app.received[-1].body)
        assert isinstance(found, slack_payload.Submitted)
        assert found.given == {"for": "30d", "until": "2026-12-24", "why": "the vendor reads it"}

    def test_tells_nothing_where_nothing_was_filled_in(self, there: Desk) -> None:
        there.slacks.submit(BOB.id, opened(there), {**FILLED, "until": ""})
        assert there.app.last["view"]["state"]["values"]["until"]["until"]["selected_date"] is None

    def test_closes_the_modal_when_the_app_says_nothing(self, there: Desk) -> None:
        there.slacks.submit(BOB.id, opened(there), FILLED)
        assert there.slack.modals == {}

    @pytest.mark.parametrize(
        ("given", "block"),
        [
            ({"why": ""}, "why"),
            ({"why": "x" * 501}, "why"),
            ({"for": ""}, "for"),
            ({"for": "1y"}, "for"),
            ({"until": "tomorrow"}, "until"),
        ],
    )
    def test_is_not_sent_where_slack_itself_finds_something_wrong(
        self, there: Desk, given: dict[str, str], block: str
    ) -> None:
        assert list(there.slacks.submit(BOB.id, opened(there), {**FILLED, **given})) == [block]
        assert there.app.received == []
        assert BOB.id in there.slack.modals

    def test_comes_back_with_what_the_app_finds_wrong(self, there: Desk) -> None:
        there.app.answer = lambda _: json.dumps({"response_action": "errors", "errors": {"until": "in the past"}})
        assert there.slacks.submit(BOB.id, opened(there), FILLED) == {"until": "in the past"}
        assert BOB.id in there.slack.modals

    @pytest.mark.parametrize(
        "answer",
        [
            '{"ok": true}',
            "fine",
            "[]",
            '{"response_action": "push", "view": {}}',
            '{"response_action": "errors", "errors": {}}',
            '{"response_action": "errors", "errors": {"who": "no such block"}}',
            '{"response_action": "errors", "errors": {"why": ""}}',
            '{"response_action": "clear", "text": "x"}',
            (201, ""),
            (500, ""),
        ],
    )
    def test_with_an_answer_that_is_none_leaves_the_modal_open(self, there: Desk, answer: Any) -> None:
        there.app.answer = lambda _: answer
        modal = opened(there)
        with pytest.raises(NotDelivered, match="We had some trouble connecting"):
            there.slacks.submit(BOB.id, modal, FILLED)
        assert there.slack.modals[BOB.id].id == modal

    def test_is_of_the_modal_that_is_open_before_this_person(self, there: Desk) -> None:
        modal = opened(there)
        with pytest.raises(SlackError, match="not_found"):
            there.slacks.submit(ALICE.id, modal, FILLED)
        there.slacks.close(BOB.id, modal)
        with pytest.raises(SlackError, match="not_found"):
            there.slacks.submit(BOB.id, modal, FILLED)
        assert there.app.received == []


class TestCommand:
    def type(self, there: Desk, text: str, user: str = BOB.id) -> None:
        there.slacks.command(user, there.slack.channels[0].id, text)

    def test_tells_who_typed_what_where(self, there: Desk) -> None:
        self.type(there, " /parapet  undo abcd1234 ")
        form = there.app.received[-1].form
        assert (form["command"], form["text"]) == ("/parapet", "undo abcd1234")
        assert (form["user_id"], form["user_name"]) == (BOB.id, "bob")
        assert (form["channel_id"], form["channel_name"]) == (there.slack.channels[0].id, "parapet")
        assert form["response_url"].startswith(f"{there.url}/hooks/commands/")
        assert slack_payload.typed(there.app.received[-1].body).text == "undo abcd1234"

    def test_in_direct_messages_says_so(self, there: Desk) -> None:
        there.slacks.command(BOB.id, there.slack.directly(BOB.id).id, "/parapet help")
        assert there.app.received[-1].form["channel_name"] == "directmessage"

    def test_is_answered_at_once_with_text_or_a_message_or_nothing(self, there: Desk) -> None:
        for answer in ("words", json.dumps({"text": "a message"}), ""):
            there.app.answer = lambda _, said=answer: said  # type: ignore[misc]
            self.type(there, "/parapet status")
        assert [one.message["text"] for one in there.slack.ephemerals] == ["words", "a message"]

    def test_is_answered_before_everybody_where_the_app_says_so(self, there: Desk) -> None:
        there.app.answer = lambda _: json.dumps({"text": "for all", "response_type": "in_channel"})
        self.type(there, "/parapet status")
        assert [one["text"] for one in there.slack.threads()] == ["for all"]

    @pytest.mark.parametrize(
        ("answer", "shown"),
        [
            ('{"text": "x", "colour": "red"}', "does not know colour"),
            ("{", "its answer is not a message"),
            ('{"text": ""}', "its answer is not a message"),
            ((503, "not now"), "/parapet failed: the app answered with HTTP 503: not now"),
        ],
    )
    def test_that_fails_says_why(self, there: Desk, answer: Any, shown: str) -> None:
        there.app.answer = lambda _: answer
        with pytest.raises(NotDelivered, match=shown):
            self.type(there, "/parapet status")
        assert there.slack.ephemerals == []

    @pytest.mark.parametrize("text", ["/parapets status", "status", "/", "/Parapet status"])
    def test_of_another_app_goes_nowhere(self, there: Desk, text: str) -> None:
        with pytest.raises(NotDelivered):
            self.type(there, text)
        assert there.app.received == []
