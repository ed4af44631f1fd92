"""Who did it: from the ledger, and from CloudTrail where the ledger has nothing or did not exist yet."""

from __future__ import annotations

import re
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
# What else they did: half an hour on either side, so many kinds of call of so many on each, of the latest of so many
# people.
AROUND, ALSO, READ, PEOPLE = 1800.0, 20, 1000, 3
# What calls are named, and what services tell: no wildcard has ever been one.
_ACTION = re.compile(r"[A-Za-z0-9_ ,:./()-]+")


@dataclass(frozen=True, slots=True)
class Alike:
    """Calls that differ in what they were about alone: the nearest to what was asked for; how many, when."""

    change: Change
    times: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Also:
    """What else somebody did: newest first, how many calls more, and whether none was left unread."""

    alike: tuple[Alike, ...] = ()
    more: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and what else whoever made it did in that hour; None where that was not looked up."""

    change: Change
    also: Also | None = None


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

    def also(one: Change) -> Also:
        if one.id in known:
            return _around(book, one)
        _, history, found = older[one.id]
        name = found.names.get(one.id)
        around = history.of_name(name, one.at - AROUND, one.at + AROUND) if name else Found((), {})
        return folded(one, (other for other in around.changes if other.writes), complete=around.complete)

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


def sorry(action: str) -> str:
    """Return why nobody can be asked for under a name, and what to write; empty for what may be a call's name."""
    if not action or _ACTION.fullmatch(action):
        return ""
    return (
        f"action: {action!r} is no call's name, and nothing stands for others: write one whole (DeleteBucket); "
        "a resource alone tells every call that touched it, and the list of changes takes any text (q)"
    )


def folded(change: Change, others: Iterable[Change], *, complete: bool = True) -> Also:
    """Return what else was done around a change, what is alike told once; of too many kinds those nearest to it: pure.

    Args:
        change: the one.
        others: what the same person did.
        complete: whether that is all.
    """
    kinds: dict[tuple[str, ...], list[Change]] = {}
    for one in sorted(others, key=lambda one: abs(one.at - change.at)):
        if one.id != change.id:
            alike = (one.action, one.source, one.error, one.role, one.ip, one.tool, one.account, one.region)
            kinds.setdefault(alike, []).append(one)
    several = [Alike(k[0], len(k), min(one.at for one in k), max(one.at for one in k)) for k in kinds.values()]
    told = sorted(several[:ALSO], key=lambda one: -one.change.at)
    return Also(tuple(told), sum(one.times for one in several[ALSO:]), complete)


def _around(book: Book, change: Change) -> Also:
    if not change.actor:
        return Also()
    others, complete = book.beside(change, AROUND, READ)
    return folded(change, others, complete=complete)


def _with(changes: Sequence[Change], also: Callable[[Change], Also], most: int) -> tuple[Call, ...]:
    """Return calls with what else was done, each person's latest alone: of those that did not fail, if there are."""
    latest: dict[str, str] = {}
    for one in (*done(changes), *changes):
        if len(latest) < most:
            latest.setdefault(one.actor, one.id)
    return tuple(Call(one, _tried(also, one) if one.id in latest.values() else None) for one in changes)


def _tried(also: Callable[[Change], Also], one: Change) -> Also | None:
    try:
        return also(one)
    except AwsError:
        # Who it was is known all the same.
        return None
