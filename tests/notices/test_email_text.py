"""Notices as e-mails: readable, within what SNS takes, and with how to answer them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from chalicelib.model import Notice
from chalicelib.notices.email_text import SUBJECT, body, subject
from cli.__main__ import COMMANDS
from tests.notices.anything import notices
from tests.notices.rendered import ALERT, EVERY, TEST

SNAPSHOTS = Path(__file__).parent / "snapshots"
# SNS: ASCII that begins with a letter, a digit or a mark; no line breaks, no control characters, under 100.
SUBJECT_LIKE = re.compile(r"[!-~][ -~]{0,98}")


@pytest.mark.parametrize("name", EVERY)
def test_looks_as_people_have_agreed(name: str) -> None:
    found = f"Subject: {subject(EVERY[name])}\n\n{body(EVERY[name], 'prod')}"
    assert found == (SNAPSHOTS / f"email-{name}.txt").read_text("utf-8")


@settings(max_examples=150, deadline=None)
@given(notices)
def test_is_one_that_sns_takes_whatever_the_notice(notice: Notice) -> None:
    assert SUBJECT_LIKE.fullmatch(subject(notice))
    assert len(subject(notice)) <= SUBJECT
    text = body(notice, "prod")
    assert 0 < len(text.encode()) <= 256 * 1024
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff]", text)


def test_a_test_says_so_first() -> None:
    assert subject(TEST).startswith("[TEST] ")
    assert body(TEST, "prod").startswith("This only tests the way to you: nothing is wrong.")


def test_letters_that_a_subject_cannot_have_are_written_in_another_way() -> None:
    assert subject(replace(ALERT, title="Zürich – naïve …\nBcc: x")) == "[critical] Zurich - naive ... Bcc: x"


def test_what_cannot_be_broken_stays_whole() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/checkout/50dc6c495c0c9188"
    assert arn in body(replace(ALERT, lines=(f"The load balancer {arn} answers slowly",)), "prod")


@pytest.mark.parametrize("name", EVERY)
def test_tells_of_commands_that_there_are(name: str) -> None:
    for command in re.findall(r"^  \./parapet (\S+)", body(EVERY[name], "prod"), re.MULTILINE):
        assert command in COMMANDS
