"""Queries over HTTP: started, looked at, cancelled, by those who may; run by the local Logs Insights."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.insights import plan, running
from local.querying import Querying
from tests.api.client import Api, event
from tests.insights import lines

SHOP = """
[[services]]
name = "shop"
entry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188" }
logs = { app = ["/ecs/shop"], alb = ["/alb/shop"] }
objectives = []

[[services]]
name = "quiet"
entry = { kind = "alb", load_balancer = "app/quiet/50dc6c495c0c9188" }
objectives = []
"""
GIGABYTE = 1024**3


class Desk:
    """The API of somebody whose services log."""

    def __init__(self, api: Api, file: Path) -> None:
        self.api, self.account, self._file = api, api.account, file
        # moto takes no lines of another day.
        self.account.clock.at = float(int(time.time()))
        self.logs = self.account.client("logs")
        for group in ("/ecs/shop", "/alb/shop"):
            self.logs.create_log_group(logGroupName=group)
            self.logs.create_log_stream(logGroupName=group, logStreamName="one")

    def write(self, *messages: str | dict[str, Any], group: str = "/ecs/shop") -> None:
        """Write lines a minute ago."""
        at = int((self.account.clock() - 60) * 1000)
        texts = [one if isinstance(one, str) else json.dumps(one) for one in messages]
        self.logs.put_log_events(
            logGroupName=group, logStreamName="one", logEvents=[{"timestamp": at, "message": one} for one in texts]
        )

    def settings(self, more: str) -> None:
        """Put something more into the settings."""
        self._file.write_text(SHOP + more, "utf-8")

    def start(self, key: str = "", **body: Any) -> str:
        """Start a query that must be accepted; returns its id."""
        headers = {"Idempotency-Key": key} if key else {}
        status, document = self.api.call("POST", "/v1/queries", body=body, headers=headers)
        assert status == 202, document
        return str(document["id"])

    def started(self) -> list[Any]:
        """The queries that Logs Insights was asked to run."""
        return list(self.logs.describe_queries()["queries"])

    def declined(self, **body: Any) -> str:
        """Start a query that must be declined; returns what is said."""
        return self.api.error(400, "POST", "/v1/queries", body=body)

    def done(self, query: str, **asked: Any) -> Any:
        """Its answer, a second later."""
        self.account.clock.forward(1)
        return self.api.get(f"/v1/queries/{query}", **asked)


@pytest.fixture
def desk(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    file = tmp_path / "parapet.toml"
    file.write_text(SHOP, "utf-8")
    monkeypatch.setenv("PARAPET_SETTINGS", str(file))
    with Querying(api.account.clock).plugged():
        yield Desk(api, file)


def test_all_are_listed_with_what_they_take(desk: Desk) -> None:
    found = {one["id"]: one for one in desk.api.get("/v1/queries")["queries"]}
    assert len(found) == 13
    slow = found["lambda-slow"]
    assert slow["takes"][0] == {
        "name": "slower_than", "about": "how long is slow", "default": "1s", "needed": False, "type": "duration",
    }  # fmt: skip
    assert slow["columns"][3] == {"name": "took_ms", "title": "took", "type": "number", "unit": "ms"}
    assert (slow["logs"], slow["size"], slow["window_seconds"]) == (["lambda"], "small", 3600)


class TestANamedOne:
    def test_is_started_looked_at_and_read(self, desk: Desk) -> None:
        desk.write(
            *[lines.powertools("ERROR", "card declined", xray_trace_id="1-a")] * 2, lines.powertools("INFO", "ok")
        )
        raw = event(
            "POST", "/v1/queries", {}, json.dumps({"query": "errors-top", "service": "shop"}), at=desk.account.clock()
        )
        response = desk.api.respond(raw)
        begun = json.loads(response["body"])
        assert response["statusCode"] == 202
        assert response["headers"]["Location"] == f"/api/v1/queries/{begun['id']}"
        assert (begun["status"], begun["query"], begun["groups"], begun["who"]) == (
            "running", "errors-top", ["/ecs/shop"], "alice",
        )  # fmt: skip
        # What is stored came within the hour.
        assert begun["estimate"]["bytes_scanned"] > 0

        first = desk.api.get(f"/v1/queries/{begun['id']}")
        assert (first["status"], first["rows"]) == ("running", [])
        found = desk.done(begun["id"])
        assert found["status"] == "complete"
        [row] = found["rows"]
        assert (row["error_text"], row["times_seen"], row["requests_hit"]) == ("card declined", 2, 1)
        assert row["first_seen"].endswith(".000Z")
        assert [one["name"] for one in found["columns"]] == list(row)
        assert found["statistics"]["matched"] == 2
        assert found["cost"]["bytes_scanned"] == found["statistics"]["bytes"] > 100
        assert 0 <= found["cost"]["usd"] < 1e-5

    def test_may_find_nothing(self, desk: Desk) -> None:
        found = desk.done(desk.start(query="errors-top", service="shop"))
        assert (found["status"], found["rows"], found["after"]) == ("complete", [], None)

    def test_takes_its_parameters_and_its_window(self, desk: Desk) -> None:
        desk.write("ERROR one", "ERROR two", "ERROR three")
        query = desk.start(query="errors-top", groups="/ecs/*", top="2", since="30m", until="30s")
        found = desk.done(query)
        assert len(found["rows"]) == 2
        assert "| limit 2" in found["text"]
        assert desk.done(desk.start(query="errors-top", groups="/ecs/shop", since="30s"))["rows"] == []

    @pytest.mark.parametrize("more", [{"top": 2}, {"parameters": {"top": 2}}, {"parameters": {"top": "2"}}])
    def test_takes_numbers_and_an_object_of_parameters(self, desk: Desk, more: dict[str, Any]) -> None:
        found = desk.done(desk.start(query="errors-top", service="shop", force=False, **more))
        assert "| limit 2" in found["text"]

    def test_of_all_services_reads_those_that_tell_where(self, desk: Desk) -> None:
        found = desk.done(desk.start(query="alb-failing"))
        assert found["groups"] == ["/alb/shop"]

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({}, "give one of: query"),
            ({"query": "errors-top", "text": "fields @message"}, "give one of: query"),
            ({"query": "error-top"}, "did you mean 'errors-top'"),
            ({"query": "errors-top", "service": "shp"}, "there is no service 'shp'"),
            ({"query": "errors-top", "service": "shop", "groups": "/ecs/shop"}, "give one of: log groups, a tag"),
            ({"query": "errors-top", "groups": "/nowhere"}, "there is no log group /nowhere in eu-west-1"),
            ({"query": "errors-top", "service": "quiet"}, 'logs = { app = ["/a/log-group"] }'),
            ({"query": "errors-top", "tag": "team=shop"}, "no log group in eu-west-1 has the tag team=shop"),
            ({"query": "vpc-rejects"}, "no flow logs of a VPC in eu-west-1"),
            ({"query": "who-deleted"}, "no trail of CloudTrail in eu-west-1"),
            ({"query": "who-deleted", "service": "shop"}, "are the account's, not a service's"),
            ({"query": "errors-top", "service": "shop", "top": "0"}, "top: '0' is not a whole number from 1 to 1000"),
            ({"query": "errors-top", "service": "shop", "slower_than": "1s"}, "'slower_than' is not a parameter"),
            ({"query": "errors-top", "service": "shop", "limit": "1"}, "knows no field 'limit'"),
            ({"query": "errors-top", "service": "shop", "top": 0}, "top: '0' is not a whole number from 1 to 1000"),
            ({"query": "errors-top", "service": "shop", "top": 2.5}, "top: '2.5' is not a whole number"),
            ({"query": "errors-top", "service": "shop", "top": True}, "top: 'true' is not a whole number"),
            ({"query": "errors-top", "service": "shop", "top": [3]}, "top must be a text"),
            ({"query": "errors-top", "service": 3}, "service must be a text"),
            ({"query": "errors-top", "parameters": 3}, 'parameters must be a JSON object such as {"top": 15}'),
            ({"query": "errors-top", "parameters": {"tp": 3}}, "no field of parameters 'tp'; did you mean 'top'"),
            ({"query": "errors-top", "parameters": {"force": True}}, "no field of parameters 'force'"),
            ({"query": "errors-top", "top": 3, "parameters": {"top": 3}}, "top is given twice"),
            ({"query": "trace", "service": "shop"}, "request is missing"),
            ({"query": "trace", "service": "shop", "request": 'a"| limit 1'}, "limit 1' is not a request's"),
            ({"query": "errors-top", "service": "shop", "since": "8d"}, "looks back 168 hours at the most"),
            ({"query": "errors-top", "service": "shop", "since": "1h", "until": "2h"}, "ends before it begins"),
            ({"query": "errors-top", "service": "shop", "since": "soon"}, "since: 'soon' is not a duration"),
        ],
    )  # fmt: skip
    def test_that_cannot_be_says_what_to_mend(self, desk: Desk, body: dict[str, Any], said: str) -> None:
        assert said in desk.declined(**body)
        assert desk.started() == []


class TestTheBudget:
    def swell(self, desk: Desk, size: int, hours: float) -> None:
        """Have a log group store much of some hours, as AWS counts."""
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.logs.models import logs_backends

        group = logs_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].groups["/ecs/shop"]
        group.streams["one"].stored_bytes = size
        group.creation_time -= timedelta(hours=hours)

    def test_refuses_what_would_read_more(self, desk: Desk) -> None:
        self.swell(desk, 120 * GIGABYTE, 2)
        said = desk.declined(query="errors-top", service="shop")
        assert "this would read about 60.0 GB for about $0.30" in said
        assert "lets one query read 20 GB" in said
        assert desk.started() == []

    def test_counts_what_is_compared_with_twice(self, desk: Desk) -> None:
        self.swell(desk, 18 * GIGABYTE, 2)
        desk.settings("[insights]\nbudget_gb = 17\n")
        desk.start(query="errors-top", service="shop")
        assert "lets one query read 17 GB" in desk.declined(query="errors-new", service="shop")

    def test_yields_to_who_insists(self, desk: Desk) -> None:
        self.swell(desk, 120 * GIGABYTE, 2)
        begun = desk.start(query="errors-top", service="shop", force="true")
        assert desk.done(begun)["status"] == "complete"

    def test_yields_to_nobody_above_its_limit(self, desk: Desk) -> None:
        self.swell(desk, 1200 * GIGABYTE, 2)
        said = desk.declined(query="errors-top", service="shop", force="true")
        assert "force_gb in parapet.toml lets nobody read more than 500 GB" in said
        assert "insist" not in desk.declined(query="errors-top", service="shop")
        assert desk.started() == []
        desk.settings("[insights]\nbudget_gb = 700\n")
        desk.start(query="errors-top", service="shop")


class TestOneThatSomebodyTyped:
    def test_is_run(self, desk: Desk) -> None:
        desk.write("ERROR one", "fine")
        found = desk.done(desk.start(text="filter @message like /ERROR/ | fields @message", groups="/ecs/shop"))
        assert (found["query"], found["rows"]) == (None, [{"@message": "ERROR one"}])
        assert found["columns"] == [{"name": "@message", "title": "@message", "type": "text", "unit": None}]

    def test_that_is_no_query_is_declined_in_aws_s_words(self, desk: Desk) -> None:
        said = desk.declined(text="filtr @message", groups="/ecs/shop")
        assert "Logs Insights does not understand the query" in said

    def test_takes_no_parameters(self, desk: Desk) -> None:
        said = desk.declined(text="fields @message", groups="/ecs/shop", top="5")
        assert "top: only a named query takes parameters" in said


class TestAskingTwice:
    BODY = {"query": "errors-top", "service": "shop"}  # noqa: RUF012

    def test_with_a_key_is_asking_once(self, desk: Desk) -> None:
        first = desk.start("k1", **self.BODY)
        assert desk.start("k1", **self.BODY) == first
        assert len(desk.started()) == 1
        assert desk.start("k2", **self.BODY) != first

    def test_for_something_else_is_declined(self, desk: Desk) -> None:
        desk.start("k1", **self.BODY)
        status, document = desk.api.call(
            "POST", "/v1/queries", body={**self.BODY, "top": "7"}, headers={"Idempotency-Key": "k1"}
        )
        assert (status, "used for another request" in document["detail"]) == (409, True)

    def test_at_the_same_moment_leaves_one(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both see that there is none yet; whoever comes second cancels its own."""
        start = running.start
        begun: list[str] = []

        def racing(*given: Any, **more: Any) -> Any:
            if not begun:
                begun.append("")
                begun[0] = desk.start("k1", **self.BODY)
            return start(*given, **more)

        monkeypatch.setattr(running, "start", racing)
        assert desk.start("k1", **self.BODY) == begun[0]
        assert sorted(one["status"] for one in desk.started()) == ["Cancelled", "Scheduled"]


class TestReading:
    def test_goes_on_where_the_page_before_ended(self, desk: Desk) -> None:
        desk.write(*[f"ERROR number {chr(97 + number)}" for number in range(5)])
        query = desk.start(query="errors-top", service="shop", top="5")
        pages, after = [], "0"
        desk.account.clock.forward(1)
        while after:
            page = desk.api.get(f"/v1/queries/{query}", limit="2", after=after)
            pages.append(len(page["rows"]))
            after = page["after"]
        assert pages == [2, 2, 1]

    def test_wants_what_an_answer_had(self, desk: Desk) -> None:
        query = desk.start(query="errors-top", service="shop")
        assert "after: 'x' is not what" in desk.api.error(400, "GET", f"/v1/queries/{query}", {"after": "x"})

    def test_what_others_ask_is_not_possible(self, desk: Desk) -> None:
        """Whoever knows the id of a query that was started elsewhere, in the console, gets nothing."""
        other = desk.logs.start_query(
            logGroupNames=["/ecs/shop"], startTime=0, endTime=int(desk.account.clock()), queryString="fields @message"
        )["queryId"]
        for method in ("GET", "DELETE"):
            assert "there is no query" in desk.api.error(404, method, f"/v1/queries/{other}")
        assert desk.started()[0]["status"] == "Scheduled"

    def test_what_logs_insights_forgot_is_not_possible(self, desk: Desk) -> None:
        query = desk.start(query="errors-top", service="shop")
        with Querying(desk.account.clock).plugged() as anew:
            assert anew
            from moto.core.models import DEFAULT_ACCOUNT_ID
            from moto.logs.models import logs_backends

            vars(logs_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"]).pop("insights")
            assert "keeps them for seven days" in desk.api.error(404, "GET", f"/v1/queries/{query}")


class TestCancelling:
    def test_stops_it(self, desk: Desk) -> None:
        query = desk.start(query="errors-top", service="shop")
        status, document = desk.api.call("DELETE", f"/v1/queries/{query}")
        assert (status, document) == (200, {"id": query, "cancelled": True})
        found = desk.done(query)
        assert (found["status"], found["rows"]) == ("cancelled", [])
        assert "somebody has cancelled it" in found["reason"]

    def test_what_is_over_changes_nothing(self, desk: Desk) -> None:
        query = desk.start(query="errors-top", service="shop")
        desk.done(query)
        assert desk.api.call("DELETE", f"/v1/queries/{query}")[1] == {"id": query, "cancelled": False}
        assert desk.done(query)["status"] == "complete"


def test_reading_alone_lets_nobody_spend(desk: Desk) -> None:
    body = {"query": "errors-top", "service": "shop"}
    assert "its scope is 'read'" in desk.api.error(403, "POST", "/v1/queries", body=body, scope="read")
    query = desk.start(**body)
    assert desk.api.call("GET", f"/v1/queries/{query}", scope="read")[0] == 200
    assert desk.api.call("DELETE", f"/v1/queries/{query}", scope="read")[0] == 403


def test_too_many_at_once_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PAUSES", (0.0,))
    for _ in range(10):
        desk.logs.start_query(logGroupNames=["/ecs/shop"], startTime=0, endTime=1, queryString="fields @message")
    said = desk.api.error(503, "POST", "/v1/queries", body={"query": "errors-top", "service": "shop"})
    assert "too many queries of Logs Insights run in eu-west-1" in said


def test_a_log_group_that_goes_meanwhile_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan.of

    def going(*given: Any, **more: Any) -> Any:
        found = planned(*given, **more)
        desk.logs.delete_log_group(logGroupName="/ecs/shop")
        return found

    monkeypatch.setattr(plan, "of", going)
    said = desk.api.error(503, "POST", "/v1/queries", body={"query": "errors-top", "service": "shop"})
    assert "logs:StartQuery answered ResourceNotFoundException" in said
    assert "/ecs/shop" in said
