"""What the journal and the account look like after events, repeats, sweeps, pauses, undos and fights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib import commands, obeying, registry
from chalicelib.events import parse
from chalicelib.journal import Place, place
from chalicelib.model import BadEvent, Busy, Exemption, ParapetError, Pause
from chalicelib.settings import Limits
from tests.account import NOW, TestAccount
from tests.guardrails import test_ec2_security_group_open as group
from tests.guardrails import test_rds_instance_public as rds
from tests.samples import ACCOUNT, REGION, assumed, cloudtrail
from tests.wire import Crash, Fault, Made

NAME = group.NAME


@pytest.fixture
def web(account: TestAccount) -> str:
    return group.build(account)


def test_the_journal_holds_everything_about_a_finding(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    [finding] = account.deliver(event)
    assert finding.violation.account == ACCOUNT
    assert finding.violation.region == REGION
    assert finding.violation.resource == web
    assert finding.violation.part == "tcp 22-22 0.0.0.0/0"
    assert finding.actor is not None
    assert (finding.actor.who, finding.actor.ip, finding.actor.tool) == ("alice", "198.51.100.7", "aws-cli/2.31.0")
    assert finding.event_id == event["detail"]["eventID"]
    assert finding.event_name == "AuthorizeSecurityGroupIngress"
    assert finding.before["IpRanges"] == [{"CidrIp": "0.0.0.0/0", "Description": "just for a minute"}]
    assert [c.operation for c in (*finding.fix, *finding.undo)] == [
        "revoke_security_group_ingress", "authorize_security_group_ingress",
    ]  # fmt: skip
    assert [step.status for step in finding.history] == ["fixing", "fixed"]
    assert finding.remediation_seconds == 1.0
    assert account.journal.by_resource(web) == [finding]
    assert account.journal.by_status("fixed") == [finding]
    assert account.journal.by_status("fixing") == []
    assert account.journal.by_time(NOW - 1, NOW + 1) == [finding]
    assert account.journal.by_time(NOW - 9, NOW - 5) == []


def test_a_benign_event_costs_its_reads_and_one_batch(account: TestAccount, web: str) -> None:
    event = group.authorise(
        account, web, IpProtocol="tcp", FromPort=8443, ToPort=8443, IpRanges=[{"CidrIp": group.OFFICE}]
    )
    account.wire.reset()
    account.pipeline("ec2").handle(parse(event), "r")
    assert [made.name for made in account.wire.calls] == ["ec2:DescribeSecurityGroupRules", "dynamodb:BatchGetItem"]


def test_a_finding_costs_two_reads_one_batch_two_writes_its_fix_and_one_send(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    account.wire.reset()
    account.pipeline("ec2").handle(parse(event), "r")
    assert [made.name for made in account.wire.calls] == [
        "ec2:DescribeSecurityGroupRules",
        "dynamodb:BatchGetItem",
        "ec2:DescribeSecurityGroups",
        "dynamodb:TransactWriteItems",
        "ec2:RevokeSecurityGroupIngress",
        "dynamodb:TransactWriteItems",
        "sqs:SendMessageBatch",
    ]


def test_several_rules_at_once_are_several_findings_without_a_second_look(account: TestAccount, web: str) -> None:
    ec2 = account.client("ec2")
    permissions = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        for port in (22, 3306, 3389)
    ]
    for permission in permissions:
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[permission])
    items = [
        {
            "ipProtocol": "tcp",
            "fromPort": permission["FromPort"],
            "toPort": permission["ToPort"],
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
        }
        for permission in permissions
    ]
    event = cloudtrail("ec2:AuthorizeSecurityGroupIngress", {"groupId": web, "ipPermissions": {"items": items}}, {})
    account.set(limits=Limits(same_resource_per_hour=9))
    account.wire.reset()
    findings = account.deliver(event)
    assert [finding.status for finding in findings] == ["fixed"] * 3
    assert sum(made.operation == "BatchGetItem" for made in account.wire.calls) == 1


def test_a_repeat_changes_nothing_and_tells_nothing_new(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    account.deliver(event)
    before = account.findings()
    account.deliver(event)
    assert account.findings() == before
    assert len(account.notices()) == 1


def test_who_puts_it_back_opens_a_new_episode(account: TestAccount, web: str) -> None:
    account.deliver(group.breach(account, web))
    account.clock.forward(120)
    account.deliver(group.breach(account, web))
    first, second = account.findings()
    assert first.id != second.id
    assert first.violation == second.violation
    assert [first.status, second.status] == ["fixed", "fixed"]


def test_an_old_event_that_comes_again_does_not_fix_as_if_it_were_new(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    account.deliver(event)
    account.clock.forward(120)
    group.breach(account, web)
    account.deliver(event)
    assert [(f.status, f.origin) for f in account.findings()] == [("fixed", "event"), ("asked", "sweep")]


def test_sweeps_and_other_events_join_an_open_finding(account: TestAccount, web: str) -> None:
    account.mode(NAME, event="approve", sweep="approve")
    account.deliver(group.breach(account, web))
    account.clock.forward(60)
    account.sweep(NAME)
    other = group.authorise(
        account, web, IpProtocol="tcp", FromPort=8443, ToPort=8443, IpRanges=[{"CidrIp": group.OFFICE}]
    )
    account.deliver(other)
    account.deliver(other)
    [finding] = account.findings()
    assert finding.status == "asked"
    assert [step.status for step in finding.history] == ["asked", "asked"]
    assert finding.history[1].note == f"again by event {other['detail']['eventID']}"
    assert len(account.notices()) == 1


def test_what_a_person_mends_is_closed_and_told(account: TestAccount, web: str) -> None:
    account.mode(NAME, event="approve")
    account.deliver(group.breach(account, web))
    world = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    account.client("ec2").revoke_security_group_ingress(GroupId=web, IpPermissions=[world])
    [finding] = account.sweep(NAME)
    assert finding.status == "gone"
    assert [notice.status for notice in account.notices()] == ["asked", "gone"]


def test_a_resource_that_is_deleted_closes_its_findings(account: TestAccount, web: str) -> None:
    account.mode(NAME, event="approve")
    event = group.breach(account, web)
    account.deliver(event)
    account.client("ec2").delete_security_group(GroupId=web)
    [finding] = account.sweep(NAME)
    assert finding.status == "gone"
    assert account.deliver(event) == account.findings()


@pytest.mark.parametrize(
    ("mode", "status"), [("off", None), ("observe", "observed"), ("approve", "asked"), ("enforce", "fixed")]
)
def test_modes(account: TestAccount, web: str, mode: str, status: str | None) -> None:
    account.mode(NAME, event=mode, sweep="off")
    event = group.breach(account, web)
    broken = group.state(account, web)
    findings = account.deliver(event)
    assert [finding.status for finding in findings] == ([status] if status else [])
    assert (group.state(account, web) == broken) is (mode != "enforce")
    assert len(account.notices()) == len(findings)


def test_off_means_not_even_read(account: TestAccount, web: str) -> None:
    account.mode(NAME, event="off", sweep="off")
    event = group.breach(account, web)
    account.wire.reset()
    account.pipeline("ec2").handle(parse(event), "r")
    account.pipeline("ec2").sweep(NAME, ACCOUNT, (REGION,), "r")
    assert account.wire.calls == []


def test_promoting_a_guardrail_takes_up_what_it_has_only_observed(account: TestAccount, web: str) -> None:
    account.mode(NAME, event="observe", sweep="observe")
    account.deliver(group.breach(account, web))
    account.mode(NAME)
    [finding] = account.sweep(NAME)
    assert [step.status for step in finding.history] == ["observed", "fixed"]


@pytest.mark.parametrize("until", [None, NOW + 600])
def test_a_pause_stops_fixing_and_not_telling_and_what_it_held_is_fixed_afterwards(
    account: TestAccount, web: str, until: float | None
) -> None:
    account.journal.set_pause(Pause("bob", "an incident", NOW, until))
    event = group.breach(account, web)
    broken = group.state(account, web)
    [finding] = account.deliver(event)
    assert finding.status == "held"
    assert group.state(account, web) == broken
    [notice] = account.notices()
    assert "paused by bob: an incident" in " ".join(notice.lines)
    assert account.sweep(NAME)[0].status == "held"
    if until:
        account.clock.forward(601)
        [held] = account.journal.due(account.clock())
    else:
        [held] = commands.resume(account.journal, account.ours, account.command("resume"))
    account.pipeline("ec2").look_again(held.id, "r")
    [finding] = account.findings()
    assert finding.status == "fixed"
    assert account.journal.due(account.clock()) == []


def test_a_pause_set_by_hand_in_the_console_counts(account: TestAccount, web: str) -> None:
    control = {"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}, "pause": {"S": "fire"}}
    account.client("dynamodb").put_item(TableName="parapet-test", Item=control)
    [finding] = account.deliver(group.breach(account, web))
    assert finding.status == "held"
    assert "somebody in the console: fire" in finding.history[0].note


def test_a_guardrail_that_fixes_too_many_resources_stops_and_asks(account: TestAccount) -> None:
    account.set(limits=Limits(resources_per_ten_minutes=2))
    groups = []
    for number in range(3):
        ec2 = account.client("ec2")
        groups.append(ec2.create_security_group(GroupName=f"g{number}", Description="x")["GroupId"])
        account.deliver(group.breach(account, groups[-1]))
        account.clock.forward(1)
    assert [finding.status for finding in account.findings()] == ["fixed", "fixed", "asked"]
    assert "asks from now on" in " ".join(account.notices()[-1].lines)
    account.clock.forward(600)
    new = account.client("ec2").create_security_group(GroupName="new", Description="x")["GroupId"]
    assert account.deliver(group.breach(account, new))[-1].status == "fixed"


def test_two_tools_do_not_fight_for_long(account: TestAccount, web: str) -> None:
    for _ in range(4):
        account.deliver(group.breach(account, web))
        account.clock.forward(60)
    assert [finding.status for finding in account.findings()] == ["fixed", "fixed", "fixed", "asked"]
    assert "puts it back" in " ".join(account.notices()[-1].lines)


def test_an_undo_is_respected_by_sweeps_and_events_until_it_ends(account: TestAccount, web: str) -> None:
    [finding] = account.deliver(group.breach(account, web))
    command = account.undo(finding, seconds=3600)
    assert (command.status, command.answer) == ("done", "undone")
    broken = group.state(account, web)
    account.clock.forward(60)
    other = group.authorise(
        account, web, IpProtocol="tcp", FromPort=3389, ToPort=3389, IpRanges=[{"CidrIp": "0.0.0.0/0"}]
    )
    account.deliver(other)
    account.sweep(NAME)
    assert group.state(account, web) == broken, "3389 is not what was permitted, 22 is"
    assert [f.status for f in account.findings()] == ["undone", "fixed"]
    account.clock.forward(3601)
    account.mode(NAME)
    account.sweep(NAME)
    assert [f.status for f in account.findings()] == ["undone", "fixed", "fixed"]


def test_an_undo_refuses_when_the_resource_has_drifted(account: TestAccount, web: str) -> None:
    [finding] = account.deliver(group.breach(account, web))
    account.notices()
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    described = {"CidrIp": "0.0.0.0/0", "Description": "another"}
    ec2 = account.client("ec2")
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[{**permission, "IpRanges": [described]}])
    drifted = group.state(account, web)
    command = account.undo(finding)
    assert command.status == "refused"
    assert "has changed since the fix" in command.answer
    assert group.state(account, web) == drifted
    [notice] = account.notices()
    assert "has changed since the fix" in " ".join(notice.lines)
    assert account.journal.head(place(finding.violation)).exemptions == {}


def test_an_undo_refuses_what_was_not_fixed_is_gone_or_is_not_the_latest(account: TestAccount, web: str) -> None:
    account.mode(NAME, event="approve")
    [asked] = account.deliver(group.breach(account, web))
    assert "only what was fixed can be undone" in account.undo(asked).answer
    account.mode(NAME)
    account.clock.forward(60)
    other = account.client("ec2").create_security_group(GroupName="other", Description="x")["GroupId"]
    first = account.deliver(group.breach(account, other))[-1]
    account.clock.forward(60)
    second = account.deliver(group.breach(account, other))[-1]
    assert second.id in account.undo(first).answer
    account.client("ec2").delete_security_group(GroupId=other)
    assert f"{other} is gone" in account.undo(second).answer


def test_an_undo_that_is_denied_leaves_the_fix_and_says_so(account: TestAccount, web: str) -> None:
    [finding] = account.deliver(group.breach(account, web))
    account.notices()
    fixed = group.state(account, web)
    command = account.ask("undo", finding)
    account.wire.fail(lambda _n, made: "deny" if made.operation == "AuthorizeSecurityGroupIngress" else None)
    answered = account.obey(command)
    account.wire.calm()
    assert account.obey(command) == answered
    assert answered.status == "refused"
    assert "ec2:AuthorizeSecurityGroupIngress answered AccessDenied" in answered.answer
    assert group.state(account, web) == fixed
    assert account.findings()[0].status == "fixed"
    assert account.journal.head(place(finding.violation)).exemptions == {}
    assert [notice.status for notice in account.notices()][:1] == ["fixed"]
    assert account.undo(account.findings()[0]).answer == "undone"


def test_a_command_is_carried_out_once(account: TestAccount, web: str) -> None:
    [finding] = account.deliver(group.breach(account, web))
    command = account.ask("undo", finding)
    account.obey(command)
    account.wire.reset()
    assert account.obey(command).answer == "undone"
    assert not [made for made in account.wire.calls if made.service == "ec2"]


def test_a_command_event_without_its_command_does_nothing(account: TestAccount) -> None:
    with pytest.raises(BadEvent, match="there is no command deadbeef"):
        obeying.carry_out(account.pipeline("ec2"), "deadbeef", "r")


def test_an_exemption_closes_a_standing_finding_until_it_ends(account: TestAccount, web: str) -> None:
    account.mode(NAME, event="approve", sweep="approve")
    [finding] = account.deliver(group.breach(account, web))
    assert account.obey(account.ask("exempt", finding, seconds=600)).answer == "exempted"
    account.sweep(NAME)
    assert [f.status for f in account.findings()] == ["exempted"]
    account.clock.forward(601)
    [due] = account.journal.due(account.clock())
    account.pipeline("ec2").look_again(due.id, "r")
    assert [f.status for f in account.findings()] == ["exempted", "asked"]


def test_a_whole_resource_can_be_exempted_before_anything_happens(account: TestAccount, web: str) -> None:
    where = Place(NAME, ACCOUNT, REGION, web)
    account.permit(where, Exemption("*", NOW + 60, "bob", "a honeypot"))
    event = group.breach(account, web)
    assert account.deliver(event) == []
    account.clock.forward(61)
    assert [f.status for f in account.deliver(event)] == ["fixed"]


def test_another_invocation_at_work_is_left_to_it(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    account.wire.fail(lambda n, made: "crash before" if made.operation == "RevokeSecurityGroupIngress" else None)
    with pytest.raises(Crash):
        account.deliver(event, "first")
    account.wire.calm()
    broken = group.state(account, web)
    with pytest.raises(Busy, match="is being handled"):
        account.deliver(event, "second")
    assert group.state(account, web) == broken
    [finding] = account.deliver(event, "first")
    assert finding.status == "fixed"


def test_the_sweep_takes_up_what_a_dead_invocation_left(account: TestAccount, web: str) -> None:
    account.wire.fail(lambda n, made: "crash before" if made.operation == "RevokeSecurityGroupIngress" else None)
    with pytest.raises(Crash):
        account.deliver(group.breach(account, web))
    account.wire.calm()
    account.clock.forward(3600)
    [finding] = account.sweep(NAME)
    assert finding.status == "fixed"
    assert finding.actor is not None


def test_what_changed_between_crash_and_retry_is_not_overwritten(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    account.wire.fail(lambda n, made: "crash before" if made.operation == "RevokeSecurityGroupIngress" else None)
    with pytest.raises(Crash):
        account.deliver(event, "first")
    account.wire.calm()
    ec2 = account.client("ec2")
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_ingress(GroupId=web, IpPermissions=[permission])
    account.deliver(event, "first")
    assert [finding.status for finding in account.findings()] == ["fixed"]
    assert not [m for m in account.wire.calls if m.operation == "RevokeSecurityGroupIngress" and m.done][1:]


@pytest.mark.parametrize(
    ("identity", "judged"),
    [
        (assumed("parapet-test-guard-ec2"), False),
        (assumed("parapet-test-guard-s3"), False),
        (assumed("parapet-prod-guard-ec2"), True),
        (assumed("parapet-test-guard-ec2-evil"), True),
        (assumed("deploy"), True),
        ({**assumed("parapet-test-guard-ec2"), "type": "IAMUser"}, True),
    ],
)
def test_only_our_own_roles_are_not_judged(account: TestAccount, web: str, identity: Any, judged: bool) -> None:
    event = group.breach(account, web)
    event["detail"]["userIdentity"] = identity
    assert bool(account.deliver(event)) is judged


def test_a_role_of_our_name_in_another_account_is_not_ours(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    identity = assumed("parapet-test-guard-ec2")
    issuer = identity["sessionContext"]["sessionIssuer"]
    issuer["arn"] = issuer["arn"].replace(ACCOUNT, "210987654321")
    event["detail"]["userIdentity"] = identity
    assert len(account.deliver(event)) == 1


@pytest.mark.parametrize(("field", "value"), [("account", "210987654321"), ("region", "eu-nowhere-9")])
def test_an_event_from_elsewhere_is_refused_by_name(account: TestAccount, web: str, field: str, value: str) -> None:
    event = {**group.breach(account, web), field: value}
    if field == "account":
        event["detail"]["recipientAccountId"] = value
    with pytest.raises(BadEvent, match=f"{value}.*not among the watched {field}s.*parapet.toml"):
        account.deliver(event)
    assert account.findings() == []


def test_one_subject_that_cannot_be_read_does_not_stop_the_others(account: TestAccount, web: str) -> None:
    group.breach(account, web)
    other = account.client("ec2").create_security_group(GroupName="other", Description="x")["GroupId"]
    group.breach(account, other)
    account.mode(NAME)
    reads: set[int] = set()

    def first_of_two(number: int, made: Made) -> Fault | None:
        # Reading a default group comes before both; only the first group with a rule of ours is denied.
        if made.operation == "DescribeSecurityGroupRules":
            reads.add(number)
        return "deny" if made.operation == "DescribeSecurityGroupRules" and len(reads) == 1 else None

    account.wire.fail(first_of_two)
    with pytest.raises(ParapetError, match="DescribeSecurityGroupRules answered AccessDenied"):
        account.sweep(NAME)
    account.wire.calm()
    assert len(reads) == 3
    assert account.findings()
    assert {finding.status for finding in account.findings()} == {"fixed"}


def test_if_the_controls_cannot_be_read_nothing_is_fixed(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    broken = group.state(account, web)
    account.wire.fail(lambda n, made: "deny" if made.operation == "BatchGetItem" else None)
    with pytest.raises(ParapetError, match="BatchGetItem"):
        account.deliver(event)
    account.wire.calm()
    assert group.state(account, web) == broken
    assert account.findings() == []


def test_a_missing_table_is_named(account: TestAccount, web: str) -> None:
    event = group.breach(account, web)
    account.client("dynamodb").delete_table(TableName="parapet-test")
    with pytest.raises(ParapetError, match="dynamodb:BatchGetItem answered ResourceNotFoundException"):
        account.pipeline("ec2").handle(parse(event), "r")


def test_what_cannot_be_changed_yet_is_held_and_tried_again(account: TestAccount) -> None:
    public = rds.SCENARIO
    name = public.build(account)
    innocent = public.state(account, name)
    event = public.breach(account, name)
    account.wire.fail(lambda n, made: "not yet" if made.operation == "ModifyDBInstance" else None)
    [finding] = account.deliver(event)
    assert finding.status == "held"
    assert "tried again in 2 min" in " ".join(account.notices()[-1].lines)
    account.clock.forward(121)
    [due] = account.journal.due(account.clock())
    account.pipeline("rds").look_again(due.id, "r1")
    assert account.findings()[0].status == "held"
    account.wire.calm()
    account.clock.forward(121)
    [due] = account.journal.due(account.clock())
    account.pipeline("rds").look_again(due.id, "r2")
    assert account.findings()[0].status == "fixed"
    assert account.journal.due(account.clock()) == []
    assert public.state(account, name) == innocent


def test_a_guardrail_that_finds_no_name_in_the_event_does_not_stop_the_others(account: TestAccount, web: str) -> None:
    rail = registry.get(NAME)
    blind = replace(rail, on=dict.fromkeys(rail.on, "requestParameters.nowhere"))
    pipeline = account.pipeline("ec2")
    pipeline.rails = (blind, rail)
    event = group.breach(account, web)
    with pytest.raises(BadEvent, match=r"names no resource at requestParameters\.nowhere"):
        pipeline.handle(parse(event), "r")
    assert [finding.status for finding in account.findings()] == ["fixed"]


def test_what_a_version_without_the_guardrail_finds_due_is_told_once(account: TestAccount, web: str) -> None:
    [finding] = account.deliver(group.breach(account, web))
    account.undo(finding, 60)
    account.clock.forward(61)
    [due] = account.journal.due(account.clock())
    older = account.pipeline("ec2")
    older.rails = [rail for rail in older.rails if rail.name != due.violation.guardrail]
    with pytest.raises(BadEvent, match="'ec2_security_group_open' is not run by this function"):
        older.look_again(due.id, account.request())
    assert account.journal.due(account.clock()) == []
