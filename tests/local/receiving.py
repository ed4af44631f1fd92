"""A small app that takes what the stand-in for Slack sends, keeps it, and answers as a test says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from local.inbox import Inbox
from local.interactivity import App, Interactivity
from local.mailbox import Mailbox
from local.pagerduty import PagerDutyStandIn
from local.slack import SlackStandIn
from tests.notices.serving import serving

SECRET = "synthetic-signing-secret"
TOKEN = "xoxb-stand-in"


@dataclass
class Received:
    """One request: where to, its headers by lower-case name, its raw body, and what is in it."""

    path: str
    headers: dict[str, str]
    body: bytes
    form: dict[str, str]

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.form["payload"])
        return found


@dataclass
class Receiver:
    """The app: `answer` returns a body, or a status with a body."""

    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], str | tuple[int, str]] = lambda _: ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        body = request.get_data(cache=True)
        headers = {name.lower(): value for name, value in request.headers.items()}
        one = Received(request.path, headers, body, request.form.to_dict())
        self.received.append(one)
        answer = self.answer(one)
        status, text = answer if isinstance(answer, tuple) else (200, answer)
        kind = "application/json" if text.startswith("{") else "text/plain"
        elsewhere = {"Location": text} if status == 302 else {}
        return Response(text, status, elsewhere, content_type=kind)(environ, start_response)

    @property
    def last(self) -> dict[str, Any]:
        """The payload of the last interaction."""
        return self.received[-1].payload


@dataclass
class Desk:
    """A workspace, the app, Slack between them, and Slack's own address; beside it PagerDuty and a mailbox."""

    slack: SlackStandIn
    app: Receiver
    slacks: Interactivity
    url: str
    pagerduty: PagerDutyStandIn = field(default_factory=PagerDutyStandIn)
    mailbox: Mailbox = field(default_factory=Mailbox)

    def page(self, event: dict[str, Any]) -> int:
        """Send PagerDuty an event."""
        return Client(self.pagerduty).post("/v2/enqueue", json=event).status_code

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Call the Web API as the app does."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = Client(self.slack).post(f"/api/{method}", json=given, headers=headers)
        found: dict[str, Any] = answer.get_json()
        return found

    def respond(self, url: str, **given: Any) -> tuple[int, dict[str, Any]]:
        """Answer at an address that Slack gave."""
        answer = Client(self.slack).post(url.removeprefix(self.url), json=given)
        return answer.status_code, answer.get_json()


@contextlib.contextmanager
def desk(
    slack: SlackStandIn, sign_in: Callable[[str, bool], str] = lambda *_: "", seconds: float = 3.0
) -> Iterator[Desk]:
    """An app of one's own, and a page, each at an address."""
    app = Receiver()
    with serving(app) as there:
        inbox: list[Inbox] = []
        with serving(lambda environ, start: inbox[0](environ, start)) as here:
            configured = App(f"{there}/actions", f"{there}/command", SECRET)
            slacks = Interactivity(slack, configured, here, seconds)
            made = Desk(slack, app, slacks, here)
            inbox.append(Inbox(slacks, sign_in, made.pagerduty, made.mailbox))
            yield made
