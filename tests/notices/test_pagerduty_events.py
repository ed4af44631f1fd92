"""Notices as PagerDuty's events: within its limits for any input, and the same incident from trigger to resolve."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from chalicelib.model import Notice
from chalicelib.notices import compose, pagerduty_events
from chalicelib.notices.pagerduty_events import DEDUP_KEY, dedup_key, encoded, event
from local.pagerduty import KEY, SIZE, _wrong
from tests.notices.anything import notices
from tests.notices.rendered import ACKNOWLEDGED, ALERT, EVERY, RESOLVED, TEST

SNAPSHOTS = json.loads((Path(__file__).parent / "snapshots" / "pagerduty.json").read_text("utf-8"))


@pytest.mark.parametrize("name", EVERY)
def test_looks_as_people_have_agreed(name: str) -> None:
    assert event(EVERY[name]) == SNAPSHOTS[name]


@settings(max_examples=150, deadline=None)
@given(notices)
def test_is_one_that_pagerduty_takes_whatever_the_notice(notice: Notice) -> None:
    found = {"routing_key": KEY, **event(notice)}
    sent = encoded(found)
    assert len(sent) <= SIZE
    assert list(_wrong(json.loads(sent))) == []


@settings(max_examples=50, deadline=None)
@given(notices)
def test_of_a_trigger_an_acknowledgement_and_a_resolution_are_about_one_incident(notice: Notice) -> None:
    keys = {event(replace(notice, page=page))["dedup_key"] for page in ("trigger", "acknowledge", "resolve")}
    assert len(keys) == 1
    assert all(1 <= len(key) <= DEDUP_KEY for key in keys)


def test_keys_that_are_too_long_stay_apart() -> None:
    long = "a" * 300
    one, two = (dedup_key(replace(ALERT, fingerprint=long + end)) for end in "12")
    assert one != two
    assert dedup_key(replace(ALERT, fingerprint="a" * 255)) == "a" * 255


def test_only_a_trigger_says_what_it_is() -> None:
    for notice in (ACKNOWLEDGED, RESOLVED):
        assert set(event(notice)) == {"event_action", "dedup_key"}


@pytest.mark.parametrize(
    ("severity", "expected"), [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info")]
)
def test_severities_are_pagerdutys(severity: Any, expected: str) -> None:
    assert event(replace(ALERT, severity=severity))["payload"]["severity"] == expected


def test_a_test_says_so_first() -> None:
    found = event(TEST)["payload"]
    assert found["summary"].startswith("[TEST] ")
    assert "nothing is wrong" in found["custom_details"]["Test"]


@pytest.mark.parametrize("address", ["http://example.com", "javascript:alert(1)", "https://exämple.com", "https://a b"])
def test_only_addresses_that_lead_somewhere_safe_are_links(address: str) -> None:
    found = event(replace(ALERT, links=(("Odd", address), ("Good", "https://example.com"))))
    assert found["links"] == [{"href": "https://example.com", "text": "Good"}]


def test_of_two_facts_with_one_label_both_are_kept() -> None:
    found = event(replace(ALERT, facts=(("Error", "one"), ("Error", "two"))))
    assert found["payload"]["custom_details"]["Error"] == "one\ntwo"


def test_every_status_of_a_finding_means_something_for_a_pager() -> None:
    from chalicelib.model import STATUSES

    assert set(compose.PAGES) == set(STATUSES)
    assert {status for status, page in compose.PAGES.items() if page == "resolve"} == {
        "fixed", "gone", "undone", "exempted",
    }  # fmt: skip


def test_an_event_has_no_key_in_it() -> None:
    assert "routing_key" not in json.dumps([event(one) for one in EVERY.values()])
    assert pagerduty_events.CLIENT == "Parapet"
