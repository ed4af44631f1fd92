"""What is to be done about a report now, by its schedule and what is recorded of its runs; pure.

A run is recorded before its query is started, and only the newest of the schedule's times is ever begun: so none runs
twice, and what was missed is left out and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Literal

from chalicelib.reports.model import Report, Run
from chalicelib.times import iso

# What was logged shortly before a time can be queried a little after it: so long the query waits, its window does not.
LAG = 180.0
# Longer than an invocation lives: who has taken a run and left no query behind by then is gone.
LEASE = 180.0
# Logs Insights ends a query after an hour.
LONGEST = 75 * 60.0
# Counting goes no further than that.
COUNTED = 1000
# What may do better next time, and how many tries it gets. What only could not start yet costs nothing.
Trouble = Literal["crowded", "failed", "timeout"]
TRIES: dict[Trouble, int] = {"crowded": 6, "failed": 3, "timeout": 2}
MINUTE = 60.0

Act = Literal["begin", "start", "abandon", "poll", "tell", "fail"]


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, and about which run.

    `begin` writes it as it stands here, to follow the `last`. All others take up what is recorded: `start` starts its
    query, anew where whoever did is gone, `abandon` does that no more, `poll` looks at the query, `tell` and `fail`
    tell what came of it.
    """

    act: Act
    run: Run
    last: Run | None = None


def steps(report: Report, newest: Run | None, asked: Run | None, now: float) -> Iterator[Step]:
    """Yield what is to be done now.

    Args:
        report: as the settings have it.
        newest: the newest run of its schedule, None when there never was one.
        asked: the last that somebody has asked for.
        now: what time it is.
    """
    for run in (newest, asked):
        if run and not run.over and (step := _next(run, now)):
            yield step
    if newest is None:
        # What was due before anybody knew of the report is not made up for.
        yield Step("begin", Run(report.name, iso(now), int(now), "new", now))
    elif newest.over and (due := report.schedule.latest(now - LAG)) is not None and due > newest.at:
        begun = Run(report.name, iso(due), due, "starting", now, tries=1, missed=missed(report, newest.at, due))
        yield Step("begin", begun, newest)


def _next(run: Run, now: float) -> Step | None:
    if run.due > now:
        return None
    if run.status in ("asked", "waiting"):
        return Step("start", run)
    if run.status == "starting":
        if now < run.since + LEASE:
            return None
        return Step("start" if run.tries < TRIES["failed"] else "abandon", run)
    if run.status == "running":
        return Step("poll", run)
    return Step("tell" if run.status == "done" else "fail", run)


def overdue(run: Run, now: float) -> bool:
    """Whether a query that is still under way has had its time."""
    return now >= run.since + LONGEST


def taken(run: Run, now: float) -> Run:
    """Return a run as whoever starts its query has it."""
    return replace(run, status="starting", since=now, tries=run.tries + 1, due=0.0)


def started(run: Run, query: str, groups: Sequence[str], now: float) -> Run:
    """Return a run whose query is under way."""
    return replace(run, status="running", since=now, query=query, groups=tuple(groups))


def troubled(run: Run, trouble: Trouble, why: str, now: float) -> Run:
    """Return a run that is to be tried again in a while (1, 2, 4 … minutes), or is given up."""
    if run.tries >= TRIES[trouble]:
        return hopeless(run, f"{why}. It was tried {run.tries} times", now)
    return replace(run, status="waiting", since=now, query="", why=why, due=now + MINUTE * 2 ** (run.tries - 1))


def hopeless(run: Run, why: str, now: float) -> Run:
    """Return a run that is given up."""
    return replace(run, status="failing", since=now, query="", why=why, due=0.0)


def cancelled(run: Run, who: str, now: float) -> Run | None:
    """Return a run as somebody has cancelled it; None where there is nothing to stop: its rows are there, or never."""
    if run.over or run.status in ("done", "failing"):
        return None
    return replace(run, status="cancelled", since=now, why=f"{who} has cancelled it", due=0.0)


def missed(report: Report, last: float, due: float) -> int:
    """Return how many times of a schedule lie between two, counting so far as anybody cares."""
    return sum(1 for _ in takewhile(lambda at: at < due, islice(report.schedule.after(last), COUNTED)))


def window(report: Report, run: Run) -> tuple[float, float]:
    """Return from when to when a run looks; Logs Insights counts both ends in, and the next run begins at ours."""
    return run.at - report.window, run.at - 1
