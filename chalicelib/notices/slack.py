"""Slack: sends each notice once, in its thread, and says what to mend when it cannot.

The bot token needs the scopes `chat:write` (send), `channels:read`, `groups:read`, `channels:history` and
`groups:history` (look whether an interrupted call has arrived), and the bot must be in the channel.

Slack has no idempotency key, so that "once" is made here: the key is in each message's metadata, an attempt is
recorded before the call, and an attempt without outcome is looked up in the channel before anything is sent again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.model import Notice, ParapetError
from chalicelib.notices import slack_blocks
from chalicelib.notices.slack_blocks import Earlier
from chalicelib.notices.threads import Thread, Threads, Told, mark
from chalicelib.secrets import Kept, Secret, redacted

if TYPE_CHECKING:
    from slack_sdk import WebClient

EVENT_TYPE = "parapet_notice"
TIMEOUT = 10
SPARE = 2.0
PATIENCE = 5.0
CLOCKS_APART = 60.0
PAGE = 200
STRANGER = "what answered in its place does not speak as Slack does; look for a proxy in between"
CODE = re.compile(r"\w{1,100}")
STAMP = re.compile(r"\d+\.\d+")
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{7,}")

AUTH = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
    "org_login_required", "ekm_access_denied", "no_permission",
})  # fmt: skip
TRANSIENT = frozenset({
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org",
})  # fmt: skip
RATE = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# The root, or the channel it stood in, is gone for us: the thread begins anew in the channel that is set.
LOST = frozenset({
    "thread_not_found", "invalid_thread_ts", "message_not_found", "cannot_reply_to_message",
    "channel_not_found", "is_archived", "not_in_channel",
})  # fmt: skip
FROZEN = LOST | {"cant_update_message", "edit_window_closed", "is_inactive"}


class RateLimited(ParapetError):
    """Slack asks to wait for longer than this invocation can; the queue delivers the notice again."""


class Unreachable(ParapetError):
    """Slack did not answer, or not properly; whether it took the message is looked up on the next try."""


class Refused(ParapetError):
    """Slack says no and will say no again until somebody mends what the text names."""

    def __init__(self, code: str, text: str) -> None:
        """Keep Slack's own error code."""
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a notice: sent now, found sent by an earlier try, or known to be told already."""

    kind: Literal["sent", "found", "known"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a message is: its channel, its `ts`, and the root of its thread (itself, where it is the root)."""

    channel: str
    ts: str
    root: str


class Slack:
    """Tells notices in one Slack channel."""

    def __init__(
        self,
        token: Kept,
        threads: Threads,
        channel: str,
        *,
        url: str = "",
        timeout: int = TIMEOUT,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._token = token
        self._threads = threads
        self._channel = channel
        self._url = url
        self._timeout = timeout
        self._now = now
        self._sleep = sleep
        self._connected: tuple[Secret, WebClient] | None = None

    def tell(self, notice: Notice, remaining: Callable[[], float]) -> Outcome:
        """Send a notice unless it was sent before.

        Args:
            notice: the news.
            remaining: tells how many seconds this invocation still has.

        Raises:
            RateLimited, Unreachable: when a later try may well succeed.
            Refused: when somebody has to mend something first.
            Busy, AwsError: when the thread's record cannot be read or written.
        """
        thread, key = self._threads.read(mark(notice.thread)), mark(notice.key)
        if thread.has(key):
            return Outcome("known")
        started = thread.attempts.get(key)
        where, note = None, ""
        if started is None:
            self._enough(remaining)
            thread = self._threads.attempt(thread, key, self._now())
        else:
            where, note = self._look(thread, key, started, remaining)
        kind: Literal["sent", "found"] = "found" if where else "sent"
        if where is None:
            try:
                where = self._send(notice, thread, key, remaining)
            except (Refused, RateLimited):
                # Certainly not sent: the next try need not look for it.
                self._threads.refused(thread, key)
                raise
        if where.root != where.ts and notice.at >= max((one.at for one in thread.told), default=notice.at):
            note = self._show(notice, thread, where, remaining) or note
        told = Told(key, where.ts, notice.at, notice.status, slack_blocks.summary(notice))
        self._threads.sent(thread, told, where.channel, where.root)
        return Outcome(kind, note)

    def _send(self, notice: Notice, thread: Thread, key: str, remaining: Callable[[], float]) -> Sent:
        params = {"metadata": _metadata(thread, key), "unfurl_links": False, "unfurl_media": False, "mrkdwn": False}
        if thread.root:
            text, blocks = slack_blocks.reply(notice)
            place = {"channel": thread.channel, "thread_ts": thread.root}
            try:
                answer = self._call("chat_postMessage", remaining, **place, text=text, blocks=blocks, **params)
                return Sent(thread.channel, _stamp(answer), thread.root)
            except Refused as refusal:
                if refusal.code not in LOST:
                    raise
        text, blocks = slack_blocks.root(notice, _earlier(thread))
        answer = self._call("chat_postMessage", remaining, channel=self._channel, text=text, blocks=blocks, **params)
        return Sent(_channel(answer), _stamp(answer), _stamp(answer))

    def _show(self, notice: Notice, thread: Thread, where: Sent, remaining: Callable[[], float]) -> str:
        """Rewrite the root so that it shows the latest notice; done twice, it is the same."""
        text, blocks = slack_blocks.root(notice, _earlier(thread))
        # It keeps the key that it was sent under, by which it is found.
        first = next((one.key for one in thread.told if one.ts == where.root), "")
        try:
            self._call(
                "chat_update",
                remaining,
                channel=where.channel,
                ts=where.root,
                text=text,
                blocks=blocks,
                metadata=_metadata(thread, first),
                parse="none",
                link_names=False,
            )
        except Refused as refusal:
            if refusal.code not in FROZEN:
                raise
            return f"the thread's first message stays as it was: {refusal.code}"
        return ""

    # Was it sent?

    def _look(
        self, thread: Thread, key: str, started: float, remaining: Callable[[], float]
    ) -> tuple[Sent | None, str]:
        """Return where an interrupted call has put its message, if anywhere, and what kept us from looking."""
        try:
            return self._find(thread, key, f"{max(0.0, started - CLOCKS_APART):.6f}", remaining), ""
        except Refused as refusal:
            if refusal.code in AUTH:
                raise
            # Better told twice than never.
            return None, f"could not look for what an interrupted call has sent: {refusal}"

    def _find(self, thread: Thread, key: str, oldest: str, remaining: Callable[[], float]) -> Sent | None:
        us = self._call("auth_test", remaining).get("bot_id")
        if thread.root:
            place = {"channel": thread.channel, "ts": thread.root}
            try:
                ts = self._search("conversations_replies", key, us, remaining, oldest=oldest, **place)
                if ts:
                    return Sent(thread.channel, ts, thread.root)
            except Refused as refusal:
                if refusal.code not in LOST:
                    raise
        channel = self._channel_id(remaining)
        if not channel:
            return None
        ts = self._search("conversations_history", key, us, remaining, oldest=oldest, channel=channel)
        return Sent(channel, ts, ts) if ts else None

    def _search(self, method: str, key: str, us: str | None, remaining: Callable[[], float], **params: Any) -> str:
        for answer in self._pages(method, remaining, include_all_metadata=True, **params):
            for message in answer.get("messages", []):
                metadata = message.get("metadata") or {}
                ours = message.get("bot_id") == us and metadata.get("event_type") == EVENT_TYPE
                if ours and (metadata.get("event_payload") or {}).get("key") == key:
                    return _stamp(message)
        return ""

    def _channel_id(self, remaining: Callable[[], float]) -> str:
        if CHANNEL_ID.fullmatch(self._channel):
            return self._channel
        # Sending takes a channel's name; everything else wants its id.
        name = self._channel.removeprefix("#")
        kinds = {"types": "public_channel,private_channel", "exclude_archived": True}
        for answer in self._pages("users_conversations", remaining, **kinds):
            for channel in answer.get("channels", []):
                if channel.get("name") == name:
                    return str(channel["id"])
        return ""

    def _pages(self, method: str, remaining: Callable[[], float], **params: Any) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            answer = self._call(method, remaining, limit=PAGE, **params, **({"cursor": cursor} if cursor else {}))
            yield answer
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    # Calling Slack

    def _call(self, method: str, remaining: Callable[[], float], **params: Any) -> dict[str, Any]:
        from slack_sdk.errors import SlackApiError, SlackClientError

        token = self._token()
        while True:
            self._enough(remaining)
            try:
                answer = getattr(self._client(token), method)(**params)
                return dict(answer.data)
            except SlackApiError as error:
                status, headers = error.response.status_code, error.response.headers
                data = error.response.data if isinstance(error.response.data, dict) else {}
            except (SlackClientError, OSError, HTTPException) as error:
                # OSError covers urllib's own errors and timeouts. `from None`: the request holds the token.
                text = redacted(f"{type(error).__name__}: {error}")
                raise Unreachable(f"Slack did not answer {_name(method)}: {text}") from None
            code = redacted(str(data.get("error") or status))
            if status == 429 or code in RATE:
                self._wait(_name(method), headers, remaining)
                continue
            if not CODE.fullmatch(code):
                # Not shown: it may repeat what we sent, and be cut in the middle of the token.
                raise Unreachable(f"Slack did not answer {_name(method)}: {STRANGER}")
            if status >= 500 or code in TRANSIENT:
                raise Unreachable(f"Slack answered {_name(method)} with {status} {code}; it is tried again")
            if code in AUTH or code == "missing_scope":
                was, token = token, self._token(anew=True)
                if token != was:
                    continue
            raise Refused(code, redacted(self._mend(_name(method), code, data)))

    def _wait(self, method: str, headers: Any, remaining: Callable[[], float]) -> None:
        given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
        seconds = float(given) if str(given).replace(".", "", 1).isdigit() else 1.0
        if seconds > PATIENCE or remaining() < seconds + self._timeout + SPARE:
            raise RateLimited(f"Slack limits {method} and asks to wait {seconds:g} s; the queue delivers it again")
        self._sleep(seconds)

    def _enough(self, remaining: Callable[[], float]) -> None:
        if remaining() < self._timeout + SPARE:
            raise RateLimited("this invocation has too little time left to call Slack; the queue delivers it again")

    def _client(self, token: Secret) -> WebClient:
        if self._connected and self._connected[0] == token:
            return self._connected[1]
        from slack_sdk import WebClient

        # No retry handlers: slack_sdk's own would send again after a connection that broke in the middle.
        client = WebClient(
            token=token.reveal(),
            base_url=self._url or WebClient.BASE_URL,
            timeout=self._timeout,
            retry_handlers=[],
        )
        # slack_sdk takes HTTPS_PROXY without looking at NO_PROXY; urllib looks at both.
        client.proxy = None
        self._connected = token, client
        return client

    def _mend(self, method: str, code: str, data: dict[str, Any]) -> str:
        where = f"Slack refused {method}: {code}. "
        if code in AUTH:
            return where + (
                f"The Slack token in {self._token.where} is not valid: put the app's current bot token "
                "(xoxb-…) there; the next try reads it anew"
            )
        if code == "missing_scope":
            return where + (
                f"Give the Slack app the scope {data.get('needed') or 'it lacks'}, install it again, and put its "
                f"token into {self._token.where}"
            )
        if code == "channel_not_found":
            return where + (
                f"There is no channel {self._channel} that the bot can see: make it, or set slack.channel in "
                "parapet.toml; into a private channel invite the bot with /invite @parapet"
            )
        if code == "not_in_channel":
            return where + f"Invite the bot to {self._channel} with /invite @parapet"
        if code == "is_archived":
            return where + f"{self._channel} is archived: unarchive it, or set slack.channel in parapet.toml"
        if code.startswith("restricted_action"):
            return where + f"The workspace's settings forbid the bot to post in {self._channel}"
        messages = (data.get("response_metadata") or {}).get("messages", [])
        # Not cut before it is looked through: half a secret would be told.
        details = redacted("; ".join(str(text) for text in messages))[:500]
        return where + f"{details or 'Slack gives no details'}. This is a defect of Parapet's: please report it"


def _metadata(thread: Thread, key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key, "thread": thread.name}}


def _stamp(answer: dict[str, Any]) -> str:
    """Return the `ts` of a message that was sent; raises Unreachable when the answer is none of Slack's."""
    return _of_shape(answer.get("ts"), STAMP)


def _channel(answer: dict[str, Any]) -> str:
    return _of_shape(answer.get("channel"), CHANNEL_ID)


def _of_shape(value: Any, shape: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise Unreachable(STRANGER)
    return value


def _earlier(thread: Thread) -> list[Earlier]:
    return [Earlier(one.at, one.status, one.line) for one in sorted(thread.told, key=lambda one: one.at)]


def _name(method: str) -> str:
    return method.replace("_", ".", 1)
