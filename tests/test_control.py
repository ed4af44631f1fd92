"""People's control: approvals, exemptions of every width, pauses by scope, four eyes, commands that got lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib import commands, obeying, people, records
from chalicelib.journal import Conflict, place
from chalicelib.model import Command, CommandKind, Finding, ParapetError, Scope
from chalicelib.people import Person
from chalicelib.settings import Control, Exempting
from deploy.resources import storage
from tests.account import NOW, TestAccount
from tests.guardrails import test_ec2_security_group_open as group
from tests.guardrails import test_kms_key_deletion_scheduled as kms
from tests.samples import ACCOUNT, REGION, assumed
from tests.wire import Crash, Fault

NAME = group.NAME
DAY, WEEK = 86400.0, 7 * 86400.0


@pytest.fixture
def web(account: TestAccount) -> str:
    return group.build(account)


@pytest.fixture
def asked(account: TestAccount, web: str) -> Finding:
    account.mode(NAME, event="approve", sweep="approve")
    [finding] = account.deliver(group.breach(account, web))
    assert (finding.status, finding.question, finding.due) == ("asked", 1, account.clock() + WEEK)
    account.notices()
    return finding


def now(account: TestAccount, finding: Finding) -> Finding:
    found = account.journal.get(finding.id)
    assert found is not None
    return found


def opened(account: TestAccount, web: str) -> bool:
    """Whether port 22 of the group is open to the world."""
    return any(rule.get("CidrIpv4") == "0.0.0.0/0" and rule["FromPort"] == 22 for rule in rules(account, web))


def rules(account: TestAccount, web: str) -> list[dict[str, Any]]:
    wanted = [{"Name": "group-id", "Values": [web]}]
    found = account.client("ec2").describe_security_group_rules(Filters=wanted)["SecurityGroupRules"]
    return [rule for rule in found if not rule["IsEgress"]]


def failing(account: TestAccount, name: str, fault: Fault = "deny") -> None:
    """From now on, one kind of call fails."""
    account.wire.fail(lambda _number, made: fault if made.name == name else None)


def killed(account: TestAccount, command: Command, name: str, fault: Fault) -> None:
    """Carry a command out, and die at one kind of call."""
    failing(account, name, fault)
    with pytest.raises(Crash):
        account.obey(command, "r")
    account.wire.calm()


class TestApproving:
    def test_makes_the_fix_once_and_says_by_whom(self, account: TestAccount, web: str, asked: Finding) -> None:
        answered = account.obey(account.ask("approve", asked, question=1))
        assert (answered.status, answered.answer) == ("done", "fixed")
        fixed = now(account, asked)
        assert [(step.status, step.by) for step in fixed.history] == [
            ("asked", "parapet"), ("fixing", "bob"), ("fixed", "parapet"),
        ]  # fmt: skip
        assert not opened(account, web)
        [notice] = account.notices()
        assert (notice.status, notice.actions) == ("fixed", ("undo",))
        account.wire.reset()
        obeying.carry_out(account.pipeline("ec2"), answered.id, "again")
        assert "ec2:RevokeSecurityGroupIngress" not in [made.name for made in account.wire.calls]

    @pytest.mark.parametrize(("kind", "status"), [("approve", "fixed"), ("reject", "rejected"), ("exempt", "exempted")])
    def test_is_told_once_when_the_event_comes_again(
        self, account: TestAccount, web: str, kind: CommandKind, status: str
    ) -> None:
        account.mode(NAME, event="approve")
        event = group.breach(account, web)
        [asked] = account.deliver(event)
        account.obey(account.ask(kind, asked))
        account.notices()
        [finding] = account.deliver(event)
        assert (finding.status, account.notices()) == (status, [])
        assert finding.history == now(account, asked).history

    def test_by_two_people_is_done_once_and_the_second_is_told_by_whom(
        self, account: TestAccount, asked: Finding
    ) -> None:
        first, second = account.ask("approve", asked), account.ask("approve", asked, who="carol")
        assert account.obey(first).status == "done"
        refused = account.obey(second)
        assert refused.status == "refused"
        assert f"there is nothing to approve: {asked.id} is fixed" in refused.answer
        assert "carol asked to approve it, in vain." in account.notices()[-1].lines

    def test_is_void_when_what_stands_has_changed_and_that_is_looked_at_anew(
        self, account: TestAccount, web: str, asked: Finding
    ) -> None:
        command = account.ask("approve", asked)
        for rule in rules(account, web):
            account.client("ec2").revoke_security_group_ingress(
                GroupId=web, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
            )
        answered = account.obey(command)
        assert answered.status == "refused"
        assert "has changed since" in answered.answer
        assert now(account, asked).status == "gone"

    def test_is_void_after_a_time_and_the_question_is_put_anew(self, account: TestAccount, asked: Finding) -> None:
        account.clock.forward(WEEK + 1)
        refused = account.obey(account.ask("approve", asked))
        assert "is void: it is asked anew" in refused.answer
        again = now(account, asked)
        assert (again.status, again.question, again.due) == ("asked", 2, account.clock() + WEEK)
        # The button of the first message, pressed late, and that of the second.
        assert "asked about anew since" in account.obey(account.ask("approve", asked, question=1)).answer
        assert account.obey(account.ask("approve", asked, question=2)).answer == "fixed"

    def test_a_question_nobody_answers_is_put_anew_by_the_timer(self, account: TestAccount, asked: Finding) -> None:
        account.clock.forward(WEEK)
        assert [finding.id for finding in account.journal.due(account.clock())] == [asked.id]
        account.pipeline("ec2").look_again(asked.id, "r")
        assert now(account, asked).question == 2
        assert account.journal.due(account.clock()) == []
        [notice] = account.notices()
        assert (notice.key, notice.question) == (f"{asked.id}:asked:2", 2)

    @pytest.mark.parametrize("mode", ["observe", "off"])
    def test_is_refused_where_the_role_may_not_fix(
        self, account: TestAccount, web: str, asked: Finding, mode: str
    ) -> None:
        command = account.ask("approve", asked)
        account.mode(NAME, event=mode, sweep=mode)
        assert f"its mode is {mode}" in account.obey(command).answer
        assert opened(account, web)

    def test_that_fails_says_why_and_is_approved_again(self, account: TestAccount, web: str, asked: Finding) -> None:
        failing(account, "ec2:RevokeSecurityGroupIngress")
        refused = account.obey(account.ask("approve", asked))
        assert refused.status == "refused"
        assert refused.answer.startswith("failed: ec2:RevokeSecurityGroupIngress answered AccessDenied")
        assert now(account, asked).status == "failed"
        account.wire.calm()
        assert account.obey(account.ask("approve", asked)).answer == "fixed"
        assert not opened(account, web)

    def test_interrupted_after_the_fix_is_finished_by_the_same_command(
        self, account: TestAccount, web: str, asked: Finding
    ) -> None:
        command = account.ask("approve", asked)
        killed(account, command, "ec2:RevokeSecurityGroupIngress", "crash after")
        assert now(account, asked).status == "fixing"
        assert account.obey(command, "r").answer == "fixed"
        assert [step.status for step in now(account, asked).history] == ["asked", "fixing", "fixed"]

    def test_interrupted_it_is_finished_by_a_sweep_whatever_the_mode_and_the_pause(
        self, account: TestAccount, web: str, asked: Finding
    ) -> None:
        command = account.ask("approve", asked)
        killed(account, command, "ec2:RevokeSecurityGroupIngress", "crash before")
        account.clock.forward(120)
        commands.pause(account.journal, account.command("pause"))
        account.sweep(NAME)
        assert now(account, asked).status == "fixed"
        assert not opened(account, web)
        assert account.obey(command, "r").answer == "fixed"

    def test_takes_up_what_a_pause_holds(self, account: TestAccount, web: str) -> None:
        commands.pause(account.journal, account.command("pause"))
        [held] = account.deliver(group.breach(account, web))
        assert account.obey(account.ask("approve", held)).answer == "fixed"
        assert not opened(account, web)

    def test_ends_the_permission_of_an_undo(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        account.undo(finding)
        assert account.obey(account.ask("approve", finding)).answer == "fixed"
        head = account.journal.head(place(finding.violation))
        assert head.exemption(finding.violation.part, account.clock()) is None
        assert not opened(account, web)

    def test_asked_before_somebody_rejected_it_does_not_count(self, account: TestAccount, asked: Finding) -> None:
        approve = account.ask("approve", asked)
        account.clock.forward(1)
        account.obey(account.ask("reject", asked, who="carol"))
        assert "is rejected by carol, who decided meanwhile" in account.obey(approve).answer


class TestRejecting:
    def test_leaves_it_and_nobody_is_asked_again(self, account: TestAccount, web: str, asked: Finding) -> None:
        answered = account.obey(account.ask("reject", asked, question=1, why="the vendor needs it"))
        assert (answered.status, answered.answer) == ("done", "rejected")
        account.clock.forward(2 * WEEK)
        account.sweep(NAME)
        rejected = now(account, asked)
        assert (rejected.status, rejected.history[-1].note) == ("rejected", "the vendor needs it")
        assert account.journal.due(account.clock()) == []
        assert opened(account, web)

    def test_is_not_the_last_word(self, account: TestAccount, web: str, asked: Finding) -> None:
        account.obey(account.ask("reject", asked))
        assert account.obey(account.ask("approve", asked)).answer == "fixed"

    def test_also_stops_a_guardrail_that_asks_only_for_its_limits(self, account: TestAccount, web: str) -> None:
        for _ in range(4):
            account.deliver(group.breach(account, web))
            account.clock.forward(60)
        asked = account.findings()[-1]
        account.obey(account.ask("reject", asked))
        account.clock.forward(DAY)
        account.mode(NAME)
        account.sweep(NAME)
        assert now(account, asked).status == "rejected"
        assert opened(account, web)


def test_what_is_acknowledged_keeps_its_status_and_says_who_has_seen_it(account: TestAccount, web: str) -> None:
    account.mode(NAME, event="observe")
    [finding] = account.deliver(group.breach(account, web))
    account.notices()
    assert account.obey(account.ask("acknowledge", finding)).answer == "acknowledged"
    seen = now(account, finding)
    assert (seen.status, seen.acknowledged, seen.history[-1].by) == ("observed", "bob", "bob")
    [notice] = account.notices()
    assert "Acknowledged by bob." in notice.lines
    assert "acknowledge" not in notice.actions
    assert "bob has acknowledged" in account.obey(account.ask("acknowledge", finding, who="carol")).answer


class TestWaivers:
    def give(self, given_in: TestAccount, ends: float = DAY, /, **about: str) -> Any:
        return commands.waive(given_in.journal, given_in.command("exempt", seconds=ends, scope=Scope(**about)))

    @pytest.mark.parametrize("about", ["guardrail", "resource", "pattern"])
    def test_are_honoured_by_events_and_sweeps_quietly_and_on_record(
        self, account: TestAccount, web: str, about: str
    ) -> None:
        given = {
            "guardrail": {"guardrail": NAME},
            "resource": {"resource": web},
            "pattern": {"guardrail": NAME, "resource": "sg-*"},
        }
        waiver = self.give(account, **given[about])
        event = group.breach(account, web)
        [finding] = account.deliver(event)
        account.mode(NAME)
        for _ in range(2):
            account.deliver(event)
            account.sweep(NAME)
        assert account.findings() == [finding]
        assert (finding.status, finding.waiver, finding.due) == ("exempted", waiver.id, waiver.until)
        assert opened(account, web)
        assert account.notices() == []

    def test_end_and_then_it_is_fixed(self, account: TestAccount, web: str) -> None:
        waiver = self.give(account, resource=web)
        [finding] = account.deliver(group.breach(account, web))
        account.clock.forward(DAY + 1)
        assert [one.id for one in account.journal.due(account.clock())] == [finding.id]
        account.pipeline("ec2").look_again(finding.id, "r")
        assert not opened(account, web)
        assert account.findings()[-1].status == "fixed"
        assert account.journal.waivers() == (waiver,)

    def test_ended_early_what_they_covered_is_looked_at(self, account: TestAccount, web: str) -> None:
        waiver = self.give(account, resource=web)
        [finding] = account.deliver(group.breach(account, web))
        ended = account.command("exempt", scope=waiver.scope)
        assert commands.end_waiver(account.journal, account.ours, ended, waiver.id) == waiver
        assert account.journal.waivers() == ()
        account.pipeline("ec2").look_again(finding.id, "r")
        assert not opened(account, web)
        with pytest.raises(ParapetError, match="there is no waiver"):
            commands.end_waiver(account.journal, account.ours, account.command("exempt", scope=waiver.scope), waiver.id)

    def test_long_over_are_forgotten_when_the_next_is_given(self, account: TestAccount) -> None:
        self.give(account, DAY, guardrail=NAME)
        account.clock.forward(92 * DAY)
        new = self.give(account, resource="sg-1")
        assert account.journal.waivers() == (new,)

    def test_for_a_principal_cover_what_it_brings_and_sweeps_know_it(self, account: TestAccount, web: str) -> None:
        self.give(account, principal=f"arn:aws:iam::{ACCOUNT}:role/ci/deploy")
        event = group.breach(account, web)
        event["detail"]["userIdentity"] = assumed("deploy")
        [finding] = account.deliver(event)
        assert finding.status == "exempted"
        account.mode(NAME)
        account.sweep(NAME)
        assert opened(account, web)
        # Somebody else closes and opens the same port.
        [rule] = [rule for rule in rules(account, web) if (rule.get("CidrIpv4"), rule["FromPort"]) == ("0.0.0.0/0", 22)]
        account.clock.forward(60)
        account.client("ec2").revoke_security_group_ingress(
            GroupId=web, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
        )
        assert account.deliver(group.breach(account, web))[-1].status == "fixed"
        assert not opened(account, web)

    def test_for_a_principal_do_not_cover_what_stood(self, account: TestAccount, web: str, asked: Finding) -> None:
        self.give(account, principal=f"arn:aws:iam::{ACCOUNT}:role/deploy")
        event = group.authorise(
            account, web, IpProtocol="tcp", FromPort=8443, ToPort=8443, IpRanges=[{"CidrIp": group.OFFICE}]
        )
        event["detail"]["userIdentity"] = assumed("deploy")
        account.deliver(event)
        assert now(account, asked).status == "asked"

    def test_for_a_principal_given_later_cover_what_it_brought(self, account: TestAccount, asked: Finding) -> None:
        self.give(account, principal=f"arn:aws:iam::{ACCOUNT}:user/alice")
        account.sweep(NAME)
        assert now(account, asked).status == "exempted"

    def test_given_later_take_the_question_back(self, account: TestAccount, asked: Finding) -> None:
        self.give(account, guardrail=NAME)
        account.sweep(NAME)
        assert now(account, asked).status == "exempted"
        assert account.notices()[-1].status == "exempted"
        assert "end that first" in account.obey(account.ask("approve", asked)).answer

    def test_by_tag_count_only_where_the_settings_let_them(self, account: TestAccount, web: str) -> None:
        with pytest.raises(ParapetError, match=r"exemptions\.by_tag"):
            self.give(account, tag="honeypot")
        account.set(exempting=Exempting(by_tag=True))
        self.give(account, tag="honeypot=yes")
        account.client("ec2").create_tags(Resources=[web], Tags=[{"Key": "honeypot", "Value": "yes"}])
        [finding] = account.deliver(group.breach(account, web))
        assert finding.status == "exempted"
        account.set(exempting=Exempting())
        account.mode(NAME)
        account.sweep(NAME)
        assert not opened(account, web)

    @pytest.mark.parametrize(
        ("about", "text"),
        [
            ({"account": ACCOUNT}, "would switch Parapet off"),
            ({"resource": "*"}, "it needs a guardrail"),
            ({"resource": "*-*", "service": "ec2"}, "it needs a guardrail"),
            ({"principal": "arn:*"}, "is not the ARN of a user, role or session"),
            ({"principal": f"arn:aws:iam::{ACCOUNT}:role/*"}, "would be almost everybody"),
            ({"principal": f"arn:aws:iam::{ACCOUNT}:role/ci/dep*"}, "leave the path out"),
            ({"principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/*/deploy"}, "would be almost everybody"),
            ({"tag": "=yes"}, "names no key"),
            ({"guardrail": NAME, "service": "iam"}, "is not a guardrail of iam"),
            ({"guardrail": NAME, "region": "global"}, "leave the region out"),
            ({"guardrail": "ec2_security_group_opn"}, "did you mean 'ec2_security_group_open'"),
            ({"principal": "deploy"}, "is not the ARN"),
            ({"resource": "x", "account": "12"}, "12 digits"),
        ],
    )
    def test_too_wide_or_misspelt_are_refused(self, account: TestAccount, about: dict[str, str], text: str) -> None:
        account.set(exempting=Exempting(by_tag=True))
        with pytest.raises(ParapetError, match=text):
            self.give(account, **about)

    @pytest.mark.parametrize(("ends", "text"), [(-1.0, "in the past"), (401 * DAY, "within 400 days")])
    def test_end_in_some_time_to_come(self, account: TestAccount, ends: float, text: str) -> None:
        with pytest.raises(ParapetError, match=text):
            self.give(account, ends, guardrail=NAME)

    def test_ended_without_anybody_looking_are_found_by_the_next_sweep(self, account: TestAccount, web: str) -> None:
        waiver = self.give(account, resource=web)
        [finding] = account.deliver(group.breach(account, web))
        account.journal.end_waiver(waiver.id)
        assert commands.unwaived(account.journal, account.clock()) == [finding]
        account.pipeline("ec2").look_again(finding.id, "r")
        assert not opened(account, web)
        assert commands.unwaived(account.journal, account.clock()) == []

    def test_that_are_none_keep_everything_from_being_fixed_and_say_so(self, account: TestAccount, web: str) -> None:
        item = {"pk": {"S": "EXEMPTIONS"}, "sk": {"S": "EXEMPTIONS"}, "waiver x": {"S": "please"}}
        account.client("dynamodb").put_item(TableName="parapet-test", Item=item)
        with pytest.raises(ParapetError, match="holds under 'waiver x' is no waiver: take it away there"):
            account.deliver(group.breach(account, web))
        assert opened(account, web)


class TestWaiversUnderFourEyes:
    ALICE = Person("alice", "U0ALICE00", "", (f"arn:aws:iam::{ACCOUNT}:user/alice",))
    BOB = Person("bob", "U0BOB0000", "", (f"arn:aws:iam::{ACCOUNT}:user/bob",))

    @pytest.mark.parametrize(("who", "covers"), [("alice", False), ("bob", True)])
    def test_do_not_cover_the_own_change_of_who_gave_them(
        self, account: TestAccount, web: str, who: str, covers: bool
    ) -> None:
        account.set(control=Control(four_eyes=True), people=(self.ALICE, self.BOB))
        given = account.command("exempt", who, scope=Scope(resource=web))
        commands.waive(account.journal, given)
        account.mode(NAME, event="approve", sweep="enforce")
        [finding] = account.deliver(group.breach(account, web))
        account.sweep(NAME)
        assert now(account, finding).status == ("exempted" if covers else "asked")

    def test_are_for_people_whom_the_settings_name_and_about_such(self, account: TestAccount) -> None:
        account.set(control=Control(four_eyes=True), people=(self.ALICE, self.BOB))
        with pytest.raises(ParapetError, match="user/mallory is nobody under"):
            account.command("exempt", "mallory", scope=Scope(resource="sg-1"))
        with pytest.raises(ParapetError, match="role/deploy is nobody's under"):
            account.command("exempt", "bob", scope=Scope(principal=f"arn:aws:iam::{ACCOUNT}:role/deploy"))
        robot = Person("deploy", "", "", (f"arn:aws:iam::{ACCOUNT}:role/deploy",))
        account.set(people=(self.ALICE, self.BOB, robot))
        account.command("exempt", "bob", scope=Scope(principal=robot.aws[0]))


class TestPausesByScope:
    @pytest.mark.parametrize(
        ("about", "holds"),
        [
            (Scope(), True),
            (Scope(service="ec2"), True),
            (Scope(guardrail=NAME, region=REGION), True),
            (Scope(account=ACCOUNT), True),
            (Scope(service="iam"), False),
            (Scope(service="ec2", region="us-west-2"), False),
            (Scope(account="210987654321"), False),
        ],
        ids=str,
    )
    def test_hold_what_they_are_about_and_nothing_else(
        self, account: TestAccount, web: str, about: Scope, holds: bool
    ) -> None:
        commands.pause(account.journal, account.command("pause", scope=about))
        [finding] = account.deliver(group.breach(account, web))
        assert finding.status == ("held" if holds else "fixed")
        assert opened(account, web) == holds

    def test_the_last_of_several_lets_go(self, account: TestAccount, web: str) -> None:
        commands.pause(account.journal, account.command("pause", seconds=600))
        commands.pause(account.journal, account.command("pause", seconds=1200, scope=Scope(service="ec2")))
        [finding] = account.deliver(group.breach(account, web))
        assert finding.due == NOW + 1200
        assert commands.resume(account.journal, account.ours, account.command("resume")) == []
        all_gone = account.command("resume", scope=Scope(service="ec2"))
        assert [one.id for one in commands.resume(account.journal, account.ours, all_gone)] == [finding.id]
        account.pipeline("ec2").look_again(finding.id, "r")
        assert now(account, finding).status == "fixed"

    def test_set_in_the_console_count_and_lifted_there_let_go(self, account: TestAccount, web: str) -> None:
        key = {"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}}
        db = account.client("dynamodb")
        db.put_item(TableName="parapet-test", Item={**key, "pause service=ec2": {"S": "fire"}})
        [finding] = account.deliver(group.breach(account, web))
        assert finding.status == "held"
        assert commands.released(account.journal, account.clock()) == []
        db.put_item(TableName="parapet-test", Item=key)
        assert [one.id for one in commands.released(account.journal, account.clock())] == [finding.id]

    @pytest.mark.parametrize(("mode", "status"), [("approve", "asked"), ("observe", "observed"), ("off", "gone")])
    def test_over_what_they_held_is_as_the_mode_is_by_then(
        self, account: TestAccount, web: str, mode: str, status: str
    ) -> None:
        commands.pause(account.journal, account.command("pause"))
        [finding] = account.deliver(group.breach(account, web))
        account.mode(NAME, event=mode, sweep=mode)
        [held] = commands.resume(account.journal, account.ours, account.command("resume"))
        account.pipeline("ec2").look_again(held.id, "r")
        assert now(account, finding).status == status
        assert commands.released(account.journal, account.clock()) == []
        assert opened(account, web)

    @pytest.mark.parametrize("name", ["pause servce=ec2", "pause everything!", "paused"])
    def test_one_that_is_misspelt_in_the_console_stops_everything(self, name: str) -> None:
        [pause] = records.pauses({"pk": "CONTROL", name: "fire"})
        assert pause.scope == Scope()

    @pytest.mark.parametrize(
        "value",
        [
            {"SS": ["fire"]}, {"B": b"fire"}, {"BOOL": False}, {"NULL": True}, {"N": "0"},
            {"M": {"until": {"S": "2026-12-01"}}}, {"M": {"at": {"S": "now"}}}, {"L": []},
        ],
        ids=str,
    )  # fmt: skip
    def test_set_by_hand_to_whatever_are_on(self, account: TestAccount, web: str, value: dict[str, Any]) -> None:
        item = {"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}, "pause": value}
        account.client("dynamodb").put_item(TableName="parapet-test", Item=item)
        [finding] = account.deliver(group.breach(account, web))
        assert (finding.status, finding.due) == ("held", None)

    @pytest.mark.parametrize("name", ["pause region=eu-west-1 service=ec2", "pause  service=ec2   region=eu-west-1"])
    def test_written_by_hand_in_any_order_are_lifted(self, account: TestAccount, name: str) -> None:
        item = {"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}, name: {"S": "fire"}}
        account.client("dynamodb").put_item(TableName="parapet-test", Item=item)
        about = Scope(service="ec2", region=REGION)
        assert [pause.scope for pause in account.journal.pauses()] == [about]
        commands.resume(account.journal, account.ours, account.command("resume", scope=about))
        assert account.journal.pauses() == ()

    def test_take_no_resource(self, account: TestAccount) -> None:
        with pytest.raises(ParapetError, match="a pause can be for a guardrail, service"):
            account.command("pause", scope=Scope(resource="sg-1"))


class TestFourEyes:
    ALICE = Person("alice", "U0ALICE00", "alice@example.com", (f"arn:aws:iam::{ACCOUNT}:user/alice",))
    BOB = Person("bob", "U0BOB0000", "bob@example.com", (f"arn:aws:iam::{ACCOUNT}:user/bob",))

    def ask(self, account: TestAccount, finding: Finding, by: str, kind: Any = "undo", **more: Any) -> Any:
        command = account.command(kind, finding=finding, **more)
        return account.obey(commands.ask(account.journal, account.ours, replace(command, by=by)))

    @pytest.fixture
    def fixed(self, account: TestAccount, web: str) -> Finding:
        account.set(control=Control(four_eyes=True), people=(self.ALICE, self.BOB))
        [finding] = account.deliver(group.breach(account, web))
        account.notices()
        return finding

    @pytest.mark.parametrize("by", [f"arn:aws:iam::{ACCOUNT}:user/alice", "slack:U0ALICE00"])
    def test_nobody_decides_about_their_own_change(self, account: TestAccount, fixed: Finding, by: str) -> None:
        answered = self.ask(account, fixed, by)
        assert answered.status == "refused"
        assert "it is their own change" in answered.answer

    def test_who_is_nobody_counts_as_having_made_it(self, account: TestAccount, fixed: Finding) -> None:
        assert "is nobody's under [people]" in self.ask(account, fixed, "slack:U0MALLORY").answer

    def test_somebody_else_decides(self, account: TestAccount, fixed: Finding) -> None:
        assert self.ask(account, fixed, "slack:U0BOB0000").status == "done"

    def test_who_breaks_the_glass_is_heard_by_all(self, account: TestAccount, fixed: Finding) -> None:
        own = f"arn:aws:iam::{ACCOUNT}:user/alice"
        assert self.ask(account, fixed, own, break_glass=True, why="prod is down").status == "done"
        [notice] = [one for one in account.notices() if not one.to]
        assert notice.severity == "critical"
        assert "broke the glass" in notice.lines[0]
        assert "prod is down" in notice.lines[0]
        assert "(who made the change insists)" in now(account, fixed).history[-1].note
        with pytest.raises(ParapetError, match="must say why"):
            account.command("undo", finding=fixed, break_glass=True, why=" ")

    def test_what_nobody_is_known_to_have_brought_anybody_decides(self, account: TestAccount, web: str) -> None:
        account.set(control=Control(four_eyes=True))
        group.breach(account, web)
        [finding] = account.sweep(NAME)
        assert self.ask(account, finding, "slack:U0MALLORY", "approve").answer == "fixed"

    def test_breaking_it_where_nobody_minds_is_not_shouted(self, account: TestAccount, fixed: Finding) -> None:
        assert self.ask(account, fixed, "slack:U0BOB0000", break_glass=True, why="just so").status == "done"
        [notice] = [one for one in account.notices() if not one.to]
        assert notice.severity == "high"
        assert now(account, fixed).history[-1].note == "just so"

    def test_an_approval_of_ones_own_is_in_the_history_too(self, account: TestAccount, web: str) -> None:
        account.set(control=Control(four_eyes=True), people=(self.ALICE, self.BOB))
        account.mode(NAME, event="approve")
        [finding] = account.deliver(group.breach(account, web))
        assert self.ask(account, finding, "slack:U0ALICE00", "approve", break_glass=True, why="now").status == "done"
        assert now(account, finding).history[1].note == "now (who made the change insists)"

    @pytest.mark.parametrize(
        ("session", "whose"),
        [
            ("AWSReservedSSO_Admin_0123456789abcdef/bob@example.com", "bob"),
            # Whoever may assume a role names the session as he likes.
            ("ci/bob@example.com", ""),
        ],
    )
    def test_who_is_who_by_mail_only_single_sign_on_tells(self, session: str, whose: str) -> None:
        found = people.of((self.ALICE, self.BOB), f"arn:aws:sts::{ACCOUNT}:assumed-role/{session}")
        assert (found.name if found else "") == whose


class TestCommandsOnTheirWay:
    def test_asked_twice_under_one_id_is_asked_once(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        number = "0123456789abcdef"
        first = account.ask("undo", finding, id=number)
        account.clock.forward(5)
        again = account.ask("undo", finding, id=number)
        assert again == first
        assert account.obey(first).status == "done"
        assert account.ask("undo", finding, id=number).status == "done"
        with pytest.raises(Conflict):
            account.ask("undo", finding, id=number, who="mallory")

    @pytest.mark.parametrize("more", [{"why": "another"}, {"seconds": 60.0}, {"break_glass": True}])
    def test_asked_for_something_else_under_an_id_is_refused(
        self, account: TestAccount, web: str, more: dict[str, Any]
    ) -> None:
        [finding] = account.deliver(group.breach(account, web))
        account.ask("undo", finding, id="0123456789abcdef")
        with pytest.raises(Conflict):
            account.ask("undo", finding, id="0123456789abcdef", **more)

    def test_a_reason_is_one_line_and_not_a_document(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        assert account.command("undo", finding=finding, why=" one\n\ttwo ").why == "one two"
        with pytest.raises(ParapetError, match="longer than 500 letters"):
            account.command("undo", finding=finding, why="x" * 501)

    def test_nothing_but_threads_has_what_the_table_forgets_things_by(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        account.undo(finding)
        commands.pause(account.journal, account.command("pause"))
        commands.waive(account.journal, account.command("exempt", scope=Scope(resource=web)))
        forgotten = storage.resources()["Journal"]["Properties"]["TimeToLiveSpecification"]["AttributeName"]
        kept = account.client("dynamodb").scan(TableName="parapet-test")["Items"]
        assert {item["sk"]["S"] for item in kept} >= {"ANSWER", "COMMAND", "CONTROL", "EXEMPTIONS", "FINDING", "HEAD"}
        assert [item for item in kept if forgotten in item] == []

    def test_about_a_guardrail_of_another_version_are_refused(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        command = account.ask("undo", finding)
        account.client("dynamodb").update_item(
            TableName="parapet-test",
            Key={"pk": {"S": f"FINDING#{finding.id}"}, "sk": {"S": "FINDING"}},
            UpdateExpression="SET guardrail = :name",
            ExpressionAttributeValues={":name": {"S": "ec2_no_more"}},
        )
        assert "ec2_no_more is no guardrail of this version" in account.obey(command).answer

    def test_one_whose_event_was_lost_is_taken_up(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        failing(account, "events:PutEvents")
        with pytest.raises(ParapetError):
            account.ask("undo", finding)
        account.wire.calm()
        account.clock.forward(61)
        [lost] = account.journal.unanswered(NOW, account.clock() - 60)
        account.wire.reset()
        commands.take_up(account.journal, account.ours, account.settings, account.clock())
        assert [made.name for made in account.wire.calls].count("events:PutEvents") == 1
        assert account.obey(lost).status == "done"
        assert account.journal.unanswered(NOW, account.clock()) == []

    def test_one_that_stays_unanswered_is_tried_less_and_less_often_until_it_is_void(
        self, account: TestAccount, web: str
    ) -> None:
        [finding] = account.deliver(group.breach(account, web))
        account.ask("undo", finding)
        tries = []
        for minute in range(1, 66):
            account.clock.forward(60)
            account.wire.reset()
            commands.take_up(account.journal, account.ours, account.settings, account.clock())
            if "events:PutEvents" in [made.name for made in account.wire.calls]:
                tries.append(minute)
        assert tries == [1, 2, 4, 8, 16, 32, 61, 62, 63]

    def test_one_that_came_too_late_is_refused_and_told(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        command = account.ask("undo", finding, seconds=30 * DAY)
        account.clock.forward(3601)
        assert "not carried out in time" in account.obey(command).answer
        assert not opened(account, web)

    def test_a_refused_one_leaves_an_undo_alone_that_another_is_busy_with(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        undo, exempt = account.ask("undo", finding), account.ask("exempt", finding, who="carol")
        killed(account, undo, "ec2:AuthorizeSecurityGroupIngress", "crash before")
        assert account.obey(exempt).status == "refused"
        assert now(account, finding).status == "undoing"
        assert account.obey(undo, "r").answer == "undone"

    def test_what_is_no_command_about_a_finding_is_refused(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        odd = replace(account.command("undo", finding=finding), kind="pause")
        account.journal.ask(odd)
        assert "is not about a finding" in account.obey(odd).answer


def test_an_exemption_is_as_long_as_was_asked_for_last(account: TestAccount, asked: Finding) -> None:
    account.obey(account.ask("exempt", asked, 30 * DAY))
    account.obey(account.ask("exempt", asked, 3600.0, who="carol"))
    head = account.journal.head(place(asked.violation))
    permission = head.exemption(asked.violation.part, account.clock())
    assert permission is not None
    assert (permission.until, permission.who) == (account.clock() + 3600, "carol")
    assert now(account, asked).due == permission.until


def test_a_question_of_the_first_version_is_told_when_it_is_put_anew(account: TestAccount, asked: Finding) -> None:
    # The first version did not count.
    account.client("dynamodb").update_item(
        TableName="parapet-test",
        Key={"pk": {"S": f"FINDING#{asked.id}"}, "sk": {"S": "FINDING"}},
        UpdateExpression="REMOVE question, due, due_kind",
    )
    account.clock.forward(WEEK + 1)
    account.sweep(NAME)
    assert now(account, asked).question == 2
    assert [one.key for one in account.notices() if not one.to] == [f"{asked.id}:asked:2"]


def test_a_fix_of_two_calls_that_is_half_done_can_be_approved(account: TestAccount) -> None:
    key = kms.SCENARIO.build(account)
    account.mode(kms.SCENARIO.guardrail)
    failing(account, "kms:EnableKey")
    with pytest.raises(ParapetError):
        account.deliver(kms.SCENARIO.breach(account, key))
    [finding] = account.findings()
    assert finding.status == "failed"
    account.wire.calm()
    assert account.obey(account.ask("approve", finding)).answer == "fixed"
