"""Reports at a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.insights.model import Column
from chalicelib.reports.book import Book
from chalicelib.reports.model import Outcome
from tests.account import TABLE
from tests.api import watched
from tests.api.test_reports import went
from tests.cli.terminal import Terminal
from tests.functions.test_reports import REPORTS


@pytest.fixture(autouse=True)
def reports(terminal: Terminal) -> None:
    terminal.settings(watched.SERVICES + REPORTS)


def test_lists_them(terminal: Terminal) -> None:
    went(terminal.account)
    told = terminal.out("report", "list")
    assert "shop-errors  Top error messages, shop  rate(1 minute)" in told
    assert "told, 2026-" in told
    assert "none yet" in told
    assert [one["name"] for one in terminal.json("report", "list")["reports"]] == [
        "shop-errors", "team", "rejects", "changes"
    ]  # fmt: skip


def test_there_are_none(terminal: Terminal) -> None:
    terminal.settings("")
    assert terminal.out("report", "list").startswith("There are no reports: [[reports]] in parapet.toml")


def test_shows_the_latest_rows(terminal: Terminal) -> None:
    went(terminal.account)
    told = terminal.out("report", "show", "shop-errors")
    assert "timeout  4" in told
    assert "1 rows; 1.0 kB read, less than $0.01." in told
    assert terminal.json("report", "show", "shop-errors")["result"]["total"] == 1


def answering(terminal: Terminal, status: str) -> Callable[[float], None]:
    """Have the function answer while the terminal waits."""
    book = Book(terminal.account.ours, TABLE)

    def sleep(seconds: float) -> None:
        terminal.account.clock.forward(seconds)
        asked = book.asked("shop-errors")
        if asked and asked.status == "asked":
            book.move(replace(asked, status=status, why="no log group"), 9e10)  # type: ignore[arg-type]

    return sleep


def test_runs_one(terminal: Terminal) -> None:
    result = terminal.run("report", "run", "shop-errors", "--json", sleep=answering(terminal, "told"))
    assert (result.exit_code, json.loads(result.stdout)["run"]["status"]) == (0, "told")


STORED = "s3://acme-reports/logs/shop-errors/2026/11/18/2026-11-18T110600Z.csv"


def test_tells_where_the_rows_are(terminal: Terminal) -> None:
    run, at = went(terminal.account), terminal.account.clock() + 9e6
    book = Book(terminal.account.ours, TABLE)
    book.move(replace(run, stored=STORED), at)
    assert STORED in terminal.out("report", "list")
    assert f"File      {STORED}" in terminal.out("report", "show", "shop-errors")

    def storing(**where: str) -> Callable[[float], None]:
        def sleep(_seconds: float) -> None:
            if (asked := book.asked("shop-errors")) and not asked.over:
                outcome = Outcome(asked.slot, (Column("n", "times", "number"),), ((4.0,),), 1)
                done = book.finish(replace(asked, status="done", **where), outcome, at)  # type: ignore[arg-type]
                book.move(replace(done, status="told"), at)

        return sleep

    said = terminal.run("report", "run", "shop-errors", sleep=storing(stored=STORED)).stdout
    assert said.endswith(f"All rows: {STORED}\n")
    said = terminal.run("report", "run", "shop-errors", sleep=storing(unstored="there is no bucket")).stdout
    assert said.endswith("Not in S3: there is no bucket\n")


def test_one_that_fails(terminal: Terminal) -> None:
    result = terminal.run("report", "run", "shop-errors", sleep=answering(terminal, "failed"))
    assert (result.exit_code, result.stderr) == (1, "parapet: no log group\n")


def test_nobody_answers(terminal: Terminal) -> None:
    said = terminal.fails(3, "report", "run", "shop-errors", "--wait", "10s")
    assert "shop-errors is asked after 10s; it stays asked and may still be run" in said
    assert "is asked for already, and under way" in terminal.fails(1, "report", "run", "shop-errors")


def test_knows_no_other(terminal: Terminal) -> None:
    assert "did you mean 'shop-errors'?" in terminal.fails(2, "report", "run", "shop-eror")


@pytest.mark.parametrize(("arguments", "said"), [(("list", "x"), "takes no name"), (("run",), "needs a report's name")])
def test_names(terminal: Terminal, arguments: tuple[str, ...], said: str) -> None:
    assert said in terminal.fails(2, "report", *arguments)
