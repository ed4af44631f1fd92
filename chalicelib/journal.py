"""The journal in DynamoDB: every finding with its history, and what decisions need to be made exactly once.

One table, keys `pk` and `sk` (docs/journal.md): findings; a *head* per guardrail and resource (latest finding
of each part, exemptions, recent fixes); a *limit* per guardrail; the control item with the pause switches; the
exemptions' item with the waivers; commands and their answers. Whatever belongs together is written in one
transaction under conditions, so that two invocations never both hold the same violation.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib import items, records
from chalicelib.decision import HOUR, TEN_MINUTES, Entry, Head, Limit
from chalicelib.model import (
    DAY,
    EVERYTHING,
    Aws,
    AwsError,
    Command,
    Exemption,
    Finding,
    ParapetError,
    Pause,
    Scope,
    Status,
    Step,
    Violation,
    Waiver,
    plain,
)
from chalicelib.records import EXEMPT, OPEN

CONTROL = {"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}}
EXEMPTIONS = {"pk": {"S": "EXEMPTIONS"}, "sk": {"S": "EXEMPTIONS"}}
BATCH = 100
CONTENTION = 5


class Conflict(ParapetError):
    """Somebody else wrote first: look again and decide anew."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a head belongs: one guardrail on one resource."""

    guardrail: str
    account: str
    region: str
    resource: str

    @property
    def key(self) -> dict[str, Any]:
        """The head's key in the table."""
        return _key("HEAD", f"{self.guardrail}#{self.account}#{self.region}#{self.resource}")


@dataclass(frozen=True, slots=True)
class Look:
    """What one BatchGetItem shows: the pause switches, the waivers, the heads and the limits asked for."""

    pauses: tuple[Pause, ...]
    waivers: tuple[Waiver, ...]
    heads: Mapping[Place, Head]
    limits: Mapping[str, Limit]


def place(violation: Violation) -> Place:
    """Return where a violation's head is."""
    return Place(violation.guardrail, violation.account, violation.region, violation.resource)


def _key(kind: str, name: str) -> dict[str, Any]:
    return {"pk": {"S": f"{kind}#{name}"}, "sk": {"S": kind}}


class Journal:
    """The journal's table, in Parapet's own account and region."""

    def __init__(self, aws: Aws, table: str) -> None:
        if not table:
            raise ParapetError("PARAPET_TABLE is not set: it names the journal's table")
        self._aws = aws
        self._table = table

    # What a decision needs

    def look(self, places: Sequence[Place], guardrails: Iterable[str]) -> Look:
        """Return everything that decisions about some places depend on, read consistently; raises AwsError."""
        heads = {json.dumps(p.key, sort_keys=True): p for p in places}
        limits = {json.dumps(_key("LIMIT", name), sort_keys=True): name for name in guardrails}
        # DynamoDB refuses a key that is asked for twice.
        wanted = [
            CONTROL,
            EXEMPTIONS,
            *(p.key for p in heads.values()),
            *(_key("LIMIT", name) for name in limits.values()),
        ]
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(wanted), BATCH):
            for raw in self._batch(wanted[start : start + BATCH]):
                found[json.dumps({"pk": raw["pk"], "sk": raw["sk"]}, sort_keys=True)] = items.values(raw)
        return Look(
            records.pauses(found.get(json.dumps(CONTROL, sort_keys=True), {})),
            records.waivers(found.get(json.dumps(EXEMPTIONS, sort_keys=True), {})),
            {p: records.head(found.get(key, {})) for key, p in heads.items()},
            {name: records.limit(found.get(key, {})) for key, name in limits.items()},
        )

    def _batch(self, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _ in range(5):
            asked = {self._table: {"Keys": keys, "ConsistentRead": True}}
            answer = self._aws("dynamodb", "batch_get_item", RequestItems=asked)
            found += answer["Responses"].get(self._table, [])
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return found
        raise AwsError(
            "dynamodb:BatchGetItem", "ThrottlingException", f"{len(keys)} items of {self._table} stay unread"
        )

    # Changing findings

    def open(self, finding: Finding, entry: Entry, head: Head, limit: Limit) -> None:
        """Write a new finding, if nothing has changed since head and limit were read; raises Conflict, AwsError."""
        at, where = finding.opened, place(finding.violation)
        changed: dict[str, Any] = {OPEN + entry.part: records.entry_record(entry)}
        put = {
            "TableName": self._table,
            "Item": items.item(records.finding_record(finding)),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        writes = [{"Put": put}]
        if finding.status == "fixing":
            changed["fixes"] = _recent(head, entry)
            writes.append(self._limited(where, limit, at))
        old = [
            OPEN + seen.part
            for seen in head.entries.values()
            if seen.at < at - DAY and seen.status in ("fixed", "gone", "noted") and seen.part != entry.part
        ]
        writes.append(self._revise(where.key, changed, old[:20], head.rev))
        transact(self._aws, writes)

    def move(
        self,
        before: Finding,
        after: Finding,
        was: Entry,
        entry: Entry,
        *,
        counted: tuple[Head, Limit] | None = None,
        exemption: Exemption | None = None,
        lift: bool = False,
        command: Command | None = None,
    ) -> Finding:
        """Move a finding on, and its head, limits and command with it; returns it as it is then.

        Args:
            before: as it was read; its status must still be the same.
            after: as it shall be; nothing of it is written when it is equal.
            was: the head's entry as it was read; whoever holds it must still be the same.
            entry: the head's entry from now on.
            counted: the head and limit as they were read, when this begins a fix that counts against the limits.
            exemption: a permission to leave at the head with it.
            lift: whether to take the part's permission away.
            command: the command that this answers.

        Raises:
            Conflict: when the finding, its head or the limits have moved meanwhile.
            AwsError: when the table cannot be written.
        """
        where = place(before.violation)
        writes = [] if before == after else [self._changed(before, after)]
        names = {"#open": OPEN + entry.part, "#rev": "rev", "#finding": "finding", "#request": "request"}
        values: dict[str, Any] = {
            ":entry": records.entry_record(entry), ":one": 1, ":id": before.id, ":request": was.request,
        }  # fmt: skip
        update, condition = "#open = :entry, #rev = #rev + :one", "#open.#finding = :id AND #open.#request = :request"
        if counted:
            head, limit = counted
            names["#fixes"], values[":fixes"], values[":rev"] = "fixes", _recent(head, entry), head.rev
            update += ", #fixes = :fixes"
            condition += " AND #rev = :rev"
            writes.append(self._limited(where, limit, entry.at))
        if exemption:
            names["#exempt"], values[":exemption"] = EXEMPT + exemption.part, records.exemption_record(exemption)
            update += ", #exempt = :exemption"
        elif lift:
            names["#exempt"] = EXEMPT + entry.part
        changed = {
            "TableName": self._table,
            "Key": where.key,
            "UpdateExpression": f"SET {update}{' REMOVE #exempt' if lift and not exemption else ''}",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": items.item(values),
        }
        writes.append({"Update": changed})
        if command:
            writes.append({"Put": self.answered(command)})
        transact(self._aws, writes)
        return after

    def _changed(self, before: Finding, after: Finding) -> dict[str, Any]:
        names: dict[str, str] = {"#status": "status"}
        values: dict[str, Any] = {":was": before.status}
        sets, removes = [], []
        for number, (name, value) in enumerate(records.changes(before, after).items()):
            names[f"#field{number}"] = name
            if value is None:
                removes.append(f"#field{number}")
            else:
                values[f":field{number}"] = value
                sets.append(f"#field{number} = :field{number}")
        steps = after.history[len(before.history) :]
        if steps:
            names["#history"], values[":steps"] = "history", [plain(step) for step in steps]
            sets.append("#history = list_append(#history, :steps)")
        expression = (f"SET {', '.join(sets)}" if sets else "") + (f" REMOVE {', '.join(removes)}" if removes else "")
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key("FINDING", before.id),
                "UpdateExpression": expression,
                "ConditionExpression": "#status = :was",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": items.item(values),
            }
        }

    def _limited(self, where: Place, limit: Limit, at: float) -> dict[str, Any]:
        lately = [[then, what] for then, what in (*limit.fixes, (at, where.resource)) if then > at - TEN_MINUTES]
        return self._revise(_key("LIMIT", where.guardrail), {"fixes": lately}, (), limit.rev)

    def note(self, finding: str, step: Step) -> None:
        """Add a step to a finding's history without moving it; raises Conflict when it has moved meanwhile."""
        self._update(
            _key("FINDING", finding),
            "SET #history = list_append(#history, :step)",
            "#status = :status",
            {"#history": "history", "#status": "status"},
            {":step": [plain(step)], ":status": step.status},
        )

    def put_off(self, finding: Finding, due: float | None) -> None:
        """Set or clear the time at which to look at a finding again, if it is still the one read; raises AwsError."""
        if finding.due is None:
            return
        update, values = "REMOVE due, due_kind", {":was": finding.due}
        if due is not None:
            update, values = "SET due = :due", {**values, ":due": due}
        try:
            self._update(_key("FINDING", finding.id), update, "due = :was", {}, values)
        except Conflict:
            # A later undo or delay has set another time, which then counts.
            return

    # Reading findings

    def get(self, finding: str) -> Finding | None:
        """Return a finding by its whole id, read consistently."""
        raw = self._get(_key("FINDING", finding))
        return records.finding(raw) if raw else None

    def by_time(self, since: float, until: float) -> list[Finding]:
        """Return the findings opened in a span of time, newest first."""
        found: list[Finding] = []
        for month in _months(since, until):
            found += self._query("by_time", "#month", "month", month, since, until)
        return sorted(found, key=lambda finding: -finding.opened)

    def by_resource(self, resource: str, since: float = 0.0) -> list[Finding]:
        """Return the findings about a resource, newest first."""
        return self._query("by_resource", "#resource", "resource", resource, since, _FAR)

    def by_status(self, status: Status, since: float = 0.0) -> list[Finding]:
        """Return the findings that have a status, newest first."""
        return self._query("by_status", "#status", "status", status, since, _FAR)

    def due(self, now: float) -> list[Finding]:
        """Return the findings whose time to be looked at again has come."""
        return self._query("by_due", "#kind", "due_kind", "DUE", 0.0, now, sort="due")

    def _query(
        self, index: str, alias: str, name: str, value: str, since: float, until: float, sort: str = "opened"
    ) -> list[Finding]:
        return [records.finding(one) for one in self._raw(index, alias, name, value, since, until, sort)]

    def _raw(
        self, index: str, alias: str, name: str, value: str, since: float, until: float, sort: str
    ) -> list[dict[str, Any]]:
        raw = self._aws.all(
            "dynamodb",
            "query",
            "Items",
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression=f"{alias} = :value AND #sort BETWEEN :since AND :until",
            ExpressionAttributeNames={alias: name, "#sort": sort},
            ExpressionAttributeValues=items.item({":value": value, ":since": since, ":until": until}),
            ScanIndexForward=False,
        )
        return [items.values(one) for one in raw]

    # People: pauses, waivers, exemptions, commands

    def pauses(self) -> tuple[Pause, ...]:
        """Return the pause switches that are set, also those whose time is over; raises AwsError."""
        return records.pauses(self._get(CONTROL))

    def set_pause(self, pause: Pause, command: Command | None = None) -> None:
        """Set the pause switch of a scope, and record the command that asked for it; raises Conflict, AwsError."""
        self._switch(CONTROL, records.switch(pause.scope), records.pause_record(pause), command)

    def lift_pause(self, scope: Scope = EVERYTHING, command: Command | None = None) -> None:
        """Lift the pause of exactly this scope, however its switch is written; raises Conflict, AwsError."""
        self._switch(CONTROL, records.switch(scope), None, command, records.switches(self._get(CONTROL), scope))

    def waivers(self) -> tuple[Waiver, ...]:
        """Return the waivers that were given and not ended, also those whose time is over; raises AwsError."""
        return records.waivers(self._get(EXEMPTIONS))

    def waive(self, waiver: Waiver, command: Command | None = None, over: Sequence[str] = ()) -> None:
        """Leave an exemption for a scope, and record the command that asked for it; raises Conflict, AwsError.

        Args:
            waiver: the exemption.
            command: what asked for it.
            over: the ids of waivers to forget.
        """
        names = [records.WAIVER + one for one in over]
        self._switch(EXEMPTIONS, records.WAIVER + waiver.id, records.waiver_record(waiver), command, names)

    def end_waiver(self, waiver: str, command: Command | None = None) -> None:
        """Take a waiver away, and record the command; raises Conflict, AwsError."""
        self._switch(EXEMPTIONS, records.WAIVER + waiver, None, command)

    def _switch(
        self, key: Mapping[str, Any], name: str, value: Any, command: Command | None, removed: Sequence[str] = ()
    ) -> None:
        """Set or (None) remove one attribute of an item, in one transaction with the command that asked for it."""
        gone = dict.fromkeys((*removed, *([name] if value is None else ())))
        names = {f"#old{number}": one for number, one in enumerate(gone)}
        expression = f"REMOVE {', '.join(names)}" if names else ""
        update: dict[str, Any] = {"TableName": self._table, "Key": key, "ExpressionAttributeNames": names}
        if value is not None:
            names["#name"], expression = name, f"SET #name = :value {expression}".strip()
            update["ExpressionAttributeValues"] = items.item({":value": value})
        update["UpdateExpression"] = expression
        if command:
            transact(self._aws, [{"Put": self.asked(command)}, {"Update": update}])
        else:
            self._write("update_item", **update)

    def head(self, where: Place) -> Head:
        """Return one head, read consistently."""
        return records.head(self._get(where.key))

    def ask(self, command: Command) -> None:
        """Record what a person asks for; raises Conflict when the id is taken."""
        self._write("put_item", **self.asked(command))

    def asked(self, command: Command) -> dict[str, Any]:
        """Return the write that records a command, unless its id is taken."""
        # By the index of what is due, commands are found by the time at which they were asked for.
        told = {**records.command_record(command), "due": command.at, "due_kind": "COMMAND"}
        item = {**_key("COMMAND", command.id), **items.item(told)}
        return {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}

    def command(self, command: str) -> Command | None:
        """Return a command by its id with its answer, read consistently; raises Newer, AwsError."""
        return next(iter(self._commands([command])), None)

    def _commands(self, ids: Sequence[str]) -> list[Command]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        keys = [_key(kind, one) for one in ids for kind in ("COMMAND", "ANSWER")]
        for start in range(0, len(keys), BATCH):
            for raw in map(items.values, self._batch(keys[start : start + BATCH])):
                found[raw["sk"], raw["pk"].partition("#")[2]] = raw
        return [
            records.command({**found["COMMAND", one], **found.get(("ANSWER", one), {})})
            for one in ids
            if ("COMMAND", one) in found
        ]

    def commands(self, since: float, until: float) -> list[Command]:
        """Return the commands asked for in a span of time with their answers, oldest first; raises AwsError."""
        asked = self._raw("by_due", "#kind", "due_kind", "COMMAND", since, until, sort="due")
        return self._commands([one["id"] for one in reversed(asked)])

    def unanswered(self, since: float, until: float) -> list[Command]:
        """Return the commands asked for in a span of time that have no answer, oldest first; raises AwsError."""
        return [one for one in self.commands(since, until) if one.status == "asked"]

    def answer(self, command: Command) -> None:
        """Record the outcome of a command that has none yet; raises Conflict when it has."""
        self._write("put_item", **self.answered(command))

    def answered(self, command: Command) -> dict[str, Any]:
        """Return the write that records the outcome of a command, unless it has one."""
        # An item of its own: whoever carries commands out must not be able to write one.
        answer = items.item({"status": command.status, "answer": command.answer})
        return {
            "TableName": self._table,
            "Item": {**_key("ANSWER", command.id), **answer},
            "ConditionExpression": "attribute_not_exists(pk)",
        }

    # The table

    def _get(self, key: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._aws("dynamodb", "get_item", TableName=self._table, Key=key, ConsistentRead=True)
        return items.values(answer.get("Item") or {})

    def _revise(
        self, key: Mapping[str, Any], changed: Mapping[str, Any], removed: Sequence[str], rev: int
    ) -> dict[str, Any]:
        names = {"#rev": "rev"}
        values: dict[str, Any] = {":next": rev + 1}
        update = ["#rev = :next"]
        for number, (name, value) in enumerate(changed.items()):
            names[f"#set{number}"] = name
            values[f":set{number}"] = value
            update.append(f"#set{number} = :set{number}")
        expression = "SET " + ", ".join(update)
        if removed:
            names |= {f"#old{number}": name for number, name in enumerate(removed)}
            expression += " REMOVE " + ", ".join(f"#old{number}" for number in range(len(removed)))
        condition = "attribute_not_exists(#rev)"
        if rev:
            condition, values[":rev"] = "#rev = :rev", rev
        return {
            "Update": {
                "TableName": self._table,
                "Key": key,
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": items.item(values),
            }
        }

    def _update(
        self,
        key: Mapping[str, Any],
        update: str,
        condition: str,
        names: Mapping[str, str],
        values: Mapping[str, Any],
    ) -> None:
        params: dict[str, Any] = {"TableName": self._table, "Key": key, "UpdateExpression": update}
        if condition:
            params["ConditionExpression"] = condition
        if names:
            params["ExpressionAttributeNames"] = names
        if values:
            params["ExpressionAttributeValues"] = items.item(values)
        self._write("update_item", **params)

    def _write(self, operation: str, **params: Any) -> None:
        try:
            self._aws("dynamodb", operation, **params)
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                raise Conflict(str(error)) from error
            raise


def transact(aws: Aws, writes: Sequence[Mapping[str, Any]]) -> None:
    """Write several items at once; raises Conflict when a condition does not hold, AwsError."""
    for attempt in range(CONTENTION):
        try:
            aws("dynamodb", "transact_write_items", TransactItems=list(writes))
            return
        except AwsError as error:
            canceled = error.code == "TransactionCanceledException"
            if canceled and "ConditionalCheckFailed" in error.message:
                raise Conflict(str(error)) from error
            if not (canceled and "TransactionConflict" in error.message):
                raise
        # Another transaction touched the same item at this very moment; nothing of ours was written.
        time.sleep(0.02 * 2**attempt)
    raise Conflict("the journal is being written by too many at once")


_FAR = 1e11


def _recent(head: Head, entry: Entry) -> list[list[Any]]:
    """Return the fixes of the last hour with a new one of this entry's cause, each as [time, cause]."""
    return [[at, cause] for at, cause in (*head.fixes, (entry.at, entry.mover)) if at > entry.at - HOUR]


def _months(since: float, until: float) -> list[str]:
    first, last = (datetime.fromtimestamp(max(at, 0.0), UTC) for at in (since, until))
    count = (last.year - first.year) * 12 + last.month - first.month
    starts = [first.year * 12 + first.month - 1 + step for step in range(count + 1)]
    return [f"{start // 12:04d}-{start % 12 + 1:02d}" for start in reversed(starts)]
