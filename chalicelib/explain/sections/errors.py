"""The error lines since it began, against as long a time before: which are new.

They are read as they are, without a query; where they are too many for that, and there is time, a query counts them.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.enrich.errors import PATTERN, is_error, same
from chalicelib.explain import counted
from chalicelib.explain.counted import Counted
from chalicelib.explain.gathering import Look, within
from chalicelib.explain.model import Pattern
from chalicelib.explain.subject import Desk, Subject
from chalicelib.insights import groups
from chalicelib.insights.lines import pages
from chalicelib.insights.price import Group
from chalicelib.model import DAY, Aws, ParapetError
from chalicelib.notices.compose import moment
from chalicelib.services.model import Service
from chalicelib.times import iso

# How long the spans are that are compared: no longer than what is read at once (seconds).
SPAN, LEAST = 900.0, 300.0
# Where a query may follow, so much of the time is for reading.
READING = 0.4
# A query that is not done in time is cancelled, for which this is left (seconds).
GRACE = 0.5
GROUPS, PAGES, SHOWN = 3, 3, 10


def look(
    desk: Desk, subject: Subject, service: Service, since: float, patience: float,
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep, *, whole: bool = False,
) -> Look[tuple[Pattern, ...]]:  # fmt: skip
    """Return the patterns of error lines, the most frequent first; raises AwsError, and ParapetError without groups.

    Args:
        desk: where to look.
        subject: what is explained.
        service: whose log groups.
        since: the onset.
        patience: for so many seconds pages are asked for.
        clock: in seconds.
        sleep: waits.
        whole: whether Logs Insights counts what is too much to be read.
    """
    aws, begun = desk.reach(subject.region), clock()
    until = begun + patience * (READING if whole else 1.0)
    known = groups.of_service(aws, service, ("app",))[:GROUPS]
    some = [one.name for one in known]
    length = min(SPAN, max(LEAST, subject.end - since))
    # The minute in which it began is told from its first second.
    start = since - 30
    spans = ((start, start + length), (start - length, start))
    now, before = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    first: dict[tuple[str, str], float] = {}
    calls, cut = 0, set[str]()
    for tally, (begin, end) in zip((now, before), spans, strict=True):
        for group in some:
            more = False
            for page, more in pages(aws, group, PATTERN, begin, end, PAGES):
                calls += 1
                for raw in page:
                    if is_error(raw["message"]):
                        key = (group, same(raw["message"]))
                        tally[key] += 1
                        if tally is now:
                            first[key] = min(raw["timestamp"] / 1000, first.get(key, subject.end))
                if more and clock() > until:
                    break
            # The last page tells whether there are more.
            if more:
                cut.add(group)
    read = [
        Pattern(text, times, before[group, text], group, first[group, text]) for (group, text), times in now.items()
    ]
    reason = "there are too many lines: not all were read" if cut else ""
    asked = Counted()
    if whole and cut:
        busy, left = [one for one in known if one.name in cut], max(0.0, begun + patience - clock())
        asked = _counted(aws, busy, (start, start + length), subject.now, left, clock, sleep)
        began = {(one.group, _loose(one.text)): one.first for one in read}
        read = [one for one in read if one.group not in asked.groups]
        read += [replace(one, first=began.get((one.group, _loose(one.text)), 0.0)) for one in asked.patterns]
        reason = f"{reason} ({asked.reason})" if asked.reason else ""
    found = tuple(sorted(read, key=lambda one: -one.count)[:SHOWN])
    gone = [one for one in known if one.days is not None and start - length < subject.now - one.days * DAY]
    kept = (f"{one.name} keeps its lines for {one.days} day{'s' if one.days != 1 else ''}" for one in gone)
    reason = "; ".join(filter(None, (reason, *kept)))
    kinds = f"{len(found)} kind{'s' if len(found) != 1 else ''} of error lines, {sum(one.new for one in found)} new"
    told = kinds if found else f"no error lines in {', '.join(some)} from {moment(start)} to {moment(start + length)}"
    data = [
        {"text": one.text, "count": one.count, "before": one.before, "group": one.group,
         "first": iso(one.first) if one.first else None}
        for one in found
    ]  # fmt: skip
    return Look(
        found, told, data, tuple({"kind": "log-group", "ref": one} for one in some), calls + asked.calls,
        asked.usd, asked.scanned,
        "no_data" if not found and len(gone) == len(known) else "partial" if reason else "ok", reason,
    )  # fmt: skip


def _loose(text: str) -> str:
    """Return a text without what stands for something that varies: a query has other signs for it."""
    return re.sub(r"[#…\s]+", " ", text).strip()


def _counted(
    aws: Aws, busy: Sequence[Group], span: tuple[float, float], now: float, seconds: float,
    clock: Callable[[], float], sleep: Callable[[float], None],
) -> Counted:  # fmt: skip
    """Return what a query counts, if it does; what was read is not lost for that."""
    try:
        return within(seconds + GRACE, lambda: counted.count(aws, busy, *span, now, seconds, clock, sleep))
    except ParapetError as error:
        return Counted(reason=str(error))
