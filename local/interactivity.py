"""What Slack sends to the app when a person presses, submits or types something, and what it makes of the answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local import slack_limits
from local.slack import SlackError, SlackStandIn
from local.slack_limits import Invalid
from local.workspace import BOT, DOMAIN, Channel, Message, Modal, Person, filled

# How long Slack waits for the app.
SECONDS = 3.0
TOKEN = "a-verification-token-that-nobody-should-use"
TEAM = {"id": BOT["team"], "domain": DOMAIN}
INSTALLED = {"enterprise": None, "is_enterprise_install": False, "api_app_id": BOT["app_id"], "token": TOKEN}
# What Slack says over a modal whatever went wrong.
TROUBLE = "We had some trouble connecting. Try again?"


class _NotElsewhere(urllib.request.HTTPRedirectHandler):
    """Slack follows no redirect."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NotElsewhere)


@dataclass(frozen=True)
class App:
    """What is configured on the app's page: where it takes interactivity and its command, and its signing secret."""

    interactivity: str
    commands: str
    signing_secret: str
    command: str = "/parapet"


class NotDelivered(Exception):
    """The app did not take what Slack sent; the text is what Slack shows, or would if it said more."""


@dataclass(frozen=True)
class Interactivity:
    """Slack between its people and the app; `url` is where Slack itself answers."""

    slack: SlackStandIn
    app: App
    url: str
    seconds: float = SECONDS

    def press(self, user: str, channel: str, ts: str, action: str, value: str) -> None:
        """Press a button of a message; raises NotDelivered, SlackError when it is no longer there."""
        with self.slack.lock:
            person, where = self.slack.person(user), self.slack.channel(channel)
            message = self.slack.message(where, ts, user=user)
            payload = self.pressed(person, where, message, action, value)
        self._send(self.app.interactivity, {"payload": json.dumps(payload)})

    def submit(self, user: str, view: str, values: Mapping[str, str]) -> dict[str, str]:
        """Submit a person's modal with a value per input block; returns what is wrong, by block: nothing closes it.

        Raises:
            NotDelivered: when the app did not take it.
            SlackError: when the modal is no longer open.
        """
        with self.slack.lock:
            modal = self._open(user, view)
            state, wrong = _state(modal, values)
            if wrong:
                return wrong
            payload = self.submitted(self.slack.person(user), modal, state)
        try:
            status, body = self._send(self.app.interactivity, {"payload": json.dumps(payload)})
            return self._submitted(modal, status, body)
        except NotDelivered as error:
            raise NotDelivered(f"{TROUBLE} ({error})") from None

    def close(self, user: str, view: str) -> None:
        """Close a person's modal without submitting it; raises SlackError when it is no longer open."""
        with self.slack.lock:
            self.slack.close(self._open(user, view))

    def command(self, user: str, channel: str, text: str) -> None:
        """Type a slash command in a channel or in direct messages; raises NotDelivered, SlackError."""
        name, _, rest = text.strip().partition(" ")
        if not name.startswith("/"):
            raise NotDelivered(f"Only commands go anywhere from here: {self.app.command} help lists them.")
        if name != self.app.command:
            raise NotDelivered(f"{name} is not a valid command: {self.app.command} is.")
        with self.slack.lock:
            person, where = self.slack.person(user), self.slack.channel(channel)
            form = self.typed(person, where, name, rest.strip())
        try:
            _, body = self._send(self.app.commands, form)
            self._say(where, user, body)
        except NotDelivered as error:
            raise NotDelivered(f"{name} failed: {error}") from None

    # What Slack sends

    def _head(self, person: Person) -> dict[str, Any]:
        user = {"id": person.id, "username": person.name, "name": person.name, "team_id": BOT["team"]}
        return {"team": TEAM, "user": user, **INSTALLED, "trigger_id": self.slack.trigger(person.id)}

    def pressed(self, person: Person, where: Channel, message: Message, action: str, value: str) -> dict[str, Any]:
        """Return what Slack tells of a press of a message's button; raises SlackError when it is no longer there."""
        blocks = filled(message.get("blocks", ()), message["ts"])
        pressed = [
            {"block_id": block["block_id"], **element, "action_ts": self.slack.ts()}
            for block in blocks
            for element in block.get("elements", ())
            if (element.get("action_id"), element.get("value", "")) == (action, value)
        ]
        if not pressed:
            raise SlackError("message_not_found", "that button is no longer there")
        hidden = self.slack.is_ephemeral(message)
        thread = {"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}
        whole = {name: value for name, value in message.items() if name != "metadata"} | {"blocks": blocks}
        return {
            "type": "block_actions",
            **self._head(person),
            "container": {
                "type": "message",
                "message_ts": message["ts"],
                "channel_id": where.id,
                "is_ephemeral": hidden,
                **thread,
            },
            "channel": {"id": where.id, "name": where.name},
            # Slack keeps no ephemeral message that it could send along.
            **({} if hidden else {"message": whole}),
            "state": {"values": {}},
            "response_url": self.url + self.slack.hook("actions", where, person.id, message),
            "actions": pressed[:1],
        }

    def submitted(self, person: Person, modal: Modal, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return what Slack tells of the submission of a modal, with what was put into each of its blocks."""
        view = {"view": modal.shown(state), "response_urls": []}
        return {"type": "view_submission", **self._head(person), **view}

    def typed(self, person: Person, where: Channel, name: str, text: str) -> dict[str, str]:
        """Return what Slack tells of a slash command."""
        return {
            "token": TOKEN,
            "team_id": BOT["team"],
            "team_domain": DOMAIN,
            "channel_id": where.id,
            "channel_name": where.name,
            "user_id": person.id,
            "user_name": person.name,
            "command": name,
            "text": text,
            "api_app_id": BOT["app_id"],
            "is_enterprise_install": "false",
            "response_url": self.url + self.slack.hook("commands", where, person.id),
            "trigger_id": self.slack.trigger(person.id),
        }

    def _send(self, url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        body = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(url, body, signed(self.app.signing_secret, body, self.slack.now()))
        try:
            with OPENER.open(request, timeout=self.seconds) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            said = error.read(300).decode(errors="replace")
            raise NotDelivered(f"the app answered with HTTP {error.code}: {said}") from None
        except TimeoutError:
            raise NotDelivered(f"operation_timeout: the app did not answer within {self.seconds:g} s") from None
        except OSError as error:
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise NotDelivered(f"operation_timeout: the app did not answer within {self.seconds:g} s") from None
            raise NotDelivered(f"dispatch_failed: the app cannot be reached at {url}: {error}") from None

    # What it makes of the answer

    def _open(self, user: str, view: str) -> Modal:
        modal = self.slack.modals.get(user)
        if modal is None or modal.id != view:
            raise SlackError("not_found", "that modal is no longer open")
        return modal

    def _submitted(self, modal: Modal, status: int, body: bytes) -> dict[str, str]:
        try:
            answer = json.loads(body) if body.strip() else {"response_action": "clear"}
            match answer:
                case {"response_action": "errors", "errors": wrong, **more} if status == 200 and not more:
                    return slack_limits.errors(wrong, modal.view)
                case {"response_action": "clear", **more} if status == 200 and not more:
                    with self.slack.lock:
                        self.slack.close(modal)
                    return {}
        except (ValueError, Invalid) as error:
            raise NotDelivered(f"the app's answer is none to a modal: {error}") from None
        said = body[:300].decode(errors="replace")
        raise NotDelivered(f"the app's answer is none to a modal that the stand-in knows: HTTP {status} {said}")

    def _say(self, where: Channel, user: str, body: bytes) -> None:
        text = body.decode(errors="replace").strip()
        if not text:
            return
        with self.slack.lock:
            try:
                given = json.loads(text) if text.startswith("{") else {"text": text}
                self.slack.say(where, user, given)
            except ValueError as error:
                raise NotDelivered(f"its answer is not a message: {error}") from None
            except SlackError as error:
                raise NotDelivered(f"its answer is not a message: {error.text}") from None


def signed(secret: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers with which Slack sends a form, signed so that the app knows where it is from."""
    stamp = str(int(now))
    told = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json,*/*",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={told.hexdigest()}",
    }


def _state(modal: Modal, values: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a person has put into a modal, as Slack tells the app, or what Slack itself finds wrong."""
    state: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for block in modal.view["blocks"]:
        if block["type"] != "input":
            continue
        name, element = block["block_id"], block["element"]
        text = values.get(name, "").strip()
        if not text and not block.get("optional", False):
            wrong[name] = "Please complete this required field."
        elif text and (problem := _problem(element, text)):
            wrong[name] = problem
        state[name] = {element["action_id"]: {"type": element["type"], **_value(element, text)}}
    return state, wrong


def _problem(element: Mapping[str, Any], text: str) -> str:
    match element["type"]:
        case "plain_text_input" if len(text) < element.get("min_length", 0):
            return f"This must be at least {element['min_length']} characters long."
        case "plain_text_input" if len(text) > element.get("max_length", slack_limits.INPUT):
            return f"This must be at most {element.get('max_length', slack_limits.INPUT)} characters long."
        case "datepicker" if not slack_limits.is_date(text):
            return "Please enter a date: YYYY-MM-DD."
        case "static_select" if text not in {option["value"] for option in element["options"]}:
            return "Please choose one of the options."
    return ""


def _value(element: Mapping[str, Any], text: str) -> dict[str, Any]:
    match element["type"]:
        case "datepicker":
            return {"selected_date": text or None}
        case "static_select":
            return {"selected_option": next((one for one in element["options"] if one["value"] == text), None)}
    return {"value": text or None}
