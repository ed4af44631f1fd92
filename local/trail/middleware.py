"""The WSGI middleware that lets every call through to moto and publishes what CloudTrail would record."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.trail import catalog
from local.trail.identities import Identities, Identity
from local.trail.record import DETAIL_TYPE, Asked, Event, breakdown, has_elements, make_record, wrap
from local.trail.rewrites import bodies_for_moto
from local.trail.wire import (
    Answer,
    Call,
    give_body,
    plain_body,
    read_answer,
    read_call,
    take_body,
)

StartResponse = Callable[..., Any]
Headers = list[tuple[str, str]]


def now_utc() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def print_complaint(text: str) -> None:
    """Say on stderr what could not be recorded."""
    print(f"trail: {text}", file=sys.stderr, flush=True)


class Trail:
    """Wrap moto's application; publish one EventBridge envelope per management call.

    The caller always gets moto's answer unchanged. What cannot be decoded goes to `complain`, not into a
    record: a made-up record would be acted upon.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        identities: Identities,
        publish: Callable[[Event], None],
        *,
        account: str,
        put_events: Callable[[Event], None] | None = None,
        clock: Callable[[], datetime] = now_utc,
        complain: Callable[[str], None] = print_complaint,
    ) -> None:
        self._app = app
        self._identities = identities
        self._publish = publish
        self._account = account
        self._put_events = put_events
        self._clock = clock
        self._complain = complain

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request with moto's answer, and publish its record on the way."""
        asked, bodies = self._read(environ)
        if asked is None:
            return self._app(environ, start_response)
        try:
            status, headers, answer = self._ask(environ, bodies)
        except Exception as error:
            self._complain(f"moto broke on {asked.place}: {error!r}")
            self._note(asked, Answer(500, {}, b""), breakdown(asked.call, error))
            raise
        self._note(asked, answer, self._parsed(asked, answer))
        start_response(status, headers)
        return [answer.body]

    def _read(self, environ: dict[str, Any]) -> tuple[Asked | None, list[bytes]]:
        """Read the request, and say which bodies moto shall get; None for what is not recorded."""
        place = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}"
        try:
            call = read_call(environ)
            if call is None or not self._is_wanted(call):
                return None, []
            place = f"{call.service}:{call.name} {place}"
            body = take_body(environ)
            content = plain_body(environ, body)
            asked = Asked(call, call.parameters(content), content, environ, place)
            return asked, bodies_for_moto(call, asked.parameters, body)
        except Exception as error:
            self._complain(f"not recorded: {place} (signed for {_signed_for(environ)}): {error!r}")
            return None, []

    def _is_wanted(self, call: Call) -> bool:
        if _is_put_events(call):
            return self._put_events is not None
        return not catalog.is_data_plane(call.service, call.name)

    def _ask(self, environ: dict[str, Any], bodies: list[bytes]) -> tuple[str, Headers, Answer]:
        """Send each body to moto in turn, until one fails; give the last answer."""
        for body in bodies:
            own = dict(environ)
            give_body(own, body)
            status, headers, content = _collect(self._app, own)
            lower = {name.lower(): value for name, value in headers}
            answer = Answer(int(status.split()[0]), lower, content)
            if answer.failed:
                break
        return status, headers, answer

    def _parsed(self, asked: Asked, answer: Answer) -> dict[str, Any]:
        if not (answer.failed or has_elements(asked.call) or _is_put_events(asked.call)):
            return {}
        try:
            return read_answer(asked.call, answer)
        except Exception as error:
            text = f"the answer cannot be read: {asked.place}: HTTP {answer.status}, {error!r}"
            self._complain(text)
            return breakdown(asked.call, error) if answer.failed else {}

    def _note(self, asked: Asked, answer: Answer, parsed: dict[str, Any]) -> None:
        """Publish what the call was; whatever goes wrong here must not reach the caller."""
        call, now = asked.call, self._clock()
        caller = self._identities.lookup(call.access_key)
        account = self._recipient(caller)
        try:
            if _is_put_events(call):
                self._hand_over(asked, {} if answer.failed else parsed, account, now)
                return
            record = make_record(asked, answer, parsed, caller, account, now)
            if parsed and not answer.failed:
                self._identities.learn(
                    call.service, call.name, asked.parameters, parsed, caller=caller, now=now,
                    source_ip=record["sourceIPAddress"], account=account,
                )  # fmt: skip
            source = "aws." + record["eventSource"].split(".")[0]
            self._publish(wrap(record, DETAIL_TYPE, source, record["eventID"]))
        except Exception as error:
            self._complain(f"not recorded: {asked.place}: {error!r}")

    def _recipient(self, caller: Identity) -> str:
        # Moto carries out what a role session asks in the role's own account, and all else in ours.
        if caller.user_identity.get("type") == "AssumedRole":
            return str(caller.user_identity.get("accountId") or self._account)
        return self._account

    def _hand_over(self, asked: Asked, parsed: Mapping[str, Any], account: str, now: datetime) -> None:
        """Give each accepted entry of a PutEvents call to the receiver, as EventBridge would deliver it."""
        if self._put_events is None:
            return
        entries = asked.parameters.get("Entries", [])
        for entry, accepted in zip(entries, parsed.get("Entries", []), strict=False):
            if not accepted.get("EventId"):
                continue
            bus = entry.get("EventBusName") or "default"
            if bus.rsplit("/", 1)[-1] != "default":
                self._complain(f"event for bus {bus} not delivered: only the default bus is")
                continue
            event: Event = {
                "recipientAccountId": account,
                "eventTime": f"{entry.get('Time') or now:%Y-%m-%dT%H:%M:%SZ}",
                "awsRegion": asked.call.region,
            }
            event = wrap(event, entry["DetailType"], entry["Source"], accepted["EventId"])
            event |= {"resources": entry.get("Resources") or [], "detail": json.loads(entry["Detail"])}
            self._put_events(event)


def _is_put_events(call: Call) -> bool:
    return (call.service, call.name) == ("events", "PutEvents")


def _signed_for(environ: Mapping[str, Any]) -> str:
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).split(",")[0].split("/")
    return scope[3] if len(scope) > 3 else "unsigned"


def _collect(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> tuple[str, Headers, bytes]:
    """Run a WSGI application to its end."""
    started: list[tuple[str, Headers]] = []
    written = io.BytesIO()

    def start(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], int]:
        started.append((status, headers))
        return written.write

    chunks = app(environ, start)
    try:
        for chunk in chunks:
            written.write(chunk)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started[-1]
    return status, headers, written.getvalue()
