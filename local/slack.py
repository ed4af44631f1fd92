"""A strict stand-in for the part of Slack's Web API that Parapet uses, as a WSGI app.

It refuses what Slack refuses, with Slack's own error codes, and what it cannot judge: a block, an argument or a
method that it does not know is an error here, never a plausible success. Messages live in memory.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from werkzeug.wrappers import Request, Response

from local import slack_limits
from local.slack_limits import Invalid

Message = dict[str, Any]
Fault = Literal["500", "500 after", "429", "silence", "silence after", "broken after", "fatal_error after"]

BOT = {"bot_id": "B0PARAPET0", "user": "U0PARAPET0", "app_id": "A0PARAPET0", "team": "T0PARAPET0"}
SCOPES = ("chat:write", "channels:read", "groups:read", "channels:history", "groups:history")
ARGUMENTS = {
    "chat.postMessage": {
        "channel", "text", "blocks", "thread_ts", "metadata", "unfurl_links", "unfurl_media", "mrkdwn", "link_names",
        "parse",
    },
    "chat.update": {"channel", "ts", "text", "blocks", "metadata", "link_names", "parse"},
    "conversations.history": {
        "channel", "oldest", "latest", "inclusive", "limit", "cursor", "include_all_metadata",
    },
    "conversations.replies": {
        "channel", "ts", "oldest", "latest", "inclusive", "limit", "cursor", "include_all_metadata",
    },
    "users.conversations": {"types", "exclude_archived", "limit", "cursor"},
    "auth.test": set(),
}  # fmt: skip
NEEDED = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "users.conversations": "channels:read",
}
TAKES_JSON = {"chat.postMessage", "chat.update", "auth.test"}
BURST = 8.0


class SlackError(Exception):
    """An answer with `ok` false."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        """Keep Slack's code, a detail for the person who reads it, and further fields of the answer."""
        super().__init__(code)
        self.body: dict[str, Any] = {"ok": False, "error": code, **more}
        if message:
            self.body["response_metadata"] = {"messages": [f"[ERROR] {message}"]}


@dataclass
class Channel:
    """One channel: its id and name, whether the bot is in it, whether it is archived."""

    id: str
    name: str
    member: bool = True
    archived: bool = False


@dataclass
class _Trouble:
    method: str
    fault: Fault
    left: int
    seconds: float


class SlackStandIn:
    """Slack's API for one workspace with one bot."""

    def __init__(
        self,
        token: str = "xoxb-stand-in",
        channels: Iterable[str] = ("parapet",),
        *,
        limited: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.tokens: dict[str, frozenset[str]] = {token: frozenset(SCOPES)}
        self.channels = [Channel(f"C0{number:08d}", name) for number, name in enumerate(channels, 1)]
        self.messages: list[tuple[str, Message]] = []
        self.calls: list[str] = []
        self.version = 0
        self.limited = limited
        self._now = now
        self._last = 0
        self._buckets: dict[str, tuple[float, float]] = {}
        self._troubles: list[_Trouble] = []
        self._lock = threading.RLock()

    # For tests and for the page

    def fail(self, fault: Fault, times: int = 1, method: str = "chat.postMessage", seconds: float = 1.0) -> None:
        """Have the next calls of a method fail: `after` takes effect first; `seconds` is the silence or Retry-After."""
        with self._lock:
            self._troubles.append(_Trouble(method, fault, times, seconds))

    def threads(self, channel: str = "") -> list[Message]:
        """Return the messages that stand in a channel (default: the first), oldest first, each with its replies."""
        with self._lock:
            wanted = self._channel(channel or self.channels[0].id, by_name=True).id
            mine = [message for where, message in self.messages if where == wanted]
            return [
                {**message, "replies": [reply for reply in mine if self._is_reply(reply, message["ts"])]}
                for message in mine
                if message.get("thread_ts", message["ts"]) == message["ts"]
            ]

    def delete(self, ts: str) -> None:
        """Take a message away, as a person with the right to does."""
        with self._lock:
            self.messages = [(where, message) for where, message in self.messages if message["ts"] != ts]
            self.version += 1

    # HTTP

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request as WSGI wants it."""
        request = Request(environ)
        response = self._respond(request, environ)
        return response(environ, start_response)  # type: ignore[no-any-return]

    def _respond(self, request: Any, environ: Mapping[str, Any]) -> Any:
        method = request.path.rsplit("/", 1)[-1]
        if request.method != "POST" or not request.path.startswith("/api/"):
            return Response(f"POST /api/<method>, not {request.method} {request.path}", 404)
        with self._lock:
            self.calls.append(method)
            trouble = self._trouble(method)
        if trouble and not trouble.fault.endswith("after"):
            return self._fail(trouble, environ)
        try:
            with self._lock:
                body = self._answer(method, request)
        except SlackError as error:
            if error.body["error"] == "ratelimited":
                return _json(error.body, 429, {"Retry-After": str(error.body.pop("retry_after"))})
            return _json(error.body)
        return self._fail(trouble, environ) if trouble else _json({"ok": True, **body}, headers=self._scopes(request))

    def _scopes(self, request: Any) -> dict[str, str]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return {"X-OAuth-Scopes": ",".join(sorted(self.tokens.get(token, ())))}

    def _trouble(self, method: str) -> _Trouble | None:
        for trouble in self._troubles:
            if trouble.method == method and trouble.left > 0:
                trouble.left -= 1
                return trouble
        return None

    def _fail(self, trouble: _Trouble, environ: Mapping[str, Any]) -> Any:
        kind = trouble.fault.removesuffix(" after")
        if kind == "429":
            return _json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": f"{trouble.seconds:g}"})
        if kind == "fatal_error":
            return _json({"ok": False, "error": "fatal_error"})
        if kind == "broken":
            # The connection ends before a byte of the answer.
            environ["werkzeug.socket"].shutdown(2)
        if kind == "silence":
            time.sleep(trouble.seconds)
        return Response("<html>Internal Server Error</html>", 500, content_type="text/html")

    def _answer(self, method: str, request: Any) -> dict[str, Any]:
        if method not in ARGUMENTS:
            raise SlackError("unknown_method", req_method=method)
        given = _arguments(method, request)
        self._admit(method, request, given.pop("token", None))
        for name in given.keys() - ARGUMENTS[method]:
            raise SlackError("invalid_arguments", f"{method}: the stand-in does not know the argument {name}")
        answer: Callable[[dict[str, Any]], dict[str, Any]] = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "users.conversations": self._conversations,
            "auth.test": self._whoami,
        }[method]
        return answer(given)

    def _admit(self, method: str, request: Any, token: Any) -> None:
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ") if header.startswith("Bearer ") else token
        if not token:
            raise SlackError("not_authed")
        scopes = self.tokens.get(str(token))
        if scopes is None:
            raise SlackError("invalid_auth")
        needed = NEEDED.get(method)
        if needed and needed not in scopes:
            raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(scopes)))

    # Methods

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._joined(_required(given, "channel"), by_name=True)
        content = _content(given)
        thread = given.get("thread_ts")
        parent = self._message(channel, thread, "thread_not_found") if thread else None
        self._limit(channel)
        message: Message = {"type": "message", "ts": self._ts(), **BOT, **content}
        if parent is not None:
            if parent.get("thread_ts", parent["ts"]) != parent["ts"]:
                raise SlackError("cannot_reply_to_message")
            parent["thread_ts"] = parent["ts"]
            message["thread_ts"] = parent["ts"]
        self.messages.append((channel.id, message))
        self.version += 1
        return {"channel": channel.id, "ts": message["ts"], "message": message}

    def _update(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._joined(_required(given, "channel"))
        message = self._message(channel, _required(given, "ts"), "message_not_found")
        # What is not given stays, except that a text without blocks replaces the blocks.
        content = _content(given)
        if "blocks" not in content:
            message.pop("blocks", None)
        message.update(content)
        self.version += 1
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": message}

    def _history(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._joined(_required(given, "channel"))
        standing = [
            message
            for where, message in self.messages
            if where == channel.id and message.get("thread_ts", message["ts"]) == message["ts"]
        ]
        return _page(list(reversed([m for m in standing if _between(m, given)])), given)

    def _replies(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._joined(_required(given, "channel"))
        parent = self._message(channel, _required(given, "ts"), "thread_not_found")
        replies = [m for where, m in self.messages if where == channel.id and self._is_reply(m, parent["ts"])]
        return _page([parent, *(message for message in replies if _between(message, given))], given)

    def _conversations(self, given: dict[str, Any]) -> dict[str, Any]:
        hide = str(given.get("exclude_archived", "0")) in ("1", "true", "True")
        mine = [
            {"id": one.id, "name": one.name, "is_archived": one.archived, "is_channel": True, "is_member": True}
            for one in self.channels
            if one.member and not (hide and one.archived)
        ]
        page = _page(mine, given)
        page["channels"] = page.pop("messages")
        return page

    def _whoami(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "url": "https://stand-in.slack.invalid/",
            "team": "The local account",
            "user": "parapet",
            "team_id": BOT["team"],
            "user_id": BOT["user"],
            "bot_id": BOT["bot_id"],
        }

    # State

    def _channel(self, name: str, *, by_name: bool = False) -> Channel:
        for channel in self.channels:
            if name == channel.id or (by_name and name.removeprefix("#") == channel.name):
                return channel
        raise SlackError("channel_not_found")

    def _joined(self, name: str, *, by_name: bool = False) -> Channel:
        channel = self._channel(name, by_name=by_name)
        if not channel.member:
            raise SlackError("not_in_channel")
        if channel.archived:
            raise SlackError("is_archived")
        return channel

    def _message(self, channel: Channel, ts: str, missing: str) -> Message:
        for where, message in self.messages:
            if where == channel.id and message["ts"] == ts:
                return message
        raise SlackError(missing)

    @staticmethod
    def _is_reply(message: Message, root: str) -> bool:
        return message.get("thread_ts") == root and message["ts"] != root

    def _limit(self, channel: Channel) -> None:
        if not self.limited:
            return
        now = self._now()
        level, at = self._buckets.get(channel.id, (0.0, now))
        level = max(0.0, level - (now - at))
        if level >= BURST:
            raise SlackError("ratelimited", retry_after=1)
        self._buckets[channel.id] = (level + 1.0, now)

    def _ts(self) -> str:
        # Unique and rising, even within one tick of the clock.
        self._last = max(self._last + 1, int(self._now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"


def _arguments(method: str, request: Any) -> dict[str, Any]:
    kind = request.mimetype
    if kind == "application/json":
        if method not in TAKES_JSON:
            raise SlackError("invalid_arguments", f"{method} does not take JSON")
        try:
            # auth.test has nothing to say, and slack_sdk then sends nothing.
            given = json.loads(request.get_data() or b"{}")
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(given, dict):
            raise SlackError("json_not_object")
        return given
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise SlackError("invalid_post_type")
    return request.form.to_dict()  # type: ignore[no-any-return]


def _required(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError("invalid_arguments", f"missing required field: {name}")
    return value


def _content(given: Mapping[str, Any]) -> Message:
    content: Message = {}
    text = given.get("text", "")
    if not isinstance(text, str):
        raise SlackError("invalid_arguments", "text must be text")
    if len(text) > slack_limits.TEXT:
        raise SlackError("msg_too_long")
    blocks = _structure(given.get("blocks"), "invalid_blocks_format")
    if not text and not blocks:
        raise SlackError("no_text")
    content["text"] = text
    if blocks is not None:
        try:
            slack_limits.blocks(blocks)
        except Invalid as error:
            raise SlackError("invalid_blocks", str(error)) from None
        content["blocks"] = blocks
    metadata = _structure(given.get("metadata"), "invalid_metadata_format")
    if metadata is not None:
        try:
            slack_limits.metadata(metadata)
        except Invalid as error:
            raise SlackError("invalid_metadata_schema", str(error)) from None
        content["metadata"] = metadata
    return content


def _structure(value: Any, code: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise SlackError(code) from None


def _between(message: Message, given: Mapping[str, Any]) -> bool:
    inclusive = str(given.get("inclusive", "0")) in ("1", "true", "True")
    try:
        oldest, latest = float(given.get("oldest") or 0), float(given.get("latest") or "inf")
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None
    at = float(message["ts"])
    return oldest <= at <= latest if inclusive else oldest < at < latest


def _page(found: list[Message], given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        limit, start = int(given.get("limit") or 100), int(given.get("cursor") or 0)
    except ValueError:
        raise SlackError("invalid_cursor") from None
    if not 1 <= limit <= 999:
        raise SlackError("invalid_limit")
    metadata = str(given.get("include_all_metadata", "0")) in ("1", "true", "True")
    more = start + limit < len(found)
    shown = [one if metadata else {k: v for k, v in one.items() if k != "metadata"} for one in found[start:][:limit]]
    cursor = str(start + limit) if more else ""
    return {"messages": shown, "has_more": more, "response_metadata": {"next_cursor": cursor}}


def _json(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Any:
    return Response(json.dumps(body), status, dict(headers or {}), content_type="application/json; charset=utf-8")
