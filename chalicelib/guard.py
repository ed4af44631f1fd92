"""What every guard function does with what arrives: a call, an alarm, a sweep, a look again, or a command."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from chalicelib import bus, obeying, registry, telemetry, wiring
from chalicelib.events import envelope, parse
from chalicelib.model import BadEvent
from chalicelib.pipeline import Pipeline
from chalicelib.telemetry import Invocation


class Context(Protocol):
    """What Lambda tells about an invocation."""

    invoked_function_arn: str
    aws_request_id: str


def receive(service: str, raw: Mapping[str, Any], context: Context) -> None:
    """Handle one event for a service; raises a ParapetError, after which Lambda may deliver the same again."""
    with telemetry.invocation(f"guard_{service}", context) as seen:
        _handle(service, envelope(raw), context, seen)


def _handle(service: str, frame: Mapping[str, Any], context: Context, seen: Invocation) -> None:
    account, request = context.invoked_function_arn.split(":")[4], context.aws_request_id
    seen.because(delivery=frame["id"], account=frame["account"], region=frame["region"])
    if frame["source"] != bus.SOURCE:
        seen.because(cause="event")
        seen.count("Events")
        if frame["detail-type"].startswith("Parapet "):
            raise BadEvent(f"an event of {frame['source']} calls itself {frame['detail-type']!r}, which is Parapet's")
        event = parse(frame)
        seen.because(event_id=event.id, call=event.name)
        wiring.pipeline(service, account).handle(event, request)
        return
    if frame["account"] != account:
        # Whoever may forward events to our bus may put others there too.
        raise BadEvent(f"an event of Parapet's own came from account {frame['account']}: only {account} sends those")
    kind, pipeline = frame["detail-type"], wiring.pipeline(service, account)
    seen.because(cause=kind.removeprefix("Parapet ").lower())
    if kind == bus.COMMAND:
        obeying.carry_out(pipeline, _named(frame, "command", seen), request)
    elif kind == bus.LOOK_AGAIN:
        pipeline.look_again(_named(frame, "finding", seen), request)
    elif kind == registry.ALARM:
        guardrail, subject, *where, alarm, report = (
            _named(frame, name, seen) for name in ("guardrail", "subject", "account", "region", "alarm", "event")
        )
        pipeline.alarmed(guardrail, subject, where[0], where[1], alarm, report, _since(frame), request)
    elif kind == registry.REVERT:
        revert(pipeline, account, _named(frame, "change", seen), request)
    elif kind == bus.SWEEP:
        guardrail, detail = _named(frame, "guardrail", seen), frame["detail"]
        # The event of an older version names neither: it means our own account, in all regions.
        wanted = _named(frame, "account", seen) if "account" in detail else account
        regions = (_named(frame, "region", seen),) if "region" in detail else pipeline.settings.swept
        for region in regions:
            pipeline.watched("a sweep", wanted, region)
        pipeline.sweep(guardrail, wanted, regions, request)
    else:
        raise BadEvent(f"{kind!r} is not an event of Parapet's that a guard function knows")


def revert(pipeline: Pipeline, account: str, change: str, request: str) -> None:
    """Ask about a change that somebody wants taken back, as the ledger has it: its event only names it.

    Raises a ParapetError, after which it may be called again.
    """
    # What wakes a guard is seldom this.
    from chalicelib import reverting, reverts
    from chalicelib.ledger.book import Book

    book = Book(pipeline.account(account, ""), wiring.environment().ledger)
    event = reverting.record(book, pipeline.journal, change)
    if event is None:
        raise BadEvent(f"the change ledger does not have what it takes to take {change} back")
    if sorry := reverts.sorry(event):
        raise BadEvent(f"{event.name} ({change}) is not taken back: {sorry}")
    pipeline.handle(event, request)


def _named(frame: Mapping[str, Any], name: str, seen: Invocation) -> str:
    value = frame["detail"].get(name)
    if not isinstance(value, str) or not value:
        raise BadEvent(f"an event of Parapet's must name its {name}")
    seen.because(**{name: value})
    return value


def _since(frame: Mapping[str, Any]) -> float:
    value = frame["detail"].get("time")
    if type(value) not in (int, float):
        raise BadEvent("an event of Parapet's about an alarm must say when that changed, in epoch seconds")
    return float(value)


def strict(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Check an event's shape before Chalice does, which would answer a missing field with a bare KeyError."""

    @functools.wraps(handler)
    def checked(event: Any, context: Any) -> Any:
        frame = envelope(event)
        return handler({"version": "0", "resources": [], **frame}, context)

    return checked
