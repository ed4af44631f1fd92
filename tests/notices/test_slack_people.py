"""Telling one person directly: whom an ARN means, once, and nobody else; the real client against the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.model import Notice
from chalicelib.notices.channel import Outcome, RateLimited, Refused, Unreachable
from chalicelib.notices.slack import Slack
from chalicelib.notices.slack_people import REMEMBERED
from chalicelib.notices.threads import Threads
from chalicelib.people import Person
from chalicelib.secrets import Kept
from local.slack import SCOPES, Fault, SlackError, SlackStandIn
from local.workspace import ALICE, BOB
from local.workspace import Person as Member
from tests.account import NOW, TABLE, TestAccount
from tests.notices import test_slack as channel
from tests.notices.samples import FIXED
from tests.notices.serving import serving
from tests.notices.test_slack import PARAMETER, TOKEN
from tests.samples import ACCOUNT
from tests.wire import Crash

SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0a1b2c3d4e5f6071/alice@example.com"
DEPLOY = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/build-7"
OWN = replace(
    FIXED,
    key="abcd1234:fixed:1:person",
    thread="abcd1234:person",
    to=SESSION,
    actions=(),
    title="Your change was put right",
)
LATER = replace(
    OWN, key="abcd1234:undone:1:person", status="undone", title="Your change is back", lines=("By bob.",), at=NOW + 60
)


@dataclass
class Stage(channel.Stage):
    """The channel's stage, with people to tell."""

    people: tuple[Person, ...] = ()

    def fresh(self) -> Slack:
        threads = Threads(self.account.aws("notify"), TABLE)
        token = Kept(self.account.client, PARAMETER, "Slack's bot token")
        return Slack(
            token, threads, self.channel, url=f"{self.url}/api/", people=self.people, timeout=1,
            now=self.account.clock, sleep=self.slept.append,
        )  # fmt: skip

    def known(self, *people: Person) -> None:
        """Have the settings name people."""
        self.people = people
        self.us = self.fresh()

    def outcome(self, one: Notice = OWN) -> Outcome:
        return self.us.tell(one, lambda: 30.0)

    def direct(self, member: Member = ALICE) -> list[dict[str, Any]]:
        """What stands in the direct messages with somebody."""
        room = self.slack.direct.get(member.id)
        return self.slack.threads(room.id) if room else []

    def lose(self, *scopes: str) -> None:
        """Take scopes from the app."""
        self.slack.tokens[TOKEN] = frozenset(SCOPES) - set(scopes)


@pytest.fixture
def stage(account: TestAccount) -> Iterator[Stage]:
    slack = SlackStandIn(token=TOKEN, now=account.clock)
    with serving(slack) as url:
        yield Stage(account, slack, url)


class TestWho:
    def test_a_session_that_is_named_after_an_address(self, stage: Stage) -> None:
        assert stage.tell(OWN) == "sent"
        (root,) = stage.direct()
        assert root["blocks"][0]["text"]["text"] == f"✅ {OWN.title}"
        assert channel.actions(root) == []
        assert stage.slack.threads() == [], "nobody else sees it"
        assert stage.slack.calls == ["users.lookupByEmail", "conversations.open", "chat.postMessage"]

    @pytest.mark.parametrize(
        "person",
        [
            Person("bob", slack=BOB.id, aws=(f"arn:aws:iam::{ACCOUNT}:role/deploy",)),
            Person("bob", email="Bob@Example.com", aws=("arn:aws:iam::*:role/deploy",)),
            Person("bob", slack=BOB.id, email="alice@example.com", aws=(DEPLOY,)),
        ],
    )
    def test_whom_the_settings_name(self, stage: Stage, person: Person) -> None:
        stage.known(person)
        assert stage.tell(replace(OWN, to=DEPLOY)) == "sent"
        assert len(stage.direct(BOB)) == 1
        assert stage.direct(ALICE) == []

    def test_the_settings_count_before_the_session(self, stage: Stage) -> None:
        stage.known(Person("bob", slack=BOB.id, aws=(SESSION,)))
        stage.tell(OWN)
        assert (len(stage.direct(BOB)), stage.direct(ALICE)) == (1, [])

    @pytest.mark.parametrize(
        ("arn", "people", "why"),
        [
            (SESSION.replace("alice", "carol"), (), "is nobody in Slack: users_not_found"),
            (DEPLOY, (Person("carol", slack="U0CAROL000", aws=(DEPLOY,)),), "is nobody in Slack: user_not_found"),
            (DEPLOY, (), "is nobody's under [people], and not named after an address"),
            (DEPLOY, (Person("carol", aws=(DEPLOY,)),), "is nobody's under [people]"),
            (f"arn:aws:iam::{ACCOUNT}:user/alice@example.com", (), "is nobody's under [people]"),
        ],
    )
    def test_nobody_is_no_error_and_not_tried_again(
        self, stage: Stage, arn: str, people: tuple[Person, ...], why: str
    ) -> None:
        stage.known(*people)
        outcome = stage.outcome(replace(OWN, to=arn))
        assert outcome.kind == "nobody"
        assert f"{arn} {why}" in outcome.note
        assert stage.slack.messages == []
        assert stage.slack.direct == {}

    @pytest.mark.parametrize("flag", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"])
    @pytest.mark.parametrize("person", [None, Person("alice", slack=ALICE.id, aws=(SESSION,))])
    def test_guests_bots_and_who_has_left_are_left_out(self, stage: Stage, flag: str, person: Person | None) -> None:
        stage.slack.people = (replace(ALICE, flags=(flag,)), BOB)
        stage.known(*[person] if person else ())
        outcome = stage.outcome()
        assert (outcome.kind, flag in outcome.note) == ("nobody", True)
        assert (stage.slack.messages, stage.slack.direct) == ([], {})

    def test_slack_is_asked_once_an_hour(self, stage: Stage) -> None:
        stage.tell(OWN)
        stage.slack.calls.clear()
        stage.tell(replace(OWN, key="other", thread="other:person"))
        assert stage.slack.calls == ["chat.postMessage"]
        stage.account.clock.forward(REMEMBERED + 1)
        stage.slack.people = (replace(ALICE, flags=("deleted",)),)
        assert stage.tell(replace(OWN, key="third", thread="third:person")) == "nobody"


class TestTheirThread:
    def test_goes_on_with_replies_and_its_first_message_shows_the_latest(self, stage: Stage) -> None:
        assert [stage.tell(OWN), stage.tell(LATER)] == ["sent", "sent"]
        (root,) = stage.direct()
        assert root["blocks"][0]["text"]["text"] == f"↩️ {LATER.title}"
        assert len(root["replies"]) == 1

    def test_is_apart_from_the_channels(self, stage: Stage) -> None:
        stage.tell(FIXED)
        stage.tell(OWN)
        assert stage.titles() == [f"✅ {FIXED.title}"]
        assert (len(stage.direct()), stage.replies()) == (1, [])

    def test_stays_with_whom_it_was_when_the_arn_means_another(self, stage: Stage) -> None:
        stage.tell(OWN)
        stage.known(Person("bob", slack=BOB.id, aws=(SESSION,)))
        assert stage.tell(LATER) == "sent"
        assert [root["replies"] for root in stage.direct(ALICE)] == [[]]
        assert [root["blocks"][0]["text"]["text"] for root in stage.direct(BOB)] == [f"↩️ {LATER.title}"]


class TestOnce:
    def test_the_same_notice_again_is_known(self, stage: Stage) -> None:
        assert [stage.tell(OWN), stage.tell(OWN), stage.tell_anew(OWN)] == ["sent", "known", "known"]
        assert len(stage.slack.messages) == 1

    @pytest.mark.parametrize("crash", ["crash before", "crash after"])
    @pytest.mark.parametrize(("write", "sent"), [(1, 0), (2, 1)])
    @pytest.mark.parametrize("second", [False, True])
    def test_a_crash_around_the_call_ends_in_one_message(
        self, stage: Stage, crash: str, write: int, sent: int, second: bool
    ) -> None:
        one = OWN
        if second:
            stage.tell()
            stage.tell(OWN)
            one = LATER
        before = len(stage.slack.messages)
        stage.crash(lambda seen: seen.count("UpdateItem") == write, crash)
        with pytest.raises(Crash):
            stage.tell(one)
        stage.account.wire.calm()
        assert len(stage.slack.messages) == before + sent
        stage.tell_anew(one)
        assert len(stage.slack.messages) == before + 1
        assert [root["blocks"][0]["text"]["text"][2:].strip() for root in stage.direct()] == [one.title]

    @pytest.mark.parametrize("fault", ["silence after", "broken after", "500 after"])
    def test_an_answer_lost_after_the_effect_ends_in_one_message(self, stage: Stage, fault: Fault) -> None:
        stage.slack.fail(fault, seconds=1.5)
        with pytest.raises(Unreachable):
            stage.tell(OWN)
        assert stage.tell_anew(OWN) == "found"
        assert len(stage.slack.messages) == 1

    @pytest.mark.parametrize("method", ["users.lookupByEmail", "conversations.open"])
    @pytest.mark.parametrize("fault", ["500", "500 after", "broken after"])
    def test_what_fails_before_the_call_is_done_again(self, stage: Stage, method: str, fault: Fault) -> None:
        stage.slack.fail(fault, method=method)
        with pytest.raises(Unreachable):
            stage.tell(OWN)
        assert stage.tell(OWN) == "sent"
        assert len(stage.slack.messages) == 1

    def test_where_looking_is_impossible_it_is_rather_told_twice(self, stage: Stage) -> None:
        stage.slack.fail("500 after")
        with pytest.raises(Unreachable):
            stage.tell(OWN)
        stage.lose("im:history")
        outcome = stage.outcome()
        assert (outcome.kind, "im:history" in outcome.note) == ("sent", True)
        assert len(stage.direct()) == 2


class TestWhatStandsInTheWay:
    @pytest.mark.parametrize("scope", ["users:read.email", "im:write"])
    def test_a_missing_scope_is_named_with_the_way_out(self, stage: Stage, scope: str) -> None:
        stage.lose(scope)
        with pytest.raises(Refused, match=rf"the scope {scope}, .*tell_person = false under \[slack\]"):
            stage.tell(OWN)
        assert stage.slack.messages == []
        stage.lose()
        assert stage.tell(OWN) == "sent"

    def test_a_person_of_the_settings_takes_another_scope(self, stage: Stage) -> None:
        stage.known(Person("bob", slack=BOB.id, aws=(SESSION,)))
        stage.lose("users:read.email")
        assert stage.tell(OWN) == "sent"
        stage.known(Person("bob", slack=BOB.id, aws=(SESSION,)))
        stage.lose("users:read")
        with pytest.raises(Refused, match="the scope users:read,"):
            stage.tell(LATER)

    def test_the_channel_is_told_all_the_same(self, stage: Stage) -> None:
        stage.lose("users:read.email", "users:read", "im:write", "im:history")
        assert stage.tell(FIXED) == "sent"

    @pytest.mark.parametrize("method", ["users.lookupByEmail", "conversations.open", "chat.postMessage"])
    def test_a_rate_limit_is_waited_for_or_left_to_the_queue(self, stage: Stage, method: str) -> None:
        stage.slack.fail("429", method=method, seconds=3)
        assert stage.tell(OWN) == "sent"
        assert stage.slept == [3.0]
        other = replace(OWN, key="other", thread="other:person", to=SESSION.replace("alice", "bob"))
        stage.slack.fail("429", method=method, seconds=30)
        with pytest.raises(RateLimited):
            stage.tell(other)
        assert stage.tell(other) == "sent"
        assert (len(stage.direct(ALICE)), len(stage.direct(BOB))) == (1, 1)

    def test_a_switched_off_messages_tab_is_named(self, account: TestAccount) -> None:
        class Shut(SlackStandIn):
            def _post(self, _given: dict[str, Any]) -> dict[str, Any]:
                raise SlackError("messages_tab_disabled")

        with serving(Shut(token=TOKEN)) as url, pytest.raises(Refused, match="Switch the Messages Tab on"):
            Stage(account, Shut(token=TOKEN), url).tell(OWN)

    @pytest.mark.parametrize("method", ["_user_of", "_open_direct"])
    def test_an_answer_that_is_none_of_slacks_is_tried_again(self, account: TestAccount, method: str) -> None:
        odd = type("Odd", (SlackStandIn,), {method: lambda *_: {"user": {"id": "everybody"}, "channel": {"id": "C0"}}})
        slack = odd(token=TOKEN)
        with serving(slack) as url, pytest.raises(Unreachable, match="does not speak as Slack does"):
            Stage(account, slack, url).tell(OWN)
        assert slack.messages == []
