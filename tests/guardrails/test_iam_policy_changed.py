from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib import registry, reverts
from chalicelib.events import parse
from tests.account import TestAccount
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "iam_policy_changed"
ARN = "arn:aws:iam::123456789012:policy/shop/orders"


def document(*actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def build(account: TestAccount) -> str:
    iam = account.client("iam")
    iam.create_policy(PolicyName="orders", Path="/shop/", PolicyDocument=json.dumps(document("sqs:SendMessage")))
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
        iam.create_policy_version(PolicyArn=ARN, PolicyDocument=json.dumps(document(action)))
    return ARN


def made(version: str, *, default: Any = True) -> dict[str, Any]:
    return cloudtrail(
        "iam:CreatePolicyVersion", {"policyArn": ARN, "policyDocument": "{}", "setAsDefault": default},
        {"policyVersion": {"versionId": version, "isDefaultVersion": default}},
        region="us-east-1", detail_type=registry.REVERT,
    )  # fmt: skip


def created() -> dict[str, Any]:
    return cloudtrail(
        "iam:CreatePolicy", {"policyName": "orders", "path": "/shop/"},
        {"policy": {"arn": ARN, "defaultVersionId": "v1"}}, region="us-east-1",
    )  # fmt: skip


def chosen(version: str) -> dict[str, Any]:
    return cloudtrail(
        "iam:SetDefaultPolicyVersion", {"policyArn": ARN, "versionId": version},
        region="us-east-1", detail_type=registry.REVERT,
    )  # fmt: skip


def asked(earlier: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """A change's record, as it is handled when somebody wants it taken back."""
    return {**now, "detail": {**now["detail"], reverts.EARLIER: earlier}}


def choose(account: TestAccount, arn: str) -> dict[str, Any]:
    account.client("iam").set_default_policy_version(PolicyArn=arn, VersionId="v2")
    return asked(created(), chosen("v2"))


def make(account: TestAccount, arn: str) -> dict[str, Any]:
    text = json.dumps(document("sqs:PurgeQueue"))
    account.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
    return asked(chosen("v1"), made("v4"))


def state(account: TestAccount, arn: str) -> Any:
    return account.client("iam").get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]


SCENARIO = Scenario(NAME, build, choose, state, also=(Scenario(NAME, build, make, state),))


def found(event: dict[str, Any], counts: str = "v3", **others: Any) -> list[Any]:
    policy = {"Arn": ARN, "PolicyName": "orders", "DefaultVersionId": counts, "Others": others}
    return list(registry.get(NAME).remedies(policy, parse(event), {}))


@pytest.mark.parametrize("counts", ["v1", "v4"])
def test_leaves_alone_what_counts_otherwise_by_now(counts: str) -> None:
    assert found(asked(created(), chosen("v3")), counts, v1=document("sqs:SendMessage")) == []


def test_leaves_alone_without_an_event() -> None:
    assert list(registry.get(NAME).remedies({}, None, {})) == []


@pytest.mark.parametrize("earlier", [created(), made("v1"), chosen("v1")])
@pytest.mark.parametrize("now", [made("v3"), chosen("v3")])
def test_remedies_by_what_counted_before(earlier: dict[str, Any], now: dict[str, Any]) -> None:
    [remedy] = found(asked(earlier, now), v1=document("sqs:*"), v2=document("*"))
    assert remedy.why == "alice had v3 of policy orders count, where v1 did, to be taken back"
    assert (remedy.before, remedy.after) == ({"DefaultVersionId": "v3"}, {"DefaultVersionId": "v1"})
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params == {"PolicyArn": ARN, "VersionId": "v1"}
    assert undo.params == {"PolicyArn": ARN, "VersionId": "v3"}


def test_remedies_a_second_version_by_the_first() -> None:
    [remedy] = found(asked(None, made("v2")), "v2", v1=document("sqs:SendMessage"))
    assert remedy.after == {"DefaultVersionId": "v1"}


def test_tells_what_is_there_no_more() -> None:
    with pytest.raises(reverts.Uncertain, match="there no more"):
        found(asked(created(), chosen("v3")), v2=document("sqs:SendMessage"))


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": ["sqs:SendMessage", "*:*"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["?*"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
    ],
)
def test_tells_what_would_allow_every_action(statement: dict[str, Any]) -> None:
    with pytest.raises(reverts.Uncertain, match="allows every action"):
        found(asked(created(), chosen("v3")), v1={"Statement": statement})


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (asked(None, made("v3")), "the ledger does not tell"),
        (asked(None, chosen("v2")), "the ledger does not tell"),
        (asked(created(), made("v3", default=False)), "did not change which version"),
        (asked(chosen("v3"), chosen("v3")), "the same version"),
    ],
)
def test_tells_what_is_not_certain(event: dict[str, Any], why: str) -> None:
    assert why in reverts.sorry(parse(event))
