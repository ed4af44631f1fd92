"""The page's own routes: what it is shown, and that nobody else's page can act through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from local.inbox import FILES, Inbox
from local.mailbox import Mailbox
from local.pagerduty import KEY, PagerDutyStandIn
from local.slack import SlackStandIn
from local.workspace import ALICE, BOB, MALLORY
from tests.local.receiving import Desk, desk

BUTTON = {"type": "button", "action_id": "a", "value": "v", "text": {"type": "plain_text", "text": "Go"}}


@pytest.fixture
def there() -> Iterator[Desk]:
    with desk(SlackStandIn(limited=False)) as made:
        yield made


@pytest.fixture
def client(there: Desk) -> Client:
    def sign_in(user: str, mfa: bool) -> str:
        if user == "nobody":
            raise ValueError("there is no user nobody")
        return f"{user} {mfa}"

    return Client(Inbox(there.slacks, sign_in))


def message(there: Desk) -> str:
    blocks = [{"type": "actions", "elements": [BUTTON]}]
    return str(there.call("chat.postMessage", channel="#parapet", text="hello", blocks=blocks)["ts"])


def pressing(there: Desk, **changes: Any) -> dict[str, Any]:
    channel, ts = there.slack.channels[0].id, message(there)
    return {"as": BOB.id, "channel": channel, "ts": ts, "action_id": "a", "value": "v"} | changes


def test_a_button_that_is_there_is_pressed(there: Desk, client: Client) -> None:
    assert client.post("/inbox/actions", json=pressing(there)).status_code == 200
    assert there.app.last["user"]["id"] == BOB.id


def test_one_that_is_gone_is_not(there: Desk, client: Client) -> None:
    answer = client.post("/inbox/actions", json=pressing(there, value="other"))
    assert (answer.status_code, answer.get_json()) == (409, {"error": "that button is no longer there"})
    assert there.app.received == []


def test_what_the_app_does_not_take_is_shown(there: Desk, client: Client) -> None:
    there.app.answer = lambda _: (401, "who are you")
    answer = client.post("/inbox/actions", json=pressing(there))
    assert (answer.status_code, answer.get_json()["error"]) == (502, "the app answered with HTTP 401: who are you")


def test_it_takes_json_alone_so_that_no_other_site_can_press(there: Desk, client: Client) -> None:
    assert client.post("/inbox/actions", data=pressing(there)).status_code == 415
    assert client.post("/inbox/actions", data="[1]", content_type="application/json").status_code == 400
    assert client.post("/inbox/actions", json={}).status_code == 400
    assert there.app.received == []


def test_each_person_is_shown_what_is_theirs(there: Desk, client: Client) -> None:
    message(there)
    there.call("chat.postEphemeral", channel="#parapet", text="no", user=MALLORY.id)
    direct = there.call("conversations.open", users=ALICE.id)["channel"]["id"]
    there.call("chat.postMessage", channel=direct, text="for alice")

    def texts(user: str) -> list[list[str]]:
        shown = client.get(f"/inbox/messages?as={user}").get_json()
        return [[one["text"] for one in place["messages"]] for place in shown["places"]]

    assert texts(ALICE.id) == [["hello"], ["for alice"]]
    assert texts(MALLORY.id) == [["hello", "no"], []]
    assert client.get("/inbox/messages?as=U0NOBODY00").status_code == 404
    first = client.get("/inbox/messages").get_json()
    assert [one["name"] for one in first["people"]] == ["alice", "bob", "mallory"]
    assert first["places"][1]["messages"][0]["text"] == "for alice"


def test_nothing_new_is_not_sent_again(there: Desk, client: Client) -> None:
    tag = client.get("/inbox/messages").headers["ETag"]
    assert client.get("/inbox/messages", headers={"If-None-Match": tag}).status_code == 304
    message(there)
    assert client.get("/inbox/messages", headers={"If-None-Match": tag}).status_code == 200


def test_a_modal_is_shown_submitted_and_closed(there: Desk, client: Client) -> None:
    plain = {"type": "plain_text", "text": "Why"}
    why = {
        "type": "input",
        "block_id": "why",
        "label": plain,
        "element": {"type": "plain_text_input", "action_id": "w"},
    }
    view = {"type": "modal", "title": plain, "submit": plain, "blocks": [why]}
    there.call("views.open", trigger_id=there.slack.trigger(BOB.id), view=view)
    assert client.get("/inbox/messages").get_json()["modal"] is None
    shown = client.get(f"/inbox/messages?as={BOB.id}").get_json()["modal"]
    answer = client.post("/inbox/submit", json={"as": BOB.id, "modal": shown["id"], "values": {}})
    assert list(answer.get_json()["errors"]) == ["why"]
    assert client.post("/inbox/submit", json={"as": BOB.id, "modal": shown["id"], "values": [1]}).status_code == 400
    assert client.post("/inbox/close", json={"as": BOB.id, "modal": shown["id"]}).status_code == 200
    assert client.post("/inbox/close", json={"as": BOB.id, "modal": shown["id"]}).status_code == 409


def test_only_ones_own_message_is_dismissed(there: Desk, client: Client) -> None:
    standing = message(there)
    alone = there.call("chat.postEphemeral", channel="#parapet", text="no", user=MALLORY.id)["message_ts"]
    for user, ts in ((BOB.id, alone), (MALLORY.id, standing)):
        assert client.post("/inbox/dismiss", json={"as": user, "ts": ts}).status_code == 409
    assert client.post("/inbox/dismiss", json={"as": MALLORY.id, "ts": alone}).status_code == 200
    assert there.slack.ephemerals == []


def test_a_command_is_sent(there: Desk, client: Client) -> None:
    given = {"as": BOB.id, "channel": there.slack.channels[0].id, "text": "/parapet status"}
    assert client.post("/inbox/command", json=given).status_code == 200
    assert there.app.received[-1].form["text"] == "status"


def test_signing_in(client: Client) -> None:
    answer = client.post("/inbox/sign-in", json={"user": " alice ", "mfa": False})
    assert answer.get_json() == {"text": "alice False"}
    assert client.post("/inbox/sign-in", json={"user": "", "mfa": False}).status_code == 400
    assert client.post("/inbox/sign-in", json={"user": "alice", "mfa": "no"}).status_code == 400
    answer = client.post("/inbox/sign-in", json={"user": "nobody", "mfa": False})
    assert (answer.status_code, answer.get_json()["error"]) == (500, "ValueError: there is no user nobody")


def test_it_serves_its_page_and_the_api(there: Desk, client: Client) -> None:
    page = client.get("/")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.text
    assert "style=" not in page.text
    for path in FILES:
        assert client.get(path).status_code == 200
    assert client.post("/api/auth.test").get_json()["error"] == "not_authed"
    path = there.slack.hook("commands", there.slack.channels[0], BOB.id)
    assert client.post(path, json={"text": "hello"}).status_code == 200
    assert client.get("/../pyproject.toml").status_code == 404
    assert client.post("/inbox/elsewhere", json={}).status_code == 404


def test_pagerduty_and_mails_are_shown_beside_slack(there: Desk) -> None:
    mailbox = Mailbox(now=lambda: 100.0)
    client = Client(Inbox(there.slacks, lambda *_: "", PagerDutyStandIn(), mailbox))
    tag = client.get("/inbox/messages").headers["ETag"]
    payload = {"summary": "checkout fails", "source": "checkout", "severity": "critical"}
    event = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "a", "payload": payload}
    assert client.post("/v2/enqueue", json=event).status_code == 202
    for to in ("a@example.com", "b@example.com"):
        mailbox.deliver(to, "parapet-local-email", "", "checkout fails")
    shown = client.get("/inbox/messages", headers={"If-None-Match": tag}).get_json()
    assert [(one["summary"], one["status"]) for one in shown["incidents"]] == [("checkout fails", "triggered")]
    [mail] = shown["mails"]
    assert (mail["to"], mail["subject"]) == (["a@example.com", "b@example.com"], "AWS Notification Message")
    mailbox.deliver("a@example.com", "parapet-local-email", "", "checkout fails")
    assert len(mailbox.shown()) == 2, "who got it twice got two"


def test_events_of_awss_own_services_have_a_way_in(there: Desk) -> None:
    taken: list[Any] = []
    client = Client(Inbox(there.slacks, lambda *_: "", publish=taken.append))
    event = {"source": "aws.health", "detail-type": "AWS Health Event"}
    assert client.post("/inbox/events", json={"events": [event]}).get_json() == {"published": 1}
    assert taken == [event]
    wrongs: list[dict[str, Any]] = [{}, {"events": [1]}, {"events": [{}]}]
    for wrong in wrongs:
        assert client.post("/inbox/events", json=wrong).status_code == 400
    assert client.post("/inbox/events", data={"events": []}).status_code == 415


def test_a_picture_is_served_once_it_is_complete(there: Desk, client: Client) -> None:
    file = there.slack.announce("parapet.png", 8, "errors")
    assert client.get(f"/inbox/files/{file.id}").status_code == 404
    file.content, file.complete = b"\x89PNG\r\n\x1a\n", True
    answer = client.get(f"/inbox/files/{file.id}")
    assert (answer.data, answer.mimetype) == (file.content, "image/png")
