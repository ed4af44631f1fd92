"""A hand-written CloudWatch Logs: a query goes through the states that a test says, and its answer comes in pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.model import AwsError
from tests.samples import ACCOUNT, REGION

Rows = Sequence[Mapping[str, str]]


@dataclass
class Logs:
    """Log groups, and one query at a time; also the metrics of what arrived, and the calls that tell who logs where.

    Args:
        states: what a query is, look by look; the last stays.
        rows: its answer.
        refusals: error codes with which the next starts are refused, one each.
        stumbles: error codes with which the next looks are refused.
        groups: as DescribeLogGroups has them.
        incoming: bytes by group.
        answers: of other calls, by their names.
    """

    states: list[str] = field(default_factory=lambda: ["Complete"])
    rows: Rows = ()
    refusals: list[tuple[str, str]] = field(default_factory=list)
    stumbles: list[str] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    incoming: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    scanned: float = 1024.0
    page: int = 10_000
    account: str = ACCOUNT
    region: str = REGION
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        self.calls.append((f"{service}:{operation}", params))
        if f"{service}:{operation}" in self.answers:
            answer = self.answers[f"{service}:{operation}"]
            if isinstance(answer, AwsError) and answer.code not in absent:
                raise answer
            return {} if isinstance(answer, AwsError) else dict(answer)
        found: dict[str, Any] = getattr(self, operation)(params)
        return found

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params)[key])

    def made(self, name: str) -> list[Mapping[str, Any]]:
        """The parameters of all calls of a name."""
        return [params for called, params in self.calls if called == name]

    def start_query(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert 1 <= len(params["logGroupNames"]) <= 50
        assert len(params["queryString"]) <= 10_000
        assert type(params["startTime"]) is type(params["endTime"]) is int
        if self.refusals:
            code, text = self.refusals.pop(0)
            raise AwsError("logs:StartQuery", code, text)
        return {"queryId": "00000000-0000-4000-8000-0000000000q1"}

    def get_query_results(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.stumbles:
            raise AwsError("logs:GetQueryResults", self.stumbles.pop(0), "Rate exceeded")
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        first = int(params.get("nextToken", "0"))
        shown = self.rows[first : first + self.page] if state == "Complete" else ()
        more = first + self.page < len(self.rows)
        read = {"recordsMatched": float(len(self.rows)), "recordsScanned": 9999.0, "bytesScanned": self.scanned}
        return {
            "status": state, "statistics": read, "results": [fields(row) for row in shown],
            **({"nextToken": str(first + self.page)} if more and shown else {}),
        }  # fmt: skip

    def stop_query(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.states[0] not in ("Scheduled", "Running"):
            raise AwsError("logs:StopQuery", "InvalidParameterException", "The query is not running")
        self.stopped.append(params["queryId"])
        return {"success": True}

    def describe_log_groups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        # AWS takes none that is empty.
        prefix = params.get("logGroupNamePrefix", "")
        assert prefix or "logGroupNamePrefix" not in params
        return {"logGroups": [one for one in self.groups if one["logGroupName"].startswith(prefix)]}

    def get_metric_data(self, params: Mapping[str, Any]) -> dict[str, Any]:
        found = []
        for query in params["MetricDataQueries"]:
            name = query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
            values = [self.incoming[name] / 2] * 2 if name in self.incoming else []
            found.append({"Id": query["Id"], "Values": values})
        return {"MetricDataResults": found}


def fields(row: Mapping[str, str]) -> list[dict[str, str]]:
    """A row as GetQueryResults has it, with what points to its line."""
    return [*({"field": name, "value": value} for name, value in row.items()), {"field": "@ptr", "value": "Cm0KLg"}]


def group(name: str, stored: float = 0.0, since: float = 0.0, days: int | None = None) -> dict[str, Any]:
    """A log group as DescribeLogGroups has it."""
    kept = {"retentionInDays": days} if days else {}
    return {"logGroupName": name, "storedBytes": int(stored), "creationTime": int(since * 1000), **kept}


def groups(names: Iterable[str]) -> list[dict[str, Any]]:
    """Log groups without anything in them."""
    return [group(name) for name in names]
