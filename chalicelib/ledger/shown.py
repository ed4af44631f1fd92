"""Changes as JSON and in sentences, for the HTTP API and the command line: pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chalicelib.ledger.model import Change
from chalicelib.ledger.who import Alike, Also, Call, Known, done
from chalicelib.model import plain
from chalicelib.times import absolute, iso


def change(one: Change) -> dict[str, Any]:
    """Return a change as JSON."""
    several = {"resources": list(one.resources), "services": list(one.services)}
    return {**plain(one), **several, "at": iso(one.at)}


def called(one: Change) -> str:
    """Return what was called for people, with why it failed if it did."""
    return f"{one.action} ({one.error})" if one.error else one.action


def known(found: Known, action: str, resource: str, since: float, until: float) -> dict[str, Any]:
    """Return who did something as JSON, with the sentence that says it."""
    return {
        "answer": sentence(found, action, resource, since),
        "action": action or None,
        "resource": resource or None,
        "since": iso(since),
        "until": iso(until),
        "source": found.source,
        "ledger_since": None if found.began is None else iso(found.began),
        "complete": found.complete,
        "missing": list(found.missing),
        "calls": [_call(one) for one in found.calls],
    }


def sentence(found: Known, action: str, resource: str, since: float) -> str:
    """Return who did it, in one sentence."""
    if not found.calls:
        what = " ".join(
            filter(
                None,
                (f"called {action}" if action else "changed", f"on {resource}" if resource and action else resource),
            )
        )
        return f"Nobody {what} since {absolute(since)}, as far as is known."
    one = next(done(one.change for one in found.calls), found.calls[0].change)
    more = len(found.calls) - 1
    others = (
        f" There {'is' if more == 1 else 'are'} {more} more{'' if found.complete else ' at least'}." if more else ""
    )
    return f"{told(one)} at {absolute(one.at)}.{others}"


def told(one: Change) -> str:
    """Return a change as a sentence without its end: who, what, on what, from where, with what, as which role."""
    who = one.actor or one.source
    role = f" as {one.role}" if one.role and one.role.rsplit("/", 1)[-1] != one.actor else ""
    on = f" on {one.resources[0]}" if one.resources else ""
    tried = "tried" if one.error else "called" if one.actor else "told"
    came = "".join((f" from {one.ip}" if one.ip else "", f" with {one.tool}" if one.tool else ""))
    failed = f", which failed ({one.error})," if one.error else ""
    return f"{who}{role} {tried} {one.action}{on}{came}{failed}".rstrip(",")


def _call(one: Call) -> dict[str, Any]:
    also = one.also
    return {
        **change(one.change),
        "also": None if also is None else [_alike(other) for other in also.alike],
        "also_more": 0 if also is None else also.more,
        "also_complete": also is not None and also.complete,
    }


def _alike(one: Alike) -> dict[str, Any]:
    return {**change(one.change), "times": one.times, "first": iso(one.first), "last": iso(one.last)}


def alike(one: Alike) -> str:
    """Return an action for people, with how often and when: `CreateTopic × 22, 14:02–14:05 UTC`."""
    if one.times == 1:
        return called(one.change)
    first, last = (f"{datetime.fromtimestamp(at, UTC):%H:%M}" for at in (one.first, one.last))
    return f"{called(one.change)} × {one.times}, {first if first == last else f'{first}–{last}'} UTC"


def rest(also: Also, who: str) -> str:
    """Return what a list of what else somebody did leaves out, in words; empty for nothing."""
    told = f"And {also.more} more calls of {who}, of other kinds and farther away." if also.more else ""
    unread = f"{who} did more in that hour than was read: `./parapet changes --actor {who}` has all."
    return told if also.complete else f"{told} {unread}".strip()
