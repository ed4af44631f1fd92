"""What somebody has changed is taken back: asked for, asked about, approved, done, undone; or not offered, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import items, records, registry, reverting, reverts, settings
from chalicelib.events import parse
from chalicelib.ledger import frames
from chalicelib.ledger.book import Book
from chalicelib.model import AwsError, BadEvent, Scope, Waiver
from chalicelib.section import SettingsError
from chalicelib.settings import Settings
from deploy import rights
from tests.account import TABLE, TestAccount
from tests.functions import test_ledger as ledger
from tests.guardrails import test_ec2_security_group_changed as groups
from tests.guardrails import test_ecs_service_changed as deployments
from tests.guardrails import test_ecs_service_resized as sizes
from tests.guardrails import test_ecs_service_saturated as saturated
from tests.guardrails import test_iam_policy_changed as policies
from tests.guardrails import test_lambda_alias_changed as aliases
from tests.guardrails import test_s3_bucket_policy_changed as buckets
from tests.guardrails.test_s3_bucket_policy_public import OFFICE, TLS
from tests.recorded import BUCKET
from tests.reverting import ON, Reverting
from tests.reverting import reverting as room_of
from tests.samples import ACCOUNT, cloudtrail
from tests.scenario import Scenario
from tests.scenarios import REVERTS

every = pytest.mark.parametrize("scenario", REVERTS, ids=lambda one: one.guardrail)


@pytest.fixture
def room(account: TestAccount) -> Iterator[Reverting]:
    with room_of(account) as one:
        yield one


def service(scenario: Scenario) -> str:
    return registry.service_of(scenario.guardrail)


def offer_of(room: Reverting, change: str) -> reverting.Offer:
    on = reverting.Terms(frozenset(one.guardrail for one in REVERTS))
    return reverting.offer(room.book, room.account.journal, on, change, room.account.clock())


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
    room.account.notices()
    assert room.decide(finding) == "fixed"
    innocent = scenario.state(room.account, resource)
    assert innocent != broken
    # Asked for once more when it has been done, nobody is told twice.
    assert [one.status for one in room.wake(service(scenario), change=change)] == ["fixed"]
    assert [one.status for one in room.account.notices()] == ["fixed"]
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
    elif service(scenario) == "iam":
        room.account.client("iam").set_default_policy_version(PolicyArn=resource, VersionId="v3")
    elif service(scenario) == "s3":
        room.account.client("s3").put_bucket_policy(Bucket=resource, Policy=buckets.text(TLS))
    elif service(scenario) == "autoscaling":
        room.account.client("autoscaling").set_desired_capacity(AutoScalingGroupName=resource, DesiredCapacity=3)
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


def test_an_undo_lets_that_one_change_stand_and_no_other(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    change = change_of(event)
    [finding] = room.wake("ec2", change=change)
    assert room.decide(finding) == "fixed"
    assert room.decide(room.account.findings()[0], "undo") == "undone"
    told = room.api.error(409, "POST", f"/v1/changes/{change}/revert")
    assert "alice has permitted it until" in told
    assert [one.status for one in room.wake("ec2", change=change)] == ["undone"]
    room.account.clock.forward(300)
    # The same rules, by another call.
    again = json.loads(json.dumps(event).replace(change, "00000000-0000-4000-8000-00000000feed"))
    other = room.keep(again)
    assert room.api.call("POST", f"/v1/changes/{other}/revert")[0] == 202
    first, second = room.wake("ec2", change=other)
    assert (first.status, second.status, second.event_id) == ("undone", "asked", other)
    assert room.decide(second) == "fixed"


def test_who_has_permitted_the_part_on_purpose_is_named(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    [finding] = room.wake("ec2", change=change_of(event))
    assert room.decide(finding, "exempt") == "exempted"
    room.account.clock.forward(300)
    other = room.keep(json.loads(json.dumps(event).replace(change_of(event), "00000000-0000-4000-8000-00000000feed")))
    told = room.api.error(409, "POST", f"/v1/changes/{other}/revert")
    assert "alice has permitted it until" in told
    assert "it broke the shop" in told
    assert [one.status for one in room.wake("ec2", change=other)] == ["exempted"]


@pytest.mark.parametrize(("four_eyes", "by", "status"), [(0, "alice", 409), (1, "alice", 202), (1, "bob", 409)])
def test_a_waiver_that_covers_it_is_named_unless_it_is_of_whoever_made_the_change(
    account: TestAccount, four_eyes: int, by: str, status: int
) -> None:
    people = "".join(f'[people.{one}]\naws = ["arn:aws:iam::{ACCOUNT}:user/{one}"]\n' for one in ("alice", "bob"))
    with room_of(account, f"{ON}[commands]\nfour_eyes = {str(bool(four_eyes)).lower()}\n{people}") as room:
        _, event = room.happen(groups.SCENARIO)
        now, scope = account.clock(), Scope(guardrail=groups.NAME, resource="sg-*")
        given = Waiver("0123456789abcdef", scope, now + 900, by, "m", now, f"arn:aws:iam::{ACCOUNT}:user/{by}")
        item = {"pk": "EXEMPTIONS", "sk": "EXEMPTIONS", f"waiver {given.id}": records.waiver_record(given)}
        account.client("dynamodb").put_item(TableName=TABLE, Item=items.item(item))
        code, told = room.api.call("POST", f"/v1/changes/{change_of(event)}/revert")
        assert (code, f"waiver {given.id} of {by} covers it until" in str(told)) == (status, status == 409)


def test_who_has_rejected_it_is_named(room: Reverting) -> None:
    _, event = room.happen(groups.SCENARIO)
    [finding] = room.wake("ec2", change=change_of(event))
    assert room.decide(finding, "reject") == "rejected"
    assert "alice has rejected that" in room.api.error(409, "POST", f"/v1/changes/{change_of(event)}/revert")


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
        assert "the ledger has no such change" in room.api.error(404, "POST", "/v1/changes/nope/revert")

    def test_a_call_that_failed(self, room: Reverting) -> None:
        change = room.keep(groups.asked("RevokeSecurityGroupIngress", groups.by_value("sg-1", 443), error="Denied"))
        assert "it failed (Denied), and changed nothing" in room.api.error(409, "POST", f"/v1/changes/{change}/revert")


class TestWhereAnAliasWas:
    def test_says_the_call_before_it(self, room: Reverting) -> None:
        room.keep(aliases.moved("4", name="CreateAlias20150331"), 9000)
        room.keep(aliases.moved("5"), 7200)
        change = room.keep(aliases.moved("6"))
        assert offer_of(room, change).what == "point checkout:live to version 5 again"

    def test_nobody_knows_without_one(self, room: Reverting) -> None:
        assert "the ledger does not tell" in offer_of(room, room.keep(aliases.moved("6"))).why

    def test_nobody_knows_of_two_in_the_same_second(self, room: Reverting) -> None:
        room.keep(aliases.moved("5"), 60)
        assert offer_of(room, room.keep(aliases.moved("6"), 60)).why

    def test_is_not_what_another_alias_was(self, room: Reverting) -> None:
        other = json.loads(json.dumps(aliases.moved("4")).replace(":live", ":beta"))
        room.keep(other, 3600)
        assert offer_of(room, room.keep(aliases.moved("6"))).why

    def test_is_not_told_where_parapet_has_moved_it_in_between(self, room: Reverting) -> None:
        _, event = room.happen(aliases.SCENARIO)
        [finding] = room.wake("lambda", change=change_of(event))
        assert room.decide(finding) == "fixed"
        # From 2, where Parapet has put it, although the last that the ledger has is 3.
        room.account.clock.forward(300)
        change = room.keep(aliases.moved("1"), 10)
        assert "Parapet itself" in offer_of(room, change).why


class TestWhichVersionCounted:
    def test_says_the_call_before_that_changed_it(self, room: Reverting) -> None:
        room.keep(policies.created(), 9000)
        room.keep(policies.chosen("v2"), 7200)
        room.keep(policies.made("v3", default=False), 3600)
        change = room.keep(policies.chosen("v3"))
        assert offer_of(room, change).what == "have v2 of policy orders count again"

    def test_nobody_knows_without_one(self, room: Reverting) -> None:
        room.keep(json.loads(json.dumps(policies.created()).replace("/shop/", "/blog/")), 3600)
        assert "the ledger does not tell" in offer_of(room, room.keep(policies.chosen("v3"))).why

    def test_is_not_told_where_parapet_has_changed_it_in_between(self, room: Reverting) -> None:
        _, event = room.happen(policies.SCENARIO)
        [finding] = room.wake("iam", change=change_of(event))
        assert room.decide(finding) == "fixed"
        room.account.clock.forward(300)
        assert "Parapet itself" in offer_of(room, room.keep(policies.chosen("v3"), 10)).why


class TestWhichPolicyABucketHad:
    def test_says_the_call_before_it(self, room: Reverting) -> None:
        room.keep(buckets.created(), 9000)
        first = room.keep(buckets.put(OFFICE), 7200)
        assert offer_of(room, first).what == f"leave without a policy bucket {BUCKET} again"
        change = room.keep(buckets.put(TLS))
        assert offer_of(room, change).what == f"give back the policy before to bucket {BUCKET} again"

    def test_nobody_knows_without_one_or_with_one_that_was_too_long(self, room: Reverting) -> None:
        room.keep(buckets.created(), 9000)
        room.keep(buckets.put(*([OFFICE] * 200)), 7200)
        assert "the ledger does not tell" in offer_of(room, room.keep(buckets.put(TLS))).why

    def test_is_not_told_where_parapet_has_changed_it_in_between(self, room: Reverting) -> None:
        _, event = room.happen(buckets.SCENARIO)
        [finding] = room.wake("s3", change=change_of(event))
        assert room.decide(finding) == "fixed"
        room.account.clock.forward(300)
        assert "Parapet itself" in offer_of(room, room.keep(buckets.put(TLS), 10)).why


class TestHowManyTasksAServiceWanted:
    def test_says_the_call_before_it_also_one_that_set_no_count(self, room: Reverting) -> None:
        room.keep(sizes.created(4), 9000)
        first = room.keep(sizes.sized(6), 7200)
        assert offer_of(room, first).what == "have service shop/cart want 4 tasks again"
        room.keep(sizes.sized(None, told=5, taskDefinition="cart:7"), 3600)
        change = offer_of(room, room.keep(sizes.sized(9)))
        assert (change.guardrail, change.what) == (sizes.NAME, "have service shop/cart want 5 tasks again")

    @pytest.mark.parametrize("cluster", [None, "shop", "arn:aws:ecs:eu-west-1:123456789012:cluster/shop"])
    @pytest.mark.parametrize("service", ["cart", sizes.ARN])
    def test_is_found_however_the_calls_name_the_service(
        self, room: Reverting, cluster: str | None, service: str
    ) -> None:
        room.keep(sizes.sized(4), 3600)
        assert offer_of(room, room.keep(sizes.sized(6, cluster=cluster, service=service))).what

    def test_nobody_knows_without_one_or_with_another_clusters(self, room: Reverting) -> None:
        room.keep(json.loads(json.dumps(sizes.sized(4)).replace("shop/cart", "test/cart")), 3600)
        assert "the ledger does not tell" in offer_of(room, room.keep(sizes.sized(6))).why

    def test_nobody_knows_of_two_in_the_same_second(self, room: Reverting) -> None:
        room.keep(sizes.sized(4), 60)
        assert offer_of(room, room.keep(sizes.sized(6), 60)).why

    def test_is_not_told_where_parapet_has_changed_the_service_in_between(self, room: Reverting) -> None:
        _, event = room.happen(sizes.SCENARIO)
        [finding] = room.wake("ecs", change=change_of(event))
        assert room.decide(finding) == "fixed"
        room.account.clock.forward(300)
        assert "Parapet itself" in offer_of(room, room.keep(sizes.sized(9), 10)).why

    def test_is_left_where_the_call_deployed_something_too(self, room: Reverting) -> None:
        room.keep(sizes.sized(4), 3600)
        change = room.keep(sizes.sized(6, taskDefinition="cart:7", ran=("cart:7", "cart:6")))
        offer = offer_of(room, change)
        assert offer.guardrail == deployments.NAME
        assert offer.what == "deploy cart:6 again, and leave the desired count as it set it"

    def test_is_not_looked_up_for_a_deployment_which_tells_itself_what_ran(
        self, room: Reverting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        change = room.keep(sizes.sized(6, taskDefinition="cart:7", ran=("cart:7", "cart:6")))
        monkeypatch.delattr(Book, "between")
        assert offer_of(room, change).guardrail == deployments.NAME

    def test_is_offered_where_the_call_named_what_ran_already(self, room: Reverting) -> None:
        room.keep(sizes.sized(4), 3600)
        offer = offer_of(room, room.keep(sizes.sized(6, taskDefinition="cart:7", ran=("cart:7",))))
        assert (offer.guardrail, offer.why) == (sizes.NAME, "")

    def test_is_not_asked_about_where_it_scales_by_itself(self, room: Reverting) -> None:
        resource, event = room.happen(sizes.SCENARIO)
        saturated.limited(room.account, resource)
        with pytest.raises(reverts.Uncertain, match="by its scalable target"):
            room.wake("ecs", change=change_of(event))
        assert room.account.findings() == []

    def test_is_refused_where_it_scales_by_itself_once_asked(self, room: Reverting) -> None:
        resource, event = room.happen(sizes.SCENARIO)
        [finding] = room.wake("ecs", change=change_of(event))
        saturated.limited(room.account, resource)
        assert "has changed since this was found" in room.decide(finding)
        assert sizes.wanted(room.account, resource) == 5


class TestWhyNothingIsKnownOfIt:
    def test_is_that_nobody_knows_how(self, room: Reverting) -> None:
        change = room.keep(cloudtrail("lambda:UpdateFunctionCode", {"functionName": "checkout"}))
        assert offer_of(room, change).why == "Parapet does not know how to take this back (UpdateFunctionCode)"

    def test_is_that_too_little_was_kept(self, room: Reverting) -> None:
        request = groups.by_value("sg-1", *range(1000, 1400))
        change = room.keep(cloudtrail("ec2:RevokeSecurityGroupIngress", request))
        assert offer_of(room, change).why.startswith("the ledger has too little of it: its record was too long")


class TestWhatTheLedgerKeeps:
    def test_is_what_guardrails_take_back(self) -> None:
        wanted = {
            (trigger.source, trigger.name, rail.name)
            for rail in registry.load()
            for trigger in rail.on
            if trigger.detail_type == registry.REVERT
        }
        assert wanted == {(*key, name) for key, one in frames.CALLS.items() for name in one.guardrails}
        assert {rail.name for rail in reverting.rails()} == {name for _, _, name in wanted}

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
        assert reverting.terms(Settings(default_mode=mode)).on == frozenset()

    @every
    def test_bring_rights_only_with_what_is_on(self, scenario: Scenario) -> None:
        name, function = scenario.guardrail, f"guard_{service(scenario)}"
        off, on = (
            {one["Sid"] for one in rights.policies(Settings(guardrails=given))[function]["Statement"]}
            for given in ({}, {name: {"mode": {"event": "approve", "sweep": "approve"}}})
        )
        assert ("Changed" in off, "Changed" in on) == (False, True)
