"""Who did it: from the ledger, and from CloudTrail where the ledger has nothing or did not exist yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.ledger.book import Book
from chalicelib.ledger.history import Found, History
from chalicelib.ledger.model import Change
from chalicelib.model import AwsError

Source = Literal["ledger", "cloudtrail", "both"]
# What else they did: half an hour on either side, of the latest of so many people.
AROUND, ALSO, PEOPLE = 1800.0, 20, 3


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and what else whoever made it did in that hour; None where that was not looked up."""

    change: Change
    also: tuple[Change, ...] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about who did something.

    Args:
        calls: newest first.
        source: who tells.
        began: since when there is a ledger; None before its first change.
        complete: whether there are no more such calls in that time.
        missing: what could not be asked, each a sentence.
    """

    calls: tuple[Call, ...]
    source: Source
    began: float | None
    complete: bool
    missing: tuple[str, ...] = field(default=())


def who(
    book: Book,
    histories: Callable[[], Iterable[History]],
    action: str,
    resource: str,
    since: float,
    until: float,
    limit: int = 10,
) -> Known:
    """Return who called an action, or touched a resource, or both; raises AwsError when the ledger cannot be read.

    Args:
        book: the ledger.
        histories: CloudTrail's histories, by region; made only when they are asked.
        action: such as `DeleteBucket`; empty for any.
        resource: an id, name or ARN; empty for any.
        since: not before.
        until: not after.
        limit: how many calls at most.
    """
    began = book.began()
    page = book.between(since, until, action=action, resource=resource, limit=limit)
    changes, complete = page.changes, page.after is None
    if changes and (not complete or (began is not None and began <= since)):
        return Known(_with(changes, lambda one: _around(book, one), PEOPLE), "ledger", began, complete)
    # What the ledger saw needs no second answer; what it saw nothing of may be a read, or too late for a rule.
    end = min(until, began) if changes and began is not None else until
    every, told, missing = list(histories()), list[tuple[History, Found]](), list[str]()
    with ThreadPoolExecutor(max(1, len(every))) as pool:
        # Each region lets us ask twice a second; who we are, and where we log, is in the context.
        asking = [pool.submit(copy_context().run, _asked, history, action, resource, since, end) for history in every]
    for history, answer in zip(every, asking, strict=True):
        try:
            told.append((history, answer.result()))
        except AwsError as error:
            missing.append(f"CloudTrail's history in {history.region}: {error}")
    # By its id: a call may be told in several regions.
    older = {
        one.id: (one, history, found)
        for history, found in told
        for one in found.changes
        if _fits(one, action) and since <= one.at <= end
    }
    known = {one.id for one in changes}
    both = sorted((*changes, *(one for one, _, _ in older.values() if one.id not in known)), key=lambda one: -one.at)[
        :limit
    ]

    def also(one: Change) -> tuple[Change, ...]:
        if one.id in known:
            return _around(book, one)
        _, history, found = older[one.id]
        name = found.names.get(one.id)
        around = history.of_name(name, one.at - AROUND, one.at + AROUND).changes if name else ()
        return tuple(other for other in around if other.id != one.id and other.writes)[:ALSO]

    source: Source = "ledger" if changes and not older else "both" if changes else "cloudtrail"
    whole = complete and not missing and all(found.complete for _, found in told) and len(older) + len(known) <= limit
    # Each costs CloudTrail half a second.
    return Known(_with(both, also, PEOPLE if changes else 1), source, began, whole, tuple(missing))


def done(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield those that did not fail: whoever is asked for did one of them, where there is one."""
    return (one for one in changes if not one.error)


def _asked(history: History, action: str, resource: str, since: float, until: float) -> Found:
    if not resource:
        return history.of_action(action, since, until)
    found = history.of_resource(resource, since, until)
    # CloudTrail knows some resources by their ARN, and others by their name.
    name = resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return found if found.changes or name == resource else history.of_resource(name, since, until)


def _fits(change: Change, action: str) -> bool:
    if action and change.action.lower() != action.lower():
        return False
    # A read is nobody's change, unless it is asked for.
    return change.writes or bool(action)


def _around(book: Book, change: Change) -> tuple[Change, ...]:
    if not change.actor:
        return ()
    page = book.between(change.at - AROUND, change.at + AROUND, actor=change.actor, limit=ALSO + 1)
    return tuple(other for other in page.changes if other.id != change.id)[:ALSO]


def _with(changes: Sequence[Change], also: Callable[[Change], tuple[Change, ...]], most: int) -> tuple[Call, ...]:
    """Return calls with what else was done, each person's latest alone: of those that did not fail, if there are."""
    latest: dict[str, str] = {}
    for one in (*done(changes), *changes):
        if len(latest) < most:
            latest.setdefault(one.actor, one.id)
    return tuple(Call(one, _tried(also, one) if one.id in latest.values() else None) for one in changes)


def _tried(also: Callable[[Change], tuple[Change, ...]], one: Change) -> tuple[Change, ...] | None:
    try:
        return also(one)
    except AwsError:
        # Who it was is known all the same.
        return None
