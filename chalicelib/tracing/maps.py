"""Reads the map of now and that of the hour before, side by side, and remembers both for as long as they are fresh."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chalicelib.model import Aws
from chalicelib.services.model import Service
from chalicelib.tracing.graph import Map, graph

# For how long a map does as it was read, and one of the past (seconds); how long that past is.
FRESH, LASTING, BEFORE = 30.0, 300.0, 3600.0
KEPT = 16
Key = tuple[str, float, float]


@dataclass(frozen=True, slots=True)
class Both:
    """The map of a time, that of the hour before it, and how often X-Ray was asked."""

    now: Map
    before: Map
    calls: int


class Maps:
    """Kept for as long as its function's environment lives."""

    def __init__(self, reach: Callable[[str], Aws]) -> None:
        """Keep how to call AWS in a region of our own account; an empty region is the one we run in."""
        self._reach = reach
        self._known: dict[Key, tuple[Map, Sequence[Service]]] = {}
        self._pool = ThreadPoolExecutor(2)

    def look(self, region: str, start: float, end: float, services: Sequence[Service] = ()) -> Both:
        """Return the map of a time, to half a minute, and that of the hour before; raises AwsError."""
        until = end // FRESH * FRESH
        since = min(start // FRESH * FRESH, until - FRESH)
        past = since // LASTING * LASTING
        keys: tuple[Key, Key] = (region, since, until), (region, past - BEFORE, past)
        missing = [key for key in keys if key not in self._known or self._known[key][1] != services]
        # Who we are, and where we log, is in the context.
        reading = [self._pool.submit(contextvars.copy_context().run, self._read, key, services) for key in missing]
        found = {key: one.result() for key, one in zip(missing, reading, strict=True)}
        if len(self._known) > KEPT:
            self._known.clear()
        self._known |= {key: (one, services) for key, one in found.items()}
        now, before = (found[key] if key in found else self._known[key][0] for key in keys)
        return Both(now, before, len(missing))

    def _read(self, key: Key, services: Sequence[Service]) -> Map:
        region, start, end = key
        return graph(self._reach(region), start, end, services)
