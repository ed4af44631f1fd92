"""Whose call it is: Slack's own example, and that nothing passes which is not signed so, now, with our secret."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.api import slack_signature
from chalicelib.api.slack_signature import WINDOW, Forged, Unfitting
from tests.account import NOW
from tests.api.slacking import SECRET, signature

# From Slack's page on verifying requests.
EXAMPLE = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    b"803a0bc887a14d10d2c447fce8b6703c"
)
bodies = st.binary(max_size=200)


def judge(headers: dict[str, str], body: bytes, secret: str = SECRET, now: float = NOW) -> None:
    slack_signature.verify(secret, *slack_signature.fresh(headers, now), body)


def test_slacks_own_example() -> None:
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    judge(headers, EXAMPLE, "8f742231b10e8888abcd99yyyzzz85a5", 1531420618.0)


@given(bodies, st.floats(-WINDOW + 1, WINDOW - 1), st.booleans())
def test_what_is_signed_within_minutes_passes(body: bytes, away: float, lower: bool) -> None:
    headers = signature(SECRET, NOW + away, body)
    judge({name.lower(): value for name, value in headers.items()} if lower else headers, body)


@given(bodies, st.one_of(st.floats(-1e9, -WINDOW - 1), st.floats(WINDOW + 1, 1e9)))
def test_what_is_late_or_early_does_not(body: bytes, away: float) -> None:
    with pytest.raises(Forged, match="ago" if away < 0 else "ahead"):
        judge(signature(SECRET, NOW + away, body), body)


@given(bodies, bodies)
def test_what_has_another_body_does_not(body: bytes, other: bytes) -> None:
    assume(body != other)
    with pytest.raises(Unfitting):
        judge(signature(SECRET, NOW, body), other)


@given(bodies, st.text(min_size=1, max_size=40))
def test_what_is_signed_with_another_secret_does_not(body: bytes, secret: str) -> None:
    assume(secret != SECRET and secret.isascii())
    with pytest.raises(Unfitting):
        judge(signature(secret, NOW, body), body)


@given(bodies, st.integers(-290, 290).filter(bool))
def test_what_has_another_time_does_not(body: bytes, away: int) -> None:
    headers = signature(SECRET, NOW, body) | {"X-Slack-Request-Timestamp": str(int(NOW) + away)}
    with pytest.raises(Unfitting):
        judge(headers, body)


@given(bodies, st.integers(3, 66), st.sampled_from("0123456789abcdef"))
def test_what_has_another_digit_does_not(body: bytes, place: int, digit: str) -> None:
    headers = signature(SECRET, NOW, body)
    made = headers["X-Slack-Signature"]
    assume(made[place] != digit)
    with pytest.raises(Unfitting):
        judge(headers | {"X-Slack-Signature": made[:place] + digit + made[place + 1 :]}, body)


@given(st.text(max_size=80), st.text(max_size=20))
def test_what_is_no_signature_at_all_does_not(made: str, stamp: str) -> None:
    with pytest.raises(Forged):
        judge({"X-Slack-Signature": made, "X-Slack-Request-Timestamp": stamp}, b"")
    with pytest.raises(Forged, match="no signature"):
        judge({"X-Slack-Signature": made}, b"")


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "١٧٩٥", " 1795000001", "1795000001\n", "nan", "9" * 13])
def test_a_time_that_is_none_does_not(stamp: str) -> None:
    with pytest.raises(Forged, match="no signature"):
        judge(signature(SECRET, NOW, b"") | {"X-Slack-Request-Timestamp": stamp}, b"")
