"""Times as people write them."""

from __future__ import annotations

import pytest

from chalicelib import times
from chalicelib.model import ParapetError

NOON = 1_795_003_200.0


@pytest.mark.parametrize(
    ("text", "ago"), [("11:58", 120), ("9:05", 10_500), ("12:00", 0), ("12:01", 86_340), ("30m", 1800)]
)
def test_a_time_of_day_is_the_last_one(text: str, ago: int) -> None:
    assert times.since(text, "--at", NOON) == NOON - ago


@pytest.mark.parametrize("text", ["99:99", "25:99", "24:00", "14:60", "14:5", "14:02:30", "014:02"])
def test_what_no_clock_shows_is_said_to_be_that(text: str) -> None:
    with pytest.raises(
        ParapetError, match="is no time of day such as 14:02: hours are 0 to 23, minutes 00 to 59"
    ) as told:
        times.since(text, "--at", NOON)
    assert str(told.value).startswith(f"--at: {text!r}")
