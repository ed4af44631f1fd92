"""Running queries of Logs Insights: started under its quotas, looked at, cancelled, read page by page.

An account runs 100 queries at once and starts 10 a second, dashboards' and scheduled ones among them; a query takes an
hour at the most; its rows are kept for seven days, 10,000 to a page.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from chalicelib.insights.model import Cell, Column, Row
from chalicelib.model import Aws, AwsError, ParapetError

PAGE = 10_000
# After an answer that says "not now", so long (seconds) before each further try.
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
FULL = "LimitExceededException"
GONE = "ResourceNotFoundException"
# How often it is asked whether a query is done: soon at first.
LOOKS = (0.2, 0.3, 0.5, 1.0, 1.5, 2.0)
State = Literal["scheduled", "running"]
Ending = Literal["failed", "timeout", "cancelled", "unknown"]
_WHY: Mapping[Ending, str] = {
    "failed": "Logs Insights could not run it, and does not say why: try a shorter window, or fewer log groups",
    "timeout": "it took longer than an hour: ask for a shorter window, or fewer log groups",
    "cancelled": "somebody has cancelled it",
    "unknown": "Logs Insights does not know what became of it: start it again",
}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?)Z?")


class Ended(ParapetError):
    """A query that ended without an answer; `how` it did is `failed`, `timeout`, `cancelled` or `unknown`."""

    def __init__(self, how: Ending) -> None:
        """Keep how it ended."""
        super().__init__(f"the query has no answer: {_WHY[how]}")
        self.how = how


class Malformed(ParapetError):
    """A query that Logs Insights does not understand; the text is its own."""


class Crowded(ParapetError):
    """Too many queries at once in this account and region; the same one may well start in a minute."""


class Forgotten(ParapetError):
    """A query whose rows are no longer kept, or of which Logs Insights never heard."""


@dataclass(frozen=True, slots=True)
class Started:
    """A query under way: its id, what it asks, of which log groups, from when to when (epoch seconds)."""

    id: str
    text: str
    groups: tuple[str, ...]
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a query has read so far."""

    matched: float = 0.0
    scanned: float = 0.0
    bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Running:
    """A query that is not done."""

    state: State
    statistics: Statistics = Statistics()


@dataclass(frozen=True, slots=True)
class Done:
    """A query's answer.

    Args:
        columns: of its rows, in their order.
        rows: each with a cell for every column.
        statistics: what was read for it.
        cut: whether there are more rows than were asked for.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    statistics: Statistics
    cut: bool = False


def start(
    aws: Aws,
    text: str,
    groups: Sequence[str],
    start: float,
    end: float,
    *,
    limit: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Started:
    """Start a query, trying again for some seconds while AWS says that there are too many.

    Args:
        aws: the account and region whose logs it reads.
        text: what it asks.
        groups: the names of its log groups, 50 at most.
        start: not before this time (epoch seconds).
        end: not after this one.
        limit: how many rows at most; 0: what the text says, or 10,000.
        sleep: waits.

    Raises:
        Malformed: when Logs Insights does not understand it.
        Crowded: when there are too many queries all the time.
        AwsError: for anything else.
    """
    params: dict[str, Any] = {
        "logGroupNames": list(groups), "startTime": int(start), "endTime": int(end), "queryString": text,
    }  # fmt: skip
    if limit:
        params["limit"] = limit
    for pause in (*PAUSES, None):
        try:
            return Started(aws("logs", "start_query", **params)["queryId"], text, tuple(groups), start, end)
        except AwsError as error:
            if error.code == "MalformedQueryException":
                raise Malformed(f"Logs Insights does not understand the query: {error.message}") from error
            if not (error.code == FULL or error.transient):
                raise
            if pause is None:
                raise Crowded(
                    f"{error.action} answers {error.code} again and again: too many queries of Logs Insights run in "
                    f"{aws.region}; ask again in a minute, or cancel some"
                ) from error
            # Not all that wait at once.
            sleep(pause * random.uniform(0.75, 1.25))
    raise AssertionError("the last try returns or raises")


def pausing(until: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> Callable[[float], None]:
    """Return what `start` may wait with: it raises ParapetError rather than go on after `until`, by the clock."""

    def pause(seconds: float) -> None:
        if clock() + seconds > until:
            raise ParapetError("too many queries of Logs Insights run at the moment")
        sleep(seconds)

    return pause


def poll(aws: Aws, query: str, columns: Sequence[Column] = (), most: int = PAGE) -> Running | Done:
    """Return how far a query is, or its answer.

    Args:
        aws: the account and region that it runs in.
        query: its id.
        columns: what its rows have; without any they are told by the rows, and every cell is a text.
        most: how many rows to read; more than 10,000 take several pages.

    Raises:
        Ended: when it ended without an answer.
        Forgotten: when there is nothing of that id any more.
        AwsError: when AWS does not answer.
    """
    answer = _page(aws, query, {})
    status = answer["status"].lower()
    statistics = _statistics(answer.get("statistics") or {})
    if status in ("scheduled", "running"):
        return Running(status, statistics)
    if status != "complete":
        raise Ended(status if status in _WHY else "unknown")
    raws: list[Any] = list(answer["results"])
    token = answer.get("nextToken")
    while token and len(raws) < most:
        answer = _page(aws, query, {"nextToken": token})
        raws += answer["results"]
        token = answer.get("nextToken")
    found = [{cell["field"]: cell.get("value") for cell in raw if "field" in cell} for raw in raws[:most]]
    known = tuple(columns) or _told(found)
    rows = tuple({one.name: cell(row.get(one.name), one) for one in known} for row in found)
    return Done(known, rows, statistics, bool(token) or len(raws) > most)


def cancel(aws: Aws, query: str) -> bool:
    """Stop a query; returns whether it was still running. What it has read is billed all the same; raises AwsError."""
    try:
        return bool(aws("logs", "stop_query", queryId=query).get("success"))
    except AwsError as error:
        # That is how AWS says that it is over.
        if error.code in ("InvalidParameterException", GONE):
            return False
        raise


def abandon(aws: Aws, query: str) -> None:
    """Stop a query that nobody waits for; where that fails it ends by itself."""
    with suppress(AwsError):
        cancel(aws, query)


def wait(
    aws: Aws,
    query: str,
    columns: Sequence[Column] = (),
    *,
    patience: float,
    most: int = PAGE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Running | Done:
    """Look at a query until it is done or `patience` (seconds) is over; raises as `poll` does."""
    until, looks = clock() + patience, list(LOOKS)
    while True:
        try:
            found: Running | Done | None = poll(aws, query, columns, most)
        except AwsError as error:
            # Ten are asked a second, by everybody together.
            if not error.transient or clock() >= until:
                raise
            found = None
        left = until - clock()
        if isinstance(found, Done) or (found and left <= 0):
            return found
        sleep(min(looks.pop(0) if len(looks) > 1 else looks[0], max(left, 0.0)))


def cell(value: str | None, column: Column) -> Cell:
    """Return a cell as its column says; a text where AWS has something else there after all, None for nothing."""
    if value is None or value == "":
        return None
    if column.shape == "number":
        return _number(value)
    if column.shape == "time":
        if match := _TIME.fullmatch(value):
            return datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()
        # What `latest` and `max` make of a time.
        found = _number(value)
        return found / 1000 if isinstance(found, float) else found
    return value


def _number(value: str) -> Cell:
    try:
        found = float(value)
    except ValueError:
        return value
    # Of nothing there is no average.
    return found if math.isfinite(found) else None


def _page(aws: Aws, query: str, token: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        return aws("logs", "get_query_results", queryId=query, **token)
    except AwsError as error:
        if error.code == GONE:
            raise Forgotten(
                f"Logs Insights knows no query {query}: it keeps them for seven days, each in its own region"
            ) from error
        raise


def _statistics(raw: Mapping[str, float]) -> Statistics:
    names = ("recordsMatched", "recordsScanned", "bytesScanned")
    return Statistics(*(float(raw.get(name) or 0.0) for name in names))


def _told(rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Return the columns that rows have, in the order in which they first appear; what points to a line is none."""
    names = dict.fromkeys(name for row in rows for name in row if name != "@ptr")
    return tuple(Column(name, name) for name in names)
