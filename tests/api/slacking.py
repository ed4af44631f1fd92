"""Slack as the API sees it: its calls signed as Slack signs them, and the stand-in that is called back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from app import app
from chalicelib import wiring
from chalicelib.api import slack as receiving
from chalicelib.model import Finding
from chalicelib.notices import compose, slack_blocks
from local.interactivity import App, Interactivity
from local.slack import SlackStandIn
from local.workspace import ALICE, BOB, MALLORY, Person
from tests.account import TABLE, TestAccount
from tests.api.client import Api, Context, event, token_key
from tests.notices.serving import serving
from tests.samples import REGION

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "xoxb-synthetic-token-1"
SIGNING, BOTS = "/parapet/slack-signing-secret", "/parapet/slack-token"
FORM = "application/x-www-form-urlencoded"
ACTIONS, COMMAND = "/v1/slack/actions", "/v1/slack/command"
SETTINGS = '[commands]\npeople = ["@parapet"]\n'
__all__ = ["ALICE", "BOB", "MALLORY", "Slacking", "signature", "slacking"]


def signature(secret: str, at: float, body: bytes) -> dict[str, str]:
    """The headers with which Slack signs a body."""
    stamp = str(int(at))
    made = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made}"}


@dataclass
class Slacking:
    """A workspace with Parapet in it, whose people press and type."""

    api: Api
    slack: SlackStandIn
    url: str
    settings_file: Path

    @property
    def account(self) -> TestAccount:
        return self.api.account

    def settings(self, text: str) -> None:
        """Use other settings, in a new environment of the function."""
        self.settings_file.write_text(text)
        receiving.line.cache_clear()
        receiving.mute.cache_clear()

    # What Slack sends

    @property
    def _slack(self) -> Interactivity:
        return Interactivity(self.slack, App("", "", SECRET), self.url)

    def send(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, at: float | None = None,
        encoded: bool = False, signed: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:  # fmt: skip
        """Hand a body to the API as API Gateway does, signed as of a time; returns status and document."""
        now = self.account.clock()
        made = signature(SECRET, now if at is None else at, body) if signed is None else signed
        given = {"Content-Type": FORM, **made, **(headers or {})}
        text = base64.b64encode(body).decode() if encoded else body.decode()
        raw = event("POST", path, body=text, at=now, arn=None, headers=given) | {"isBase64Encoded": encoded}
        answer = self.account.running("api_handler", app)(json.loads(json.dumps(raw)), Context())
        assert "Traceback" not in answer["body"]
        assert answer["headers"]["Cache-Control"] == "no-store"
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    def tell(self, payload: Any, **more: Any) -> tuple[int, Any]:
        """Send what somebody did."""
        return self.send(ACTIONS, urlencode({"payload": json.dumps(payload)}).encode(), **more)

    def root(self, finding: Finding) -> str:
        """The message about a finding that stands in the channel; returns its number."""
        text, blocks = slack_blocks.root(compose.of_finding(finding))
        metadata = {"event_type": "parapet_notice", "event_payload": {"key": "k", "thread": finding.id}}
        channel = self.slack.channels[0]
        return str(self.slack.post(channel, {"text": text, "blocks": blocks, "metadata": metadata})["ts"])

    def pressed(self, user: Person, ts: str, kind: str, **changes: Any) -> dict[str, Any]:
        """What Slack tells of a press."""
        channel = self.slack.channels[0]
        message = self.slack.message(channel, ts)
        [button] = [
            element
            for block in message["blocks"]
            if block["type"] == "actions"
            for element in block["elements"]
            if element["action_id"] == kind
        ]
        return {**self._slack.pressed(user, channel, message, kind, button["value"]), **changes}

    def press(self, user: Person, finding: Finding, kind: str, ts: str = "") -> str:
        """Have somebody press a button of a finding's message; returns the message's number."""
        where = ts or self.root(finding)
        assert self.tell(self.pressed(user, where, kind)) == (200, None)
        return where

    def submitted(self, user: Person, **given: str) -> dict[str, Any]:
        """What Slack tells of a submission of the modal that is open before somebody."""
        modal = self.slack.modals[user.id]
        values = {}
        for block in modal.view["blocks"]:
            if block["type"] == "input":
                element, value = block["element"], given.get(block["block_id"])
                shapes: dict[str, dict[str, Any]] = {
                    "plain_text_input": {"value": value},
                    "datepicker": {"selected_date": value},
                    "static_select": {"selected_option": {"value": value} if value else None},
                }
                shape = shapes[element["type"]]
                values[block["block_id"]] = {element["action_id"]: {"type": element["type"], **shape}}
        return self._slack.submitted(user, modal, values)

    def submit(self, user: Person, **given: str) -> Any:
        """Submit the modal that is open before somebody; returns what is wrong, None when nothing is."""
        status, answer = self.tell(self.submitted(user, **given))
        assert status == 200
        if answer is None:
            self.slack.close(self.slack.modals[user.id])
            return None
        assert answer["response_action"] == "errors"
        return answer["errors"]

    def form(self, user: Person, text: str, **changes: str) -> dict[str, str]:
        """What Slack tells of `/parapet`."""
        return {**self._slack.typed(user, self.slack.channels[0], "/parapet", text), **changes}

    def type(self, user: Person, text: str, **changes: str) -> str:
        """Have somebody type `/parapet`; returns all that they are answered."""
        status, answer = self.send(COMMAND, urlencode(self.form(user, text, **changes)).encode())
        assert status == 200
        # It refuses what Slack refuses.
        self.slack.say(self.slack.channels[0], user.id, answer)
        assert answer["response_type"] == "ephemeral"
        return "\n".join(
            one["text"] for block in answer["blocks"] for one in (block.get("text"), *block.get("elements", ())) if one
        )

    # What people see

    def told(self, user: Person) -> list[str]:
        """What somebody alone was told, oldest first."""
        return [one.message["text"] for one in self.slack.ephemerals if one.user == user.id]

    def message(self, ts: str) -> dict[str, Any]:
        """A message as it stands."""
        return self.slack.message(self.slack.channels[0], ts)

    def commands(self) -> list[Mapping[str, Any]]:
        """Every command that is recorded."""
        stored = self.account.client("dynamodb").scan(TableName=TABLE, ConsistentRead=True)["Items"]
        return [one for one in stored if one["sk"]["S"] == "COMMAND"]

    def obey(self) -> list[str]:
        """Have what was asked for carried out by the guard functions; returns the answers."""
        answers = []
        for kind, detail in self.api.events():
            assert kind == "Parapet Command"
            command = self.account.journal.command(detail["command"])
            assert command is not None
            answers.append(self.account.obey(command).answer)
        return answers


# How many seconds there are to answer Slack.
IN_TIME = receiving.BUDGET


@contextmanager
def slacking(account: TestAccount, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Slacking]:
    """The API behind Slack, in an account of its own."""
    slack, file = SlackStandIn(token=TOKEN, now=account.clock), folder / "parapet.toml"
    for name, value in ((SIGNING, SECRET), (BOTS, TOKEN)):
        account.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    with serving(slack) as url:
        for name, value in {
            "AWS_REGION": REGION,
            "PARAPET_TABLE": TABLE,
            "PARAPET_STAGE": "test",
            "PARAPET_SETTINGS": str(file),
            "PARAPET_SLACK_TOKEN": BOTS,
            "PARAPET_SLACK_SIGNING_SECRET": SIGNING,
            "PARAPET_SLACK_URL": f"{url}/api/",
        }.items():
            monkeypatch.setenv(name, value)
        token_key(account, monkeypatch)
        # What a press imports first takes seconds on a busy machine: whoever is about Slack's three sets them again.
        monkeypatch.setattr(receiving, "BUDGET", 10 * IN_TIME)
        wiring.use(account.functions)
        made = Slacking(Api(account), slack, url, file)
        made.settings(SETTINGS)
        yield made
        receiving.line.cache_clear()
        receiving.mute.cache_clear()
