"""Sections of an explanation, side by side: each has its own time and its own fate, and none can spoil the others."""

from __future__ import annotations

import contextvars
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from chalicelib.model import AwsError, ParapetError

T = TypeVar("T")
# `partial`: some of what it looks at could not be read.
Status = Literal["ok", "partial", "no_data", "denied", "late", "failed"]


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """What a section has found, and how it is told.

    Args:
        found: for whoever ranks suspects.
        answer: in a sentence.
        data: as JSON.
        evidence: where it is from: a kind, and what leads there.
        calls: how often AWS was asked.
        usd: what that cost, about.
        scanned: how many bytes of logs were read.
        status: how it went.
        reason: what could not be read.
    """

    found: T
    answer: str
    data: Any = None
    evidence: tuple[Mapping[str, str], ...] = ()
    calls: int = 0
    usd: float = 0.0
    scanned: float = 0.0
    status: Status = "ok"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One thing to look at: its id, how many seconds it may take, and how it is done."""

    id: str
    seconds: float
    look: Callable[[], Look[Any]]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a section: `look` is None where there is nothing to tell but why."""

    id: str
    status: Status
    took: float
    look: Look[Any] | None = None
    reason: str = ""
    defect: str = field(default="", repr=False)


def gather(
    sections: Sequence[Section],
    heard: Callable[[Fate], None] = lambda fate: None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Fate]:
    """Look at everything at once, and return what became of each section by its id, in their order.

    Args:
        sections: what to look at.
        heard: is told of each as soon as it is done.
        clock: in seconds.
    """
    started = clock()
    pool = ThreadPoolExecutor(max(1, len(sections)), thread_name_prefix="explain")
    # Who we are, and where we log, is in the context.
    running: dict[Future[Fate], Section] = {
        pool.submit(contextvars.copy_context().run, _looked, one, clock): one for one in sections
    }
    fates: dict[str, Fate] = {}
    while running:
        soonest = min(one.seconds for one in running.values())
        done, _ = wait(running, max(0.0, soonest - (clock() - started)), FIRST_COMPLETED)
        late = {} if done else {future: one for future, one in running.items() if one.seconds <= clock() - started}
        for future in done:
            fates[running.pop(future).id] = future.result()
            heard(future.result())
        for future, one in late.items():
            del running[future]
            fates[one.id] = Fate(one.id, "late", clock() - started, reason=f"not there within {one.seconds:.1f} s")
            heard(fates[one.id])
    # What still runs comes to its end by itself: each call gives up after some seconds.
    pool.shutdown(wait=False, cancel_futures=True)
    return {one.id: fates[one.id] for one in sections}


def within(seconds: float, look: Callable[[], T]) -> T:
    """Return what a look finds; raises what it raises, and ParapetError when it takes longer than so many seconds."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="explain")
    try:
        return pool.submit(contextvars.copy_context().run, look).result(seconds)
    except TimeoutError:
        raise ParapetError(f"AWS has not answered within {seconds:g} s: ask again in a moment") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _looked(section: Section, clock: Callable[[], float]) -> Fate:
    started = clock()
    try:
        look = section.look()
    except AwsError as error:
        status: Status = "denied" if error.denied else "failed"
        told = f"not allowed: {error.action}: {error.message}" if error.denied else str(error)
        return Fate(section.id, status, clock() - started, reason=told)
    except ParapetError as error:
        return Fate(section.id, "failed", clock() - started, reason=str(error))
    except Exception as error:
        told = f"a defect of Parapet's ({type(error).__name__}): please report it"
        trace = "".join(traceback.format_exception(error))
        return Fate(section.id, "failed", clock() - started, reason=told, defect=trace)
    return Fate(section.id, look.status, clock() - started, look, look.reason)
