"""A report, one run of it, and what came out; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.insights.model import Cell, Column
from chalicelib.model import Destination
from chalicelib.reports.schedule import Schedule

# asked: by a person. starting: taken, its query not known yet. waiting: for another try. running: its query is. done:
# its rows are there. failing: given up. The others are over: told, quiet (nothing to tell), failed, new (the report
# was: what was due before is not made up for), cancelled (by a person who had asked for it, or another).
Status = Literal[
    "asked", "starting", "waiting", "running", "done", "failing", "told", "quiet", "failed", "new", "cancelled"
]  # fmt: skip
OVER = frozenset({"told", "quiet", "failed", "new", "cancelled"})
Format = Literal["csv", "json"]
FORMATS: tuple[Format, ...] = ("csv", "json")
Cells = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """Where the rows go in S3: a bucket that is there, what its keys begin with, and how they are written."""

    bucket: str
    prefix: str
    format: Format


@dataclass(frozen=True, slots=True)
class Report:
    """One `[[reports]]`; durations in seconds.

    Args:
        name: what people and the API call it.
        title: what it tells, in a few words.
        schedule: when.
        window: how far back each run looks.
        query: which named query; empty: `text` is one of its own.
        given: the named query's parameters.
        text: what Logs Insights runs, where no named query is meant.
        service: whose logs, where no groups or tag are named.
        groups: log groups by their names, `prefix*` for several.
        tag: log groups by a tag of theirs.
        region: where they are; empty: where Parapet is.
        destination: who is told; None: whom the routes say.
        silent: whether nobody is told, the rows only being stored.
        store: where the rows go, too.
        key: the columns that make two rows of two runs the same thing; empty: runs are not compared.
        value: the column that is more when it is worse; empty: there is none.
        worse_by: by so many percent a value must have grown to be called worse.
        only_when_not_empty: whether nothing is told when there is nothing.
        budget_gb: how much one run may read; 0: what `[insights]` says.
    """

    name: str
    title: str
    schedule: Schedule
    window: float
    query: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    service: str = ""
    groups: tuple[str, ...] = ()
    tag: str = ""
    region: str = ""
    destination: Destination | None = None
    silent: bool = False
    store: Store | None = None
    key: tuple[str, ...] = ()
    value: str = ""
    worse_by: int = 20
    only_when_not_empty: bool = False
    budget_gb: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a report; times are epoch seconds.

    Args:
        report: whose.
        slot: which: the time that the schedule names, or when and under which number somebody asked.
        at: up to when it looks.
        status: how far it is.
        since: since when it is so.
        tries: how often its query was started.
        query: the query under way.
        groups: which log groups it reads.
        due: not to be looked at before.
        missed: how many of the schedule's times before it were left out.
        who: who asked for it; empty: the schedule.
        why: what went wrong last.
        stored: where in S3 its rows are.
        unstored: why they are not.
        before: the run that it is compared with.
        rev: counts its changes.
    """

    report: str
    slot: str
    at: float
    status: Status
    since: float
    tries: int = 0
    query: str = ""
    groups: tuple[str, ...] = ()
    due: float = 0.0
    missed: int = 0
    who: str = ""
    why: str = ""
    stored: str = ""
    unstored: str = ""
    before: str = ""
    rev: int = 0

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.status in OVER


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a run, as it is kept: its first rows, and how many there were.

    Args:
        slot: of which run.
        columns: of its rows.
        rows: the first of them.
        total: how many there were.
        cut: whether Logs Insights has even more.
        bytes: how much was read.
        usd: what that costs.
        groups: which log groups were read.
        at: up to when the run looked.
        who: asked for it; empty: the schedule.
        stored: where in S3 all rows are.
    """

    slot: str
    columns: tuple[Column, ...] = ()
    rows: tuple[Cells, ...] = ()
    total: int = 0
    cut: bool = False
    bytes: float = 0.0
    usd: float = 0.0
    groups: tuple[str, ...] = ()
    at: float = 0.0
    who: str = ""
    stored: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """One thing that both runs tell of, and is worse: its key, and its value before and now."""

    key: Cells
    was: float
    now: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is other than the run before.

    Args:
        new: the keys that were not there.
        gone: those that are no longer.
        worse: what grew, by how much it did.
        values: by key, what each was before.
        whole: whether all rows of both runs were compared.
    """

    new: tuple[Cells, ...] = ()
    gone: tuple[Cells, ...] = ()
    worse: tuple[Shift, ...] = ()
    values: Mapping[Cells, float] = field(default_factory=dict)
    whole: bool = True
