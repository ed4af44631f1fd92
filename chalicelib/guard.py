"""What every guard function does with what arrives: a call, a sweep, a look again, or a command."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from chalicelib import commands, wiring
from chalicelib.events import envelope, parse
from chalicelib.model import BadEvent


class Context(Protocol):
    """What Lambda tells about an invocation."""

    invoked_function_arn: str
    aws_request_id: str


def receive(service: str, raw: Mapping[str, Any], context: Context) -> None:
    """Handle one event for a service; raises a ParapetError, after which Lambda may deliver the same again."""
    frame = envelope(raw)
    account, request = context.invoked_function_arn.split(":")[4], context.aws_request_id
    pipeline = wiring.pipeline(service, account)
    if frame["source"] != commands.SOURCE:
        pipeline.handle(parse(frame), request)
        return
    detail, kind = frame["detail"], frame["detail-type"]
    if kind == commands.COMMAND:
        commands.carry_out(pipeline, _text(detail, "command"), request)
    elif kind == commands.LOOK_AGAIN:
        pipeline.look_again(_text(detail, "finding"), request)
    elif kind == commands.SWEEP:
        pipeline.sweep(_text(detail, "guardrail"), account, pipeline.settings.swept, request)
    else:
        raise BadEvent(f"{kind!r} is not an event of Parapet's that a guard function knows")


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    if not isinstance(value, str) or not value:
        raise BadEvent(f"an event of Parapet's must name its {name}")
    return value


def strict(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Check an event's shape before Chalice does, which would answer a missing field with a bare KeyError."""

    @functools.wraps(handler)
    def checked(event: Any, context: Any) -> Any:
        frame = envelope(event)
        return handler({"version": "0", "resources": [], **frame}, context)

    return checked
