"""Reports at a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.insights.model import Column
from chalicelib.reports.book import Book
from chalicelib.reports.model import Outcome
from tests.account import TABLE
from tests.api import watched
from tests.api.test_reports import answered, went
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


def test_says_whose_own_query_cannot_be_run(terminal: Terminal) -> None:
    own = '[[reports]]\nname = "{}"\ntext = "{}"\nschedule = "rate(1 day)"\ngroups = ["/ecs/shop"]\n'
    terminal.settings(own.format("well", "fields @message") + own.format("typo", "feilds @message"))
    last = terminal.out("report", "list").splitlines()[-1]
    assert last.startswith("Cannot run: parapet.toml: text of report typo is no query of Logs Insights: ")
    terminal.settings(own.format("well", "fields @message"))
    assert "Cannot run" not in terminal.out("report", "list")


def test_shows_the_latest_rows(terminal: Terminal) -> None:
    went(terminal.account)
    told = terminal.out("report", "show", "shop-errors")
    assert "timeout  4" in told
    assert "Rows of the schedule's run, up to 2026-" in told
    assert "\n1 row; 1.0 kB read, less than $0.01." in told
    assert terminal.json("report", "show", "shop-errors")["result"]["total"] == 1


def test_shows_the_rows_that_came_after_nobody_waited_any_longer(terminal: Terminal) -> None:
    went(terminal.account)
    said = terminal.fails(3, "report", "run", "shop-errors", "--wait", "1s")
    assert said.endswith("./parapet report show shop-errors")
    answered(terminal.account, stored=STORED)

    def shows() -> None:
        told = terminal.out("report", "show", "shop-errors")
        assert "Rows of the run that moto has asked for, up to 2026-" in told
        assert f"\nTIMES\n7\n1 row; 0 B read, less than $0.01.\nAll rows: {STORED}\n" in re.sub(" +\n", "\n", told)
        found = terminal.json("report", "show", "shop-errors")
        assert (found["asked_result"]["rows"], found["result"]["rows"]) == ([{"n": 7}], [{"name": "timeout", "n": 4}])

    shows()
    terminal.account.clock.forward(60)
    terminal.fails(3, "report", "run", "shop-errors", "--wait", "1s")
    shows()
    terminal.out("report", "cancel", "shop-errors")
    assert "cancelled, 2026-" in terminal.out("report", "show", "shop-errors")
    shows()


def test_of_both_the_later_rows_are_shown(terminal: Terminal) -> None:
    terminal.fails(3, "report", "run", "shop-errors", "--wait", "1s")
    answered(terminal.account)
    terminal.account.clock.forward(600)
    went(terminal.account)
    assert "Rows of the schedule's run, up to 2026-" in terminal.out("report", "show", "shop-errors")


def test_says_why_the_rows_are_not_in_s3(terminal: Terminal) -> None:
    run, at = went(terminal.account), terminal.account.clock() + 9e6
    Book(terminal.account.ours, TABLE).move(replace(run, status="quiet", unstored="there is no bucket"), at)
    listed, shown = (" ".join(terminal.out("report", *one).split()) for one in (("list",), ("show", "shop-errors")))
    assert "; not in S3: there is no bucket" in listed
    assert "; not in S3: there is no bucket" in shown
    assert terminal.json("report", "list")["reports"][0]["last"]["not_in_s3"] == "there is no bucket"


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

    def storing(**where: str) -> Callable[[float], None]:
        def sleep(_seconds: float) -> None:
            if (asked := book.asked("shop-errors")) and not asked.over:
                outcome = Outcome(
                    asked.slot, (Column("n", "times", "number"),), ((4.0,),), 1, stored=where.get("stored", "")
                )
                done = book.finish(replace(asked, status="done", **where), outcome, at)  # type: ignore[arg-type]
                book.move(replace(done, status="told"), at)

        return sleep

    said = terminal.run("report", "run", "shop-errors", sleep=storing(stored=STORED)).stdout
    assert said.endswith(f"All rows: {STORED}\n")
    said = terminal.run("report", "run", "shop-errors", sleep=storing(unstored="there is no bucket")).stdout
    assert said.endswith("Not in S3: there is no bucket\n")


def test_tells_a_person_what_is_waited_for(terminal: Terminal) -> None:
    terminal.person = True
    result = terminal.run("report", "run", "shop-errors", "--wait", "2m", sleep=answering(terminal, "told"))
    assert (result.exit_code, result.stderr) == (
        0,
        "Asked: it begins within a minute, and is waited for, 2m at most.\n",
    )


def test_one_that_fails(terminal: Terminal) -> None:
    result = terminal.run("report", "run", "shop-errors", sleep=answering(terminal, "failed"))
    assert (result.exit_code, result.stderr) == (1, "parapet: no log group\n")


def test_nobody_answers(terminal: Terminal) -> None:
    said = terminal.fails(3, "report", "run", "shop-errors", "--wait", "10s")
    assert "shop-errors is asked after 10s; it stays asked and may still be run" in said
    assert "is asked for already, and under way" in terminal.fails(1, "report", "run", "shop-errors")


def test_cancels_one(terminal: Terminal) -> None:
    assert "nobody has asked for a run of shop-errors" in terminal.fails(1, "report", "cancel", "shop-errors")
    terminal.fails(3, "report", "run", "shop-errors", "--wait", "1s")
    said = terminal.out("report", "cancel", "shop-errors")
    assert said.startswith("Cancelled: the run of shop-errors that moto has asked for at 2026-")
    assert "cancelled, 2026-" in terminal.out("report", "list")
    terminal.fails(3, "report", "run", "shop-errors", "--wait", "1s")
    assert terminal.json("report", "cancel", "shop-errors")["run"]["status"] == "cancelled"


def test_whoever_waits_for_one_that_is_cancelled_is_told(terminal: Terminal) -> None:
    result = terminal.run("report", "run", "shop-errors", sleep=answering(terminal, "cancelled"))
    assert (result.exit_code, result.stderr) == (1, "parapet: no log group\n")


def test_knows_no_other(terminal: Terminal) -> None:
    assert "did you mean 'shop-errors'?" in terminal.fails(2, "report", "run", "shop-eror")


@pytest.mark.parametrize(("arguments", "said"), [(("list", "x"), "takes no name"), (("run",), "needs a report's name")])
def test_names(terminal: Terminal, arguments: tuple[str, ...], said: str) -> None:
    assert said in terminal.fails(2, "report", *arguments)
