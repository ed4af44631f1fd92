"""Queries over the API: started, polled, stopped, listed, under CloudWatch's quotas, with a real client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import ANY

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.backends import get_backend
from moto.logs.responses import LogsResponse

from local.querying import A_SECOND, AT_ONCE, Querying
from tests.account import Clock as Wall
from tests.samples import ACCOUNT, REGION

NOW = 1_795_000_000.0
API, JOBS = "/aws/lambda/api", "/aws/lambda/jobs"
EVERY = {"startTime": int(NOW) - 3600, "endTime": int(NOW)}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("logs", region_name=REGION, config=Config(retries={"max_attempts": 0}))


@pytest.fixture
def wall() -> Wall:
    return Wall(NOW)


@pytest.fixture
def logs(client: Any, wall: Wall) -> Iterator[Any]:
    for backend in get_backend("logs")[ACCOUNT].values():
        backend.reset()
    with Querying(wall).plugged():
        for group in (API, JOBS):
            client.create_log_group(logGroupName=group)
            client.create_log_stream(logGroupName=group, logStreamName="one")
        put(client, API, (-3600, {"level": "ERROR", "n": 1}), (-60, {"level": "INFO", "n": 2}), (0, {"level": "ERROR"}))
        put(client, JOBS, (-30, {"level": "ERROR", "n": 3}))
        yield client


def put(client: Any, group: str, *events: tuple[float, Any]) -> None:
    lines = [{"timestamp": int((NOW + at) * 1000), "message": json.dumps(said)} for at, said in events]
    client.put_log_events(logGroupName=group, logStreamName="one", logEvents=lines)


def start(logs: Any, query: str, **given: Any) -> str:
    where = {} if query.startswith("SOURCE") else {"logGroupName": API}
    where = {} if any(name.startswith("logGroup") for name in given) else where
    return str(logs.start_query(**{**EVERY, **where, "queryString": query, **given})["queryId"])


def ran(logs: Any, wall: Wall, query: str, **given: Any) -> Any:
    started = start(logs, query, **given)
    wall.at += 1.5
    return logs.get_query_results(queryId=started)


def rows(answer: Any) -> list[dict[str, str]]:
    return [{one["field"]: one["value"] for one in row if one["field"] != "@ptr"} for row in answer["results"]]


def refused(code: str, call: Any, **given: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**given)
    assert caught.value.response["Error"]["Code"] == code
    return caught.value.response


def test_a_query_is_scheduled_runs_and_is_complete(logs: Any, wall: Wall) -> None:
    started = start(logs, 'filter level = "ERROR" | fields @message')
    answers = []
    for _ in range(3):
        answers.append(logs.get_query_results(queryId=started))
        wall.at += 0.11
    assert [one["status"] for one in answers] == ["Scheduled", "Running", "Complete"]
    assert [len(one["results"]) for one in answers] == [0, 0, 2], "both ends of the time are included"
    assert answers[-1]["statistics"] == {
        "recordsMatched": 2.0, "recordsScanned": 3.0, "bytesScanned": 69.0,
        "estimatedRecordsSkipped": 0.0, "estimatedBytesSkipped": 0.0, "logGroupsScanned": 1.0, "resultCount": 2.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "query", "found"),
    [
        ({"logGroupName": API}, "stats count(*) as many", "3"),
        ({"logGroupNames": [API, JOBS]}, "stats count(*) as many", "4"),
        ({"logGroupNames": [API, API]}, "stats count(*) as many", "3"),
        ({"logGroupIdentifiers": [JOBS]}, "stats count(*) as many", "1"),
        ({"logGroupIdentifiers": [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{JOBS}"]}, "stats count(*) as many", "1"),
        ({}, f'SOURCE logGroups(namePrefix: ["{JOBS[:-2]}", "/ecs/"]) | stats count(*) as many', "1"),
        ({}, "SOURCE logGroups() | stats count(*) as many", "4"),
        ({}, f'SOURCE logGroups(accountIdentifiers: ["{ACCOUNT}"]) | stats count(*) as many', "4"),
    ],
)  # fmt: skip
def test_the_log_groups_of_a_query(logs: Any, wall: Wall, given: Any, query: str, found: str) -> None:
    assert rows(ran(logs, wall, query, **given)) == [{"many": found}]


def test_where_an_event_is_from_and_the_whole_of_it(logs: Any, wall: Wall) -> None:
    answer = ran(logs, wall, "fields @log, @logStream, n | sort n desc", logGroupNames=[API, JOBS], limit=1)
    assert rows(answer) == [{"@log": f"{ACCOUNT}:{JOBS}", "@logStream": "one", "n": "3"}]
    (pointer,) = (one["value"] for one in answer["results"][0] if one["field"] == "@ptr")
    record = logs.get_log_record(logRecordPointer=pointer)["logRecord"]
    assert record["@message"] == '{"level": "ERROR", "n": 3}'
    assert (record["level"], record["n"], record["@timestamp"]) == ("ERROR", "3", "2026-11-18 11:06:10.000")
    refused("InvalidParameterException", logs.get_log_record, logRecordPointer="bm90aGluZw==")


def test_results_come_in_pages(logs: Any, wall: Wall) -> None:
    started = start(logs, "fields n | sort n asc", logGroupNames=[API, JOBS])
    wall.at += 1
    pages: list[Any] = []
    token: dict[str, str] = {}
    while not pages or token:
        page = logs.get_query_results(queryId=started, maxItems=3, **token)
        pages.append(rows(page))
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    assert pages == [[{}, {"n": "1"}, {"n": "2"}], [{"n": "3"}]]
    refused("InvalidParameterException", logs.get_query_results, queryId=started, nextToken="elsewhere")


def test_a_diff_sees_what_was_before(logs: Any, wall: Wall) -> None:
    put(logs, API, (-1900, {"level": "INFO", "n": 7}))
    answer = ran(logs, wall, "pattern @message | diff", startTime=int(NOW) - 1800)
    found = {row["@pattern"]: row["@differenceDescription"] for row in rows(answer)}
    assert found == {
        '{"level": "INFO", "n": <Number-1>}': "no change",
        '{"level": "ERROR"}': "new",
        '{"level": "ERROR", "n": <Number-1>}': "missing",
    }


def test_a_malformed_query_names_its_place(logs: Any) -> None:
    response = refused("MalformedQueryException", start, logs=logs, query="fields @message | fliter n > 1")
    assert response["queryCompileError"] == {
        "location": {"startCharOffset": 18, "endCharOffset": 24},
        "message": "there is no command fliter",
    }
    assert response["Error"]["Message"] == "there is no command fliter (line 1, position 19)"


def test_a_name_that_the_logs_have_already_is_not_given_again(logs: Any) -> None:
    response = refused("MalformedQueryException", start, logs=logs, query="parse @message 'level*' as level")
    assert response["queryCompileError"]["message"] == "Ephemeral field is already defined: level"


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("ResourceNotFoundException", {"logGroupName": "/aws/lambda/none"}),
        ("ResourceNotFoundException", {"logGroupNames": [API, "/aws/lambda/none"], "logGroupName": ""}),
        ("ResourceNotFoundException", {"queryString": 'SOURCE logGroups(namePrefix: ["/none"])', "logGroupName": ""}),
        ("InvalidParameterException", {"logGroupNames": [API]}),
        ("InvalidParameterException", {"queryString": "SOURCE logGroups() | limit 1"}),
        ("InvalidParameterException", {"logGroupName": ""}),
        ("InvalidParameterException", {"startTime": int(NOW) + 1}),
        ("InvalidParameterException", {"queryLanguage": "SQL"}),
        ("InvalidParameterException", {"limit": 100_001}),
        ("InvalidParameterException", {"logGroupNames": [f"/g/{number}" for number in range(51)], "logGroupName": ""}),
        ("InvalidParameterException",
         {"logGroupIdentifiers": [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{API}:*"], "logGroupName": ""}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(logs: Any, code: str, given: Any) -> None:
    asked = {**EVERY, "logGroupName": API, "queryString": "limit 1", **given}
    asked = {name: value for name, value in asked.items() if value != ""}
    refused(code, lambda **some: logs.start_query(**some), **asked)


def test_so_many_starts_a_second(logs: Any, wall: Wall) -> None:
    for _ in range(A_SECOND):
        start(logs, "limit 1")
    refused("ThrottlingException", start, logs=logs, query="limit 1")
    wall.at += 1.01
    start(logs, "limit 1")


def test_so_many_queries_at_once(client: Any, wall: Wall) -> None:
    for backend in get_backend("logs")[ACCOUNT].values():
        backend.reset()
    with Querying(wall, takes=(1.0, 60.0)).plugged():
        client.create_log_group(logGroupName=API)
        started = []
        for _ in range(AT_ONCE):
            started.append(start(client, "limit 1"))
            wall.at += 0.11
        refused("LimitExceededException", start, logs=client, query="limit 1")
        wall.at += 1
        assert client.stop_query(queryId=started[-1]) == {"success": True, "ResponseMetadata": ANY}
        start(client, "limit 1")


def test_a_query_is_stopped_once(logs: Any, wall: Wall) -> None:
    started = start(logs, "limit 1")
    assert logs.stop_query(queryId=started)["success"]
    wall.at += 1
    answer = logs.get_query_results(queryId=started)
    assert (answer["status"], answer["results"]) == ("Cancelled", [])
    refused("InvalidParameterException", logs.stop_query, queryId=started)
    refused("ResourceNotFoundException", logs.stop_query, queryId="none")
    refused("ResourceNotFoundException", logs.get_query_results, queryId="none")


def test_queries_are_listed_the_latest_first(logs: Any, wall: Wall) -> None:
    first = start(logs, "limit 1")
    wall.at += 1
    second = start(logs, "limit 2", logGroupName=JOBS)
    found = logs.describe_queries()["queries"]
    assert [(one["queryId"], one["status"], one["logGroupName"], one["queryString"]) for one in found] == [
        (second, "Scheduled", JOBS, "limit 2"),
        (first, "Complete", API, "limit 1"),
    ]
    assert [one["queryId"] for one in logs.describe_queries(logGroupName=API)["queries"]] == [first]
    assert [one["queryId"] for one in logs.describe_queries(status="Scheduled")["queries"]] == [second]
    page = logs.describe_queries(maxResults=1)
    assert [one["queryId"] for one in page["queries"]] == [second]
    assert [one["queryId"] for one in logs.describe_queries(nextToken=page["nextToken"])["queries"]] == [first]
    assert logs.list_log_groups_for_query(queryId=second)["logGroupIdentifiers"] == [JOBS]


def test_moto_is_left_as_it_was() -> None:
    before = dict(vars(LogsResponse))
    with Querying().plugged():
        assert dict(vars(LogsResponse)) != before
    assert dict(vars(LogsResponse)) == before
