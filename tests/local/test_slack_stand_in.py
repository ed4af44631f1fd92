"""The stand-in refuses what Slack refuses, and what it cannot judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from local.inbox import Inbox
from local.slack import BOT, SCOPES, Channel, SlackStandIn

TOKEN = "xoxb-stand-in"
HELLO = {"channel": "#parapet", "text": "hello"}


class Caller:
    """Calls the stand-in as slack_sdk does."""

    def __init__(self, slack: Any, token: str = TOKEN) -> None:
        self.client = Client(slack)
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, **given: Any) -> dict[str, Any]:
        sends = {"data": given} if method.startswith(("conversations", "users")) else {"json": given}
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


class TestAdmission:
    def test_wants_a_token_it_knows(self, slack: SlackStandIn) -> None:
        assert Caller(slack, "xoxb-other")("auth.test")["error"] == "invalid_auth"
        assert Client(slack).post("/api/auth.test").get_json()["error"] == "not_authed"

    def test_wants_the_methods_scope(self, slack: SlackStandIn, call: Caller) -> None:
        slack.tokens[TOKEN] = frozenset(SCOPES) - {"chat:write"}
        answer = call("chat.postMessage", **HELLO)
        assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")

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


class TestInbox:
    def pressed(self, act: Callable[[str, str], str], body: Any, **options: Any) -> tuple[int, dict[str, Any]]:
        slack = SlackStandIn()
        Caller(slack)("chat.postMessage", **HELLO, blocks=[button(value="v")])
        given = options or {"json": body}
        answer = Client(Inbox(slack, act, lambda user, mfa: f"{user} {mfa}")).post("/inbox/actions", **given)
        return answer.status_code, answer.get_json()

    def test_carries_out_a_button_that_is_there(self) -> None:
        assert self.pressed(lambda a, v: f"{a} of {v}", {"action_id": "a", "value": "v"}) == (200, {"text": "a of v"})

    def test_does_not_carry_out_one_that_is_gone(self) -> None:
        status, answer = self.pressed(lambda *_: "done", {"action_id": "a", "value": "other"})
        assert (status, answer["error"]) == (409, "that button is no longer there")

    def test_shows_what_went_wrong(self) -> None:
        def act(_action: str, _value: str) -> str:
            raise ValueError("broken")

        status, answer = self.pressed(act, {"action_id": "a", "value": "v"})
        assert (status, answer["error"]) == (500, "ValueError: broken")

    def test_takes_json_alone_so_that_no_other_site_can_press(self) -> None:
        assert self.pressed(lambda *_: "", None, data={"action_id": "a", "value": "v"})[0] == 415
        assert self.pressed(lambda *_: "", None, data="[1]", content_type="application/json")[0] == 400

    def test_signs_in(self) -> None:
        client = Client(Inbox(SlackStandIn(), lambda *_: "", lambda user, mfa: f"{user} {mfa}"))
        answer = client.post("/inbox/sign-in", json={"user": " alice ", "mfa": False})
        assert answer.get_json() == {"text": "alice False"}
        assert client.post("/inbox/sign-in", json={"user": "", "mfa": False}).status_code == 400
        assert client.post("/inbox/sign-in", json={"user": "alice", "mfa": "no"}).status_code == 400

    def test_serves_its_page_the_messages_and_the_api(self) -> None:
        client = Client(Inbox(SlackStandIn(), lambda *_: "", lambda *_: ""))
        page = client.get("/")
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        for path in ("/inbox.js", "/mrkdwn.js", "/style.css", "/parapet.svg"):
            assert client.get(path).status_code == 200
            assert path in page.text or path == "/mrkdwn.js"
        messages = client.get("/inbox/messages")
        assert messages.get_json() == {"channel": "parapet", "messages": []}
        again = client.get("/inbox/messages", headers={"If-None-Match": messages.headers["ETag"]})
        assert again.status_code == 304
        assert client.post("/api/auth.test").get_json()["error"] == "not_authed"
        assert client.get("/../pyproject.toml").status_code == 404
