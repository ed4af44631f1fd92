"""The runs of reports in the journal's table: each write holds only when nobody else has written meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib import items
from chalicelib.journal import Conflict, transact
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.reports import records
from chalicelib.reports.model import Outcome, Run


class Book:
    """What is recorded of reports."""

    def __init__(self, aws: Aws, table: str) -> None:
        """Keep where the table is; raises ParapetError when nobody says."""
        if not table:
            raise ParapetError("PARAPET_TABLE is not set: it names the journal's table")
        self._aws, self._table = aws, table

    def newest(self, report: str) -> Run | None:
        """Return the newest run of a report's schedule, read consistently; raises AwsError."""
        found = self._latest(report, records.SLOT)
        return records.run(found) if found else None

    def asked(self, report: str) -> Run | None:
        """Return the run that somebody has asked for last, read consistently; raises AwsError."""
        found = self._get({"pk": records.PREFIX + report, "sk": records.ASKED})
        return records.run(found) if found else None

    def outcome(self, run: Run) -> Outcome | None:
        """Return what came out of a run, None where it is not kept (any longer); raises AwsError."""
        kept = self._outcome(records.result_key(run))
        # What was asked for before may have left its own there.
        return kept if kept and kept.slot == run.slot else None

    def before(self, run: Run) -> Outcome | None:
        """Return what came out of the run that one is compared with; raises AwsError."""
        if not run.before:
            return None
        return self._outcome({"pk": records.PREFIX + run.report, "sk": records.RESULT + run.before})

    def last(self, report: str) -> Outcome | None:
        """Return what came out of the schedule's last run that has rows to compare with; raises AwsError."""
        found = self._latest(report, records.RESULT)
        return records.outcome(found) if found else None

    def last_asked(self, report: str) -> Outcome | None:
        """Return what came out of the last run that somebody has asked for and that has rows; raises AwsError."""
        return self._outcome({"pk": records.PREFIX + report, "sk": records.ASKED_RESULT})

    def begin(self, run: Run, expires: float, last: Run | None = None) -> Run:
        """Record a run that is not there yet, `last` being the newest before it; raises AwsError.

        Raises Conflict when it is there, or something else has followed the last: of two invocations of which one has
        looked earlier, one begins the next run.
        """
        if last is None:
            return self._write(run, self._new(run, expires))
        transact(self._aws, [{"Put": self._new(run, expires)}, {"Put": self._moved(last, expires)}])
        return _next(run)

    def ask(self, run: Run, expires: float) -> Run:
        """Record what somebody asks for; raises Conflict while another such run is under way, AwsError."""
        put = self._new(run, expires)
        put["ConditionExpression"] += " OR #over = :over"
        names, values = {"#over": "over"}, items.item({":over": True})
        return self._write(run, {**put, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values})

    def move(self, run: Run, expires: float) -> Run:
        """Record a run as it is now; raises Conflict when it is no longer as it was read, AwsError."""
        return self._write(run, self._moved(run, expires))

    def finish(self, run: Run, outcome: Outcome, expires: float) -> Run:
        """Record what came out of a run, and the run as it is now, or neither; raises Conflict, AwsError."""
        result = {"TableName": self._table, "Item": items.item(records.outcome_item(run, outcome, expires))}
        transact(self._aws, [{"Put": self._moved(run, expires)}, {"Put": result}])
        return _next(run)

    def _new(self, run: Run, expires: float) -> dict[str, Any]:
        """Return the put of a run that is not there yet."""
        item = items.item(records.run_item(_next(run), expires))
        return {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}

    def _moved(self, run: Run, expires: float) -> dict[str, Any]:
        """Return the put of a run that nobody else has written since it was read."""
        held = {"ConditionExpression": "rev = :rev", "ExpressionAttributeValues": items.item({":rev": run.rev})}
        return {**self._new(run, expires), **held}

    def _write(self, run: Run, put: Mapping[str, Any]) -> Run:
        try:
            self._aws("dynamodb", "put_item", **put)
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                raise Conflict(f"{run.report}: another invocation has taken {run.slot}") from error
            raise
        return _next(run)

    def _outcome(self, key: Mapping[str, str]) -> Outcome | None:
        found = self._get(key)
        return records.outcome(found) if found else None

    def _get(self, key: Mapping[str, str]) -> dict[str, Any]:
        answer = self._aws("dynamodb", "get_item", TableName=self._table, Key=items.item(key), ConsistentRead=True)
        return items.values(answer.get("Item") or {})

    def _latest(self, report: str, begin: str) -> dict[str, Any]:
        answer = self._aws(
            "dynamodb",
            "query",
            TableName=self._table,
            KeyConditionExpression="pk = :report AND begins_with(sk, :begin)",
            ExpressionAttributeValues=items.item({":report": records.PREFIX + report, ":begin": begin}),
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        return items.values(answer["Items"][0]) if answer["Items"] else {}


def _next(run: Run) -> Run:
    return replace(run, rev=run.rev + 1)
