"""Notices as events of PagerDuty's Events API v2, within its limits for any input: pure.

The routing key is no part of an event here: it is a secret, and put in by whoever sends it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from chalicelib.model import Notice, Severity
from chalicelib.notices.slack_text import clean, one_line

Event = dict[str, Any]
Weight = Literal["critical", "error", "warning", "info"]

WEIGHTS: Mapping[Severity, Weight] = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
SUMMARY, DEDUP_KEY, FIELD, ADDRESS = 1024, 255, 255, 2048
# PagerDuty takes 512 KB; what a person reads on a phone is less, and the whole must stay readable.
LINE, LINES, FACTS, LINKS = 1000, 40, 40, 20
CLIENT = "Parapet"
TEST = "[TEST]"


def event(notice: Notice) -> Event:
    """Return what a notice means for a pager; only a trigger says what it is, the others which one they are about."""
    found: Event = {"event_action": notice.page or "trigger", "dedup_key": dedup_key(notice)}
    if found["event_action"] != "trigger":
        return found
    links = [
        {"href": address, "text": _field(name, FIELD) or "link"}
        for name, address in notice.links
        if re.fullmatch(r"https://[!-~]+", address) and len(address) <= ADDRESS
    ]
    return {**found, "client": CLIENT, "payload": _payload(notice), **({"links": links[:LINKS]} if links else {})}


def dedup_key(notice: Notice) -> str:
    """Return what PagerDuty knows an incident by: the same from trigger to resolve, however long its parts are."""
    key = notice.fingerprint or notice.alert or notice.finding or notice.thread
    if key and len(key) <= DEDUP_KEY and key.isascii() and key.isprintable() and key == key.strip():
        return key
    return "sha256-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _payload(notice: Notice) -> Event:
    title = one_line(notice.title) or one_line(notice.name) or "Something that Parapet has no title for"
    given = {
        "timestamp": _moment(notice.since if notice.since is not None else notice.at),
        "component": _field(notice.resource or notice.name, FIELD),
        "group": _field(notice.service or notice.account, FIELD),
        "class": _field(notice.guardrail or notice.source or notice.kind, FIELD),
    }
    return {
        "summary": _field(f"{TEST} {title}" if notice.test else title, SUMMARY),
        "source": _field(_source(notice), FIELD) or CLIENT,
        "severity": WEIGHTS[notice.severity],
        **{name: value for name, value in given.items() if value},
        "custom_details": _details(notice),
    }


def _source(notice: Notice) -> str:
    return " ".join(part for part in (notice.account, notice.region) if part) or notice.source


def _details(notice: Notice) -> Event:
    """Return the evidence by what labels it; of two with one label, both."""
    found: Event = {}
    if notice.test:
        found["Test"] = "Only the way to people is tested: nothing is wrong."
    if lines := [text for line in notice.lines[:LINES] if (text := _text(line))]:
        found["What"] = "\n".join(lines)
    for name, value in notice.facts[:FACTS]:
        label = _field(name, FIELD) or "Fact"
        found[label] = f"{found[label]}\n{_text(value)}" if label in found else _text(value)
    for label, given in (("Alert", notice.alert), ("Finding", notice.finding), ("Status", notice.status)):
        if given:
            found.setdefault(label, _field(given, FIELD))
    return found


def _field(text: str, limit: int) -> str:
    return _cut(one_line(text), limit)


def _text(text: str) -> str:
    return _cut(clean(text).strip(), LINE)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _moment(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""


def encoded(body: Event) -> bytes:
    """Return an event as it is sent."""
    return json.dumps(body, separators=(",", ":")).encode()
