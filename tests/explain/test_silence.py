"""Since when nobody comes: not since the evening began."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.explain.onset import NONE, Onset
from chalicelib.explain.sections import signals

AT = 1_795_003_200.0
# An hour in which ever fewer come, and then nobody.
POINTS = [(AT + 60 * number, 500.0 - 5 * number if number < 60 else 0.0) for number in range(75)]
SILENT = Onset("ramp", AT + 300, None, 480.0, 0.0)


def test_silence_begins_when_the_last_have_come() -> None:
    assert signals._silent(SILENT, POINTS).at == AT + 3600


@pytest.mark.parametrize(
    "found",
    [NONE, replace(SILENT, shape="flap"), replace(SILENT, after=200.0), replace(SILENT, before=0.0, after=900.0)],
)
def test_what_is_no_silence_stays_as_it_is(found: Onset) -> None:
    assert signals._silent(found, POINTS) == found


def test_one_that_is_over_ends_where_it_ended() -> None:
    over = replace(SILENT, until=AT + 4200)
    again = [*POINTS, *((AT + 60 * number, 500.0) for number in range(75, 90))]
    assert signals._silent(over, again) == replace(over, at=AT + 3600)
