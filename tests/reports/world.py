"""An account in memory for reports: the journal's table, Logs Insights, S3 and the outbox; its calls may die."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.insights.chosen import Insights
from chalicelib.model import AwsError, Destination, Notice
from chalicelib.notices import outbox
from chalicelib.notices.outbox import Outbox
from chalicelib.notices.routes import Route, Routes
from chalicelib.reports import decide, records, schedule
from chalicelib.reports.book import Book
from chalicelib.reports.desk import Desk
from chalicelib.reports.model import Report, Run
from chalicelib.settings import Settings
from tests.insights.logs import fields, group
from tests.machine.table import Table
from tests.samples import ACCOUNT, REGION

TABLE = "parapet-journal"
# Saturday, 2026-11-21 07:10 UTC.
NOW = 1_795_245_000.0
# A minute before the run about the time until 07:30 begins.
BEFORE = NOW + 19 * 60 + decide.LAG
GROUP = "/ecs/shop"
ROWS = (
    {
        "error_text": "timeout",
        "times_seen": "40",
        "requests_hit": "31",
        "lines_unnamed": "0",
        "first_seen": "1795241400000",
        "last_seen": "1795244000000",
    },
    {
        "error_text": "refused",
        "times_seen": "7",
        "requests_hit": "7",
        "lines_unnamed": "0",
        "first_seen": "1795241500000",
        "last_seen": "1795244100000",
    },
)


class Died(BaseException):
    """The function's environment is gone, in the middle of a call."""


@dataclass
class Query:
    """One query of Logs Insights: what it is, look by look (the last stays), and its rows."""

    text: str
    start: int
    end: int
    groups: list[str]
    states: list[str]
    rows: Sequence[Mapping[str, str]]
    stopped: bool = False


@dataclass
class World:
    """All of it.

    Args:
        rows: what the next queries find.
        states: what the next queries are, look by look.
        refusals: error codes with which the next starts are refused.
        stumbles: error codes with which the next looks are refused.
        broken: error codes with which the next writes into S3 are refused.
        meet: is told before and after each call, by its number and name.
    """

    now: float = NOW
    rows: Sequence[Mapping[str, str]] = ROWS
    states: Sequence[str] = ("Running", "Complete")
    refusals: list[str] = field(default_factory=list)
    stumbles: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    stored: float = 1024.0**2
    scanned: float = 3.5 * 1024**3
    meet: Callable[[str, str], None] = lambda _when, _call: None
    table: Table = field(default_factory=lambda: Table(TABLE))
    queries: dict[str, Query] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    puts: int = 0
    sent: list[Notice] = field(default_factory=list)
    account: str = ACCOUNT
    region: str = REGION

    # AWS

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        name = f"{service}:{operation}"
        self.meet("before", name)
        ours = service == "dynamodb"
        answer = self.table.call(operation, params) if ours else getattr(self, operation)(params)
        self.meet("after", name)
        return dict(answer)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params)[key])

    def describe_log_groups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "logGroups": [group(GROUP, self.stored, NOW - 3600)]
            if GROUP.startswith(params["logGroupNamePrefix"])
            else []
        }

    def get_metric_data(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"MetricDataResults": []}

    def start_query(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.refusals:
            raise AwsError("logs:StartQuery", self.refusals.pop(0), "not now")
        query = f"00000000-0000-4000-8000-{len(self.queries):012}"
        self.queries[query] = Query(
            params["queryString"], params["startTime"], params["endTime"], params["logGroupNames"],
            list(self.states), self.rows,
        )  # fmt: skip
        return {"queryId": query}

    def get_query_results(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.stumbles:
            raise AwsError("logs:GetQueryResults", self.stumbles.pop(0), "not now")
        query = self.queries[params["queryId"]]
        state = query.states.pop(0) if len(query.states) > 1 else query.states[0]
        rows = [fields(row) for row in query.rows] if state == "Complete" else []
        return {"status": state, "results": rows, "statistics": {"bytesScanned": self.scanned}}

    def stop_query(self, params: Mapping[str, Any]) -> dict[str, Any]:
        query = self.queries[params["queryId"]]
        was, query.stopped = query.stopped, True
        return {"success": not was}

    def put_object(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert params["ExpectedBucketOwner"] == ACCOUNT
        if self.broken:
            raise AwsError("s3:PutObject", self.broken.pop(0), "no")
        name = f"{params['Bucket']}/{params['Key']}"
        assert self.objects.setdefault(name, params["Body"]) == params["Body"], "written anew, and something else"
        self.puts += 1
        return {}

    def send_message_batch(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self.sent += [outbox.load(one["MessageBody"]) for one in params["Entries"]]
        return {}

    # Parapet

    def desk(self, *reports: Report, seconds: float = 40.0, **settings: Any) -> Desk:
        """What runs reports, with so much time."""
        until = self.now + seconds
        chosen = Settings(reports=reports, insights=settings.pop("insights", Insights()), **settings)
        return Desk(
            lambda _region: self, Book(self, TABLE), Outbox(self, {"slack": "queue"}, ROUTES), chosen, lambda: self.now,
            self.sleep, lambda: self.now < until,
        )  # fmt: skip

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def tick(self, *reports: Report, **more: Any) -> None:
        """One invocation, a minute after the last."""
        self.now += 60.0
        self.desk(*reports, **more).work()

    def runs(self, report: str = "shop-errors") -> list[Run]:
        """The runs of a schedule, oldest first."""
        found = [one for key, one in sorted(self.table.items.items()) if key[0] == f"REPORT#{report}"]
        plain = [{name: next(iter(value.values())) for name, value in one.items()} for one in found]
        return [
            records.run({"record": one["record"], "rev": int(one["rev"])})
            for one in plain
            if one["sk"].startswith(records.SLOT)
        ]

    def told(self) -> dict[str, list[Notice]]:
        """Every notice that was sent, by its key: the channels tell the first of each."""
        found: dict[str, list[Notice]] = {}
        for one in self.sent:
            found.setdefault(one.key, []).append(one)
        return found


ROUTES = Routes(Route("otherwise", Destination(slack="#ops")))


def report(when: str = "cron(30 * * * ? *)", **more: Any) -> Report:
    """A report about a log group of the world's."""
    about: dict[str, Any] = {
        "name": "shop-errors", "title": "Top error messages", "schedule": schedule.read(when, "", "here"),
        "window": 3600.0, "query": "errors-top", "groups": (GROUP,), "key": ("error_text",), "value": "times_seen",
    }  # fmt: skip
    return Report(**{**about, **more})


def shown(notice: Notice) -> dict[str, Any]:
    """A notice as a message has it."""
    found: dict[str, Any] = json.loads(outbox.dump(notice))
    return found
