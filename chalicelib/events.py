"""EventBridge envelopes into `Event`s, and the subjects that an event names: pure, strict about shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.model import Actor, BadEvent, Event

API_CALL = "AWS API Call via CloudTrail"
SIGN_IN = "AWS Console Sign In via CloudTrail"
TOP = ("id", "account", "region", "time", "source", "detail-type", "detail")


def envelope(raw: object) -> Mapping[str, Any]:
    """Return an EventBridge frame whose fields are all there and of the right type; raises BadEvent."""
    if not isinstance(raw, Mapping):
        raise BadEvent(f"an event must be a JSON object, this one is {type(raw).__name__}")
    missing = [name for name in TOP if name not in raw]
    if missing:
        raise BadEvent(f"the event lacks {', '.join(missing)}: is it an EventBridge event?")
    wrong = [name for name in TOP[:-1] if not isinstance(raw[name], str) or not raw[name]]
    if wrong:
        raise BadEvent(f"the event's {', '.join(wrong)} must be text")
    if not isinstance(raw["detail"], Mapping):
        raise BadEvent("the event's detail must be an object")
    return raw


def parse(raw: object) -> Event:
    """Return the CloudTrail record in an EventBridge frame; raises BadEvent naming what is missing."""
    frame = envelope(raw)
    detail = frame["detail"]
    for name in ("eventName", "eventSource", "userIdentity"):
        if name not in detail:
            raise BadEvent(f"event {frame['id']} lacks detail.{name}: is it a CloudTrail record?")
    received = detail.get("recipientAccountId", frame["account"])
    if received != frame["account"]:
        # EventBridge itself says whose an event is, also when it was forwarded; CloudTrail's record must agree.
        raise BadEvent(f"event {frame['id']} is of account {frame['account']}, and its record of {received}")
    if not isinstance(detail["eventName"], str) or not isinstance(detail["userIdentity"], Mapping):
        raise BadEvent(f"event {frame['id']} has a detail.eventName or detail.userIdentity of the wrong type")
    return Event(
        # CloudTrail's own id stays the same when EventBridge or a forwarding bus delivers twice.
        id=str(detail.get("eventID") or frame["id"]),
        account=frame["account"],
        region=frame["region"],
        time=seconds(detail.get("eventTime") or frame["time"], frame["id"]),
        detail_type=frame["detail-type"],
        source=frame["source"],
        name=detail["eventName"],
        actor=_actor(detail),
        detail=detail,
    )


def seconds(text: object, event_id: str) -> float:
    """Return an ISO 8601 time as epoch seconds, UTC where it names no zone; raises BadEvent naming the event."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise BadEvent(f"event {event_id} has the time {text!r}, which is not ISO 8601") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _actor(detail: Mapping[str, Any]) -> Actor:
    identity = detail["userIdentity"]
    kind = _text(identity.get("type")) or "Unknown"
    arn = _text(identity.get("arn"))
    who = _text(identity.get("userName")) or _text(identity.get("invokedBy")) or arn or kind
    if kind == "Root":
        who = "root"
    elif kind == "AssumedRole":
        session = arn.rsplit("/", 1)[-1]
        role = issuer(detail).rsplit("/", 1)[-1]
        who = f"{session} as {role}" if role else session or kind
    return Actor(
        who=who,
        arn=arn,
        ip=_text(detail.get("sourceIPAddress")) or "unknown",
        tool=_text(detail.get("userAgent")) or "unknown",
        kind=kind,
    )


def name_of(arn: str) -> str:
    """Return the name in a caller's ARN, written as findings write who made a call."""
    kind, _, path = arn.split(":", 5)[-1].partition("/")
    if kind == "assumed-role":
        role, _, session = path.rpartition("/")
        return f"{session} as {role}"
    name = path.rsplit("/", 1)[-1] or kind
    # In histories that is our own name.
    return arn if name == "parapet" else name


def issuer(detail: Mapping[str, Any]) -> str:
    """Return the ARN of the role or user behind a session, or an empty text."""
    identity = detail.get("userIdentity")
    context = identity.get("sessionContext") if isinstance(identity, Mapping) else None
    origin = context.get("sessionIssuer") if isinstance(context, Mapping) else None
    return _text(origin.get("arn")) if isinstance(origin, Mapping) else ""


_FIELD = re.compile(r"\{([^{}]+)\}")


def subjects(event: Event, path: str) -> tuple[str, ...]:
    """Return the resources that a path names in the event's detail, in order, each once.

    A path is dotted (`requestParameters.groupId`), `[]` goes through a list, ` | ` separates
    alternatives of which the first that is there counts, and `{…}` in a text (`user/{requestParameters.userName}`)
    is replaced. `account` is the account itself.
    """
    for alternative in path.split(" | "):
        found = _expand(event, alternative.strip())
        if found:
            return tuple(dict.fromkeys(found))
    return ()


def _expand(event: Event, path: str) -> list[str]:
    if path == "account":
        return [event.account]
    fields = _FIELD.findall(path)
    if not fields:
        return _values(event.detail, path)
    values = _values(event.detail, fields[0])
    return [_FIELD.sub(lambda _, value=value: value, path) for value in values]  # type: ignore[misc]


def _values(value: object, path: str) -> list[str]:
    nodes = [value]
    for name in path.split("."):
        key, through = name.removesuffix("[]"), name.endswith("[]")
        found = [node[key] for node in nodes if isinstance(node, Mapping) and key in node]
        nodes = [item for node in found if isinstance(node, list) for item in node] if through else found
    return [node for node in nodes if isinstance(node, str) and node]
