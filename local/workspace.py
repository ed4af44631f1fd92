"""The workspace behind the stand-in for Slack, in memory: people, channels, messages, modals, and what expires."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

Message = dict[str, Any]

BOT = {"bot_id": "B0PARAPET0", "user": "U0PARAPET0", "app_id": "A0PARAPET0", "team": "T0PARAPET0"}
DOMAIN = "stand-in"
# A trigger opens one modal, within seconds; an address to answer at takes a few messages, within half an hour.
TRIGGER_LIFE = 3.0
HOOK_LIFE, HOOK_USES = 1800.0, 5
GONE = ("no_such_url", "expired_url", "used_url")


class SlackError(Exception):
    """An answer with `ok` false."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        """Keep Slack's code, a detail for the person who reads it, and further fields of the answer."""
        super().__init__(code)
        self.text = message or code
        self.body: dict[str, Any] = {"ok": False, "error": code, **more}
        if message:
            self.body["response_metadata"] = {"messages": [f"[ERROR] {message}"]}


@dataclass(frozen=True)
class Person:
    """One person of the workspace, with what Slack says of some: `deleted`, `is_bot`, or `is_restricted`, a guest."""

    id: str
    name: str
    flags: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        """Their address."""
        return f"{self.name}@example.com"


@dataclass
class Group:
    """One user group: its id, its handle, and the ids of its people."""

    id: str
    handle: str
    people: tuple[str, ...]


@dataclass
class Channel:
    """One channel, or the direct messages between the bot and a `user`; the bot may be in it, or it archived."""

    id: str
    name: str
    member: bool = True
    archived: bool = False
    user: str = ""


@dataclass
class Ephemeral:
    """A message that one person alone sees, in a channel."""

    channel: str
    user: str
    message: Message


@dataclass
class File:
    """A file of the bot's: at first only announced, then received, complete, and in the end ready to be shown."""

    id: str
    name: str
    length: int
    content: bytes = b""
    complete: bool = False
    alt_text: str = ""


@dataclass
class Modal:
    """A modal that is open before a person, as the app made it and as Slack numbers it."""

    id: str
    user: str
    view: dict[str, Any]

    def shown(self, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the modal as Slack tells it, with the `values` of its inputs."""
        given = {"private_metadata": "", "callback_id": "", "clear_on_close": False, "close": None, "submit": None}
        return {
            **given,
            **self.view,
            "id": self.id,
            "team_id": BOT["team"],
            "state": {"values": values or {}},
            "hash": f"{self.id}.1",
            "notify_on_close": False,
            "external_id": "",
            "previous_view_id": None,
            "root_view_id": self.id,
            "app_id": BOT["app_id"],
            "app_installed_team_id": BOT["team"],
            "bot_id": BOT["bot_id"],
        }


@dataclass
class Hook:
    """An address at which the app may answer somebody: beside, or in place of, the message that they used."""

    channel: Channel
    user: str
    message: Message | None
    at: float
    uses: int = 0


ALICE, BOB, MALLORY = Person("U0ALICE000", "alice"), Person("U0BOB00000", "bob"), Person("U0MALLORY0", "mallory")


@dataclass
class Workspace:
    """Everything that Slack keeps; callers hold the lock while they change it."""

    channels: list[Channel]
    now: Callable[[], float] = time.time
    people: tuple[Person, ...] = (ALICE, BOB, MALLORY)
    groups: list[Group] = field(default_factory=lambda: [Group("S0PARAPET0", "parapet", (ALICE.id, BOB.id))])
    direct: dict[str, Channel] = field(default_factory=dict)
    messages: list[tuple[str, Message]] = field(default_factory=list)
    ephemerals: list[Ephemeral] = field(default_factory=list)
    modals: dict[str, Modal] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    # So often what shows a file is refused after its upload, since Slack gets it ready only by and by.
    unready: int = 0
    version: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    _triggers: dict[str, tuple[str, float]] = field(default_factory=dict)
    _exchanged: set[str] = field(default_factory=set)
    _hooks: dict[str, Hook] = field(default_factory=dict)
    _last: int = 0

    # People and places

    def person(self, user: str, missing: str = "user_not_found") -> Person:
        """Return a person by their id; raises SlackError."""
        for one in self.people:
            if one.id == user:
                return one
        raise SlackError(missing)

    def channel(self, name: str, *, by_name: bool = False) -> Channel:
        """Return a channel or direct messages by their id, or a channel `by_name`; raises SlackError."""
        for one in (*self.channels, *self.direct.values()):
            if name == one.id or (by_name and not one.user and name.removeprefix("#") == one.name):
                return one
        raise SlackError("channel_not_found")

    def directly(self, user: str) -> Channel:
        """Return the direct messages with a person, opened if they were not; raises SlackError."""
        person = self.person(user)
        return self.direct.setdefault(user, Channel(f"D0{person.id[2:]}", "directmessage", user=user))

    # Messages

    def post(self, channel: Channel, content: Mapping[str, Any], parent: Message | None = None) -> Message:
        """Add a message of the bot's, in the thread of another or in the channel."""
        message: Message = {"type": "message", "ts": self.ts(), **BOT, **content}
        if parent is not None:
            parent["thread_ts"] = message["thread_ts"] = parent["ts"]
        self.messages.append((channel.id, message))
        self.version += 1
        return message

    def whisper(self, channel: Channel, user: str, content: Mapping[str, Any], thread: str = "") -> Message:
        """Add a message that one person alone sees."""
        message: Message = {"type": "message", "ts": self.ts(), **BOT, **content}
        if thread:
            message["thread_ts"] = thread
        self.ephemerals.append(Ephemeral(channel.id, user, message))
        self.version += 1
        return message

    def rewrite(self, message: Message, content: Mapping[str, Any]) -> None:
        """Give a message other content: what is not given stays, except that a text without blocks replaces them."""
        if "blocks" not in content:
            message.pop("blocks", None)
        message.update(content)
        self.version += 1

    def delete(self, ts: str) -> None:
        """Take a message away, as a person with the right to does."""
        with self.lock:
            self.messages = [(where, message) for where, message in self.messages if message["ts"] != ts]
            self.ephemerals = [one for one in self.ephemerals if one.message["ts"] != ts]
            self.version += 1

    def message(self, channel: Channel, ts: str, missing: str = "message_not_found", user: str = "") -> Message:
        """Return a message that stands in a channel, for a `user` also what they alone see; raises SlackError."""
        for where, message in self.messages:
            if where == channel.id and message["ts"] == ts:
                return message
        for one in self.ephemerals:
            if user and (one.channel, one.user, one.message["ts"]) == (channel.id, user, ts):
                return one.message
        raise SlackError(missing)

    def is_ephemeral(self, message: Message) -> bool:
        """Whether one person alone sees a message."""
        return any(one.message is message for one in self.ephemerals)

    def stands(self, message: Message) -> bool:
        """Whether a message has not been deleted."""
        return self.is_ephemeral(message) or any(one is message for _, one in self.messages)

    def threads(self, channel: str = "", user: str = "") -> list[Message]:
        """Return what stands in a channel (default: the first), oldest first, each with its replies.

        For a `user`, with what they alone see, which is marked `ephemeral`.
        """
        with self.lock:
            wanted = self.channel(channel or self.channels[0].id, by_name=True).id
            mine = [message for where, message in self.messages if where == wanted]
            mine += [
                {**one.message, "ephemeral": True}
                for one in self.ephemerals
                if user and (one.channel, one.user) == (wanted, user)
            ]
            mine.sort(key=lambda message: float(message["ts"]))
            roots = [message for message in mine if message.get("thread_ts", message["ts"]) == message["ts"]]
            return [{**root, "replies": _replies(mine, root["ts"])} for root in roots]

    def ts(self) -> str:
        """Return the time as Slack numbers messages: unique and rising, even within one tick of the clock."""
        self._last = max(self._last + 1, int(self.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    # Files

    def announce(self, name: str, length: int, alt_text: str) -> File:
        """Return a file that is about to be uploaded."""
        file = File(f"F0{len(self.files) + 1:08d}", name, length, alt_text=alt_text)
        self.files[file.id] = file
        return file

    def show(self, file: str) -> bool:
        """Whether a file can be shown by now."""
        there = self.files.get(file)
        if there is None or not there.complete or not there.content.startswith(b"\x89PNG"):
            return False
        if self.unready:
            self.unready -= 1
            return False
        return True

    # What expires

    def trigger(self, user: str) -> str:
        """Return a trigger that lets the app open a modal before a person."""
        made = f"{len(self._triggers) + 1}.{BOT['team'][1:]}.{secrets.token_hex(16)}"
        self._triggers[made] = (user, self.now())
        return made

    def open(self, trigger: str, view: dict[str, Any]) -> Modal:
        """Open a modal in exchange for a trigger; raises SlackError."""
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        if trigger in self._exchanged:
            raise SlackError("exchanged_trigger_id")
        user, at = self._triggers[trigger]
        if self.now() - at > TRIGGER_LIFE:
            raise SlackError("expired_trigger_id")
        self._exchanged.add(trigger)
        modal = Modal(f"V0{len(self._exchanged):08d}", user, {**view, "blocks": filled(view["blocks"], trigger)})
        self.modals[user] = modal
        self.version += 1
        return modal

    def close(self, modal: Modal) -> None:
        """Close a modal, unless another has taken its place."""
        if self.modals.get(modal.user) is modal:
            del self.modals[modal.user]
            self.version += 1

    def hook(self, kind: str, channel: Channel, user: str, message: Message | None = None) -> str:
        """Return the path of an address at which the app may answer (`kind`: `actions` or `commands`)."""
        path = f"/hooks/{kind}/{BOT['team']}/{len(self._hooks) + 1}/{secrets.token_urlsafe(18)}"
        self._hooks[path] = Hook(channel, user, message, self.now())
        return path

    def used(self, path: str) -> Hook:
        """Return what an address is for, which counts as a use of it; raises SlackError."""
        hook = self._hooks.get(path)
        if hook is None:
            raise SlackError("no_such_url")
        if self.now() - hook.at > HOOK_LIFE:
            raise SlackError("expired_url")
        if hook.uses >= HOOK_USES:
            raise SlackError("used_url")
        hook.uses += 1
        return hook


def is_reply(message: Message, root: str) -> bool:
    """Whether a message is a reply in the thread of another."""
    return message.get("thread_ts") == root and message["ts"] != root


def filled(blocks: Iterable[Mapping[str, Any]], seed: str) -> list[dict[str, Any]]:
    """Return blocks with what Slack fills in where the app says nothing: ids, and how texts are read."""
    return [
        {"block_id": sha256(f"{seed} {number}".encode()).hexdigest()[:5], **_read(block)}
        for number, block in enumerate(blocks)
    ]


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    own = {"plain_text": {"emoji": True}, "mrkdwn": {"verbatim": False}}.get(value.get("type", ""), {})
    return {**own, **{name: _read(one) for name, one in value.items()}}


def _replies(messages: list[Message], root: str) -> list[Message]:
    replies = [message for message in messages if is_reply(message, root)]
    # Nobody sees a thread of nothing but ephemeral messages.
    return [] if all("ephemeral" in one for one in replies) else replies


def channels(names: Iterable[str]) -> list[Channel]:
    """Return channels of some names, the bot in each."""
    return [Channel(f"C0{number:08d}", name) for number, name in enumerate(names, 1)]
