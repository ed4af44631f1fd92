"""What was put right, over HTTP: the latest first, and which of it can be taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.account import NOW
from tests.api.client import GUARDRAIL, Api
from tests.samples import ACCOUNT, REGION

DAY = 86_400.0


def ids(api: Api, **query: str) -> list[str]:
    return [one["id"] for one in api.get("/v1/remediations", **query)["remediations"]]


def test_say_what_was_put_right_where_and_who_did_it(api: Api) -> None:
    finding = api.breach()
    group = finding.violation.resource
    assert api.get("/v1/remediations") == {
        "remediations": [
            {
                "id": finding.id, "guardrail": GUARDRAIL, "account": ACCOUNT, "region": REGION, "resource": group,
                "part": finding.violation.part, "status": "fixed", "severity": "high",
                "why": f"{group} admits 0.0.0.0/0 to port 22", "who": "alice", "at": "2026-11-18T11:06:41Z",
                "undo": True,
            }
        ],
        "after": None,
    }  # fmt: skip


def test_that_were_taken_back_cannot_be_again(api: Api) -> None:
    finding = api.breach()
    assert api.account.undo(finding).answer == "undone"
    [one] = api.get("/v1/remediations")["remediations"]
    assert (one["id"], one["status"], one["undo"]) == (finding.id, "undone", False)


def test_that_have_no_way_back_say_so(api: Api) -> None:
    finding = api.breach()
    api.plant(replace(finding, undo=()))
    [one] = api.get("/v1/remediations")["remediations"]
    assert (one["status"], one["undo"]) == ("fixed", False)


def test_are_only_what_was_put_right(api: Api) -> None:
    api.account.mode(GUARDRAIL, event="observe", sweep="observe")
    api.breach()
    assert ids(api) == []


def test_that_nobody_caused_have_nobody(api: Api) -> None:
    api.plant(replace(api.breach(), actor=None))
    [one] = api.get("/v1/remediations")["remediations"]
    assert one["who"] is None


def test_are_of_the_last_day_unless_it_says_since_when(api: Api) -> None:
    old = api.breach()
    api.account.clock.forward(DAY + 60)
    new = api.breach()
    assert ids(api) == [new.id]
    assert ids(api, since="2d") == [new.id, old.id]


def test_go_on_where_a_page_ended(api: Api) -> None:
    wanted: list[str] = []
    for _ in range(3):
        wanted.insert(0, api.breach().id)
        api.account.clock.forward(60)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": "2"}
    for _ in range(2):
        page = api.get("/v1/remediations", **query)
        seen += [one["id"] for one in page["remediations"]]
        query["after"] = page["after"]
    assert seen == wanted
    assert query["after"] is None


def test_are_found_behind_many_findings_that_nobody_put_right(api: Api) -> None:
    finding = api.breach()
    others = [
        replace(finding, id=f"0000000{number}", opened=finding.opened + number, status="observed", fixed_at=None)
        for number in range(1, 6)
    ]
    api.plant(*others)
    assert ids(api, limit="2", since="1h") == [finding.id]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"after": "x"}, "after: 'x' is not what an answer of this route had there"),
        ({"limit": "201"}, "limit: '201'"),
        ({"since": "soon"}, "since: "),
        ({"status": "fixed"}, "knows no query parameter 'status'"),
    ],
)
def test_decline_what_is_not_known(api: Api, query: dict[str, str], says: str) -> None:
    assert says in api.error(400, "GET", "/v1/remediations", query)


def test_of_the_hour_to_come_are_there_too(api: Api) -> None:
    # A finding's own clock may be ahead.
    finding = api.breach()
    api.account.clock.at = NOW - 60
    assert ids(api) == [finding.id]
