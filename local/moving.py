"""Moves what moto keeps with the wall's time, so that it is told through the lens of the metrics' clock (`Clock.told`).

CloudWatch moves what callers name and what it answers, alarms and their histories included, and so do X-Ray and
CloudTrail. Log events, the items of the ledger, and what explanations came to are found by their times: they are moved
where they are kept, before anybody reads them.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.logs.models import LogStream

from chalicelib.times import iso
from local.cloudwatch.clock import Clock

# What an item that is moved has besides: since when it is there, by the wall, and what it said then: when that was.
RECORDED, WAS, ANSWER = "recorded", "was", "was_answer"
EXPLAINED = "EXPLAINED#"
# As answers tell it.
TIME = re.compile(r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d) UTC")
# Nobody sees less than a second; and what is read page by page is not to move under the reader without need.
SECOND = 1.0


class Moving:
    """Log events, the items of the ledger's table, and explanations in the journal's, by a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Two who read the same would move it twice.
        self._lock = threading.Lock()

    def plug_in(self, ledger: str, journal: str) -> None:
        """Have moto move what it is asked for before it answers; these are the names of the tables."""

        def asked(backend: DynamoDBBackend, table_name: str, *_: Any, **__: Any) -> None:
            if table_name in (ledger, journal):
                self.items(backend.get_table(table_name), "" if table_name == ledger else EXPLAINED)

        def put(_: DynamoDBBackend, table_name: str, item: dict[str, Any], *__: Any, **___: Any) -> None:
            if table_name == journal and item["pk"]["S"].startswith(EXPLAINED):
                # It may be about what was long before.
                item[RECORDED] = {"N": str(self._clock.wall())}

        for name in ("get_log_events", "filter_log_events"):
            _before(LogStream, name, lambda stream, *_, **__: self.lines(stream))
        _before(DynamoDBBackend, "query", asked)
        _before(DynamoDBBackend, "put_item", put)

    def lines(self, stream: LogStream) -> None:
        """Move the events of a log stream, which came in when moto says."""
        if not self._clock.gained(0.0):
            return
        with self._lock:
            for one in stream.events:
                moved = vars(one).get("moved", 0)
                by = round(self._clock.gained(one.ingestion_time / 1000) * 1000) - moved
                if by >= SECOND * 1000:
                    one.timestamp, one.moved = one.timestamp - by, moved + by

    def items(self, table: Table, prefix: str = "") -> None:
        """Move the items whose partitions begin so, and whose keys tell when they were."""
        if not self._clock.gained(0.0):
            return
        with self._lock:
            for partition in [one for key, one in table.items.items() if key.value.startswith(prefix)]:
                for item in list(partition.values()):
                    self._move(table, item)

    def _move(self, table: Table, item: Item) -> None:
        place, key = item.attrs["pk"].value, item.attrs["sk"].value
        when, _, number = key.partition("#")
        explained = place.startswith(EXPLAINED)
        # Since when there is a ledger is no change, and has no time in its key.
        told = float(when if number and not explained else item.attrs["at"].value)
        was = float(item.attrs[WAS].value) if WAS in item.attrs else told
        recorded = float(item.attrs[RECORDED].value) if RECORDED in item.attrs else was
        at = was - self._clock.gained(recorded)
        if told - at < SECOND:
            return
        del table.items[DynamoType({"S": place})][DynamoType({"S": key})]
        if number:
            key = f"{iso(at) if explained else f'{at:014.3f}'}#{number}"
        if place.startswith("DAY#"):
            place = f"DAY#{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
        more: dict[str, Any] = {
            "pk": {"S": place},
            "sk": {"S": key},
            RECORDED: {"N": str(recorded)},
            WAS: {"N": str(was)},
        }
        if "at" in item.attrs:
            more["at"] = {"N": f"{at:.3f}"}
        if explained:
            changes, answer = item.attrs["changes"].value, item.attrs.get(ANSWER, item.attrs["answer"]).value
            more |= {ANSWER: {"S": answer}, "answer": {"S": _retold(answer, was, at - was)}}
            more["changes"] = {"M": {id_: {"N": f"{float(one.value) + at - told:.3f}"} for id_, one in changes.items()}}
        kept = {name: DynamoType(value) for name, value in more.items()}
        moved = Item(kept["pk"], kept["sk"], {**item.attrs, **kept})
        table.items[kept["pk"]][kept["sk"]] = moved


def _retold(answer: str, about: float, by: float) -> str:
    """Return an answer whose times are some seconds later; those without a day are of about a time."""

    def later(found: re.Match[str]) -> str:
        day, clock = found[1] or f"{datetime.fromtimestamp(about, UTC):%Y-%m-%d}", found[2]
        at = datetime.fromisoformat(f"{day}T{clock}+00:00") + timedelta(seconds=by)
        return f"{at:%Y-%m-%d %H:%M} UTC" if found[1] else f"{at:%H:%M} UTC"

    return TIME.sub(later, answer)


def _before(owner: type, name: str, act: Any) -> None:
    """Have a method of moto's do something first; again, it does that instead."""
    original = getattr(getattr(owner, name), "original", getattr(owner, name))

    def method(self: Any, *given: Any, **named: Any) -> Any:
        act(self, *given, **named)
        return original(self, *given, **named)

    method.original = original  # type: ignore[attr-defined]
    setattr(owner, name, method)
