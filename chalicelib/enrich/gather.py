"""Sections of evidence, side by side: each has its own time and its own fate, and none can spoil the others."""

from __future__ import annotations

import contextvars
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chalicelib.model import AwsError, ParapetError
from chalicelib.notices.compose import clip


@dataclass(frozen=True, slots=True)
class Found:
    """What a section has to tell: lines, labelled values, links, a PNG."""

    lines: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class Section:
    """One thing to look up: what people call it, how many seconds it may take, and how it is done."""

    name: str
    seconds: float
    look: Callable[[], Found]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that was found, in the sections' order, and how each fared: `found`, `nothing`, or why not."""

    found: Found
    fates: tuple[tuple[str, str], ...]
    defects: tuple[str, ...] = ()


def gather(sections: Sequence[Section], clock: Callable[[], float] = time.monotonic) -> Gathered:
    """Look everything up at once; what is denied, fails or takes too long is a line that says so."""
    started = clock()
    pool = ThreadPoolExecutor(max(1, len(sections)), thread_name_prefix="evidence")
    # Who we are, and where we log, is in the context.
    running = [(one, pool.submit(contextvars.copy_context().run, one.look)) for one in sections]
    parts: list[Found] = []
    missing: list[str] = []
    fates: list[tuple[str, str]] = []
    defects: list[str] = []
    for section, future in running:
        try:
            part = future.result(max(0.0, section.seconds - (clock() - started)))
        except TimeoutError:
            problem = f"not there within {section.seconds:.0f} s"
        except AwsError as error:
            problem = _refused(error)
        except ParapetError as error:
            problem = str(error)
        except Exception as error:
            problem = f"a defect of Parapet's ({type(error).__name__}): please report it"
            defects.append("".join(traceback.format_exception(error)))
        else:
            parts.append(part)
            fates.append((section.name, "nothing" if part == Found() else "found"))
            continue
        missing.append(clip(f"{section.name}: {problem}"))
        fates.append((section.name, problem))
    # What still runs comes to its end by itself: each call gives up after some seconds.
    pool.shutdown(wait=False, cancel_futures=True)
    return Gathered(_together(parts, missing), tuple(fates), tuple(defects))


def _refused(error: AwsError) -> str:
    if error.denied:
        return f"not allowed: {error.action}: {error.message}"
    return f"{error.action} is throttled at the moment" if "Throttl" in error.code else str(error)


def _together(parts: Sequence[Found], missing: Sequence[str]) -> Found:
    return Found(
        (*(line for part in parts for line in part.lines), *missing),
        tuple(fact for part in parts for fact in part.facts),
        tuple(link for part in parts for link in part.links),
        next((part.picture for part in parts if part.picture), b""),
    )
