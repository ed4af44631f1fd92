from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from local.seed import managed_policies
from tests.account import TestAccount
from tests.recorded import recorded
from tests.samples import ACCOUNT, cloudtrail
from tests.scenario import Scenario

NAME = "iam_admin_policy_attached"
SAMPLE = recorded(NAME)
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READ = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SUBJECTS = {"user": "bob", "role": "deploy", "group": "ops"}


def build(account: TestAccount) -> str:
    managed_policies(ACCOUNT)
    iam = account.client("iam")
    iam.create_user(UserName="bob")
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    iam.create_group(GroupName="ops")
    for kind in SUBJECTS:
        attach(account, kind, READ)
    return "user/bob"


def attach(account: TestAccount, kind: str, arn: str) -> dict[str, Any]:
    name = SUBJECTS[kind]
    getattr(account.client("iam"), f"attach_{kind}_policy")(**{f"{kind.capitalize()}Name": name, "PolicyArn": arn})
    request = {f"{kind}Name": name, "policyArn": arn}
    return cloudtrail(f"iam:Attach{kind.capitalize()}Policy", request, region="us-east-1")


def breach(account: TestAccount, _resource: str) -> dict[str, Any]:
    attach(account, "user", ADMIN)
    return recorded(NAME)


def state(account: TestAccount, _resource: str) -> Any:
    iam = account.client("iam")
    return {
        kind: sorted(
            one["PolicyArn"]
            for one in getattr(iam, f"list_attached_{kind}_policies")(**{f"{kind.capitalize()}Name": name})[
                "AttachedPolicies"
            ]
        )
        for kind, name in SUBJECTS.items()
    }


def other(kind: str) -> Scenario:
    def build_other(account: TestAccount) -> str:
        build(account)
        return f"{kind}/{SUBJECTS[kind]}"

    return Scenario(NAME, build_other, lambda account, _resource: attach(account, kind, ADMIN), state)


SCENARIO = Scenario(NAME, build, breach, state, also=(other("role"), other("group")))


def found(
    *policies: str,
    subject: str = "user/bob",
    owned: bool = False,
    allowed: Iterable[str] = (),
    event: dict[str, Any] | None = None,
) -> list[Any]:
    state = {"subject": subject, "owned": owned, "policies": list(policies)}
    options = {"allowed": tuple(allowed)}
    return list(registry.get(NAME).remedies(state, parse(event) if event else None, options))


@pytest.mark.parametrize(
    "innocent",
    [
        READ,
        "arn:aws:iam::aws:policy/AdministratorAccess-Amplify",
        "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
        f"arn:aws:iam::{ACCOUNT}:policy/AdministratorAccess",
    ],
)
def test_leaves_alone(innocent: str) -> None:
    assert found(innocent) == []


def test_leaves_alone_what_is_meant_to_have_it() -> None:
    assert found(ADMIN, subject="role/deploy", allowed=["role/deploy"]) == []
    assert found(ADMIN, subject="role/AWSReservedSSO_Admin_0123456789abcdef", owned=True) == []
    assert len(found(ADMIN, subject="user/deploy", allowed=["role/deploy"])) == 1


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize(("kind", "name"), SUBJECTS.items())
def test_remedies_only_administrator_access(kind: str, name: str, partition: str) -> None:
    arn = ADMIN.replace("arn:aws:", f"arn:{partition}:")
    [remedy] = found(READ, arn, subject=f"{kind}/{name}")
    params = {f"{kind.capitalize()}Name": name, "PolicyArn": arn}
    assert remedy.part == arn
    assert [(fix.operation, fix.params) for fix in remedy.fix] == [(f"detach_{kind}_policy", params)]
    assert [(undo.operation, undo.params) for undo in remedy.undo] == [(f"attach_{kind}_policy", params)]


@pytest.mark.parametrize("kind", SUBJECTS)
def test_users_roles_and_groups(account: TestAccount, kind: str) -> None:
    build(account)
    innocent = state(account, "")
    account.enforce()
    event = attach(account, kind, ADMIN)
    broken = state(account, "")
    [finding] = account.deliver(event)
    assert (finding.status, finding.violation.resource) == ("fixed", f"{kind}/{SUBJECTS[kind]}")
    assert finding.violation.region == "global"
    assert state(account, "") == innocent
    assert account.undo(finding).answer == "undone"
    assert state(account, "") == broken


def test_the_sweep_finds_all_three_and_asks(account: TestAccount) -> None:
    build(account)
    for kind in SUBJECTS:
        attach(account, kind, ADMIN)
    findings = account.sweep(NAME)
    assert {finding.violation.resource for finding in findings} == {"user/bob", "role/deploy", "group/ops"}
    assert {finding.status for finding in findings} == {"asked"}


def test_a_role_that_aws_owns_is_known_by_its_path_and_not_by_its_name(account: TestAccount) -> None:
    managed_policies(ACCOUNT)
    iam = account.client("iam")
    reserved = "/aws-reserved/sso.amazonaws.com/"
    for name, path in (("AWSReservedSSO_Real", reserved), ("AWSReservedSSO_Fake", "/")):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument="{}")
        iam.attach_role_policy(RoleName=name, PolicyArn=ADMIN)
    assert [finding.violation.resource for finding in account.sweep(NAME)] == ["role/AWSReservedSSO_Fake"]


def test_what_the_event_did_not_bring_is_not_blamed_on_its_actor(account: TestAccount) -> None:
    build(account)
    attach(account, "user", ADMIN)
    [finding] = account.deliver(attach(account, "user", READ))
    assert (finding.origin, finding.status, finding.actor) == ("sweep", "asked", None)


def test_what_is_gone_is_no_finding(account: TestAccount) -> None:
    assert account.deliver(SAMPLE) == []
