"""What happened, and why: of an alarm, or of a service at a time; at once, or thoroughly by who has the time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import unquote

from chalicelib import times, wiring
from chalicelib.api import schemas, services
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.declared import Param
from chalicelib.api.route import Answer, chosen, ours, route
from chalicelib.explain import asked as asking
from chalicelib.explain.asked import Unknown
from chalicelib.explain.kept import THOROUGH, Kept, standing
from chalicelib.explain.subject import Desk, Subject
from chalicelib.journal import Conflict
from chalicelib.ledger.book import Book
from chalicelib.model import DAY, ParapetError

DEPTH = Param("depth", "how thoroughly: quick at once, full within 15 s, to be read at `Location`", ("quick", "full"))
AT = Param(
    "at", "about which time: as long ago as this, or a time, UTC (14:02: the last)", example="2026-11-21T14:02:00Z"
)
LISTED = {
    "service": "GET /v1/services lists them, parapet.toml has them ([[services]])",
    "alarm": "GET /v1/alarms lists those that are on",
}
# So long an alarm is looked up (seconds).
SOUGHT = 1.0


@route("GET", "/services/{service}/explain", AT, DEPTH, answers=schemas.EXPLANATION, also={202: schemas.EXPLANATION})
def service(asked: Asked) -> Answer:
    """Explain what a service is, or was, going through: since when, and what most likely brought it."""
    return _answer(asked, lambda desk, at: asking.of_service(desk, asked.item, at, asked.at))


@route("GET", "/alarms/{alarm}/explain", AT, DEPTH, answers=schemas.EXPLANATION, also={202: schemas.EXPLANATION})
def alarm(asked: Asked) -> Answer:
    """Explain why an alarm went off, the last time that it did unless `at` says otherwise."""
    return _answer(asked, lambda desk, at: asking.of_alarm(desk, unquote(asked.item), at, asked.at))


@route("GET", "/explanations/{explanation}", answers=schemas.EXPLANATION)
def shown(asked: Asked) -> Answer:
    """Show an explanation that somebody asked for, with what has arrived of it."""
    found = _kept().get(asked.item) if re.fullmatch("[0-9a-f]{16}", asked.item) else None
    if found is None:
        raise Declined(404, f"there is no explanation {asked.item!r}: they are kept for a day")
    return Answer(standing(found, asked.at))


@route(
    "GET", "/timeline", Param("service", "of which service", needed=True, example="shop"),
    Param("from", "from when on: as long ago as this, a day, or a time, UTC; without it: 24h", example="6h"),
    Param("to", "until when, likewise; without it: now"), answers=schemas.TIMELINE,
)  # fmt: skip
def told(asked: Asked) -> Answer:
    """Tell what happened to a service, for the post-mortem: alarms, changes, commands, fixes, who and when."""
    from chalicelib.explain import timeline  # seldom asked for

    desk = _desk()
    until = asked.time("to", times.since, asked.at)
    since = asked.time("from", times.since, until - DAY)
    if not 0 < until - since <= timeline.LONGEST:
        raise Declined(400, "from must be before to, by 7 days at most")
    try:
        service = asking.of_service(desk, asked.text("service"), until, asked.at).service
    except Unknown as error:
        raise Declined(404, f"{error}: {LISTED[error.kind]}") from error
    assert service is not None
    found = timeline.read(desk, service, since, until)
    about = {"service": service.name, "from": times.iso(since), "to": times.iso(until)}
    entries = timeline.told(found.entries)
    return Answer({**about, "entries": entries, "missing": list(found.missing), "markdown": timeline.markdown(found)})


def _answer(asked: Asked, find: Callable[[Desk, float | None], Subject]) -> Answer:
    begun = time.monotonic()
    from chalicelib.explain import explained, gathering  # its forty milliseconds are for those who want it

    desk, at = _desk(), asked.time("at", times.since) if "at" in asked.given else None
    try:
        subject = gathering.within(SOUGHT, lambda: find(desk, at))
    except Unknown as error:
        raise Declined(404, f"{error}: {LISTED[error.kind]}") from error
    if asked.one_of("depth", ("quick", "full")) != "full":
        return Answer(explained.document(explained.explain(desk, subject, begun=begun)))
    kept, address = _kept(), f"/v1/explanations/{subject.id}"
    before = kept.get(subject.id)
    if before and standing(before, asked.at)["status"] != "given_up":
        return Answer(before, 200 if before["done"] else 202, location=address)
    if not asked.operates:
        _count(kept, asked.at)
    waiting = explained.document(explained.Explained.begun(subject))
    kept.put(subject.id, waiting, asked.at)
    body = asking.dump(asking.Asked(subject.kind, subject.name, subject.at))
    queue = wiring.environment().enrich_queue
    if not queue:
        raise ParapetError("PARAPET_ENRICH_QUEUE is not set: it names the queue")
    ours()("sqs", "send_message", QueueUrl=queue, MessageBody=body)
    return Answer(waiting, 202, location=address)


def _count(kept: Kept, at: float) -> None:
    try:
        until = kept.count(at)
    except Conflict as error:
        raise Declined(429, str(error), 1.0) from error
    if until is not None:
        raise Declined(
            429,
            f"tokens of scope read get {THOROUGH} thorough explanations an hour together, for each may read 5 GB of "
            f"logs; the next one from {times.iso(until)} on: until then depth=quick, or a token of scope operate",
            until - at,
        )


def _kept() -> Kept:
    return Kept(ours(), wiring.environment().table)


def _desk() -> Desk:
    from chalicelib import reverting  # as what needs it

    told, account = wiring.environment(), ours().account
    settings = chosen(reverting.rails())
    reach = wiring.accounts(account)
    return Desk(
        lambda region: reach(account, region), told.stage, told.table, lambda: Book(ours(), told.ledger),
        tuple(settings.services), services.watch(account), reverting.terms(settings),
    )  # fmt: skip
