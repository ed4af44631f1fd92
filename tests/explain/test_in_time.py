"""An explanation is there in time whatever hangs, with what was found, and what was not is named."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from chalicelib.explain import explained
from chalicelib.explain.explained import Depth, Explained
from chalicelib.explain.gathering import within
from chalicelib.explain.subject import Desk, Subject
from chalicelib.model import ParapetError
from tests.explain.rehearsals.account import Account
from tests.explain.rehearsals.incidents import CATALOGUE
from tests.explain.rehearsals.stage import kinds, prepared

ONSET = 1_795_392_000 + 10 * 86_400 + 14 * 3600
# What hangs does so for this long, were nobody to stop it; what is there in half of it has not waited for it.
LONG = 60.0
# Limits of those that shall be late, and of those that the machine may take its time for (seconds).
SHORT, ENOUGH = 0.5, 40.0


class Hanging:
    """Calls that do not come back, by the beginnings of their names."""

    def __init__(self, *names: str) -> None:
        self.names, self.over = names, threading.Event()

    def __call__(self, name: str) -> None:
        if name.startswith(self.names):
            self.over.wait(LONG)


@pytest.fixture
def deploy() -> Iterator[tuple[Desk, Subject]]:
    """A bad deploy, and who asks about it."""
    incident = next(one for one in CATALOGUE if one.name == "bad deploy")
    draw = random.Random(3)
    plan = incident.plan(draw, ONSET)
    while plan.system != "platform":
        plan = incident.plan(draw, ONSET)
    with kinds(plan.kind) as name:
        yield prepared(plan, ONSET, ONSET + 480.0, ONSET + 600.0, name)


def told(asks: tuple[Desk, Subject], hanging: Hanging, depth: Depth = "quick") -> tuple[Explained, dict[str, str]]:
    """Explain while something hangs; returns also the status of each section."""
    account = asks[0].reach("")
    assert isinstance(account, Account)
    account.hangs, started = hanging, time.monotonic()
    try:
        found = explained.explain(*asks, depth)
        assert time.monotonic() - started < LONG / 2, "nobody has waited for what hangs"
    finally:
        hanging.over.set()
    return found, {one.id: one.status for one in found.fates}


def limits(patch: pytest.MonkeyPatch, depth: Depth, first: float, then: float) -> None:
    patch.setitem(explained.WHOLE, depth, LONG)
    patch.setitem(explained.FIRST, depth, first)
    patch.setitem(explained.THEN, depth, then)


def test_what_the_whole_may_take_is_what_was_promised() -> None:
    assert explained.WHOLE["quick"] <= 2.5
    assert explained.WHOLE["full"] <= 15
    depths: tuple[Depth, ...] = ("quick", "full")
    for depth in depths:
        left = explained.WHOLE[depth] - explained.FIRST[depth] - explained.LEAST
        assert round(left, 6) >= 0.8, "the second look has its time, whatever the first takes"


def test_nothing_that_hangs_at_first_is_waited_for(
    deploy: tuple[Desk, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, "quick", SHORT, SHORT)
    found, status = told(deploy, Hanging(""))
    assert set(status.values()) == {"late"}
    assert "not there within 0.5 s" in {one.reason for one in found.fates}
    assert found.status == "partial"
    assert "not known without its signals" in found.answer


@pytest.mark.parametrize(("hangs", "late"), [("logs:", "errors"), ("xray:", "traces")])
def test_what_hangs_later_takes_nothing_else_with_it(
    deploy: tuple[Desk, Subject], monkeypatch: pytest.MonkeyPatch, hangs: str, late: str
) -> None:
    limits(monkeypatch, "quick", ENOUGH, 4.0)
    found, status = told(deploy, Hanging(hangs))
    assert status.pop(late) == "late"
    assert "late" not in status.values()
    assert [one.kind for one in found.suspects[:1]] == ["change"]


def test_a_ledger_that_hangs_is_named_and_the_rest_is_there(
    deploy: tuple[Desk, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, "quick", 4.0, 4.0)
    found, status = told(deploy, Hanging("dynamodb:query"))
    assert {status[one] for one in ("changes", "past", "remediations")} == {"late"}
    assert status["signals"] == "ok"
    assert found.symptom
    assert found.symptom.sign == "errors"


def test_a_sample_that_cannot_be_followed_in_time_costs_no_edge(
    deploy: tuple[Desk, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, "full", ENOUGH, 5.0)
    found, status = told(deploy, Hanging("xray:batch_get_traces"), "full")
    assert status["traces"] == "partial"
    traces = next(one for one in found.fates if one.id == "traces")
    assert "AWS has not answered within" in traces.reason
    assert traces.look
    assert traces.look.found


def test_a_sample_tells_where_it_failed(deploy: tuple[Desk, Subject], monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, "full", ENOUGH, ENOUGH)
    found, _ = told(deploy, Hanging("nothing"), "full")
    traces = next(one for one in found.fates if one.id == "traces").look
    assert traces
    [said] = [one["failed"] for one in traces.data if one["failed"]]
    assert " failed" in said
    assert {"kind": "trace", "ref": traces.data[0]["traces"][0]} in traces.evidence


def test_who_asked_a_while_ago_gets_what_is_left(deploy: tuple[Desk, Subject]) -> None:
    found = explained.explain(*deploy, begun=time.monotonic() - 60)
    assert {one.status for one in found.fates} <= {"late", "ok", "partial", "no_data"}
    assert "late" in {one.status for one in found.fates}
    assert max(one.took for one in found.fates if one.status == "late") < LONG / 2


def test_what_is_looked_up_first_is_not_waited_for_either() -> None:
    hanging = Hanging("x")
    try:
        with pytest.raises(ParapetError, match=r"AWS has not answered within 0\.1 s: ask again"):
            within(0.1, lambda: hanging("x"))
    finally:
        hanging.over.set()
    assert within(LONG, lambda: 7) == 7
    with pytest.raises(ParapetError, match="no"):
        within(LONG, _refused)


def _refused() -> None:
    raise ParapetError("no")


def test_threads_that_hang_hold_nobody(deploy: tuple[Desk, Subject], monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, "quick", SHORT, SHORT)
    hanging = Hanging("")
    told(deploy, hanging)
    mine = [one for one in threading.enumerate() if one.name.startswith("explain")]
    for one in mine:
        one.join(LONG / 2)
    assert not any(one.is_alive() for one in mine), "once their calls are over they end"
