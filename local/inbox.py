"""The inbox: a page that shows Slack, PagerDuty and the mailbox as people would see them, and acts as one of them.

`Inbox` is a WSGI app: the page at `/`, its JSON under `/inbox/`, the Slack that it is about under `/api/` and
`/hooks/`, and its PagerDuty under `/v2/` and `/integration/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from local.interactivity import Interactivity, NotDelivered
from local.mailbox import Mailbox
from local.pagerduty import PagerDutyStandIn
from local.slack import SlackError
from local.systems.running import Running, Unwilling

WEB = Path(__file__).with_name("web")
SCRIPTS = ("inbox.js", "blocks.js", "cards.js", "mail.js", "modal.js", "mrkdwn.js", "pagerduty.js")
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    **{f"/{name}": (name, "text/javascript; charset=utf-8") for name in SCRIPTS},
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/parapet.svg": ("parapet.svg", "image/svg+xml"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

PICTURES = "/inbox/files/"
# Of the incidents and mails, the newest.
SHOWN = 100

SignIn = Callable[[str, bool], str]
Publish = Callable[[Mapping[str, Any]], object]


class Unwelcome(Exception):
    """A request of the page that cannot be carried out; the text is shown on it."""

    def __init__(self, status: int, text: str) -> None:
        """Keep the HTTP status."""
        super().__init__(text)
        self.status = status


class Inbox:
    """The page, and what it shows.

    `sign_in` signs somebody in to the console; `publish` takes an event as AWS's own services send it: PutEvents does
    not, here as there.
    """

    def __init__(
        self,
        interactivity: Interactivity,
        sign_in: SignIn,
        pagerduty: PagerDutyStandIn | None = None,
        mailbox: Mailbox | None = None,
        publish: Publish = lambda _event: None,
        systems: Running | None = None,
    ) -> None:
        self._slack = interactivity.slack
        self._interactivity = interactivity
        self._sign_in = sign_in
        self._pagerduty = pagerduty or PagerDutyStandIn()
        self._mailbox = mailbox or Mailbox()
        self._publish = publish
        self._systems = systems

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request as WSGI wants it."""
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(("/api/", "/hooks/")):
            return self._slack(environ, start_response)
        if path.startswith(("/v2/", "/integration/")):
            return self._pagerduty(environ, start_response)
        request = Request(environ)
        try:
            response = self._respond(request)
        except Unwelcome as error:
            response = _json({"error": str(error)}, error.status)
        response.headers.update(HEADERS)
        return response(environ, start_response)  # type: ignore[no-any-return]

    def _respond(self, request: Any) -> Any:
        if request.method in ("GET", "HEAD") and request.path in FILES:
            name, kind = FILES[request.path]
            return Response((WEB / name).read_bytes(), content_type=kind)
        if (request.method, request.path) == ("GET", "/inbox/messages"):
            return self._messages(request)
        if request.method == "GET" and request.path.startswith(PICTURES):
            return self._picture(request.path.removeprefix(PICTURES))
        acts: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
            "/inbox/actions": self._press,
            "/inbox/chaos": self._chaos,
            "/inbox/close": self._close,
            "/inbox/command": self._command,
            "/inbox/dismiss": self._dismiss,
            "/inbox/events": self._published,
            "/inbox/sign-in": self._signed_in,
            "/inbox/submit": self._submit,
        }
        if request.method == "POST" and request.path in acts:
            return _json(_done(acts[request.path], _body(request)))
        raise Unwelcome(404, f"there is nothing at {request.method} {request.path}")

    def _messages(self, request: Any) -> Any:
        slack, user = self._slack, request.args.get("as", self._slack.people[0].id)
        pagerduty, mailbox = self._pagerduty, self._mailbox
        with slack.lock, pagerduty.lock, mailbox.lock:
            version = f'"{slack.version}-{pagerduty.version}-{mailbox.version}"'
            if request.headers.get("If-None-Match") == version:
                return Response(status=304)
            try:
                direct = slack.directly(user)
            except SlackError as error:
                raise Unwelcome(404, str(error)) from None
            modal = slack.modals.get(user)
            response = _json(
                {
                    "people": [{"id": one.id, "name": one.name} for one in slack.people],
                    "groups": [{"id": one.id, "name": one.handle} for one in slack.groups],
                    "places": [
                        {"id": one.id, "name": one.name, "messages": slack.threads(one.id, user)}
                        for one in (slack.channels[0], direct)
                    ],
                    "modal": {"id": modal.id, **modal.view} if modal else None,
                    "incidents": [one.shown() for one in pagerduty.incidents[-SHOWN:]],
                    "mails": mailbox.shown()[-SHOWN:],
                }
            )
        response.headers["ETag"] = version
        return response

    def _picture(self, name: str) -> Any:
        with self._slack.lock:
            file = self._slack.files.get(name)
        if file is None or not file.complete:
            raise Unwelcome(404, f"there is no picture {name}")
        return Response(file.content, content_type="image/png")

    # What the page's person does

    def _press(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        place, ts = _text(body, "channel"), _text(body, "ts")
        self._interactivity.press(_text(body, "as"), place, ts, _text(body, "action_id"), str(body.get("value", "")))
        return {}

    def _submit(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        values = body.get("values")
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise Unwelcome(400, "values must be texts by block")
        return {"errors": self._interactivity.submit(_text(body, "as"), _text(body, "modal"), values)}

    def _close(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self._interactivity.close(_text(body, "as"), _text(body, "modal"))
        return {}

    def _command(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self._interactivity.command(_text(body, "as"), _text(body, "channel"), _text(body, "text"))
        return {}

    def _dismiss(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        user, ts = _text(body, "as"), _text(body, "ts")
        if not any((one.user, one.message["ts"]) == (user, ts) for one in self._slack.ephemerals):
            raise SlackError("message_not_found", "that message is no longer there")
        self._slack.delete(ts)
        return {}

    def _published(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        events = body.get("events")
        if not isinstance(events, list) or not all(isinstance(one, dict) and "detail-type" in one for one in events):
            raise Unwelcome(400, "events must be a list of EventBridge's events")
        for event in events:
            self._publish(event)
        return {"published": len(events)}

    def _chaos(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._systems is None:
            raise Unwelcome(404, "no sample systems run here: `make up` has them")
        try:
            if body.get("stop") is True:
                chaos = self._systems.end(_text(body, "system"))
            else:
                seconds, speed = (_number(body, name) for name in ("seconds", "speed"))
                chaos = self._systems.begin(_text(body, "system"), _text(body, "kind"), seconds, speed)
        except Unwilling as error:
            raise Unwelcome(409, str(error)) from error
        return {"system": chaos.fault.system, "kind": chaos.fault.kind, "done": chaos.done, "speed": chaos.speed}

    def _signed_in(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        user, mfa = _text(body, "user").strip(), body.get("mfa")
        if not isinstance(mfa, bool):
            raise Unwelcome(400, "mfa must be true or false")
        return {"text": self._sign_in(user, mfa)}


def _done(act: Callable[[Mapping[str, Any]], Mapping[str, Any]], body: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return act(body)
    except NotDelivered as error:
        raise Unwelcome(502, str(error)) from error
    except SlackError as error:
        raise Unwelcome(409, error.text) from error
    except Unwelcome:
        raise
    except Exception as error:
        # The person who pressed is the one who can tell somebody.
        raise Unwelcome(500, f"{type(error).__name__}: {error}") from error


def _body(request: Any) -> Mapping[str, Any]:
    # No other site's page can send this type without asking first.
    if request.mimetype != "application/json":
        raise Unwelcome(415, "the body must be application/json")
    try:
        body = json.loads(request.get_data())
    except ValueError:
        raise Unwelcome(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise Unwelcome(400, "the body must be a JSON object")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Unwelcome(400, f"{name} must be text")
    return value


def _number(body: Mapping[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unwelcome(400, f"{name} must be a number")
    return float(value)


def _json(body: Mapping[str, Any], status: int = 200) -> Any:
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")
