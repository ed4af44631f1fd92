"""A strict stand-in for PagerDuty's Events API v2, as a WSGI app, and the incidents that come of it.

It refuses what PagerDuty refuses, with PagerDuty's own words where they are known, and also what it cannot judge: a
field that the documentation does not name is an error here, never a plausible success.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from werkzeug.wrappers import Request, Response

__all__ = ["KEY", "Entry", "Fault", "Incident", "PagerDutyStandIn"]

Fault = Literal["429", "500", "500 after", "silence", "silence after", "broken", "broken after", "rubbish"]
Status = Literal["triggered", "acknowledged", "resolved"]

# The integration key of the one service that everybody has.
KEY = "0123456789abcdef0123456789abcdef"
SIZE = 512 * 1024
SUMMARY, DEDUP_KEY, ROUTING_KEY = 1024, 255, 32
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
EVENT = {"routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"}
PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}
# Where SNS posts what needs no function of ours.
INTEGRATION = re.compile(r"/integration/(\w+)/enqueue")
# An incident that nobody resolves keeps what came last, not everything.
TIMELINE = 100


class Refused(Exception):
    """An event that PagerDuty does not take: everything that is wrong with it."""

    def __init__(self, errors: Sequence[str]) -> None:
        """Keep each error as a sentence."""
        super().__init__("; ".join(errors))
        self.errors = list(errors)


@dataclass(frozen=True)
class Entry:
    """One line of an incident's timeline: when (epoch seconds), and what came."""

    at: float
    action: str
    text: str


@dataclass
class Incident:
    """One incident: of which service, what its latest trigger said, and its timeline, the newest last."""

    id: str
    service: str
    key: str
    status: Status
    opened: float
    at: float
    event: Mapping[str, Any]
    timeline: list[Entry] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """Return what a page needs to show it."""
        payload = self.event["payload"]
        links = [{"text": one.get("text") or one["href"], "href": one["href"]} for one in self.event.get("links", ())]
        return {
            "id": self.id,
            "service": self.service,
            "status": self.status,
            "severity": payload["severity"],
            "summary": payload["summary"],
            "source": payload["source"],
            "details": payload.get("custom_details", {}),
            "links": links,
            "opened": self.opened,
            "at": self.at,
            "timeline": [{"at": one.at, "action": one.action, "text": one.text} for one in self.timeline],
        }


@dataclass
class _Trouble:
    fault: Fault
    left: int
    seconds: float


class PagerDutyStandIn:
    """PagerDuty's way in for events, for some services by their integration keys."""

    def __init__(self, services: Mapping[str, str] | None = None, *, now: Callable[[], float] = time.time) -> None:
        """Know the services' names by their integration keys; unless told, one service called `default`."""
        self.services = dict(services or {KEY: "default"})
        self.now = now
        self.incidents: list[Incident] = []
        self.received: list[Mapping[str, Any]] = []
        self.version = 0
        self.lock = threading.RLock()
        self._troubles: list[_Trouble] = []

    def fail(self, fault: Fault, times: int = 1, seconds: float = 1.0) -> None:
        """Have the next calls fail: `after` takes effect first; `seconds` is the silence or Retry-After."""
        with self.lock:
            self._troubles.append(_Trouble(fault, times, seconds))

    def open(self, key: str) -> Incident | None:
        """Return the incident of a deduplication key that is not resolved."""
        return next((one for one in reversed(self.incidents) if one.key == key and one.status != "resolved"), None)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request as WSGI wants it."""
        response = self._respond(Request(environ), environ)
        return response(environ, start_response)  # type: ignore[no-any-return]

    def _respond(self, request: Any, environ: Mapping[str, Any]) -> Any:
        plain = INTEGRATION.fullmatch(request.path)
        if request.method != "POST" or not (plain or request.path == "/v2/enqueue"):
            return Response(f"POST /v2/enqueue, not {request.method} {request.path}", 404)
        with self.lock:
            trouble = next((one for one in self._troubles if one.left > 0), None)
            if trouble:
                trouble.left -= 1
        if trouble and not trouble.fault.endswith("after"):
            return _failed(trouble, environ)
        try:
            answer = self._enqueued(_of_alarm(request, plain[1]) if plain else _event(request))
        except Refused as error:
            return _json({"status": "invalid event", "message": "Event object is invalid", "errors": error.errors}, 400)
        return _failed(trouble, environ) if trouble else answer

    def _enqueued(self, event: Any) -> Any:
        if not isinstance(event, dict):
            problem = {"status": "Unrecognized object", "message": "Event object format is unrecognized"}
            return _json({**problem, "errors": ["JSON parse error"]}, 400)
        if errors := list(_wrong(event)):
            raise Refused(errors)
        if event["routing_key"] not in self.services:
            return Response("Invalid routing key", 400, content_type="text/plain")
        with self.lock:
            key = self._apply(event)
        return _json({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _apply(self, event: Mapping[str, Any]) -> str:
        """Open, acknowledge or resolve an incident; what is about none that is open is dropped."""
        self.received.append(event)
        key = event.get("dedup_key") or secrets.token_hex(16)
        service, action, now = self.services[event["routing_key"]], event["event_action"], self.now()
        incident = next(
            (one for one in self.incidents if (one.key, one.service) == (key, service) and one.status != "resolved"),
            None,
        )
        if incident is None and action != "trigger":
            return str(key)
        if incident is None:
            number = f"Q{len(self.incidents) + 1:05d}"
            incident = Incident(number, service, key, "triggered", now, now, event)
            self.incidents.append(incident)
        elif action == "trigger":
            # It says more; that somebody has acknowledged it stays.
            incident.event = event
        else:
            incident.status = "acknowledged" if action == "acknowledge" else "resolved"
        incident.at = now
        said = event.get("payload", {}).get("summary", "")
        incident.timeline = [*incident.timeline, Entry(now, action, said)][-TIMELINE:]
        self.version += 1
        return str(key)


def _event(request: Any) -> Any:
    """Return what a request holds, None where it is no JSON; raises Refused for one that is too large."""
    body = request.get_data()
    if len(body) > SIZE:
        raise Refused([f"Event size is {len(body)} bytes and cannot exceed {SIZE} bytes"])
    try:
        return json.loads(body)
    except ValueError:
        return None


def _of_alarm(request: Any, key: str) -> Any:
    """Return as an event what SNS posts of an alarm to an integration of the kind Amazon CloudWatch."""
    told = _event(request)
    try:
        alarm = json.loads(told["Message"])
        name, state = alarm["AlarmName"], alarm["NewStateValue"]
    except (TypeError, KeyError, ValueError):
        return None
    event = {"routing_key": key, "event_action": "trigger" if state == "ALARM" else "resolve"}
    payload = {
        "summary": str(told.get("Subject") or name)[:SUMMARY],
        "source": name,
        "severity": "critical",
        "custom_details": {"Reason": alarm.get("NewStateReason", "")},
    }
    return {**event, "dedup_key": str(alarm.get("AlarmArn", name))[:DEDUP_KEY], "payload": payload}


def _wrong(event: Mapping[str, Any]) -> Iterable[str]:
    """Yield what is wrong with an event."""
    yield from (f"'{name}' is not a field that the stand-in knows" for name in sorted(event.keys() - EVENT))
    routing = event.get("routing_key")
    if not isinstance(routing, str) or not routing:
        yield "'routing_key' is missing or blank"
    else:
        if len(routing) != ROUTING_KEY:
            yield f"Length of 'routing_key' is incorrect (should be {ROUTING_KEY} characters)"
        if not routing.isalnum():
            yield "'routing_key' cannot contain non-alphanumeric characters."
    action = event.get("event_action")
    if action not in ACTIONS:
        yield f"'event_action' must be one of {', '.join(ACTIONS)}"
    yield from _text(event, "dedup_key", DEDUP_KEY, needed=action != "trigger")
    for name in ("client", "client_url"):
        yield from _text(event, name, None, needed=False)
    yield from _listed(event, "links", {"href", "text"}, "href", r"https?://\S+")
    yield from _listed(event, "images", {"src", "href", "alt"}, "src", r"https://\S+")
    payload = event.get("payload")
    if payload is None and action != "trigger":
        return
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank"
        return
    yield from (f"'payload.{name}' is not a field that the stand-in knows" for name in sorted(payload.keys() - PAYLOAD))
    yield from _text(payload, "summary", SUMMARY)
    yield from _text(payload, "source", None)
    if payload.get("severity") not in SEVERITIES:
        yield f"'payload.severity' must be one of {', '.join(SEVERITIES)}"
    for name in ("component", "group", "class"):
        yield from _text(payload, name, None, needed=False)
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' must be an object"
    if "timestamp" in payload and not _is_time(payload["timestamp"]):
        yield "'payload.timestamp' is not a time in ISO 8601"


def _text(given: Mapping[str, Any], name: str, longest: int | None, *, needed: bool = True) -> Iterable[str]:
    value = given.get(name)
    if value is None and not needed:
        return
    if not isinstance(value, str) or not value.strip():
        yield f"'{name}' is missing or blank"
    elif longest and len(value) > longest:
        yield f"'{name}' is too long (maximum {longest} characters)"


def _listed(event: Mapping[str, Any], name: str, known: set[str], needed: str, address: str) -> Iterable[str]:
    value = event.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        yield f"'{name}' must be a list of objects"
        return
    for one in value:
        yield from (f"'{name}.{other}' is not a field that the stand-in knows" for other in sorted(one.keys() - known))
        if not re.fullmatch(address, str(one.get(needed, ""))):
            yield f"'{name}.{needed}' must be an address: {address.split(':')[0].rstrip('?')}://…"


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _failed(trouble: _Trouble, environ: Mapping[str, Any]) -> Any:
    kind = trouble.fault.removesuffix(" after")
    if kind == "429":
        body = {
            "status": "throttle exceeded",
            "message": "Requests for this service are arriving too quickly. Please retry later.",
            "errors": ["Enhance Your Calm."],
        }
        return _json(body, 429, {"Retry-After": f"{trouble.seconds:g}"})
    if kind == "broken":
        # The connection ends before a byte of the answer.
        environ["werkzeug.socket"].shutdown(2)
    if kind == "silence":
        time.sleep(trouble.seconds)
    if kind == "rubbish":
        return Response("<html>Welcome to our proxy</html>", 200, content_type="text/html")
    return Response("<html>Internal Server Error</html>", 500, content_type="text/html")


def _json(body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> Any:
    return Response(json.dumps(body), status, dict(headers or {}), content_type="application/json")
