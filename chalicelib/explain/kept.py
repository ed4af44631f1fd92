"""Explanations that were given: each under its id for as long as it is asked for, and by service for the next time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib import items
from chalicelib.model import DAY, Aws, ParapetError
from chalicelib.times import iso

# What somebody polls for, and what is like something else a month later (seconds).
ASKED, PAST = DAY, 90 * DAY
SHOWN = 50


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
