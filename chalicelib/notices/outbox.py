"""The outbox: one FIFO queue per channel, in which a thread is a message group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from chalicelib.model import Aws, AwsError, Channel, Destination, Notice, ParapetError, plain
from chalicelib.notices.routes import Routes

# What a thread is for, and a mailbox is not.
IN_PASSING = frozenset({"joined", "also", "acknowledged", "silenced"})
# What SQS takes at once: in messages, and in bytes with room to spare.
BATCH, LARGEST = 10, 240_000


class Outbox:
    """Sends notices to the queues of the channels that are set up."""

    def __init__(self, aws: Aws, queues: Mapping[Channel, str], routes: Routes | None) -> None:
        """Keep the queue of each channel, and the routes; without any (no settings), Slack's function knows where to.

        Raises ParapetError without a queue for Slack.
        """
        if not queues.get("slack"):
            raise ParapetError("PARAPET_SLACK_QUEUE is not set: it names the outbox's queue")
        self._aws = aws
        self._queues = queues
        self._routes = routes

    def send(self, *notices: Notice) -> None:
        """Put notices into the queues of the channels that they go to; the same key within five minutes is one message.

        Raises AwsError, and ParapetError for a notice that goes where nothing is set up.
        """
        routed = [self._routed(one) for one in notices]
        for channel, queue in self._queues.items():
            entries = [
                {"Id": str(number), **_message(notice if channel == "slack" else replace(notice, picture=""))}
                for number, notice in enumerate(routed)
                if channel in channels(notice) or (channel == "pagerduty" and self._ends_a_page(notice))
            ]
            for batch in _batches(entries):
                answer = self._aws("sqs", "send_message_batch", QueueUrl=queue, Entries=batch)
                for failed in answer.get("Failed", []):
                    raise AwsError("sqs:SendMessage", failed["Code"], failed.get("Message", ""))
        # Only now: who can be told has been told.
        for notice in routed:
            if lacking := channels(notice) - set(self._queues):
                raise ParapetError(
                    f"{notice.key} goes to {', '.join(lacking)}, of which PARAPET_..._QUEUE says nothing"
                )

    def _routed(self, notice: Notice) -> Notice:
        """Return a notice with where it goes; what its route's channels are not for goes to our own."""
        if self._routes is None:
            return notice
        where = self._routes.destination(notice)
        routed = replace(notice, destination=where)
        if channels(routed):
            return routed
        return replace(routed, destination=replace(where, slack=self._routes.otherwise.destination.slack))

    def _ends_a_page(self, notice: Notice) -> bool:
        """Whether a finding's news may end a page that another route has sent: routes change, also with the hour."""
        ends = notice.kind != "alert" and notice.page in ("acknowledge", "resolve")
        return bool(self._routes and self._routes.pages and ends)


def _batches(entries: Sequence[Mapping[str, str]]) -> Iterator[list[Mapping[str, str]]]:
    """Yield entries in as few batches as SQS takes, which bounds their number and their size together."""
    batch: list[Mapping[str, str]] = []
    for entry in entries:
        if batch and (
            len(batch) == BATCH or sum(len(one["MessageBody"].encode()) for one in (*batch, entry)) > LARGEST
        ):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


def channels(notice: Notice) -> set[Channel]:
    """Return the channels that a notice goes to."""
    where = notice.destination
    if where is None:
        return {"slack"}
    found: set[Channel] = {"slack"} if where.slack else set()
    if where.pagerduty and notice.page:
        found.add("pagerduty")
    return found | ({"email"} if where.email and notice.status not in IN_PASSING else set())


def _message(notice: Notice) -> dict[str, str]:
    return {
        "MessageBody": dump(notice),
        "MessageGroupId": _token(_order(notice)),
        "MessageDeduplicationId": _token(notice.key),
    }


def _order(notice: Notice) -> str:
    """Return what keeps the order of a notice: its thread, and for a page to somebody else that service too.

    Whom an escalation reaches must not wait behind a service that refuses its page.
    """
    where = notice.destination
    if where is None or where.slack or where.email or not where.pagerduty:
        return notice.thread
    return f"{notice.thread} {where.pagerduty}"


def _token(text: str) -> str:
    # SQS takes 128 characters of a narrow alphabet; keys may hold ARNs.
    return hashlib.sha256(text.encode()).hexdigest()


def dump(notice: Notice) -> str:
    """Return a notice as a message has it."""
    where = notice.destination and plain(notice.destination)
    return json.dumps({**plain(notice), "destination": where}, ensure_ascii=False)


def load(body: str) -> Notice:
    """Return the notice in a message; raises ParapetError for anything else."""
    try:
        raw: Mapping[str, Any] = json.loads(body)
        lines, facts = tuple(raw["lines"]), tuple((k, v) for k, v in raw["facts"])
        # While an upgrade is under way, or after it was rolled back, a newer version's notices come too.
        known = {one.name: raw[one.name] for one in fields(Notice) if one.name in raw}
        for name in ("tags", "links"):
            known[name] = tuple((k, v) for k, v in raw.get(name, ()))
        known["table"] = tuple(tuple(row) for row in raw.get("table", ()))
        if where := raw.get("destination"):
            known["destination"] = Destination(**{**where, "email": tuple(where["email"])})
        return Notice(**{**known, "lines": lines, "facts": facts, "actions": tuple(raw.get("actions", ()))})
    except (ValueError, TypeError, KeyError) as error:
        raise ParapetError(f"this message is not a notice of Parapet: {error}") from None
