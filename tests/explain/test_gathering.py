"""Sections side by side: each has its own time and fate, and none spoils the others."""

from __future__ import annotations

import threading
import time

import pytest

from chalicelib.explain.gathering import Fate, Look, Section, gather
from chalicelib.model import AwsError, ParapetError


def found() -> Look[int]:
    return Look(7, "seven")


def denied() -> Look[int]:
    raise AwsError("xray:GetServiceGraph", "AccessDenied", "no")


def throttled() -> Look[int]:
    raise AwsError("logs:FilterLogEvents", "ThrottlingException", "slow down")


def ours() -> Look[int]:
    raise ParapetError("there is no ledger")


def defect() -> Look[int]:
    raise KeyError("x")


@pytest.mark.parametrize(
    ("look", "status", "reason"),
    [
        (found, "ok", ""), (lambda: Look(0, "some", status="partial", reason="cut"), "partial", "cut"),
        (denied, "denied", "not allowed: xray:GetServiceGraph: no"), (throttled, "failed", "ThrottlingException"),
        (ours, "failed", "there is no ledger"), (defect, "failed", "a defect of Parapet's (KeyError)"),
    ],
)  # fmt: skip
def test_each_has_its_fate(look: object, status: str, reason: str) -> None:
    fates = gather([Section("one", 30, look), Section("other", 30, found)])  # type: ignore[arg-type]
    assert list(fates) == ["one", "other"]
    assert fates["one"].status == status
    assert reason in fates["one"].reason
    assert (fates["one"].look is None) == (status not in ("ok", "partial"))
    assert bool(fates["one"].defect) == (look is defect)
    other = fates["other"].look
    assert other
    assert other.found == 7


def test_what_takes_too_long_is_not_waited_for() -> None:
    over, started = threading.Event(), time.monotonic()
    sections = [Section("slow", 0.2, lambda: Look(over.wait(60), "late")), Section("soon", 30, found)]
    try:
        fates = gather(sections)
        assert time.monotonic() - started < 20
    finally:
        over.set()
    assert (fates["slow"].status, fates["slow"].reason) == ("late", "not there within 0.2 s")
    assert fates["soon"].status == "ok"


def test_each_is_told_as_it_arrives() -> None:
    heard: list[Fate] = []
    first = threading.Event()

    def second() -> Look[int]:
        assert first.wait(30)
        return found()

    def told(fate: Fate) -> None:
        heard.append(fate)
        first.set()

    gather([Section("second", 60, second), Section("first", 60, found)], told)
    assert [one.id for one in heard] == ["first", "second"]


def test_nothing_to_look_at_is_nothing() -> None:
    assert gather([]) == {}
