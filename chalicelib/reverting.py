"""Whether a change can be taken back, and its record, with what was before where it does not tell that itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import bus, people, registry, reverts, scope
from chalicelib.events import parse, subjects
from chalicelib.journal import Journal, Place
from chalicelib.ledger import frames
from chalicelib.ledger.book import KEPT, Book
from chalicelib.model import Aws, Event, Finding, Violation
from chalicelib.people import Person
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings
from chalicelib.times import absolute

# So many changes of one resource are looked through for the one before.
LOOKED = 50
# By guardrail, the calls of which the one before tells how a thing was; what others take back tells it by itself.
EARLIER = {
    "ecs_service_resized": ("CreateService", "UpdateService"),
    "iam_policy_changed": ("CreatePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion"),
    "lambda_alias_changed": ("CreateAlias", "UpdateAlias"),
    "s3_bucket_policy_changed": ("CreateBucket", "DeleteBucketPolicy", "PutBucketPolicy"),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say of taking back: which guardrails are on; under four eyes, who is who."""

    on: frozenset[str] = frozenset()
    people: tuple[Person, ...] | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What Parapet offers about a change.

    Args:
        change: its id.
        guardrail: which would take it back; empty where none knows how.
        what: what that would do, in words; empty where it is not offered.
        why: why it is not offered, in words; empty where it is.
        known: whether there is such a change.
        finding: which finding has settled that it is not asked about; empty where none has.
    """

    change: str
    guardrail: str = ""
    what: str = ""
    why: str = ""
    known: bool = True
    finding: str = ""

    @property
    def command(self) -> str:
        """Return what people type to ask for it, empty where it is not offered."""
        return "" if self.why else f"./parapet revert {self.change}"


def rails() -> tuple[Guardrail, ...]:
    """Return the guardrails that take changes back, importing only their files."""
    return tuple(map(registry.get, sorted({name for one in frames.CALLS.values() for name in one.guardrails})))


def terms(settings: Settings) -> Terms:
    """Return what some settings say of it; they must know those guardrails."""
    on = frozenset(one.name for one in rails() if settings.takes_back(one))
    return Terms(on, tuple(settings.people) if settings.control.four_eyes else None)


def offer(book: Book, journal: Journal, on: Terms, change: str, now: float) -> Offer:
    """Return what is offered about a change; whether it still stands is seen when somebody asks. Raises AwsError.

    Args:
        book: the ledger.
        journal: what Parapet itself has done, and what people have permitted.
        on: what the settings say.
        change: its id.
        now: epoch seconds.
    """
    frame = book.frame(change)
    if frame is None:
        return Offer(change, why="the ledger has no such change: `./parapet changes` lists them", known=False)
    event = _event(book, journal, frame)
    if event is None:
        return Offer(change, why=_unknown(book, change))
    rail, path = _rail(event)
    name = rail.name
    try:
        what = reverts.back(event)
    except reverts.Uncertain as error:
        return Offer(change, name, why=str(error))
    if name not in on.on:
        return Offer(change, name, why=f'{name} is off: mode = "approve" under [guardrails.{name}] in parapet.toml')
    settled, finding = _settled(journal, on, event, rail, path, now)
    return Offer(change, name, why=settled, finding=finding) if settled else Offer(change, name, what)


def ask(aws: Aws, wanted: Offer) -> None:
    """Have the function that owns it ask people about a change that is offered; raises AwsError."""
    bus.emit(aws, registry.REVERT, [{"service": registry.service_of(wanted.guardrail), "change": wanted.change}])


def record(book: Book, journal: Journal, change: str) -> Event | None:
    """Return what a change was, as an event that asks for it to be taken back; None where the ledger has too little.

    Raises AwsError.
    """
    return _event(book, journal, book.frame(change) or {})


def _event(book: Book, journal: Journal, frame: Mapping[str, Any]) -> Event | None:
    if not frame or not frames.guardrails(frame["source"], frame["detail"]["eventName"]):
        return None
    event = parse({**frame, "detail-type": registry.REVERT})
    rail, _ = _rail(event)
    if rail.name in EARLIER:
        event = replace(event, detail={**event.detail, reverts.EARLIER: _earlier(book, journal, rail, event)})
    return event


def _unknown(book: Book, change: str) -> str:
    """Return why nothing is known of how a change is taken back, in words."""
    found = book.change(change)
    if found and found.error:
        return f"it failed ({found.error}), and changed nothing"
    if found and frames.guardrails(f"aws.{found.source.partition('.')[0]}", found.action):
        return "the ledger has too little of it: its record was too long, or it was kept by an earlier version"
    return f"Parapet does not know how to take this back ({found.action if found else 'not known'})"


def _rail(event: Event) -> tuple[Guardrail, str]:
    """Return the guardrail that takes a call back, and the path of its subject."""
    [found] = registry.woken(map(registry.get, frames.guardrails(event.source, event.name)), event)
    return found


def _settled(journal: Journal, on: Terms, event: Event, rail: Guardrail, path: str, now: float) -> tuple[str, str]:
    """Return what has become of a change that is not asked about again, in words, and in which finding; else empty.

    What a waiver for a tag covers is seen when somebody asks: whoever offers may not read the account.
    """
    resource = _resource(next(iter(subjects(event, path)), ""))
    place = Place(rail.name, event.account, "global" if rail.everywhere else event.region, resource)
    head = journal.head(place)
    parts = [reverts.rules(event).part] if event.source == "aws.ec2" else [*head.entries, *head.exemptions, ""]
    for part in parts:
        if permission := head.exemption(part, now, event.id):
            return f"{permission.who} has permitted it until {absolute(permission.until)}: {permission.why}", ""
        entry = head.entries.get(part)
        if entry and entry.event == event.id and (found := journal.get(entry.finding)) and (told := _decided(found)):
            return told, found.id
    violation = Violation(rail.name, event.account, place.region, resource, parts[0])
    counting = [
        one
        for one in journal.waivers()
        if not one.scope.tag and (on.people is None or not people.own_change(on.people, one.by, event.actor))
    ]
    waiver = scope.waived(counting, violation, event.actor, dict, now)
    why = f"waiver {waiver.id} of {waiver.who} covers it until {absolute(waiver.until)}: {waiver.why}" if waiver else ""
    return why, ""


def _decided(found: Finding) -> str:
    """Return what people have decided about taking a change back, and what came of it; empty where they have not."""
    who = found.approver or "somebody"
    if found.status == "rejected":
        return f"{found.history[-1].by} has rejected that ({found.id})"
    if found.status == "fixed":
        done = f"that was done already: {who} approved finding {found.id}"
        return f"{done}, fixed at {absolute(found.fixed_at or found.opened)}; ./parapet undo {found.id} takes that back"
    if found.status == "failed":
        return f"that failed: {who} approved finding {found.id}; ./parapet approve {found.id} tries again"
    return ""


def _earlier(book: Book, journal: Journal, rail: Guardrail, event: Event) -> Mapping[str, Any] | None:
    """Return the call that left a thing as it was before this one; None where that is not certain."""
    arn = reverts.subject(event)
    if not arn:
        return None
    page = book.between(event.time - KEPT, event.time, resource=arn, limit=LOOKED)
    for one in page.changes:
        if one.id == event.id or one.error or one.action not in EARLIER[rail.name]:
            continue
        frame = book.frame(one.id)
        if not frame or one.at == event.time:
            return None
        before = parse(frame)
        if reverts.subject(before) == arn and (event.source != "aws.iam" or reverts.default(before)):
            return None if _ours(journal, rail, event, arn, one.at) else frame
    return None


def _ours(journal: Journal, rail: Guardrail, event: Event, arn: str, since: float) -> bool:
    """Whether Parapet has had to do with it since: what it does itself is not in the ledger."""
    service, region = registry.service_of(rail.name), "global" if rail.everywhere else event.region
    beside = [name for name in registry.names() if registry.service_of(name) == service]
    heads = [journal.head(Place(name, event.account, region, _resource(arn))) for name in beside]
    # What was asked about this change was asked because there was nothing in between.
    return any(entry.at >= since and entry.event != event.id for head in heads for entry in head.entries.values())


def _resource(subject: str) -> str:
    """Return how findings name what an event names: `function:alias`, `cluster/service`, or its ARN or name."""
    return subject.rpartition(":function:")[2].rpartition(":service/")[2]
