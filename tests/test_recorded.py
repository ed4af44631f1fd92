"""What version 1 wrote into the journal goes on working: undo, approvals, permissions, commands, threads.

`recorded/journal-v1.json` is the journal's table as the code of commit 33eebb8 left it, with the events that led there,
the thread that it began in Slack, and the notices that were still waiting in the outbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import commands, items, obeying, pages, records
from chalicelib.model import RECORDS, Finding
from chalicelib.notices import outbox
from chalicelib.notices.slack import Slack
from chalicelib.notices.threads import Threads
from chalicelib.records import Newer
from chalicelib.secrets import Kept
from local.slack import SlackStandIn
from tests.account import NOW, TABLE, TestAccount
from tests.guardrails import test_ec2_security_group_open as groups
from tests.guardrails import test_iam_admin_policy_attached as administrators
from tests.guardrails import test_s3_bucket_policy_public as policies
from tests.guardrails import test_s3_bucket_unblocked as blocks
from tests.notices.serving import serving

FILE = Path(__file__).parent / "recorded" / "journal-v1.json"
RECORDED = json.loads(FILE.read_text("utf-8"))
# As version 1 left them: whose port 22 stands open.
OPEN = {"failed", "held", "undone"}
WEEK = 7 * 86400.0


class Upgraded:
    """An account after the upgrade: its resources as they were, and the journal that version 1 wrote."""

    def __init__(self, account: TestAccount) -> None:
        self.account = account
        self.groups: dict[str, str] = {}
        text = FILE.read_text("utf-8")
        for name, old in RECORDED["groups"].items():
            made = account.client("ec2").create_security_group(GroupName=name, Description="x")
            self.groups[name] = made["GroupId"]
            text = text.replace(old["id"], made["GroupId"])
            if name in OPEN:
                event = groups.SCENARIO.breach(account, made["GroupId"])
                rule = event["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]["securityGroupRuleId"]
                text = text.replace(old["rule"], rule)
        blocks.SCENARIO.build(account)
        administrators.SCENARIO.breach(account, administrators.SCENARIO.build(account))
        self.document = json.loads(text)
        for item in self.document["items"]:
            account.client("dynamodb").put_item(TableName=TABLE, Item=item)
        account.clock.at = self.document["clock"] + 60

    def finding(self, name: str) -> Finding:
        """One of the recorded findings, as the journal has it now."""
        found = self.account.journal.get(self.document["findings"][name])
        assert found is not None
        return found

    def event(self, name: str) -> dict[str, Any]:
        """The event that led to a finding."""
        found: dict[str, Any] = self.document["events"][name]
        return found

    def open(self, name: str) -> bool:
        """Whether port 22 of a group stands open to the world."""
        return "0.0.0.0/0" in str(groups.SCENARIO.state(self.account, self.groups[name]))

    def edit(self, kind: str, name: str, **changes: Any) -> None:
        """Change an item behind Parapet's back."""
        key = {"pk": {"S": f"{kind}#{name}"}, "sk": {"S": kind}}
        table = self.account.client("dynamodb")
        item = table.get_item(TableName=TABLE, Key=key)["Item"]
        table.put_item(TableName=TABLE, Item={**item, **items.item(changes)})

    def head(self, name: str) -> str:
        """The key of the head that a group's findings have."""
        return f"ec2_security_group_open#123456789012#eu-west-1#{self.groups[name]}"


@pytest.fixture
def upgraded(account: TestAccount) -> Upgraded:
    return Upgraded(account)


def test_every_recorded_finding_is_read(upgraded: Upgraded) -> None:
    found = {finding.id: finding for finding in upgraded.account.findings()}
    assert {name: found[id_].status for name, id_ in upgraded.document["findings"].items()} == {
        "fixed": "fixed", "undone": "undone", "pending": "fixed", "failed": "failed", "dying": "fixing",
        "unblocked": "fixed", "asked": "asked", "exempted": "exempted", "held": "held",
    }  # fmt: skip
    assert {finding.version for finding in found.values()} == {1}
    for item in upgraded.document["items"]:
        if item["sk"]["S"] == "FINDING":
            raw = items.values(item)
            assert records.finding_record(records.finding(raw)) == raw


def test_every_recorded_finding_is_listed(upgraded: Upgraded) -> None:
    page = pages.read(upgraded.account.aws("api_handler"), TABLE, pages.Wanted(NOW - 100, NOW + 1000), 50, None)
    assert {finding.id for finding in page.findings} == set(upgraded.document["findings"].values())


class TestAnUndo:
    def test_takes_a_recorded_fix_back(self, upgraded: Upgraded) -> None:
        answer = upgraded.account.undo(upgraded.finding("fixed"))
        assert (answer.status, answer.answer) == ("done", "undone")
        assert upgraded.open("fixed")
        assert upgraded.finding("fixed").status == "undone"
        [rule] = upgraded.account.client("ec2").describe_security_groups(GroupIds=[upgraded.groups["fixed"]])[
            "SecurityGroups"
        ][0]["IpPermissions"]
        assert rule["IpRanges"] == [{"CidrIp": "0.0.0.0/0", "Description": "just for a minute"}]

    def test_of_a_bucket_takes_its_recorded_fix_back(self, upgraded: Upgraded) -> None:
        assert upgraded.account.undo(upgraded.finding("unblocked")).status == "done"
        assert upgraded.finding("unblocked").status == "undone"

    def test_is_refused_when_the_resource_has_changed_since(self, upgraded: Upgraded) -> None:
        groups.SCENARIO.breach(upgraded.account, upgraded.groups["fixed"])
        answer = upgraded.account.undo(upgraded.finding("fixed"))
        assert (answer.status, answer.answer) == ("refused", "it is already as it was before the fix")

    def test_that_was_asked_for_and_not_answered_is_carried_out_once(self, upgraded: Upgraded) -> None:
        command = upgraded.account.journal.command(upgraded.document["commands"]["pending"])
        assert command is not None
        assert command.status == "asked"
        assert upgraded.account.obey(command).status == "done"
        assert upgraded.open("pending")
        finding = upgraded.finding("pending")
        upgraded.account.wire.reset()
        assert upgraded.account.obey(command).status == "done"
        assert upgraded.finding("pending") == finding
        assert [made.name for made in upgraded.account.wire.calls if made.service == "ec2"] == []

    def test_that_was_answered_is_not_carried_out_again(self, upgraded: Upgraded) -> None:
        command = upgraded.account.journal.command(upgraded.document["commands"]["answered"])
        assert command is not None
        assert (command.status, command.answer) == ("done", "undone")
        upgraded.account.wire.reset()
        before = upgraded.finding("undone")
        upgraded.account.obey(command)
        assert upgraded.finding("undone") == before
        assert [made.name for made in upgraded.account.wire.calls if made.service == "ec2"] == []


class TestAnOpenApproval:
    def test_is_still_asked_and_joined_by_what_comes(self, upgraded: Upgraded) -> None:
        upgraded.account.journal.lift_pause()
        count = len(upgraded.account.findings())
        upgraded.account.sweep("iam_admin_policy_attached")
        assert len(upgraded.account.findings()) == count
        assert upgraded.finding("asked").status == "asked"

    def test_told_again_under_the_same_key(self, upgraded: Upgraded) -> None:
        upgraded.account.deliver(upgraded.event("asked"))
        keys = {outbox.load(body).key for body in upgraded.document["outbox"]}
        assert {notice.key for notice in upgraded.account.notices()} <= keys

    def test_can_be_permitted(self, upgraded: Upgraded) -> None:
        answer = upgraded.account.obey(upgraded.account.ask("exempt", upgraded.finding("asked")))
        assert answer.status == "done"
        assert upgraded.finding("asked").status == "exempted"


class TestAPermission:
    def test_of_an_undo_holds_until_its_end(self, upgraded: Upgraded) -> None:
        upgraded.account.journal.lift_pause()
        upgraded.account.deliver(upgraded.event("undone"))
        upgraded.account.sweep("ec2_security_group_open")
        assert upgraded.open("undone")
        assert upgraded.finding("undone").status == "undone"

    def test_of_an_undo_ends_and_the_fix_comes_back(self, upgraded: Upgraded) -> None:
        upgraded.account.journal.lift_pause()
        upgraded.account.clock.forward(3600)
        assert upgraded.finding("undone") in upgraded.account.journal.due(upgraded.account.clock())
        upgraded.account.pipeline("ec2").look_again(upgraded.finding("undone").id, upgraded.account.request())
        assert not upgraded.open("undone")

    def test_of_a_bucket_holds_for_its_week_and_ends(self, upgraded: Upgraded) -> None:
        upgraded.account.journal.lift_pause()
        policies.SCENARIO.breach(upgraded.account, "example-bucket")
        count = len(upgraded.account.findings())
        upgraded.account.sweep("s3_bucket_policy_public")
        assert upgraded.finding("exempted").status == "exempted"
        assert len(upgraded.account.findings()) == count
        upgraded.account.clock.forward(WEEK)
        upgraded.account.pipeline("s3").look_again(upgraded.finding("exempted").id, upgraded.account.request())
        assert (upgraded.account.findings()[-1].violation, upgraded.account.findings()[-1].status) == (
            upgraded.finding("exempted").violation, "asked",
        )  # fmt: skip


class TestThePause:
    def test_is_still_on(self, upgraded: Upgraded) -> None:
        [pause] = upgraded.account.journal.pauses()
        assert (pause.who, pause.why) == ("bob", "a migration")
        new = groups.SCENARIO.build(upgraded.account)
        upgraded.account.deliver(groups.SCENARIO.breach(upgraded.account, new))
        [held] = upgraded.account.journal.by_resource(new)
        assert held.status == "held"

    def test_lifted_what_it_held_is_fixed(self, upgraded: Upgraded) -> None:
        account = upgraded.account
        held = commands.resume(account.journal, account.ours, account.command("resume"))
        assert [finding.id for finding in held] == [upgraded.document["findings"]["held"]]
        upgraded.account.pipeline("ec2").look_again(held[0].id, upgraded.account.request())
        assert upgraded.finding("held").status == "fixed"
        assert not upgraded.open("held")


class TestWhatWasNotFinished:
    def test_a_fix_whose_function_died_is_recorded_and_not_made_twice(self, upgraded: Upgraded) -> None:
        upgraded.account.deliver(upgraded.event("dying"), "request-of-the-dying")
        finding = upgraded.finding("dying")
        assert finding.status == "fixed"
        made = [made.name for made in upgraded.account.wire.calls]
        assert "ec2:RevokeSecurityGroupIngress" not in made

    def test_a_fix_that_failed_is_made_once_it_is_possible(self, upgraded: Upgraded) -> None:
        upgraded.account.journal.lift_pause()
        upgraded.account.deliver(upgraded.event("failed"))
        assert upgraded.finding("failed").status == "fixed"
        assert not upgraded.open("failed")

    def test_the_limits_go_on_counting(self, upgraded: Upgraded) -> None:
        upgraded.account.journal.lift_pause()
        # Four groups were fixed within these ten minutes, and the one that failed counts too.
        limits = upgraded.account.settings.limits
        upgraded.account.set(limits=type(limits)(resources_per_ten_minutes=5))
        new = groups.SCENARIO.build(upgraded.account)
        upgraded.account.deliver(groups.SCENARIO.breach(upgraded.account, new))
        [found] = upgraded.account.journal.by_resource(new)
        assert found.status == "asked"


class TestAThread:
    @pytest.fixture
    def slack(self, upgraded: Upgraded) -> Iterator[tuple[SlackStandIn, Slack]]:
        there = SlackStandIn(token="xoxb-synthetic-token-1")
        there.messages = [(channel, message) for channel, message in upgraded.document["slack"]]
        client = upgraded.account.client
        client("ssm").put_parameter(Name="/parapet/slack-token", Value="xoxb-synthetic-token-1", Type="SecureString")
        token = Kept(client, "/parapet/slack-token", "Slack's bot token")
        with serving(there) as url:
            threads = Threads(upgraded.account.aws("notify"), TABLE)
            yield there, Slack(token, threads, "#parapet", url=f"{url}/api/", timeout=1, sleep=lambda _seconds: None)

    def test_goes_on(self, upgraded: Upgraded, slack: tuple[SlackStandIn, Slack]) -> None:
        there, us = slack
        [before] = there.threads()
        upgraded.account.undo(upgraded.finding("fixed"))
        [undone] = [notice for notice in upgraded.account.notices() if notice.finding == upgraded.finding("fixed").id]
        assert us.tell(undone, lambda: 30.0).kind == "sent"
        [after] = there.threads()
        assert after["ts"] == before["ts"]
        assert len(after["replies"]) == 1

    def test_does_not_tell_again_what_it_told(self, upgraded: Upgraded, slack: tuple[SlackStandIn, Slack]) -> None:
        there, us = slack
        upgraded.account.deliver(upgraded.event("fixed"))
        [again] = [notice for notice in upgraded.account.notices() if notice.finding == upgraded.finding("fixed").id]
        assert us.tell(again, lambda: 30.0).kind == "known"
        assert [thread["replies"] for thread in there.threads()] == [[]]

    def test_takes_what_was_waiting_in_the_outbox(self, upgraded: Upgraded, slack: tuple[SlackStandIn, Slack]) -> None:
        there, us = slack
        for body in upgraded.document["outbox"]:
            assert us.tell(outbox.load(body), lambda: 30.0).kind == "sent"
        told = {thread["metadata"]["event_payload"]["thread"] for thread in there.threads()}
        assert told == set(upgraded.document["findings"].values()) - {upgraded.document["findings"]["dying"]}


class TestANewerVersion:
    """After a rollback the journal holds what the version that was taken back wrote."""

    def test_of_a_finding_is_refused(self, upgraded: Upgraded) -> None:
        name = upgraded.finding("fixed").id
        upgraded.edit("FINDING", name, version=RECORDS + 1)
        text = (
            f"finding {name} was written by a newer version of Parapet \\(version 2 of its record, and this one knows 1"
        )
        with pytest.raises(Newer, match=text):
            upgraded.finding("fixed")

    @pytest.mark.parametrize("change", [{"silenced": 1}, {"status": "silenced"}])
    def test_of_a_head_is_refused_and_nothing_is_fixed(self, upgraded: Upgraded, change: dict[str, Any]) -> None:
        upgraded.account.journal.lift_pause()
        part = "open tcp 22-22 0.0.0.0/0"
        raw = next(one for one in upgraded.document["items"] if one["pk"]["S"] == f"HEAD#{upgraded.head('failed')}")
        upgraded.edit("HEAD", upgraded.head("failed"), **{part: {**items.values(raw)[part], **change}})
        with pytest.raises(
            Newer, match=r"a head was written by a newer version of Parapet .*silenced.*deploy that one"
        ):
            upgraded.account.deliver(upgraded.event("failed"))
        assert upgraded.open("failed")

    def test_of_a_permission_is_refused(self, upgraded: Upgraded) -> None:
        upgraded.account.journal.lift_pause()
        permission = {"part": "*", "until": 1.0, "who": "x", "why": "y", "channel": "z"}
        upgraded.edit("HEAD", upgraded.head("failed"), **{"exempt *": permission})
        with pytest.raises(Newer, match=r"a permission .* \(it has channel\)"):
            upgraded.account.deliver(upgraded.event("failed"))
        assert upgraded.open("failed")

    @pytest.mark.parametrize("change", [{"channel": "x"}, {"status": "postponed"}])
    def test_of_a_command_is_refused(self, upgraded: Upgraded, change: dict[str, Any]) -> None:
        name = upgraded.document["commands"]["pending"]
        upgraded.edit("COMMAND", name, **change)
        with pytest.raises(Newer, match=f"command {name} was written by a newer version"):
            obeying.carry_out(upgraded.account.pipeline("ec2"), name, "request-9")
        assert not upgraded.open("pending")

    def test_of_a_thread_is_refused(self, upgraded: Upgraded) -> None:
        thread = upgraded.finding("fixed").id
        key = {"pk": {"S": f"THREAD#slack#{thread}"}, "sk": {"S": "THREAD"}}
        table = upgraded.account.client("dynamodb")
        item = items.values(table.get_item(TableName=TABLE, Key=key)["Item"])
        item["told"] = [{**one, "reactions": 1} for one in item["told"]]
        table.put_item(TableName=TABLE, Item=items.item(item))
        with pytest.raises(Newer, match=f"thread {thread} was written by a newer version of Parapet .*reactions"):
            Threads(upgraded.account.aws("notify"), TABLE).read(thread)

    def test_whatever_it_has_the_rest_goes_on(self, upgraded: Upgraded) -> None:
        upgraded.edit("FINDING", upgraded.finding("fixed").id, version=RECORDS + 1)
        assert upgraded.account.undo(upgraded.finding("unblocked")).status == "done"


def test_what_is_written_now_carries_its_version(account: TestAccount) -> None:
    [found] = account.deliver(groups.SCENARIO.breach(account, groups.SCENARIO.build(account)))
    raw = account.client("dynamodb").get_item(
        TableName=TABLE, Key={"pk": {"S": f"FINDING#{found.id}"}, "sk": {"S": "FINDING"}}
    )["Item"]
    assert raw["version"] == {"N": str(RECORDS)}
