"""What is paused, waived or permitted now, and the command of a person's that each of it must rest on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import registry
from chalicelib.decision import PERMITTED
from chalicelib.evidence import COMMAND, CONTROL, EXEMPTIONS, FINDING, HEAD, Item, Present
from chalicelib.model import Scope
from chalicelib.records import EXEMPT, PAUSE, WAIVER, made, switch

_WHERE = ("guardrail", "account", "region", "resource")


@dataclass(frozen=True)
class Warrants:
    """What of a journal rests on no command: `unfounded` cannot be Parapet's, `by_hand` are pauses set in the console.

    Each names the item, and what is to be done where that is not plain.
    """

    unfounded: tuple[str, ...]
    by_hand: tuple[str, ...]


def warrants(journal: Present, now: float) -> Warrants:
    """Return what of a journal, its heads included, no command of a person's has left there; raises Newer."""
    commands = {name.removeprefix(COMMAND): one for name, one in journal.named(COMMAND)}
    permissions = _permissions(journal, commands, now)
    return Warrants((*_waivers(journal, commands), *permissions), tuple(_pauses(journal, commands, now)))


def _waivers(journal: Present, commands: Mapping[str, Item]) -> Iterator[str]:
    ended = {one.get("answer"): number for number, one in commands.items() if _done(one, "resume")}
    for name, value in sorted(journal[EXEMPTIONS].items()):
        if name.startswith(WAIVER):
            number = name.removeprefix(WAIVER)
            problem = _waiver(value, number, commands.get(number, {}))
            if end := ended.get(f"ended {name}"):
                problem = f"command {end} ended it"
            if problem:
                yield f"{EXEMPTIONS}: {name}: {problem} (`./parapet exempt --end {number} --why …` ends it)"


def _waiver(value: Any, number: str, asked: Item) -> str:
    if not (_done(asked, "exempt") and asked.get("finding") == ""):
        return "no command gave it"
    given = {"id": number, **{name: asked.get(name) for name in ("scope", "until", "who", "why", "at", "by")}}
    if not isinstance(value, Mapping):
        return "it is not as Parapet writes it"
    odd = sorted(name for name in {*given, *value} if given.get(name) != value.get(name))
    return f"its command has another {', '.join(odd)}" if odd else ""


def _permissions(journal: Present, commands: Mapping[str, Item], now: float) -> Iterator[str]:
    given = [
        (one, finding)
        for one in commands.values()
        if one.get("kind") in ("undo", "exempt") and (finding := journal[FINDING + str(one.get("finding"))])
    ]
    for name, head in journal.named(HEAD):
        where = dict(zip(_WHERE, name.split("#", 4)[1:], strict=False))
        for attribute, value in sorted(head.items()):
            # What is over permits nothing.
            if attribute.startswith(EXEMPT) and not _over(value, now):
                part = attribute.removeprefix(EXEMPT)
                if not any(_permits(one, finding, value, {**where, "part": part}) for one, finding in given):
                    who = value.get("who") if isinstance(value, Mapping) else value
                    yield f"{name}: {attribute}: no command of {who} left this permission; remove the attribute"


def _permits(asked: Item, finding: Item, value: Any, where: Mapping[str, str]) -> bool:
    """Whether a command left a permission, which an approval would have lifted since."""
    wanted = {name: asked.get(name) for name in ("until", "who", "why")} | {"part": where["part"]}
    if asked["kind"] == "undo" and _reverts(finding):
        # The change that was to stand all the same, and no other.
        wanted["event"] = finding.get("event_id")
    begun = (asked["status"], asked["kind"], finding["status"]) == ("asked", "undo", "undoing")
    done = asked["status"] == "done" and finding["status"] in (*PERMITTED, "undoing")
    there = all(finding.get(name) == place for name, place in where.items())
    return bool(value == wanted and there and (begun or done))


def _reverts(finding: Item) -> bool:
    name = str(finding.get("guardrail"))
    return name in registry.names() and registry.get(name).reverts


def _pauses(journal: Present, commands: Mapping[str, Item], now: float) -> Iterator[str]:
    for name, value in sorted(journal[CONTROL].items()):
        if name.startswith(PAUSE) and not _over(value, now):
            asked = [one for one in commands.values() if _switches(one) == name]
            last = max(asked, key=lambda one: float(one["at"]), default={})
            wanted = {"who": last.get("who"), "why": last.get("why"), "at": last.get("at"), "until": last.get("until")}
            if last.get("kind") != "pause" or {**wanted, "until": wanted["until"] or None} != value:
                yield f"{name}: set by hand, by {value.get('who') if isinstance(value, Mapping) else 'somebody'}"


def _switches(asked: Item) -> str:
    """Return the pause switch that a command has set or lifted, or an empty text."""
    if not (_done(asked, "pause") or (_done(asked, "resume") and asked.get("answer") == "resumed")):
        return ""
    return switch(made(Scope, asked["scope"], f"command {asked['id']}"))


def _done(asked: Item, kind: str) -> bool:
    return (asked.get("kind"), asked.get("status")) == (kind, "done")


def _over(value: Any, now: float) -> bool:
    until = value.get("until") if isinstance(value, Mapping) else None
    return isinstance(until, int | float) and until <= now
