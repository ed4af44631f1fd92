"""What keeps the actions of a composite alarm back, as CloudWatch's *composite alarm action suppression* has it; pure.

While the suppressor is in alarm, no actions are taken. A composite that changes waits for the suppressor, in case that
it is about to go off; and it stays quiet for a while after it, in case that the composite is about to recover. When
nothing holds them back any more, the actions of the state that is then are taken, once, if they were not already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Hold:
    """What holds actions back, and until when at most."""

    by: Literal["Alarm", "WaitPeriod", "ExtensionPeriod"]
    until: float = math.inf


def held(before: Hold | None, suppressing: bool, changed: bool, now: float, wait: int, extension: int) -> Hold | None:
    """Return what holds actions back now, if anything.

    Args:
        before: what did so far.
        suppressing: whether the suppressor is in alarm.
        changed: whether the composite has just changed its state.
        now: epoch seconds.
        wait: for how many seconds a change waits for the suppressor.
        extension: for how many seconds the suppressor counts after it has recovered.
    """
    if suppressing:
        return Hold("Alarm")
    if before and before.by == "Alarm":
        before = Hold("ExtensionPeriod", now + extension)
    if before and now < before.until:
        return before
    return Hold("WaitPeriod", now + wait) if changed and wait and not before else None
