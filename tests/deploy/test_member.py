"""What members get: rules that forward the guardrails' events and nothing else, and roles for our functions alone."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from chalicelib import registry
from chalicelib.aws import Clients, Keys
from chalicelib.registry import PATTERN_LENGTH
from chalicelib.settings import Settings, member_role, role_name
from deploy import actions, member, rights
from local.iam.trust import Caller, Trust
from local.patterns import matches
from tests.deploy.deployed import of as deployed
from tests.recorded import recorded
from tests.samples import ACCOUNT, REGION, cloudtrail

HUB, HOME, ELSEWHERE = "210987654321", REGION, "us-east-1"
ORGANISATION, EXTERNAL_ID = "o-exampleorg00", "an-external-id"
ROOT = Path(__file__).parent.parent.parent
WHOLE = member.template(Settings(stage="test"))
RESOURCES: Mapping[str, Any] = WHOLE["Resources"]
SERVICES = registry.services()
# What only alarms wake, no event of another account wakes.
FORWARDED = [service for service in SERVICES if registry.calls(service)]
# What the change ledger keeps.
KEPT = ("ledger-calls", "ledger-told")
PARAMETERS = {
    "Stage": "test", "HubAccount": HUB, "HubRegion": HOME, "OrganizationId": ORGANISATION, "ExternalId": EXTERNAL_ID,
}  # fmt: skip
KNOWN = {**PARAMETERS, "AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": ELSEWHERE}


def of(kind: str) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == f"AWS::{kind}"}


def policy(service: str) -> list[dict[str, Any]]:
    [inline] = RESOURCES[f"{service.capitalize()}Role"]["Properties"].get("Policies") or [{}]
    return list(inline.get("PolicyDocument", {"Statement": []})["Statement"])


def compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def lint(folder: Path, template: Mapping[str, Any]) -> str:
    file = folder / "template.json"
    file.write_text(json.dumps(template), "utf-8")
    command = [str(ROOT / ".venv" / "bin" / "cfn-lint"), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout + done.stderr


class TestTemplate:
    def test_passes_cfn_lint(self, tmp_path: Path) -> None:
        assert lint(tmp_path, WHOLE) == ""

    def test_of_the_hub_passes_cfn_lint(self, tmp_path: Path) -> None:
        parameters = {name: {"Type": "String", "Default": ""} for name in ("Stage", "OrganizationId")}
        found = lint(tmp_path, {"AWSTemplateFormatVersion": "2010-09-09", "Parameters": parameters, **member.hub()})
        assert found == ""

    def test_fits_into_a_call(self) -> None:
        assert len(json.dumps(WHOLE, indent=1)) <= 51_200, "CloudFormation's limit for a template in a call"

    @pytest.mark.parametrize(
        ("account", "region", "made"),
        [
            (ACCOUNT, ELSEWHERE, {"forwards", "serves"}),
            (ACCOUNT, HOME, {"forwards"}),
            (HUB, ELSEWHERE, {"forwards"}),
            (HUB, HOME, set()),
        ],
    )
    def test_makes_what_an_account_and_region_need(self, account: str, region: str, made: set[str]) -> None:
        with mock_aws():
            there = Stack(account, region)
            forwards, serves = bool("forwards" in made), bool("serves" in made)
            assert there.rules == (
                {f"parapet-test-forward-{one}" for one in (*FORWARDED, *KEPT)} if forwards else set()
            )
            assert there.queues == ({"parapet-test-member-dead-letters"} if forwards else set())
            roles = {f"parapet-test-member-forward-{region}"} if forwards else set()
            assert there.roles == roles | ({member_role("test", one) for one in SERVICES} if serves else set())

    def test_can_be_in_several_regions_of_an_account(self) -> None:
        with mock_aws():
            stacks = [Stack(ACCOUNT, region) for region in (HOME, ELSEWHERE, "eu-central-1")]
            assert all(len(there.rules) == len(FORWARDED) + len(KEPT) for there in stacks)


class Stack:
    """The members' template, created in moto."""

    def __init__(self, account: str, region: str) -> None:
        session: Any = botocore.session.Session()
        arn = f"arn:aws:iam::{account}:role/people"
        sts = session.create_client("sts", region)
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="people")["Credentials"]
        self._keys = Keys(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        self._clients, self._region = Clients(session), region
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()]
        self._client("cloudformation").create_stack(
            StackName="member", TemplateBody=json.dumps(WHOLE), Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )  # fmt: skip

    def _client(self, service: str) -> Any:
        return self._clients(service, self._region, self._keys)

    @property
    def rules(self) -> set[str]:
        return {one["Name"] for one in self._client("events").list_rules()["Rules"]}

    @property
    def queues(self) -> set[str]:
        return {url.rsplit("/", 1)[-1] for url in self._client("sqs").list_queues().get("QueueUrls", [])}

    @property
    def roles(self) -> set[str]:
        return {one["RoleName"] for one in self._client("iam").list_roles()["Roles"]}


class TestRules:
    RULES = of("Events::Rule")

    def test_are_one_for_each_service(self) -> None:
        ledger = {"ForwardLedgerCalls", "ForwardLedgerTold"}
        assert set(self.RULES) == {f"Forward{service.capitalize()}" for service in FORWARDED} | ledger

    def test_forward_to_the_ledger_what_it_asks_for_at_home(self) -> None:
        at_home = deployed("AWS::Events::Rule")
        for name in ("Calls", "Told"):
            assert self.RULES[f"ForwardLedger{name}"]["EventPattern"] == at_home[f"Ledger{name}Rule"]["EventPattern"]
            assert len(compact(self.RULES[f"ForwardLedger{name}"]["EventPattern"])) <= PATTERN_LENGTH
        # To a bus of its own, whose rule takes all that AWS's services send and nothing that anybody makes up.
        taken = at_home["LedgerElsewhereRule"]
        assert taken["EventBusName"] == {"Fn::GetAtt": ["ChangesBus", "Name"]}
        bus = deployed("AWS::Events::EventBus")["ChangesBus"]["Name"]["Fn::Sub"]
        event = cloudtrail("iam:CreateUser", {}, region=ELSEWHERE)
        assert matches(taken["EventPattern"], event)
        assert not matches(taken["EventPattern"], {**event, "source": "com.example"})
        assert member.CHANGES["Fn::Sub"].endswith(f":event-bus/{bus}")

    @pytest.mark.parametrize("service", FORWARDED)
    def test_forward_what_wakes_the_guard_function_and_nothing_else(self, service: str) -> None:
        rule = self.RULES[f"Forward{service.capitalize()}"]
        assert len(compact(rule["EventPattern"])) <= PATTERN_LENGTH
        events = [recorded(rail.name) for rail in registry.load() if rail.called]
        events += [cloudtrail("ec2:CreateTags", {}), {**events[0], "detail": {**events[0]["detail"], "errorCode": "x"}}]
        woken = [event for event in events if matches(registry.pattern(service), event)]
        assert woken
        assert [event for event in events if matches(rule["EventPattern"], event)] == woken
        ours = {**events[0], "source": "parapet", "detail-type": "Parapet Sweep", "detail": {"service": service}}
        assert matches(registry.pattern(service), ours)
        assert not matches(rule["EventPattern"], ours)

    @pytest.mark.parametrize("service", FORWARDED)
    def test_have_no_or_with_a_single_alternative(self, service: str) -> None:
        pattern = self.RULES[f"Forward{service.capitalize()}"]["EventPattern"]
        assert len(pattern.get("$or", [1, 2])) >= 2, "EventBridge would take it for a field's name"

    def test_send_to_the_hubs_bus_under_a_role_with_retries_and_dead_letters(self) -> None:
        for name, rule in self.RULES.items():
            [target] = rule["Targets"]
            assert target["Arn"] == (member.CHANGES if name.startswith("ForwardLedger") else member.BUS)
            assert target["RoleArn"] == {"Fn::GetAtt": ["ForwardRole", "Arn"]}
            assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
            assert not {"Input", "InputPath", "InputTransformer"} & set(target), "an event arrives as it was"

    def test_may_put_events_on_those_buses_and_no_other(self) -> None:
        role = RESOURCES["ForwardRole"]["Properties"]
        [inline] = role["Policies"]
        [statement] = inline["PolicyDocument"]["Statement"]
        assert (statement["Action"], statement["Resource"]) == (["events:PutEvents"], [member.BUS, member.CHANGES])
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "events.amazonaws.com"}

    def test_dead_letters_are_encrypted_kept_and_taken_from_these_rules_only(self) -> None:
        [queue] = of("SQS::Queue").values()
        assert queue["SqsManagedSseEnabled"] is True
        assert queue["MessageRetentionPeriod"] == 1_209_600
        [given] = of("SQS::QueuePolicy").values()
        [statement] = given["PolicyDocument"]["Statement"]
        assert (statement["Principal"], statement["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
        assert statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].endswith(
            ":${AWS::AccountId}:rule/parapet-${Stage}-forward-*"
        )


def asking() -> Iterator[tuple[str, str]]:
    yield from itertools.product(SERVICES, SERVICES)


class TestRoles:
    @pytest.mark.parametrize("service", SERVICES)
    def test_may_do_what_the_guardrails_of_the_service_may_in_the_hub_and_no_more(self, service: str) -> None:
        own = rights.of_service(service, Settings())
        assert [without_regions(one) for one in policy(service)] == [without_regions(one) for one in own]

    @pytest.mark.parametrize("service", [one for one in SERVICES if one not in actions.GLOBAL and policy(one)])
    def test_change_things_in_the_watched_regions_only(self, service: str) -> None:
        chosen = member.template(Settings(regions=("eu-central-1", ELSEWHERE)))["Resources"]
        [inline] = chosen[f"{service.capitalize()}Role"]["Properties"]["Policies"]
        found = [
            statement["Condition"]["StringEquals"]["aws:RequestedRegion"]
            for statement in inline["PolicyDocument"]["Statement"]
            if statement["Sid"].startswith("Change")
        ]
        assert found
        assert all(one == [{"Ref": "HubRegion"}, ELSEWHERE, "eu-central-1"] for one in found)

    def test_follow_the_modes(self) -> None:
        template = member.template(Settings(default_mode="observe"))
        [*policies] = [
            statement
            for role in template["Resources"].values()
            for inline in role["Properties"].get("Policies", [])
            for statement in inline["PolicyDocument"]["Statement"]
        ]
        granted = {action for one in policies for action in one["Action"]}
        assert {action for action in granted if rights.writes(action)} == {"events:PutEvents"}

    @pytest.mark.parametrize(("function", "service"), asking())
    def test_are_assumed_by_the_same_services_guard_function_alone(self, function: str, service: str) -> None:
        guard = f"arn:aws:iam::{HUB}:role/{role_name('test', f'guard_{function}')}"
        assert self._admits(service, guard) == (function == service)

    @pytest.mark.parametrize(
        ("guard", "changes"),
        [
            (f"arn:aws:iam::{HUB}:role/parapet-test-guard-ec2", {"sts:externalid": "another-external-id"}),
            (f"arn:aws:iam::{HUB}:role/parapet-test-guard-ec2", {"sts:externalid": None}),
            (f"arn:aws:iam::{HUB}:role/parapet-test-guard-ec2", {"aws:principalorgid": "o-anotherorg"}),
            (f"arn:aws:iam::{HUB}:role/parapet-test-guard-ec2", {"aws:principalorgid": None}),
            (f"arn:aws:iam::{HUB}:role/parapet-prod-guard-ec2", {}),
            (f"arn:aws:iam::{HUB}:role/parapet-test-guard-ec2-evil", {}),
            (f"arn:aws:iam::{HUB}:role/some/path/parapet-test-guard-ec2", {}),
            (f"arn:aws:iam::{ACCOUNT}:role/parapet-test-guard-ec2", {}),
            (f"arn:aws:iam::{HUB}:role/Admin", {}),
        ],
    )
    def test_are_assumed_by_nobody_else_and_not_without_its_word(
        self, guard: str, changes: Mapping[str, str | None]
    ) -> None:
        assert not self._admits("ec2", guard, **changes)

    def _admits(self, service: str, guard: str, **changes: str | None) -> bool:
        role = RESOURCES[f"{service.capitalize()}Role"]["Properties"]
        context = {
            "sts:externalid": EXTERNAL_ID, "aws:principalorgid": ORGANISATION, "aws:principalarn": guard, **changes,
        }  # fmt: skip
        trust = Trust(service, role["AssumeRolePolicyDocument"], KNOWN)
        return trust.admits(Caller(guard), f"arn:aws:iam::{ACCOUNT}:role/{member_role('test', service)}", context)

    def test_are_all_bounded(self) -> None:
        assert all(role["PermissionsBoundary"] == {"Ref": "Boundary"} for role in of("IAM::Role").values())
        allowed = of("IAM::ManagedPolicy")["Boundary"]["PolicyDocument"]["Statement"][0]
        granted = {action for service in SERVICES for one in policy(service) for action in one["Action"]}
        assert set(allowed["Action"]) == {*granted, "events:PutEvents"}

    @pytest.mark.parametrize("region", [ELSEWHERE, "ap-southeast-2"])
    def test_fit_into_iams_limits(self, region: str) -> None:
        for role in of("IAM::Role").values():
            name = role["RoleName"]["Fn::Sub"].replace("${AWS::Region}", region).replace("${Stage}", "s" * 20)
            assert len(name) <= 64
            assert len(compact(role.get("Policies", []))) <= 10_240
        assert len(compact(of("IAM::ManagedPolicy")["Boundary"]["PolicyDocument"])) <= 6_144


def without_regions(statement: Mapping[str, Any]) -> dict[str, Any]:
    condition = json.loads(json.dumps(statement.get("Condition", {})))
    condition.get("StringEquals", {}).pop("aws:RequestedRegion", None)
    return {**statement, "Condition": {name: some for name, some in condition.items() if some}}


class TestHub:
    def test_takes_events_of_the_organisation_only_and_none_of_our_own(self) -> None:
        fragment = member.hub()
        [(name, resource)] = fragment["Resources"].items()
        assert name == "MembersBusPolicy"
        assert resource["Condition"] == "HasMembers"
        assert fragment["Conditions"]["HasMembers"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "OrganizationId"}, ""]}]}
        statement = resource["Properties"]["Statement"]
        assert statement["Condition"] == {
            "StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}},
            "StringNotEquals": {"events:source": "parapet"},
        }
        assert statement["Action"] == "events:PutEvents"
