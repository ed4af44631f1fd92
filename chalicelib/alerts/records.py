"""What the journal's items look like for alerts, and back: pure.

Each item holds its dataclass as JSON text under `record`; beside it stand only the keys of the indexes. `by_status`
has the groups, `by_resource` the alerts under their group's id, `by_due` what is to be looked at again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from chalicelib.alerts.model import Alert, Group, Silence
from chalicelib.alerts.quiet import Inhibitor
from chalicelib.alerts.signal import Alarm, Signal
from chalicelib.matcher import Matcher
from chalicelib.model import Destination, plain
from chalicelib.notices.outbox import dump, load

T = TypeVar("T")
ALERT, GROUP = "ALERT", "GROUP"
# Seconds after its end until the table forgets one: long after the channels have forgotten its thread, since the next
# episode of a group that is forgotten is its first again.
KEPT = 400 * 86400
SILENCES, INHIBITORS = "SILENCES", "INHIBITORS"


def digest(fingerprint: str) -> str:
    """Return what a fingerprint, which may be long, is called in keys."""
    return hashlib.sha256(fingerprint.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def key(kind: str, name: str) -> dict[str, str]:
    """Return the key of an alert (by its fingerprint) or a group (by its id)."""
    return {"pk": f"{kind}#{digest(name) if kind == ALERT else name}", "sk": kind}


def within(group: str) -> str:
    """Return what the alerts of a group have in the index by resource, where no finding has it."""
    return f"{GROUP}#{group}"


def alert_item(alert: Alert) -> dict[str, Any]:
    """Return an alert as its item."""
    told = {**plain(alert), "waiting": alert.waiting and signal_record(alert.waiting)}
    item = {**key(ALERT, alert.fingerprint), "record": json.dumps(told, ensure_ascii=False), "rev": alert.rev}
    return {**item, "resource": within(alert.group), "opened": alert.since, **_due(ALERT, alert.due), **_expires(alert)}


def alert(raw: Mapping[str, Any]) -> Alert:
    """Return the alert in an item."""
    told = json.loads(raw["record"])
    waiting = signal(told["waiting"]) if told.get("waiting") else None
    return _made(Alert, {**told, "waiting": waiting, "signals": tuple(told["signals"]), "rev": raw["rev"]})


def group_item(group: Group) -> dict[str, Any]:
    """Return a group as its item."""
    told = {
        **plain(group),
        "destination": group.destination and plain(group.destination),
        "notice": group.notice and dump(group.notice),
        "unsent": [dump(one) for one in group.unsent],
    }
    item = {**key(GROUP, group.id), "record": json.dumps(told, ensure_ascii=False), "rev": group.rev}
    # What is not sent yet is owed at once.
    due = group.at if group.unsent else group.due
    return {**item, "status": group.status, "opened": group.opened, **_due(GROUP, due), **_expires(group)}


def group(raw: Mapping[str, Any]) -> Group:
    """Return the group in an item."""
    told = json.loads(raw["record"])
    where, notice = told["destination"], told["notice"]
    parts = {
        "destination": _made(Destination, {**where, "email": tuple(where["email"])}) if where else None,
        "notice": load(notice) if notice else None,
        "unsent": tuple(map(load, told["unsent"])),
        "waiting": tuple(told["waiting"]),
        "dismissed": tuple(told.get("dismissed", ())),
        "rev": raw["rev"],
    }
    return _made(Group, {**told, **parts})


def signal_record(one: Signal) -> dict[str, Any]:
    """Return a signal as JSON takes it."""
    return {**plain(one), "alarm": one.alarm and plain(one.alarm)}


def signal(raw: Mapping[str, Any]) -> Signal:
    """Return a signal from what JSON gave."""
    alarm = raw.get("alarm")
    parts: dict[str, Any] = {
        "lines": tuple(raw["lines"]),
        "facts": _pairs(raw["facts"]),
        "links": _pairs(raw["links"]),
        "log_groups": tuple(raw["log_groups"]),
        "alarm": None,
    }
    if alarm:
        lists = {name: tuple(alarm[name]) for name in ("metrics", "children", "log_groups")}
        parts["alarm"] = _made(Alarm, {**alarm, **lists})
    return _made(Signal, {**raw, **parts})


def silence_record(silence: Silence) -> dict[str, Any]:
    """Return a silence as the item of all silences holds it, under its id."""
    return {**plain(silence), "matcher": {name: list(texts) for name, texts in plain(silence.matcher).items() if texts}}


def silences(raw: Mapping[str, Any]) -> tuple[Silence, ...]:
    """Return the silences in their item."""
    return tuple(_made(Silence, {**value, "matcher": matcher(value["matcher"])}) for value in _values(raw))


def matcher(raw: Mapping[str, Any]) -> Matcher:
    """Return a matcher from what an item holds."""
    return _made(Matcher, {name: tuple(texts) for name, texts in raw.items()})


def inhibitor_record(one: Inhibitor) -> dict[str, Any]:
    """Return an inhibitor as the item of all of them holds it, under its fingerprint's digest."""
    return plain(one)


def inhibitors(raw: Mapping[str, Any]) -> tuple[Inhibitor, ...]:
    """Return the inhibitors in their item."""
    return tuple(_made(Inhibitor, {**value, "children": tuple(value["children"])}) for value in _values(raw))


def _values(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [value for name, value in sorted(raw.items()) if name not in ("pk", "sk", "rev")]


def _expires(one: Alert | Group) -> dict[str, int]:
    return {"expires": int(one.at) + KEPT} if one.status == "resolved" else {}


def _due(kind: str, at: float | None) -> dict[str, Any]:
    return {} if at is None else {"due_kind": kind, "due": at}


def _pairs(raw: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in raw)


def _made(kind: Callable[..., T], raw: Mapping[str, Any]) -> T:
    # After a rollback a newer version's records are there: better told by what is known of them than not at all.
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in raw.items() if name in known})
