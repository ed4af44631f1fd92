"""The stand-in refuses what Slack refuses, and what it cannot judge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import Client

from local.slack import BOT, SCOPES, TAKES_JSON, Channel, SlackStandIn
from local.workspace import ALICE, BOB, HOOK_LIFE, HOOK_USES, MALLORY, TRIGGER_LIFE
from tests.account import Clock

TOKEN = "xoxb-stand-in"
HELLO = {"channel": "#parapet", "text": "hello"}


class Caller:
    """Calls the stand-in as slack_sdk does."""

    def __init__(self, slack: Any, token: str = TOKEN) -> None:
        self.client = Client(slack)
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, **given: Any) -> dict[str, Any]:
        sends = {"json": given} if method in TAKES_JSON else {"data": given}
        self.response = self.client.post(f"/api/{method}", headers=self.headers, **sends)
        answer: dict[str, Any] = json.loads(self.response.get_data())
        return answer


@pytest.fixture
def slack() -> SlackStandIn:
    return SlackStandIn()


@pytest.fixture
def call(slack: SlackStandIn) -> Caller:
    return Caller(slack)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": plain(text)}


def text_input(**changes: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "why"} | changes
    return {"type": "input", "block_id": "why", "label": plain("Why"), "element": element}


def select(**changes: Any) -> dict[str, Any]:
    options = [{"text": plain("A day"), "value": "1d"}, {"text": plain("A week"), "value": "7d"}]
    return text_input(**({"type": "static_select", "options": options} | changes))


def modal(*blocks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made = {"type": "modal", "title": plain("Exempt"), "submit": plain("Go"), "blocks": list(blocks or [text_input()])}
    return {name: value for name, value in (made | changes).items() if value is not None}


def button(**changes: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": plain("Go")} | changes]}


class TestMessages:
    def test_are_kept_with_their_thread_and_metadata(self, slack: SlackStandIn, call: Caller) -> None:
        metadata = {"event_type": "news", "event_payload": {"key": "k"}}
        root = call("chat.postMessage", **HELLO, metadata=metadata)
        assert root["channel"] == slack.channels[0].id
        reply = call("chat.postMessage", channel=root["channel"], text="again", thread_ts=root["ts"])
        (standing,) = slack.threads()
        assert standing["metadata"] == metadata
        assert [one["ts"] for one in standing["replies"]] == [reply["ts"]]

    def test_of_a_thread_can_be_shown_in_the_channel_too(self, slack: SlackStandIn, call: Caller) -> None:
        alone = call("chat.postMessage", **HELLO, reply_broadcast=True)
        where = {"channel": alone["channel"], "thread_ts": alone["ts"], "text": "again"}
        loud, quiet = (call("chat.postMessage", **where, reply_broadcast=loud) for loud in (True, False))
        [root] = slack.threads()
        assert ("subtype" in root, [one["ts"] for one in root["replies"]]) == (False, [loud["ts"], quiet["ts"]])
        history = call("conversations.history", channel=alone["channel"])["messages"]
        assert [(one["ts"], one.get("subtype")) for one in history] == [
            (loud["ts"], "thread_broadcast"), (alone["ts"], None),
        ]  # fmt: skip

    def test_have_rising_times_even_in_one_instant(self) -> None:
        call = Caller(SlackStandIn(now=lambda: 1_795_000_000.0))
        stamps = [call("chat.postMessage", **HELLO)["ts"] for _ in range(3)]
        assert stamps == sorted(set(stamps))

    def test_can_be_given_as_a_form_too(self, slack: SlackStandIn) -> None:
        form = {**HELLO, "token": TOKEN, "blocks": json.dumps([section("hi")])}
        answer = Client(slack).post("/api/chat.postMessage", data=form).get_json()
        assert answer["message"]["blocks"] == [section("hi")]

    def test_are_rewritten_by_their_ts_and_keep_what_is_not_given(self, slack: SlackStandIn, call: Caller) -> None:
        metadata = {"event_type": "news", "event_payload": {}}
        sent = call("chat.postMessage", **HELLO, blocks=[section("one")], metadata=metadata)
        assert call("chat.update", channel=sent["channel"], ts=sent["ts"], text="two", blocks=[section("two")])["ok"]
        (standing,) = slack.threads()
        assert standing["blocks"] == [section("two")]
        assert standing["metadata"] == metadata
        call("chat.update", channel=sent["channel"], ts=sent["ts"], text="three")
        assert "blocks" not in slack.threads()[0]

    def test_a_channels_name_does_for_sending_alone(self, call: Caller) -> None:
        ts = call("chat.postMessage", **HELLO)["ts"]
        for method, given in {
            "chat.update": {"ts": ts, "text": "x"},
            "conversations.history": {},
            "conversations.replies": {"ts": ts},
        }.items():
            assert call(method, channel="#parapet", **given)["error"] == "channel_not_found"


class TestReading:
    def test_is_newest_first_without_replies_and_without_metadata_unless_asked(
        self, slack: SlackStandIn, call: Caller
    ) -> None:
        metadata = {"event_type": "news", "event_payload": {}}
        first = call("chat.postMessage", **HELLO, metadata=metadata)
        second = call("chat.postMessage", **HELLO)
        call("chat.postMessage", **HELLO, thread_ts=first["ts"])
        history = call("conversations.history", channel=first["channel"])["messages"]
        assert [one["ts"] for one in history] == [second["ts"], first["ts"]]
        assert "metadata" not in history[1]
        whole = call("conversations.history", channel=first["channel"], include_all_metadata="1")["messages"]
        assert whole[1]["metadata"] == metadata

    def test_oldest_leaves_out_what_is_older_and_a_replys_root_always_comes(self, call: Caller) -> None:
        first = call("chat.postMessage", **HELLO)
        replies = [call("chat.postMessage", **HELLO, thread_ts=first["ts"])["ts"] for _ in range(2)]
        given = {"channel": first["channel"], "oldest": replies[0]}
        found = call("conversations.replies", ts=first["ts"], **given)["messages"]
        assert [one["ts"] for one in found] == [first["ts"], replies[1]]
        assert call("conversations.history", **given)["messages"] == []

    def test_goes_on_with_a_cursor(self, call: Caller) -> None:
        sent = [call("chat.postMessage", **HELLO) for _ in range(5)]
        seen, cursor = [], ""
        while True:
            page = call("conversations.history", channel=sent[0]["channel"], limit="2", cursor=cursor)
            seen += [one["ts"] for one in page["messages"]]
            cursor = page["response_metadata"]["next_cursor"]
            assert page["has_more"] == bool(cursor)
            if not cursor:
                break
        assert seen == [one["ts"] for one in reversed(sent)]

    def test_says_who_the_bot_is_and_where_it_is(self, slack: SlackStandIn, call: Caller) -> None:
        slack.channels.append(Channel("C0ELSEWHERE", "elsewhere", member=False))
        assert call("auth.test")["bot_id"] == BOT["bot_id"]
        assert [one["name"] for one in call("users.conversations")["channels"]] == ["parapet"]


@pytest.mark.parametrize(
    ("method", "given", "error"),
    [
        ("chat.postMessage", {"channel": "#typo", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "#parapet"}, "no_text"),
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        ("chat.postMessage", {**HELLO, "text": "x" * 4001}, "msg_too_long"),
        ("chat.postMessage", {**HELLO, "thread_ts": "1.2"}, "thread_not_found"),
        ("chat.postMessage", {**HELLO, "icon_emoji": ":x:"}, "invalid_arguments"),
        ("chat.postMessage", {**HELLO, "blocks": "[not json"}, "invalid_blocks_format"),
        ("chat.postMessage", {**HELLO, "metadata": {"event_type": "no payload"}}, "invalid_metadata_schema"),
        ("chat.update", {"channel": "C000000001", "ts": "1.2", "text": "x"}, "message_not_found"),
        ("conversations.replies", {"channel": "C000000001", "ts": "1.2"}, "thread_not_found"),
        ("conversations.history", {"channel": "C000000001", "limit": "1000"}, "invalid_limit"),
        ("chat.delete", {"channel": "C000000001", "ts": "1.2"}, "unknown_method"),
        ("chat.postEphemeral", {**HELLO, "user": "U0NOBODY00"}, "user_not_in_channel"),
        ("chat.postEphemeral", HELLO, "invalid_arguments"),
        ("chat.postEphemeral", {**HELLO, "user": ALICE.id, "metadata": {}}, "invalid_arguments"),
        ("conversations.open", {}, "users_list_not_supplied"),
        ("conversations.open", {"users": "U0NOBODY00"}, "user_not_found"),
        ("conversations.open", {"users": f"{ALICE.id},{BOB.id}"}, "invalid_arguments"),
        ("conversations.open", {"channel": "C000000001"}, "method_not_supported_for_channel_type"),
        ("usergroups.users.list", {"usergroup": "S0NOTTHERE"}, "no_such_subteam"),
        ("usergroups.users.list", {"usergroup": "@parapet"}, "no_such_subteam"),
        ("usergroups.list", {"team_id": "T0"}, "invalid_arguments"),
        ("users.info", {"user": "U0NOBODY00"}, "user_not_found"),
        ("users.lookupByEmail", {"email": "nobody@example.com"}, "users_not_found"),
        ("users.lookupByEmail", {}, "invalid_arguments"),
        ("views.open", {"view": modal()}, "invalid_arguments"),
        ("views.open", {"trigger_id": "1.2.abc", "view": modal()}, "invalid_trigger_id"),
        ("views.open", {"trigger_id": "1.2.abc", "view": modal(private_metadata="x" * 300_000)}, "view_too_large"),
    ],
)
def test_refuses_what_slack_refuses(call: Caller, method: str, given: dict[str, Any], error: str) -> None:
    answer = call(method, **given)
    assert (answer["ok"], answer["error"]) == (False, error)


@pytest.mark.parametrize(
    "blocks",
    [
        "text",
        [section("x")] * 51,
        [{"type": "rich_text", "elements": []}],
        [{"type": "section"}],
        [section("")],
        [section("x" * 3001)],
        [{**section("x"), "colour": "red"}],
        [{"type": "section", "fields": []}],
        [{"type": "section", "fields": [plain("x")] * 11}],
        [{"type": "section", "fields": [plain("x" * 2001)]}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "header", "text": plain("x" * 151)}],
        [{"type": "header", "text": plain("🔥" * 76)}],
        [{"type": "context", "elements": [plain("x")] * 11}],
        [button(text=plain("x" * 76))],
        [button(value="x" * 2001)],
        [button(style="red")],
        [button(url="https://example.com")],
        [button(confirm={"title": plain("x"), "text": plain("x"), "confirm": plain("x")})],
        [button(confirm=dict.fromkeys(("title", "text", "confirm", "deny"), plain("x" * 31)))],
        [{"type": "actions", "elements": [*button()["elements"]] * 2}],
        [{**section("x"), "block_id": "same"}, {**section("x"), "block_id": "same"}],
    ],
    ids=lambda blocks: json.dumps(blocks)[:60],
)
def test_refuses_blocks_that_slack_refuses(call: Caller, blocks: Any) -> None:
    answer = call("chat.postMessage", **HELLO, blocks=json.dumps(blocks))
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"]


class TestPeople:
    def test_are_found_by_id_and_by_address(self, call: Caller) -> None:
        found = call("users.lookupByEmail", email="Alice@example.com")["user"]
        assert (found["id"], found["profile"]["email"]) == (ALICE.id, "alice@example.com")
        assert call("users.info", user=ALICE.id)["user"] == found

    def test_show_their_address_under_its_scope_alone(self, slack: SlackStandIn, call: Caller) -> None:
        slack.tokens[TOKEN] = frozenset({"users:read"})
        assert "email" not in call("users.info", user=ALICE.id)["user"]["profile"]

    def test_are_in_the_group_that_the_settings_name(self, call: Caller) -> None:
        [group] = call("usergroups.list", include_users="1")["usergroups"]
        assert (group["handle"], group["users"]) == ("parapet", [ALICE.id, BOB.id])
        assert call("usergroups.users.list", usergroup=group["id"])["users"] == [ALICE.id, BOB.id]
        assert "users" not in call("usergroups.list")["usergroups"][0]


class TestDirectMessages:
    def test_are_opened_once_and_written_to(self, slack: SlackStandIn, call: Caller) -> None:
        opened = call("conversations.open", users=ALICE.id)
        again = call("conversations.open", users=ALICE.id, return_im=True)
        assert "already_open" not in opened
        assert again["already_open"] is True
        assert again["channel"] == {"id": opened["channel"]["id"], "is_im": True, "user": ALICE.id}
        assert call("chat.postMessage", channel=opened["channel"]["id"], text="hello")["ok"]
        assert [one["text"] for one in slack.threads(opened["channel"]["id"])] == ["hello"]
        assert slack.threads() == []

    def test_can_be_written_to_by_the_persons_id_too(self, slack: SlackStandIn, call: Caller) -> None:
        sent = call("chat.postMessage", channel=BOB.id, text="hello")
        assert sent["channel"] == slack.directly(BOB.id).id

    def test_are_read_under_a_scope_of_their_own(self, slack: SlackStandIn, call: Caller) -> None:
        channel = call("chat.postMessage", channel=BOB.id, text="hello")["channel"]
        assert len(call("conversations.history", channel=channel)["messages"]) == 1
        slack.tokens[TOKEN] = frozenset(SCOPES) - {"im:history"}
        assert call("conversations.history", channel=channel)["needed"] == "im:history"


class TestEphemeral:
    def test_is_seen_by_one_person_alone_and_never_listed(self, slack: SlackStandIn, call: Caller) -> None:
        assert call("chat.postEphemeral", **HELLO, user=MALLORY.id)["message_ts"]
        assert [one["ephemeral"] for one in slack.threads(user=MALLORY.id)] == [True]
        assert (slack.threads(), slack.threads(user=ALICE.id)) == ([], [])
        assert call("conversations.history", channel=slack.channels[0].id)["messages"] == []

    def test_shows_in_a_thread_that_is_there_alone(self, slack: SlackStandIn, call: Caller) -> None:
        root = call("chat.postMessage", **HELLO)["ts"]
        call("chat.postEphemeral", **HELLO, user=ALICE.id, thread_ts=root)
        assert slack.threads(user=ALICE.id)[0]["replies"] == []
        call("chat.postMessage", **HELLO, thread_ts=root)
        assert len(slack.threads(user=ALICE.id)[0]["replies"]) == 2

    def test_is_nobody_elses_in_direct_messages(self, slack: SlackStandIn, call: Caller) -> None:
        channel = slack.directly(ALICE.id).id
        given = {"channel": channel, "text": "x", "user": BOB.id}
        assert call("chat.postEphemeral", **given)["error"] == "user_not_in_channel"


class TestModals:
    def test_open_before_whoever_triggered_them(self, slack: SlackStandIn, call: Caller) -> None:
        view = modal(private_metadata="kept", callback_id="exempt")
        opened = call("views.open", trigger_id=slack.trigger(BOB.id), view=view)["view"]
        assert slack.modals[BOB.id].id == opened["id"]
        assert (opened["private_metadata"], opened["callback_id"]) == ("kept", "exempt")
        assert opened["state"] == {"values": {}}

    def test_have_the_ids_that_the_app_did_not_give(self, slack: SlackStandIn, call: Caller) -> None:
        view = modal(section("what"), text_input())
        given, own = call("views.open", trigger_id=slack.trigger(BOB.id), view=view)["view"]["blocks"]
        assert given["block_id"]
        assert own["block_id"] == "why"
        assert given["text"] == {"type": "plain_text", "text": "what", "emoji": True}

    def test_take_a_trigger_once(self, slack: SlackStandIn, call: Caller) -> None:
        given = {"trigger_id": slack.trigger(BOB.id), "view": modal()}
        assert call("views.open", **given)["ok"]
        assert call("views.open", **given)["error"] == "exchanged_trigger_id"

    def test_take_a_trigger_for_three_seconds(self) -> None:
        clock = Clock()
        slack = SlackStandIn(now=clock)
        given = {"trigger_id": slack.trigger(BOB.id), "view": modal()}
        clock.forward(TRIGGER_LIFE + 0.1)
        assert Caller(slack)("views.open", **given)["error"] == "expired_trigger_id"
        assert slack.modals == {}

    def test_that_are_refused_leave_the_trigger_as_it_is(self, slack: SlackStandIn, call: Caller) -> None:
        trigger = slack.trigger(BOB.id)
        assert call("views.open", trigger_id=trigger, view=modal(title=plain("x" * 25)))["error"] == "invalid_arguments"
        assert call("views.open", trigger_id=trigger, view=modal())["ok"]

    @pytest.mark.parametrize(
        "view",
        [
            "text",
            modal(type="home"),
            modal(title=None),
            modal(title=plain("x" * 25)),
            modal(title={"type": "mrkdwn", "text": "x"}),
            modal(submit=None),
            modal(submit=plain("x" * 25)),
            modal(close=plain("")),
            modal(private_metadata="x" * 3001),
            modal(callback_id="x" * 256),
            modal(clear_on_close="yes"),
            modal(notify_on_close=True),
            modal(*[section("x")] * 101),
            modal(button()),
            modal({**text_input(), "label": plain("x" * 2001)}),
            modal({**text_input(), "label": {"type": "mrkdwn", "text": "x"}}),
            modal({**text_input(), "hint": plain("x" * 2001)}),
            modal({**text_input(), "optional": "yes"}),
            modal({**text_input(), "dispatch_action": True}),
            modal(text_input(), text_input()),
            modal(text_input(type="number_input")),
            modal(text_input(action_id=None)),
            modal(text_input(placeholder=plain("x" * 151))),
            modal(text_input(max_length=3001)),
            modal(text_input(max_length=0)),
            modal(text_input(min_length=5, max_length=4)),
            modal(text_input(initial_value="xxxx", max_length=3)),
            modal(text_input(rows=3)),
            modal(text_input(focus_on_load=True), {**text_input(focus_on_load=True), "block_id": "b"}),
            modal(text_input(type="datepicker", initial_date="21.11.2026")),
            modal(text_input(type="datepicker", initial_date="2026-02-30")),
            modal(select(options=[])),
            modal(select(options=[{"text": plain("x" * 76), "value": "x"}])),
            modal(select(options=[{"text": plain("x"), "value": "x" * 151}])),
            modal(select(options=[{"text": plain("x"), "value": "x"}] * 2)),
            modal(select(options=[{"text": plain("x"), "value": str(number)} for number in range(101)])),
            modal(select(initial_option={"text": plain("A month"), "value": "30d"})),
        ],
        ids=lambda view: json.dumps(view)[:90],
    )
    def test_are_refused_where_slack_refuses_them(self, slack: SlackStandIn, call: Caller, view: Any) -> None:
        answer = call("views.open", trigger_id=slack.trigger(BOB.id), view=view)
        assert (answer["error"], slack.modals) == ("invalid_arguments", {})
        assert answer["response_metadata"]["messages"]

    def test_may_hold_every_input_that_we_know(self, slack: SlackStandIn, call: Caller) -> None:
        chosen = {"text": plain("A week"), "value": "7d"}
        view = modal(
            {**text_input(multiline=True, min_length=1, max_length=3000, initial_value="x"), "block_id": "a"},
            {**text_input(type="datepicker", initial_date="2026-11-21", placeholder=plain("until")), "block_id": "b"},
            {
                **select(initial_option=chosen, focus_on_load=True),
                "block_id": "c",
                "hint": plain("x"),
                "optional": True,
            },
            clear_on_close=True,
            close=plain("Cancel"),
            private_metadata="",
        )
        assert call("views.open", trigger_id=slack.trigger(BOB.id), view=json.dumps(view))["ok"]


class TestAnswers:
    """At the addresses that Slack gives with a press or a command (`response_url`)."""

    def say(self, slack: SlackStandIn, path: str, **given: Any) -> tuple[int, Any]:
        answer = Client(slack).post(path, json=given)
        return answer.status_code, answer.get_json()

    def test_are_for_whoever_acted_unless_said_otherwise(self, slack: SlackStandIn) -> None:
        path = slack.hook("commands", slack.channels[0], BOB.id)
        assert self.say(slack, path, text="for you") == (200, {"ok": True})
        assert self.say(slack, path, text="for all", response_type="in_channel")[0] == 200
        assert [one["text"] for one in slack.threads(user=BOB.id)] == ["for you", "for all"]
        assert [one["text"] for one in slack.threads()] == ["for all"]

    def test_take_the_place_of_the_message_that_was_used(self, slack: SlackStandIn, call: Caller) -> None:
        call("chat.postMessage", **HELLO)
        path = slack.hook("actions", slack.channels[0], BOB.id, slack.messages[0][1])
        assert self.say(slack, path, text="other", replace_original=True)[0] == 200
        assert [one["text"] for one in slack.threads(user=BOB.id)] == ["other"]
        assert self.say(slack, path, delete_original="true")[0] == 200
        assert slack.threads(user=BOB.id) == []
        assert self.say(slack, path, delete_original=True) == (400, {"ok": False, "error": "no_message"})

    def test_take_the_place_of_what_one_person_alone_sees(self, slack: SlackStandIn, call: Caller) -> None:
        call("chat.postEphemeral", **HELLO, user=BOB.id)
        path = slack.hook("actions", slack.channels[0], BOB.id, slack.ephemerals[0].message)
        assert self.say(slack, path, text="other", replace_original=True)[0] == 200
        assert [one.message["text"] for one in slack.ephemerals] == ["other"]

    def test_without_an_original_are_messages_of_their_own(self, slack: SlackStandIn) -> None:
        path = slack.hook("commands", slack.channels[0], BOB.id)
        self.say(slack, path, text="one")
        self.say(slack, path, text="two", replace_original=True)
        assert [one["text"] for one in slack.threads(user=BOB.id)] == ["one", "two"]

    def test_are_taken_five_times(self, slack: SlackStandIn) -> None:
        path = slack.hook("commands", slack.channels[0], BOB.id)
        said = [self.say(slack, path, text="x")[0] for _ in range(HOOK_USES + 1)]
        assert said == [200] * HOOK_USES + [404]
        assert self.say(slack, path, text="x")[1]["error"] == "used_url"

    def test_are_taken_for_half_an_hour(self) -> None:
        clock = Clock()
        slack = SlackStandIn(now=clock)
        path = slack.hook("commands", slack.channels[0], BOB.id)
        clock.forward(HOOK_LIFE + 1)
        assert self.say(slack, path, text="x") == (404, {"ok": False, "error": "expired_url"})

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            ({}, "no_text"),
            ({"text": "x" * 4001}, "msg_too_long"),
            ({"text": "x", "response_type": "whisper"}, "invalid_payload"),
            ({"text": "x", "channel": "#parapet"}, "invalid_payload"),
            ({"text": "x", "blocks": [{"type": "rich_text"}]}, "invalid_blocks"),
            ({"text": "x", "thread_ts": "1.2"}, "thread_not_found"),
        ],
    )
    def test_are_refused_where_slack_refuses_them(self, slack: SlackStandIn, given: dict[str, Any], error: str) -> None:
        path = slack.hook("commands", slack.channels[0], BOB.id)
        status, answer = self.say(slack, path, **given)
        assert (status, answer["error"]) == (400, error)
        assert slack.threads(user=BOB.id) == []

    def test_are_json_and_posted_where_slack_said(self, slack: SlackStandIn) -> None:
        path = slack.hook("commands", slack.channels[0], BOB.id)
        assert Client(slack).post(path, data={"text": "x"}).status_code == 400
        assert Client(slack).get(path).status_code == 404
        assert self.say(slack, f"{path}x", text="x")[0] == 404

    def test_fail_when_told_to(self, slack: SlackStandIn) -> None:
        path = slack.hook("commands", slack.channels[0], BOB.id)
        slack.fail("500", method="response_url")
        assert Client(slack).post(path, json={"text": "x"}).status_code == 500
        assert self.say(slack, path, text="x")[0] == 200


PNG, LONG = b"\x89PNG" + bytes(20), "x" * 1001


class TestFiles:
    def announced(self, call: Caller, length: int = len(PNG)) -> tuple[str, str]:
        """Announce a picture; returns its id and the path to upload it to."""
        answer = call("files.getUploadURLExternal", filename="p.png", length=str(length), alt_txt="a line")
        return answer["file_id"], answer["upload_url"].removeprefix("http://localhost")

    def shown(self, call: Caller, file: str) -> dict[str, Any]:
        image = {"type": "image", "slack_file": {"id": file}, "alt_text": "a line"}
        return call("chat.postMessage", **HELLO, blocks=[image])

    def complete(self, call: Caller, file: str) -> dict[str, Any]:
        return call("files.completeUploadExternal", files=json.dumps([{"id": file, "title": "p"}]))

    def test_are_shown_once_they_are_announced_received_and_complete(self, slack: SlackStandIn, call: Caller) -> None:
        file, path = self.announced(call)
        assert self.complete(call, file)["error"] == "file_not_found"
        received = call.client.post(path, data=PNG, content_type="image/png")
        assert (received.status_code, received.get_data(as_text=True)) == (200, "OK - 24")
        assert "invalid slack file [json-pointer:/blocks/0/slack_file]" in str(self.shown(call, file))
        assert self.complete(call, file)["ok"]
        assert self.shown(call, file)["ok"]

    def test_are_ready_by_and_by(self, slack: SlackStandIn, call: Caller) -> None:
        file, path = self.announced(call)
        call.client.post(path, data=PNG)
        self.complete(call, file)
        slack.unready = 1
        assert [self.shown(call, file)["ok"] for _ in range(2)] == [False, True]

    @pytest.mark.parametrize(("length", "sent"), [(24, PNG[:-1]), (24, b""), (2, PNG)])
    def test_are_received_whole_and_once(self, call: Caller, length: int, sent: bytes) -> None:
        _, path = self.announced(call, length)
        assert call.client.post(path, data=sent).status_code == 400
        _, path = self.announced(call)
        assert [call.client.post(path, data=PNG).status_code for _ in range(2)] == [200, 400]

    @pytest.mark.parametrize(
        ("method", "given", "error"),
        [
            ("files.getUploadURLExternal", {"filename": "p.png"}, "invalid_arguments"),
            ("files.getUploadURLExternal", {"filename": "p.png", "length": "0"}, "invalid_arguments"),
            (
                "files.getUploadURLExternal",
                {"filename": "p", "length": "1", "alt_txt": "x" * 1001},
                "alt_txt_too_large",
            ),
            ("files.getUploadURLExternal", {"filename": "p", "length": "1", "channel": "x"}, "invalid_arguments"),
            ("files.completeUploadExternal", {"files": "[]"}, "invalid_arguments"),
            ("files.completeUploadExternal", {"files": '[{"id": "F000000009"}]'}, "file_not_found"),
            ("files.completeUploadExternal", {"files": '[{"id": "F0", "name": "x"}]'}, "invalid_arguments"),
        ],
    )
    def test_are_refused_where_slack_refuses_them(
        self, call: Caller, method: str, given: dict[str, str], error: str
    ) -> None:
        assert call(method, **given)["error"] == error

    @pytest.mark.parametrize(
        "image",
        [
            {"slack_file": {"id": "F012345678"}}, {"alt_text": "x"}, {"slack_file": {"id": "x"}, "alt_text": "x"},
            {"slack_file": {"id": "F012345678"}, "alt_text": "x" * 2001}, {"slack_file": {}, "alt_text": "x"},
            {"slack_file": {"id": "F012345678"}, "alt_text": "x", "image_width": 1},
        ],
    )  # fmt: skip
    def test_are_shown_by_an_image_block_alone(self, call: Caller, image: dict[str, Any]) -> None:
        answer = call("chat.postMessage", **HELLO, blocks=[{"type": "image", **image}])
        assert answer["error"] == "invalid_blocks"


class TestAdmission:
    def test_wants_a_token_it_knows(self, slack: SlackStandIn) -> None:
        assert Caller(slack, "xoxb-other")("auth.test")["error"] == "invalid_auth"
        assert Client(slack).post("/api/auth.test").get_json()["error"] == "not_authed"

    @pytest.mark.parametrize(
        ("method", "scope"),
        [
            ("chat.postMessage", "chat:write"), ("chat.postEphemeral", "chat:write"), ("chat.update", "chat:write"),
            ("conversations.open", "im:write"), ("conversations.history", "channels:history"),
            ("users.conversations", "channels:read"), ("users.info", "users:read"),
            ("users.lookupByEmail", "users:read.email"), ("usergroups.list", "usergroups:read"),
            ("usergroups.users.list", "usergroups:read"),
        ],
    )  # fmt: skip
    def test_wants_the_methods_scope(self, slack: SlackStandIn, call: Caller, method: str, scope: str) -> None:
        slack.tokens[TOKEN] = frozenset(SCOPES) - {scope}
        answer = call(method)
        assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
        slack.tokens[TOKEN] = frozenset({scope})
        assert call(method).get("error") != "missing_scope"

    @pytest.mark.parametrize(("change", "error"), [("member", "not_in_channel"), ("archived", "is_archived")])
    def test_wants_to_be_in_an_open_channel(self, slack: SlackStandIn, call: Caller, change: str, error: str) -> None:
        setattr(slack.channels[0], change, change == "archived")
        assert call("chat.postMessage", **HELLO)["error"] == error

    def test_takes_a_burst_and_then_one_message_a_second(self) -> None:
        clock = [1000.0]
        call = Caller(SlackStandIn(now=lambda: clock[0]))
        answers = [call("chat.postMessage", **HELLO)["ok"] for _ in range(10)]
        assert answers == [True] * 8 + [False] * 2
        assert (call.response.status_code, call.response.headers["Retry-After"]) == (429, "1")
        clock[0] += 1.0
        assert call("chat.postMessage", **HELLO)["ok"]
        assert not call("chat.postMessage", **HELLO)["ok"]

    def test_reading_takes_no_json(self, slack: SlackStandIn) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = Client(slack).post("/api/conversations.history", json={"channel": "C000000001"}, headers=headers)
        assert answer.get_json()["error"] == "invalid_arguments"
