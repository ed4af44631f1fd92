"""`query` at the terminal: a table for people, JSON for programs, and what ends without an answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from local.querying import Querying
from tests.cli.terminal import Terminal
from tests.insights import lines

SHOP = """
[[services]]
name = "shop"
entry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188" }
logs = { app = ["/ecs/shop"] }
objectives = []
"""
TOP = ("query", "errors-top", "--service", "shop")


@pytest.fixture
def asking(terminal: Terminal) -> Iterator[Terminal]:
    """A terminal where the service shop has logged two errors a minute ago."""
    # moto takes no lines of another day.
    terminal.account.clock.at = float(int(time.time()))
    logs = terminal.account.client("logs")
    logs.create_log_group(logGroupName="/ecs/shop")
    logs.create_log_stream(logGroupName="/ecs/shop", logStreamName="one")
    at = int((terminal.account.clock() - 60) * 1000)
    told = json.dumps(lines.powertools("ERROR", "card \u001b[31mdeclined", xray_trace_id="1-a"))
    logs.put_log_events(
        logGroupName="/ecs/shop", logStreamName="one", logEvents=[{"timestamp": at, "message": told}] * 2
    )
    terminal.settings(SHOP)
    with Querying(terminal.account.clock).plugged():
        yield terminal


def test_lists_what_can_be_asked(terminal: Terminal) -> None:
    said = terminal.out("query")
    assert "errors-top     Top error messages                   app" in said
    assert "slower_than=1s top=25" in said
    assert "request=… top=200" in said
    assert "[resource=…] [actor=…] top=50" in said
    assert len(terminal.json("query")["queries"]) == 13


def test_prints_an_answer_and_what_it_cost(asking: Terminal) -> None:
    heading, row, _, cost = asking.out(*TOP).splitlines()
    assert heading.split() == ["ERROR", "TIMES", "REQUESTS", "FIRST", "LAST", "WITHOUT", "AN", "ID"]
    # What somebody logs cannot colour a terminal.
    assert row.startswith("card \N{REPLACEMENT CHARACTER}[31mdeclined  2      1         2")
    assert re.fullmatch(r"1 row; \d+ B read in 1 log group, less than \$0\.01\.", cost)


def test_prints_json(asking: Terminal) -> None:
    found = asking.json(*TOP, "top=3", "--since", "30m")
    assert (found["query"], found["groups"], found["cut"]) == ("errors-top", ["/ecs/shop"], False)
    [row] = found["rows"]
    assert (row["error_text"], row["times_seen"]) == ("card \u001b[31mdeclined", 2)
    assert found["text"].endswith("| limit 3")
    assert found["statistics"]["matched"] == 2
    assert set(found["cost"]) == {"bytes_scanned", "usd"}


def test_of_nothing_says_so(asking: Terminal) -> None:
    assert asking.out(*TOP, "--since", "30s").startswith("Nothing: no line in that window fits.\n")


def test_says_that_its_own_limit_may_have_cut_it(asking: Terminal) -> None:
    assert "\n1 row, there may be more; " in asking.out(*TOP, "top=1")
    assert "\n1 row; " in asking.out(*TOP, "top=2")
    typed = ("query", "--group", "/ecs/shop", "--text")
    assert "\n1 row, there may be more; " in asking.out(*typed, "fields level | limit 1")
    assert "\n2 rows; " in asking.out(*typed, "fields level")


def test_tells_who_deleted_as_people_know_them(asking: Terminal) -> None:
    logs = asking.account.client("logs")
    logs.create_log_group(logGroupName="/trail")
    logs.create_log_stream(logGroupName="/trail", logStreamName="one")
    agent = f"Boto3/1.40.0 md/Botocore#1.40.0 {'lang/python#3.11 ' * 9}Botocore/1.40.0"
    told = lines.call("DeleteSecurityGroup", "deploy", groupId="sg-0a1b") | {"userAgent": agent}
    at = int((asking.account.clock() - 60) * 1000)
    logs.put_log_events(
        logGroupName="/trail", logStreamName="one", logEvents=[{"timestamp": at, "message": json.dumps(told)}]
    )
    asked = ("query", "who-deleted", "--group", "/trail")
    row = asking.out(*asked).splitlines()[1]
    assert re.search(r"  ada as deploy  deploy  198\.51\.100\.7  boto3  –  ", row)
    assert asking.json(*asked)["rows"][0]["userAgent"] == agent


def test_takes_a_query_that_somebody_typed(asking: Terminal) -> None:
    found = asking.json("query", "--text", "stats count(*) as n", "--group", "/ecs/*")
    assert (found["query"], found["rows"]) == (None, [{"n": "2"}])


@pytest.mark.parametrize(
    ("code", "arguments", "said"),
    [
        (2, ("query", "error-top"), "did you mean 'errors-top'"),
        (2, ("query", "errors-top", "--service", "shup"), "parapet.toml ([[services]]); did you mean 'shop'?"),
        (2, (*TOP, "top=0"), "top: '0' is not a whole number"),
        (2, (*TOP, "top"), "'top' is not written as a parameter: slower_than=2s"),
        (2, (*TOP, "top=1", "top=2"), "top is given twice"),
        (2, (*TOP, "--text", "fields @message"), "give one of: NAME, --text"),
        (2, ("query", "errors-top", "--group", "/nowhere"), "there is no log group /nowhere"),
        (2, ("query", "--text", "filtr x", "--group", "/ecs/shop"), "does not understand the query"),
    ],
)
def test_that_cannot_be_says_what_to_mend(asking: Terminal, code: int, arguments: tuple[str, ...], said: str) -> None:
    assert said in asking.fails(code, *arguments)


def test_that_would_read_too_much_is_refused(asking: Terminal) -> None:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.logs.models import logs_backends

    stream = logs_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].groups["/ecs/shop"].streams["one"]
    stream.stored_bytes = 60 * 1024**3
    assert "or insist (--force)" in asking.fails(1, *TOP)
    assert "declined" in asking.out(*TOP, "--force")


def test_whoever_stops_waiting_cancels_it(asking: Terminal) -> None:
    logs = asking.account.client("logs")
    said = asking.run(*TOP, "--wait", "1s", sleep=asking.account.clock.forward)
    assert said.exit_code == 0
    with Querying(asking.account.clock, takes=(1.0, 1e6)).plugged():
        said = asking.run(*TOP, "--wait", "1s")
        assert (said.exit_code, "the query is cancelled" in said.stderr) == (3, True)

        def interrupted(seconds: float) -> None:
            raise KeyboardInterrupt

        assert asking.run(*TOP, sleep=interrupted).exit_code == 1
        assert [one["status"] for one in logs.describe_queries()["queries"][:2]] == ["Cancelled", "Cancelled"]


def test_that_somebody_else_cancels_ends(asking: Terminal) -> None:
    logs = asking.account.client("logs")

    def cancelled(seconds: float) -> None:
        for one in logs.describe_queries(status="Scheduled")["queries"]:
            logs.stop_query(queryId=one["queryId"])

    said = asking.run(*TOP, sleep=cancelled)
    assert (said.exit_code, "somebody has cancelled it" in said.stderr) == (1, True)
