"""Three accounts and two regions on moto, judged by IAM as it would: each event is handled where it belongs."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import commands, organisation, registry, settings, wiring
from chalicelib.aws import AccountAws, Clients, Keys
from chalicelib.bus import COMMAND, SWEEP
from chalicelib.functions import sweep as sweep_module
from chalicelib.journal import Journal
from chalicelib.model import Asker, AwsError, BadEvent, Finding, ParapetError
from chalicelib.organisation import MARGIN, SPENT, Members
from chalicelib.settings import Accounts, Settings
from deploy import member, rights
from local.iam import enforcer, intrinsics
from local.iam.enforcer import Role
from local.iam.policy import Policy
from local.iam.trust import Trust
from local.patterns import matches
from tests.account import OPTIONS, TABLE, Shared, TestAccount
from tests.guardrails import test_ec2_security_group_open as group
from tests.rights import KNOWN, QUEUE, TEMPLATE, WORLD
from tests.samples import ACCOUNT, REGION, cloudtrail, moment
from tests.scenario import Scenario
from tests.scenarios import SCENARIOS
from tests.wire import Made

# The tests of the guardrails play in moto's own account: here it is a member, and Parapet runs in another one.
HUB, MEMBER, THIRD = "210987654321", ACCOUNT, "111122223333"
ELSEWHERE = "us-east-1"
ROOT = Path(__file__).parent.parent
PLACES = list(itertools.product((HUB, MEMBER, THIRD), (REGION, ELSEWHERE)))
ORGANISATION, EXTERNAL_ID, UNIT = "o-exampleorg00", "an-external-id", "ou-ab12-34cd56ef"
INSIDE = f"{ORGANISATION}/r-ab12/{UNIT}/"
NAME = group.NAME
FIXABLE = [scenario for scenario in SCENARIOS if registry.get(scenario.guardrail).can_fix]
TICK = {
    "version": "0", "id": "00000000-0000-4000-a000-000000000009", "detail-type": "Scheduled Event", "detail": {},
    "source": "aws.events", "account": HUB, "time": "2026-11-21T09:00:00Z", "region": REGION, "resources": [],
}  # fmt: skip
_roles: dict[str, Role] = {}


@dataclass
class Context:
    """What Lambda tells about an invocation in the hub."""

    aws_request_id: str = "request-1"
    function_name: str = "parapet-test-guard_ec2"
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{HUB}:function:parapet-test-guard_ec2"


@dataclass
class Organisation:
    """An organisation with Parapet in one account, as its people see it, and Parapet's functions at work in it."""

    account: TestAccount
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.shared: Shared = self.account.shared
        self.wire, self.enforcer = self.shared.wire, self.shared.enforcer
        self._keys = {account: self._people(account) for account in (HUB, THIRD)}
        self.account.clock.at = time.time()
        self._home()
        self.set()
        wiring.use(self._connect)
        self.enforcer.world = replace(WORLD, organisations=dict.fromkeys((HUB, MEMBER, THIRD), (ORGANISATION, INSIDE)))
        self.serve(member.template(self.settings))
        self.journal = Journal(AccountAws(lambda s, r: self.client(HUB, s, r), HUB, REGION), TABLE)
        self.wire.reset()
        # What Parapet's own functions called.
        self.called: list[Made] = []

    def _people(self, account: str) -> Keys:
        arn = f"arn:aws:iam::{account}:role/people"
        given = self.shared.people("sts", REGION).assume_role(RoleArn=arn, RoleSessionName="people")["Credentials"]
        return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def _connect(self, service: str, region: str, keys: Keys | None = None) -> Any:
        return self.shared.functions(service, region, keys or self._keys[HUB])

    def client(self, account: str, service: str, region: str = REGION) -> Any:
        """A client of the people of an account."""
        return self.shared.people(service, region, self._keys.get(account))

    def site(self, account: str, region: str) -> TestAccount:
        """An account and region as the guardrails' scenarios take it."""

        def people(service: str, wanted: str = region) -> Any:
            return self.client(account, service, wanted)

        site = TestAccount(self.shared, "", self.account.clock, self.settings)
        self.monkeypatch.setattr(site, "client", people)
        return site

    def _home(self) -> None:
        table = TEMPLATE["Resources"]["Journal"]["Properties"]
        wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        self.client(HUB, "dynamodb").create_table(TableName=TABLE, **{name: table[name] for name in wanted})
        sqs, events = self.client(HUB, "sqs"), self.client(HUB, "events")
        self.queue = sqs.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.bus = sqs.create_queue(QueueName="bus")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.bus, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="ours", EventPattern=json.dumps({"source": ["parapet"]}))
        events.put_targets(Rule="ours", Targets=[{"Id": "bus", "Arn": arn}])

    def set(self, accounts: str = f'["{MEMBER}", "{THIRD}"]', mode: str = "enforce", **variables: str) -> None:
        """Write the settings and deploy the hub with them."""
        modes = "".join(
            "\n".join(
                (
                    f'[guardrails.{rail.name}]\nmode = "{mode}"',
                    *(f"{name} = {json.dumps(value)}" for name, value in OPTIONS.get(rail.name, {}).items()),
                    "",
                )
            )
            for rail in registry.load()
            if rail.can_fix and not rail.reverts
        )
        file = self.folder / "parapet.toml"
        file.write_text(f'[parapet]\naccounts = {accounts}\nregions = ["{REGION}", "{ELSEWHERE}"]\n{modes}', "utf-8")
        environment = {
            "AWS_REGION": REGION, "PARAPET_STAGE": "test", "PARAPET_TABLE": TABLE, "PARAPET_SLACK_QUEUE": self.queue,
            "PARAPET_SETTINGS": str(file), "PARAPET_EXTERNAL_ID": EXTERNAL_ID, **variables,
        }  # fmt: skip
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        self.settings: Settings = settings.load(environment, registry.names(), registry.load())
        self.fresh()

    def fresh(self) -> None:
        """Have Lambda start new environments."""
        wiring.pipeline.cache_clear()

    def serve(self, template: Mapping[str, Any]) -> None:
        """Have the StackSet make the members' roles."""
        self.enforcer.assumable = {
            role.arn("aws"): role for account in (MEMBER, THIRD) for role in members(template, account)
        }
        # A role's policy counts at once, also for the keys that were given before.
        sessions = self.enforcer._sessions
        sessions |= {key: self.enforcer.assumable[role.arn("aws")] for key, role in sessions.items()}

    @contextlib.contextmanager
    def running(self, function: str) -> Iterator[None]:
        """What happens meanwhile happens under a role of the hub's."""
        role, before = deployed(self.settings, function), len(self.wire.calls)
        with enforcer.acting(role):
            try:
                yield
            finally:
                self.called += self.wire.calls[before:]

    def call(self, event: Mapping[str, Any], service: str = "ec2", request: str = "request-1") -> list[Finding]:
        """Invoke a guard function; returns all findings, oldest first."""
        module = importlib.import_module(f"chalicelib.functions.guard_{service}")
        with self.running(f"guard_{service}"):
            getattr(module, f"guard_{service}")(event, Context(request))
        return self.findings()

    def findings(self) -> list[Finding]:
        """Every finding, oldest first."""
        now = time.time()
        return sorted(self.journal.by_time(now - 86400, now + 60), key=lambda finding: finding.opened)

    def sweep(self) -> list[dict[str, Any]]:
        """Invoke the function that starts the sweep; returns the events that it puts on the bus."""
        with self.running("sweep"):
            sweep_module.sweep(TICK, Context())
        return self.put()

    def put(self) -> list[dict[str, Any]]:
        """Take what was put on the hub's bus."""
        sqs, found = self.client(HUB, "sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.bus, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                # moto leaves out whose it is.
                found.append({"account": HUB, **json.loads(message["Body"])})
                sqs.delete_message(QueueUrl=self.bus, ReceiptHandle=message["ReceiptHandle"])
        return found

    def undo(self, finding: Finding) -> Any:
        """Ask for an undo and carry it out; returns the command with its answer."""
        now, aws = time.time(), AccountAws(lambda s, r: self.client(HUB, s, r), HUB, REGION)
        bob = Asker("bob", f"arn:aws:iam::{HUB}:user/bob", "cli")
        wanted = commands.new("undo", bob, now, Settings(), finding=finding, why="a reason", until=now + 3600)
        asked = commands.ask(self.journal, aws, wanted)
        [event] = self.put()
        assert event["detail"]["command"] == asked.id
        self.call(event, asked.service)
        return self.journal.command(asked.id)

    def notices(self) -> list[Any]:
        """Take every notice out of the hub's outbox, in order."""
        site = self.site(HUB, REGION)
        site.queue = self.queue
        return site.notices()

    def made(self, name: str) -> list[Made]:
        """The functions' calls of a name."""
        return [made for made in self.called if made.name == name]


def deployed(chosen: Settings, function: str) -> Role:
    """The role that a function has in the hub under some settings, parsed once."""
    key = f"{function} {chosen}"
    if key not in _roles:
        here = {name: value.replace(ACCOUNT, HUB) for name, value in KNOWN.items()}
        here |= {"OrganizationId": ORGANISATION, "ExternalId": EXTERNAL_ID}
        documents = rights.policies(chosen)
        own, most = documents[function], rights.boundary(documents.values())
        _roles[key] = Role(
            chosen.role_name(function), HUB, function, Policy(function, own, here), Policy("boundary", most, here)
        )
    return _roles[key]


def members(template: Mapping[str, Any], account: str) -> Iterator[Role]:
    """The roles that the members' template makes in an account."""
    here = {
        "AWS::Partition": "aws", "AWS::Region": ELSEWHERE, "AWS::AccountId": account, "Stage": "test",
        "HubAccount": HUB, "HubRegion": REGION, "OrganizationId": ORGANISATION, "ExternalId": EXTERNAL_ID,
    }  # fmt: skip
    most = Policy("boundary", template["Resources"]["Boundary"]["Properties"]["PolicyDocument"], here)
    for one in template["Resources"].values():
        if one["Type"] == "AWS::IAM::Role" and one["Condition"] == "Serves":
            given = one["Properties"]
            name = intrinsics.resolve(given["RoleName"], here)
            [inline] = given.get("Policies") or [{"PolicyDocument": {"Version": "2012-10-17", "Statement": []}}]
            own, trust = Policy(name, inline["PolicyDocument"], here), given["AssumeRolePolicyDocument"]
            yield Role(name, account, "parapet", own, most, Trust(name, trust, here))


@pytest.fixture
def hub(account: TestAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Organisation]:
    before = list(wiring._given)
    yield Organisation(account, tmp_path, monkeypatch)
    wiring._given[:] = before
    wiring.pipeline.cache_clear()


def forwarded(event: Mapping[str, Any], account: str, region: str, **detail: Any) -> dict[str, Any]:
    """An event as a rule of that account and region forwards it: whose and where from stays."""
    inner = {**event["detail"], "recipientAccountId": account, "awsRegion": region, "eventTime": moment(time.time())}
    return {**event, "account": account, "region": region, "detail": {**inner, **detail}}


def ours(kind: str, sender: str = HUB, **detail: Any) -> dict[str, Any]:
    """An event of Parapet's own as it arrives on the hub's bus."""
    return {
        **TICK, "detail-type": kind, "source": "parapet", "account": sender, "detail": {"service": "ec2", **detail},
    }  # fmt: skip


@dataclass
class Everywhere:
    """A security group in each place, all of them opened to the world."""

    hub: Organisation
    places: Sequence[tuple[str, str]]

    def __post_init__(self) -> None:
        self.sites = {place: self.hub.site(*place) for place in self.places}
        self.groups = {place: group.build(site) for place, site in self.sites.items()}
        self.innocent = self.state()
        self.events = {
            place: forwarded(group.breach(site, self.groups[place]), *place) for place, site in self.sites.items()
        }
        self.hub.wire.reset()

    def state(self) -> dict[tuple[str, str], Any]:
        return {place: group.state(site, self.groups[place]) for place, site in self.sites.items()}

    @property
    def mended(self) -> list[tuple[str, str]]:
        """Where all is as it was before."""
        now = self.state()
        return [place for place in self.places if now[place] == self.innocent[place]]


@pytest.fixture
def everywhere(hub: Organisation) -> Everywhere:
    """All six places."""
    return Everywhere(hub, PLACES)


@pytest.fixture
def nearby(hub: Organisation) -> Everywhere:
    """The region that Parapet runs in, of the hub and of a member."""
    return Everywhere(hub, [(HUB, REGION), (MEMBER, REGION)])


class TestEvents:
    @pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(place))
    def test_are_put_right_where_they_come_from_and_nowhere_else(
        self, hub: Organisation, everywhere: Everywhere, place: tuple[str, str]
    ) -> None:
        assert everywhere.mended == []
        [finding] = hub.call(everywhere.events[place])
        assert everywhere.mended == [place]
        assert finding.status == "fixed"
        assert (finding.violation.account, finding.violation.region) == place
        [notice] = hub.notices()
        assert dict(notice.facts)["Account"] == ", ".join(place)
        assert len(hub.made("sts:AssumeRole")) == (place[0] != HUB)
        assert hub.undo(finding).answer == "undone"
        assert everywhere.mended == []

    def test_of_all_places_are_put_right_by_one_environment(self, hub: Organisation, everywhere: Everywhere) -> None:
        for number, place in enumerate(PLACES):
            hub.call(everywhere.events[place], request=f"request-{number}")
            assert everywhere.mended == PLACES[: number + 1]
        assert len(hub.made("sts:AssumeRole")) == 2, "one for each other account, whatever the region"
        assert len({finding.id for finding in hub.findings()}) == 6

    def test_are_recorded_in_the_hub(self, hub: Organisation, everywhere: Everywhere) -> None:
        hub.call(everywhere.events[MEMBER, REGION])
        counted = {account: hub.client(account, "dynamodb").scan(TableName=TABLE)["Count"] for account in (HUB, MEMBER)}
        assert counted[HUB] > 0
        assert counted[MEMBER] == 0, "where a table of the same name lies"

    @pytest.mark.parametrize("scenario", FIXABLE, ids=lambda scenario: scenario.guardrail)
    def test_of_every_guardrail_are_put_right_in_a_member_and_undone(
        self, hub: Organisation, scenario: Scenario
    ) -> None:
        site, service = hub.site(MEMBER, REGION), registry.service_of(scenario.guardrail)
        resource = scenario.build(site)
        innocent = scenario.state(site, resource)
        event = scenario.breach(site, resource)
        broken = scenario.state(site, resource)
        event = forwarded(event, MEMBER, event["region"], awsRegion=event["detail"]["awsRegion"])
        [finding] = [one for one in hub.call(event, service) if one.violation.guardrail == scenario.guardrail]
        assert (finding.status, finding.violation.account, finding.violation.resource) == ("fixed", MEMBER, resource)
        assert scenario.state(site, resource) == innocent
        assert hub.undo(finding).answer == "undone"
        assert scenario.state(site, resource) == broken

    def test_that_only_tell_need_the_members_role_too(self, hub: Organisation) -> None:
        scenario = next(one for one in SCENARIOS if one.guardrail == "signin_root_used")
        site = hub.site(MEMBER, ELSEWHERE)
        event = forwarded(scenario.breach(site, scenario.build(site)), MEMBER, ELSEWHERE)
        hub.enforcer.assumable = {}
        with pytest.raises(AwsError, match="sts:AssumeRole answered AccessDenied"):
            hub.call(event, "signin")
        assert hub.findings() == []
        hub.serve(member.template(hub.settings))
        assert MEMBER in {finding.violation.account for finding in hub.call(event, "signin")}


class TestForged:
    def test_account_of_an_event(self, hub: Organisation, nearby: Everywhere) -> None:
        for account in (HUB, THIRD):
            event = {**nearby.events[MEMBER, REGION], "account": account}
            with pytest.raises(BadEvent, match=f"is of account {account}, and its record of {MEMBER}"):
                hub.call(event)
        self._nothing(hub, nearby)

    def test_account_that_is_not_watched(self, hub: Organisation, nearby: Everywhere) -> None:
        hub.set(accounts=f'["{THIRD}"]')
        with pytest.raises(BadEvent, match=f"an event of {MEMBER} arrived, which is not among.*{HUB}, {THIRD}"):
            hub.call(nearby.events[MEMBER, REGION])
        self._nothing(hub, nearby)

    @pytest.mark.parametrize("number", [f"{MEMBER}:role/people", "12345678901", "*", f"{MEMBER}\n"])
    def test_account_that_is_none(self, hub: Organisation, nearby: Everywhere, number: str) -> None:
        hub.set(accounts='"all"')
        with pytest.raises(BadEvent, match="is not among the watched accounts"):
            hub.call(forwarded(nearby.events[MEMBER, REGION], number, REGION))
        self._nothing(hub, nearby)

    def test_events_of_our_own_from_another_account(self, hub: Organisation, nearby: Everywhere) -> None:
        for kind, detail in ((COMMAND, {"command": "deadbeef"}), (SWEEP, {"guardrail": NAME})):
            with pytest.raises(BadEvent, match=f"came from account {MEMBER}: only {HUB} sends those"):
                hub.call(ours(kind, MEMBER, **detail))
        self._nothing(hub, nearby)

    @pytest.mark.parametrize(
        ("detail", "text"),
        [
            ({"account": "999999999999", "region": REGION}, "a sweep of 999999999999 arrived"),
            ({"account": MEMBER, "region": "ap-south-1"}, "a sweep of ap-south-1 arrived"),
            ({"account": 7, "region": REGION}, "must name its account"),
            ({"account": MEMBER, "region": ["x"]}, "must name its region"),
        ],
    )
    def test_sweeps_of_elsewhere(
        self, hub: Organisation, nearby: Everywhere, detail: dict[str, Any], text: str
    ) -> None:
        with pytest.raises(BadEvent, match=text):
            hub.call(ours(SWEEP, guardrail=NAME, **detail))
        self._nothing(hub, nearby)

    def _nothing(self, hub: Organisation, nearby: Everywhere) -> None:
        assert hub.called == []
        assert nearby.mended == []
        assert hub.findings() == []


class TestMembership:
    """IAM decides who is a member, when the role is assumed."""

    @pytest.mark.parametrize(
        ("accounts", "inside", "admitted"),
        [
            ('"all"', (ORGANISATION, f"{ORGANISATION}/r-ab12/"), True),
            ('"all"', ("o-anotherorg", f"o-anotherorg/r-ab12/{UNIT}/"), False),
            ('"all"', None, False),
            (f'["{UNIT}"]', (ORGANISATION, INSIDE), True),
            (f'["{UNIT}"]', (ORGANISATION, f"{INSIDE}ou-ab12-99999999/"), True),
            (f'["{UNIT}"]', (ORGANISATION, f"{ORGANISATION}/r-ab12/ou-ab12-99999999/"), False),
            (f'["{UNIT}"]', ("o-anotherorg", f"o-anotherorg/r-ab12/{UNIT}/"), False),
            (f'["{UNIT}", "{MEMBER}"]', (ORGANISATION, f"{ORGANISATION}/r-ab12/"), True),
        ],
    )
    def test_by_setting(
        self,
        hub: Organisation,
        nearby: Everywhere,
        accounts: str,
        inside: tuple[str, str] | None,
        admitted: bool,
    ) -> None:
        hub.set(accounts=accounts)
        hub.enforcer.world = replace(hub.enforcer.world, organisations={HUB: (ORGANISATION, INSIDE), MEMBER: inside})
        if admitted:
            assert [finding.status for finding in hub.call(nearby.events[MEMBER, REGION])] == ["fixed"]
            assert nearby.mended == [(MEMBER, REGION)]
            return
        with pytest.raises(AwsError, match="no identity-based policy allows the sts:AssumeRole action"):
            hub.call(nearby.events[MEMBER, REGION])
        assert nearby.mended == []
        assert hub.findings() == []

    def test_without_other_accounts_there_is_no_right_to_assume_anything(self) -> None:
        for policy in rights.policies(Settings(accounts=Accounts(own=HUB, ids=(HUB,)))).values():
            actions = {action for one in policy["Statement"] for action in one["Action"]}
            assert not {action for action in actions if action.startswith(("sts:", "organizations:"))}

    @pytest.mark.parametrize(("accounts", "inside"), [('"all"', (HUB, MEMBER, THIRD)), (f'["{MEMBER}"]', (MEMBER,))])
    def test_a_guard_function_may_assume_its_own_role_and_no_other(
        self, hub: Organisation, accounts: str, inside: tuple[str, ...]
    ) -> None:
        hub.set(accounts=accounts)
        everybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        document: dict[str, Any] = {"Version": "2012-10-17", "Statement": [everybody]}
        roles = [settings.member_role("test", service) for service in registry.services()]
        roles += ["people", "Admin", "parapet-test-guard-ec2", "parapet-prod-member-ec2", "parapet-test-member-"]
        for account, name in itertools.product((HUB, MEMBER, THIRD), roles):
            own = Policy(name, {"Version": "2012-10-17", "Statement": []}, {})
            role = Role(name, account, "parapet", own, None, Trust(name, document, {}))
            hub.enforcer.assumable = {**hub.enforcer.assumable, role.arn("aws"): role}
        assumed = set()
        for function, arn in itertools.product(rights.policies(hub.settings), hub.enforcer.assumable):
            with hub.running(function), contextlib.suppress(ClientError):
                sts = hub._connect("sts", REGION)
                sts.assume_role(RoleArn=arn, RoleSessionName="parapet", ExternalId=EXTERNAL_ID)
                assumed.add((function, arn))
        assert assumed == {
            (f"guard_{service}", f"arn:aws:iam::{account}:role/parapet-test-member-{service}")
            for service in registry.services()
            for account in inside
        }


class TestTrouble:
    def test_a_role_that_is_not_there_is_told_and_nothing_is_done_instead(
        self, hub: Organisation, nearby: Everywhere
    ) -> None:
        hub.enforcer.assumable = {}
        with pytest.raises(AwsError) as caught:
            hub.call(nearby.events[MEMBER, REGION])
        text = str(caught.value)
        assert "sts:AssumeRole answered AccessDenied" in text
        assert f"arn:aws:iam::{MEMBER}:role/parapet-test-member-ec2" in text
        assert f"update the StackSet of `./parapet member-template` in account {MEMBER}" in text
        assert nearby.mended == []
        assert hub.findings() == []
        assert {made.name for made in hub.called} == set(), "nothing with the hub's own credentials"

    def test_another_external_id_opens_nothing(self, hub: Organisation, nearby: Everywhere) -> None:
        hub.set(PARAPET_EXTERNAL_ID="another-external-id")
        with pytest.raises(AwsError, match="sts:AssumeRole answered AccessDenied"):
            hub.call(nearby.events[MEMBER, REGION])
        assert nearby.mended == []

    def test_without_an_external_id_it_says_so(self, hub: Organisation, nearby: Everywhere) -> None:
        hub.set(PARAPET_EXTERNAL_ID="")
        with pytest.raises(ParapetError, match="PARAPET_EXTERNAL_ID is not set"):
            hub.call(nearby.events[MEMBER, REGION])
        assert [one.status for one in hub.call(nearby.events[HUB, REGION])] == ["fixed"], "ours needs none"
        assert nearby.mended == [(HUB, REGION)]

    def test_a_role_that_is_mended_counts_at_once(self, hub: Organisation, nearby: Everywhere) -> None:
        hub.enforcer.assumable = {}
        with pytest.raises(AwsError):
            hub.call(nearby.events[MEMBER, REGION])
        hub.serve(member.template(hub.settings))
        assert [finding.status for finding in hub.call(nearby.events[MEMBER, REGION])] == ["fixed"]

    def test_a_role_that_is_withdrawn_later_fails_the_finding_and_names_what_to_mend(
        self, hub: Organisation, everywhere: Everywhere
    ) -> None:
        hub.call(everywhere.events[MEMBER, ELSEWHERE])
        hub.serve(behind(hub, "ec2:RevokeSecurityGroupIngress"))
        with pytest.raises(AwsError):
            hub.call(everywhere.events[MEMBER, REGION])
        assert everywhere.mended == [(MEMBER, ELSEWHERE)]
        assert "failed" in {finding.status for finding in hub.findings()}


def behind(hub: Organisation, *missing: str) -> dict[str, Any]:
    """The members' template of a version that did not need some actions yet."""
    template = json.loads(json.dumps(member.template(hub.settings)))
    for one in template["Resources"].values():
        for inline in one["Properties"].get("Policies", []):
            for statement in inline["PolicyDocument"]["Statement"]:
                statement["Action"] = [action for action in statement["Action"] if action not in missing]
            document = inline["PolicyDocument"]
            document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    return dict(template)


class TestVersionsApart:
    def test_a_member_that_lacks_an_action(self, hub: Organisation, nearby: Everywhere) -> None:
        hub.serve(behind(hub, "ec2:RevokeSecurityGroupIngress"))
        with pytest.raises(AwsError):
            hub.call(nearby.events[MEMBER, REGION])
        [finding] = hub.findings()
        note = finding.history[-1].note
        assert finding.status == "failed"
        assert note.startswith("ec2:RevokeSecurityGroupIngress answered UnauthorizedOperation")
        assert f"arn:aws:iam::{MEMBER}:role/parapet-test-member-ec2" in note
        assert f"update the StackSet of `./parapet member-template` in account {MEMBER}" in note
        assert nearby.mended == []
        hub.serve(member.template(hub.settings))
        [finding] = hub.call(nearby.events[MEMBER, REGION])
        assert finding.status == "fixed", "once the StackSet is updated, the same event does it"

    def test_a_member_that_lacks_a_read_is_told_and_others_go_on(self, hub: Organisation, nearby: Everywhere) -> None:
        hub.serve(behind(hub, "ec2:DescribeSecurityGroupRules"))
        with pytest.raises(AwsError, match=f"ec2:DescribeSecurityGroupRules answered.*in account {MEMBER}"):
            hub.call(nearby.events[MEMBER, REGION])
        assert hub.findings() == []
        hub.call(nearby.events[HUB, REGION])
        assert nearby.mended == [(HUB, REGION)]

    def test_a_member_that_forwards_more_than_the_hub_knows(self, hub: Organisation) -> None:
        event = forwarded(cloudtrail("ec2:CreateTags", {}), MEMBER, REGION)
        assert hub.call(event) == []
        assert hub.called == []

    def test_a_sweep_event_of_an_older_hub_is_about_its_own_account(
        self, hub: Organisation, everywhere: Everywhere
    ) -> None:
        hub.call(ours(SWEEP, guardrail=NAME))
        assert everywhere.mended == [(HUB, REGION), (HUB, ELSEWHERE)]


class TestOurs:
    def who(self, account: str, role: str, session: str = "parapet") -> dict[str, Any]:
        return {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            "accountId": account,
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{account}:role/{role}", "accountId": account}
            },
        }

    @pytest.mark.parametrize(
        ("place", "owner", "role", "judged"),
        [
            (MEMBER, MEMBER, "parapet-test-member-ec2", False),
            (MEMBER, MEMBER, "parapet-test-guard-ec2", True),
            (MEMBER, MEMBER, "parapet-prod-member-ec2", True),
            (MEMBER, MEMBER, "parapet-test-member-ec2-evil", True),
            (MEMBER, MEMBER, "people/parapet", True),
            (MEMBER, HUB, "parapet-test-guard-ec2", True),
            (MEMBER, THIRD, "parapet-test-member-ec2", True),
            (HUB, HUB, "parapet-test-guard-ec2", False),
            (HUB, HUB, "parapet-test-member-ec2", True),
            (HUB, MEMBER, "parapet-test-member-ec2", True),
        ],
    )
    def test_are_known_by_role_and_account(
        self, hub: Organisation, nearby: Everywhere, place: str, owner: str, role: str, judged: bool
    ) -> None:
        event = forwarded(nearby.events[place, REGION], place, REGION, userIdentity=self.who(owner, role))
        assert bool(hub.call(event)) == judged


class TestSweep:
    def test_asks_for_every_guardrail_account_and_region_the_trails_first(self, hub: Organisation) -> None:
        details = [event["detail"] for event in hub.sweep()]
        rails = [rail for rail in registry.load() if rail.swept]
        assert sorted((one["guardrail"], one["account"], one["region"]) for one in details) == sorted(
            (rail.name, account, region)
            for rail in rails
            for account in (HUB, MEMBER, THIRD)
            for region in ((REGION,) if rail.everywhere else (REGION, ELSEWHERE))
        )
        assert {one["guardrail"] for one in details[:6]} == {"cloudtrail_logging_stopped"}
        assert all(matches(registry.pattern(one["service"]), ours(SWEEP, **one)) for one in details)

    def test_finds_and_mends_what_stands_in_all_places(self, hub: Organisation, everywhere: Everywhere) -> None:
        for event in hub.sweep():
            if event["detail"]["guardrail"] == NAME:
                before = everywhere.mended
                hub.call(event)
                place = event["detail"]["account"], event["detail"]["region"]
                assert set(everywhere.mended) - set(before) == {place}
        assert everywhere.mended == PLACES
        assert {finding.origin for finding in hub.findings()} == {"sweep"}

    def test_an_account_without_the_role_keeps_no_other_from_being_swept(
        self, hub: Organisation, everywhere: Everywhere
    ) -> None:
        hub.enforcer.assumable = {arn: one for arn, one in hub.enforcer.assumable.items() if one.account == THIRD}
        for event in hub.sweep():
            if event["detail"]["guardrail"] == NAME:
                expected = pytest.raises(AwsError) if event["detail"]["account"] == MEMBER else contextlib.nullcontext()
                with expected:
                    hub.call(event)
        assert everywhere.mended == [place for place in PLACES if place[0] != MEMBER]


class TestListing:
    @pytest.fixture
    def tree(self, hub: Organisation) -> dict[str, str]:
        """Accounts by name: two in the organisation's root, one in a unit, one in a unit within, one suspended."""
        organizations = hub.client(HUB, "organizations")
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
        inner = organizations.create_organizational_unit(ParentId=unit, Name="inner")["OrganizationalUnit"]["Id"]
        found = {"unit": unit, "inner": inner}
        for name, parent in (("first", root), ("second", unit), ("third", inner), ("closed", unit)):
            made = organizations.create_account(AccountName=name, Email=f"{name}@example.com")
            found[name] = made["CreateAccountStatus"]["AccountId"]
            if parent != root:
                organizations.move_account(AccountId=found[name], SourceParentId=root, DestinationParentId=parent)
        organizations.close_account(AccountId=found["closed"])
        return found

    def listed(self, hub: Organisation) -> set[str]:
        return {event["detail"]["account"] for event in hub.sweep()}

    def test_everyone(self, hub: Organisation, tree: dict[str, str]) -> None:
        hub.set(accounts='"all"')
        assert self.listed(hub) == {HUB, tree["first"], tree["second"], tree["third"]}

    def test_units_at_any_depth_and_accounts_beside_them(self, hub: Organisation, tree: dict[str, str]) -> None:
        hub.set(accounts=f'["{tree["unit"]}"]')
        assert self.listed(hub) == {HUB, tree["second"], tree["third"]}
        hub.set(accounts=f'["{tree["inner"]}", "{THIRD}"]')
        assert self.listed(hub) == {HUB, THIRD, tree["third"]}

    def test_accounts_need_no_organisation(self, hub: Organisation) -> None:
        assert self.listed(hub) == {HUB, MEMBER, THIRD}
        assert not [made for made in hub.called if made.service == "organizations"]

    def test_who_may_not_ask_sweeps_whom_it_knows_and_says_so(self, hub: Organisation) -> None:
        hub.set(accounts=f'["{UNIT}", "{THIRD}"]')
        hub.wire.fail(lambda _n, made: "deny" if made.service == "organizations" else None)
        with pytest.raises(AwsError, match=r"ListAccountsForParent answered AccessDenied.*delegated administrators"):
            hub.sweep()
        assert {event["detail"]["account"] for event in hub.put()} == {HUB, THIRD}

    def test_a_throttle_is_told_as_it_is(self, hub: Organisation) -> None:
        hub.set(accounts='"all"')
        hub.wire.fail(lambda _n, made: "throttle" if made.service == "organizations" else None)
        with pytest.raises(AwsError, match=r"ListAccounts answered ThrottlingException: slow down$"):
            hub.sweep()


class Sts:
    """Stands for our own calls: gives keys that end in an hour, and counts."""

    account, region = HUB, REGION

    def __init__(self, now: Any) -> None:
        self.now = now
        self.asked: list[dict[str, Any]] = []

    def __call__(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        assert (service, operation) == ("sts", "assume_role")
        self.asked.append(params)
        number, end = len(self.asked), datetime.fromtimestamp(self.now(), UTC) + timedelta(hours=1)
        keys = {"AccessKeyId": f"ASIA{number}", "SecretAccessKey": "secret", "SessionToken": "token"}
        return {"Credentials": {**keys, "Expiration": end}}

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        raise AssertionError


@dataclass
class Broken:
    """Clients all of whose calls answer with one error."""

    code: str

    def __call__(self, service: str, region: str, keys: Keys | None = None) -> Any:
        return self

    @property
    def meta(self) -> Any:
        return SimpleNamespace(partition="aws", method_to_api_mapping={"describe_regions": "DescribeRegions"})

    def describe_regions(self) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "DescribeRegions")


class TestKeys:
    def members(self, shared: Shared) -> tuple[Members, Sts, list[float]]:
        now = [1_795_000_000.0]
        sts = Sts(lambda: now[0])
        return Members(sts, shared.people, "parapet-test-member-ec2", EXTERNAL_ID, lambda: now[0]), sts, now

    def test_are_asked_for_with_role_session_and_external_id(self, shared: Shared) -> None:
        members, sts, _ = self.members(shared)
        members(MEMBER, REGION)
        arn = f"arn:aws:iam::{MEMBER}:role/parapet-test-member-ec2"
        assert sts.asked == [{"RoleArn": arn, "RoleSessionName": "parapet", "ExternalId": EXTERNAL_ID}]

    def test_are_kept_until_they_end_within_the_longest_invocation(self, shared: Shared) -> None:
        members, sts, now = self.members(shared)
        first = members.keys(MEMBER)
        now[0] += 3600 - MARGIN - 1
        assert members.keys(MEMBER) is first
        now[0] += 1
        assert members.keys(MEMBER) != first
        assert len(sts.asked) == 2

    def test_are_those_of_one_account(self, shared: Shared) -> None:
        members, sts, _ = self.members(shared)
        assert members.keys(MEMBER) != members.keys(THIRD)
        assert [one["RoleArn"].split(":")[4] for one in sts.asked] == [MEMBER, THIRD]

    def test_make_new_clients_when_they_are_new(self, shared: Shared) -> None:
        members, _, now = self.members(shared)
        first = members.client(MEMBER, "ec2", REGION)
        assert members.client(MEMBER, "ec2", REGION) is first
        assert members.client(MEMBER, "ec2", ELSEWHERE) is not first
        now[0] += 3600
        assert members.client(MEMBER, "ec2", REGION) is not first

    @pytest.mark.parametrize("code", sorted(SPENT))
    def test_are_new_once_aws_takes_the_old_ones_no_longer(self, code: str) -> None:
        sts = Sts(time.time)
        members = Members(sts, Broken(code), "parapet-test-member-ec2", EXTERNAL_ID, time.time)
        for _ in range(2):
            with pytest.raises(AwsError, match=f"^ec2:DescribeRegions answered {code}: no$"):
                members(MEMBER, REGION)("ec2", "describe_regions")
        assert len(sts.asked) == 2

    def test_do_not_show(self) -> None:
        assert repr(Keys("ASIAEXAMPLE", "very secret", "a token")) == "Keys(aws_access_key_id='ASIAEXAMPLE')"

    def test_clients_are_kept_in_a_bounded_number(self, shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chalicelib.aws.KEPT", 2)
        clients = Clients(shared.people._session)
        first = clients("sts", REGION)
        for number in range(3):
            clients("sts", REGION, Keys(f"ASIA{number}", "secret", "token"))
            assert clients("sts", REGION) is first, "what is used again and again stays"
        assert len(clients._clients) == 2


def test_listed_names_each_account_once() -> None:
    accounts = Accounts(own=HUB, ids=(HUB, MEMBER))
    assert organisation.listed(Sts(time.time), accounts) == [HUB, MEMBER]


def test_one_account_alone_does_not_pay_for_it() -> None:
    code = "import chalicelib.functions.guard_ec2, sys; sys.exit('chalicelib.organisation' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)
