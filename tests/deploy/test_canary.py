"""The smoke check, on an account in which Parapet itself is at work: under its roles, behind its own API."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import Credentials

import chalicelib
from chalicelib import wiring
from chalicelib.aws import AccountAws
from chalicelib.model import AwsError, Mode, ParapetError, Pause, Scope, Waiver
from deploy import canary
from deploy.canary import Clock, NotWell
from local.signature import Request, signer
from tests.account import TABLE, TestAccount
from tests.api.client import Api, token_key
from tests.samples import ACCOUNT, REGION, cloudtrail
from tests.wire import Fault, Made

VERSION = chalicelib.__version__
KEYS = Credentials("AKIAEXAMPLEALICE0000", "secret", "token")
URL = f"https://abc123def4.execute-api.{REGION}.amazonaws.com/api"


class World:
    """An account in which time passes, and what people do reaches Parapet after a while, if at all."""

    def __init__(self, account: TestAccount, delay: float = 4.0) -> None:
        self.account, self.delay, self.awake = account, delay, True
        self.waited, self.warned, self.groups = 0.0, list[str](), list[str]()
        self.clock = Clock(account.clock, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.account.clock.forward(seconds)
        self.waited += seconds
        for group in self.open():
            if self.awake and self.waited >= self.delay and group not in self.groups:
                self.groups.append(group)
                # What goes wrong in a function of Parapet's does not reach who waits for it.
                with suppress(ParapetError):
                    self.account.deliver(self.event(group))

    def canaries(self) -> list[Any]:
        found = self.account.client("ec2").describe_security_groups()["SecurityGroups"]
        return [one for one in found if one["GroupName"].startswith("parapet-canary-")]

    def open(self) -> list[str]:
        return [one["GroupId"] for one in self.canaries() if one["IpPermissions"]]

    def event(self, group: str) -> dict[str, Any]:
        permission = {
            "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
        }  # fmt: skip
        return cloudtrail(
            "ec2:AuthorizeSecurityGroupIngress", {"groupId": group, "ipPermissions": {"items": [permission]}}
        )

    def sing(self, mode: Mode = "enforce") -> canary.Song:
        home = canary.vpc(self.account.ours, "default")
        return canary.sing(self.account.ours, self.account.journal, home, mode, "test", self.clock, self.warned.append)


@pytest.fixture
def world(account: TestAccount) -> World:
    return World(account)


class TestTheCanary:
    def test_is_closed_and_deleted(self, world: World) -> None:
        song = world.sing()
        assert (song.closed, song.seconds) == (True, 4.0)
        assert song.finding
        assert (song.finding.status, song.finding.violation.resource) == ("fixed", song.group)
        assert world.canaries() == []
        assert world.warned == []

    def test_is_only_reported_where_the_guardrail_asks(self, world: World) -> None:
        world.account.mode(canary.GUARDRAIL, "approve", "approve")
        song = world.sing("approve")
        assert (song.closed, song.finding and song.finding.status) == (False, "asked")
        assert world.canaries() == []

    def test_is_only_reported_while_fixing_is_paused(self, world: World) -> None:
        world.account.journal.set_pause(Pause("bob", "a migration", world.account.clock()))
        song = world.sing()
        assert (song.closed, song.finding and song.finding.status) == (False, "held")

    def test_must_be_closed_while_something_else_is_paused(self, world: World) -> None:
        world.account.journal.set_pause(Pause("bob", "a migration", world.account.clock(), None, Scope(service="s3")))
        assert world.sing().closed

    def test_is_only_reported_where_whoever_deploys_is_exempted(self, world: World) -> None:
        alice, now = Scope(principal="arn:aws:iam::123456789012:user/alice"), world.account.clock()
        world.account.journal.waive(Waiver("0a1b", alice, now + 3600, "bob", "the deployment", now))
        song = world.sing()
        assert (song.closed, song.finding and song.finding.status) == (False, "exempted")

    def test_that_nobody_sees_asks_for_the_trail_and_is_deleted(self, world: World) -> None:
        world.awake = False
        with pytest.raises(NotWell, match=r"300 s after port 22 of sg-.* has not seen it: is a trail logging\?"):
            world.sing()
        assert world.canaries() == []

    def test_that_is_seen_and_stays_open_says_what_became_of_it(self, world: World) -> None:
        def deny(_number: int, made: Made) -> Fault | None:
            return "deny" if made.operation == "RevokeSecurityGroupIngress" else None

        world.account.wire.fail(deny)
        with pytest.raises(
            NotWell, match=r"it is still open: finding .* is failed .*RevokeSecurityGroupIngress.*AccessDenied"
        ):
            world.sing()
        assert world.canaries() == []

    def test_that_is_asked_about_although_it_should_be_fixed_says_so(self, world: World) -> None:
        world.account.mode(canary.GUARDRAIL, "approve", "approve")
        with pytest.raises(NotWell, match=r"it is still open: finding .* is asked"):
            world.sing("enforce")
        assert world.canaries() == []

    def test_that_somebody_else_closes_is_no_proof(self, world: World) -> None:
        world.awake = False
        sleep = world.clock.sleep

        def meddling(seconds: float) -> None:
            ec2 = world.account.client("ec2")
            for group in world.open():
                ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[canary.PERMISSION])
            sleep(seconds)

        world.clock = Clock(world.account.clock, meddling)
        with pytest.raises(NotWell, match="Parapet has not seen it"):
            world.sing()

    def test_must_be_closed_once_the_pause_is_over(self, world: World) -> None:
        now = world.account.clock()
        world.account.journal.set_pause(Pause("bob", "a migration", now - 60, now - 1))
        assert world.sing().closed

    def test_is_deleted_when_somebody_stops_the_check(self, world: World) -> None:
        def interrupted(_seconds: float) -> None:
            assert len(world.open()) == 1
            raise KeyboardInterrupt

        world.clock = Clock(world.account.clock, interrupted)
        with pytest.raises(KeyboardInterrupt):
            world.sing()
        assert world.canaries() == []

    def test_is_deleted_when_it_cannot_be_opened(self, world: World) -> None:
        def deny(_number: int, made: Made) -> Fault | None:
            return "deny" if made.operation == "AuthorizeSecurityGroupIngress" else None

        world.account.wire.fail(deny)
        with pytest.raises(AwsError):
            world.sing()
        world.account.wire.calm()
        assert world.canaries() == []

    def test_that_cannot_be_deleted_is_named(self, world: World) -> None:
        def deny(_number: int, made: Made) -> Fault | None:
            return "deny" if made.operation == "DeleteSecurityGroup" else None

        world.account.wire.fail(deny)
        song = world.sing()
        [warning] = world.warned
        assert f"aws ec2 delete-security-group --group-id {song.group}" in warning

    def test_belongs_to_nothing_and_says_what_it_is(self, world: World) -> None:
        seen: list[Any] = []

        def look(seconds: float) -> None:
            seen.extend(world.canaries())
            world.sleep(seconds)

        world.clock = Clock(world.account.clock, look)
        world.sing()
        assert seen[0]["Description"].startswith("Canary of Parapet's stage test")
        assert world.account.client("ec2").describe_network_interfaces()["NetworkInterfaces"] == []


class TestTheVpc:
    def test_is_the_one_that_is_named(self, account: TestAccount) -> None:
        made = account.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        assert canary.vpc(account.ours, made) == made

    def test_is_the_default_one_only_when_asked_for(self, account: TestAccount) -> None:
        [default] = account.client("ec2").describe_vpcs()["Vpcs"]
        assert canary.vpc(account.ours, "default") == default["VpcId"]

    @pytest.mark.parametrize("wanted", ["vpc-0123456789abcdef0", "default"])
    def test_that_does_not_exist_is_refused_with_those_that_do(self, account: TestAccount, wanted: str) -> None:
        ec2 = account.client("ec2")
        [default] = ec2.describe_vpcs()["Vpcs"]
        made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for subnet in ec2.describe_subnets()["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        ec2.delete_vpc(VpcId=default["VpcId"])
        with pytest.raises(
            ParapetError, match=rf"there is no VPC {wanted} in {REGION}: CANARY_VPC= takes one of {made}"
        ):
            canary.vpc(account.ours, wanted)


@dataclass
class Reply:
    """An HTTP answer."""

    status_code: int
    content: bytes


def gateway(account: TestAccount) -> Callable[[AWSPreparedRequest], Reply]:
    """API Gateway in front of the deployed handler: it lets in who signs or brings a token, and nobody else."""
    api = Api(account)
    given: list[str] = []

    def send(request: AWSPreparedRequest) -> Reply:
        at = urlsplit(request.url)
        headers = {str(name).lower(): _text(value) for name, value in request.headers.items()} | {"host": at.netloc}
        method = str(request.method)
        assert at.path.startswith("/api/v1/")
        if at.path == "/api/v1/token":
            signed = Request(method, at.path, at.query, headers, b"")
            assert signer(signed, "execute-api", REGION, lambda _key: KEYS, datetime.now(UTC)) == KEYS.access_key
        else:
            assert headers["authorization"] in given
        status, document = api.call(method, at.path.removeprefix("/api"))
        if "token" in document:
            given.append(f"Bearer {document['token']}")
        return Reply(status, json.dumps(document).encode())

    return send


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class TestTheApi:
    @pytest.fixture(autouse=True)
    def environment(self, account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test"}.items():
            monkeypatch.setenv(name, value)
        token_key(account, monkeypatch)
        wiring.use(account.functions)

    def ask(self, world: World, send: Any, stage: str = "test", version: str = VERSION) -> Any:
        return canary.health(URL, REGION, KEYS, send, world.clock, stage, version)

    def test_is_asked_with_a_signature_and_answers(self, world: World) -> None:
        found = self.ask(world, gateway(world.account))
        assert (found["status"], found["stage"], found["version"]) == ("ok", "test", VERSION)
        assert world.waited == 0

    def test_has_time_until_its_role_is_known_everywhere(self, world: World) -> None:
        send, answers = gateway(world.account), [Reply(403, b'{"message": "Forbidden"}'), Reply(500, b"not JSON")]
        found = self.ask(world, lambda request: answers.pop() if answers else send(request))
        assert found["status"] == "ok"
        assert world.waited == 2 * canary.POLL

    def test_of_another_stage_is_not_the_one(self, world: World) -> None:
        with pytest.raises(NotWell, match=r"answers 200 .*'stage': 'test'.*, not stage prod"):
            self.ask(world, gateway(world.account), stage="prod")

    def test_of_another_version_is_not_the_one(self, world: World) -> None:
        with pytest.raises(NotWell, match=r"not stage test, version 9\.9\.9"):
            self.ask(world, gateway(world.account), version="9.9.9")

    def test_that_is_unwell_tells_why(self, world: World) -> None:
        world.account.client("dynamodb").delete_table(TableName=TABLE)
        with pytest.raises(NotWell, match=r"answers 503 .*the journal's table parapet-test does not exist"):
            self.ask(world, gateway(world.account))
        assert world.waited >= canary.SETTLING

    def test_that_refuses_the_signature_is_not_well(self, world: World) -> None:
        with pytest.raises(NotWell, match=r'answers 403 {"message": "Missing Authentication Token"}'):
            self.ask(world, lambda _request: Reply(403, b'{"message": "Missing Authentication Token"}'))


class TestTheCode:
    SHA256 = hashlib.sha256(b"artefact").hexdigest()

    def test_is_the_artefact_in_every_function(self, account: TestAccount) -> None:
        iam, functions = account.client("iam"), account.client("lambda")
        role = iam.create_role(RoleName="x", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        made = functions.create_function(
            FunctionName="one", Runtime="python3.11", Role=role, Handler="a.b", Code={"ZipFile": b"artefact"}
        )
        aws = AccountAws(account.clients, ACCOUNT, REGION)
        assert canary.code(aws, ["one"], self.SHA256) == 1
        with pytest.raises(NotWell, match=f"one runs other code than the artefact: {re.escape(made['CodeSha256'])}"):
            canary.code(aws, ["one"], hashlib.sha256(b"another").hexdigest())

    def test_of_no_function_is_not_well(self, account: TestAccount) -> None:
        with pytest.raises(NotWell, match="no functions"):
            canary.code(account.ours, [], self.SHA256)
