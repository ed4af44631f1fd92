"""While an explanation is under way nothing is claimed that a section to come could refute, whatever their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, cast, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.api import schemas
from chalicelib.api.declared import SCHEMAS
from chalicelib.explain import explained, told
from chalicelib.explain.explained import ORDER, Explained, concluded, document
from chalicelib.explain.gathering import Fate, Look, Status
from chalicelib.explain.kept import Past, standing
from chalicelib.explain.model import Filled, Fixed, Hop, Pattern, Sibling, Symptom
from chalicelib.explain.onset import Onset
from chalicelib.explain.sections.signals import Signals
from chalicelib.explain.subject import Desk, Subject
from chalicelib.model import Aws
from chalicelib.services.model import Service, Target
from chalicelib.services.watch import Watch
from tests.explain.test_suspects import AT, change
from tests.samples import ACCOUNT, REGION


class Nobody:
    account, region = ACCOUNT, REGION


DATABASE = Target("rds", {"instance": "shop-db"})
SHOP = Service("shop", Target("ecs", {"cluster": "shop", "service": "shop-web"}), (DATABASE,))
REACH: Callable[[str], Aws] = lambda region: cast(Aws, Nobody())  # noqa: E731
DESK = Desk(
    REACH, "test", "journal", cast(Any, None), (SHOP, replace(SHOP, name="orders"), replace(SHOP, name="search")),
    Watch(REACH, print),
)  # fmt: skip
ERRORS = Symptom("errors", "errors", "share", Onset("step", AT, None, 0.001, 0.34, 0.97))
WATCHED = Symptom("alarm", "CPU", "%", Onset("step", AT - 60, None, 40.0, 97.5, 0.9))
FULL = Filled("database shop-db", "rds", "connections", "connections", AT - 30, "200 of 200", "80 of 200")
HEALTH = change(
    60, "AWS_RDS_OPERATIONAL_ISSUE", kind="notice", source="aws.health", services=(), resources=(), what="issue"
)
FOUND: dict[str, tuple[Any, ...]] = {
    "signals": (Signals(), Signals((ERRORS,), ERRORS), Signals((ERRORS,), ERRORS, None, (FULL,)),
                Signals((ERRORS,), ERRORS, Onset("step", AT, None, 100, 400, 0.9), (FULL,))),
    "alarm": (None, WATCHED),
    "changes": ((), (change(),), (change(), change(3600), change(7200)), (HEALTH,)),
    "alarms": ((), (Sibling("a", AT + 30, "orders"),), (Sibling("a", AT + 30, "orders"), Sibling("b", AT, "search"))),
    "errors": ((), (Pattern("TypeError: x", 40, 0, "/shop/web", AT + 5),),
               (Pattern("Error: Too many connections", 40, 0, "/shop/web", AT + 5),)),
    "traces": ((), (Hop("shop", "shop-db", "Database::SQL", 60, 0.4, 0.0, 0.2, 0.2),)),
    "remediations": ((), (Fixed("abcd1234", "ec2_security_group_open", "sg-1", "port 5432 was open", AT - 60),)),
    "past": ((), (Past(AT - 86_400, "so it was", "x", "dependency:database shop-db:connections", "e-1"),)),
}  # fmt: skip

LATER = ("errors", "traces")
STATUSES: tuple[Status, ...] = (*("ok",) * 7, "partial", "no_data", "denied", "late", "failed")
ASKED: tuple[tuple[Service | None, dict[str, Any] | None], ...] = ((SHOP, None), (SHOP, {}), (None, {}))


def fate(draw: Random, id_: str) -> Fate:
    status = draw.choice(STATUSES)
    if status in ("denied", "late", "failed"):
        return Fate(id_, status, 0.1, reason="so")
    return Fate(id_, status, 0.1, Look(draw.choice(FOUND[id_]), "told", status=status))


def arrivals(draw: Random) -> tuple[Subject, list[Fate]]:
    """What is asked, and the sections in the order of their arrival: what needs an onset comes after the rest."""
    service, alarm = draw.choice(ASKED)
    subject = Subject("alarm" if alarm is not None else "service", "shop", AT + 120, AT + 300, service, alarm)
    there = [one for one in explained._expected(subject) if one not in LATER]
    first = [fate(draw, one) for one in draw.sample(there, len(there))]
    if not service or concluded(DESK, subject, "full", first, done=True).symptom is None:
        return subject, first
    return subject, [*first, *(fate(draw, one) for one in draw.sample(LATER, len(LATER)))]


def lines(one: Explained) -> dict[str, set[str]]:
    return {each.same: {*each.evidence, *each.against} for each in one.suspects}


@given(st.randoms(use_true_random=True))
@settings(max_examples=300, deadline=None)
def test_nothing_is_claimed_that_what_is_missing_could_refute(draw: Random) -> None:
    subject, several = arrivals(draw)
    whole = concluded(DESK, subject, "full", several, done=True)
    assert "being looked at" not in whole.answer
    assert whole.status != "looking"
    first = [one for one in several if one.id not in LATER]
    # Whichever comes last of all, too: a draw has but one order.
    parts = [several[:number] for number in range(len(several))] + [[a for a in first if a is not b] for b in first]
    for there in parts:
        known = concluded(DESK, subject, "full", there, done=False)
        missing = [one for one in ORDER if one in explained._expected(subject) and one not in {of.id for of in there}]
        assert (known.status, known.confidence, known.past, known.revert) == ("looking", 0.0, (), None)
        for word in ("Nothing", "nothing", "most likely", "perhaps", "not known", "could not be", "before, on"):
            assert word not in known.answer
        assert "being looked at" in known.answer
        if known.symptom:
            assert known.symptom == whole.symptom, "what is told of the onset stays"
            for one in missing:
                assert one in known.answer
        # What is told of a suspect for or against it stays, whatever comes.
        for same, said in lines(known).items():
            assert said <= lines(whole).get(same, said)


def test_trouble_that_goes_on_was_not_there_before_itself() -> None:
    subject = Subject("service", "shop", AT + 7500, AT + 7560, SHOP)
    signals = Fate("signals", "ok", 0.1, Look(Signals((ERRORS,), ERRORS, None, (FULL,)), "told"))
    [yesterday] = FOUND["past"][1]
    since = replace(yesterday, at=AT + 120)
    for several, expected in (((since,), ()), ((since, yesterday), (yesterday,))):
        there = [signals, Fate("past", "ok", 0.1, Look(several, "told"))]
        found = concluded(DESK, subject, "full", there, done=True)
        assert found.past == expected
        assert ("So it was once before" in found.answer) == bool(expected)


def test_it_was_an_all_clear_a_second_before_a_third_failed() -> None:
    """As it was seen: the journal answers first, and tells nothing of how the service is."""
    subject = Subject("service", "shop", AT + 120, AT + 300, SHOP)
    there = [Fate(one, "ok", 0.1, Look((), "told")) for one in ("past", "remediations")]
    found = document(concluded(DESK, subject, "full", there, done=False))
    assert (found["answer"], found["status"], found["done"]) == ("shop is being looked at.", "looking", False)
    signals = Fate("signals", "ok", 0.9, Look(Signals((ERRORS,), ERRORS), "told"))
    known = concluded(DESK, subject, "full", [*there, signals], done=False)
    assert known.answer == (
        "shop fails 34 % of its requests (usually 0.1 %) since 11:07 UTC; changes, errors, traces and alarms are still "
        "being looked at."
    )
    changes = Fate("changes", "ok", 0.9, Look((change(),), "told"))
    known = concluded(DESK, subject, "full", [*there, signals, changes], done=False)
    assert "; so far suspected: UpdateService of shop-web by bob, 60 s before (11:06 UTC); errors, " in known.answer
    assert told.lines(known)[0] == known.answer


@pytest.mark.parametrize("status", ["late", "failed", "denied", "partial"])
def test_what_was_not_seen_whole_speaks_neither_for_nor_against(status: Any) -> None:
    """Who has not seen the alarms does not say that another service is well."""
    subject = Subject("service", "shop", AT + 120, AT + 300, SHOP)

    def all_said(alarms: Fate, changes: Fate) -> str:
        signals = Fate("signals", "ok", 0.9, Look(Signals((ERRORS,), ERRORS, None, (FULL,)), "told"))
        found = concluded(DESK, subject, "full", [signals, alarms, changes], done=True)
        return " ".join(line for some in lines(found).values() for line in some)

    others = (Sibling("a", AT + 30, "orders"), Sibling("b", AT, "search"))
    blind = Look((), "told", status="partial") if status == "partial" else None
    seen = [Fate("alarms", "ok", 0.1, Look((), "told")), Fate("changes", "ok", 0.1, Look((change(), HEALTH), "told"))]
    everything = all_said(*seen)
    assert "orders, search uses it too, and is well" in everything
    assert "nothing else in the account is in trouble" in everything
    assert "nothing like it in the day before" in everything
    without = all_said(Fate("alarms", status, 0.1, blind), seen[1])
    assert "is well" not in without
    assert "nothing else in the account" not in without
    wide = Fate("alarms", "ok", 0.1, Look(others, "told"))
    assert "AWS Health tells of nothing" in all_said(wide, Fate("changes", "ok", 0.1, Look((), "told")))
    part = Look((change(),), "told", status="partial") if status == "partial" else None
    unread = all_said(wide, Fate("changes", status, 0.1, part))
    assert "AWS Health tells of nothing" not in unread
    assert "nothing like it in the day before" not in unread


def test_an_alarm_that_could_not_be_looked_at_is_not_called_calm() -> None:
    subject = Subject("alarm", "disk-full", AT, AT + 60, None, {})
    rest = [Fate(one, "ok", 0.1, Look((), "told")) for one in ("changes", "alarms", "remediations", "past")]
    found = concluded(DESK, subject, "quick", [Fate("alarm", "late", 1.4), *rest], done=True)
    assert found.answer == (
        "Whether anything is wrong with disk-full around 11:07 UTC is not known without what the alarm watches."
    )


def test_what_nobody_works_on_any_more_says_so() -> None:
    subject = Subject("service", "shop", AT, AT + 60, SHOP)
    begun = document(Explained.begun(subject))
    assert standing(begun, AT + 60 + 59) == begun
    late = standing(begun, AT + 60 + 60)
    assert (late["status"], late["done"]) == ("given_up", False)
    assert late["answer"] == (
        "Looking at shop was not brought to its end: whoever did was interrupted, or is late. Ask again."
    )
    signals = Fate("signals", "ok", 0.9, Look(Signals((ERRORS,), ERRORS), "told"))
    half = document(concluded(DESK, subject, "full", [signals], done=False))
    assert " What was seen by then: shop fails 34 % of its requests" in standing(half, AT + 600)["answer"]
    done = document(concluded(DESK, subject, "full", [signals], done=True))
    assert standing(done, AT + 9e9) == done


def test_the_api_knows_every_status() -> None:
    assert schemas.EXPLANATION["$ref"].endswith("/Explanation")
    known = SCHEMAS["Explanation"]["properties"]["status"]["enum"]
    assert known == list(get_args(explained.Status))
