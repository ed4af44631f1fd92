"""What Parapet promises when things happen at the wrong moment, in the wrong order, or again and again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib import commands, obeying, registry
from chalicelib.aws import CONFIG
from chalicelib.decision import LATER
from chalicelib.journal import Journal, Place, place
from chalicelib.model import Aws, AwsError, BadEvent, Exemption, Finding, ParapetError, Pause
from chalicelib.notices.threads import REMEMBERED, Thread, Threads, Told
from chalicelib.remediation import LEASE
from chalicelib.settings import Limits, load
from tests.account import NOW, TABLE, TestAccount
from tests.guardrails import test_ec2_network_acl_open as acl
from tests.guardrails import test_ec2_security_group_open as group
from tests.guardrails import test_iam_access_key_for_other as access_key
from tests.guardrails import test_rds_instance_public as rds
from tests.guardrails import test_s3_bucket_policy_public as policy
from tests.samples import ACCOUNT, ALICE, REGION, cloudtrail
from tests.scenario import Scenario
from tests.scenarios import SCENARIOS
from tests.wire import Crash, Fault, Made

NAME = group.NAME
ELSEWHERE = "us-east-1"
FIXABLE = [scenario for scenario in SCENARIOS if registry.get(scenario.guardrail).can_fix]


@pytest.fixture
def web(account: TestAccount) -> str:
    return group.build(account)


@contextmanager
def wrong(account: TestAccount, operation: str, fault: Fault) -> Iterator[None]:
    """Every call of an operation goes wrong in one way."""
    account.wire.fail(lambda _number, made: fault if made.operation == operation else None)
    yield
    account.wire.calm()


@contextmanager
def meanwhile(account: TestAccount, operation: str, do: Callable[[], object]) -> Iterator[None]:
    """Do something once, right before the first call of an operation."""
    met: list[str] = []

    def before(_number: int, made: Made) -> None:
        if made.operation == operation and not met:
            met.append(made.name)
            account.wire.calm()
            do()

    account.wire.fail(before)
    yield
    account.wire.calm()
    assert met, f"{operation} was not called"


def named(scenario: Scenario) -> str:
    return scenario.guardrail


def world(port: int = 22) -> dict[str, Any]:
    """A permission for everyone."""
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def close(account: TestAccount, web: str) -> None:
    """A person takes the rule for everyone away."""
    account.client("ec2").revoke_security_group_ingress(GroupId=web, IpPermissions=[world()])


def harmless(account: TestAccount, web: str, port: int = 8443) -> dict[str, Any]:
    """A call about the same group that brings nothing wrong."""
    office = [{"CidrIp": group.OFFICE}]
    return group.authorise(account, web, IpProtocol="tcp", FromPort=port, ToPort=port, IpRanges=office)


def open_ports(account: TestAccount, web: str) -> list[int]:
    """The guarded ports that everyone reaches."""
    found = group.state(account, web)
    return [one["FromPort"] for one in found if "0.0.0.0/0" in str(one["IpRanges"]) and one["FromPort"] != 443]


def groups(account: TestAccount, count: int) -> Iterator[str]:
    """So many new groups, made as they are asked for."""
    for number in range(count):
        made = account.client("ec2").create_security_group(GroupName=f"g{number}", Description="x")
        yield str(made["GroupId"])


def statuses(account: TestAccount) -> list[str]:
    return [finding.status for finding in account.findings()]


def told(account: TestAccount) -> list[str]:
    return [notice.status for notice in account.notices()]


def look_again(account: TestAccount, service: str = "ec2", findings: Sequence[Finding] | None = None) -> None:
    """Look again at what is due, as the timer has it done, or at these findings."""
    for finding in account.journal.due(account.clock()) if findings is None else findings:
        account.pipeline(service).look_again(finding.id, account.request())


class TestControlsThatChangeBetweenCrashAndRetry:
    @pytest.mark.parametrize(
        ("how", "status"),
        [
            ("pause", "held"),
            ("exempt", "exempted"),
            ("approve", "asked"),
            ("observe", "observed"),
            ("off", "gone"),
        ],
    )
    def test_count_although_the_fix_was_begun(self, account: TestAccount, web: str, how: str, status: str) -> None:
        event = group.breach(account, web)
        with wrong(account, "RevokeSecurityGroupIngress", "throttle"), pytest.raises(AwsError, match="Throttling"):
            account.deliver(event, "first")
        if how == "pause":
            account.journal.set_pause(Pause("bob", "an incident", account.clock()))
        elif how == "exempt":
            permission = Exemption("*", NOW + 9999, "bob", "a honeypot")
            account.permit(Place(NAME, ACCOUNT, REGION, web), permission)
        else:
            account.mode(NAME, event=how, sweep="observe")
        account.clock.forward(61)
        account.deliver(event, "first")
        assert open_ports(account, web) == [22]
        assert statuses(account) == [status]

    def test_a_guardrail_that_is_switched_off_does_not_finish_what_it_began(
        self, account: TestAccount, web: str
    ) -> None:
        event = group.breach(account, web)
        with wrong(account, "RevokeSecurityGroupIngress", "throttle"), pytest.raises(AwsError, match="Throttling"):
            account.deliver(event, "first")
        account.mode(NAME, event="off", sweep="off")
        account.clock.forward(61)
        account.deliver(event, "first")
        account.sweep(NAME)
        assert open_ports(account, web) == [22]

    def test_a_pause_that_is_set_during_a_sweep_stops_the_rest_of_it(self, account: TestAccount) -> None:
        account.mode(NAME)
        for one in groups(account, 3):
            group.breach(account, one)
        pause = Pause("bob", "stop!", NOW)
        with meanwhile(account, "RevokeSecurityGroupIngress", lambda: account.journal.set_pause(pause)):
            account.sweep(NAME)
        assert sorted(statuses(account)) == ["fixed", "held", "held"]

    def test_a_pause_that_is_prolonged_still_lets_go_in_the_end(self, account: TestAccount, web: str) -> None:
        account.mode(NAME, sweep="off")
        account.journal.set_pause(Pause("bob", "an incident", NOW, NOW + 600))
        account.deliver(group.breach(account, web))
        account.clock.forward(300)
        account.journal.set_pause(Pause("bob", "an incident", NOW, NOW + 1200))
        for _ in range(14):
            account.clock.forward(60)
            look_again(account)
        assert account.clock() < NOW + 1200
        assert statuses(account) == ["held"]
        account.clock.forward(61)
        look_again(account)
        assert open_ports(account, web) == []
        assert statuses(account) == ["fixed"]

    def test_what_had_to_be_asked_about_is_still_asked_about_after_a_promotion(self, account: TestAccount) -> None:
        account.mode(acl.NAME, event="observe", sweep="off")
        resource = acl.build(account)
        account.client("ec2").replace_network_acl_entry(
            NetworkAclId=resource, RuleNumber=105, PortRange=acl.SSH, **acl.WORLD
        )
        request = {
            "networkAclId": resource, "ruleNumber": 105, "egress": False, "ruleAction": "allow",
            "cidrBlock": "0.0.0.0/0", "aclProtocol": "6", "portRange": {"from": 22, "to": 22},
        }  # fmt: skip
        event = cloudtrail("ec2:ReplaceNetworkAclEntry", request, {"_return": True})
        [finding] = account.deliver(event)
        assert finding.status == "observed"
        account.mode(acl.NAME)
        before = acl.state(account, resource)
        account.deliver(event)
        account.sweep(acl.NAME)
        assert acl.state(account, resource) == before


class TestLimits:
    def test_hold_for_what_a_pause_has_held(self, account: TestAccount) -> None:
        account.set(limits=Limits(resources_per_ten_minutes=2))
        account.journal.set_pause(Pause("bob", "an incident", NOW))
        for one in groups(account, 5):
            account.deliver(group.breach(account, one))
        look_again(account, findings=commands.resume(account.journal, account.ours, account.command("resume")))
        assert sorted(statuses(account)) == ["asked"] * 3 + ["fixed"] * 2

    def test_hold_for_what_was_only_observed(self, account: TestAccount) -> None:
        account.set(limits=Limits(resources_per_ten_minutes=2))
        account.mode(NAME, event="observe", sweep="observe")
        for one in groups(account, 5):
            account.deliver(group.breach(account, one))
        account.mode(NAME)
        account.sweep(NAME)
        assert sorted(statuses(account)) == ["asked"] * 3 + ["fixed"] * 2

    def test_count_the_rules_of_one_call_as_one_fix(self, account: TestAccount, web: str) -> None:
        ports, items = (22, 3306, 3389, 5432), []
        for port in ports:
            account.client("ec2").authorize_security_group_ingress(GroupId=web, IpPermissions=[world(port)])
            ranges = {"items": [{"cidrIp": "0.0.0.0/0"}]}
            items.append({"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": ranges})
        request = {"groupId": web, "ipPermissions": {"items": items}}
        account.deliver(cloudtrail("ec2:AuthorizeSecurityGroupIngress", request, {}))
        assert len(ports) > account.settings.limits.same_resource_per_hour
        assert statuses(account) == ["fixed"] * len(ports)


class TestLostNotices:
    """The function is killed before its notice is sent: the retry sends it."""

    @pytest.mark.parametrize(("mode", "status"), [("enforce", "fixed"), ("approve", "asked")])
    def test_of_a_sweep(self, account: TestAccount, web: str, mode: str, status: str) -> None:
        account.mode(NAME, sweep=mode)
        group.breach(account, web)
        with wrong(account, "SendMessageBatch", "crash before"), pytest.raises(Crash):
            account.sweep(NAME, "r")
        account.clock.forward(61)
        account.sweep(NAME, "r")
        assert told(account) == [status]

    def test_of_what_is_no_longer_so(self, account: TestAccount, web: str) -> None:
        account.mode(NAME, event="approve", sweep="approve")
        account.deliver(group.breach(account, web))
        account.notices()
        close(account, web)
        other = harmless(account, web)
        with wrong(account, "SendMessageBatch", "crash before"), pytest.raises(Crash):
            account.deliver(other, "r")
        account.deliver(other, "r")
        assert told(account) == ["gone"]

    def test_of_a_fix_that_another_event_finished(self, account: TestAccount, web: str) -> None:
        first = group.breach(account, web)
        with wrong(account, "RevokeSecurityGroupIngress", "crash before"), pytest.raises(Crash):
            account.deliver(first, "a")
        account.clock.forward(61)
        other = harmless(account, web)
        with wrong(account, "SendMessageBatch", "crash before"), pytest.raises(Crash):
            account.deliver(other, "b")
        account.clock.forward(61)
        account.deliver(other, "b")
        assert told(account) == ["fixed"]


class TestUndosThatAreStuck:
    def test_one_that_never_ends_is_over_with_its_permission(self, account: TestAccount, web: str) -> None:
        account.mode(NAME)
        [finding] = account.deliver(group.breach(account, web))
        command = account.ask("undo", finding, 600)
        with wrong(account, "AuthorizeSecurityGroupIngress", "throttle"):
            for _ in range(3):
                with pytest.raises(AwsError, match="Throttling"):
                    account.obey(command, "r")
                account.clock.forward(61)
        account.clock.forward(86400)
        account.deliver(group.breach(account, web))
        account.sweep(NAME)
        assert open_ports(account, web) == []
        assert statuses(account)[-1] == "fixed"

    def test_one_whose_resource_goes_meanwhile_is_refused_and_closed(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        command = account.ask("undo", finding, 600)
        with wrong(account, "AuthorizeSecurityGroupIngress", "crash before"), pytest.raises(Crash):
            account.obey(command, "r")
        account.client("ec2").delete_security_group(GroupId=web)
        account.clock.forward(61)
        answered = account.obey(command, "r")
        assert (answered.status, answered.answer) == ("refused", f"{web} is gone")
        assert statuses(account) == ["fixed"]

    def test_one_whose_resource_is_made_anew_does_not_shield_it(self, account: TestAccount) -> None:
        account.mode(policy.NAME)
        bucket = policy.build(account)
        [finding] = account.deliver(policy.breach(account, bucket))
        command = account.ask("undo", finding, 600)
        with wrong(account, "PutBucketPolicy", "crash before"), pytest.raises(Crash):
            account.obey(command, "r")
        s3 = account.client("s3")
        s3.delete_bucket_policy(Bucket=bucket)
        s3.delete_bucket(Bucket=bucket)
        account.clock.forward(61)
        assert account.obey(command, "r").status == "refused"
        policy.build(account)
        account.clock.forward(86400)
        policy.breach(account, bucket)
        account.sweep(policy.NAME)
        assert statuses(account) == ["fixed", "fixed"]

    def test_one_that_is_taken_up_again_does_not_overwrite_what_came_meanwhile(self, account: TestAccount) -> None:
        account.mode(policy.NAME)
        bucket = policy.build(account)
        [finding] = account.deliver(policy.breach(account, bucket))
        command = account.ask("undo", finding)
        with wrong(account, "PutBucketPolicy", "crash before"), pytest.raises(Crash):
            account.obey(command, "r")
        carols = policy.policy(policy.PARTNER, policy.TLS)
        account.client("s3").put_bucket_policy(Bucket=bucket, Policy=carols)
        account.clock.forward(61)
        answered = account.obey(command, "r")
        assert answered.status == "refused"
        assert "has changed since the fix" in answered.answer
        assert policy.state(account, bucket) == carols

    @pytest.mark.parametrize("code", ["RulesPerSecurityGroupLimitExceeded", "LimitExceeded"])
    def test_a_quota_is_nothing_that_passes(self, code: str) -> None:
        assert not AwsError("ec2:AuthorizeSecurityGroupIngress", code, "no more").transient

    @pytest.mark.parametrize("code", ["RequestLimitExceeded", "ThrottlingException", "ReadTimeout"])
    def test_a_throttle_is(self, code: str) -> None:
        assert AwsError("ec2:AuthorizeSecurityGroupIngress", code, "slow down").transient


class TestLateAndWrongCommands:
    def test_one_whose_time_is_over_is_refused(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        command = account.ask("undo", finding, 60)
        account.clock.forward(3600)
        answered = account.obey(command)
        assert answered.status == "refused"
        assert "that is over" in answered.answer
        assert open_ports(account, web) == []

    def test_one_that_reaches_another_services_function_is_refused(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        command = account.ask("undo", finding)
        with pytest.raises(BadEvent, match="is not run by this function"):
            obeying.carry_out(account.pipeline("s3"), command.id, "r")
        assert open_ports(account, web) == []
        assert account.obey(command).answer == "undone"

    def test_what_another_event_notes_is_not_a_status_that_is_over(self, account: TestAccount, web: str) -> None:
        account.mode(NAME, event="approve", sweep="approve")
        [finding] = account.deliver(group.breach(account, web))
        command = account.ask("exempt", finding)
        with meanwhile(account, "UpdateItem", lambda: account.obey(command)):
            account.deliver(harmless(account, web))
        [finding] = account.findings()
        assert [step.status for step in finding.history] == ["asked", "exempted"]
        assert finding.status == "exempted"


class TestStaleReads:
    """Something is read, then it changes, then it is acted upon."""

    @pytest.mark.parametrize("mode", ["approve", "enforce"])
    def test_a_sweep_opens_no_finding_for_what_an_event_has_fixed(
        self, account: TestAccount, web: str, mode: str
    ) -> None:
        account.mode(NAME, sweep=mode)
        event = group.breach(account, web)
        with meanwhile(account, "BatchGetItem", lambda: account.deliver(event)):
            account.sweep(NAME)
        assert [(finding.status, finding.origin) for finding in account.findings()] == [("fixed", "event")]

    def test_a_sweep_does_not_take_away_what_was_put_after_an_events_fix(self, account: TestAccount) -> None:
        account.mode(policy.NAME)
        bucket = policy.build(account)
        event = policy.breach(account, bucket)
        carols = policy.policy(policy.PARTNER)

        def fixed_and_put_right() -> None:
            account.deliver(event)
            account.client("s3").put_bucket_policy(Bucket=bucket, Policy=carols)

        with meanwhile(account, "BatchGetItem", fixed_and_put_right):
            account.sweep(policy.NAME)
        assert policy.state(account, bucket) == carols

    def test_a_sweep_reads_each_resource_when_its_turn_comes(self, account: TestAccount) -> None:
        account.mode(policy.NAME)
        s3 = account.client("s3")
        for bucket in ("aaa-bucket", "bbb-bucket"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            downloads = {**policy.DOWNLOADS, "Resource": f"arn:aws:s3:::{bucket}/*"}
            s3.put_bucket_policy(Bucket=bucket, Policy=policy.policy(downloads, policy.TLS))
        carols = policy.policy(policy.PARTNER)
        with meanwhile(account, "TransactWriteItems", lambda: s3.put_bucket_policy(Bucket="bbb-bucket", Policy=carols)):
            account.sweep(policy.NAME)
        assert policy.state(account, "bbb-bucket") == carols
        assert [finding.violation.resource for finding in account.findings()] == ["aaa-bucket"]

    def test_a_sweep_that_is_killed_while_reading_has_fixed_what_it_read(self, account: TestAccount) -> None:
        account.mode(NAME)
        made = list(groups(account, 4))
        for one in made:
            group.breach(account, one)
        reads: set[int] = set()

        def killed(number: int, made: Made) -> Fault | None:
            # The default group is read as well.
            if made.operation == "DescribeSecurityGroupRules":
                reads.add(number)
            return "crash before" if len(reads) == 5 else None

        account.wire.fail(killed)
        with pytest.raises(Crash):
            account.sweep(NAME)
        account.wire.calm()
        assert statuses(account) == ["fixed"] * 3
        assert [open_ports(account, one) for one in made].count([]) == 3

    def test_a_lease_outlasts_the_calls_of_a_fix(self) -> None:
        # botocore's Config takes its options by keyword, which no type tells.
        config: Any = CONFIG
        one = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
        assert 2 * one < LEASE
        assert LEASE < 60, "Lambda waits a minute before it delivers again"


class TestWhoIsBlamed:
    """Whoever is handled first: the event that brought a violation has it fixed, and its actor is named."""

    def test_not_the_event_that_only_came_by(self, account: TestAccount, web: str) -> None:
        bad, other = group.breach(account, web), harmless(account, web)
        account.deliver(other)
        [finding] = account.deliver(bad)
        assert open_ports(account, web) == []
        assert (finding.status, finding.origin, finding.event_id) == ("fixed", "event", bad["detail"]["eventID"])

    def test_not_the_sweep_that_was_faster(self, account: TestAccount, web: str) -> None:
        bad = group.breach(account, web)
        account.sweep(NAME)
        [finding] = account.deliver(bad)
        assert open_ports(account, web) == []
        assert finding.actor is not None
        assert (finding.origin, finding.actor.who) == ("event", "alice")

    def test_not_a_repeat_of_the_call_before(self, account: TestAccount, web: str) -> None:
        old = group.breach(account, web)
        account.deliver(old)
        account.clock.forward(120)
        new = group.breach(account, web)
        account.deliver(old)
        account.deliver(new)
        assert open_ports(account, web) == []
        assert account.findings()[-1].event_id == new["detail"]["eventID"]

    def test_not_who_was_asked_about_before_it_was_closed_and_brought_again(
        self, account: TestAccount, web: str
    ) -> None:
        group.breach(account, web)
        account.sweep(NAME)
        close(account, web)
        account.clock.forward(86400)
        again = group.breach(account, web)
        account.deliver(again)
        assert open_ports(account, web) == []
        assert account.findings()[-1].event_id == again["detail"]["eventID"]

    def test_not_the_actor_of_an_older_call_that_is_delivered_late(self, account: TestAccount, web: str) -> None:
        account.set(limits=Limits(same_resource_per_hour=9))
        first = group.breach(account, web)
        account.deliver(first)
        account.clock.forward(60)
        account.deliver(group.breach(account, web))
        account.clock.forward(60)
        third = group.breach(account, web)
        third["detail"]["userIdentity"] = {**ALICE, "userName": "mallory"}
        account.deliver(first)
        last = account.deliver(third)[-1]
        assert last.actor is not None
        assert (last.actor.who, last.status) == ("mallory", "fixed")

    def test_nobody_for_what_stands_when_a_permission_ends(self, account: TestAccount, web: str) -> None:
        account.mode(NAME)
        [finding] = account.deliver(group.breach(account, web))
        account.undo(finding, 600)
        close(account, web)
        account.client("ec2").authorize_security_group_ingress(GroupId=web, IpPermissions=[world()])
        account.clock.forward(601)
        look_again(account)
        last = account.findings()[-1]
        assert last.id != finding.id
        assert (last.status, last.actor) == ("fixed", None)

    def test_nobody_by_an_event_that_wakes_a_guardrail_and_names_nothing(self, account: TestAccount) -> None:
        with pytest.raises(BadEvent, match="names no resource"):
            account.deliver(cloudtrail("ec2:AuthorizeSecurityGroupIngress"))


class TestRepetitionWithoutEnd:
    def not_yet(self, account: TestAccount, times: int) -> Finding:
        """The finding about an instance that cannot be changed, however often that is tried."""
        event = rds.breach(account, rds.build(account))
        with wrong(account, "ModifyDBInstance", "not yet"):
            account.deliver(event)
            for _ in range(times):
                account.clock.forward(LATER + 1)
                look_again(account, "rds")
        [finding] = account.findings()
        return finding

    def test_what_is_not_possible_yet_is_not_told_at_every_try(self, account: TestAccount) -> None:
        finding = self.not_yet(account, 10)
        notices = account.notices()
        assert notices[0].status == "held"
        assert len({notice.key for notice in notices}) <= 2
        assert len(finding.history) <= 3

    def test_what_is_not_possible_yet_is_tried_for_as_long_as_patience_lasts(self, account: TestAccount) -> None:
        assert self.not_yet(account, 10).status == "held"

    def test_a_sweep_that_fails_every_hour_fills_neither_channel_nor_journal(
        self, account: TestAccount, web: str
    ) -> None:
        account.mode(NAME)
        group.breach(account, web)
        with wrong(account, "RevokeSecurityGroupIngress", "deny"):
            for _ in range(24):
                with pytest.raises(ParapetError, match="AccessDenied"):
                    account.sweep(NAME)
                account.clock.forward(3600)
        [finding] = account.findings()
        assert [step.status for step in finding.history] == ["fixing", "failed"]
        assert len({notice.key for notice in account.notices()}) == 1

    def test_a_denial_is_told_once_however_often_lambda_tries(self, account: TestAccount, web: str) -> None:
        event = group.breach(account, web)
        with wrong(account, "RevokeSecurityGroupIngress", "deny"):
            for _ in range(3):
                with pytest.raises(ParapetError, match="AccessDenied"):
                    account.deliver(event, "r")
                account.clock.forward(61)
        assert told(account) == ["failed"]

    def test_a_thread_that_is_told_for_years_stays_an_item_that_dynamodb_takes(self, account: TestAccount) -> None:
        threads = Threads(account.aws("notify"), TABLE)
        long = tuple(Told(f"failure:{number:036}", "1.0", NOW, "trouble", "x" * 150) for number in range(2000))
        assert len(json.dumps([one.line for one in long])) > 300_000
        last = Told("the last", "2.0", NOW, "trouble", "another one")
        threads.sent(Thread("t", told=long, attempts={last.key: NOW}), last, "C1", "1.0")
        thread = threads.read("t")
        assert len(thread.told) == REMEMBERED
        assert thread.told[-1] == last
        assert thread.has(long[-1].key)
        [item] = account.client("dynamodb").scan(TableName=TABLE)["Items"]
        assert len(json.dumps(item)) < 400_000


class TestPermissionsThatOverlap:
    def test_an_undo_that_fails_leaves_an_older_and_longer_one_alone(self, account: TestAccount, web: str) -> None:
        [finding] = account.deliver(group.breach(account, web))
        where, part = place(finding.violation), finding.violation.part
        carols = Exemption(part, NOW + 30 * 86400, "carol", "a migration")
        account.permit(where, carols)
        command = account.ask("undo", finding, 60)
        with wrong(account, "AuthorizeSecurityGroupIngress", "deny"):
            assert account.obey(command).status == "refused"
        assert account.journal.head(where).exemptions == {part: carols}

    def test_the_end_of_one_says_nothing_about_another_part(self, account: TestAccount, web: str) -> None:
        account.mode(NAME, sweep="off")
        # From before Parapet's time.
        account.client("ec2").authorize_security_group_ingress(GroupId=web, IpPermissions=[world(3389)])
        [finding] = account.deliver(group.breach(account, web))
        account.undo(finding, 600)
        account.clock.forward(601)
        look_again(account)
        assert open_ports(account, web) == [3389]

    def test_each_undo_ends_and_the_fix_comes_back_each_time(self, account: TestAccount, web: str) -> None:
        account.set(limits=Limits(same_resource_per_hour=9))
        account.deliver(group.breach(account, web))
        for _ in range(3):
            account.clock.forward(1)
            assert account.undo(account.findings()[-1], 600).answer == "undone"
            account.clock.forward(601)
            look_again(account)
            assert open_ports(account, web) == []

    def test_what_a_person_mended_while_it_was_permitted_is_gone_afterwards(
        self, account: TestAccount, web: str
    ) -> None:
        [finding] = account.deliver(group.breach(account, web))
        account.undo(finding, 600)
        close(account, web)
        account.clock.forward(601)
        look_again(account)
        assert statuses(account) == ["gone"]
        assert account.journal.due(account.clock()) == []


class TestWhatOnlyTheEventTells:
    """A key made for another user: no later look at the user shows who made it."""

    @pytest.fixture
    def user(self, account: TestAccount) -> str:
        account.mode(access_key.NAME)
        return access_key.build(account)

    def test_is_not_fixed_by_a_sweep_once_it_is_permitted(self, account: TestAccount, user: str) -> None:
        account.journal.set_pause(Pause("bob", "an incident", NOW))
        [finding] = account.deliver(access_key.breach(account, user))
        assert finding.status == "held"
        account.permit(place(finding.violation), Exemption("*", NOW + 9999, "bob", "agreed"))
        account.journal.lift_pause()
        keys = access_key.state(account, user)
        account.sweep(access_key.NAME)
        assert access_key.state(account, user) == keys

    def test_is_fixed_when_the_pause_that_held_it_ends(self, account: TestAccount, user: str) -> None:
        before = access_key.state(account, user)
        account.journal.set_pause(Pause("bob", "an incident", NOW))
        account.deliver(access_key.breach(account, user))
        look_again(account, "iam", commands.resume(account.journal, account.ours, account.command("resume")))
        assert access_key.state(account, user) == before
        assert statuses(account) == ["fixed"]

    def test_is_fixed_by_the_sweep_after_a_dead_invocation(self, account: TestAccount, user: str) -> None:
        before = access_key.state(account, user)
        event = access_key.breach(account, user)
        with wrong(account, "UpdateAccessKey", "crash before"), pytest.raises(Crash):
            account.deliver(event)
        account.clock.forward(3600)
        account.sweep(access_key.NAME)
        assert access_key.state(account, user) == before
        assert statuses(account) == ["fixed"]

    def test_is_fixed_again_when_its_permission_ends(self, account: TestAccount, user: str) -> None:
        before = access_key.state(account, user)
        [finding] = account.deliver(access_key.breach(account, user))
        assert account.undo(finding, 600).answer == "undone"
        assert access_key.state(account, user) != before
        account.clock.forward(601)
        look_again(account, "iam")
        assert access_key.state(account, user) == before


class TestSweptRegions:
    @pytest.fixture
    def far(self, account: TestAccount) -> str:
        """A group in another region that everyone reaches."""
        ec2 = account.client("ec2", ELSEWHERE)
        made = str(ec2.create_security_group(GroupName="far", Description="x")["GroupId"])
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[world()])
        return made

    @pytest.mark.parametrize(("regions", "count"), [((REGION, ELSEWHERE), 1), ((REGION,), 0)])
    def test_what_stands_in_one_is_found_and_fixed_there(
        self, account: TestAccount, far: str, regions: tuple[str, ...], count: int
    ) -> None:
        account.mode(NAME)
        account.set(swept=regions)
        account.pipeline("ec2").sweep(NAME, ACCOUNT, account.settings.swept, "r")
        found = [(one.violation.region, one.violation.resource, one.status) for one in account.findings()]
        assert found == [(ELSEWHERE, far, "fixed")] * count
        described = account.client("ec2", ELSEWHERE).describe_security_groups(GroupIds=[far])["SecurityGroups"]
        assert len(described[0]["IpPermissions"]) == 1 - count

    def test_are_those_that_are_configured(self, tmp_path: Path) -> None:
        file = tmp_path / "parapet.toml"
        file.write_text(f'[parapet]\nregions = ["{REGION}", "{ELSEWHERE}"]\n', "utf-8")
        assert load({}, registry.names(), registry.load(), file).swept == (REGION, ELSEWHERE)


class Asked:
    """AWS calls that are passed on, with the keys of every BatchGetItem kept."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.account, self.region = aws.account, aws.region
        self.keys: list[list[str]] = []

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        if operation == "batch_get_item":
            keys = [key for table in params["RequestItems"].values() for key in table["Keys"]]
            self.keys.append([json.dumps(key, sort_keys=True) for key in keys])
        return self._aws(service, operation, absent=absent, **params)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return self._aws.all(service, operation, key, **params)


class TestKeysOfOneLook:
    """DynamoDB refuses a BatchGetItem that names a key twice, which moto need not."""

    @pytest.mark.parametrize("scenario", FIXABLE, ids=named)
    def test_are_asked_for_once_each(self, account: TestAccount, scenario: Scenario) -> None:
        asked = Asked(account.aws(f"guard_{registry.service_of(scenario.guardrail)}"))
        account.aws = lambda *_: asked  # type: ignore[method-assign]
        account.mode(scenario.guardrail, event="approve", sweep="approve")
        account.deliver(scenario.breach(account, scenario.build(account)))
        account.sweep(scenario.guardrail)
        assert asked.keys
        for keys in asked.keys:
            assert len(keys) == len(set(keys))

    def test_are_asked_for_once_each_whatever_is_looked_for(self, account: TestAccount) -> None:
        asked = Asked(account.ours)
        where = Place(NAME, ACCOUNT, REGION, "sg-1")
        look = Journal(asked, TABLE).look([where, where], [NAME, NAME])
        assert list(look.heads) == [where]
        [keys] = asked.keys
        assert len(keys) == len(set(keys)) == 4
