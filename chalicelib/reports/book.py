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
        found = self._get(records.result_key(run))
        kept = records.outcome(found) if found else None
        # What was asked for before may have left its own there.
        return kept if kept and kept.slot == run.slot else None

    def before(self, run: Run) -> Outcome | None:
        """Return what came out of the run that one is compared with; raises AwsError."""
        if not run.before:
            return None
        found = self._get({"pk": records.PREFIX + run.report, "sk": records.RESULT + run.before})
        return records.outcome(found) if found else None

    def last(self, report: str) -> Outcome | None:
        """Return what came out of the schedule's last run that has rows to compare with; raises AwsError."""
        found = self._latest(report, records.RESULT)
        return records.outcome(found) if found else None

    def begin(self, run: Run, expires: float, last: Run | None = None) -> Run:
        """Record a run that is not there yet, `last` being the newest before it; raises AwsError.

        Raises Conflict when it is there, or something else has followed the last: of two invocations of which one has
        looked earlier, one begins the next run.
        """
        if last is None:
            return self._put(run, expires, "attribute_not_exists(pk)", {})
        after = replace(run, rev=run.rev + 1)
        new = {"Item": items.item(records.run_item(after, expires)), "ConditionExpression": "attribute_not_exists(pk)"}
        followed = {
            "Item": items.item(records.run_item(replace(last, rev=last.rev + 1), expires)),
            "ConditionExpression": "rev = :rev",
            "ExpressionAttributeValues": items.item({":rev": last.rev}),
        }
        transact(self._aws, [{"Put": {"TableName": self._table, **one}} for one in (new, followed)])
        return after

    def ask(self, run: Run, expires: float) -> Run:
        """Record what somebody asks for; raises Conflict while another such run is under way, AwsError."""
        names, values = {"#over": "over"}, {":over": True}
        return self._put(run, expires, "attribute_not_exists(pk) OR #over = :over", values, names)

    def move(self, run: Run, expires: float) -> Run:
        """Record a run as it is now; raises Conflict when it is no longer as it was read, AwsError."""
        return self._put(run, expires, "rev = :rev", {":rev": run.rev})

    def finish(self, run: Run, outcome: Outcome, expires: float) -> Run:
        """Record what came out of a run, and the run as it is now, or neither; raises Conflict, AwsError."""
        after = replace(run, rev=run.rev + 1)
        slot = {
            "TableName": self._table,
            "Item": items.item(records.run_item(after, expires)),
            "ConditionExpression": "rev = :rev",
            "ExpressionAttributeValues": items.item({":rev": run.rev}),
        }
        result = {"TableName": self._table, "Item": items.item(records.outcome_item(run, outcome, expires))}
        transact(self._aws, [{"Put": slot}, {"Put": result}])
        return after

    def _put(
        self,
        run: Run,
        expires: float,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Run:
        after = replace(run, rev=run.rev + 1)
        more: dict[str, Any] = {"ExpressionAttributeValues": items.item(values)} if values else {}
        if names:
            more["ExpressionAttributeNames"] = names
        try:
            self._aws(
                "dynamodb", "put_item", TableName=self._table, Item=items.item(records.run_item(after, expires)),
                ConditionExpression=condition, **more,
            )  # fmt: skip
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                raise Conflict(f"{run.report}: another invocation has taken {run.slot}") from error
            raise
        return after

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
