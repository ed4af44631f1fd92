"""The change ledger: what was changed, and who did it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from chalicelib import times, wiring
from chalicelib.api import params, schemas
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.declared import Param
from chalicelib.api.route import Answer, chosen, journal, ours, route
from chalicelib.ledger import shown, who
from chalicelib.ledger.book import KEPT, SKEW, Book
from chalicelib.ledger.history import History
from chalicelib.ledger.model import ID
from chalicelib.model import DAY
from chalicelib.settings import GLOBAL_REGION

MOST, CALLS = 50, 10
RESOURCE = Param("resource", "that touched it: its id, name or ARN", example="shop-logs")
ACTION = Param("action", "of this name", example="DeleteBucket")


def ledger() -> Book:
    """Return the ledger."""
    return Book(ours(), wiring.environment().ledger)


@route(
    "GET", "/changes", params.SINCE, Param("until", "not after: a day's begin, or a time, UTC"), RESOURCE,
    Param("actor", "by this person, user or session"), Param("service", "of what a service stands on"), ACTION,
    Param("q", "with this text anywhere"), params.LIMIT, params.AFTER,
    answers=schemas.paged("changes", schemas.WRITE),
)  # fmt: skip
def listed(asked: Asked) -> Answer:
    """List what was changed, newest first: every write of the account's management; of the last day without `since`."""
    since = asked.time("since", times.since, asked.at - DAY)
    until = asked.time("until", times.since, asked.at + SKEW)
    service = asked.one_of("service", [one.name for one in chosen().services]) or ""
    if sorry := who.sorry(asked.given.get("action", "")):
        raise Declined(400, sorry)
    if since >= until:
        raise Declined(400, "since is not before until")
    limit, after = asked.count("limit", MOST, params.LIMIT.most), asked.given.get("after")
    about = {name: asked.given.get(name, "") for name in ("resource", "actor", "action", "q")}
    if after is not None and not Book.marks(after):
        raise Declined(400, f"after: {after!r} is not what an answer of this route had there")
    page = ledger().between(since, until, service=service, limit=limit, after=after, **about)
    return Answer({"changes": [shown.change(one) for one in page.changes], "after": page.after})


@route("GET", "/who", ACTION, RESOURCE, params.SINCE, params.LIMIT, answers=schemas.WHO)
def did(asked: Asked) -> Answer:
    """Tell who called an action or touched a resource, from where, with what, and what else they did in that hour.

    Of the last 90 days without `since`. What the ledger does not know, CloudTrail is asked for.
    """
    action, resource = asked.given.get("action", ""), asked.given.get("resource", "")
    if not (action or resource):
        raise Declined(400, "action is missing (DeleteBucket), or resource")
    if sorry := who.sorry(action):
        raise Declined(400, sorry)
    since = asked.time("since", times.since, asked.at - KEPT)
    if since < asked.at - KEPT - DAY:
        raise Declined(400, "since: neither the ledger nor CloudTrail's history reaches back more than 90 days")
    limit = asked.count("limit", CALLS, params.LIMIT.most)
    found = who.who(ledger(), histories, action, resource, since, asked.at, limit)
    return Answer({"as_of": times.iso(asked.at), **shown.known(found, action, resource, since, asked.at)})


@route("POST", "/changes/{change}/revert", answers=schemas.REVERT, status=202)
def revert(asked: Asked) -> Answer:
    """Ask for a change to be taken back: people are asked whether, in a finding of its own, and then it is done.

    Nothing is asked about what is no longer as the change left it.
    """
    from chalicelib import reverting  # seldom asked for

    if not re.fullmatch(ID, asked.item):
        raise Declined(404, f"{asked.item!r} is no change's id: GET /v1/changes lists them")
    terms = reverting.terms(chosen(reverting.rails()))
    offer = reverting.offer(ledger(), journal(), terms, asked.item, asked.at)
    if offer.why:
        raise Declined(409 if offer.known else 404, f"{asked.item} is not taken back: {offer.why}")
    reverting.ask(ours(), offer)
    return Answer(
        {
            "change": offer.change, "guardrail": offer.guardrail, "what": offer.what,
            "findings": f"/v1/findings?guardrail={offer.guardrail}",
        },
        202,
        {"change": offer.change},
    )  # fmt: skip


def histories() -> Iterator[History]:
    """Yield CloudTrail's history of each region that is watched; global services have theirs in one."""
    settings, account = chosen(), ours().account
    for region in dict.fromkeys((wiring.home(), GLOBAL_REGION, *settings.regions)):
        yield History(wiring.accounts(account)(account, region), time.sleep, settings.people)
