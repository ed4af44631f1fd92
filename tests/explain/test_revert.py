"""What is offered about the first suspect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.explain import explained, told
from chalicelib.explain.explained import Explained
from chalicelib.explain.model import Suspect
from chalicelib.explain.subject import Desk, Subject
from chalicelib.ledger.book import Book
from chalicelib.model import ParapetError
from tests.account import TestAccount
from tests.guardrails import test_ec2_security_group_changed as groups
from tests.reverting import Reverting, reverting

NAME = groups.NAME
SUBJECT = Subject("service", "shop", 1_795_000_000.0, 1_795_000_060.0)


@pytest.fixture
def room(account: TestAccount) -> Iterator[Reverting]:
    with reverting(account) as one:
        yield one


def desk(ledger: Callable[[], Book], *on: str) -> Desk:
    return cast("Desk", SimpleNamespace(ledger=ledger, reverts=frozenset(on)))


def suspecting(*changes: str) -> Explained:
    several = tuple(Suspect("change", "a change", SUBJECT.at, 0.9, (), (), one) for one in changes)
    return Explained(SUBJECT, "quick", None, several, "shop fails", 0.9, ())


def offered(ledger: Callable[[], Book], found: Explained, *on: str) -> Any:
    return explained.document(replace(found, revert=explained._offered(desk(ledger, *on), found, 30.0)))["revert"]


def test_a_change_that_can_be_taken_back_is_offered_and_told(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    change = event["detail"]["eventID"]
    found = suspecting(change)
    what = f"authorise ingress tcp 443-443 {groups.OFFICE}, ingress tcp 8443-8443 {groups.OFFICE} again"
    assert offered(lambda: room.book, found, NAME) == {
        "change": change, "guardrail": NAME, "what": what, "ask": f"POST /v1/changes/{change}/revert",
        "command": f"./parapet revert {change}", "why": None,
    }  # fmt: skip
    offer = explained._offered(desk(lambda: room.book, NAME), found, 30.0)
    lines = told.lines(replace(found, revert=offer))
    assert f"To take it back ({what}), people are asked by: ./parapet revert {change}" in lines


def test_one_that_is_off_is_not_and_says_so(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    found = offered(lambda: room.book, suspecting(event["detail"]["eventID"]))
    assert (found["guardrail"], found["command"], found["ask"]) == (NAME, None, None)
    assert found["why"].startswith(f"{NAME} is off")


def test_what_is_no_change_has_none(room: Reverting) -> None:
    assert offered(lambda: room.book, suspecting(), NAME) is None
    assert offered(lambda: room.book, suspecting(""), NAME) is None


def test_a_ledger_that_cannot_be_read_does_not_fail_the_whole() -> None:
    def nowhere() -> Book:
        raise ParapetError("there is no ledger")

    found = offered(nowhere, suspecting("c-1"), NAME)
    assert (found["change"], found["why"]) == ("c-1", "not known: there is no ledger")
