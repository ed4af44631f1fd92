"""What the journal's items look like, and back: findings, heads, limits, the control item. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from chalicelib import scope
from chalicelib.decision import Entry, Head, Limit
from chalicelib.model import (
    EVERYTHING,
    RECORDS,
    STATUSES,
    Actor,
    Call,
    Command,
    Exemption,
    Finding,
    ParapetError,
    Pause,
    Scope,
    Status,
    Step,
    Violation,
    Waiver,
    plain,
)

OPEN, EXEMPT, PAUSE, WAIVER = "open ", "exempt ", "pause", "waiver "
# Under this name a command's item has its `expires`.
VOID = "void"
# Findings' and commands'.
KNOWN = frozenset({*STATUSES, "done", "refused"})
T = TypeVar("T")


class Newer(ParapetError):
    """An item that a newer version of Parapet has written: in doubt, nothing is done about what it tells."""

    def __init__(self, what: str, why: str) -> None:
        """Name the item, and what about it is not known."""
        super().__init__(f"{what} was written by a newer version of Parapet ({why}): deploy that one again")


def made(kind: type[T], raw: Mapping[str, Any], what: str, *, decisive: bool = True) -> T:
    """Return one of our dataclasses as an item holds it; raises Newer for one with more in it than we know of.

    Args:
        kind: which one.
        raw: what the item holds.
        what: names it.
        decisive: whether anything depends on its status; else it is only shown, and any will do.
    """
    unknown = raw.keys() - vars(kind)["__slots__"]
    if unknown:
        raise Newer(what, f"it has {', '.join(sorted(unknown))}")
    if decisive and raw.get("status", "fixed") not in KNOWN:
        raise Newer(what, f"it is {raw['status']}")
    return kind(**raw)


def month(at: float) -> str:
    """Return the month of a time, as the index by time is partitioned: `2026-11`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")


def switch(of: Scope) -> str:
    """Return the attribute of the control item that is the pause switch of a scope."""
    return PAUSE if of == EVERYTHING else f"{PAUSE} {of}"


def pauses(raw: Mapping[str, Any]) -> tuple[Pause, ...]:
    """Return the pause switches in the control item, the widest first."""
    found = [_pause(name, value) for name, value in raw.items() if name.startswith(PAUSE)]
    return tuple(sorted(found, key=lambda one: (one.scope != EVERYTHING, str(one.scope))))


def switches(raw: Mapping[str, Any], of: Scope) -> list[str]:
    """Return every attribute of the control item that pauses exactly a scope; by hand it is written in many ways."""
    return [name for name in raw if name.startswith(PAUSE) and _about(name) == of]


def _about(name: str) -> Scope:
    try:
        return scope.parse(name.removeprefix(PAUSE), scope.PAUSED_BY)
    except ParapetError:
        # Set by hand, in a hurry: in doubt, everything stops.
        return EVERYTHING


def _pause(name: str, value: Any) -> Pause:
    """Return the pause of a switch; whatever somebody has put there in a hurry, it is on."""
    about = _about(name)
    if not isinstance(value, dict):
        return Pause("somebody in the console", str(value), 0.0, None, about)
    at, until = (float(one) if isinstance(one, int | float) else None for one in (value.get("at"), value.get("until")))
    who = str(value.get("who", "somebody in the console"))
    return Pause(who, str(value.get("why", "")), at or 0.0, until, about)


def pause_record(pause: Pause) -> dict[str, Any]:
    """Return a pause as its switch holds it; which scope it is for, the switch's name tells."""
    return {name: value for name, value in plain(pause).items() if name != "scope"}


def waivers(raw: Mapping[str, Any]) -> tuple[Waiver, ...]:
    """Return the waivers in the exemptions' item; raises ParapetError for what is none, and Newer."""
    return tuple(_waiver(name, value) for name, value in sorted(raw.items()) if name.startswith(WAIVER))


def _waiver(name: str, value: Any) -> Waiver:
    try:
        waiver = made(Waiver, {**value, "scope": made(Scope, value["scope"], name)}, name)
        if not isinstance(waiver.until, int | float):
            raise TypeError(waiver.until)
    except (AttributeError, KeyError, TypeError) as error:
        raise ParapetError(
            f"what the journal's item EXEMPTIONS holds under {name!r} is no waiver: take it away there"
        ) from error
    return waiver


def waiver_record(waiver: Waiver) -> dict[str, Any]:
    """Return a waiver as the exemptions' item holds it, under its id."""
    return {**plain(waiver), "scope": scope_record(waiver.scope)}


def exemption_record(exemption: Exemption) -> dict[str, Any]:
    """Return a permission as a head holds it."""
    # As of an entry: what is not set stays away.
    return {name: value for name, value in plain(exemption).items() if name != "event" or value}


def scope_record(about: Scope) -> dict[str, str]:
    """Return a scope's fields that are given."""
    return {name: value for name, value in plain(about).items() if value}


def command_record(command: Command) -> dict[str, Any]:
    """Return a command as its item holds it, keys aside."""
    told = {**plain(command), "scope": scope_record(command.scope), VOID: command.expires}
    # The table deletes what has an attribute of that name, once its time is over.
    del told["expires"]
    if not command.about:
        # What is not set stays away: the version before this one must be able to read what this one writes.
        del told["about"]
    return told


def command(raw: Mapping[str, Any]) -> Command:
    """Return the command in an item, its answer laid over it; raises Newer."""
    what = f"command {raw['id']}"
    told = {name: value for name, value in raw.items() if name not in ("pk", "sk", "due", "due_kind", VOID)}
    told["expires"] = raw.get(VOID)
    return made(Command, {**told, "scope": made(Scope, told.get("scope", {}), what)}, what)


_UNSET = {one.name: one.default for one in fields(Entry)}


def entry_record(entry: Entry) -> dict[str, Any]:
    """Return an entry as a head keeps it, under the name of its part."""
    # What is not set stays away: the version before this one must be able to read what this one writes.
    return {name: value for name, value in plain(entry).items() if name != "part" and value != _UNSET[name]}


def head(raw: Mapping[str, Any]) -> Head:
    """Return the head in an item (empty when there is none yet); raises Newer."""
    return Head(
        rev=int(raw.get("rev", 0)),
        entries={
            name.removeprefix(OPEN): made(Entry, {"part": name.removeprefix(OPEN), **value}, "a head")
            for name, value in raw.items()
            if name.startswith(OPEN)
        },
        exemptions={
            name.removeprefix(EXEMPT): made(Exemption, value, "a permission")
            for name, value in raw.items()
            if name.startswith(EXEMPT)
        },
        fixes=tuple((at, cause) for at, cause in raw.get("fixes", ())),
    )


def limit(raw: Mapping[str, Any]) -> Limit:
    """Return the recent fixes in an item (none when there is no item yet)."""
    return Limit(int(raw.get("rev", 0)), tuple((at, resource) for at, resource in raw.get("fixes", ())))


def _calls_text(calls: Iterable[Call]) -> str:
    return json.dumps([[c.service, c.operation, dict(c.params)] for c in calls])


def _field(finding: Finding, name: str) -> Any:
    """Return one attribute of a finding as its item holds it; None where the item leaves it out."""
    value = getattr(finding, name)
    if name in ("before", "after"):
        # States and calls as JSON text: they come back exactly as they were, whatever types AWS uses in them.
        return json.dumps(value)
    if name in ("fix", "undo"):
        return _calls_text(value)
    if name == "history":
        return [plain(step) for step in value]
    if name in ("source", "acknowledged", "question", "waiver"):
        return value or None
    return plain(value) if name == "actor" and value else value


_FIELDS = tuple(one.name for one in fields(Finding) if one.name != "violation")


def finding_record(finding: Finding) -> dict[str, Any]:
    """Return a finding as its item, keys included."""
    raw = {name: _field(finding, name) for name in _FIELDS} | plain(finding.violation)
    raw |= {"pk": f"FINDING#{finding.id}", "sk": "FINDING", "month": month(finding.opened)}
    raw["due_kind"] = None if finding.due is None else "DUE"
    return {name: value for name, value in raw.items() if value is not None}


def changes(before: Finding, after: Finding) -> dict[str, Any]:
    """Return what differs between two states of a finding, history aside, as its item holds it (None: left out)."""
    found = {
        name: _field(after, name)
        for name in _FIELDS
        if name != "history" and getattr(before, name) != getattr(after, name)
    }
    if "due" in found:
        found["due_kind"] = None if after.due is None else "DUE"
    return found


def finding(raw: Mapping[str, Any]) -> Finding:
    """Return the finding in an item; raises Newer for one that a newer version of Parapet has written."""
    if raw["version"] > RECORDS:
        raise Newer(f"finding {raw['id']}", f"version {raw['version']} of its record, and this one knows {RECORDS}")

    def calls(name: str) -> tuple[Call, ...]:
        return tuple(Call(*one) for one in json.loads(raw[name]))

    return Finding(
        id=raw["id"],
        violation=Violation(raw["guardrail"], raw["account"], raw["region"], raw["resource"], raw["part"]),
        severity=raw["severity"],
        origin=raw["origin"],
        status=cast(Status, raw["status"]),
        opened=raw["opened"],
        why=raw["why"],
        before=json.loads(raw["before"]),
        after=json.loads(raw["after"]),
        fix=calls("fix"),
        undo=calls("undo"),
        history=tuple(made(Step, step, f"finding {raw['id']}") for step in raw["history"]),
        actor=made(Actor, raw["actor"], f"finding {raw['id']}") if raw.get("actor") else None,
        event_id=raw["event_id"],
        event_name=raw["event_name"],
        event_time=raw.get("event_time"),
        fixed_at=raw.get("fixed_at"),
        due=raw.get("due"),
        source=raw.get("source", ""),
        acknowledged=raw.get("acknowledged", ""),
        question=raw.get("question", 0),
        waiver=raw.get("waiver", ""),
        version=raw["version"],
    )
