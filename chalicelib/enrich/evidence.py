"""From what was asked to the notice with its evidence: which sections apply, and what becomes of what they find."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from chalicelib.alerts import records
from chalicelib.alerts.signal import Signal
from chalicelib.aws import Remembering
from chalicelib.costs import about
from chalicelib.enrich import budget, changes, contributors, errors, graph, links, numbers, places, watched
from chalicelib.enrich.asked import Asked
from chalicelib.enrich.further import Further
from chalicelib.enrich.gather import Found, Section
from chalicelib.ledger.book import Book
from chalicelib.model import Aws, Destination, Notice
from chalicelib.services.model import Service

# Seconds, of the thirty that the function has.
QUICK, SLOW, COSTS = 6.0, 12.0, 20.0


@dataclass(frozen=True)
class Desk:
    """Where evidence is looked up: how to reach accounts, which is ours, our tables, and what the settings say.

    `regions` is where to look for what is idle, an empty one being our own.
    """

    reach: Callable[[str, str], Aws]
    account: str
    stage: str
    table: str
    further: Further
    regions: tuple[str, ...] = ("",)
    services: tuple[Service, ...] = ()
    ledger: str = ""


def sections(desk: Desk, signal: Signal, now: float) -> list[Section]:
    """Return what is to be looked up for a signal."""
    further = replace(desk.further, page=_page(desk, signal))
    named = Section("names", QUICK, partial(places.look, desk.reach(desk.account, ""), signal, further.names))
    if signal.source in about.SOURCES:
        return [Section("costs", COSTS, partial(_costs, desk, signal, now)), named, _further(None, signal, further)]
    if signal.account not in ("", desk.account):
        told = Found(lines=(f"Its evidence is in account {signal.account}, where Parapet does not look it up.",))
        return [Section("elsewhere", QUICK, lambda: told), named, _further(None, signal, further)]
    aws = Remembering(desk.reach(desk.account, signal.region))
    return [
        Section("numbers", QUICK, partial(numbers.look, aws, signal, now)),
        Section("budget", QUICK, partial(budget.look, partial(desk.reach, desk.account), signal, desk.services, now)),
        named,
        Section("contributors", QUICK, partial(contributors.look, aws, signal)),
        Section("error lines", SLOW, partial(errors.look, aws, signal, now)),
        Section("changes", QUICK, partial(changes.look, aws, signal, now, desk.stage, _ledger(desk), time.sleep)),
        Section("graph", SLOW, partial(graph.look, aws, signal, now)),
        _further(aws, signal, further),
    ]


def told(asked: Asked, found: Found, channel: str) -> Notice:
    """Return the notice that brings the evidence into the thread in a Slack channel, and onto its first message.

    PagerDuty and e-mail have had theirs: who is paged reads on in the thread.
    """
    notice, signal = asked.notice, asked.signal
    # Others have joined since: then it must be told apart what it is about.
    about_it = notice.name == signal.name and notice.resource == signal.resource
    before = notice.lines if about_it else (*notice.lines, f"About {signal.title}:")
    return replace(
        notice,
        key=f"{notice.key}:evidence:{records.digest(signal.fingerprint)[:8]}",
        lines=(*before, *(line for line in found.lines if line not in before)),
        facts=tuple((dict(notice.facts) | dict(found.facts)).items()),
        links=tuple((dict(notice.links) | dict(found.links)).items()),
        picture=base64.b64encode(found.picture).decode(),
        destination=Destination(slack=channel),
        page="",
        loud=False,
        reply_to="",
    )


def _costs(desk: Desk, signal: Signal, now: float) -> Found:
    lines, facts = about.gather(desk.reach, desk.table, signal, now, own=desk.account, regions=desk.regions)
    return Found(lines, facts)


def _page(desk: Desk, signal: Signal) -> str:
    """Return where Parapet's page is, opened on the service that a signal is about."""
    page, known = desk.further.page, any(one.name == signal.service for one in desk.services)
    return f"{page}#{signal.service}" if page and known else page


def _ledger(desk: Desk) -> Book | None:
    return Book(desk.reach(desk.account, ""), desk.ledger) if desk.ledger else None


def _further(aws: Aws | None, signal: Signal, further: Further) -> Section:
    return Section("links", QUICK, partial(_links, aws, signal, further))


def _links(aws: Aws | None, signal: Signal, further: Further) -> Found:
    page = (("Parapet", further.page),) if further.page else ()
    if aws is None:
        return Found(
            links=(*links.runbook(signal, signal.tags, further.runbook), *links.console(signal, None, ()), *page)
        )
    pages = links.console(signal, watched.of(aws, signal), errors.log_groups(aws, signal))
    return Found(links=(*links.runbook(signal, watched.tags(aws, signal), further.runbook), *pages, *page))
