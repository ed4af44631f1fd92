"""The ledger's table: each change under its day, its resources, its actor, its action and its services.

The keys are `pk` (`DAY#2026-11-21`, `RESOURCE#shop-logs`, `ACTOR#ada`, `ACTION#deletebucket`, `SERVICE#shop`; and
`CHANGE#` with an event's id, with the frame of what may be taken back) and `sk` (when, then the event's id), so that
whatever is asked is read in order of time from one place, and an event that comes twice is written over itself. A
partition takes 1,000 writes a second; the function writes fewer, at most four at once.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from chalicelib import items
from chalicelib.ledger import touched
from chalicelib.ledger.model import ID, Change
from chalicelib.model import DAY, Aws, AwsError, ParapetError, plain

KEPT = 90 * DAY
# CloudTrail's clock may be ahead of whoever asks.
SKEW = 3600.0
# What DynamoDB writes at once; how long (seconds) is waited before each try; how long one may take (`aws.CONFIG`).
BATCH, PAUSES, CALL = 25, (0.0, 0.1, 0.3, 1.0, 3.0), 21.0
# What it says to a whole batch because of one item, which is too large or in no way fit for it.
SPOILED = frozenset({"ValidationException", "SerializationException"})
# What one question may read: days or pages, and changes of which few fit.
READS, EXAMINED, PAGE = 100, 5000, 200
# In ten digits.
LAST = 9_999_999_999.0
BEGAN = {"pk": "LEDGER", "sk": "BEGAN"}
_MARK = re.compile(rf"\d{{10}}\.\d{{3}}(#{ID})?")
_FIELDS = tuple(one.name for one in fields(Change))


@dataclass(frozen=True, slots=True)
class Page:
    """Some changes, newest first, and where the next page goes on; None where there is none."""

    changes: tuple[Change, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes: of a span of time, and those that fit whatever else is given."""

    since: float
    until: float
    resource: str = ""
    actor: str = ""
    service: str = ""
    action: str = ""
    q: str = ""

    def fits(self, change: Change) -> bool:
        """Whether a change is one of those."""
        return (
            self.since <= change.at <= self.until
            and (not self.resource or touched.name(self.resource) in touched.names(change.resources))
            and (not self.actor or self.actor.lower() == change.actor.lower())
            and (not self.service or self.service in change.services)
            and (not self.action or self.action.lower() == change.action.lower())
            and (not self.q or self.q.lower() in _text(change))
        )

    @property
    def partition(self) -> str:
        """The narrowest place that has them all, empty where only the days have."""
        if self.resource:
            return f"RESOURCE#{touched.name(self.resource)}"
        for kind, value in (("ACTION", self.action), ("ACTOR", self.actor), ("SERVICE", self.service)):
            if value:
                return f"{kind}#{value.lower()}"
        return ""

    @property
    def exact(self) -> bool:
        """Whether all that is in that place in its time is wanted."""
        return not self.q and sum(map(bool, (self.resource, self.actor, self.service, self.action))) <= 1


class Book:
    """The ledger, in Parapet's own account and region."""

    def __init__(self, aws: Aws, table: str) -> None:
        """Name the table; raises ParapetError where none is named."""
        if not table:
            raise ParapetError("PARAPET_LEDGER is not set: it names the ledger's table")
        self._aws, self._table = aws, table

    @staticmethod
    def marks(text: str) -> bool:
        """Whether a text is what a page may have under `after`."""
        return bool(_MARK.fullmatch(text))

    def write(
        self,
        changes: Iterable[Change],
        frames: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        left: Callable[[], float] = lambda: CALL + max(PAUSES),
        sleep: Callable[[float], None] = time.sleep,
    ) -> dict[str, str]:
        """Keep some changes; returns, by their ids, why DynamoDB did not take some in full. Raises AwsError.

        Args:
            changes: what is kept.
            frames: by the id of a change, what says how it is taken back (`frames.kept`).
            left: how much time there is (seconds).
            sleep: waits for so many seconds.
        """
        told, wholes = list(changes), frames or {}
        every = [one for change in told for one in (*_items(change), _known(change, wholes.get(change.id)))]
        puts = {(one["pk"], one["sk"]): one for one in every}
        waiting = [{"PutRequest": {"Item": items.item(one)}} for one in puts.values()]
        failed: dict[str, str] = {}
        for start in range(0, len(waiting), BATCH):
            failed |= self._batch(waiting[start : start + BATCH], left, sleep)
        return failed

    def _batch(
        self, puts: list[dict[str, Any]], left: Callable[[], float], sleep: Callable[[float], None]
    ) -> dict[str, str]:
        why = "there was no time left"
        for pause in PAUSES:
            if left() < CALL + pause:
                break
            sleep(pause)
            try:
                answer = self._aws("dynamodb", "batch_write_item", RequestItems={self._table: puts})
            except AwsError as error:
                why = str(error)
                if error.code in SPOILED:
                    if len(puts) == 1:
                        break
                    half = len(puts) // 2
                    return self._batch(puts[:half], left, sleep) | self._batch(puts[half:], left, sleep)
                if not error.transient:
                    raise
            else:
                puts, why = answer.get("UnprocessedItems", {}).get(self._table, []), "DynamoDB did not take all of it"
                if not puts:
                    return {}
        return {one["PutRequest"]["Item"]["sk"]["S"].partition("#")[2]: why for one in puts}

    def begin(self, at: float) -> None:
        """Note since when there is a ledger, unless that is noted; raises AwsError."""
        self._aws(
            "dynamodb", "update_item", TableName=self._table, Key=items.item(BEGAN),
            UpdateExpression="SET #at = if_not_exists(#at, :at)", ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues=items.item({":at": at}),
        )  # fmt: skip

    def began(self) -> float | None:
        """Return since when there is a ledger, None where nothing was ever written; raises AwsError."""
        found = self._query(BEGAN["pk"], "A", "Z", 1, None)[0]
        return float(found[0]["at"]) if found else None

    def between(
        self,
        since: float,
        until: float,
        *,
        resource: str = "",
        actor: str = "",
        service: str = "",
        action: str = "",
        q: str = "",
        limit: int = 50,
        after: str | None = None,
    ) -> Page:
        """Return changes, newest first, with fewer than `limit` where much must be read to find one.

        Args:
            since: not before.
            until: not after.
            resource: that touched it, by id, name or ARN.
            actor: of this person.
            service: that touched what a service of the settings stands on.
            action: of this name.
            q: with this text anywhere.
            limit: how many at most.
            after: what the page before had there.

        Raises:
            ParapetError: for an `after` that no page had.
            AwsError: when the table cannot be read.
        """
        return self.read(Wanted(since, until, resource, actor, service, action, q), limit, after)

    def read(self, wanted: Wanted, limit: int = 50, after: str | None = None) -> Page:
        """Return a page of what is wanted, likewise."""
        if after is not None and not self.marks(after):
            raise ParapetError(f"after: {after!r} is not what an answer had there")
        mark, found, examined = after or _sk(wanted.until), list[Change](), 0
        start = after if after and "#" in after else None
        for _ in range(READS):
            place = wanted.partition or _day(float(mark.partition("#")[0]))
            size = limit + 1 - len(found) if wanted.exact else PAGE
            raws, last = self._query(place, _sk(wanted.since), f"{mark.partition('#')[0]}~", size, start)
            for raw in raws:
                change = _change(raw)
                if wanted.fits(change):
                    if len(found) == limit:
                        return Page(tuple(found), _mark(found[-1]))
                    found.append(change)
            examined += len(raws)
            if last is None:
                midnight = float(mark.partition("#")[0]) // DAY * DAY
                if wanted.partition or midnight <= wanted.since:
                    return Page(tuple(found))
                mark, start = _sk(midnight - 0.001), None
            else:
                mark = start = last
            if examined >= EXAMINED:
                break
        return Page(tuple(found), mark)

    def beside(self, change: Change, span: float, most: int) -> tuple[tuple[Change, ...], bool]:
        """Return what a change's actor did otherwise, the nearest if not all, and whether that is all; raises AwsError.

        Args:
            change: the one.
            span: so many seconds before it and after it.
            most: so many on either side.
        """
        place, at, found, whole = f"ACTOR#{change.actor.lower()}", _mark(change), list[Change](), True
        for since, until, forward in (
            (_sk(change.at - span), at, False),
            (at, f"{_sk(change.at + span)}~", True),
        ):
            side, start = list[Change](), None
            while len(side) <= most:
                raws, start = self._query(place, since, until, PAGE, start, forward=forward)
                side += [other for raw in raws if (other := _change(raw)).id != change.id]
                if start is None:
                    break
            whole = whole and len(side) <= most
            found += side[:most]
        return tuple(found), whole

    def frame(self, change: str) -> Mapping[str, Any] | None:
        """Return what says how a change is taken back, by the change's id: empty where that is not kept.

        None where there is no such change; raises AwsError.
        """
        found = self._query(f"CHANGE#{change}", "0", "~", 1, None)[0]
        return dict(json.loads(found[0].get("frame", "{}"))) if found else None

    def change(self, name: str) -> Change | None:
        """Return a change by its id, None where there is no such; raises AwsError."""
        known = self._query(f"CHANGE#{name}", "0", "~", 1, None)[0]
        mark = str(known[0]["sk"]) if known else "0"
        found = self._query(_day(float(mark.partition("#")[0])), mark, mark, 1, None)[0]
        return _change(found[0]) if found else None

    def _answer(self, operation: str, **params: Any) -> dict[str, Any]:
        try:
            return self._aws("dynamodb", operation, **params)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            where = f"the change ledger's table {self._table} does not exist in {self._aws.region}"
            raise ParapetError(f"{where}: is this version of Parapet deployed there?") from error

    def _query(
        self, place: str, since: str, until: str, size: int, start: str | None, *, forward: bool = False
    ) -> tuple[list[dict[str, Any]], str | None]:
        more: dict[str, Any] = {"ExclusiveStartKey": items.item({"pk": place, "sk": start})} if start else {}
        answer = self._answer(
            "query", TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :until",
            ExpressionAttributeValues=items.item({":pk": place, ":since": since, ":until": until}),
            ScanIndexForward=forward, Limit=size, **more,
        )  # fmt: skip
        last = answer.get("LastEvaluatedKey")
        return [items.values(one) for one in answer["Items"]], str(last["sk"]["S"]) if last else None


def _items(change: Change) -> Iterator[dict[str, Any]]:
    """Yield a change under everything by which it is found."""
    content = {name: value for name, value in plain(change).items() if value not in ("", [], ())}
    for place in (
        _day(change.at),
        *(f"RESOURCE#{name}" for name in touched.names(change.resources)),
        *([f"ACTOR#{change.actor.lower()}"] if change.actor else []),
        f"ACTION#{change.action.lower()}",
        *(f"SERVICE#{name}" for name in change.services),
    ):
        yield {"pk": place, "sk": _mark(change), "expires": int(change.at + KEPT), **content}


def _known(change: Change, frame: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return by what a change is found by its id, with its frame where that is kept."""
    text = {"frame": json.dumps(frame, separators=(",", ":"))} if frame else {}
    return {"pk": f"CHANGE#{change.id}", "sk": _mark(change), "expires": int(change.at + KEPT), **text}


def _change(raw: Mapping[str, Any]) -> Change:
    given: dict[str, Any] = {name: raw.get(name, "") for name in _FIELDS}
    several = {name: tuple(raw.get(name, ())) for name in ("resources", "services")}
    return Change(**{**given, **several, "at": float(raw["at"]), "writes": bool(raw.get("writes", True))})


def _sk(at: float) -> str:
    return f"{min(max(0.0, at), LAST):014.3f}"


def _mark(change: Change) -> str:
    return f"{_sk(change.at)}#{change.id}"


def _day(at: float) -> str:
    return f"DAY#{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _text(change: Change) -> str:
    told: Sequence[str] = (
        change.action, change.source, change.actor, change.role, change.ip, change.tool, change.what, change.error,
        change.account, change.region, *change.resources,
    )  # fmt: skip
    return "\n".join(told).lower()
