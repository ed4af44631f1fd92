"""The inbox: a page that shows the stand-in's Slack messages as a person in Slack would see them, and acts for them.

`Inbox` is a WSGI app: the page at `/`, its JSON under `/inbox/`, and the Slack API it is about under `/api/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from chalicelib.model import ParapetError
from local.slack import SlackStandIn

WEB = Path(__file__).with_name("web")
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/inbox.js": ("inbox.js", "text/javascript; charset=utf-8"),
    "/mrkdwn.js": ("mrkdwn.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/parapet.svg": ("parapet.svg", "image/svg+xml"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Act = Callable[[str, str], str]
SignIn = Callable[[str, bool], str]


class Unwelcome(Exception):
    """A request of the page that cannot be carried out; the text is shown on it."""

    def __init__(self, status: int, text: str) -> None:
        """Keep the HTTP status."""
        super().__init__(text)
        self.status = status


class Inbox:
    """The page and the Slack API behind it; `act` carries a button out and `sign_in` signs somebody in."""

    def __init__(self, slack: SlackStandIn, act: Act, sign_in: SignIn) -> None:
        self._slack = slack
        self._act = act
        self._sign_in = sign_in

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request as WSGI wants it."""
        if str(environ.get("PATH_INFO", "")).startswith("/api/"):
            return self._slack(environ, start_response)
        request = Request(environ)
        try:
            response = self._respond(request)
        except Unwelcome as error:
            response = _json({"error": str(error)}, error.status)
        response.headers.update(HEADERS)
        return response(environ, start_response)  # type: ignore[no-any-return]

    def _respond(self, request: Any) -> Any:
        route = (request.method, request.path)
        if request.method in ("GET", "HEAD") and request.path in FILES:
            name, kind = FILES[request.path]
            return Response((WEB / name).read_bytes(), content_type=kind)
        if route == ("GET", "/inbox/messages"):
            return self._messages(request)
        if route == ("POST", "/inbox/actions"):
            return self._press(_body(request))
        if route == ("POST", "/inbox/sign-in"):
            return self._signed_in(_body(request))
        raise Unwelcome(404, f"there is nothing at {request.method} {request.path}")

    def _messages(self, request: Any) -> Any:
        version = f'"{self._slack.version}"'
        if request.headers.get("If-None-Match") == version:
            return Response(status=304)
        response = _json({"channel": self._slack.channels[0].name, "messages": self._slack.threads()})
        response.headers["ETag"] = version
        return response

    def _press(self, body: Mapping[str, Any]) -> Any:
        action, value = _text(body, "action_id"), _text(body, "value")
        if not any(
            element.get("action_id") == action and element.get("value") == value
            for message in self._slack.threads()
            for one in (message, *message["replies"])
            for block in one.get("blocks", ())
            for element in block.get("elements", ())
        ):
            raise Unwelcome(409, "that button is no longer there")
        return _told(lambda: self._act(action, value))

    def _signed_in(self, body: Mapping[str, Any]) -> Any:
        user, mfa = _text(body, "user"), body.get("mfa")
        if not isinstance(mfa, bool):
            raise Unwelcome(400, "mfa must be true or false")
        return _told(lambda: self._sign_in(user, mfa))


def _told(do: Callable[[], str]) -> Any:
    try:
        return _json({"text": do()})
    except ParapetError as error:
        raise Unwelcome(422, str(error)) from error
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
    return value.strip() if name == "user" else value


def _json(body: Mapping[str, Any], status: int = 200) -> Any:
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")
