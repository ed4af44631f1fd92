"""The alerts, groups and silences in the journal's table.

Every write is conditional on what was read: an alert and the group that tells of it change in one transaction.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib import items
from chalicelib.alerts import records
from chalicelib.alerts.model import Alert, Firing, Group, Noise, Silence
from chalicelib.alerts.quiet import Inhibitor
from chalicelib.alerts.records import ALERT, GROUP, INHIBITORS, SILENCES
from chalicelib.journal import Journal, transact
from chalicelib.model import Aws, AwsError, Command, ParapetError

# BatchGetItem takes no more at once.
BATCH = 100
# All silences are one item, which must not outgrow what an item holds.
MOST_SILENCES = 300
LONG_OVER = 86400.0
CONTENTION = 5
_FAR = 1e11


@dataclass(frozen=True, slots=True)
class Look:
    """What the table holds of some alerts and groups, by fingerprint and id, and what keeps alerts quiet."""

    alerts: Mapping[str, Alert] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    inhibitors: tuple[Inhibitor, ...] = ()


class Book:
    """What is known of alerts."""

    def __init__(self, aws: Aws, table: str) -> None:
        """Keep where the table is; raises ParapetError when nobody says."""
        if not table:
            raise ParapetError("PARAPET_TABLE is not set: it names the journal's table")
        self._aws, self._table = aws, table

    # Reading

    def look(self, fingerprints: Iterable[str], groups: Iterable[str]) -> Look:
        """Return some alerts and groups, read consistently; raises AwsError."""
        keys = [records.key(ALERT, one) for one in dict.fromkeys(fingerprints)]
        keys += [records.key(GROUP, one) for one in dict.fromkeys(groups)]
        keys += [{"pk": SILENCES, "sk": SILENCES}, {"pk": INHIBITORS, "sk": INHIBITORS}]
        found: dict[str, list[dict[str, Any]]] = {}
        for start in range(0, len(keys), BATCH):
            for raw in self._batch([items.item(key) for key in keys[start : start + BATCH]]):
                found.setdefault(raw["sk"], []).append(raw)
        alerts = map(records.alert, found.get(ALERT, ()))
        return Look(
            {one.fingerprint: one for one in alerts},
            {one.id: one for one in map(records.group, found.get(GROUP, ()))},
            records.silences(next(iter(found.get(SILENCES, ())), {})),
            records.inhibitors(next(iter(found.get(INHIBITORS, ())), {})),
        )

    def group(self, group: str) -> Group | None:
        """Return a group by its id, read consistently; raises AwsError."""
        raw = self._get(records.key(GROUP, group))
        return records.group(raw) if raw else None

    def groups(self, status: Firing = "firing", since: float = 0.0, until: float = _FAR) -> list[Group]:
        """Return the groups with a status that opened in a span of time, the latest first; raises AwsError."""
        return [records.group(raw) for raw in self._query("by_status", "status", status, "opened", since, until)]

    def alerts(self, group: str) -> list[Alert]:
        """Return the alerts that are told in a group, the latest first; raises AwsError."""
        return [
            records.alert(raw)
            for raw in self._query("by_resource", "resource", records.within(group), "opened", 0.0, _FAR)
        ]

    def shown(self, group: Group) -> Group:
        """Return a group under what fires of it now, which its first alert may do no more; raises AwsError."""
        some_are_over = group.status == "firing" and group.firing < group.total
        return group.led_by(self.alerts(group.id)) if some_are_over else group

    def due(self, now: float) -> tuple[list[str], list[str]]:
        """Return which alerts (by fingerprint) and which groups (by id) are to be looked at; raises AwsError."""
        alerts, groups = (self._query("by_due", "due_kind", kind, "due", 0.0, now) for kind in (ALERT, GROUP))
        return [json.loads(raw["record"])["fingerprint"] for raw in alerts], [
            raw["pk"].partition("#")[2] for raw in groups
        ]

    def silences(self) -> tuple[Silence, ...]:
        """Return the silences that were asked for and not ended, also those whose time is over; raises AwsError."""
        return records.silences(self._get({"pk": SILENCES, "sk": SILENCES}))

    # Writing

    def write(
        self,
        alerts: Sequence[Alert],
        group: Group | None,
        *,
        quieting: Mapping[str, Inhibitor | None] | None = None,
        answer: Command | None = None,
        silence: Silence | None = None,
        dismissed: tuple[str, Noise] | None = None,
    ) -> tuple[list[Alert], Group | None]:
        """Record what has changed in one transaction, and return it as it is recorded.

        Args:
            alerts: those that have changed, of one group.
            group: theirs, if it has changed.
            quieting: what keeps others quiet from now on, or (None) no longer, by fingerprint.
            answer: the command that is answered by it.
            silence: one that begins.
            dismissed: the week, and what somebody called not actionable in it.

        Raises:
            Conflict: when somebody else has written meanwhile.
            AwsError: when the table cannot be written.
        """
        after = [replace(one, rev=one.rev + 1) for one in alerts]
        grown = replace(group, rev=group.rev + 1) if group else None
        writes = [self._put(records.alert_item(new), old.rev) for old, new in zip(alerts, after, strict=True)]
        if group and grown:
            writes.append(self._put(records.group_item(grown), group.rev))
        if quieting:
            changed = {records.digest(one): value for one, value in quieting.items()}
            kept = {name: records.inhibitor_record(one) for name, one in changed.items() if one}
            writes.append(self._attributes(INHIBITORS, kept, [name for name in changed if name not in kept]))
        if silence:
            writes.append(self._silencing(silence))
        if dismissed:
            writes.append(self._counting(*dismissed))
        if answer:
            writes.append({"Put": Journal(self._aws, self._table).answered(answer)})
        if writes:
            transact(self._aws, writes)
        return after, grown

    def silence(self, silence: Silence, command: Command) -> None:
        """Begin a silence, and record the command that asked for it; raises Conflict, ParapetError, AwsError."""
        asked = {"Put": Journal(self._aws, self._table).asked(command)}
        transact(self._aws, [asked, self._silencing(silence)])

    def end_silence(self, silence: str, command: Command) -> None:
        """End a silence, and record the command that asked for it; raises Conflict, AwsError."""
        asked = {"Put": Journal(self._aws, self._table).asked(command)}
        transact(self._aws, [asked, self._attributes(SILENCES, {}, [silence])])

    def _silencing(self, silence: Silence) -> dict[str, Any]:
        there = self.silences()
        over = [one.id for one in there if one.until < silence.at - LONG_OVER]
        if len(there) - len(over) >= MOST_SILENCES:
            raise ParapetError(f"there are {MOST_SILENCES} silences already: end some (./parapet silences)")
        return self._attributes(SILENCES, {silence.id: records.silence_record(silence)}, over)

    # What is noise

    def _counting(self, week: str, noise: Noise) -> dict[str, Any]:
        # The dashboard's words are those of the latest time; only the count grows.
        told = {"name": noise.name, "title": noise.title, "source": noise.source, "service": noise.service}
        told |= {"objective": noise.objective, "fingerprint": noise.fingerprint}
        names = {f"#{name}": name for name in (*told, "fired", "dismissed", "week")}
        values = {
            **{f":{name}": value for name, value in told.items()},
            ":fired": noise.fired,
            ":one": 1,
            ":week": week,
        }
        sets = ", ".join(f"#{name} = :{name}" for name in (*told, "fired", "week"))
        return {
            "Update": {
                "TableName": self._table,
                "Key": items.item({"pk": f"NOISE#{week}", "sk": records.digest(noise.fingerprint)}),
                "UpdateExpression": f"SET {sets} ADD #dismissed :one",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": items.item(values),
            }
        }

    def noise(self, week: str) -> list[Noise]:
        """Return what people called not actionable in a week such as `2026-W47`; raises AwsError."""
        raws = self._aws.all(
            "dynamodb",
            "query",
            "Items",
            TableName=self._table,
            KeyConditionExpression="pk = :week",
            ExpressionAttributeValues=items.item({":week": f"NOISE#{week}"}),
        )
        return [
            Noise(**{name: value for name, value in items.values(raw).items() if name not in ("pk", "sk", "week")})
            for raw in raws
        ]

    # The table

    def _get(self, key: Mapping[str, str]) -> dict[str, Any]:
        answer = self._aws("dynamodb", "get_item", TableName=self._table, Key=items.item(key), ConsistentRead=True)
        return items.values(answer.get("Item") or {})

    def _batch(self, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        wanted: Mapping[str, Any] = {self._table: {"Keys": list(keys), "ConsistentRead": True}}
        found: list[dict[str, Any]] = []
        for attempt in range(CONTENTION):
            answer = self._aws("dynamodb", "batch_get_item", RequestItems=wanted)
            found += [items.values(raw) for raw in answer["Responses"].get(self._table, [])]
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return found
            time.sleep(0.05 * 2**attempt)
        raise AwsError("dynamodb:BatchGetItem", "Throttling", "some items were not answered")

    def _query(self, index: str, name: str, value: str, sort: str, since: float, until: float) -> list[dict[str, Any]]:
        raws = self._aws.all(
            "dynamodb",
            "query",
            "Items",
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#key = :value AND #sort BETWEEN :since AND :until",
            ExpressionAttributeNames={"#key": name, "#sort": sort},
            ExpressionAttributeValues=items.item({":value": value, ":since": since, ":until": until}),
            ScanIndexForward=index == "by_due",
        )
        return [items.values(raw) for raw in raws]

    def _put(self, item: dict[str, Any], rev: int) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._table, "Item": items.item(item)}
        put["ConditionExpression"] = "attribute_not_exists(pk)"
        if rev:
            put["ConditionExpression"] = "rev = :rev"
            put["ExpressionAttributeValues"] = items.item({":rev": rev})
        return {"Put": put}

    def _attributes(self, kind: str, kept: Mapping[str, Any], gone: Sequence[str]) -> dict[str, Any]:
        """Return the write that sets and removes attributes of one of the items that hold many things."""
        names = {f"#n{number}": name for number, name in enumerate((*kept, *gone))}
        sets = [f"#n{number} = :n{number}" for number in range(len(kept))]
        removes = [f"#n{number}" for number in range(len(kept), len(names))]
        parts = [f"SET {', '.join(sets)}"] * bool(sets) + [f"REMOVE {', '.join(removes)}"] * bool(removes)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": items.item({"pk": kind, "sk": kind}),
            "UpdateExpression": " ".join(parts),
            "ExpressionAttributeNames": names,
        }
        if kept:
            values = {f":n{number}": value for number, value in enumerate(kept.values())}
            update["ExpressionAttributeValues"] = items.item(values)
        return {"Update": update}
