"""Explanations that were given: each under its id for as long as it is asked for, and by service for the next time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib import items
from chalicelib.journal import Conflict
from chalicelib.model import DAY, Aws, AwsError, ParapetError
from chalicelib.times import iso

# What somebody polls for, and what is like something else a month later (seconds).
ASKED, PAST = DAY, 90 * DAY
SHOWN = 50
# Whoever looks thoroughly has answered by then, or never will (seconds).
GIVEN_UP = 60.0
# What is so near is the same matter (seconds).
MATTER = 3600.0
# So many thorough ones in so long (seconds) for whoever may only read: each may read gigabytes of logs, which cost.
THOROUGH, HOUR = 20, 3600.0
# So often it is counted anew where others count at the same time.
TRIES = 6


@dataclass(frozen=True, slots=True)
class Past:
    """One explanation of long ago: when its matter began, whom it suspected first, by what that is known again.

    `changes` are all that it suspected: when each was, by its id.
    """

    at: float
    answer: str
    title: str
    same: str
    id: str
    changes: Mapping[str, float] = field(default_factory=dict)


def matters(several: Sequence[Past]) -> tuple[Past, ...]:
    """Return explanations in their order, one of each matter: what was asked about twice happened once."""
    found: list[Past] = []
    for one in several:
        if not any(each.same == one.same and abs(each.at - one.at) <= MATTER for each in found):
            found.append(one)
    return tuple(found)


def standing(told: Mapping[str, Any], now: float) -> Mapping[str, Any]:
    """Return a document as it stands: one that nobody works on any more says so, and not that it is being looked at."""
    if told["done"] or now - datetime.fromisoformat(told["as_of"]).timestamp() < GIVEN_UP:
        return told
    seen = f" What was seen by then: {told['answer']}" if told["onset"] else ""
    about = told["about"]["service"] or told["about"]["name"]
    why = f"Looking at {about} was not brought to its end: whoever did was interrupted, or is late. Ask again.{seen}"
    return {**told, "status": "given_up", "answer": why}


class Kept:
    """Explanations in the journal's table."""

    def __init__(self, aws: Aws, table: str) -> None:
        """Name the table; raises ParapetError where none is named."""
        if not table:
            raise ParapetError("PARAPET_TABLE is not set: it names the journal's table")
        self._aws, self._table = aws, table

    def get(self, id_: str) -> Mapping[str, Any] | None:
        """Return an explanation as it stands, None where nobody asked for it lately; raises AwsError."""
        answer = self._aws("dynamodb", "get_item", TableName=self._table, Key=_key(id_), ConsistentRead=True)
        raw = answer.get("Item")
        return dict(json.loads(items.values(raw)["document"])) if raw else None

    def put(self, id_: str, document: Mapping[str, Any], at: float) -> None:
        """Keep an explanation as it stands for a day; raises AwsError."""
        text = json.dumps(document, separators=(",", ":"))
        content = {"document": text, "expires": int(at + ASKED)}
        self._aws("dynamodb", "put_item", TableName=self._table, Item={**_key(id_), **items.item(content)})

    def count(self, at: float) -> float | None:
        """Count a thorough explanation that begins; returns None, or from when on one may where there were too many.

        Raises Conflict where others are counted all the time, AwsError.
        """
        key = _key("LATELY")
        for _ in range(TRIES):
            answer = self._aws("dynamodb", "get_item", TableName=self._table, Key=key, ConsistentRead=True)
            found = items.values(answer.get("Item") or {})
            lately = sorted(float(one) for one in found.get("times", ()) if one > at - HOUR)
            if len(lately) >= THOROUGH:
                return lately[-THOROUGH] + HOUR
            rev = int(found.get("rev", 0))
            content = items.item({"times": [*lately, at], "rev": rev + 1, "expires": int(at + DAY)})
            unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
            if found:
                values = items.item({":rev": rev})
                unchanged = {"ConditionExpression": "rev = :rev", "ExpressionAttributeValues": values}
            try:
                self._aws("dynamodb", "put_item", TableName=self._table, Item={**key, **content}, **unchanged)
            except AwsError as error:
                if error.code != "ConditionalCheckFailedException":
                    raise
            else:
                return None
        raise Conflict("many ask for thorough explanations at once: ask again in a moment")

    def remember(self, service: str, past: Past) -> None:
        """Keep what came out for the next time; raises AwsError."""
        content = {
            "pk": f"EXPLAINED#{service}", "sk": f"{iso(past.at)}#{past.id}", "at": past.at, "answer": past.answer,
            "title": past.title, "same": past.same, "id": past.id, "expires": int(past.at + PAST),
            "changes": dict(past.changes),
        }  # fmt: skip
        self._aws("dynamodb", "put_item", TableName=self._table, Item=items.item(content))

    def past(self, service: str, before: float) -> Sequence[Past]:
        """Return what came out before a time, the latest first; raises AwsError."""
        answer = self._aws(
            "dynamodb", "query", TableName=self._table, KeyConditionExpression="pk = :pk AND sk < :before",
            ExpressionAttributeValues=items.item({":pk": f"EXPLAINED#{service}", ":before": iso(before)}),
            ScanIndexForward=False, Limit=SHOWN,
        )  # fmt: skip
        raws = map(items.values, answer["Items"])
        return [
            Past(
                float(raw["at"]), raw["answer"], raw["title"], raw["same"], raw["id"],
                {id_: float(at) for id_, at in raw.get("changes", {}).items()},
            )
            for raw in raws
        ]  # fmt: skip


def _key(id_: str) -> dict[str, Any]:
    return items.item({"pk": f"EXPLAIN#{id_}", "sk": "EXPLAIN"})
