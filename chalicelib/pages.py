"""The findings page by page, newest first: as much as one request has time for, and where the next page goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib import items, records
from chalicelib.model import Aws, Finding, Status

READS = 10
SCAN = 250
# A finding's own clock may be ahead of whoever asks for it.
SKEW = 3600.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page goes on: after a finding opened then; without one, at the newest of that month."""

    opened: float
    finding: str = ""

    def __str__(self) -> str:
        return f"{self.opened!r}_{self.finding}"


def mark(text: str) -> Mark | None:
    """Return the mark that a text is, or None."""
    match = re.fullmatch(r"([0-9]{1,10}(?:\.[0-9]{1,9})?)_([0-9a-v]{8})?", text)
    return Mark(float(match[1]), match[2] or "") if match else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings: opened in a span of time, and of one resource, status or guardrail where it is named."""

    since: float
    until: float
    status: Status | None = None
    resource: str | None = None
    guardrail: str | None = None

    @property
    def by_time(self) -> bool:
        """Whether only the months can be read through, one after another."""
        return not (self.resource or self.status)

    @property
    def filters(self) -> dict[str, str]:
        """What the index in use does not already choose by."""
        rest = {"status": self.status if self.resource else None, "guardrail": self.guardrail}
        return {name: value for name, value in rest.items() if value}

    def key(self, at: Mark) -> tuple[str, str, str]:
        """Return the index to read, the attribute it goes by, and that attribute's value."""
        if self.resource:
            return "by_resource", "resource", self.resource
        if self.status:
            return "by_status", "status", self.status
        return "by_time", "month", records.month(at.opened)


@dataclass(frozen=True, slots=True)
class Page:
    """Some findings, newest first, and where the next page goes on; None when there is none."""

    findings: tuple[Finding, ...]
    after: Mark | None


def read(aws: Aws, table: str, wanted: Wanted, limit: int, after: Mark | None = None) -> Page:
    """Return a page of findings, with fewer than `limit` where many must be read to find one; raises AwsError."""
    found: list[Finding] = []
    at = after or Mark(wanted.until)
    for _ in range(READS):
        if at.finding and at.opened < wanted.since:
            return Page(tuple(found), None)
        more, last = _query(aws, table, wanted, at, limit)
        found += more
        if len(found) > limit:
            return Page(tuple(found[:limit]), Mark(found[limit - 1].opened, found[limit - 1].id))
        last = last or _month_before(wanted, at)
        if last is None or len(found) == limit:
            return Page(tuple(found), last)
        at = last
    return Page(tuple(found), at)


def _query(aws: Aws, table: str, wanted: Wanted, at: Mark, limit: int) -> tuple[list[Finding], Mark | None]:
    index, name, value = wanted.key(at)
    names = {"#key": name, "#opened": "opened"}
    until = at.opened if at.finding else wanted.until
    values: dict[str, Any] = {":key": value, ":since": wanted.since, ":until": until}
    params: dict[str, Any] = {"Limit": limit}
    if at.finding:
        start = {"pk": f"FINDING#{at.finding}", "sk": "FINDING", name: value, "opened": at.opened}
        params["ExclusiveStartKey"] = items.item(start)
    if wanted.filters:
        names |= {f"#{one}": one for one in wanted.filters}
        values |= {f":{one}": each for one, each in wanted.filters.items()}
        params |= {"FilterExpression": " AND ".join(f"#{one} = :{one}" for one in wanted.filters), "Limit": SCAN}
    answer = aws(
        "dynamodb",
        "query",
        TableName=table,
        IndexName=index,
        KeyConditionExpression="#key = :key AND #opened BETWEEN :since AND :until",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=items.item(values),
        ScanIndexForward=False,
        **params,
    )
    last = items.values(answer.get("LastEvaluatedKey") or {})
    found = [records.finding(items.values(one)) for one in answer["Items"]]
    return found, Mark(last["opened"], last["pk"].removeprefix("FINDING#")) if last else None


def _month_before(wanted: Wanted, at: Mark) -> Mark | None:
    """Return a mark in the month before the one that was read to its end, if anything wanted can be there."""
    first = datetime.fromtimestamp(at.opened, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
    return Mark(first - 1) if wanted.by_time and first > wanted.since else None
