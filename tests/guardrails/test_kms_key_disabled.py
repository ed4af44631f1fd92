from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from tests.account import TestAccount
from tests.recorded import KEY, recorded
from tests.scenario import Scenario

NAME = "kms_key_disabled"


def build(account: TestAccount) -> str:
    return str(account.client("kms").create_key(Description="invoices")["KeyMetadata"]["KeyId"])


def breach(account: TestAccount, key: str) -> dict[str, Any]:
    account.client("kms").disable_key(KeyId=key)
    return recorded(NAME, {KEY: key})


def state(account: TestAccount, key: str) -> Any:
    return account.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]


SCENARIO = Scenario(NAME, build, breach, state)


def found(key_state: str, manager: str = "CUSTOMER") -> list[Any]:
    return list(registry.get(NAME).remedies({"KeyId": KEY, "KeyManager": manager, "KeyState": key_state}, None, {}))


@pytest.mark.parametrize("innocent", ["Enabled", "PendingDeletion", "PendingReplicaDeletion", "PendingImport"])
def test_leaves_alone(innocent: str) -> None:
    assert found(innocent) == []


def test_leaves_alone_a_key_of_aws() -> None:
    assert found("Disabled", "AWS") == []


def test_remedies() -> None:
    [remedy] = found("Disabled")
    assert remedy.why == f"KMS key {KEY} is disabled"
    assert [c.params for c in remedy.fix] == [{"KeyId": KEY}]


def test_a_key_retired_long_ago_is_told_and_left(account: TestAccount) -> None:
    key = build(account)
    breach(account, key)
    [finding] = account.sweep(NAME)
    assert (finding.status, state(account, key)) == ("observed", "Disabled")
