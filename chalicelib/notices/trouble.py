"""What a function gave up on, as a notice that says who is waiting for what, and what to mend. Pure.

Lambda's on-failure record wraps the event (`requestPayload`) and the last error (`responsePayload`). Whatever
arrives instead becomes a readable notice too: a failure that is not understood is the last one to be silent about.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.events import parse
from chalicelib.model import BadEvent, Notice
from chalicelib.notices import compose

KEPT = "The event itself is kept for 14 days in the dead-letter queue, whose name ends in -dead-letters."
AGAIN = "then the next sweep looks again by itself"
LONGEST = 300

DENIED = re.compile(r"AccessDenied|UnauthorizedOperation|AuthorizationError|not authorized to perform")
TRANSIENT = re.compile(
    r"Throttl|TooManyRequests|RequestLimitExceeded|LimitExceeded|SlowDown|Unavailable|InternalError|InternalFailure"
    r"|InternalServer|ReadTimeout|ConnectTimeout|Connection|EndpointConnection|answered Timeout"
)
ROLE = re.compile(r"assumed-role/([\w+=,.@-]+)/|:role/(?:[\w+=,.@/-]+/)?([\w+=,.@-]+)")
ACTION = re.compile(r"not authorized to perform:? ?\(?([a-z0-9-]+:[A-Za-z]+)")
ANSWERED = re.compile(r"\b([a-z0-9-]+:[A-Z]\w+) answered (\w+)")
OTHER_POLICY = re.compile(r"explicit deny in an? ([a-z ]+?policy|permissions boundary)|no ([a-z ]*boundary) allows")
MEMBER = re.compile(r"update the StackSet of `\./parapet member-template` in account (\d{12})")
NAMED = re.compile(r"(Id|Name|Arn|ARN|Identifier|Bucket)$")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failure record says, each part empty where it says nothing."""

    function: str
    request: str
    condition: str
    attempts: str
    kind: str
    text: str
    where: str
    event: Any


def of_failure(message: str, at: float) -> Notice:
    """Return the notice about one message of the failures topic, whatever its shape."""
    record = _json(message)
    context = _mapping(record, "requestContext")
    if not (context.get("functionArn") and "requestPayload" in record):
        return _unknown(message, at)
    answer = record.get("responsePayload")
    told = answer if isinstance(answer, Mapping) else {}
    failure = Failure(
        function=_function(_text(context.get("functionArn"))),
        request=_text(context.get("requestId")),
        condition=_text(context.get("condition")),
        attempts=_text(context.get("approximateInvokeCount")),
        kind=_text(told.get("errorType")),
        text=_text(told.get("errorMessage")) or _text(answer),
        where=_last(told.get("stackTrace")),
        event=record["requestPayload"],
    )
    return _notice(failure, _seconds(record.get("timestamp"), at))


def _notice(failure: Failure, at: float) -> Notice:
    event, facts = _event(failure.event)
    why = _why(failure)
    error = ": ".join(part for part in (failure.kind, failure.text) if part) or "it left no error"
    known = [
        ("Function", failure.function),
        *facts,
        ("Tries", failure.attempts),
        ("Error at", failure.where if why.unforeseen else ""),
        ("Request", failure.request),
    ]
    shown = tuple((name, compose.clip(value)) for name, value in known if value)
    title = f"{failure.function} gave up on {event}"
    key = f"failure:{failure.request or _digest(json.dumps(failure.event, sort_keys=True, default=str))}"
    notice = compose.of_trouble(key, title, (error, why.mend, KEPT), shown, at)
    # One cause often fails many events: they are told in one thread a day.
    day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
    thread = f"failure:{failure.function}:{why.cause}:{day}"[:LONGEST]
    return replace(notice, thread=thread, event_id=_event_id(failure.event))


# What to mend


@dataclass(frozen=True, slots=True)
class _Why:
    cause: str
    mend: str
    unforeseen: bool = False


def _why(failure: Failure) -> _Why:
    text = f"{failure.kind}: {failure.text}"
    if failure.condition == "EventAgeExceeded":
        return _Why(
            "waited too long",
            f"The event waited longer than Lambda keeps one: look whether {failure.function} is throttled (its "
            f"reserved concurrency, the account's limit), {AGAIN}",
        )
    if DENIED.search(text):
        return _denied(failure, text)
    if "BadEvent" in text:
        return _Why(
            "bad event",
            "Another try brings the same: the event is not of the shape that is expected. If a rule of yours or a "
            "forwarding bus sends it, mend that; if AWS sends it so, please report it with the event.",
        )
    if "SettingsError" in text or "is not set: it names" in text:
        return _Why("settings", f"Mend the setting that the error names, deploy, {AGAIN}")
    if "Busy" in failure.kind:
        return _Why("busy", f"Another invocation held the finding for all the tries; when it is calm, {AGAIN}")
    if "timed out after" in text or "Sandbox.Timedout" in text:
        return _Why(
            "timeout",
            f"{failure.function} ran out of time: look in its log for the slow call, raise lambda_timeout in "
            f".chalice/config.json where it needs longer, {AGAIN}",
        )
    if "signal: killed" in text or "OutOfMemory" in text or "MemoryError" in text:
        return _Why("memory", f"{failure.function} ran out of memory: raise lambda_memory_size, deploy, {AGAIN}")
    if "ImportModuleError" in text or "ModuleNotFoundError" in text or "HandlerNotFound" in text:
        return _Why("package", f"The deployed package is not whole: package and deploy again, {AGAIN}")
    if TRANSIENT.search(text):
        return _Why("throttled", f"AWS throttled or did not answer, and that passes: wait until it is calm, {AGAIN}")
    return _Why(
        failure.kind or "unforeseen",
        f"This was not foreseen. Its traceback is in the log of {failure.function}"
        + (f" under request {failure.request}" if failure.request else "")
        + f"; once mended, {AGAIN}",
        unforeseen=True,
    )


def _denied(failure: Failure, text: str) -> _Why:
    named = ROLE.search(text)
    role = (named[1] or named[2]) if named else ""
    found = ACTION.search(text) or ANSWERED.search(text)
    action = found[1] if found else ""
    who = f"role {role}" if role else f"the role of {failure.function}"
    other, member = OTHER_POLICY.search(text), MEMBER.search(text)
    if member:
        mend = f"Update the StackSet of `./parapet member-template` in account {member[1]}, {AGAIN}"
    elif other:
        mend = (
            f"A {other[1] or other[2]} denies {who} {action or 'the action'}: giving it to the role does not help; "
            f"let that policy leave {who} out, {AGAIN}"
        )
    else:
        mend = (
            f"Give {who} the action {action or 'that the error names'} (the derived policies grant it: "
            f"make derive, then make deploy), {AGAIN}"
        )
    return _Why(f"denied {action}".strip(), mend)


# What the event was


def _event(payload: Any) -> tuple[str, list[tuple[str, str]]]:
    try:
        event = parse(payload)
    except BadEvent:
        return _other_event(payload)
    facts = [
        ("Who", f"{event.actor.who} ({event.actor.kind})"),
        ("From", event.actor.ip),
        ("Resource", _resource(event.request, payload)),
        ("Account", f"{event.account}, {event.region}"),
        ("Event", event.id),
    ]
    return f"{event.name} by {event.actor.who}", facts


def _event_id(payload: Any) -> str:
    if not isinstance(payload, Mapping):
        return ""
    return _text(_mapping(payload, "detail").get("eventID")) or _text(payload.get("id"))


def _other_event(payload: Any) -> tuple[str, list[tuple[str, str]]]:
    if not isinstance(payload, Mapping):
        return "an event that is not an object", [("Event", _short(payload))]
    detail = _mapping(payload, "detail")
    name = _text(detail.get("eventName")) or _text(payload.get("detail-type")) or "an event of unknown shape"
    subject = next(
        (f"{name} {_text(detail[name])}" for name in ("finding", "command", "guardrail") if _text(detail.get(name))), ""
    )
    facts = [
        ("About", subject),
        ("Resource", _resource(_mapping(detail, "requestParameters"), payload)),
        ("Account", ", ".join(text for text in (_text(payload.get("account")), _text(payload.get("region"))) if text)),
        ("Event", _text(payload.get("id")) or _short(payload)),
    ]
    return name, facts


def _resource(request: Mapping[str, Any], payload: Any) -> str:
    for name, value in request.items():
        if NAMED.search(str(name)) and isinstance(value, str) and value:
            return value
    resources = payload.get("resources") if isinstance(payload, Mapping) else None
    return _text(resources[0]) if isinstance(resources, list) and resources else ""


def _unknown(message: str, at: float) -> Notice:
    return compose.of_trouble(
        f"failure:{_digest(message)}",
        "A failure was reported in a shape that is not known",
        (f"It says: {_short(_text(message)) or 'nothing'}", "It is not Lambda's on-failure record: look who publishes "
         "to the topic whose name ends in -failures.", KEPT),
        (),
        at,
    )  # fmt: skip


# Reading what may be of any type


def _json(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, Mapping) else {}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _last(trace: Any) -> str:
    frames = [line for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
    return " ".join(frames[-1].split()) if frames else ""


def _function(arn: str) -> str:
    parts = arn.split(":")
    return parts[6] if len(parts) > 6 and parts[6] else arn


def _seconds(text: Any, otherwise: float) -> float:
    try:
        moment = datetime.fromisoformat(_text(text).replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return otherwise


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
