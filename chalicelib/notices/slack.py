"""Slack: sends each notice once, in its thread, and says what to mend when it cannot.

The bot token needs the scopes `chat:write` (send), `channels:read`, `groups:read`, `channels:history` and
`groups:history` (look whether an interrupted call has arrived), and the bot must be in the channel. Whoever brought a
finding is told in a direct message: that takes those of `slack_people`, and `im:history` to look there. A picture takes
that of `slack_pictures`.

Slack has no idempotency key, so that "once" is made here: the key is in each message's metadata, an attempt is
recorded before the call, and an attempt without outcome is looked up in the channel before anything is sent again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from chalicelib.model import Notice
from chalicelib.notices import slack_blocks
from chalicelib.notices.channel import Outcome, RateLimited, Refused
from chalicelib.notices.slack_api import AUTH, TIMEOUT, Pace, SlackApi, of_shape
from chalicelib.notices.slack_blocks import Earlier
from chalicelib.notices.slack_people import Members
from chalicelib.notices.slack_pictures import NOT_SHOWN, Pictures
from chalicelib.notices.slack_text import Block
from chalicelib.notices.threads import Thread, Threads, Told, mark
from chalicelib.people import Person
from chalicelib.secrets import Kept

EVENT_TYPE = "parapet_notice"
CLOCKS_APART = 60.0
STAMP = re.compile(r"\d+\.\d+")
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{7,}")

# The root, or the channel it stood in, is gone for us: the thread begins anew in the channel that is set.
LOST = frozenset({
    "thread_not_found", "invalid_thread_ts", "message_not_found", "cannot_reply_to_message",
    "channel_not_found", "is_archived", "not_in_channel",
})  # fmt: skip
FROZEN = LOST | {"cant_update_message", "edit_window_closed", "is_inactive"}
# A picture is ready some time after it was uploaded, mostly within a second; so long Slack is asked again.
READY = (0.5, 1.0, 2.0)
UNREADY = f"{NOT_SHOWN}: Slack did not get it ready in time."

Message = tuple[str, list[Block]]


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a message is: its channel, its `ts`, and the root of its thread (itself, where it is the root).

    `picture` is what it shows.
    """

    channel: str
    ts: str
    root: str
    picture: str = ""


class Slack:
    """Tells notices in the Slack channels that they are for, and those that are for one person directly."""

    def __init__(
        self,
        token: Kept,
        threads: Threads,
        channel: str,
        *,
        url: str = "",
        interactive: bool = True,
        people: Sequence[Person] = (),
        timeout: float = TIMEOUT,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = SlackApi(token, url=url, timeout=timeout, sleep=sleep)
        self._pictures = Pictures(self._api, url, timeout)
        self._pace = Pace(now, sleep)
        self._sleep = sleep
        self._threads = threads
        self._channel = channel
        self._interactive = interactive
        self._members = Members(self._api, people, now)
        self._now = now

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
        home, note = self._members.room(notice.to, remaining) if notice.to else (self._home(notice), "")
        if not home:
            return Outcome("nobody", note)
        if notice.to and thread.channel not in ("", home):
            # Who is meant by the ARN has changed: what was told to another stays there.
            thread = replace(thread, root="")
        started = thread.attempts.get(key)
        where = None
        if started is None:
            self._api.enough(remaining)
            self._pace.keep(thread.channel or home, self._api.spare(remaining))
            thread = self._threads.attempt(thread, key, self._now())
        else:
            where, note = self._look(thread, key, home, started, remaining)
        kind: Literal["sent", "found"] = "found" if where else "sent"
        if where is None:
            if started is not None:
                self._pace.keep(thread.channel or home, self._api.spare(remaining))
            try:
                where = self._send(notice, thread, key, home, remaining)
            except (Refused, RateLimited):
                # Certainly not sent: the next try need not look for it.
                self._threads.refused(thread, key)
                raise
        picture = where.picture or thread.picture
        if where.root != where.ts and notice.at >= max((one.at for one in thread.told), default=notice.at):
            kept, picture = self._show(notice, thread, where, picture, remaining)
            note = kept or note
        told = Told(key, where.ts, notice.at, notice.status, slack_blocks.summary(notice))
        self._threads.sent(thread, told, where.channel, where.root, picture)
        return Outcome(kind, note)

    def _home(self, notice: Notice) -> str:
        return (notice.destination.slack if notice.destination else "") or self._channel

    def _send(self, notice: Notice, thread: Thread, key: str, home: str, remaining: Callable[[], float]) -> Sent:
        params = {"metadata": _metadata(thread, key), "unfurl_links": False, "unfurl_media": False, "mrkdwn": False}
        uploaded, problem = "", ""
        if notice.picture:
            uploaded, problem = self._pictures.upload(notice.picture, notice.title, remaining)

        def said(shown: str) -> Notice:
            unready = UNREADY if uploaded and shown != uploaded else ""
            return replace(notice, lines=(*notice.lines, *filter(None, [problem, unready])))

        def reply(shown: str) -> Message:
            return slack_blocks.reply(said(shown), picture=shown)

        def begin(channel: str) -> Sent:
            root = partial(self._root, thread, said)
            picture = uploaded or thread.picture
            answer, shown = self._say("chat_postMessage", root, picture, remaining, channel=channel, **params)
            return Sent(_channel(answer), _stamp(answer), _stamp(answer), shown)

        if thread.root:
            place: dict[str, Any] = {"channel": thread.channel, "thread_ts": thread.root}
            if notice.loud:
                # Neither a reply nor a rewritten root would make anybody look.
                place["reply_broadcast"] = True
            try:
                answer, shown = self._say("chat_postMessage", reply, uploaded, remaining, **place, **params)
                return Sent(thread.channel, _stamp(answer), thread.root, shown)
            except Refused as refusal:
                if refusal.code not in LOST:
                    raise
        try:
            return begin(home)
        except Refused as refusal:
            # Whoever tests a route wants to hear that it leads nowhere.
            if refusal.code not in LOST or notice.to or notice.test or home == self._channel:
                raise
            # Where a route leads nowhere, it is told where everything else is, with what is to be mended.
            problem = f"This was meant for {home}. {refusal}."
            return begin(self._channel)

    def _root(self, thread: Thread, said: Callable[[str], Notice], shown: str) -> Message:
        return slack_blocks.root(said(shown), _earlier(thread), interactive=self._interactive, picture=shown)

    def _show(
        self, notice: Notice, thread: Thread, where: Sent, picture: str, remaining: Callable[[], float]
    ) -> tuple[str, str]:
        """Rewrite the root so that it shows the latest notice and picture; done twice, it is the same.

        Returns what kept us from it, if anything, and which picture it shows.
        """
        # It keeps the key that it was sent under, by which it is found.
        first = next((one.key for one in thread.told if one.ts == where.root), "")
        place = {"channel": where.channel, "ts": where.root, "metadata": _metadata(thread, first)}
        try:
            root = partial(self._root, thread, lambda _: notice)
            _, shown = self._say("chat_update", root, picture, remaining, **place, parse="none", link_names=False)
        except Refused as refusal:
            if refusal.code not in FROZEN:
                raise
            return f"the thread's first message stays as it was: {refusal.code}", picture
        return "", shown

    def _say(
        self, method: str, render: Callable[[str], Message], picture: str, remaining: Callable[[], float], **params: Any
    ) -> tuple[dict[str, Any], str]:
        """Call with a picture as soon as Slack has it ready, else without; returns the answer and what is shown."""
        waits = list(READY)
        while True:
            text, blocks = render(picture)
            try:
                return self._api.call(method, remaining, text=text, blocks=blocks, **params), picture
            except Refused as refusal:
                if not (picture and refusal.code == "invalid_blocks" and "slack_file" in str(refusal)):
                    raise
            # Certainly not sent; and what somebody has deleted never gets ready.
            if waits and self._api.spare(remaining) >= waits[0]:
                self._sleep(waits.pop(0))
            else:
                picture = ""

    # Was it sent?

    def _look(
        self, thread: Thread, key: str, home: str, started: float, remaining: Callable[[], float]
    ) -> tuple[Sent | None, str]:
        """Return where an interrupted call has put its message, if anywhere, and what kept us from looking."""
        try:
            return self._find(thread, key, home, f"{max(0.0, started - CLOCKS_APART):.6f}", remaining), ""
        except Refused as refusal:
            if refusal.code in AUTH:
                raise
            # Better told twice than never.
            return None, f"could not look for what an interrupted call has sent: {refusal}"

    def _find(self, thread: Thread, key: str, home: str, oldest: str, remaining: Callable[[], float]) -> Sent | None:
        us = self._api.call("auth_test", remaining).get("bot_id")
        if thread.root:
            place = {"channel": thread.channel, "ts": thread.root}
            try:
                found = self._search("conversations_replies", key, us, remaining, oldest=oldest, **place)
                if found:
                    return Sent(thread.channel, _stamp(found), thread.root, _pictured(found))
            except Refused as refusal:
                if refusal.code not in LOST:
                    raise
        # Where there is no such channel, it may have been told in our own.
        channel = self._channel_id(home, remaining) or self._channel_id(self._channel, remaining)
        if not channel:
            return None
        found = self._search("conversations_history", key, us, remaining, oldest=oldest, channel=channel)
        return Sent(channel, _stamp(found), _stamp(found), _pictured(found)) if found else None

    def _search(
        self, method: str, key: str, us: str | None, remaining: Callable[[], float], **params: Any
    ) -> dict[str, Any]:
        for answer in self._api.pages(method, remaining, include_all_metadata=True, **params):
            for message in answer.get("messages", []):
                metadata = message.get("metadata") or {}
                ours = message.get("bot_id") == us and metadata.get("event_type") == EVENT_TYPE
                if ours and (metadata.get("event_payload") or {}).get("key") == key:
                    return dict(message)
        return {}

    def _channel_id(self, home: str, remaining: Callable[[], float]) -> str:
        if CHANNEL_ID.fullmatch(home):
            return home
        # Sending takes a channel's name; everything else wants its id.
        name = home.removeprefix("#")
        kinds = {"types": "public_channel,private_channel", "exclude_archived": True}
        for answer in self._api.pages("users_conversations", remaining, **kinds):
            for channel in answer.get("channels", []):
                if channel.get("name") == name:
                    return str(channel["id"])
        return ""


def _pictured(message: dict[str, Any]) -> str:
    blocks = message.get("blocks")
    return slack_blocks.pictured([one for one in blocks if isinstance(one, dict)]) if isinstance(blocks, list) else ""


def _metadata(thread: Thread, key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key, "thread": thread.name}}


def _stamp(answer: dict[str, Any]) -> str:
    """Return the `ts` of a message that was sent; raises Unreachable when the answer is none of Slack's."""
    return of_shape(answer.get("ts"), STAMP)


def _channel(answer: dict[str, Any]) -> str:
    return of_shape(answer.get("channel"), CHANNEL_ID)


def _earlier(thread: Thread) -> list[Earlier]:
    return [Earlier(one.at, one.status, one.line) for one in sorted(thread.told, key=lambda one: one.at)]
