"""What whoever brought a finding is told: by whom it was brought, which news, in which words, and once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from chalicelib import people
from chalicelib.model import Actor, Finding, Notice, Status, Step, Violation, call
from chalicelib.notices import compose
from chalicelib.people import Person
from tests.account import NOW, TestAccount
from tests.guardrails import test_ec2_security_group_open as group
from tests.notices.test_slack_people import DEPLOY, SESSION
from tests.samples import ACCOUNT, assumed
from tests.wire import Crash, Fault

ROLE = "AWSReservedSSO_Admin_0a1b2c3d4e5f6071"
ALICE = Actor("alice@example.com as Admin", SESSION, "198.51.100.7", "aws-cli/2.31.0", "AssumedRole")
BOB = Person("bob", slack="U012AB3CD", aws=(f"arn:aws:iam::{ACCOUNT}:role/deploy",))
FIX = (call("ec2", "revoke_security_group_ingress"),)
FINDING = Finding(
    id="abcd1234",
    violation=Violation("ec2_security_group_open", ACCOUNT, "eu-west-1", "sg-0a1b2c3d4e5f60718", "tcp 22-22 0.0.0.0/0"),
    severity="high",
    origin="event",
    status="fixed",
    opened=NOW,
    why="sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)",
    before={},
    after=None,
    fix=FIX,
    undo=(call("ec2", "authorize_security_group_ingress"),),
    history=(Step("fixing", NOW, "parapet"), Step("fixed", NOW + 1, "parapet")),
    actor=ALICE,
    event_id="00000000-0000-4000-9000-000000000001",
    event_name="AuthorizeSecurityGroupIngress",
    event_time=NOW - 1,
    fixed_at=NOW + 1,
    source="CloudFormation stack web-prod (resource WebSg): mend its template",
)


def told(finding: Finding, *known: Person) -> Notice:
    notice = compose.to_person(finding, known)
    assert notice is not None
    return notice


def as_(status: Status, *before: Status, **changes: Any) -> Finding:
    history = tuple(Step(one, NOW, "bob", "it is the bastion") for one in (*before, status))
    return replace(FINDING, status=status, history=history, **changes)


def test_it_says_what_why_what_was_done_where_to_mend_it_and_how_to_keep_it() -> None:
    notice = told(FINDING)
    assert (notice.to, notice.thread, notice.actions) == (SESSION, "abcd1234:person", ())
    assert notice.title == "Your change was put right: sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)"
    assert notice.lines == (
        "Put right 2.0 s after the call with ec2:revoke_security_group_ingress.",
        f"You called AuthorizeSecurityGroupIngress from 198.51.100.7 at {compose.moment(NOW - 1)}. "
        "If that was not you, say so at once: somebody acts in your name.",
        "So that it does not come back with the next deploy: CloudFormation stack web-prod (resource WebSg): "
        "mend its template.",
        "If it has to be as you made it: ask for an undo at finding abcd1234 in Parapet's channel, "
        "or with /parapet undo abcd1234",
    )
    assert ("Mend in", FINDING.source) in notice.facts


@pytest.mark.parametrize(
    ("status", "asking"),
    [
        ("asked", "an exemption"),
        ("held", "an exemption"),
        ("failed", "an exemption"),
        ("noted", ""),
        ("undone", ""),
        ("exempted", ""),
        ("rejected", ""),
    ],
)
def test_how_to_ask_that_it_may_stay_fits_what_became_of_it(status: Status, asking: str) -> None:
    [*_, last] = told(as_(status)).lines
    assert ("ask for " in last) == bool(asking)
    assert not asking or f"ask for {asking} at finding abcd1234" in last


def test_every_status_is_somebodys_news_or_nobodys() -> None:
    own = {status for status in get_args(Status) if compose.to_person(as_(status), ())}
    assert own == {"fixed", "failed", "asked", "held", "noted", "undone", "exempted", "rejected"}


@pytest.mark.parametrize(
    "finding",
    [
        replace(FINDING, actor=None),
        replace(FINDING, origin="sweep"),
        replace(FINDING, actor=replace(ALICE, arn="")),
        # A service's session, a build's, a user's without a place in the settings.
        replace(FINDING, actor=replace(ALICE, arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/asg/AutoScaling")),
        replace(FINDING, actor=replace(ALICE, arn=DEPLOY)),
        replace(FINDING, actor=replace(ALICE, arn=f"arn:aws:iam::{ACCOUNT}:user/alice@example.com")),
        replace(FINDING, actor=replace(ALICE, arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0a1b2c3d4e5f60718")),
        replace(FINDING, actor=replace(ALICE, arn=f"arn:aws:iam::{ACCOUNT}:root", kind="Root")),
    ],
)
def test_nobody_is_told_where_nobody_is_known(finding: Finding) -> None:
    assert compose.to_person(finding, ()) is None


def test_a_person_of_the_settings_is_told_whatever_the_session_is_called() -> None:
    assert told(replace(FINDING, actor=replace(ALICE, arn=DEPLOY)), BOB).to == DEPLOY


def test_each_time_it_takes_a_status_is_news_once() -> None:
    again = as_("fixed", "fixing", "fixed", "undoing", "undone", "fixing")
    keys = [told(one).key for one in (as_("fixed"), as_("undone", "fixed", "undoing"), again)]
    assert len(set(keys)) == 3
    # Met again by another event, acknowledged, asked anew: no news.
    assert told(as_("asked")).key == told(as_("asked", "asked", question=2, acknowledged="bob")).key


@pytest.mark.parametrize(
    ("identity", "known", "where"),
    [
        (SESSION, (), "alice@example.com"),
        (SESSION, (Person("alice", email="ALICE@example.com", slack="U012AB3CD"),), "U012AB3CD"),
        (DEPLOY, (BOB,), "U012AB3CD"),
        (DEPLOY, (Person("bob", email="bob@example.com", aws=(DEPLOY,)),), "bob@example.com"),
        (DEPLOY, (BOB, Person("eve", slack="U0EVE00000", aws=("arn:aws:sts::*",))), ""),
        (DEPLOY, (), ""),
        ("", (BOB,), ""),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/@example", (), ""),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/alice@example.com", (), ""),
    ],
)
def test_where_somebody_is_told(identity: str, known: tuple[Person, ...], where: str) -> None:
    assert people.address(known, identity) == where


class TestFromTheFinding:
    """In the pipeline: who is told when."""

    @staticmethod
    def breach(account: TestAccount, session: str = "alice@example.com") -> dict[str, Any]:
        event = group.breach(account, group.build(account))
        return {**event, "detail": {**event["detail"], "userIdentity": assumed(ROLE, session)}}

    @staticmethod
    def own(account: TestAccount) -> list[Notice]:
        return [one for one in account.notices() if one.to]

    def test_the_channel_and_the_person_are_told(self, account: TestAccount) -> None:
        account.enforce()
        [finding] = account.deliver(self.breach(account))
        everybody, own = account.notices()
        assert (everybody.to, everybody.thread) == ("", finding.id)
        assert (own.to, own.thread) == (
            f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/alice@example.com",
            f"{finding.id}:person",
        )
        assert own.title.startswith("Your change was put right: ")

    @pytest.mark.parametrize("role", [ROLE, "Other"])
    def test_a_build_is_not_told_unless_the_settings_say_whose_it_is(self, account: TestAccount, role: str) -> None:
        account.enforce()
        account.set(people=(Person("bob", slack="U012AB3CD", aws=(f"arn:aws:iam::{ACCOUNT}:role/{role}",)),))
        account.deliver(self.breach(account, "build-7"))
        assert len(self.own(account)) == (role == ROLE)

    def test_nobody_is_told_directly_when_the_settings_say_so(self, account: TestAccount) -> None:
        account.enforce()
        account.set(tell_person=False)
        account.deliver(self.breach(account))
        assert self.own(account) == []

    def test_what_a_sweep_found_is_nobodys(self, account: TestAccount) -> None:
        account.enforce()
        self.breach(account)
        [finding] = account.sweep("ec2_security_group_open")
        assert (finding.status, self.own(account)) == ("fixed", [])

    def test_who_brought_what_a_sweep_had_found_is_told_once_it_is_known(self, account: TestAccount) -> None:
        account.mode("ec2_security_group_open", sweep="observe")
        event = self.breach(account)
        account.sweep("ec2_security_group_open")
        [finding] = account.deliver(event)
        assert (finding.status, finding.origin) == ("fixed", "event")
        [own] = self.own(account)
        assert own.status == "fixed"

    def test_an_undo_is_news_to_them_too_and_a_refusal_is_not(self, account: TestAccount) -> None:
        account.enforce()
        [finding] = account.deliver(self.breach(account))
        account.undo(finding)
        fixed, undone = self.own(account)
        assert (fixed.status, undone.status, undone.thread) == ("fixed", "undone", fixed.thread)
        assert undone.title.startswith("Your change is back: ")
        account.clock.forward(400)
        assert account.undo(finding).status == "refused"
        assert {one.key for one in self.own(account)} == {undone.key}

    @pytest.mark.parametrize("how", ["crash before", "crash after"])
    def test_a_crash_while_telling_ends_in_both_told_under_the_same_keys(
        self, account: TestAccount, how: Fault
    ) -> None:
        account.enforce()
        event = self.breach(account)
        account.wire.reset()
        account.wire.fail(lambda _, made: how if made.name == "sqs:SendMessageBatch" else None)
        with pytest.raises(Crash):
            account.deliver(event, "the same")
        account.wire.calm()
        [finding] = account.deliver(event, "the same")
        assert finding.status == "fixed"
        assert {(one.key, bool(one.to)) for one in account.notices()} == {
            (f"{finding.id}:fixed", False),
            (f"{finding.id}:fixed:1:person", True),
        }
