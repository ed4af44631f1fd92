"""Who changed the resource shortly before: as the change ledger knows it, or CloudTrail where that is too young."""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from chalicelib import registry
from chalicelib.alerts.signal import Signal
from chalicelib.enrich import watched
from chalicelib.enrich.gather import Found
from chalicelib.ledger.book import Book
from chalicelib.ledger.history import History
from chalicelib.ledger.model import Change
from chalicelib.model import Aws
from chalicelib.notices.compose import clip, duration
from chalicelib.settings import member_role, role_name

BEFORE, AFTER = 1800.0, 300.0
# CloudTrail answers two such questions a second, in the whole account.
NAMES, SHOWN = 2, 5
# What services do by themselves all the time.
NOISE = frozenset({"CreateLogGroup", "CreateLogStream", "SetAlarmState", "UpdateInstanceInformation"})
# A module for each function of ours.
FUNCTIONS = Path(__file__).parents[1] / "functions"
# Of a metric, those that name no resource.
NOT_NAMES = frozenset({"Stage", "Resource", "Operation", "Method", "Role", "Route", "Region", "AvailabilityZone"})


def look(
    aws: Aws,
    signal: Signal,
    now: float,
    stage: str,
    book: Book | None = None,
    sleep: Callable[[float], None] = lambda _seconds: None,
) -> Found:
    """Return a line for each change of the resource in the half hour before, ours left out; raises AwsError.

    Args:
        aws: calls to where the resource is.
        signal: what fires.
        now: epoch seconds.
        stage: ours.
        book: the change ledger, where there is one.
        sleep: how to wait between two questions to CloudTrail.
    """
    named = names(signal)
    if not named:
        return Found()
    since, until = signal.since - BEFORE, min(signal.since + AFTER, now)
    began = book.began() if book else None
    if book and began is not None and began <= since:
        who = "the change ledger knows"
        found = [one for name in named for one in book.between(since, until, resource=name).changes]
    else:
        who = "CloudTrail knows"
        history = History(aws, sleep)
        found = [one for name in named for one in history.of_resource(name, since, until).changes]
    seen = {one.id: one for one in found if _counts(one, stage)}
    if not seen:
        return Found(lines=(f"No change of {named[0]} in the {duration(BEFORE)} before, as far as {who}.",))
    ordered = sorted(seen.values(), key=lambda one: -one.at)
    more = (f"{len(ordered) - SHOWN} more changes.",) if len(ordered) > SHOWN else ()
    return Found(lines=(*(_line(one, signal.since) for one in ordered[:SHOWN]), *more))


def names(signal: Signal) -> tuple[str, ...]:
    """Return the names under which CloudTrail may know the resource that a signal is about."""
    dimensions = watched.dimensions(signal)
    values = [value for name, value in dimensions.items() if name not in NOT_NAMES]
    # A service is what its cluster has; a balancer's dimension is the end of its ARN.
    values.sort(key=lambda value: value == dimensions.get("ClusterName"))
    short = [value.split("/")[1] if value.startswith(("app/", "net/", "targetgroup/")) else value for value in values]
    if ":alarm:" not in signal.resource:
        short = [signal.resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1], *short]
    return tuple(dict.fromkeys(filter(None, short)))[:NAMES]


def _counts(change: Change, stage: str) -> bool:
    ours = change.role.rsplit("/", 1)[-1] in _roles(stage)
    return change.writes and not (change.error or change.action in NOISE or ours)


@functools.cache
def _roles(stage: str) -> frozenset[str]:
    """Return the names of our functions' roles, whole: another stage's name may begin with this one's."""
    own = {one.name for one in pkgutil.iter_modules([str(FUNCTIONS)])} | {"api_handler"}
    return frozenset({
        *(role_name(stage, one) for one in own), *(member_role(stage, one) for one in registry.services()),
    })  # fmt: skip


def _line(change: Change, onset: float) -> str:
    apart = onset - change.at
    when = f"{duration(apart)} before" if apart >= 0 else f"{duration(-apart)} after it began"
    at = datetime.fromtimestamp(change.at, UTC).strftime("%H:%M:%S")
    role = change.role.rsplit("/", 1)[-1]
    named = change.actor and role not in ("", change.actor) and not change.role.endswith(":root")
    who = f" by {change.actor}{f' as {role}' if named else ''}" if change.actor else ""
    origin = f" from {change.ip}" if change.ip else ""
    return clip(f"Changed {when} ({at} UTC): {change.action}{who}{origin}")
