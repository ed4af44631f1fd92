"""Reports: which there are, what came of their latest runs, and running one now."""

from __future__ import annotations

import secrets

from chalicelib.api import params, schemas
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.declared import maybe, record
from chalicelib.api.route import Answer, chosen, ours, route, table
from chalicelib.model import ParapetError
from chalicelib.reports import asking, shown
from chalicelib.reports.book import Book
from chalicelib.reports.model import Report


@route("GET", "/reports", params.LIMIT, params.AFTER, answers=schemas.paged("reports", schemas.REPORT))
def listed(asked: Asked) -> Answer:
    """List the reports: when each runs, whom it tells, and how its latest runs went."""
    book, limit, after = _book(), asked.count("limit", 50, params.LIMIT.most), asked.given.get("after", "")
    every = sorted(chosen().reports, key=lambda one: one.name)
    names = [one.name for one in every]
    if after and after not in names:
        raise Declined(400, f"after: {after!r} is not what an answer of this route had there")
    page = [one for one in every if one.name > after][:limit]
    told = [shown.report(one, asked.at, book.newest(one.name), book.asked(one.name)) for one in page]
    more = page[-1].name if page and page[-1].name != names[-1] else None
    return Answer({"reports": told, "after": more})


@route(
    "GET", "/reports/{report}",
    answers=record(report=schemas.REPORT, result=maybe(schemas.OUTCOME), asked_result=maybe(schemas.OUTCOME)),
)  # fmt: skip
def found(asked: Asked) -> Answer:
    """Tell how a report went: the rows of its schedule's last run that has some, and of the last that was asked for."""
    one, book = _report(asked.item), _book()
    about = shown.report(one, asked.at, book.newest(one.name), book.asked(one.name))
    return Answer(shown.found(about, book.last(one.name), book.last_asked(one.name)))


@route("POST", "/reports/{report}/run", answers=schemas.REPORT_RUN, status=202)
def run(asked: Asked) -> Answer:
    """Have a report run now, about the time until now: it begins within a minute, and tells whom it always tells."""
    one = _report(asked.item)
    try:
        begun = asking.ask(_book(), one, asked.who, asked.at, asked.number or secrets.token_hex(8))
    except asking.UnderWay as error:
        raise Declined(409, str(error)) from error
    return Answer(shown.run(begun), 202, {"report": one.name}, f"/v1/reports/{one.name}")


@route("DELETE", "/reports/{report}/run", answers=schemas.REPORT_RUN)
def cancel(asked: Asked) -> Answer:
    """Cancel the run that somebody has asked for, and stop its query; what that has read is billed all the same."""
    one = _report(asked.item)
    try:
        ended = asking.cancel(_book(), ours, one, asked.who, asked.at)
    except asking.Over as error:
        raise Declined(409, str(error)) from error
    return Answer(shown.run(ended), about={"report": one.name})


def _book() -> Book:
    return Book(ours(), table())


def _report(name: str) -> Report:
    try:
        return asking.find(chosen().reports, name)
    except ParapetError as error:
        raise Declined(404, f"{error}; GET /v1/reports lists them") from error
