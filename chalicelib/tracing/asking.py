"""Asks Logs Insights about spans: how many there are before, and no longer than whoever asks has time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.insights import groups, price, running
from chalicelib.insights.model import Row
from chalicelib.model import Aws
from chalicelib.tracing import spans

# How many gigabytes of spans may be read for one answer.
BUDGET = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of an answer, the bytes read for it, the calls made, and why there is none."""

    rows: tuple[Row, ...] = ()
    scanned: float = 0.0
    calls: int = 0
    why: str = ""


def arrived(aws: Aws, start: float, end: float) -> float:
    """Return how many bytes of spans arrived in a time, 0 where there are none; raises AwsError."""
    return groups.incoming(aws, (price.Group(spans.GROUP),), start, end).get(spans.GROUP, 0.0)


def ask(
    aws: Aws, text: str, start: float, end: float, patience: float, clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Answer:  # fmt: skip
    """Return what a query about spans answers; raises AwsError, without Transaction Search ResourceNotFoundException.

    Args:
        aws: calls in their region.
        text: what is asked.
        start: not before this time (epoch seconds).
        end: not after this one.
        patience: for so many seconds; then it is cancelled, which saves what it has not read yet.
        clock: seconds that only grow.
        sleep: waits.

    Raises:
        ParapetError: when Logs Insights has no answer.
    """
    until = clock() + patience
    query = running.start(aws, text, [spans.GROUP], start, end, sleep=running.pausing(until, clock, sleep))
    found = running.wait(aws, query.id, patience=max(0.0, until - clock()), clock=clock, sleep=sleep)
    if isinstance(found, running.Done):
        return Answer(found.rows, found.statistics.bytes, 2)
    running.abandon(aws, query.id)
    why = f"Logs Insights was not done within {patience:.0f} s"
    return Answer(scanned=found.statistics.bytes, calls=3, why=why)
