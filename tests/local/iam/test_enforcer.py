"""Calls of functions are judged before they are sent, under the role of whichever function makes them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws import Clients
from local.iam import CannotEvaluate
from local.iam.enforcer import Enforcer, Role, acting
from local.iam.policy import Policy
from local.iam.requests import Call
from local.iam.trust import Trust
from tests.account import TestAccount
from tests.samples import ACCOUNT, REGION
from tests.wire import Wire

USER = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/a-role/a-function is not authorized to perform: "
OTHER = "210987654321"
MEMBER = f"arn:aws:iam::{OTHER}:role/member"


def policy(*statements: dict[str, Any]) -> Policy:
    return Policy("a policy", {"Version": "2012-10-17", "Statement": list(statements)}, {})


def allow(*actions: str, effect: str = "Allow", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": list(actions), "Resource": resource, **more}


def role(*statements: dict[str, Any], boundary: Policy | None = None) -> Role:
    return Role("a-role", ACCOUNT, "a-function", policy(*statements), boundary)


NOTHING = role()


@pytest.fixture(scope="module")
def made() -> tuple[Clients, Enforcer, Wire]:
    """A session with all of AWS's operations: functions' own have only those that they use."""
    session = botocore.session.Session()
    judge = Enforcer(session)
    return Clients(session), judge, Wire(session)


@pytest.fixture
def functions(made: tuple[Clients, Enforcer, Wire], account: TestAccount) -> Clients:
    for each in made[1:]:
        each.reset()
    return made[0]


@pytest.fixture
def judge(made: tuple[Clients, Enforcer, Wire], functions: Clients) -> Enforcer:
    return made[1]


@pytest.fixture
def wire(made: tuple[Clients, Enforcer, Wire], functions: Clients) -> Wire:
    return made[2]


def told(functions: Clients, one: Role, service: str, operation: str, **params: Any) -> str:
    """The code and message of a denial."""
    with acting(one), pytest.raises(ClientError) as caught:
        getattr(functions(service, REGION), operation)(**params)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


class TestDenials:
    @pytest.mark.parametrize(
        ("service", "operation", "params", "code", "action", "resource"),
        [
            ("ec2", "revoke_security_group_ingress", {"GroupId": "sg-1"}, "UnauthorizedOperation",
             "ec2:RevokeSecurityGroupIngress", f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-1"),
            ("s3", "get_public_access_block", {"Bucket": "photos"}, "AccessDenied",
             "s3:GetBucketPublicAccessBlock", "arn:aws:s3:::photos"),
            ("iam", "list_access_keys", {"UserName": "alice"}, "AccessDenied",
             "iam:ListAccessKeys", f"arn:aws:iam::{ACCOUNT}:user/alice"),
            ("kms", "list_keys", {}, "AccessDeniedException", "kms:ListKeys", "*"),
            ("sns", "publish", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:x", "Message": "m"}, "AuthorizationError",
             "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:x"),
            ("sqs", "send_message", {"QueueUrl": f"https://x/{ACCOUNT}/q", "MessageBody": "m"}, "AccessDenied",
             "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"),
        ],
    )  # fmt: skip
    def test_are_said_in_the_words_of_aws(
        self, functions: Clients, service: str, operation: str, params: Any, code: str, action: str, resource: str
    ) -> None:
        prefix = "You are not authorized to perform this operation. " if service == "ec2" else ""
        assert told(functions, NOTHING, service, operation, **params) == (
            f"{code}: {prefix}{USER}{action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action"
        )

    @pytest.mark.parametrize(
        ("own", "most", "why"),
        [
            ([allow("kms:*"), allow("kms:ListKeys", effect="Deny")], [allow("*")],
             "with an explicit deny in an identity-based policy"),
            ([allow("kms:*")], [allow("ec2:*")], "because no permissions boundary allows the kms:ListKeys action"),
            ([allow("kms:*")], [allow("*"), allow("kms:List*", effect="Deny")],
             "with an explicit deny in a permissions boundary"),
            ([allow("ec2:*")], [allow("ec2:*")], "because no identity-based policy allows the kms:ListKeys action"),
        ],
    )  # fmt: skip
    def test_tell_which_policy_it_is(self, functions: Clients, own: Any, most: Any, why: str) -> None:
        one = role(*own, boundary=policy(*most))
        assert told(functions, one, "kms", "list_keys").endswith(f"kms:ListKeys on resource: * {why}")

    def test_of_one_of_several_rights_deny_the_call(self, functions: Clients) -> None:
        entries = [{"Source": source, "DetailType": "x", "Detail": "{}"} for source in ("parapet", "aws.ec2")]
        ours = role(allow("events:PutEvents", Condition={"StringEquals": {"events:source": "parapet"}}))
        assert "events:PutEvents on resource" in told(functions, ours, "events", "put_events", Entries=entries)
        with acting(ours):
            functions("events", REGION).put_events(Entries=entries[:1])

    def test_come_before_anything_is_sent(self, functions: Clients, wire: Wire) -> None:
        told(functions, NOTHING, "kms", "list_keys")
        assert wire.calls == []

    def test_of_a_page_are_seen_too(self, functions: Clients) -> None:
        with acting(NOTHING), pytest.raises(ClientError, match="kms:ListKeys"):
            list(functions("kms", REGION).get_paginator("list_keys").paginate())


class TestWhoIsActing:
    def test_people_may_do_everything(self, account: TestAccount) -> None:
        with acting(NOTHING):
            assert account.client("kms").list_keys()["Keys"] == []

    def test_what_people_do_meanwhile_is_not_the_functions(
        self, account: TestAccount, functions: Clients, wire: Wire
    ) -> None:
        met: list[Any] = []
        wire.fail(lambda *_: met.append(account.client("ec2").describe_instances()))
        with acting(role(allow("kms:ListKeys"))):
            functions("kms", REGION).list_keys()
        assert met

    def test_the_innermost_counts(self, functions: Clients) -> None:
        client = functions("kms", REGION)
        with acting(NOTHING):
            with acting(role(allow("kms:*"))):
                client.list_keys()
            with pytest.raises(ClientError):
                client.list_keys()

    def test_another_thread_is_another_function(self, functions: Clients) -> None:
        client, found = functions("kms", REGION), []

        def run() -> None:
            with acting(role(allow("kms:*"))):
                found.append(client.list_keys()["Keys"])

        with acting(NOTHING):
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
        assert found == [[]]

    def test_iam_is_in_its_own_region(self, functions: Clients) -> None:
        there = role(allow("iam:ListPolicies", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
        with acting(there):
            functions("iam", REGION).list_policies()


class TestRefusals:
    @pytest.fixture(autouse=True)
    def forgotten(self, judge: Enforcer) -> Iterator[None]:
        yield
        assert len(judge.refused) == 1
        judge.refused.clear()

    def test_of_a_call_outside_any_function(self, functions: Clients) -> None:
        with pytest.raises(CannotEvaluate, match=r"kms:ListKeys was called .* outside any function"):
            functions("kms", REGION).list_keys()

    def test_of_an_operation_that_nobody_mapped(self, functions: Clients) -> None:
        with acting(role(allow("*"))), pytest.raises(CannotEvaluate, match="kms:CreateKey needs is not known"):
            functions("kms", REGION).create_key()

    def test_of_a_condition_that_nobody_can_judge(self, functions: Clients) -> None:
        tagged = role(allow("kms:ListKeys", Condition={"StringEquals": {"aws:ResourceTag/x": "y"}}))
        with acting(tagged), pytest.raises(CannotEvaluate, match="aws:ResourceTag/x"):
            functions("kms", REGION).list_keys()

    def test_are_kept_though_somebody_catches_them(self, functions: Clients, judge: Enforcer) -> None:
        try:
            functions("kms", REGION).list_keys()
        except Exception:
            assert judge.refused


class TestAssumedRoles:
    def assume(self, functions: Clients, judge: Enforcer, external: str, *, known: bool = True) -> Any:
        """A client of EC2 with the credentials of the member's role."""
        asks = {"StringEquals": {"sts:ExternalId": "secret"}}
        trusted = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole", "Condition": asks}
        trust = Trust("a trust", {"Version": "2012-10-17", "Statement": [trusted]}, {})
        member = Role("member", OTHER, "s", policy(allow("ec2:DescribeInstances")), trust=trust)
        judge.assumable = {MEMBER: member} if known else {}
        with acting(role(allow("sts:AssumeRole", resource=MEMBER))):
            sts = functions("sts", REGION)
            answer = sts.assume_role(RoleArn=MEMBER, RoleSessionName="s", ExternalId=external)
        given = answer["Credentials"]
        return functions._session.create_client(
            "ec2",
            region_name=REGION,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    def test_are_judged_by_their_own_policy(self, functions: Clients, judge: Enforcer) -> None:
        client = self.assume(functions, judge, "secret")
        with acting(role(allow("*"))):
            assert client.describe_instances()["Reservations"] == []
            with pytest.raises(ClientError, match=f"arn:aws:sts::{OTHER}:assumed-role/member/s is not authorized"):
                client.describe_images()

    @pytest.mark.parametrize(("external", "known"), [("guessed", True), ("secret", False)])
    def test_are_refused_to_whom_they_do_not_trust(
        self, functions: Clients, judge: Enforcer, external: str, known: bool
    ) -> None:
        with pytest.raises(ClientError, match=f"not authorized to perform: sts:AssumeRole on resource: {MEMBER}"):
            self.assume(functions, judge, external, known=known)


def test_whoever_wants_to_know_is_told_what_was_asked_for(functions: Clients, judge: Enforcer) -> None:
    seen: list[tuple[str, str, list[str]]] = []

    def note(one: Role, call: Call, needs: Any) -> None:
        seen.append((one.session, call.name, [need.action for need in needs]))

    judge.told = note
    with acting(role(allow("s3:ListAllMyBuckets"))):
        functions("s3", REGION).list_buckets()
    assert seen == [("a-function", "s3:ListBuckets", ["s3:ListAllMyBuckets"])]
