"""What somebody has changed is taken back: asked for, asked about, approved, done, undone; or not offered, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import registry, reverting, reverts, settings
from chalicelib.events import parse
from chalicelib.ledger import frames
from chalicelib.model import AwsError, BadEvent
from chalicelib.section import SettingsError
from chalicelib.settings import Settings
from deploy import rights
from tests.account import TestAccount
from tests.functions import test_ledger as ledger
from tests.guardrails import test_ec2_security_group_changed as groups
from tests.guardrails import test_lambda_alias_changed as aliases
from tests.reverting import ON, Reverting
from tests.reverting import reverting as room_of
from tests.samples import cloudtrail
from tests.scenario import Scenario
from tests.scenarios import REVERTS

every = pytest.mark.parametrize("scenario", REVERTS, ids=lambda one: one.guardrail)


@pytest.fixture
def room(account: TestAccount) -> Iterator[Reverting]:
    with room_of(account) as one:
        yield one


def service(scenario: Scenario) -> str:
    return registry.service_of(scenario.guardrail)


def change_of(event: dict[str, Any]) -> str:
    return str(event["detail"]["eventID"])


@every
def test_a_change_is_taken_back_and_that_is_too(room: Reverting, scenario: Scenario) -> None:
    resource, event = room.happen(scenario)
    broken, change = scenario.state(room.account, resource), change_of(event)
    status, offered = room.api.call("POST", f"/v1/changes/{change}/revert")
    assert (status, offered["change"], offered["guardrail"]) == (202, change, scenario.guardrail)
    assert offered["what"].endswith("again")
    [finding] = room.wake(service(scenario), change=change)
    assert (finding.status, finding.violation.resource, finding.event_id) == ("asked", resource, change)
    assert finding.actor is not None
    assert finding.actor.who == "alice"
    assert scenario.state(room.account, resource) == broken, "nothing is done before somebody approves"
    [notice] = room.account.notices()
    assert {"approve", "reject"} <= set(notice.actions)
    # Asked twice is asked once.
    assert [one.id for one in room.wake(service(scenario), change=change)] == [finding.id]
    assert room.decide(finding) == "fixed"
    innocent = scenario.state(room.account, resource)
    assert innocent != broken
    assert room.decide(room.account.findings()[0], "undo") == "undone"
    assert scenario.state(room.account, resource) == broken, "the undo is exact"


@every
def test_what_has_changed_since_is_left_alone(room: Reverting, scenario: Scenario) -> None:
    resource, event = room.happen(scenario)
    [finding] = room.wake(service(scenario), change=change_of(event))
    if service(scenario) == "ec2":
        open_ = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": groups.OFFICE}]}
        room.account.client("ec2").authorize_security_group_ingress(GroupId=resource, IpPermissions=[open_])
    elif service(scenario) == "ecs":
        scenario.breach(room.account, resource)
    else:
        room.account.client("lambda").update_alias(FunctionName="checkout", Name="live", FunctionVersion="1")
    meanwhile = scenario.state(room.account, resource)
    assert "has changed since this was found" in room.decide(finding)
    assert scenario.state(room.account, resource) == meanwhile
    assert [one.status for one in room.account.findings()] == ["gone"]
    assert [one.status for one in room.wake(service(scenario), change=change_of(event))] == ["gone"]


def test_what_is_rejected_is_not_asked_again(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    [finding] = room.wake("ec2", change=change_of(event))
    assert room.decide(finding, "reject") == "rejected"
    assert [one.status for one in room.wake("ec2", change=change_of(event))] == ["rejected"]


def test_nobody_approves_what_takes_their_own_change_back_where_four_eyes_are_wanted(account: TestAccount) -> None:
    with room_of(account, f"{ON}[commands]\nfour_eyes = true\n") as room:
        _, event = room.happen(groups.SCENARIO)
        [finding] = room.wake("ec2", change=change_of(event))
        status, told = room.api.call("POST", f"/v1/findings/{finding.id}/approve")
        assert (status, "somebody else must decide" in told["detail"]) == (409, True)


class TestNotOffered:
    def test_while_it_is_off(self, account: TestAccount) -> None:
        with room_of(account, "") as room:
            _, event = room.happen(groups.SCENARIO)
            told = room.api.error(409, "POST", f"/v1/changes/{change_of(event)}/revert")
            assert 'mode = "approve" under [guardrails.ec2_security_group_changed]' in told
            # Whoever wakes the function all the same has no right to look.
            with pytest.raises(AwsError, match="AccessDenied"):
                room.wake("ec2", change=change_of(event))

    def test_what_nobody_knows_how_to_take_back(self, room: Reverting) -> None:
        change = room.keep(cloudtrail("s3:DeleteBucket", {"bucketName": "shop-logs"}))
        assert "does not know how" in room.api.error(409, "POST", f"/v1/changes/{change}/revert")
        with pytest.raises(BadEvent, match="does not have what it takes"):
            room.wake("ec2", change=change)

    def test_what_is_not_certain(self, room: Reverting) -> None:
        change = room.keep(groups.asked("RevokeSecurityGroupIngress", groups.BY_ID))
        assert "by their ids alone" in room.api.error(409, "POST", f"/v1/changes/{change}/revert")
        with pytest.raises(BadEvent, match="by their ids alone"):
            room.wake("ec2", change=change)

    def test_what_is_no_id(self, room: Reverting) -> None:
        assert "is no change's id" in room.api.error(404, "POST", "/v1/changes/a%20b/revert")

    def test_a_call_that_failed(self, room: Reverting) -> None:
        change = room.keep(groups.asked("RevokeSecurityGroupIngress", groups.by_value("sg-1", 443), error="Denied"))
        assert "does not know how" in room.api.error(409, "POST", f"/v1/changes/{change}/revert")


class TestWhereAnAliasWas:
    def offer(self, room: Reverting, change: str) -> reverting.Offer:
        on = frozenset(one.guardrail for one in REVERTS)
        return reverting.offer(room.book, room.account.journal, on, change)

    def test_says_the_call_before_it(self, room: Reverting) -> None:
        room.keep(aliases.moved("4", name="CreateAlias20150331"), 9000)
        room.keep(aliases.moved("5"), 7200)
        change = room.keep(aliases.moved("6"))
        assert self.offer(room, change).what == "point checkout:live to version 5 again"

    def test_nobody_knows_without_one(self, room: Reverting) -> None:
        assert "the ledger does not tell" in self.offer(room, room.keep(aliases.moved("6"))).why

    def test_nobody_knows_of_two_in_the_same_second(self, room: Reverting) -> None:
        room.keep(aliases.moved("5"), 60)
        assert self.offer(room, room.keep(aliases.moved("6"), 60)).why

    def test_is_not_what_another_alias_was(self, room: Reverting) -> None:
        other = json.loads(json.dumps(aliases.moved("4")).replace(":live", ":beta"))
        room.keep(other, 3600)
        assert self.offer(room, room.keep(aliases.moved("6"))).why

    def test_is_not_told_where_parapet_has_moved_it_in_between(self, room: Reverting) -> None:
        _, event = room.happen(aliases.SCENARIO)
        [finding] = room.wake("lambda", change=change_of(event))
        assert room.decide(finding) == "fixed"
        # From 2, where Parapet has put it, although the last that the ledger has is 3.
        room.account.clock.forward(300)
        change = room.keep(aliases.moved("1"), 10)
        assert "Parapet itself" in self.offer(room, change).why


class TestWhatTheLedgerKeeps:
    def test_is_what_guardrails_take_back(self) -> None:
        wanted = {
            (trigger.source, trigger.name): rail.name
            for rail in registry.load()
            for trigger in rail.on
            if trigger.detail_type == registry.REVERT
        }
        assert wanted == {key: one.guardrail for key, one in frames.CALLS.items() if one.guardrail}
        assert {rail.name for rail in reverting.rails()} == set(wanted.values())

    def test_is_nothing_else_of_a_call(self) -> None:
        event = cloudtrail(
            "ecs:UpdateService", {"service": "web", "cluster": "shop", "serviceConnectConfiguration": {"a": "b"}},
            {"service": {"serviceArn": "a", "events": [{"message": "m"}], "deployments": [{"id": "d", "status": "s"}]}},
        )  # fmt: skip
        kept = frames.kept(event)
        assert kept is not None
        assert kept["detail"]["requestParameters"] == {"service": "web", "cluster": "shop"}
        assert kept["detail"]["responseElements"] == {"service": {"serviceArn": "a", "deployments": [{"status": "s"}]}}
        assert "accessKeyId" not in json.dumps(kept)

    def test_is_not_too_much(self) -> None:
        request = groups.by_value("sg-1", *range(1000, 1400))
        assert frames.kept(cloudtrail("ec2:RevokeSecurityGroupIngress", request)) is None

    def test_is_asked_for_by_what_it_is(self) -> None:
        event = groups.asked("RevokeSecurityGroupIngress", groups.by_value("sg-1", 443))
        kept = frames.kept(event)
        assert kept is not None
        assert reverts.sorry(parse(kept)) == ""

    def test_is_kept_by_the_function(self, room: Reverting) -> None:
        frame = cloudtrail("ec2:RevokeSecurityGroupIngress", groups.by_value("sg-1", 443))
        with ledger.keeping(room.account):
            assert ledger.invoke(room.account, frame, cloudtrail("s3:DeleteBucket", {"bucketName": "b"})) == []
        kept = room.book.frame(change_of(frame))
        assert kept is not None
        assert kept["detail"]["requestParameters"] == groups.by_value("sg-1", 443)
        [change] = room.book.between(0, 9e9, action="RevokeSecurityGroupIngress").changes
        assert change.id == change_of(frame), "and it is found as every other is"


class TestSettings:
    def test_take_no_change_back_unasked(self, tmp_path: Any) -> None:
        file = tmp_path / "parapet.toml"
        file.write_text('[guardrails.ec2_security_group_changed]\nmode = "enforce"\n', "utf-8")
        with pytest.raises(SettingsError, match="takes no change back unasked: approve"):
            settings.load({"PARAPET_SETTINGS": str(file)}, registry.names(), reverting.rails())

    @pytest.mark.parametrize("mode", ["enforce", "approve", "observe"])
    def test_turn_none_on_by_the_way(self, mode: Any) -> None:
        assert reverting.on(Settings(default_mode=mode)) == frozenset()

    @every
    def test_bring_rights_only_with_what_is_on(self, scenario: Scenario) -> None:
        name, function = scenario.guardrail, f"guard_{service(scenario)}"
        off, on = (
            {one["Sid"] for one in rights.policies(Settings(guardrails=given))[function]["Statement"]}
            for given in ({}, {name: {"mode": {"event": "approve", "sweep": "approve"}}})
        )
        assert ("Changed" in off, "Changed" in on) == (False, True)
