from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount
from tests.recorded import recorded
from tests.samples import ALICE, ROOT, assumed, cloudtrail
from tests.scenario import Scenario

NAME = "iam_access_key_for_other"
SAMPLE = recorded(NAME)
KEY = "AKIAEXAMPLEBOB000000"
BOB = {**ALICE, "arn": "arn:aws:iam::123456789012:user/bob", "userName": "bob"}


def build(account: TestAccount) -> str:
    iam = account.client("iam")
    iam.create_user(UserName="bob")
    iam.create_access_key(UserName="bob")
    return "bob"


def breach(account: TestAccount, user: str) -> dict[str, Any]:
    made = account.client("iam").create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    return recorded(NAME, {KEY: made})


def state(account: TestAccount, user: str) -> Any:
    """The keys that work."""
    keys = account.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
    return sorted(key["AccessKeyId"] for key in keys if key["Status"] == "Active")


SCENARIO = Scenario(NAME, build, breach, state)


def made(identity: Any, request: dict[str, Any] | None, user: str = "bob") -> dict[str, Any]:
    key = {"userName": user, "accessKeyId": KEY, "status": "Active"}
    return cloudtrail("iam:CreateAccessKey", request, {"accessKey": key}, identity=identity, region="us-east-1")


def found(event: dict[str, Any] | None, status: str = "Active") -> list[Any]:
    keys = [{"AccessKeyId": "AKIAEXAMPLEOLD000000", "Status": "Active"}, {"AccessKeyId": KEY, "Status": status}]
    return list(registry.get(NAME).remedies(keys, parse(event) if event else None, {}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(made(BOB, None), id="for oneself"),
        pytest.param(made(BOB, {}), id="for oneself, with empty parameters"),
        pytest.param(made(BOB, {"userName": "bob"}), id="for oneself by name"),
        pytest.param(made(ROOT, None, "root"), id="root's own key is another matter"),
        pytest.param(None, id="no event"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any] | None) -> None:
    assert found(innocent) == []


def test_leaves_alone_a_key_that_does_not_work_or_is_deleted() -> None:
    assert found(SAMPLE, "Inactive") == []
    assert list(registry.get(NAME).remedies([], parse(SAMPLE), {})) == []


@pytest.mark.parametrize("identity", [ALICE, ROOT, assumed("deploy", "bob")])
def test_remedies_only_the_new_key(identity: Any) -> None:
    [remedy] = found(made(identity, {"userName": "bob"}))
    assert remedy.part == KEY
    assert [fix.params for fix in remedy.fix] == [{"UserName": "bob", "AccessKeyId": KEY, "Status": "Inactive"}]
    assert [undo.params for undo in remedy.undo] == [{"UserName": "bob", "AccessKeyId": KEY, "Status": "Active"}]


def test_asks_and_sees_that_somebody_else_has_dealt_with_it(account: TestAccount) -> None:
    event = breach(account, build(account))
    [finding] = account.deliver(event)
    assert (finding.status, finding.violation.region) == ("asked", "global")
    account.client("iam").delete_access_key(UserName="bob", AccessKeyId=finding.violation.part)
    [finding] = account.sweep(NAME)
    assert finding.status == "gone"


def test_the_sweep_leaves_standing_what_it_cannot_judge(account: TestAccount) -> None:
    account.deliver(breach(account, build(account)))
    [finding] = account.sweep(NAME)
    assert finding.status == "asked"


def test_what_is_gone_is_no_finding(account: TestAccount) -> None:
    assert account.deliver(SAMPLE) == []
