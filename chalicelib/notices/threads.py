"""What a channel has told in each thread: one item per thread in the journal's table.

Its key is `THREAD#slack#<thread>`. An *attempt* is written before a message is sent and taken away with its
outcome, so that an attempt found without one means: somebody stopped in the middle of the call, look there first.
Every write is conditional on the item being as it was read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chalicelib import items, records
from chalicelib.model import DAY, Aws, AwsError, Busy, ParapetError

KEY_LENGTH = 255
# An item holds 400 KB; what was told so long ago is not sent again.
REMEMBERED = 300
# Seconds after its last news until the table forgets a thread: what comes later begins a new one.
KEPT = 90 * DAY


@dataclass(frozen=True, slots=True)
class Told:
    """One notice that was sent: its key, the message's `ts`, when it happened, its status, its first line."""

    key: str
    ts: str
    at: float
    status: str
    line: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A notice that was not told: its key, why, and whether that is the end of it."""

    key: str
    why: str
    final: bool


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread as recorded: where its root is, what it told, which attempts (key to start) have no outcome.

    `picture` is what its root shows: the latest that was uploaded; `failed` what of a test could not be told.
    """

    name: str
    channel: str = ""
    root: str = ""
    told: tuple[Told, ...] = ()
    attempts: Mapping[str, float] = field(default_factory=dict)
    picture: str = ""
    failed: tuple[Failed, ...] = ()
    rev: int = 0

    def has(self, key: str) -> bool:
        """Whether the notice with this key was sent."""
        return any(one.key == key for one in self.told)


def mark(text: str) -> str:
    """Return a key or thread as records and messages carry it: itself, or a digest where it is long or odd."""
    if text and len(text) <= KEY_LENGTH and text.isprintable():
        return text
    return "sha256-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Threads:
    """The thread records of one channel."""

    def __init__(self, aws: Aws, table: str, channel: str = "slack") -> None:
        if not table:
            raise ParapetError("PARAPET_TABLE is not set: it names the journal's table")
        self._aws = aws
        self._table = table
        self._channel = channel

    def read(self, name: str) -> Thread:
        """Return a thread, empty when nothing was told yet, read consistently; raises Newer, AwsError."""
        answer = self._aws(
            "dynamodb", "get_item", TableName=self._table, Key=items.item(self._key(name)), ConsistentRead=True
        )
        raw = items.values(answer.get("Item") or {})
        return Thread(
            name=name,
            channel=raw.get("channel", ""),
            root=raw.get("ts", ""),
            told=tuple(records.made(Told, one, f"thread {name}", decisive=False) for one in raw.get("told", ())),
            attempts=raw.get("attempts", {}),
            picture=raw.get("picture", ""),
            failed=tuple(records.made(Failed, one, f"thread {name}", decisive=False) for one in raw.get("failed", ())),
            rev=raw.get("rev", 0),
        )

    def attempt(self, thread: Thread, key: str, at: float) -> Thread:
        """Record that a notice is about to be sent; raises Busy when the thread has moved, AwsError."""
        return self._write(replace(thread, attempts={**thread.attempts, key: at}), at)

    def refused(self, thread: Thread, key: str) -> Thread:
        """Record that a notice was certainly not sent; raises Busy when the thread has moved, AwsError."""
        return self._write(replace(thread, attempts=_without(thread.attempts, key)), thread.attempts[key])

    def sent(self, thread: Thread, told: Told, channel: str, root: str, picture: str = "") -> Thread:
        """Record a notice as sent, and the picture of its thread; raises Busy when the thread has moved, AwsError."""
        return self._write(
            replace(
                thread,
                channel=channel,
                root=root,
                picture=picture,
                told=(*thread.told, told)[-REMEMBERED:],
                attempts=_without(thread.attempts, told.key),
                failed=tuple(one for one in thread.failed if one.key != told.key),
            ),
            thread.attempts.get(told.key, told.at),
        )

    def failed(self, name: str, failed: Failed, at: float) -> None:
        """Record why a notice was not told, for whoever waits for it; raises Busy when the thread moves, AwsError."""
        thread = self.read(name)
        others = (one for one in thread.failed if one.key != failed.key)
        self._write(replace(thread, failed=(*others, failed)), at)

    def _write(self, thread: Thread, at: float) -> Thread:
        values: dict[str, Any] = {
            ":channel": thread.channel,
            ":ts": thread.root,
            ":told": [asdict(one) for one in thread.told],
            ":attempts": thread.attempts,
            ":picture": thread.picture,
            ":failed": [asdict(one) for one in thread.failed],
            ":next": thread.rev + 1,
            ":expires": int(at + KEPT),
        }
        condition = "attribute_not_exists(rev)"
        if thread.rev:
            condition, values[":rev"] = "rev = :rev", thread.rev
        try:
            self._aws(
                "dynamodb",
                "update_item",
                TableName=self._table,
                Key=items.item(self._key(thread.name)),
                UpdateExpression=(
                    "SET #channel = :channel, ts = :ts, told = :told, attempts = :attempts, rev = :next, "
                    "expires = :expires, picture = :picture, failed = :failed"
                ),
                ConditionExpression=condition,
                ExpressionAttributeNames={"#channel": "channel"},
                ExpressionAttributeValues=items.item(values),
            )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                raise Busy(f"thread {thread.name} is being told by another invocation") from error
            raise
        return replace(thread, rev=thread.rev + 1)

    def _key(self, name: str) -> dict[str, str]:
        return {"pk": f"THREAD#{self._channel}#{name}", "sk": "THREAD"}


def _without(attempts: Mapping[str, float], key: str) -> dict[str, float]:
    return {name: at for name, at in attempts.items() if name != key}
