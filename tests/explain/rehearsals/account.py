"""An account with a past: CloudWatch's engine, X-Ray's, log lines, a ledger and a journal, all in this process.

What it is not asked in a rehearsal it refuses: nothing is answered that was not put there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from chalicelib import items, records
from chalicelib.ledger.book import Book
from chalicelib.ledger.model import Change
from chalicelib.model import AwsError, Finding
from local.cloudwatch import data
from local.cloudwatch.store import Store
from local.systems import traces
from local.systems.faults import Fault
from local.systems.model import System
from local.xray import XRay
from local.xray_filter import Document
from tests.samples import ACCOUNT, REGION

TABLE, LEDGER = "journal", "ledger"
# Of a minute: shares stay what they are, and the machine has more to do than this.
SAMPLED = 8
# What stands in the way of limits that nobody needs here.
UNTOLD = ("rds", "lambda", "autoscaling", "ec2")


@dataclass
class Traces:
    """The traces of one system, as it was before an onset and since."""

    before: System
    since: System
    faults: Sequence[Fault]
    onset: float

    def between(self, start: float, end: float) -> Iterator[Sequence[Document]]:
        for at in range(int(start // 60 * 60), int(end), 60):
            system = self.since if at >= self.onset else self.before
            for one in islice(traces.traces(system, at, self.faults), SAMPLED):
                if start <= one.start < end:
                    yield one.documents

    def by_id(self, wanted: str) -> Sequence[Document]:
        at = int(wanted.split("-")[1], 16) // 60 * 60
        system = self.since if at >= self.onset else self.before
        return next((one.documents for one in traces.traces(system, at, self.faults) if one.id == wanted), ())


@dataclass
class Account:
    """Answers as AWS would."""

    store: Store
    traces: Traces
    now: float
    lines: Mapping[str, list[tuple[float, str]]] = field(default_factory=dict)
    history: list[tuple[float, str, str]] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {TABLE: [], LEDGER: []})
    denied: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    hangs: Callable[[str], object] = lambda name: None
    account: str = ACCOUNT
    region: str = REGION

    def change(self, changes: Iterable[Change]) -> None:
        """Put changes into the ledger, as its function does."""
        Book(self, LEDGER).begin(self.now - 30 * 86_400)
        Book(self, LEDGER).write(changes)

    def find(self, finding: Finding) -> None:
        """Put a finding into the journal."""
        self.tables[TABLE].append(records.finding_record(finding))

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        name = f"{service}:{operation}"
        self.asked.append(name)
        self.hangs(name)
        if name in self.denied or service in UNTOLD:
            raise AwsError(name, "AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/x is not authorized")
        answer = getattr(self, f"_{operation}", None)
        if answer is None:
            raise AssertionError(f"nobody rehearsed {name}")
        return dict(answer(params))

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params)[key])

    def _get_metric_data(self, params: Mapping[str, Any]) -> dict[str, Any]:
        # As botocore, it takes both.
        given = (params["StartTime"], params["EndTime"])
        start, end = (one if isinstance(one, float) else one.timestamp() for one in given)
        found = data.lines(self.store, params["MetricDataQueries"], start, end, self.now)
        results = [
            {
                "Id": one.id, "StatusCode": "Complete", "Values": [value for _, value in one.points],
                "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in one.points],
            }
            for one in found
        ]  # fmt: skip
        return {"MetricDataResults": results}

    def _describe_alarm_history(self, params: Mapping[str, Any]) -> dict[str, Any]:
        since, until = (datetime.fromisoformat(params[one]).timestamp() for one in ("StartDate", "EndDate"))
        return {
            "AlarmHistoryItems": [
                {
                    "AlarmName": name, "Timestamp": datetime.fromtimestamp(at, UTC),
                    "HistoryData": json.dumps({"newState": {"stateValue": state, "stateReason": "Threshold Crossed"}}),
                }
                for at, name, state in sorted(self.history)
                # Only what tells people goes off here, which is made of others.
                if since <= at <= until and "CompositeAlarm" in params["AlarmTypes"]
            ]
        }  # fmt: skip

    def _describe_alarms(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"MetricAlarms": [], "CompositeAlarms": []}

    def _describe_table(self, params: Mapping[str, Any]) -> dict[str, Any]:
        provisioned = {"ReadCapacityUnits": 100, "WriteCapacityUnits": 100}
        return {"Table": {"TableName": params["TableName"], "ProvisionedThroughput": provisioned}}

    def _describe_log_groups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "logGroups": [{"logGroupName": one} for one in self.lines if one.startswith(params["logGroupNamePrefix"])]
        }

    def _filter_log_events(self, params: Mapping[str, Any]) -> dict[str, Any]:
        start, end = params["startTime"], params["endTime"]
        return {
            "events": [
                {"timestamp": int(at * 1000), "message": text}
                for at, text in self.lines[params["logGroupName"]]
                if start <= at * 1000 <= end
            ]
        }

    def _start_query(self, params: Mapping[str, Any]) -> dict[str, Any]:
        # Traces are in X-Ray here: nobody has the log group of the spans.
        raise AwsError("logs:StartQuery", "ResourceNotFoundException", f"{params['logGroupNames']} does not exist")

    def _get_service_graph(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._xray.graph(_seconds(params))

    def _get_trace_summaries(self, params: Mapping[str, Any]) -> dict[str, Any]:
        found = self._xray.summaries(_seconds(params))
        found["ApproximateTime"] = datetime.fromtimestamp(found["ApproximateTime"], UTC)
        for one in found["TraceSummaries"]:
            one["StartTime"] = datetime.fromtimestamp(one["StartTime"], UTC)
        return found

    def _batch_get_traces(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._xray.batch(params)

    @property
    def _xray(self) -> XRay:
        return XRay(self.account, lambda: 0.0, self.traces)

    def _update_item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert params["UpdateExpression"] == "SET #at = if_not_exists(#at, :at)"
        value = items.values(params["ExpressionAttributeValues"])[":at"]
        self.tables[params["TableName"]].append({**items.values(params["Key"]), "at": value})
        return {}

    def _put_item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self.tables[params["TableName"]].append(items.values(params["Item"]))
        return {}

    def _batch_write_item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        for table, puts in params["RequestItems"].items():
            self.tables[table] += [items.values(one["PutRequest"]["Item"]) for one in puts]
        return {}

    def _query(self, params: Mapping[str, Any]) -> dict[str, Any]:
        given = items.values(params["ExpressionAttributeValues"])
        by, order = ("month", "opened") if params.get("IndexName") == "by_time" else ("pk", "sk")
        low, high = given.get(":since", ""), given.get(":until", given.get(":before", "~"))
        key = given.get(":pk", given.get(":key"))
        assert params["ScanIndexForward"] is False
        rows = [one for one in self.tables[params["TableName"]] if one.get(by) == key and low <= one[order] <= high]
        rows.sort(key=lambda one: one[order], reverse=True)
        found = rows[: params["Limit"]]
        last = {"LastEvaluatedKey": items.item({"pk": found[-1]["pk"], "sk": found[-1]["sk"], by: key, order:
                found[-1][order]})} if len(rows) > len(found) else {}  # fmt: skip
        return {"Items": [items.item(one) for one in found], **last}


def _seconds(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one.timestamp() if isinstance(one, datetime) else one for name, one in params.items()}
