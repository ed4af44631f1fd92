"""Which queries people have started over the API: what is not in here nobody may read.

A query's id alone would let anybody who knows it read what somebody else asked in the console.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from chalicelib import items, records
from chalicelib.model import DAY, Aws, AwsError, ParapetError

# For as long as CloudWatch keeps a query's rows.
KEPT = 7 * DAY
PREFIX = "QUERY#"


@dataclass(frozen=True, slots=True)
class Run:
    """One query that somebody has started; times are epoch seconds.

    Args:
        id: ours.
        query: that of CloudWatch.
        name: of the named query; empty for one that somebody typed.
        text: what was asked.
        groups: which log groups it reads.
        start: not before.
        end: not after.
        bytes: about how many it reads.
        who: who asked.
        at: when.
        given: what the request gave, to know a repeat by.
    """

    id: str
    query: str
    name: str
    text: str
    groups: tuple[str, ...]
    start: float
    end: float
    bytes: float
    who: str
    at: float
    given: Mapping[str, str] = field(default_factory=dict)


class Book:
    """The queries of the last seven days, in the journal's table."""

    def __init__(self, aws: Aws, table: str) -> None:
        """Keep where the table is; raises ParapetError when nobody says."""
        if not table:
            raise ParapetError("PARAPET_TABLE is not set: it names the journal's table")
        self._aws, self._table = aws, table

    def find(self, run: str) -> Run | None:
        """Return a query by our id, read consistently; raises Newer, AwsError."""
        answer = self._aws(
            "dynamodb", "get_item", TableName=self._table, Key=items.item(_key(run)), ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        raw = json.loads(items.values(answer["Item"])["record"])
        return records.made(Run, {**raw, "groups": tuple(raw["groups"])}, "a query", decisive=False)

    def keep(self, run: Run) -> bool:
        """Keep a query; returns False when there is one of that id already; raises AwsError."""
        kept = {**_key(run.id), "record": json.dumps(asdict(run)), "expires": int(run.at + KEPT)}
        try:
            self._aws(
                "dynamodb", "put_item", TableName=self._table, Item=items.item(kept),
                ConditionExpression="attribute_not_exists(pk)",
            )  # fmt: skip
        except AwsError as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _key(run: str) -> dict[str, str]:
    return {"pk": PREFIX + run, "sk": "QUERY"}
