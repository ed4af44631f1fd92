"""How many error lines of each kind there are, where they are too many to be read: counted by Logs Insights."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.enrich.errors import same
from chalicelib.explain.model import Pattern
from chalicelib.insights import groups, price, queries, running
from chalicelib.insights.price import Group
from chalicelib.insights.running import Done, Running, Started
from chalicelib.model import Aws, AwsError, ParapetError

# How many gigabytes an explanation may have read.
BUDGET = 5.0
QUERY = "errors-new"
# How a pattern of Logs Insights writes what varies: `<*>`, `<Number-3>`, `<UUID>`.
_VARIES = re.compile(r"<(?:\*|[A-Za-z][A-Za-z0-9]*(?:-\d+)?)>")
_BARE = re.compile(r"([:,\[]\s*)<(?:\*|[A-Za-z][A-Za-z0-9]*(?:-\d+)?)>(?=\s*[,}\]])")


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of it: the patterns, of which groups, bytes that were read and dollars that cost, and why not all."""

    patterns: tuple[Pattern, ...] = ()
    groups: frozenset[str] = frozenset()
    calls: int = 0
    scanned: float = 0.0
    usd: float = 0.0
    reason: str = ""


def count(
    aws: Aws,
    some: Sequence[Group],
    start: float,
    end: float,
    now: float,
    patience: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Counted:
    """Return the kinds of error lines of log groups in a span, against as long a span before; raises AwsError.

    What is not counted is told in `reason`: too dear, not done in time, denied, or too many queries at once.

    Args:
        aws: calls in their region.
        some: which.
        start: from when.
        end: until when.
        now: what time it is.
        patience: so many seconds it may take.
        clock: in seconds.
        sleep: waits.
    """
    until = clock() + patience
    before = start - (end - start)
    about = price.estimate(some, before, end, now, aws.region, groups.incoming(aws, some, before, end))
    if about.bytes > BUDGET * price.GB:
        told = f"Logs Insights would have to read {price.size(about.bytes)}, and an explanation reads {BUDGET:g} GB"
        return Counted(calls=1, reason=told)
    text = queries.text(queries.find(QUERY), {})
    pause = running.pausing(until, clock, sleep)
    started: list[tuple[Group, Started]] = []
    found, counted, read, calls, problem = list[Pattern](), set[str](), 0.0, 1, ""
    try:
        for one in some:
            calls += 1
            started.append((one, running.start(aws, text, [one.name], start, end, sleep=pause)))
        for one, query in started:
            done = running.wait(aws, query.id, patience=max(0.0, until - clock()), clock=clock, sleep=sleep)
            calls += 1
            read += done.statistics.bytes
            if isinstance(done, Running):
                problem = "Logs Insights was not done in time"
                break
            found += _patterns(done, one.name)
            counted.add(one.name)
    except AwsError as error:
        problem = f"not allowed: {error.action}" if error.denied else str(error)
    except ParapetError as error:
        problem = str(error)
    for one, query in started:
        if one.name not in counted:
            running.abandon(aws, query.id)
            calls += 1
    return Counted(tuple(found), frozenset(counted), calls, read, price.of(read, aws.region).usd, problem)


def _patterns(done: Done, group: str) -> Iterator[Pattern]:
    """Yield the patterns of an answer as lines are told; those that read alike are one, and when each began is open."""
    now, change = dict[str, float](), dict[str, float]()
    for row in done.rows:
        text = readable(str(row["@pattern"]))
        now[text] = now.get(text, 0.0) + float(row["@sampleCount"] or 0)
        change[text] = change.get(text, 0.0) + float(row["@diffEventCount"] or 0)
    for text, times in now.items():
        if times:
            yield Pattern(text, int(times), max(0, int(times - change[text])), group, 0.0)


def readable(pattern: str) -> str:
    """Return a pattern as `same` makes it of its lines: the text of a JSON line, `…` for what varies."""
    # A number in a JSON line has no quotes, and neither has what stands for it.
    return same(_VARIES.sub("…", _BARE.sub(r'\1"…"', pattern)))
