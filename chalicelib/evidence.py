"""What the journal's export of a day holds, and how the days are chained; pure.

A day is two texts: the entries, one item of the journal a line, and the manifest, which has the hash of every line, of
all together, and of the manifest before it. Who changes, removes or adds anything breaks the chain (docs/evidence.md).
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.model import DAY, ParapetError

VERSION = 1
# A function's five minutes, and the five by which a clock may be off before AWS refuses its calls: after these, nothing
# is added to a day any longer.
SETTLING = 900.0
FINDING, COMMAND, ANSWER, CONTROL, EXEMPTIONS = "FINDING#", "COMMAND#", "ANSWER#", "CONTROL", "EXEMPTIONS"
HEAD = "HEAD#"
TODAY = "today"
# Keys, what only indexes need, when to look again, and where Slack wants an answer: none of it says what happened.
_LEFT_OUT = frozenset({"pk", "sk", "month", "due", "due_kind", "reply_to"})
# What an event sets once that adopts what a sweep found.
_ADOPTED = frozenset({"origin", "actor", "event_id", "event_name", "event_time", "fix", "undo", "source"})
_FILE = re.compile(r"(\d{4})/(\d\d)/(\d\d)/(entries\.jsonl|manifest\.json)")

Item = dict[str, Any]


class Foreign(ParapetError):
    """An item of the journal that Parapet cannot have written."""

    def __init__(self, name: object, why: object) -> None:
        """Name the item, and what about it is odd."""
        super().__init__(
            f"the journal's item {name} is not as Parapet writes it ({why}), so that nobody can tell what happened: "
            "CloudTrail's data events know who wrote it; put it right, or remove it"
        )


class Broken(ParapetError):
    """The first thing about a day that is not as it was written; the text names entry, expected and found."""

    def __init__(self, day: str, what: str) -> None:
        """Keep the day, and what is wrong about it."""
        super().__init__(f"{day}: {what}")
        self.day = day
        self.what = what


# Where and when


def bucket(stage: str, account: str) -> str:
    """Return the name of the bucket that a stage makes for its evidence."""
    return f"parapet-{stage}-evidence-{account}"


def prefix(stage: str, account: str) -> str:
    """Return what the keys of a stage's evidence begin with, whoever's bucket it is in."""
    return f"parapet/{account}/{stage}/journal/"


def entries_file(day: str) -> str:
    """Return the key of a day's entries, after the prefix."""
    return f"{day.replace('-', '/')}/entries.jsonl"


def manifest_file(day: str) -> str:
    """Return the key of a day's manifest, after the prefix."""
    return f"{day.replace('-', '/')}/manifest.json"


def day_of_file(name: str) -> str | None:
    """Return the day of a key after the prefix, or None for one that is no file of ours."""
    match = _FILE.fullmatch(name)
    return f"{match[1]}-{match[2]}-{match[3]}" if match else None


def day_of(at: float) -> str:
    """Return the UTC day of a time: `2026-11-20`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def following(day: str, days: int = 1) -> str:
    """Return the day after a day, or so many days after."""
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


def complete(now: float) -> str:
    """Return the latest day that nothing is added to any more."""
    return day_of(now - SETTLING - DAY)


# What a day holds


def days_of(raw: Mapping[str, Any]) -> frozenset[str]:
    """Return the days on which a finding moved, or a command was asked for, by its item."""
    try:
        steps = [(step["status"], step["at"]) for step in (raw["history"] if raw["pk"].startswith(FINDING) else [raw])]
        steps[-1]
        return frozenset(day_of(float(at)) for _, at in steps)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise Foreign(raw.get("pk"), repr(error)) from None


def of_finding(raw: Mapping[str, Any], day: str) -> Item:
    """Return a finding that moved on a day as evidence: its item with the history up to that day's end."""
    last = max(number for number, step in enumerate(raw["history"]) if day_of(float(step["at"])) <= day)
    history = list(raw["history"][: last + 1])
    return {**told(raw), "history": history, "status": history[-1]["status"]}


def of_command(raw: Mapping[str, Any], answer: Mapping[str, Any]) -> Item:
    """Return a command as evidence: its item, with what came of it."""
    return {**told(raw), **told(answer)}


def told(raw: Mapping[str, Any]) -> Item:
    """Return an item of the journal without what says nothing of what happened."""
    return {name: value for name, value in raw.items() if name not in _LEFT_OUT}


def canonical(value: Any) -> bytes:
    """Return a value as the one JSON text that stands for it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def line(name: str, item: Item) -> bytes:
    """Return an entry as its line, without the line's end."""
    return canonical({"id": name, "item": item})


def sha256(content: bytes) -> str:
    """Return a hash in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """A manifest by its day and its hash."""

    day: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a day's manifest says.

    Args:
        stage: whose journal.
        account: where it is.
        day: which day.
        made: when this was written.
        entries: each entry's id and hash, in the order of the ids.
        entries_sha256: the hash of all entries as one file.
        previous: the manifest before; None for the first.
        version: of this format.
    """

    stage: str
    account: str
    day: str
    made: str
    entries: tuple[tuple[str, str], ...]
    entries_sha256: str
    previous: Link | None
    version: int = VERSION

    def _body(self) -> dict[str, Any]:
        previous = self.previous and {"day": self.previous.day, "sha256": self.previous.sha256}
        return {
            "version": self.version,
            "stage": self.stage,
            "account": self.account,
            "day": self.day,
            "made": self.made,
            "entries": [{"id": name, "sha256": digest} for name, digest in self.entries],
            "entries_sha256": self.entries_sha256,
            "previous": previous,
        }

    @property
    def link(self) -> Link:
        """What the next manifest says of this one."""
        return Link(self.day, sha256(canonical(self._body())))

    def content(self) -> bytes:
        """Return the manifest as it is kept: with its own hash, by which the next one names it."""
        return canonical({**self._body(), "sha256": self.link.sha256})


# Reading it back


def manifest(content: bytes, day: str, stage: str, account: str) -> Manifest:
    """Return the manifest of a day, as it was written; raises Broken."""
    try:
        raw = json.loads(content)
        said = raw.pop("sha256")
        if raw["version"] != VERSION:
            raise Broken(day, f"its manifest is of version {raw['version']}, and this Parapet knows {VERSION}")
        entries = tuple((one.pop("id"), one.pop("sha256")) for one in raw["entries"])
        previous = None if raw["previous"] is None else Link(**raw["previous"])
        found = Manifest(**{**raw, "entries": entries, "previous": previous})
        again, link = found.content(), found.link
        names = [str(name) for name, _ in entries]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Broken(day, f"its manifest cannot be read: {error!r}") from None
    if link.sha256 != said:
        raise Broken(day, f"its manifest says that its hash is {said}, and it is {link.sha256}")
    if again != content:
        raise Broken(day, "its manifest is not written as Parapet writes it")
    for name, wanted, there in (
        ("day", day, found.day), ("stage", stage, found.stage), ("account", account, found.account),
    ):  # fmt: skip
        if wanted != there:
            raise Broken(day, f"its manifest is of another {name}: expected {wanted}, found {there}")
    if names != sorted(set(names)):
        raise Broken(day, "the entries in its manifest are not in order, each once")
    return found


def linked(found: Manifest, before: Manifest | None) -> None:
    """Check that a manifest follows another, the first none; raises Broken."""
    expected = before.link if before else None
    if found.previous == expected:
        return
    if expected is None:
        assert found.previous
        raise Broken(found.day, f"its manifest follows that of {found.previous.day}, which is not there")
    if found.previous is None:
        raise Broken(found.day, f"its manifest begins a new chain, and must follow that of {expected.day}")
    if found.previous.day != expected.day:
        raise Broken(
            found.day, f"its manifest follows that of {found.previous.day}, and must follow that of {expected.day}"
        )
    raise Broken(
        found.day,
        f"the manifest of {expected.day} is not the one that it follows: "
        f"expected {found.previous.sha256}, found {expected.sha256}",
    )


def entries(found: Manifest, content: Iterable[bytes]) -> Iterator[tuple[str, Item]]:
    """Yield the entries of a day, whose lines must be those of its manifest; raises Broken at the first that is not.

    Args:
        found: the manifest.
        content: the lines of the entries' file, each with its end.
    """
    whole, wanted = hashlib.sha256(), iter(found.entries)
    for each in content:
        whole.update(each)
        name, digest = next(wanted, ("", ""))
        if not name:
            raise Broken(found.day, "its entries have a line that its manifest does not name")
        there = sha256(each.removesuffix(b"\n"))
        if there != digest:
            raise Broken(found.day, f"entry {name}: expected sha256 {digest}, found {there}")
        said = json.loads(each)
        if said["id"] != name:
            raise Broken(found.day, f"entry {name}: found that of {said['id']}")
        yield name, said["item"]
    missing = next(wanted, None)
    if missing:
        raise Broken(found.day, f"entry {missing[0]} is missing: expected sha256 {missing[1]}, found no such line")
    if whole.hexdigest() != found.entries_sha256:
        raise Broken(
            found.day, f"its entries as a whole: expected sha256 {found.entries_sha256}, found {whole.hexdigest()}"
        )


class Present:
    """The journal as it is today, beside which what was exported is laid."""

    def __init__(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Take the journal's items, keys included; raises Foreign."""
        # As text and compressed: a big journal fits into memory.
        self._items: dict[str, bytes] = {}
        self._days: dict[str, set[str]] = {}
        for raw in items:
            self._items[raw["pk"]] = zlib.compress(canonical(raw), 1)
            if raw["pk"].startswith((FINDING, COMMAND)):
                for day in days_of(raw):
                    self._days.setdefault(day, set()).add(raw["pk"])

    def __getitem__(self, name: str) -> Item:
        """Return an item, a command with what came of it; empty when there is none."""
        if name.startswith(COMMAND):
            return of_command(self._item(name), self._item(ANSWER + name.removeprefix(COMMAND)))
        return self._item(name)

    def named(self, *kinds: str) -> Iterator[tuple[str, Item]]:
        """Yield the items whose names begin in one of some ways, in order."""
        for name in sorted(self._items):
            if name.startswith(kinds):
                yield name, self[name]

    def older(self, day: str) -> list[str]:
        """Return the findings that moved before a day only, and the commands asked for before it."""
        later = {name for moved, names in self._days.items() if moved >= day for name in names}
        return sorted({name for names in self._days.values() for name in names} - later)

    def sound(self, now: float) -> None:
        """Check that each finding and command agrees with itself; raises Broken."""
        for name in sorted(self._items):
            if name.startswith((FINDING, COMMAND)):
                raw = self._item(name)
                steps = raw["history"] if name.startswith(FINDING) else [raw]
                follows = _follows(name, raw)
                if ANSWER + name.removeprefix(COMMAND) in self._items:
                    follows["status"] = "asked"
                for attribute, wanted in follows.items():
                    if raw.get(attribute) != wanted:
                        said = f"its {attribute} is {_shown(raw.get(attribute))}"
                        raise Broken(TODAY, f"{name}: {said}, and must be {_shown(wanted)}")
                if any(float(step["at"]) > now + SETTLING for step in steps):
                    raise Broken(TODAY, f"{name}: it has something of a time to come")

    def compare(self, day: str, exported: Mapping[str, Item]) -> None:
        """Check that a day's export is what the journal still says of that day; raises Broken."""
        moved = self._days.get(day, set())
        for name, then in sorted(exported.items()):
            if not name.startswith((FINDING, COMMAND)):
                continue
            if name not in self._items:
                raise Broken(day, f"entry {name}: the journal has it no longer")
            if name.startswith(FINDING):
                self._finding(day, name, then)
            else:
                self._command(day, name, then)
        if added := sorted(moved - exported.keys()):
            raise Broken(day, f"{added[0]}: the journal has it on that day, and the export of it has not")

    def _item(self, name: str) -> Item:
        packed = self._items.get(name)
        found: Item = json.loads(zlib.decompress(packed)) if packed else {}
        return found

    def _finding(self, day: str, name: str, then: Item) -> None:
        raw = self._item(name)
        if not any(one <= day for one in days_of(raw)):
            raise Broken(day, f"entry {name}: expected a history that begins by then, and the journal's begins later")
        now = of_finding(raw, day)
        for number, (was, stands) in enumerate(zip(then["history"], now["history"], strict=False), 1):
            if was != stands:
                raise Broken(
                    day, f"entry {name}: expected step {number} {_shown(was)}, the journal has {_shown(stands)}"
                )
        if len(then["history"]) != len(now["history"]):
            raise Broken(
                day,
                f"entry {name}: expected {len(then['history'])} steps by the end of that day, "
                f"the journal has {len(now['history'])}",
            )
        _same(day, name, then, now, {*then, *now} - _moved(then, now, raw["history"][len(now["history"]) :]))

    def _command(self, day: str, name: str, then: Item) -> None:
        # What nobody had answered by then may have been answered since.
        now = told(self._item(name)) if then.get("status") == "asked" else self[name]
        _same(day, name, then, now, {*then, *now})


def _follows(name: str, raw: Item) -> Item:
    """Return what of an item of the journal follows from the rest of it."""
    kind, _, number = name.partition("#")
    if kind == "COMMAND":
        return {"id": number, "due": raw["at"], "due_kind": kind}
    first, last = raw["history"][0], raw["history"][-1]
    due = None if raw.get("due") is None else "DUE"
    month = day_of(float(first["at"]))[:7]
    return {"id": number, "status": last["status"], "opened": first["at"], "month": month, "due_kind": due}


def _moved(then: Item, now: Item, since: Sequence[Item]) -> set[str]:
    """Return what of a finding its steps since then account for: without one, nothing."""
    found: set[str] = set()
    origins, events = (then.get("origin"), now.get("origin")), (None, "", then.get("event_id"))
    if since and origins == ("sweep", "event") and now.get("event_id") not in events and now.get("actor"):
        found |= _ADOPTED
    if now.get("fixed_at") in [step["at"] for step in since if step["status"] == "fixed"]:
        found.add("fixed_at")
    asked = then.get("question", 0)
    if now.get("question", 0) in range(asked, asked + 1 + sum(step["status"] == "asked" for step in since)):
        found.add("question")
    seen = [step.get("by") for step in since if str(step.get("note")).startswith("acknowledged")]
    if "acknowledged" not in then and now.get("acknowledged") in seen:
        found.add("acknowledged")
    waiver = now.get("waiver")
    if since and ("waiver" not in now or any(str(step.get("note")).startswith(f"waiver {waiver} ") for step in since)):
        found.add("waiver")
    return found


def _same(day: str, name: str, then: Item, now: Item, attributes: Iterable[str]) -> None:
    for attribute in sorted(attributes):
        was, stands = then.get(attribute), now.get(attribute)
        if was != stands or (attribute in then) != (attribute in now):
            raise Broken(day, f"entry {name}: expected {attribute} {_shown(was)}, the journal has {_shown(stands)}")


def _shown(value: Any) -> str:
    text = canonical(value).decode()
    return text if len(text) <= 300 else f"{text[:300]}…"
