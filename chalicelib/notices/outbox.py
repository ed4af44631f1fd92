"""The outbox: one FIFO queue per channel, in which a thread is a message group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from chalicelib.model import Aws, AwsError, Notice, ParapetError, plain


class Outbox:
    """Sends notices to the queues of the channels that are set up."""

    def __init__(self, aws: Aws, queues: Sequence[str]) -> None:
        if not queues or not all(queues):
            raise ParapetError("PARAPET_SLACK_QUEUE is not set: it names the outbox's queue")
        self._aws = aws
        self._queues = queues

    def send(self, *notices: Notice) -> None:
        """Put notices into every channel's queue; the same key within five minutes is one message. Raises AwsError."""
        entries = [{"Id": str(number), **_message(notice)} for number, notice in enumerate(notices)]
        for queue in self._queues:
            answer = self._aws("sqs", "send_message_batch", QueueUrl=queue, Entries=entries)
            for failed in answer.get("Failed", []):
                raise AwsError("sqs:SendMessage", failed["Code"], failed.get("Message", ""))


def _message(notice: Notice) -> dict[str, str]:
    return {
        "MessageBody": json.dumps(plain(notice)),
        "MessageGroupId": _token(notice.thread),
        "MessageDeduplicationId": _token(notice.key),
    }


def _token(text: str) -> str:
    # SQS takes 128 characters of a narrow alphabet; keys may hold ARNs.
    return hashlib.sha256(text.encode()).hexdigest()


def load(body: str) -> Notice:
    """Return the notice in a message; raises ParapetError for anything else."""
    try:
        raw: Mapping[str, Any] = json.loads(body)
        lines, facts = tuple(raw["lines"]), tuple((k, v) for k, v in raw["facts"])
        # While an upgrade is under way, or after it was rolled back, a newer version's notices come too.
        known = {one.name: raw[one.name] for one in fields(Notice) if one.name in raw}
        return Notice(**{**known, "lines": lines, "facts": facts, "actions": tuple(raw.get("actions", ()))})
    except (ValueError, TypeError, KeyError) as error:
        raise ParapetError(f"this message is not a notice of Parapet: {error}") from None
