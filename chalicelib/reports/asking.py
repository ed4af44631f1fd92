"""A run that somebody asks for, beside the schedule: recorded by whoever asks, done by the function `reports`."""

from __future__ import annotations

from chalicelib.journal import Conflict
from chalicelib.model import ParapetError
from chalicelib.reports import records
from chalicelib.reports.book import Book
from chalicelib.reports.model import Report, Run
from chalicelib.section import meant
from chalicelib.times import iso


class UnderWay(ParapetError):
    """Another run of this report that somebody has asked for is not over yet."""


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
