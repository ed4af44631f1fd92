"""Sections side by side: one that is denied, slow or broken is named in a line, and spoils nothing."""

from __future__ import annotations

import contextvars
import threading
import time

from chalicelib.enrich.gather import Found, Section, gather
from chalicelib.model import AwsError, ParapetError
from tests.enrich.fakes import denied


def section(name: str, found: Found | Exception, seconds: float = 2.0) -> Section:
    def look() -> Found:
        if isinstance(found, Exception):
            raise found
        return found

    return Section(name, seconds, look)


def test_puts_what_was_found_together_in_the_sections_order() -> None:
    one = Found(("a",), (("A", "1"),), (("Alarm", "https://a"),))
    two = Found(("b",), (("B", "2"),), (), b"png")
    gathered = gather([section("one", one), section("two", two), section("three", Found())])
    assert gathered.found == Found(("a", "b"), (("A", "1"), ("B", "2")), (("Alarm", "https://a"),), b"png")
    assert gathered.fates == (("one", "found"), ("two", "found"), ("three", "nothing"))
    assert gathered.defects == ()


def test_each_has_its_own_fate() -> None:
    throttled = AwsError("cloudtrail:LookupEvents", "ThrottlingException", "Rate exceeded")
    gathered = gather([
        section("error lines", denied("logs:FilterLogEvents")),
        section("changes", throttled),
        section("graph", AwsError("cloudwatch:GetMetricWidgetImage", "InternalFailure", "sorry")),
        section("picture", ParapetError("too large")),
        section("numbers", ZeroDivisionError("division by zero")),
        section("links", Found(lines=("there",))),
    ])  # fmt: skip
    lines = gathered.found.lines
    assert lines[0] == "there"
    assert lines[1].startswith("error lines: not allowed: logs:FilterLogEvents: User: arn:aws:sts")
    assert lines[2] == "changes: cloudtrail:LookupEvents is throttled at the moment"
    assert lines[3] == "graph: cloudwatch:GetMetricWidgetImage answered InternalFailure: sorry"
    assert lines[4] == "picture: too large"
    assert lines[5] == "numbers: a defect of Parapet's (ZeroDivisionError): please report it"
    [defect] = gathered.defects
    assert "division by zero" in defect


def test_one_that_is_slow_is_not_waited_for() -> None:
    release = threading.Event()

    def slow() -> Found:
        release.wait(10)
        return Found(lines=("late",))

    started = time.monotonic()
    gathered = gather([Section("graph", 0.2, slow), section("links", Found(lines=("there",)))])
    assert time.monotonic() - started < 2
    release.set()
    assert gathered.found.lines == ("there", "graph: not there within 0 s")


def test_they_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=5)

    def look() -> Found:
        meeting.wait()
        return Found(lines=("met",))

    assert gather([Section(name, 5.0, look) for name in "abc"]).found.lines == ("met",) * 3


def test_each_knows_in_whose_name_it_runs() -> None:
    who = contextvars.ContextVar("who", default="nobody")
    token = who.set("enrich")
    try:
        assert gather([Section("a", 2.0, lambda: Found(lines=(who.get(),)))]).found.lines == ("enrich",)
    finally:
        who.reset(token)


def test_nothing_to_look_up_is_nothing() -> None:
    assert gather([]).found == Found()
