"""The terminal's live lines: one for everything that Parapet does, said once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pytest

from chalicelib.model import Actor, Destination, Finding, Notice, ParapetError, Status, Step, Violation, call
from chalicelib.notices.compose import of_finding, of_trouble
from local import watch as module
from local.watch import Watch
from tests.account import NOW
from tests.samples import ACCOUNT, REGION, cloudtrail

ALICE = Actor("alice", f"arn:aws:iam::{ACCOUNT}:user/alice", "198.51.100.7", "aws-cli/2.31.0 md/x", "IAMUser")
WHY = "sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)"
FIX = call("ec2", "revoke_security_group_ingress", GroupId="sg-0a1b2c3d4e5f60718")


def finding(status: Status = "fixed", by: str = "parapet", note: str = "", **changes: Any) -> Finding:
    """A finding that was being fixed and has come to a status."""
    made = Finding(
        id="abcd1234",
        violation=Violation("ec2_security_group_open", ACCOUNT, REGION, "sg-0a1b2c3d4e5f60718", "sgr-1"),
        severity="high",
        origin="event",
        status=status,
        opened=NOW,
        why=WHY,
        before=None,
        after=None,
        fix=(FIX,),
        undo=(FIX,),
        history=(Step("fixing", NOW, "parapet"), Step(status, NOW + 1, by, note)),
        actor=ALICE,
        event_id="event-1",
        event_time=NOW,
        fixed_at=NOW + 1.25 if status in ("fixed", "undone") else None,
    )
    return replace(made, **changes)


@dataclass
class Journal:
    """The findings of a test, by id."""

    findings: dict[str, Finding] = field(default_factory=dict)

    def get(self, name: str) -> Finding | None:
        return self.findings.get(name)


@dataclass
class Terminal:
    """A watch, its journal, and what it has said."""

    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch(self.lines.append)

    def call(self, event_id: str = "event-1", at: float = NOW + 1.0) -> None:
        self.watch.called(cloudtrail("ec2:AuthorizeSecurityGroupIngress", eventID=event_id), at)

    def notice(self, one: Notice, *findings: Finding) -> None:
        journal: Any = Journal({found.id: found for found in findings})
        self.watch.noticed(json.dumps(asdict(one)), journal)

    def about(self, found: Finding, note: str = "") -> str:
        """What is said about a finding."""
        self.notice(of_finding(found, note, "command-1"), found)
        return self.lines[-1]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


class TestLines:
    def test_fixed_says_how_fast_who_and_how_to_take_it_back(self, terminal: Terminal) -> None:
        terminal.call()
        expected = f"0.2 s  Fixed: {WHY} · alice, 198.51.100.7, aws-cli · ./parapet undo abcd1234"
        assert terminal.about(finding()) == expected

    def test_fixed_on_approval_says_who_changed_it_and_who_approved(self, terminal: Terminal) -> None:
        found = finding(
            history=(Step("asked", NOW, "parapet"), Step("fixing", NOW, "bob"), Step("fixed", NOW, "parapet"))
        )
        expected = "changed by alice, 198.51.100.7, aws-cli · approved by bob · ./parapet undo abcd1234"
        assert terminal.about(found) == f"Fixed: {WHY} · {expected}"
        assert of_finding(found).lines[0].endswith("with ec2:revoke_security_group_ingress, approved by bob.")

    def test_fixed_by_a_call_that_was_not_seen_names_no_time(self, terminal: Terminal) -> None:
        terminal.call("another event")
        assert terminal.about(finding()).startswith(f"Fixed: {WHY} · alice")

    def test_fixed_before_our_clock_saw_the_call_took_no_time(self, terminal: Terminal) -> None:
        terminal.call(at=NOW + 2)
        assert terminal.about(finding()).startswith("0.0 s  Fixed")

    def test_fixed_in_a_sweep_names_nobody(self, terminal: Terminal) -> None:
        found = finding(actor=None, event_id="", origin="sweep", event_time=None)
        assert terminal.about(found) == f"Fixed: {WHY} · ./parapet undo abcd1234"

    def test_fixed_without_an_undo_offers_none(self, terminal: Terminal) -> None:
        assert "undo" not in terminal.about(finding(undo=()))

    def test_asked_says_where_to_look(self, terminal: Terminal) -> None:
        expected = f"Needs a decision: {WHY} · alice, 198.51.100.7, aws-cli · ./parapet show abcd1234"
        assert terminal.about(finding("asked")) == expected

    def test_held_says_where_to_look(self, terminal: Terminal) -> None:
        expected = f"Not fixed: {WHY} · alice, 198.51.100.7, aws-cli · ./parapet show abcd1234"
        assert terminal.about(finding("held", note="paused by bob")) == expected

    def test_failed_says_where_to_look(self, terminal: Terminal) -> None:
        terminal.call()
        expected = f"Could not fix: {WHY} · alice, 198.51.100.7, aws-cli · ./parapet show abcd1234"
        assert terminal.about(finding("failed", note="AccessDenied")) == expected

    def test_undone_says_by_whom_and_no_time(self, terminal: Terminal) -> None:
        terminal.call()
        expected = f"Undone: {WHY} · by bob · ./parapet show abcd1234"
        assert terminal.about(finding("undone", by="bob")) == expected

    def test_noted_says_who(self, terminal: Terminal) -> None:
        found = finding("noted", why="root signed in", fix=(), undo=())
        assert terminal.about(found).startswith("Seen: root signed in · alice, 198.51.100.7, aws-cli")

    def test_a_tool_is_named_by_its_first_word(self, terminal: Terminal) -> None:
        found = finding(actor=replace(ALICE, tool="Mozilla Firefox/1.0"))
        assert "198.51.100.7, Mozilla ·" in terminal.about(found)

    def test_what_one_person_is_told_says_whom(self, terminal: Terminal) -> None:
        found = finding()
        terminal.notice(
            replace(of_finding(found), key="k", title=f"Your change was put right: {WHY}", to=ALICE.arn), found
        )
        assert terminal.lines == [f"Told alice directly: Your change was put right: {WHY}"]

    def test_trouble_is_said_in_full(self, terminal: Terminal) -> None:
        terminal.notice(of_trouble("k", "guard_ec2 gave up on StopInstances", ("Busy: held", "Wait."), (), NOW))
        assert terminal.lines == ["guard_ec2 gave up on StopInstances Busy: held Wait."]

    def test_a_finding_that_the_journal_does_not_have_is_said_as_it_was_told(self, terminal: Terminal) -> None:
        terminal.notice(replace(of_finding(finding()), lines=("Put right.",)))
        assert terminal.lines == [f"Fixed: {WHY} Put right."]

    def test_an_alert_says_how_bad_it_is_and_where_it_went(self, terminal: Terminal) -> None:
        firing = Notice(
            key="a:1", thread="a", kind="alert", severity="critical", status="firing", title="checkout fails",
            lines=("14 %",), facts=(), at=NOW, alert="a-3f9k2m1q", question=1, actions=("acknowledge",), page="trigger",
            destination=Destination("#parapet", "default", ("oncall@example.com",)),
        )  # fmt: skip
        where = "Slack, PagerDuty, e-mail to oncall@example.com"
        terminal.notice(firing)
        terminal.notice(replace(firing, key="a:1:evidence", destination=Destination("#parapet")))
        assert terminal.lines == [f"Firing: checkout fails · critical · {where} · ./parapet acknowledge a-3f9k2m1q"], (
            "its evidence is no news"
        )
        terminal.notice(replace(firing, key="a:2", status="resolved", actions=(), page="resolve"))
        terminal.notice(replace(firing, key="a:3", question=2))
        assert [line.split(":")[0] for line in terminal.lines] == ["Firing", "Resolved", "Firing"]


class TestOnce:
    def test_the_same_news_is_said_once_and_other_news_again(self, terminal: Terminal) -> None:
        for _ in range(3):
            terminal.about(finding())
        assert len(terminal.lines) == 1
        terminal.about(finding("undone", by="bob"))
        assert len(terminal.lines) == 2

    def test_two_findings_are_two(self, terminal: Terminal) -> None:
        terminal.about(finding())
        terminal.about(finding(id="efgh5678"))
        assert [line[-8:] for line in terminal.lines] == ["abcd1234", "efgh5678"]

    def test_what_is_no_notice_is_refused(self, terminal: Terminal) -> None:
        journal: Any = Journal()
        with pytest.raises(ParapetError, match="not a notice"):
            terminal.watch.noticed("{}", journal)
        assert terminal.lines == []

    def test_memory_is_bounded_and_forgets_the_oldest(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "REMEMBERED", 2)
        for number in range(3):
            terminal.call(f"event-{number}")
            terminal.about(finding(id=f"id{number}", event_id=f"event-{number}"))
        terminal.about(finding(id="id2", event_id="event-2"))
        assert len(terminal.lines) == 3
        terminal.about(finding(id="id0", event_id="event-0"))
        assert terminal.lines[3:] == [f"Fixed: {WHY} · alice, 198.51.100.7, aws-cli · ./parapet undo id0"]
        terminal.about(finding(id="new", event_id="event-2"))
        assert terminal.lines[4].startswith("0.2 s  Fixed")
