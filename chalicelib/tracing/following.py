"""One trace followed to its end: its steps, where it failed, and the log lines that belong to it.

X-Ray keeps a trace, or, with Transaction Search on, the log group aws/spans does: then BatchGetTraces finds nothing,
and Logs Insights is asked. Log lines are read by `FilterLogEvents`, which costs nothing and answers at once.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.alerts.console import page
from chalicelib.insights import price
from chalicelib.insights.lines import pages
from chalicelib.insights.logs import Logs
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.services.model import Service
from chalicelib.tracing import asking, segments, spans
from chalicelib.tracing.belonging import owners
from chalicelib.tracing.scrubbed import scrubbed
from chalicelib.tracing.segments import Step

ID = re.compile(r"(?:1-)?([0-9a-f]{8})-?([0-9a-f]{24})")
State = Literal["ok", "no_data", "denied", "failed"]
# How long Logs Insights may take for spans, and CloudWatch for lines (seconds); how much is read, and told.
PATIENCE, SECONDS, PAGES, GROUPS, LINES = 8.0, 5.0, 5, 5, 50
# Of what the settings name for a service, that which its code writes.
LOGS: tuple[Logs, ...] = ("app", "lambda")
# Lines are written a little before and after what they tell of (seconds).
BEFORE, AFTER = 60.0, 300.0
# An id that begins with its time is not older than X-Ray keeps traces; of another this is how far back it is sought.
KEPT, AROUND, SOUGHT = 30 * 86400.0, 1800.0, 6 * 3600.0


class NoTraceId(ParapetError):
    """What cannot be the id of a trace."""


@dataclass(frozen=True, slots=True)
class Line:
    """One log line: when, in which group, what; epoch seconds."""

    at: float
    group: str
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """The log lines of a trace, the oldest first; `why` tells what could not be read, or that there are more."""

    state: State
    lines: tuple[Line, ...] = ()
    groups: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Followed:
    """A trace.

    Args:
        id: X-Ray's.
        state: `no_data` where nobody knows it.
        why: what could not be read.
        source: who knew it: X-Ray, or the spans.
        steps: in the order in which they are read.
        failing: where it failed, if it did.
        lines: of its logs.
        calls: how often AWS was asked.
        scanned: how many bytes Logs Insights has read for it, which cost.
    """

    id: str
    state: State
    why: str = ""
    source: Literal["xray", "spans", ""] = ""
    steps: tuple[Step, ...] = ()
    failing: Step | None = None
    lines: Lines = Lines("no_data")
    calls: int = 0
    scanned: float = 0.0


def trace_id(given: str) -> str:
    """Return X-Ray's id of a trace, of 32 plain digits too; raises NoTraceId."""
    match = ID.fullmatch(given.lower())
    if not match:
        raise NoTraceId(f"{given!r} is not the id of a trace such as 1-5759e988-bd862e3fe1be46a994272793")
    return f"1-{match[1]}-{match[2]}"


def console(region: str, id_: str) -> str:
    """Return where the console shows a trace."""
    return page(region, f"/cloudwatch/home?region={{region}}#xray:traces/{id_}")


def follow(
    aws: Aws,
    id_: str,
    now: float,
    services: Sequence[Service] = (),
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    *,
    patience: float = PATIENCE,
    logged: bool = True,
    when: tuple[float, float] | None = None,
    budget: float = asking.BUDGET,
) -> Followed:
    """Return a trace with its log lines; what is denied is a state; raises AwsError where X-Ray does not answer.

    Args:
        aws: calls in its region.
        id_: X-Ray's.
        now: epoch seconds.
        services: those of the settings, which may name log groups that the trace does not.
        clock: seconds that only grow.
        sleep: waits.
        patience: how long Logs Insights may take for spans (seconds).
        logged: whether its log lines are wanted.
        when: from when to when it was, where that is known better than its id tells.
        budget: how many gigabytes of spans may be read for it.
    """
    # A long one may come in parts.
    parts = aws.all("xray", "batch_get_traces", "Traces", TraceIds=[id_])
    documents = [json.loads(one["Document"]) for part in parts for one in part["Segments"]]
    scanned, calls = 0.0, 1
    if documents:
        source: Literal["xray", "spans"] = "xray"
        steps = segments.steps(documents)
    else:
        source = "spans"
        try:
            steps, scanned, asked, why = _spans(aws, id_, _when(id_, now, when), patience, budget, clock, sleep)
        except AwsError as error:
            # Without Transaction Search there is no such group.
            if error.code == "ResourceNotFoundException":
                return Followed(id_, "no_data", "X-Ray does not know it, and keeps no spans here: is it 30 days old?")
            if not error.denied:
                raise
            return Followed(id_, "denied", f"X-Ray does not know it, and AWS denies {error.action} to look for spans")
        except ParapetError as error:
            return Followed(id_, "failed", f"X-Ray does not know it, and its spans could not be read: {error}")
        calls += asked
        if why:
            why = f"X-Ray does not know it, and its spans could not be read: {why}"
            return Followed(id_, "failed", why, calls=calls, scanned=scanned)
        if not steps:
            return Followed(id_, "no_data", "neither X-Ray nor the log group aws/spans knows it", calls=calls)
    if not logged:
        return Followed(id_, "ok", "", source, steps, segments.failing(steps), calls=calls, scanned=scanned)
    named = tuple(dict.fromkeys((*segments.log_groups(steps), *_told(steps, services))))
    start, end = min(one.at for one in steps), max(one.at + (one.seconds or 0.0) for one in steps)
    terms = (id_, spans.bare(id_), *segments.request_ids(steps))
    lines, read = _lines(aws, named, terms, start - BEFORE, min(end + AFTER, now), clock)
    return Followed(
        id_, "ok", "", source, steps, segments.failing(steps), lines, calls + read, scanned
    )  # fmt: skip


def _told(steps: Iterable[Step], services: Sequence[Service]) -> Iterable[str]:
    """Yield the log groups that the settings name for the services that took part."""
    owning = {name for one in steps for name in owners(one.name, one.type, services)}
    for service in services:
        if service.name in owning:
            # A query of Logs Insights takes prefixes, and this is none.
            yield from (name for kind in LOGS for name in service.logs.get(kind, ()) if not name.endswith("*"))


def _when(id_: str, now: float, when: tuple[float, float] | None) -> tuple[float, float]:
    """Return from when to when the spans of a trace are sought."""
    if when:
        return when
    begun = float(int(id_.split("-")[1], 16))
    if now - KEPT <= begun <= now + AROUND:
        return begun - BEFORE, min(begun + AROUND, now)
    return now - SOUGHT, now


def _spans(
    aws: Aws, id_: str, when: tuple[float, float], patience: float, budget: float, clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> tuple[tuple[Step, ...], float, int, str]:  # fmt: skip
    """Return the spans of a trace as steps, the bytes read, the calls made, and why not; raises ParapetError."""
    # Whoever may only read has it asked, too: every trace's spans of that time are read, and paid for.
    arrived = asking.arrived(aws, *when)
    if arrived > budget * price.GB:
        raise ParapetError(
            f"Logs Insights would have to read {price.size(arrived)}, and a trace is worth {budget:.3g} GB"
        )
    found = asking.ask(aws, spans.query(id_), *when, patience, clock, sleep)
    try:
        steps = spans.steps(str(row["@message"]) for row in found.rows if row.get("@message"))
    except (ValueError, KeyError, TypeError) as error:
        raise ParapetError(f"a line of {spans.GROUP} is no span: {error!r}") from error
    return steps, found.scanned, found.calls + 1, found.why


def _lines(
    aws: Aws, groups: Sequence[str], terms: Iterable[str], start: float, end: float, clock: Callable[[], float]
) -> tuple[Lines, int]:
    """Return the lines that name a trace or one of its invocations, and the calls made; raises AwsError."""
    if not groups:
        return Lines("no_data", why="nothing in the trace tells where its parts log"), 0
    some = tuple(dict.fromkeys(terms))
    until, calls, cut = clock() + SECONDS, 0, False
    found: list[Line] = []
    notes: list[str] = []
    denied: list[str] = []
    pattern = " ".join(f'?"{one}"' for one in some)
    for group in groups[:GROUPS]:
        more = False
        try:
            for read, more in pages(aws, group, pattern, start, end, PAGES):
                calls += 1
                found += [
                    Line(raw["timestamp"] / 1000, group, scrubbed(raw["message"].rstrip()))
                    for raw in read
                    if any(one in raw["message"] for one in some)
                ]
                if more and clock() > until:
                    break
        except AwsError as error:
            calls += 1
            if error.denied:
                denied.append(f"AWS denies {error.action} on {group}")
            elif error.code == "ResourceNotFoundException":
                notes.append(f"there is no log group {group}")
            else:
                raise
        else:
            cut |= more
    found.sort(key=lambda one: one.at)
    if cut or len(found) > LINES or len(groups) > GROUPS:
        notes.append("there may be more lines")
    why = "; ".join((*denied, *notes))
    if not found and denied:
        return Lines("denied", (), tuple(groups[:GROUPS]), why), calls
    state: State = "ok" if found else "no_data"
    why = why or ("" if found else "no line names the trace, or one of its requests: do the loggers write its id?")
    return Lines(state, tuple(found[:LINES]), tuple(groups[:GROUPS]), why), calls
