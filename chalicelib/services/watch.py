"""Looks at services: reads their signals, budgets, limits and alarms, and remembers what cannot have changed yet."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.model import Aws
from chalicelib.services import golden, limits
from chalicelib.services.golden import Golden, View
from chalicelib.services.limits import Limit
from chalicelib.services.model import Service, Sought
from chalicelib.services.reading import Reader, Reading, Wanted
from chalicelib.slo import spending
from chalicelib.slo.budget import Budget

# What a database may hold changes with its parameters, seldom: so long it is believed (seconds).
LASTING = 900.0
# What AWS did not tell may be known the next time: it is asked again so soon (seconds).
AGAIN = 60.0
# Nobody waits longer for what fifty databases may hold: what comes later is there at the next look (seconds).
PATIENCE = 1.0
SOUGHT = Limit(None, "it is being looked up")
THREADS = 12
# Asked again within so many seconds, the whole answer does once more.
FRESH = 10.0
# So many looks, each with all its points, are remembered for as long as they are fresh.
REMEMBERED = 32
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """A service as it stands, with what it took to see it."""

    golden: Golden
    budgets: tuple[Budget, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a look took: calls of CloudWatch's, and series asked for (list price: a cent for a thousand)."""

    calls: int
    queries: int


class Watch:
    """Kept for as long as its function's environment lives."""

    def __init__(self, reach: Callable[[str], Aws], tell: Callable[[str], object]) -> None:
        """Keep how to reach AWS.

        Args:
            reach: how to call it in a region of our own account; an empty region is the one we run in.
            tell: who is told of a defect of ours that was found, with where it was.
        """
        self._reach, self._tell = reach, tell
        # One for what is shown, one for what is spent: they are read side by side.
        self._shown, self._spent = Reader(reach), Reader(reach)
        self._limits: dict[Sought, tuple[float, Limit]] = {}
        self._seeking: dict[Sought, Future[Limit]] = {}
        self._last: dict[tuple[View, tuple[str, ...]], tuple[float, tuple[Service, ...], tuple[Seen, ...]]] = {}
        self._pool = ThreadPoolExecutor(THREADS)

    def look(self, services: Sequence[Service], view: View, now: float) -> tuple[tuple[Seen, ...], Cost]:
        """Return how services are; raises AwsError where AWS does not answer, what it denies is a state."""
        key, some = (view, tuple(one.name for one in services)), tuple(services)
        at, last, before = self._last.get(key, (0.0, (), ()))
        if last == some and 0 <= now - at < FRESH:
            return before, Cost(0, 0)
        seeking = self._seek(services, now)
        budgeting = self._begin(self._spent.read, _all(spending.wanted(one, now) for one in services), now)
        try:
            signals = self._shown.read(_all(golden.wanted(one, view, now) for one in services), now)
            past = self._shown.read(_all(golden.silent(one, signals, view, now) for one in services), now)
        finally:
            # Left alone it would be frozen with the environment, and go on in the midst of another request.
            wait([budgeting])
        spent = budgeting.result()
        both = Reading({**past.points, **signals.points}, {**past.denied, **signals.denied})
        full = self._found(seeking, now)
        seen = tuple(
            Seen(golden.signals(one, both, full, view, now), spending.budgets(one, spent, now)) for one in services
        )
        if len(self._last) > REMEMBERED:
            self._last.clear()
        self._last[key] = (now, some, seen)
        reads = (signals, past, spent)
        return seen, Cost(sum(one.calls for one in reads), sum(one.queries for one in reads))

    def budgets(self, services: Sequence[Service], now: float) -> tuple[tuple[Budget, ...], Cost]:
        """Return the budgets of services; raises AwsError."""
        spent = self._spent.read(_all(spending.wanted(one, now) for one in services), now)
        found = tuple(budget for one in services for budget in spending.budgets(one, spent, now))
        return found, Cost(spent.calls, spent.queries)

    def limits(self, services: Sequence[Service], now: float) -> Mapping[Sought, Limit]:
        """Return what is full, of all that services stand on, as far as it is known within a second."""
        return self._found(self._seek(services, now), now)

    def _begin(self, what: Callable[..., T], *given: Any) -> Future[T]:
        # Who we are, and where we log, is in the context.
        return self._pool.submit(contextvars.copy_context().run, what, *given)

    def _seek(self, services: Sequence[Service], now: float) -> tuple[Sought, ...]:
        """Begin to look up the limits that are not known, or no longer; returns all that are wanted."""
        wanted = {sought: target for one in services for target, sought in golden.sought(one)}
        for sought, target in wanted.items():
            if not self._known(sought, now) and sought not in self._seeking:
                self._seeking[sought] = self._begin(limits.find, self._reach(target.region), target, sought)
        return tuple(wanted)

    def _known(self, sought: Sought, now: float) -> bool:
        at, limit = self._limits.get(sought, (0.0, SOUGHT))
        lasts = limit.value is not None or limit.unbounded or limit.denied
        return now - at <= (LASTING if lasts else AGAIN)

    def _found(self, wanted: Sequence[Sought], now: float) -> Mapping[Sought, Limit]:
        # On a laptop, where all runs in one process, others look at the same time.
        seeking = dict(self._seeking)
        wait([seeking[one] for one in wanted if one in seeking], PATIENCE)
        for sought, future in seeking.items():
            if future.done():
                self._seeking.pop(sought, None)
                self._limits[sought] = (now, limit := future.result())
                if limit.defect:
                    self._tell(limit.defect)
        return {one: self._limits.get(one, (now, SOUGHT))[1] for one in wanted}


def _all(several: Iterable[Iterable[Wanted]]) -> list[Wanted]:
    return [one for some in several for one in some]
