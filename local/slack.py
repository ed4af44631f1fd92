"""A strict stand-in for the part of Slack's Web API that Parapet uses, as a WSGI app.

It refuses what Slack refuses, with Slack's own error codes, and what it cannot judge: a block, an argument or a
method that it does not know is an error here, never a plausible success.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from werkzeug.wrappers import Request, Response

from local import slack_limits, workspace
from local.slack_limits import Invalid
from local.workspace import BOT, Channel, Message, Person, SlackError, Workspace, is_reply

__all__ = ["BOT", "SCOPES", "Channel", "Fault", "SlackError", "SlackStandIn"]

Fault = Literal["500", "500 after", "429", "silence", "silence after", "broken after", "fatal_error after"]

SCOPES = (
    "chat:write", "commands", "im:write", "users:read", "users:read.email", "usergroups:read",
    "channels:read", "groups:read", "channels:history", "groups:history", "im:history",
    "files:write",
)  # fmt: skip
MESSAGE = {"text", "blocks", "metadata", "thread_ts", "unfurl_links", "unfurl_media", "mrkdwn", "link_names", "parse"}
PAGE = {"oldest", "latest", "inclusive", "limit", "cursor", "include_all_metadata"}
ARGUMENTS = {
    "auth.test": set(),
    "chat.postEphemeral": {"channel", "user", "text", "blocks", "thread_ts", "link_names", "parse"},
    "chat.postMessage": {"channel", "reply_broadcast", *MESSAGE},
    "chat.update": {"channel", "ts", "text", "blocks", "metadata", "link_names", "parse"},
    "conversations.history": {"channel", *PAGE},
    "conversations.open": {"users", "channel", "return_im"},
    "conversations.replies": {"channel", "ts", *PAGE},
    "files.completeUploadExternal": {"files"},
    "files.getUploadURLExternal": {"filename", "length", "alt_txt"},
    "usergroups.list": {"include_users", "include_count", "include_disabled"},
    "usergroups.users.list": {"usergroup", "include_disabled"},
    "users.conversations": {"types", "exclude_archived", "limit", "cursor"},
    "users.info": {"user"},
    "users.lookupByEmail": {"email"},
    "views.open": {"trigger_id", "view"},
}
# What an app may say at an address it was given to answer at.
ANSWER = MESSAGE | {"response_type", "replace_original", "delete_original"}
NEEDED = {
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.open": "im:write",
    "conversations.replies": "channels:history",
    "files.completeUploadExternal": "files:write",
    "files.getUploadURLExternal": "files:write",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "users.conversations": "channels:read",
    "users.info": "users:read",
    "users.lookupByEmail": "users:read.email",
}
TAKES_JSON = {
    "auth.test", "chat.postEphemeral", "chat.postMessage", "chat.update", "conversations.open", "views.open",
}  # fmt: skip
BURST = 8.0
UPLOAD = "/api/upload/v1/"
# What a reply is that was sent to the channel too.
BROADCAST = "thread_broadcast"


@dataclass
class _Trouble:
    method: str
    fault: Fault
    left: int
    seconds: float


class SlackStandIn(Workspace):
    """Slack's API for one workspace with one bot."""

    def __init__(
        self,
        token: str = "xoxb-stand-in",
        channels: Iterable[str] = ("parapet",),
        *,
        limited: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(workspace.channels(channels), now)
        self.tokens: dict[str, frozenset[str]] = {token: frozenset(SCOPES)}
        self.calls: list[str] = []
        self.limited = limited
        self._buckets: dict[str, tuple[float, float]] = {}
        self._troubles: list[_Trouble] = []

    def fail(self, fault: Fault, times: int = 1, method: str = "chat.postMessage", seconds: float = 1.0) -> None:
        """Have the next calls of a method fail: `after` takes effect first; `seconds` is the silence or Retry-After.

        The method of an address to answer at is `response_url`, of one to upload to `upload_url`.
        """
        with self.lock:
            self._troubles.append(_Trouble(method, fault, times, seconds))

    # HTTP

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request as WSGI wants it."""
        request = Request(environ)
        response = self._respond(request, environ)
        return response(environ, start_response)  # type: ignore[no-any-return]

    def _respond(self, request: Any, environ: Mapping[str, Any]) -> Any:
        hook = request.path.startswith("/hooks/")
        upload = request.path.startswith(UPLOAD)
        method = "response_url" if hook else "upload_url" if upload else request.path.removeprefix("/api/")
        if request.method != "POST" or not (hook or request.path.startswith("/api/")):
            return Response(f"POST /api/<method>, not {request.method} {request.path}", 404)
        with self.lock:
            self.calls.append(method)
            trouble = self._trouble(method)
        if trouble and not trouble.fault.endswith("after"):
            return self._fail(trouble, environ)
        try:
            with self.lock:
                if upload:
                    received = self._received(request)
                    return self._fail(trouble, environ) if trouble else received
                body = self._answered(request) if hook else self._answer(method, request)
        except SlackError as error:
            if error.body["error"] == "ratelimited":
                return _json(error.body, 429, {"Retry-After": str(error.body.pop("retry_after"))})
            gone = error.body["error"] in workspace.GONE
            return _json(error.body, (404 if gone else 400) if hook else 200)
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
        scopes = self._admit(method, request, given)
        for name in given.keys() - ARGUMENTS[method]:
            raise SlackError("invalid_arguments", f"{method}: the stand-in does not know the argument {name}")
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "auth.test": self._whoami,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.open": self._open_direct,
            "conversations.replies": self._replies,
            "files.completeUploadExternal": self._complete,
            "files.getUploadURLExternal": partial(self._announce, str(request.host_url)),
            "usergroups.list": self._groups,
            "usergroups.users.list": self._group_people,
            "users.conversations": self._conversations,
            "users.info": partial(self._user, scopes),
            "users.lookupByEmail": partial(self._user_of, scopes),
            "views.open": self._open_view,
        }
        return answers[method](given)

    def _admit(self, method: str, request: Any, given: dict[str, Any]) -> frozenset[str]:
        header, token = request.headers.get("Authorization", ""), given.pop("token", None)
        token = header.removeprefix("Bearer ") if header.startswith("Bearer ") else token
        if not token:
            raise SlackError("not_authed")
        scopes = self.tokens.get(str(token))
        if scopes is None:
            raise SlackError("invalid_auth")
        needed = NEEDED.get(method)
        if needed == "channels:history" and str(given.get("channel")).startswith("D"):
            needed = "im:history"
        if needed and needed not in scopes:
            raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(scopes)))
        return scopes

    # Methods

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._joined(_required(given, "channel"), by_name=True)
        content = self._shown(_content(given))
        parent = self._parent(channel, given)
        self._limit(channel)
        if parent is not None and _flag(given, "reply_broadcast"):
            # Shown in the channel too.
            content["subtype"] = BROADCAST
        message = self.post(channel, content, parent)
        return {"channel": channel.id, "ts": message["ts"], "message": message}

    def _post_ephemeral(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, user = self._joined(_required(given, "channel"), by_name=True), _required(given, "user")
        content = _content(given)
        if self.person(user, "user_not_in_channel").id != (channel.user or user):
            raise SlackError("user_not_in_channel")
        parent = self._parent(channel, given)
        return {"message_ts": self.whisper(channel, user, content, parent["ts"] if parent else "")["ts"]}

    def _update(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._joined(_required(given, "channel"))
        message = self.message(channel, _required(given, "ts"))
        self.rewrite(message, self._shown(_content(given)))
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": message}

    def _open_view(self, given: dict[str, Any]) -> dict[str, Any]:
        trigger, view = _required(given, "trigger_id"), _structure(given.get("view"), "invalid_arguments")
        if len(json.dumps(view)) > slack_limits.VIEW_SIZE:
            raise SlackError("view_too_large")
        try:
            slack_limits.view(view)
        except Invalid as error:
            raise SlackError("invalid_arguments", str(error)) from None
        return {"view": self.open(trigger, view).shown()}

    def _answered(self, request: Any) -> dict[str, Any]:
        """Take what the app says at an address that it was given to answer at; raises SlackError."""
        hook = self.used(request.path)
        given = _arguments("response_url", request)
        original = hook.message if hook.message is not None and self.stands(hook.message) else None
        if _flag(given, "delete_original"):
            if original is None:
                raise SlackError("no_message")
            self.delete(original["ts"])
        elif _flag(given, "replace_original") and original is not None:
            self.rewrite(original, _said(given))
        else:
            self.say(hook.channel, hook.user, given)
        return {}

    def _announce(self, home: str, given: dict[str, Any]) -> dict[str, Any]:
        name, length, alt_text = _required(given, "filename"), _required(given, "length"), given.get("alt_txt", "")
        if not length.isdigit() or int(length) == 0:
            raise SlackError("invalid_arguments", "length must be a number of bytes")
        if len(alt_text) > 1000:
            raise SlackError("alt_txt_too_large")
        file = self.announce(name, int(length), alt_text)
        return {"upload_url": f"{home.removesuffix('/')}{UPLOAD}{file.id}", "file_id": file.id}

    def _received(self, request: Any) -> Any:
        """Take the bytes of a file that was announced."""
        file, content = self.files.get(request.path.removeprefix(UPLOAD)), request.get_data()
        if file is None or file.content or len(content) != file.length:
            return Response("the stand-in takes once, and whole, what was announced", 400)
        file.content = content
        return Response(f"OK - {len(content)}", 200)

    def _complete(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = _structure(_required(given, "files"), "invalid_arguments")
        if not isinstance(wanted, list) or not wanted or not all(isinstance(one, dict) for one in wanted):
            raise SlackError("invalid_arguments", "files must be a list of objects")
        for one in wanted:
            file = self.files.get(one.get("id", ""))
            if one.keys() - {"id", "title"}:
                raise SlackError("invalid_arguments", "the stand-in knows of a file its id and its title")
            if file is None or not file.content:
                raise SlackError("file_not_found")
            file.complete = True
        self.version += 1
        # What it is, Slack finds out later.
        return {"files": [{**one, "mimetype": "", "filetype": ""} for one in wanted]}

    def _shown(self, content: Message) -> Message:
        """Make sure that the files that a message shows are ready; raises SlackError."""
        for number, block in enumerate(content.get("blocks") or ()):
            if block["type"] == "image" and not self.show(block["slack_file"]["id"]):
                raise SlackError("invalid_blocks", f"invalid slack file [json-pointer:/blocks/{number}/slack_file]")
        return content

    def _history(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._joined(_required(given, "channel"))
        standing = [
            message
            for where, message in self.messages
            if where == channel.id
            and (message.get("thread_ts", message["ts"]) == message["ts"] or message.get("subtype") == BROADCAST)
        ]
        return _page(list(reversed([m for m in standing if _between(m, given)])), given)

    def _replies(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._joined(_required(given, "channel"))
        parent = self.message(channel, _required(given, "ts"), "thread_not_found")
        replies = [m for where, m in self.messages if where == channel.id and is_reply(m, parent["ts"])]
        return _page([parent, *(message for message in replies if _between(message, given))], given)

    def _conversations(self, given: dict[str, Any]) -> dict[str, Any]:
        hide = _flag(given, "exclude_archived")
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

    def _open_direct(self, given: dict[str, Any]) -> dict[str, Any]:
        if "channel" in given:
            channel, there = self.channel(_required(given, "channel")), True
            if not channel.user:
                raise SlackError("method_not_supported_for_channel_type")
        else:
            if not given.get("users"):
                raise SlackError("users_list_not_supplied")
            user = _required(given, "users")
            if "," in user:
                raise SlackError("invalid_arguments", "the stand-in has direct messages with one person only")
            there = user in self.direct
            channel = self.directly(user)
        known = {"no_op": True, "already_open": True} if there else {}
        more = {"is_im": True, "user": channel.user} if _flag(given, "return_im") else {}
        return {**known, "channel": {"id": channel.id, **more}}

    def _groups(self, given: dict[str, Any]) -> dict[str, Any]:
        def shown(group: workspace.Group) -> dict[str, Any]:
            users = {"users": list(group.people)} if _flag(given, "include_users") else {}
            count = {"user_count": len(group.people)} if _flag(given, "include_count") else {}
            own = {"id": group.id, "team_id": BOT["team"], "handle": group.handle, "name": group.handle.title()}
            return {**own, "is_usergroup": True, "date_delete": 0, **users, **count}

        return {"usergroups": [shown(group) for group in self.groups]}

    def _group_people(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = _required(given, "usergroup")
        for group in self.groups:
            if group.id == wanted:
                return {"users": list(group.people)}
        raise SlackError("no_such_subteam")

    def _user(self, scopes: frozenset[str], given: dict[str, Any]) -> dict[str, Any]:
        return {"user": _person(self.person(_required(given, "user")), scopes)}

    def _user_of(self, scopes: frozenset[str], given: dict[str, Any]) -> dict[str, Any]:
        email = _required(given, "email").lower()
        for person in self.people:
            if person.email == email:
                return {"user": _person(person, scopes)}
        raise SlackError("users_not_found")

    # State

    def say(self, channel: Channel, user: str, given: Mapping[str, Any]) -> None:
        """Show what the app answers somebody: to them alone, unless it says `in_channel`; raises SlackError."""
        content = _said(given)
        kind = given.get("response_type", "ephemeral")
        if kind not in ("ephemeral", "in_channel"):
            raise SlackError("invalid_payload", f"response_type: {kind} is neither ephemeral nor in_channel")
        parent = self._parent(channel, given)
        if kind == "in_channel":
            self.post(channel, content, parent)
        else:
            self.whisper(channel, user, content, parent["ts"] if parent else "")

    def _parent(self, channel: Channel, given: Mapping[str, Any]) -> Message | None:
        if not given.get("thread_ts"):
            return None
        parent = self.message(channel, given["thread_ts"], "thread_not_found")
        if parent.get("thread_ts", parent["ts"]) != parent["ts"]:
            raise SlackError("cannot_reply_to_message")
        return parent

    def _joined(self, name: str, *, by_name: bool = False) -> Channel:
        if by_name and name in {person.id for person in self.people}:
            return self.directly(name)
        channel = self.channel(name, by_name=by_name)
        if not channel.member:
            raise SlackError("not_in_channel")
        if channel.archived:
            raise SlackError("is_archived")
        return channel

    def _limit(self, channel: Channel) -> None:
        if not self.limited:
            return
        now = self.now()
        level, at = self._buckets.get(channel.id, (0.0, now))
        level = max(0.0, level - (now - at))
        if level >= BURST:
            raise SlackError("ratelimited", retry_after=1)
        self._buckets[channel.id] = (level + 1.0, now)


def _arguments(method: str, request: Any) -> dict[str, Any]:
    kind = request.mimetype
    if kind == "application/json":
        if method not in (*TAKES_JSON, "response_url"):
            raise SlackError("invalid_arguments", f"{method} does not take JSON")
        try:
            # auth.test has nothing to say, and slack_sdk then sends nothing.
            given = json.loads(request.get_data() or b"{}")
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(given, dict):
            raise SlackError("json_not_object")
        return given
    if method == "response_url" or kind not in ("application/x-www-form-urlencoded", ""):
        raise SlackError("invalid_post_type")
    return request.form.to_dict()  # type: ignore[no-any-return]


def _required(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError("invalid_arguments", f"missing required field: {name}")
    return value


def _flag(given: Mapping[str, Any], name: str) -> bool:
    return str(given.get(name, "0")) in ("1", "true", "True")


def _person(person: Person, scopes: frozenset[str]) -> dict[str, Any]:
    email = {"email": person.email} if "users:read.email" in scopes else {}
    profile = {"real_name": person.name.title(), "display_name": person.name, **email}
    return {"id": person.id, "team_id": BOT["team"], "name": person.name, "deleted": False, "is_bot": False} | {
        "real_name": person.name.title(), "profile": profile, **dict.fromkeys(person.flags, True),
    }  # fmt: skip


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


def _said(given: Mapping[str, Any]) -> Message:
    for name in given.keys() - ANSWER:
        raise SlackError("invalid_payload", f"the stand-in does not know {name} in an answer")
    return _content(given)


def _structure(value: Any, code: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise SlackError(code, f"not JSON: {error}") from None


def _between(message: Message, given: Mapping[str, Any]) -> bool:
    inclusive = _flag(given, "inclusive")
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
    metadata = _flag(given, "include_all_metadata")
    more = start + limit < len(found)
    shown = [one if metadata else {k: v for k, v in one.items() if k != "metadata"} for one in found[start:][:limit]]
    cursor = str(start + limit) if more else ""
    return {"messages": shown, "has_more": more, "response_metadata": {"next_cursor": cursor}}


def _json(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Any:
    return Response(json.dumps(body), status, dict(headers or {}), content_type="application/json; charset=utf-8")
