"""CloudWatch Logs Insights at moto's API: `local/insights` over the log groups that moto keeps.

moto itself answers every query with every event. Here a query is started, runs for a moment, and has then found what
CloudWatch would; the quotas are CloudWatch's, and what the engine does not know is refused as a malformed query.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import method_names_from_class
from moto.logs.models import LogGroup, LogsBackend, LogStream
from moto.logs.responses import LogsResponse

from local import pages
from local.insights import Event, Malformed, Query, Results, Statistics, before, parse, redefined, run
from local.insights.discovery import discovered
from local.insights.tree import Diff
from local.restored import restored

# What an account may do at once and in a second, and what it gets at once.
AT_ONCE, A_SECOND, GROUPS, PAGE, LARGEST, KEPT = 100, 10, 50, 10_000, 100_000, 1000
# For how many seconds a query is scheduled, and when it is complete.
TAKES = (0.05, 0.2)
# Of each group, so many of its events tell which fields its logs have.
TELLING = 200
RUNNING = ("Scheduled", "Running")
Given = Mapping[str, Any]


class Refused(Exception):
    """A request that CloudWatch Logs, or this stand-in for it, does not answer."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code, self.more = code, more


@dataclass
class Started:
    """A query that was started, with the log groups it is about."""

    id: str
    query: Query
    given: Given
    groups: Sequence[LogGroup]
    at: float
    cancelled: bool = False
    results: Results | None = None

    def status(self, now: float, takes: tuple[float, float]) -> str:
        """Tell how far it is."""
        if self.cancelled:
            return "Cancelled"
        scheduled, complete = takes
        age = now - self.at
        return "Scheduled" if age < scheduled else "Running" if age < complete else "Complete"


@dataclass
class Account:
    """The queries of an account in a region, and when it lately called what."""

    started: OrderedDict[str, Started] = field(default_factory=OrderedDict)
    calls: dict[str, deque[float]] = field(default_factory=dict)


class Querying:
    """Answers what is about queries.

    Args:
        clock: the time.
        takes: for how long a query is scheduled, and when it is complete.
        move: called with each log stream before it is read.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        takes: tuple[float, float] = TAKES,
        move: Callable[[LogStream], None] = lambda _stream: None,
    ) -> None:
        self._clock, self._takes, self._move = clock, takes, move

    def plug_in(self) -> None:
        """Have moto answer from it."""
        for name, answer in self._answers().items():
            setattr(LogsResponse, name, _answering(answer))
        _look_anew()

    @contextmanager
    def plugged(self) -> Iterator[Querying]:
        """Plug in for a while, and leave moto as it was."""
        try:
            with restored((LogsResponse, name) for name in self._answers()):
                self.plug_in()
                yield self
        finally:
            _look_anew()

    def _answers(self) -> dict[str, Callable[[LogsBackend, Given], dict[str, Any]]]:
        return {
            "start_query": self.start, "get_query_results": self.results, "stop_query": self.stop,
            "describe_queries": self.describe, "get_log_record": self.record,
            "list_log_groups_for_query": self.groups,
        }  # fmt: skip

    def start(self, backend: LogsBackend, given: Given) -> dict[str, Any]:
        """Answer StartQuery; raises Refused."""
        account = self._called(backend, "StartQuery")
        if given.get("queryLanguage", "CWLI") != "CWLI":
            raise _wrong("the local Logs Insights reads its own language only, CWLI")
        if given["startTime"] > given["endTime"]:
            raise _wrong("the query's startTime must not be after its endTime")
        if not 1 <= given.get("limit", 1) <= LARGEST:
            raise _wrong(f"limit must be 1 to {LARGEST}")
        query = _parsed(given.get("queryString") or "")
        groups = _groups(backend, given, query)
        if error := redefined(query, _fields(groups)):
            raise _malformed(error)
        now = self._clock()
        if sum(one.status(now, self._takes) in RUNNING for one in account.started.values()) >= AT_ONCE:
            raise Refused("LimitExceededException", f"Account maximum query concurrency limit of [{AT_ONCE}] reached.")
        started = Started(str(uuid.uuid4()), query, dict(given), groups, now)
        account.started[started.id] = started
        while len(account.started) > KEPT:
            account.started.popitem(last=False)
        return {"queryId": started.id}

    def results(self, backend: LogsBackend, given: Given) -> dict[str, Any]:
        """Answer GetQueryResults, page by page; raises Refused."""
        account = self._called(backend, "GetQueryResults")
        started = _found(account, given)
        status = started.status(self._clock(), self._takes)
        if status != "Complete":
            return {"queryLanguage": "CWLI", "results": [], "statistics": _counted(Statistics(), ()), "status": status}
        if started.results is None:
            started.results = self._run(started)
        rows = started.results.rows
        page, token = pages.page(rows, _place(given.get("nextToken")), given.get("maxItems") or PAGE)
        return {
            "queryLanguage": "CWLI",
            "results": [[{"field": name, "value": value} for name, value in row.items()] for row in page],
            "statistics": {**_counted(started.results.statistics, started.groups), "resultCount": float(len(rows))},
            "status": status,
            **_more(token),
        }

    def stop(self, backend: LogsBackend, given: Given) -> dict[str, Any]:
        """Answer StopQuery; raises Refused for one that is over."""
        started = _found(_account(backend), given)
        if started.status(self._clock(), self._takes) not in RUNNING:
            raise _wrong(f"The specified query {started.id} is not running")
        started.cancelled = True
        return {"success": True}

    def describe(self, backend: LogsBackend, given: Given) -> dict[str, Any]:
        """Answer DescribeQueries, the latest first; raises Refused."""
        now, first = self._clock(), _place(given.get("nextToken"))
        name, wanted = given.get("logGroupName"), given.get("status")
        found = [
            {
                "queryLanguage": "CWLI", "queryId": one.id, "queryString": one.query.text,
                "status": one.status(now, self._takes), "createTime": int(one.at * 1000),
                "logGroupName": one.groups[0].name,
            }
            for one in reversed(_account(backend).started.values())
            if name is None or any(group.name == name for group in one.groups)
        ]  # fmt: skip
        found = [one for one in found if wanted in (None, one["status"])]
        page, token = pages.page(found, first, given.get("maxResults") or KEPT)
        return {"queries": page, **_more(token)}

    def record(self, backend: LogsBackend, given: Given) -> dict[str, Any]:
        """Answer GetLogRecord: all fields of one event; raises Refused."""
        if given.get("unmask"):
            raise _wrong("the local Logs Insights masks nothing, and so unmasks nothing")
        try:
            name, stream, number = json.loads(base64.b64decode(given["logRecordPointer"], validate=True))
            event = next(one for one in backend.groups[name].streams[stream].events if one.event_id == number)
        except (binascii.Error, ValueError, KeyError, TypeError, StopIteration):
            raise _wrong("the log record pointer points to nothing") from None
        query = parse("fields @ingestionTime, @log, @logStream, @message, @timestamp")
        at = event.timestamp / 1000
        whole = next(one for one in _events([backend.groups[name]], at, at) if one.ptr == given["logRecordPointer"])
        (row,) = run(query, [whole], at, at).rows
        fields = {name: str(value) for name, value in discovered(event.message).items()}
        return {"logRecord": {**fields, **row}}

    def groups(self, backend: LogsBackend, given: Given) -> dict[str, Any]:
        """Answer ListLogGroupsForQuery; raises Refused."""
        names = [one.name for one in _found(_account(backend), given).groups]
        page, token = pages.page(names, _place(given.get("nextToken")), given.get("maxResults") or GROUPS)
        return {"logGroupIdentifiers": page, **_more(token)}

    def _run(self, started: Started) -> Results:
        start, end = started.given["startTime"], started.given["endTime"]
        since = min([start, *(before(one, start, end)[0] for one in started.query.commands if isinstance(one, Diff))])
        for group in started.groups:
            for stream in group.streams.values():
                self._move(stream)
        events = _events(started.groups, since, end)
        return run(started.query, events, start, end, started.at, started.given.get("limit"))

    def _called(self, backend: LogsBackend, operation: str) -> Account:
        account, now = _account(backend), self._clock()
        lately = account.calls.setdefault(operation, deque())
        while lately and lately[0] <= now - 1:
            lately.popleft()
        if len(lately) >= A_SECOND:
            raise Refused("ThrottlingException", "Rate exceeded")
        lately.append(now)
        return account


def _look_anew() -> None:
    """Have moto forget which requests its class answers."""
    getattr(method_names_from_class, "cache_clear", lambda: None)()


def _account(backend: LogsBackend) -> Account:
    # Kept with moto's own, so that a reset forgets it.
    found: Account = vars(backend).setdefault("insights", Account())
    return found


def _found(account: Account, given: Given) -> Started:
    started = account.started.get(given["queryId"])
    if started is None:
        raise Refused("ResourceNotFoundException", f"Query ID {given['queryId']} does not exist")
    return started


def _parsed(text: str) -> Query:
    try:
        return parse(text)
    except Malformed as error:
        raise _malformed(error) from None


def _malformed(error: Malformed) -> Refused:
    location = {"startCharOffset": error.position, "endCharOffset": error.end}
    return Refused(
        "MalformedQueryException",
        str(error),
        queryCompileError={"location": location, "message": error.reason},
    )


def _wrong(message: str) -> Refused:
    return Refused("InvalidParameterException", message)


def _groups(backend: LogsBackend, given: Given, query: Query) -> list[LogGroup]:
    """Return the log groups that a query is about; raises Refused."""
    names = ("logGroupName", "logGroupNames", "logGroupIdentifiers")
    named = [given[name] for name in names if given.get(name)]
    if len(named) + (query.source is not None) != 1:
        raise _wrong(f"a query takes exactly one of {', '.join(names)} or a SOURCE command")
    if query.source:
        account = backend.account_id
        ours = query.source.group_class == "STANDARD" and (
            not query.source.accounts or account in query.source.accounts
        )
        prefixes = query.source.prefixes or ("",)
        found = [group for name, group in sorted(backend.groups.items()) if ours and name.startswith(prefixes)]
        if not found:
            raise Refused("ResourceNotFoundException", "the SOURCE command selects no log group")
        return found
    wanted = [named[0]] if isinstance(named[0], str) else list(dict.fromkeys(named[0]))
    if len(wanted) > GROUPS:
        raise _wrong(f"a query takes {GROUPS} log groups at most, not {len(wanted)}")
    return [_group(backend, one, "logGroupIdentifiers" in given) for one in wanted]


def _group(backend: LogsBackend, name: str, may_be_arn: bool) -> LogGroup:
    if may_be_arn and name.startswith("arn:"):
        if name.endswith("*"):
            raise _wrong(f"the ARN of a log group must not end with an asterisk here: {name}")
        found = next((one for one in backend.groups.values() if one.arn == name), None)
    else:
        found = backend.groups.get(name)
    if found is None:
        raise Refused("ResourceNotFoundException", f"The specified log group does not exist: {name}")
    return found


def _events(groups: Iterable[LogGroup], start: float, end: float) -> Iterator[Event]:
    for group in groups:
        for stream in group.streams.values():
            for one in stream.events:
                if start * 1000 <= one.timestamp <= end * 1000:
                    pointer = json.dumps([group.name, stream.log_stream_name, one.event_id]).encode()
                    yield Event(
                        one.timestamp, one.message, group.name, stream.log_stream_name, one.ingestion_time,
                        base64.b64encode(pointer).decode(), group.account_id,
                    )  # fmt: skip


def _fields(groups: Iterable[LogGroup]) -> set[str]:
    """Return which fields the latest events of some groups have."""
    found: set[str] = set()
    for group in groups:
        latest = [one.message for stream in group.streams.values() for one in stream.events[-TELLING:]]
        for message in latest[-TELLING:]:
            found.update(discovered(message))
    return found


def _counted(statistics: Statistics, groups: Sequence[LogGroup]) -> dict[str, float]:
    return {
        "recordsMatched": float(statistics.records_matched), "recordsScanned": float(statistics.records_scanned),
        "estimatedRecordsSkipped": 0.0, "bytesScanned": float(statistics.bytes_scanned),
        "estimatedBytesSkipped": 0.0, "logGroupsScanned": float(len(groups)),
    }  # fmt: skip


def _more(token: str) -> dict[str, str]:
    return {"nextToken": token} if token else {}


def _place(token: str | None) -> int:
    if (place := pages.place(token)) is None:
        raise _wrong("The specified nextToken is invalid")
    return place


def _answering(answer: Callable[[LogsBackend, Given], dict[str, Any]]) -> Callable[[Any], TYPE_RESPONSE]:
    def respond(response: Any) -> TYPE_RESPONSE:
        try:
            return 200, {}, json.dumps(answer(response.logs_backend, json.loads(response.body or "{}")))
        except Refused as refused:
            body = {"__type": refused.code, "message": str(refused), **refused.more}
            return 400, {"x-amzn-errortype": refused.code, "status": 400}, json.dumps(body)

    return respond
