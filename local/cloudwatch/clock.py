"""The time by which metrics and alarms run, which can be made to go faster than the wall's.

Callers know the wall clock only. At the API's edge their times are moved by `shift`, whole minutes, and the answer's
are moved back: who asks for the last three hours always sees the last three hours.
"""

from __future__ import annotations

import math
import threading
import time
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
        self._wall, self._lock = wall, threading.Lock()
        # By how much it is ahead of the wall, since when, and how fast it is going.
        self._ahead, self._since, self._speed = 0.0, wall(), 1.0
        self.faster(speed)

    @property
    def speed(self) -> float:
        """How many seconds go by in one."""
        return self._speed

    def faster(self, speed: float) -> None:
        """Go at a speed from now on, 1 being the wall's, without a leap; raises ValueError for one below 1."""
        if not 1 <= speed < math.inf:
            raise ValueError(f"the clock goes at 1 or faster, not at {speed}")
        with self._lock:
            wall = self._wall()
            self._ahead, self._since, self._speed = self._lead(wall), wall, float(speed)

    def now(self) -> float:
        """Return the time of the metrics in epoch seconds."""
        with self._lock:
            wall = self._wall()
            return wall + self._lead(wall)

    @property
    def shift(self) -> float:
        """How far this time is ahead of the wall's, rounded down to a whole minute: 0 for a clock that never ran."""
        with self._lock:
            return float(self._lead(self._wall()) // MINUTE * MINUTE)

    def _lead(self, wall: float) -> float:
        # Exactly nothing at speed 1, so that no rounding makes it a minute less.
        return self._ahead + (wall - self._since) * (self._speed - 1.0)


def seconds(moment: datetime) -> float:
    """Return moto's times, which may lack a zone, as epoch seconds."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
