"""Reports over HTTP: which there are, how they went, and one that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.insights.model import Column
from chalicelib.reports.book import Book
from chalicelib.reports.model import Outcome, Run
from tests.account import TABLE, TestAccount
from tests.api import watched
from tests.api.client import Api
from tests.functions.test_reports import REPORTS
from tests.samples import REGION


@contextmanager
def reporting(account: TestAccount, patch: pytest.MonkeyPatch, folder: Path) -> Iterator[Api]:
    """The API of somebody who has reports."""
    file = folder / "parapet.toml"
    file.write_text(watched.SERVICES + REPORTS, "utf-8")
    for name, value in {
        "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_SETTINGS": str(file),
    }.items():  # fmt: skip
        patch.setenv(name, value)
    before = list(wiring._given)
    wiring.use(account.functions)
    yield Api(account)
    wiring._given[:] = before


@pytest.fixture
def office(account: TestAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    with reporting(account, monkeypatch, tmp_path) as api:
        yield api


def play(account: TestAccount) -> None:
    """Look at all of them, at one, and ask for it."""
    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory() as folder,
        reporting(account, patch, Path(folder)) as api,
    ):
        api.get("/v1/reports")
        assert api.call("POST", "/v1/reports/shop-errors/run")[0] == 202
        assert api.get("/v1/reports/shop-errors")["report"]["asked"]["status"] == "asked"
        assert api.call("DELETE", "/v1/reports/shop-errors/run")[0] == 200


def went(account: TestAccount, name: str = "shop-errors") -> Run:
    """A run of the schedule that is over, with a row."""
    book, at = Book(account.ours, TABLE), account.clock()
    run = book.begin(Run(name, "2026-11-18T11:06:00Z", at - 60, "starting", at - 60, tries=1), at + 9e6)
    outcome = Outcome(
        run.slot, (Column("name", "name"), Column("n", "times", "number")), (("timeout", 4.0),), 1, bytes=1024.0,
        at=run.at,
    )  # fmt: skip
    done = book.finish(replace(run, status="done"), outcome, at + 9e6)
    return book.move(replace(done, status="told"), at + 9e6)


def test_lists_them(office: Api) -> None:
    went(office.account)
    found = office.get("/v1/reports")
    assert [one["name"] for one in found["reports"]] == ["changes", "rejects", "shop-errors", "team"]
    assert found["after"] is None
    shop = found["reports"][2]
    assert (shop["query"], shop["service"], shop["schedule"]) == ("errors-top", "shop", "rate(1 minute)")
    assert (shop["slack"], shop["s3"]) == ("#shop", "s3://acme-reports/logs/")
    assert (shop["last"]["status"], shop["last"]["over"], shop["asked"]) == ("told", True, None)
    assert shop["next"] > shop["last"]["at"]
    assert found["reports"][0]["last"] is None


def test_lists_them_in_pages(office: Api) -> None:
    first = office.get("/v1/reports", limit="3")
    rest = office.get("/v1/reports", limit="3", after=first["after"])
    assert [one["name"] for one in (*first["reports"], *rest["reports"])] == [
        "changes",
        "rejects",
        "shop-errors",
        "team",
    ]
    assert "is not what an answer" in office.error(400, "GET", "/v1/reports", query={"after": "nothing"})


def test_tells_what_came_out(office: Api) -> None:
    went(office.account)
    found = office.get("/v1/reports/shop-errors")
    assert found["result"]["rows"] == [{"name": "timeout", "n": 4}]
    assert (found["result"]["total"], found["result"]["cost"]["bytes_scanned"]) == (1, 1024)
    assert (found["result"]["at"], found["result"]["who"]) == (found["report"]["last"]["at"], None)
    assert found["asked_result"] is None
    assert office.get("/v1/reports/team")["result"] is None


def answered(account: TestAccount, name: str = "shop-errors", **how: Any) -> Run:
    """The run that somebody has asked for, over, with a row."""
    book, at = Book(account.ours, TABLE), account.clock() + 9e6
    asked = book.asked(name)
    assert asked is not None
    asked = replace(asked, status="done", **how)
    outcome = Outcome(
        asked.slot, (Column("n", "times", "number"),), ((7.0,),), 1, at=asked.at, who=asked.who, stored=asked.stored
    )
    return book.move(replace(book.finish(asked, outcome, at), status="told"), at)


def test_the_rows_of_who_asked_last_stay_until_there_are_others(office: Api) -> None:
    went(office.account)
    office.call("POST", "/v1/reports/shop-errors/run")
    answered(office.account)
    there = office.get("/v1/reports/shop-errors")["asked_result"]
    assert (there["rows"], there["who"]) == ([{"n": 7}], "alice")
    office.call("POST", "/v1/reports/shop-errors/run")
    assert office.get("/v1/reports/shop-errors")["asked_result"] == there
    office.call("DELETE", "/v1/reports/shop-errors/run")
    found = office.get("/v1/reports/shop-errors")
    assert (found["report"]["asked"]["status"], found["asked_result"]) == ("cancelled", there)
    assert found["asked_result"]["run"] != found["report"]["asked"]["run"]


def test_asks_for_one(office: Api) -> None:
    status, run = office.call("POST", "/v1/reports/shop-errors/run", headers={"Idempotency-Key": "one"})
    assert status == 202
    assert (run["status"], run["over"], run["who"]) == ("asked", False, "alice")
    again = office.call("POST", "/v1/reports/shop-errors/run", headers={"Idempotency-Key": "one"})
    assert again == (202, run)
    assert "is asked for already, and under way since" in office.error(409, "POST", "/v1/reports/shop-errors/run")
    assert office.get("/v1/reports/shop-errors")["report"]["asked"] == run


def test_cancels_one(office: Api) -> None:
    assert "nobody has asked for a run of shop-errors" in office.error(409, "DELETE", "/v1/reports/shop-errors/run")
    office.call("POST", "/v1/reports/shop-errors/run")
    status, run = office.call("DELETE", "/v1/reports/shop-errors/run")
    assert (status, run["status"], run["over"], run["why"]) == (200, "cancelled", True, "alice has cancelled it")
    assert office.get("/v1/reports/shop-errors")["report"]["asked"] == run
    assert "the last one is cancelled since" in office.error(409, "DELETE", "/v1/reports/shop-errors/run")
    office.error(404, "DELETE", "/v1/reports/nothing/run")


def test_knows_no_other(office: Api) -> None:
    said = office.error(404, "GET", "/v1/reports/shop-eror")
    assert said.startswith("there is no report 'shop-eror'; did you mean 'shop-errors'?")
    office.error(404, "POST", "/v1/reports/nothing/run")
