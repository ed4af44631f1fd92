"""The time by which metrics and alarms run, which can be made to go faster than the wall's.

Callers know the wall clock only. At the API's edge their times are moved by `shift`, whole minutes, and the answer's
are moved back: who asks for the last three hours always sees the last three hours. What else happened in that world
(alarms, log lines, calls, changes) is kept with the wall's time of then, and told through one lens, `told`: it lies as
long ago as what it did to the metrics.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime

MINUTE = 60


class Clock:
    """Tells the time of the metrics; may be used by several threads."""

    def __init__(self, speed: float = 1.0, wall: Callable[[], float] = time.time) -> None:
        """Start with the wall's time; raises ValueError for a speed below 1.

        Args:
            speed: how many seconds go by in one.
            wall: the clock that callers know.
        """
        self.wall, self._lock = wall, threading.Lock()
        # By how much it is ahead of the wall, since when, and how fast it is going; all that was before comes first.
        self._paces: list[tuple[float, float, float]] = []
        self.faster(speed)

    @property
    def speed(self) -> float:
        """How many seconds go by in one."""
        return self._paces[-1][2]

    def faster(self, speed: float) -> None:
        """Go at a speed from now on, 1 being the wall's, without a leap; raises ValueError for one below 1."""
        if not 1 <= speed < math.inf:
            raise ValueError(f"the clock goes at 1 or faster, not at {speed}")
        with self._lock:
            wall = self.wall()
            if not self._paces or speed != self.speed:
                self._paces.append((wall, self._lead(wall), float(speed)))

    def now(self) -> float:
        """Return the time of the metrics in epoch seconds."""
        with self._lock:
            wall = self.wall()
            return wall + self._lead(wall)

    @property
    def shift(self) -> float:
        """How far this time is ahead of the wall's, rounded down to a whole minute: 0 for a clock that never ran."""
        with self._lock:
            return float(self._lead(self.wall()) // MINUTE * MINUTE)

    def gained(self, since: float) -> float:
        """Return by how many seconds it got ahead since a time of the wall: what was then is as much older."""
        with self._lock:
            wall = self.wall()
            return self._lead(wall) - self._lead(min(since, wall))

    def told(self, at: float) -> float:
        """Return when something was, for who asks now: it was at a time of the wall's."""
        return at - self.gained(at)

    def moment(self, at: datetime) -> datetime:
        """Return the same of moto's times."""
        return datetime.fromtimestamp(self.told(seconds(at)), UTC)

    def _lead(self, wall: float) -> float:
        number = bisect_right(self._paces, wall, key=lambda one: one[0])
        since, ahead, speed = self._paces[number - 1] if number else (wall, 0.0, 1.0)
        # Exactly nothing at speed 1, so that no rounding makes it a minute less.
        return ahead + (wall - since) * (speed - 1.0)


def seconds(moment: datetime) -> float:
    """Return moto's times, which may lack a zone, as epoch seconds."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
