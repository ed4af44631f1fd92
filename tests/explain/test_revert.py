"""What is offered about the first suspect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.explain import explained, timeline, told
from chalicelib.explain.explained import Explained
from chalicelib.explain.kept import Kept, Past
from chalicelib.explain.model import Suspect
from chalicelib.explain.subject import Desk, Subject, concerns
from chalicelib.ledger.book import Book
from chalicelib.model import ParapetError
from chalicelib.reverting import Terms
from chalicelib.services.model import Service, Target
from chalicelib.services.watch import Watch
from tests.account import TABLE, TestAccount
from tests.guardrails import test_ec2_security_group_changed as groups
from tests.reverting import Reverting, reverting

NAME = groups.NAME
SUBJECT = Subject("service", "shop", 1_795_000_000.0, 1_795_000_060.0)


@pytest.fixture
def room(account: TestAccount) -> Iterator[Reverting]:
    with reverting(account) as one:
        yield one


def desk(room: Reverting, ledger: Callable[[], Book], *on: str) -> Desk:
    reach, on_ = (lambda region: room.account.ours), Terms(frozenset(on))
    return cast("Desk", SimpleNamespace(ledger=ledger, reverts=on_, reach=reach, table=TABLE))


def suspecting(*changes: str) -> Explained:
    several = tuple(Suspect("change", "a change", SUBJECT.at, 0.9, (), (), one) for one in changes)
    return Explained(SUBJECT, "quick", None, several, "shop fails", 0.9, ())


def offered(room: Reverting, found: Explained, *on: str, ledger: Callable[[], Book] | None = None) -> Any:
    whole = desk(room, ledger or (lambda: room.book), *on)
    return explained.document(replace(found, revert=explained._offered(whole, found, 30.0)))["revert"]


def test_a_change_that_can_be_taken_back_is_offered_and_told(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    change = event["detail"]["eventID"]
    found = suspecting(change)
    what = f"authorise ingress tcp 443-443 {groups.OFFICE}, ingress tcp 8443-8443 {groups.OFFICE} again"
    assert offered(room, found, NAME) == {
        "change": change, "guardrail": NAME, "what": what, "ask": f"POST /v1/changes/{change}/revert",
        "command": f"./parapet revert {change}", "why": None,
    }  # fmt: skip
    offer = explained._offered(desk(room, lambda: room.book, NAME), found, 30.0)
    lines = told.lines(replace(found, revert=offer))
    assert f"To take it back ({what}), people are asked by: ./parapet revert {change}" in lines


def test_one_that_is_off_is_not_and_says_so(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    found = offered(room, suspecting(event["detail"]["eventID"]))
    assert (found["guardrail"], found["command"], found["ask"]) == (NAME, None, None)
    assert found["why"].startswith(f"{NAME} is off")


def test_one_that_somebody_lets_stand_is_not_and_says_who(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    change = event["detail"]["eventID"]
    [finding] = room.wake("ec2", change=change)
    assert room.decide(finding) == "fixed"
    assert room.decide(room.account.findings()[0], "undo") == "undone"
    found = offered(room, suspecting(change), NAME)
    assert (found["command"], found["ask"]) == (None, None)
    assert found["why"].startswith("alice has permitted it until")


def test_what_is_no_change_has_none(room: Reverting) -> None:
    assert offered(room, suspecting(), NAME) is None
    assert offered(room, suspecting(""), NAME) is None


def test_a_ledger_that_cannot_be_read_does_not_fail_the_whole(room: Reverting) -> None:
    def nowhere() -> Book:
        raise ParapetError("there is no ledger")

    found = offered(room, suspecting("c-1"), NAME, ledger=nowhere)
    assert (found["change"], found["why"]) == ("c-1", "not known: there is no ledger")


SHOP = Service("shop", Target("lambda_function", {"function": "checkout"}))


def test_the_timeline_has_what_was_taken_back_and_who_approved_it(room: Reverting) -> None:
    group, event = room.happen(groups.SCENARIO)
    change, now = event["detail"]["eventID"], room.account.clock()
    assert room.api.call("POST", f"/v1/changes/{change}/revert")[0] == 202
    [asked] = room.wake("ec2", change=change)
    room.decide(asked)
    ours = room.account.ours
    whole = Desk(lambda region: ours, "test", TABLE, lambda: room.book, (SHOP,), Watch(lambda region: ours, print))

    def rows() -> list[tuple[str, str]]:
        found = timeline.read(whole, SHOP, now - 60, room.account.clock() + 60).entries
        return [(one.kind, one.who) for one in found if group in one.what and one.kind != "change"]

    assert rows() == [], "nothing says whose the group is"
    Kept(ours, TABLE).remember("shop", Past(now, "shop fails", "a change", "change", "e-1", {change: now}))
    assert rows() == [("finding", asked.actor.who if asked.actor else ""), ("command", "alice"), ("fix", "Parapet")]


@pytest.mark.parametrize(
    ("resource", "found"),
    [("checkout", True), ("checkout:live", True), ("other:live", False), ("arn:aws:iam::123456789012:policy/p", False)],
)
def test_an_alias_is_of_its_function(resource: str, found: bool) -> None:
    assert concerns(SHOP, resource) is found
