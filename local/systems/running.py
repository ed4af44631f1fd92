"""The sample systems at work: their history at the start, minute after minute then, and what goes wrong on request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from chalicelib.slo.burn import SPEEDS
from local.cloudwatch.clock import Clock
from local.systems import SYSTEMS, deploying, lines, traces, traffic, writing
from local.systems.faults import KINDS, Fault, at_work, past
from local.systems.model import System
from local.systems.traffic import BLOCK, MINUTE
from local.systems.writing import Stores
from local.xray_filter import Document

Client = Callable[[str], Any]
DAY = 86_400
MONTH, RECENT = 30 * DAY, 3 * 3600
SECONDS = 0.2
# Whoever slept for longer has a hole in the metrics, as after an outage of the measuring.
BEHIND = 240
# So long after something was wrong no short window of a page has anything of it, also where five minutes are counted
# together: then the page is over.
CALM = max(one.short for one in SPEEDS if one.level == "page") + 10 * MINUTE
# Log streams of an hour, of which so many are kept.
STREAMS = 3


class Unwilling(Exception):
    """What cannot go wrong with a system, or is wrong with it already."""


@dataclass(frozen=True)
class Chaos:
    """A fault that somebody made, how fast the clock goes meanwhile, and what was done to bring it about.

    `release` is what was deployed for it: nothing is wrong in the minutes in which something else runs.
    """

    fault: Fault
    speed: float
    done: str = ""
    release: str = ""


class Running:
    """All sample systems of the account.

    Args:
        clock: of the metrics; it goes faster until what is wrong is over and its page too, if that is wanted.
        stores: CloudWatch's metrics, by region.
        inside: clients whose calls nobody sees.
        bob: clients of whoever deploys, over the wire.
        ids: of the resources, by the names that the systems know them by.
        say: a line on the terminal.
        moved: called when what was read by the wall's clock is no longer where it was, as the clock goes faster.
        wall: the clock that people know.
        seconds: how much history there is.
    """

    def __init__(
        self,
        clock: Clock,
        stores: Stores,
        inside: Client,
        bob: Client,
        ids: Mapping[str, str],
        say: Callable[[str], None],
        moved: Callable[[], None] = lambda: None,
        wall: Callable[[], float] = time.time,
        seconds: int = MONTH,
    ) -> None:
        self._clock, self._stores, self._inside, self._bob, self._ids, self._say = clock, stores, inside, bob, ids, say
        self._moved, self._wall, self._seconds = moved, wall, seconds
        self._shift = clock.shift
        self._lock = threading.RLock()
        self._written = int(clock.now() // MINUTE * MINUTE)
        self._recent_since = (self._written - RECENT) // BLOCK * BLOCK
        self._faults = {name: past(name, self._written) for name in SYSTEMS}
        self._chaos: list[Chaos] = []
        # What is over, and still seen by a page: until when, and how fast the clock goes meanwhile.
        self._calming: list[tuple[float, float]] = []
        self._streams: dict[str, list[str]] = {}
        self._known = lru_cache(120)(self._traces)

    def start(self) -> None:
        """Write what somebody sees first: the last three hours."""
        for system in SYSTEMS.values():
            writing.fine(self._stores, system, self._ids, self._faults[system.name], self._recent_since, self._written)
            for group in (system.log_group, system.access_log):
                self._inside("logs").create_log_group(logGroupName=group, tags={"service": system.name})
        self._inside("logs").create_log_group(logGroupName=lines.FLOWS)
        for at in range(self._written - BLOCK, self._written, MINUTE):
            self._put(lines.FLOWS, at, lines.flows(at))

    def run(self, stopping: threading.Event) -> None:
        """Write the month before, then minute after minute until told to stop."""
        began, looked = time.monotonic(), float("-inf")
        for _ in self._month():
            # People are waiting for other things, and for what happens meanwhile.
            if stopping.wait(0.005):
                return
            if time.monotonic() - looked >= SECONDS:
                self._follow_up()
                looked = time.monotonic()
        traffic.counts.cache_clear()
        days = self._seconds // DAY
        self._say(f"the sample systems have {days} days of history ({time.monotonic() - began:.0f} s)")
        while not stopping.wait(SECONDS):
            self._follow_up()

    def _month(self) -> Iterator[None]:
        """Write the month before what somebody sees first, piece by piece."""
        since = self._recent_since
        for system in SYSTEMS.values():
            faults = self._faults[system.name]
            for _ in writing.coarse(self._stores, system, self._ids, faults, since - self._seconds, since):
                yield

    def _follow_up(self) -> None:
        try:
            self.look()
        except Exception as error:  # the next minute may go well
            self._say(f"sample systems: {type(error).__name__}: {error}")

    def look(self) -> None:
        """Write the minutes that are over, and slow the clock down when no page sees anything wrong any more."""
        with self._lock:
            now = self._clock.now()
            end = int(now // MINUTE * MINUTE)
            if self._written < end:
                self._follow()
            self._written = max(self._written, end - BEHIND * MINUTE)
            if end - self._written > MINUTE:
                # Time waits for what is still to be written: else it looks as if nobody came.
                self._clock.faster(1.0)
            try:
                self._write(end)
            finally:
                self._pace()
            for one in [one for one in self._chaos if one.fault.end <= now]:
                self._over(one, one.fault.end)
            if any(until <= now for until, _ in self._calming):
                self._calming = [one for one in self._calming if one[0] > now]
                self._pace()
        if (shift := self._clock.shift) != self._shift:
            self._shift = shift
            self._moved()

    def _write(self, end: int) -> None:
        for at in range(self._written, end, MINUTE):
            self._written = at + MINUTE
            for system in SYSTEMS.values():
                writing.minute(self._stores, system, self._ids, self._faults[system.name], at)
                self._log(system, at)
            self._put(lines.FLOWS, at, lines.flows(at, self._clock.now() - self._wall()))

    def _log(self, system: System, at: int) -> None:
        faults, ahead = self._faults[system.name], self._clock.now() - self._wall()
        application, reports = (tell(system, at, faults, ahead) for tell in (lines.application, lines.reports))
        self._put(system.log_group, at, (*application, *reports))
        self._put(system.access_log, at, lines.access(system, at, faults, ahead))

    def _put(self, group: str, at: int, some: Iterable[lines.Line]) -> None:
        if told := sorted(some):
            events = [{"timestamp": int(when * 1000), "message": text} for when, text in told]
            self._inside("logs").put_log_events(
                logGroupName=group, logStreamName=self._stream(group, at), logEvents=events
            )

    def _stream(self, group: str, at: int) -> str:
        name = time.strftime("%Y/%m/%d/%H", time.gmtime(at))
        known = self._streams.setdefault(group, [])
        if name not in known:
            self._inside("logs").create_log_stream(logGroupName=group, logStreamName=name)
            known.append(name)
            if len(known) > STREAMS:
                self._inside("logs").delete_log_stream(logGroupName=group, logStreamName=known.pop(0))
        return name

    # What goes wrong

    @property
    def chaos(self) -> tuple[Chaos, ...]:
        """What somebody made go wrong, and goes on."""
        with self._lock:
            return tuple(self._chaos)

    def begin(self, system: str, kind: str, seconds: float, speed: float) -> Chaos:
        """Make something go wrong for some seconds of the clock of the metrics, which goes so much faster meanwhile.

        Raises Unwilling.
        """
        found, what = SYSTEMS.get(system), KINDS.get(kind)
        if found is None:
            raise Unwilling(f"there is no system {system!r}: {', '.join(SYSTEMS)}")
        if what is None:
            raise Unwilling(f"{kind!r} is nothing that goes wrong here: {', '.join(KINDS)}")
        if what.connections and not found.database:
            having = ", ".join(one.name for one in SYSTEMS.values() if one.database)
            raise Unwilling(f"{system} has no database whose connections could run out; {having} have one")
        if not (60 <= seconds <= DAY and 1 <= speed <= 600):
            raise Unwilling("it lasts from a minute to a day, and the clock goes 1 to 600 times as fast")
        with self._lock:
            if other := next((one for one in self._chaos if one.fault.system == system), None):
                raise Unwilling(f"{system} has {other.fault.kind} already: stop that first")
            done = deploying.deploy(self._bob, system, traces.BAD_VERSION) if what.deploys else ""
            release = deploying.deployed(self._inside, system) if what.deploys else ""
            start = self._next()
            chaos = Chaos(Fault(system, kind, start, start + seconds), speed, done, release)
            self._chaos.append(chaos)
            self._faults[system] = (*self._faults[system], chaos.fault)
            self._pace()
        self._say(f"chaos: {system}: {what.title}{f' ({done})' if done else ''}")
        return chaos

    def end(self, system: str) -> Chaos:
        """End what somebody made go wrong with a system; raises Unwilling when there is nothing."""
        with self._lock:
            found = next((one for one in self._chaos if one.fault.system == system), None)
            if found is None:
                raise Unwilling(f"nothing is wrong with {system} that somebody made")
            end = max(min(self._next(), found.fault.end), found.fault.start)
            self._well(system, end)
            self._over(found, end)
        return found

    def _next(self) -> float:
        """Return the next whole minute, so that no minute is half ill."""
        return float((self._clock.now() // MINUTE + 1) * MINUTE)

    def _well(self, system: str, at: float) -> None:
        """Have nothing be wrong with a system from a time on; what is written stays."""
        self._faults[system] = tuple(replace(one, end=max(min(one.end, at), one.start)) for one in self._faults[system])

    def _follow(self) -> None:
        """Have what came with a release go when that is taken back, and come again with it."""
        for one in [one for one in self._chaos if one.release]:
            system, at = one.fault.system, self._next()
            bad = deploying.deployed(self._inside, system) == one.release
            if at_work(self._faults[system], at) and not bad:
                self._well(system, at)
                self._say(f"chaos: {system}: what was deployed runs no more")
            elif bad and not at_work(self._faults[system], at) and one.fault.start <= at < one.fault.end:
                self._faults[system] = (*self._faults[system], replace(one.fault, start=at))
                self._say(f"chaos: {system}: it runs again")

    def _over(self, chaos: Chaos, end: float) -> None:
        self._chaos.remove(chaos)
        self._calming.append((end + CALM, chaos.speed))
        self._pace()
        self._say(f"chaos: {chaos.fault.system}: over")

    def _pace(self) -> None:
        speeds = (*(one.speed for one in self._chaos), *(speed for _, speed in self._calming))
        self._clock.faster(max(speeds, default=1.0))

    # What X-Ray asks for

    def between(self, start: float, end: float) -> Iterator[Sequence[Document]]:
        """Yield the documents of each trace that began within a time, which may not be to come."""
        end = min(end, self._clock.now())
        for name in SYSTEMS:
            for at in range(int(start // MINUTE * MINUTE), int(end) + 1, MINUTE):
                for one in self._known(name, at, at_work(self._faults[name], at)):
                    if start <= one.start < end:
                        yield one.documents

    def by_id(self, wanted: str) -> Sequence[Document]:
        """Return the documents of a trace, whose id tells its minute; none where it is not known."""
        at = int(wanted.split("-")[1], 16) // MINUTE * MINUTE
        for name in SYSTEMS:
            for one in self._known(name, at, at_work(self._faults[name], at)):
                if one.id == wanted:
                    return one.documents
        return ()

    def _traces(self, name: str, at: int, _kind: str) -> tuple[traces.Trace, ...]:
        return tuple(traces.traces(SYSTEMS[name], at, self._faults[name]))
