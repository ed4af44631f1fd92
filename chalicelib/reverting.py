"""Whether a change can be taken back, and its record, with what was before where it does not tell that itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import bus, registry, reverts
from chalicelib.events import parse
from chalicelib.journal import Journal, Place
from chalicelib.ledger import frames
from chalicelib.ledger.book import KEPT, Book
from chalicelib.model import Aws, Event
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings

# So many changes of one resource are looked through for the one before.
LOOKED = 50
ALIASES = ("CreateAlias", "UpdateAlias")


@dataclass(frozen=True, slots=True)
class Offer:
    """What Parapet offers about a change.

    Args:
        change: its id.
        guardrail: which would take it back; empty where none knows how.
        what: what that would do, in words; empty where it is not offered.
        why: why it is not offered, in words; empty where it is.
    """

    change: str
    guardrail: str = ""
    what: str = ""
    why: str = ""

    @property
    def command(self) -> str:
        """Return what people type to ask for it, empty where it is not offered."""
        return "" if self.why else f"./parapet revert {self.change}"


def rails() -> tuple[Guardrail, ...]:
    """Return the guardrails that take changes back, importing only their files."""
    return tuple(map(registry.get, sorted({one.guardrail for one in frames.CALLS.values()} - {""})))


def on(settings: Settings) -> frozenset[str]:
    """Return the names of those of them that are on; the settings must know them."""
    return frozenset(one.name for one in rails() if settings.takes_back(one))


def offer(book: Book, journal: Journal | None, asked: frozenset[str], change: str) -> Offer:
    """Return what is offered about a change; whether it still stands is seen when somebody asks. Raises AwsError.

    Args:
        book: the ledger.
        journal: what Parapet itself has done; None leaves that to whoever asks.
        asked: the guardrails that are on.
        change: its id.
    """
    event = record(book, journal, change)
    if event is None:
        return Offer(change, why="Parapet does not know how to take this back, or the ledger has too little of it")
    name = frames.guardrail(event.source, event.name)
    try:
        what = reverts.back(event)
    except reverts.Uncertain as error:
        return Offer(change, name, why=str(error))
    if name not in asked:
        return Offer(change, name, why=f'{name} is off: mode = "approve" under [guardrails.{name}] in parapet.toml')
    return Offer(change, name, what)


def ask(aws: Aws, wanted: Offer) -> None:
    """Have the function that owns it ask people about a change that is offered; raises AwsError."""
    bus.emit(aws, registry.REVERT, [{"service": registry.service_of(wanted.guardrail), "change": wanted.change}])


def record(book: Book, journal: Journal | None, change: str) -> Event | None:
    """Return what a change was, as an event that asks for it to be taken back; None where the ledger has too little.

    Raises AwsError.
    """
    frame = book.frame(change)
    if frame is None or not frames.guardrail(frame["source"], frame["detail"]["eventName"]):
        return None
    event = parse({**frame, "detail-type": registry.REVERT})
    if event.source == "aws.lambda":
        event = replace(event, detail={**event.detail, reverts.EARLIER: _earlier(book, journal, event)})
    return event


def _earlier(book: Book, journal: Journal | None, event: Event) -> Mapping[str, Any] | None:
    """Return the call that left an alias where it was before; None where that is not certain."""
    arn = str(event.response.get("aliasArn"))
    page = book.between(event.time - KEPT, event.time, resource=arn, limit=LOOKED)
    for one in page.changes:
        if one.id == event.id or one.error or one.action not in ALIASES:
            continue
        frame = book.frame(one.id)
        if frame is None or one.at == event.time:
            return None
        if frame["detail"]["responseElements"].get("aliasArn") == arn:
            return None if journal and _ours(journal, event, arn, one.at) else frame
    return None


def _ours(journal: Journal, event: Event, arn: str, since: float) -> bool:
    """Whether Parapet has had to do with an alias since: what it does itself is not in the ledger."""
    resource = arn.rpartition(":function:")[2]
    rails = [name for name in registry.names() if registry.service_of(name) == "lambda"]
    heads = [journal.head(Place(name, event.account, event.region, resource)) for name in rails]
    # What was asked about this change was asked because there was nothing in between.
    return any(entry.at >= since and entry.event != event.id for head in heads for entry in head.entries.values())
