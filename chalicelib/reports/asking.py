"""A run that somebody asks for, beside the schedule: recorded by whoever asks, done by the function `reports`."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.insights import running
from chalicelib.journal import Conflict
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.reports import decide, records
from chalicelib.reports.book import Book
from chalicelib.reports.model import Report, Run
from chalicelib.section import meant
from chalicelib.times import iso

# Whoever does a run writes it a few times; so often it is read again before somebody is told to try later.
TRIES = 4


class UnderWay(ParapetError):
    """Another run of this report that somebody has asked for is not over yet."""


class Over(ParapetError):
    """There is no run under way that could be cancelled."""


def find(reports: tuple[Report, ...], name: str) -> Report:
    """Return a report by its name; raises ParapetError with the one that was meant."""
    names = [one.name for one in reports]
    if name not in names:
        known = meant(name, names) if names else "; parapet.toml has no [[reports]]"
        raise ParapetError(f"there is no report {name!r}{known}")
    return reports[names.index(name)]


def ask(book: Book, report: Report, who: str, at: float, number: str) -> Run:
    """Record that somebody wants a report about the time until now; asked again under the same number, it is one run.

    Raises UnderWay while another is, AwsError.
    """
    wanted = Run(report.name, f"{iso(at)}-{number}", at, "asked", at, who=who)
    try:
        return book.ask(wanted, at + records.KEPT)
    except Conflict:
        there = book.asked(report.name)
        if there and there.slot.endswith(f"-{number}"):
            return there
        since = f" since {iso(there.since)}" if there else ""
        raise UnderWay(f"{report.name} is asked for already, and under way{since}: wait for that run") from None


def cancel(book: Book, reach: Callable[[str], Aws], report: Report, who: str, at: float) -> Run:
    """Cancel the run of a report that somebody has asked for, and stop its query; what that has read is billed.

    Args:
        book: what is recorded.
        reach: calls to our account, by region; empty: where we are.
        report: whose run.
        who: cancels it.
        at: what time it is.

    Raises:
        Over: where there is no such run, or nothing of it to stop any more.
        Conflict: where it changes whenever it is looked at.
        ParapetError: where it is cancelled, and its query runs on.
        AwsError: where the journal cannot be read or written.
    """
    for _ in range(TRIES):
        there = book.asked(report.name)
        after = decide.cancelled(there, who, at) if there else None
        if there and there.status == "cancelled" and there.query and _stopped(reach, report, there):
            # Whoever cancelled it did not get as far as its query.
            return there
        if there is None or after is None:
            since = f"; the last one is {there.status} since {iso(there.since)}" if there else ""
            raise Over(f"nobody has asked for a run of {report.name} that is still under way{since}")
        try:
            # First: whoever looks at the query is not to take it for one that failed.
            found = book.move(after, at + records.KEPT)
        except Conflict:
            continue
        if found.query:
            _stopped(reach, report, found)
        return found
    raise Conflict(f"the run of {report.name} is being worked on: try again in a moment")


def _stopped(reach: Callable[[str], Aws], report: Report, run: Run) -> bool:
    """Stop the query of a cancelled run; returns whether it was still running."""
    try:
        return running.cancel(reach(report.region), run.query)
    except AwsError as error:
        raise ParapetError(
            f"the run of {report.name} is cancelled, but its query reads on: {error}; cancel it once more"
        ) from error
