"""The evidence as data: whatever is changed of it, or of the journal behind it, is found and named."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chalicelib import evidence
from chalicelib.evidence import Broken, Foreign, Link, Manifest, Present
from tests.samples import ACCOUNT

STAGE, DAY = "test", 86400.0
# The first of three days, at midnight.
START = 1_795_046_400.0
DAYS = [evidence.day_of(START + number * DAY) for number in range(3)]
assert DAYS[0] == "2026-11-19"

Files = dict[str, bytes]
# Other processes have the cores too.
patiently = settings(deadline=None)


def exported(journal: Iterable[dict[str, Any]]) -> Files:
    """Three days of a journal as the function would have kept them."""
    files: Files = {}
    before: Manifest | None = None
    for day in DAYS:
        found = {}
        for raw in journal:
            name = raw["pk"]
            if name.startswith("FINDING#") and day in evidence.days_of(raw):
                found[name] = evidence.of_finding(raw, day)
            elif name.startswith("COMMAND#") and day in evidence.days_of(raw):
                found[name] = evidence.of_command(raw, {"status": "done", "answer": "fixed"})
        lines = [(name, evidence.line(name, found[name])) for name in sorted(found)]
        whole = b"".join(line + b"\n" for _, line in lines)
        hashes = tuple((name, evidence.sha256(line)) for name, line in lines)
        link = before.link if before else None
        before = Manifest(STAGE, ACCOUNT, day, f"{day} made", hashes, evidence.sha256(whole), link)
        files[evidence.entries_file(day)] = whole
        files[evidence.manifest_file(day)] = before.content()
    return files


def verify(files: Files, journal: Iterable[dict[str, Any]]) -> None:
    """Walk the chain as `./parapet verify` does; raises Broken."""
    present, before = Present(journal), None
    for day in DAYS:
        if evidence.manifest_file(day) not in files:
            raise Broken(day, "its manifest is missing")
        manifest = evidence.manifest(files[evidence.manifest_file(day)], day, STAGE, ACCOUNT)
        evidence.linked(manifest, before)
        content = files[evidence.entries_file(day)].splitlines(keepends=True)
        present.compare(day, dict(evidence.entries(manifest, content)))
        before = manifest
    present.sound(START + 9 * DAY)


def finding(number: int, steps: list[tuple[float, str]]) -> dict[str, Any]:
    history = [{"status": status, "at": START + at, "by": "Parapet", "note": ""} for at, status in sorted(steps)]
    fixed = [step["at"] for step in history if step["status"] == "fixed"]
    return {
        "severity": "high", "origin": "event", "why": "port 22 is open to everybody", "before": "[]", "after": "null",
        "fix": "[[\"ec2\"]]", "undo": "[]", "event_id": "e-1", "event_name": "x", "event_time": START, "version": 1,
        "source": "stack web", "question": 1, "waiver": "0" * 16, "acknowledged": "bob",
        **({"fixed_at": fixed[-1]} if fixed else {}),
        "pk": f"FINDING#{number:08d}", "sk": "FINDING", "id": f"{number:08d}", "guardrail": "ec2_security_group_open",
        "account": ACCOUNT, "region": "eu-west-1", "resource": f"sg-{number:017x}", "part": "tcp 22-22 0.0.0.0/0",
        "opened": history[0]["at"], "status": history[-1]["status"], "history": history, "month": "2026-11",
        "actor": {"who": "alice", "arn": f"arn:aws:iam::{ACCOUNT}:user/alice"}, "due": 5, "due_kind": "DUE",
    }  # fmt: skip


def command(number: int, at: float) -> list[dict[str, Any]]:
    name = f"{number:016x}"
    return [
        {
            "pk": f"COMMAND#{name}", "sk": "COMMAND", "id": name, "kind": "undo", "who": "bob", "why": "a test",
            "at": START + at, "status": "asked", "reply_to": "https://hooks.slack.com/commands/secret",
            "due": START + at, "due_kind": "COMMAND", "void": START + at + 900, "expires": START + at + 900,
        },
        {"pk": f"ANSWER#{name}", "sk": "ANSWER", "status": "done", "answer": "fixed"},
    ]  # fmt: skip


moments = st.floats(0.0, 3 * DAY - 1, allow_nan=False)
statuses = st.sampled_from(["fixing", "fixed", "undone", "asked", "failed"])
histories = st.lists(st.tuples(moments, statuses), min_size=1, max_size=5)


@st.composite
def journals(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A journal of three days with something in it."""
    found = [finding(number, steps) for number, steps in enumerate(draw(st.lists(histories, min_size=1, max_size=5)))]
    for number, at in enumerate(draw(st.lists(moments, max_size=3))):
        found += command(number, at)
    return found


@patiently
@given(journals())
def test_what_nobody_touched_is_whole(journal: list[dict[str, Any]]) -> None:
    verify(exported(journal), journal)


@patiently
@given(journals(), st.data())
def test_any_byte_changed_is_found(journal: list[dict[str, Any]], data: st.DataObject) -> None:
    files = exported(journal)
    name = data.draw(st.sampled_from(sorted(name for name, content in files.items() if content)))
    where = data.draw(st.integers(0, len(files[name]) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != files[name][where]))
    files[name] = files[name][:where] + bytes([other]) + files[name][where + 1 :]
    with pytest.raises(Broken):
        verify(files, journal)


@patiently
@given(journals(), st.data())
def test_any_byte_removed_or_added_is_found(journal: list[dict[str, Any]], data: st.DataObject) -> None:
    files = exported(journal)
    name = data.draw(st.sampled_from(sorted(name for name, content in files.items() if content)))
    where = data.draw(st.integers(0, len(files[name])))
    more = data.draw(st.binary(max_size=3))
    changed = files[name][:where] + more + files[name][where + (not more) :]
    assume(changed != files[name])
    files[name] = changed
    with pytest.raises(Broken):
        verify(files, journal)


@patiently
@given(journals(), st.data())
def test_an_entry_removed_is_found_though_its_days_manifest_was_made_anew(
    journal: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Whoever may write over a day can hash it anew: then the next day no longer follows, and the journal disagrees."""
    files = exported(journal)
    day = data.draw(st.sampled_from([day for day in DAYS if files[evidence.entries_file(day)]]))
    lines = files[evidence.entries_file(day)].splitlines(keepends=True)
    del lines[data.draw(st.integers(0, len(lines) - 1))]
    before = evidence.manifest(files[evidence.manifest_file(day)], day, STAGE, ACCOUNT)
    hashes = tuple((json.loads(line)["id"], evidence.sha256(line[:-1])) for line in lines)
    whole = b"".join(lines)
    anew = Manifest(STAGE, ACCOUNT, day, before.made, hashes, evidence.sha256(whole), before.previous)
    files |= {evidence.entries_file(day): whole, evidence.manifest_file(day): anew.content()}
    with pytest.raises(Broken, match=f"{day}: .*: the journal has it on that day, and the export of it has not"):
        verify(files, journal)
    if day != DAYS[-1]:
        following = evidence.following(day)
        found = evidence.manifest(files[evidence.manifest_file(following)], following, STAGE, ACCOUNT)
        with pytest.raises(Broken, match=f"the manifest of {day} is not the one that it follows: expected"):
            evidence.linked(found, anew)


@patiently
@given(journals(), st.sampled_from(DAYS))
def test_a_manifest_removed_is_found(journal: list[dict[str, Any]], day: str) -> None:
    files = exported(journal)
    del files[evidence.manifest_file(day)]
    with pytest.raises(Broken, match=day):
        verify(files, journal)


@patiently
@given(journals(), st.permutations(DAYS))
def test_days_in_another_order_are_found(journal: list[dict[str, Any]], order: list[str]) -> None:
    assume(order != DAYS)
    files = exported(journal)
    other = {
        named(there): files[named(here)]
        for here, there in zip(DAYS, order, strict=True)
        for named in (evidence.manifest_file, evidence.entries_file)
    }
    with pytest.raises(Broken, match="its manifest is of another day"):
        verify(other, journal)


@patiently
@given(journals(), st.data())
def test_any_change_to_the_journals_past_is_found(journal: list[dict[str, Any]], data: st.DataObject) -> None:
    files = exported(journal)
    changed = copy.deepcopy(journal)
    number = data.draw(st.integers(0, len(changed) - 1))
    raw = changed[number]
    kinds = ["remove", "why"] if not raw["pk"].startswith("FINDING#") else ["remove", "step", "drop", "insert", "actor"]
    kind = data.draw(st.sampled_from(kinds))
    if kind == "remove":
        del changed[number]
    elif kind == "why":
        raw["answer" if raw["sk"] == "ANSWER" else "why"] = "another reason"
    elif kind == "actor":
        raw["actor"] = {"who": "mallory"}
    else:
        where = data.draw(st.integers(0, len(raw["history"]) - 1))
        if kind == "step":
            raw["history"][where]["by"] = "mallory"
        elif kind == "drop":
            del raw["history"][where]
        else:
            raw["history"].insert(where, {**raw["history"][where], "note": "made up"})
    # A history without any step left is nothing that Parapet writes.
    with pytest.raises((Broken, Foreign)):
        verify(files, changed)


ANYTHING = st.one_of(
    st.text(max_size=3), st.integers(), st.none(), st.just("event"), st.dictionaries(st.just("x"), st.none())
)


@patiently
@given(journals(), st.data())
def test_any_attribute_changed_is_found_whether_or_not_it_moved_on(
    journal: list[dict[str, Any]], data: st.DataObject
) -> None:
    """All but `due`, which the look at what is due may set and clear, and where Slack wants an answer."""
    for raw in journal:
        if raw["sk"] == "FINDING" and data.draw(st.booleans()):
            raw["origin"] = "sweep"
            del raw["actor"], raw["acknowledged"]
    files, changed = exported(journal), copy.deepcopy(journal)
    raw = changed[data.draw(st.integers(0, len(changed) - 1))]
    if raw["sk"] == "FINDING":
        for status in data.draw(st.lists(statuses, max_size=3)):
            raw["history"].append({"status": status, "at": START + 4 * DAY, "by": "robert", "note": "acknowledged"})
            raw["status"] = status
    attribute = data.draw(st.sampled_from(sorted({*raw, "actor", "new"} - {"pk", "sk", "due", "reply_to"})))
    value = data.draw(st.one_of(st.just("gone"), ANYTHING))
    if value == "gone":
        assume(raw.pop(attribute, None) is not None)
        # With any step, what stood under a waiver may do so no longer.
        assume(not (attribute == "waiver" and raw["history"][-1]["by"] == "robert"))
    else:
        assume(attribute not in raw or raw[attribute] != value)
        raw[attribute] = value
    if attribute == "question":
        # As often as it was asked again, its number rises.
        assume(
            value
            not in range(2, 2 + sum(step["by"] == "robert" and step["status"] == "asked" for step in raw["history"]))
        )
    with pytest.raises((Broken, Foreign)):
        verify(files, changed)


@patiently
@given(journals(), histories)
def test_a_finding_put_into_the_past_is_found(journal: list[dict[str, Any]], steps: list[tuple[float, str]]) -> None:
    with pytest.raises(Broken, match="FINDING#planted: the journal has it on that day"):
        verify(exported(journal), [*journal, {**finding(99, steps), "pk": "FINDING#planted"}])


@patiently
@given(journals(), statuses, st.floats(3 * DAY, 9 * DAY))
def test_what_moves_on_is_still_whole(journal: list[dict[str, Any]], status: str, at: float) -> None:
    files = exported(journal)
    moved = copy.deepcopy(journal)
    for raw in moved:
        if raw["pk"].startswith("FINDING#"):
            raw["history"].append({"status": status, "at": START + at, "by": "bob", "note": ""})
            raw |= {"status": status, "due": 7}
            if status == "fixed":
                raw["fixed_at"] = START + at
            if status == "asked":
                raw["question"] += 1
    verify(files, [*moved, finding(77, [(at, status)])])


class TestBreaks:
    """What is said, word for word: day, entry, expected and found."""

    JOURNAL = (finding(1, [(10.0, "fixing"), (11.0, "fixed"), (DAY + 5, "undone")]), *command(1, 20.0))

    def broken(self, journal: Iterable[dict[str, Any]] = JOURNAL, files: Mapping[str, bytes] | None = None) -> str:
        with pytest.raises(Broken) as caught:
            verify({**exported(self.JOURNAL), **(files or {})}, journal)
        return str(caught.value)

    def test_name_the_entry_with_both_hashes(self) -> None:
        name = evidence.entries_file(DAYS[0])
        changed = exported(self.JOURNAL)[name].replace(b"alice", b"mallo")
        [_, line] = changed.splitlines()
        wanted = evidence.manifest(
            exported(self.JOURNAL)[evidence.manifest_file(DAYS[0])], DAYS[0], STAGE, ACCOUNT
        ).entries[1]
        assert self.broken(files={name: changed}) == (
            f"{DAYS[0]}: entry FINDING#00000001: expected sha256 {wanted[1]}, found {evidence.sha256(line)}"
        )

    def test_name_the_step(self) -> None:
        changed = copy.deepcopy([*self.JOURNAL])
        changed[0]["history"][1]["by"] = "mallory"
        said = self.broken(changed)
        assert said.startswith(f'{DAYS[0]}: entry FINDING#00000001: expected step 2 {{"at":1795046411.0,"by":"Parapet"')
        assert 'the journal has {"at":1795046411.0,"by":"mallory"' in said

    def test_name_a_command_that_says_another_thing(self) -> None:
        changed = copy.deepcopy([*self.JOURNAL])
        changed[1]["who"] = "mallory"
        assert self.broken(changed) == (
            f'{DAYS[0]}: entry COMMAND#{1:016x}: expected who "bob", the journal has "mallory"'
        )

    def test_name_what_the_journal_lost(self) -> None:
        assert self.broken(self.JOURNAL[1:]) == f"{DAYS[0]}: entry FINDING#00000001: the journal has it no longer"

    def test_name_a_manifest_that_begins_a_new_chain(self) -> None:
        [first, second, *_] = DAYS
        before = evidence.manifest(exported(self.JOURNAL)[evidence.manifest_file(second)], second, STAGE, ACCOUNT)
        anew = Manifest(STAGE, ACCOUNT, second, before.made, before.entries, before.entries_sha256, None)
        said = self.broken(files={evidence.manifest_file(second): anew.content()})
        assert said == f"{second}: its manifest begins a new chain, and must follow that of {first}"

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"stage": "prod"}, "its manifest is of another stage: expected test, found prod"),
            ({"account": "210987654321"}, "its manifest is of another account"),
            ({"previous": Link("2026-11-18", "0" * 64)}, "its manifest follows that of 2026-11-18, which is not there"),
            ({"version": 2}, "its manifest is of version 2, and this Parapet knows 1"),
            ({"entries": (("B", "0"), ("A", "0"))}, "the entries in its manifest are not in order, each once"),
            ({"entries": (("A", "0"), ("A", "0"))}, "the entries in its manifest are not in order, each once"),
        ],
    )
    def test_name_a_manifest_of_somebody_else(self, change: dict[str, Any], text: str) -> None:
        fields = {
            name: getattr(Manifest(STAGE, ACCOUNT, DAYS[0], "", (), "0", None), name) for name in Manifest.__slots__
        }
        anew = Manifest(**{**fields, **change})
        assert text in self.broken(files={evidence.manifest_file(DAYS[0]): anew.content()})

    @pytest.mark.parametrize(
        "content", [b"", b"[]", b"{}", b"null", b"\xff", b'{"sha256":1}', b'{"sha256":"","version":1,"entries":[[]]}']
    )
    def test_name_a_manifest_that_is_none(self, content: bytes) -> None:
        assert "its manifest cannot be read" in self.broken(files={evidence.manifest_file(DAYS[0]): content})


class TestAnswers:
    def test_of_a_later_day_are_no_break(self) -> None:
        [asked, answer] = command(1, 20.0)
        then = {f"COMMAND#{1:016x}": evidence.of_command(asked, {})}
        Present([asked, answer]).compare(DAYS[0], then)
        with pytest.raises(Broken, match='expected who "mallory", the journal has "bob"'):
            Present([asked, answer]).compare(DAYS[0], {f"COMMAND#{1:016x}": {**evidence.told(asked), "who": "mallory"}})

    def test_where_slack_wants_them_is_nobodys_evidence(self) -> None:
        [asked, answer] = command(1, 20.0)
        assert "hooks.slack.com" not in str(evidence.of_command(asked, answer))


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (START, "2026-11-17"),
        (START + 899, "2026-11-17"),
        (START + 900, "2026-11-18"),
        (START + DAY - 1, "2026-11-18"),
    ],
)
def test_a_day_is_complete_a_quarter_of_an_hour_after_its_end(at: float, day: str) -> None:
    assert evidence.complete(at) == day


def test_files_know_their_day() -> None:
    assert evidence.day_of_file(evidence.entries_file("2026-11-20")) == "2026-11-20"
    assert evidence.day_of_file(evidence.manifest_file("2026-11-20")) == "2026-11-20"
    for name in ("2026/11/20/other.json", "2026/11/20", "x2026/11/20/entries.jsonl", "manifest.json"):
        assert evidence.day_of_file(name) is None


@pytest.mark.parametrize("history", [None, "x", [{}], [{"at": "never"}], [{"at": 1e300}], 7])
def test_an_item_that_parapet_did_not_write_is_named(history: Any) -> None:
    with pytest.raises(Foreign, match="the journal's item FINDING#x is not as Parapet writes it"):
        evidence.days_of({"pk": "FINDING#x", "history": history})
