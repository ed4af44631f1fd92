"""What a tired person reads: every case, word for word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.services.model import Objective
from chalicelib.slo import budget, sentence

H = 3600.0
BACK = "it comes back as the bad hours leave the window."


def told(left: float, hour: float | None, now: float | None, days: int = 30) -> str:
    """The sentence about a budget of which so much is left, and which burns so fast."""
    objective = Objective("shop", "availability", "availability", 99.9, days)
    return sentence.told(objective, left, budget.exhausted_in(objective, left, hour), hour, now)


@pytest.mark.parametrize(
    ("left", "hour", "now", "said"),
    [
        (0.31, 4.464, 5.0, "At this rate the month's budget is gone in 50 h; 31 % left."),
        (1.0, 14.4, 14.4, "At this rate the month's budget is gone in 50 h; 100 % left."),
        (0.999, 14.4, None, "At this rate the month's budget is gone in 49 h; 99 % left."),
        (0.5, 4.0, 4.0, "At this rate the month's budget is gone in 3 days; 50 % left."),
        (0.002, 14.4, 14.4, "At this rate the month's budget is gone in 6 minutes; less than 1 % left."),
        (0.0005, 14.4, 14.4, "At this rate the month's budget is gone in 1 minute; less than 1 % left."),
        (0.0001, 14.4, 14.4, "At this rate the month's budget is gone in less than a minute; less than 1 % left."),
        (0.0, 14.4, 14.4, "The month's budget is spent, and burns on 14.4 times as fast as it may."),
        (-0.2, 0.5, 0.0, f"The month's budget is spent, and 20 % more; {BACK}"),
        (-1.5, 100.0, 0.0, f"The month's budget is spent, and 150 % more; {BACK}"),
        (-0.2, 2.0, None, "The month's budget is spent, and 20 % more, and burns on 2 times as fast as it may."),
        (0.31, None, None, "No traffic in the last hour; 31 % left of the month's budget."),
        (0.31, 14.4, 0.0, "Recovering: the last five minutes were fine; 31 % left of the month's budget."),
        (0.31, 0.0, 0.0, "Not burning: nothing was bad in the last hour; 31 % left of the month's budget."),
        (0.31, 0.4, 0.0, "Burning 0.4 times as fast as it may, which lasts; 31 % left of the month's budget."),
        (0.31, 1.0, 1.0, "Burning just as fast as it may, which lasts; 31 % left of the month's budget."),
    ],
)  # fmt: skip
def test_says(left: float, hour: float | None, now: float | None, said: str) -> None:
    assert told(left, hour, now) == said


@pytest.mark.parametrize(("days", "whose"), [(7, "the week's"), (28, "the four weeks'"), (30, "the month's")])
def test_names_the_window(days: int, whose: str) -> None:
    objective = Objective("shop", "availability", "availability", 99.9, days)
    assert f" {whose} budget" in told(0.5, 0.0, 0.0, days)
    assert sentence.lacking(objective, "no_data") == f"No data: nothing tells how much of {whose} budget is left."
    assert sentence.lacking(objective, "no_traffic").startswith(f"No traffic in {days} days:")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(59.9, "less than a minute"), (60, "1 minute"), (119, "1 minute"), (120, "2 minutes"), (2 * H - 1, "119 minutes"),
     (2 * H, "2 h"), (50 * H, "50 h"), (72 * H - 1, "71 h"), (72 * H, "3 days"), (30 * 24 * H, "30 days")],
)  # fmt: skip
def test_durations_are_rounded_down(seconds: float, said: str) -> None:
    assert sentence.lasting(seconds) == said


RATES = st.none() | st.floats(0, 1000)


@given(st.floats(-50, 1), RATES, RATES, st.sampled_from((7, 28, 30)))
def test_is_always_one_sentence_that_never_flatters(
    left: float, hour: float | None, now: float | None, days: int
) -> None:
    text = told(left, hour, now, days)
    assert text.endswith(".")
    assert "  " not in text
    assert "nan" not in text
    assert "-" not in text
    assert len(text) <= 120
    if left <= 0:
        assert "is spent" in text
    elif left < 0.9999:
        assert "100 %" not in text
