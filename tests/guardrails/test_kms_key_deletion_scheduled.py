from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from chalicelib.remediation import LEASE
from tests.account import TestAccount
from tests.recorded import KEY, recorded
from tests.samples import ACCOUNT, REGION, cloudtrail
from tests.scenario import Scenario
from tests.wire import Crash, Made

NAME = "kms_key_deletion_scheduled"
AT = 1_795_000_000.0


def build(account: TestAccount) -> str:
    return str(account.client("kms").create_key(Description="invoices")["KeyMetadata"]["KeyId"])


def breach(account: TestAccount, key: str) -> dict[str, Any]:
    account.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    return recorded(NAME, {KEY: key})


def state(account: TestAccount, key: str) -> Any:
    return account.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]


SCENARIO = Scenario(NAME, build, breach, state)


def pending(days: float = 7, **changes: Any) -> dict[str, Any]:
    """A key's metadata, `days` before its deletion."""
    given = {
        "KeyId": KEY, "KeyManager": "CUSTOMER", "KeyState": "PendingDeletion",
        "DeletionDate": datetime.fromtimestamp(AT, UTC) + timedelta(days=days), **changes,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def found(key: dict[str, Any], event: dict[str, Any] | None = None) -> list[Any]:
    return list(registry.get(NAME).remedies(key, parse(event) if event else None, {}))


@pytest.mark.parametrize(
    "innocent",
    [
        *(pytest.param(pending(KeyState=s), id=s) for s in ("Enabled", "Disabled", "PendingImport", "Unavailable")),
        pytest.param(pending(KeyManager="AWS"), id="a key of AWS's own"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(innocent) == []


def test_remedies_by_cancelling_and_enabling() -> None:
    [remedy] = found(pending())
    assert remedy.why == f"KMS key {KEY} will be deleted on 2026-11-25"
    assert [c.operation for c in remedy.fix] == ["cancel_key_deletion", "enable_key"]
    assert all(c.params == {"KeyId": KEY} for c in remedy.fix)


@pytest.mark.parametrize("event", [recorded(NAME), None])
def test_the_undo_waits_as_long_as_it_can(event: dict[str, Any] | None) -> None:
    [remedy] = found(pending(7), event)
    assert [c.params for c in remedy.undo] == [{"KeyId": KEY, "PendingWindowInDays": 30}]


def test_a_primary_key_waits_for_its_replicas() -> None:
    key = pending(DeletionDate=None, KeyState="PendingReplicaDeletion", PendingDeletionWindowInDays=11)
    [remedy] = found(key, recorded(NAME))
    assert (remedy.why, remedy.before) == (
        f"KMS key {KEY} will be deleted once its replicas are gone",
        "PendingReplicaDeletion",
    )


@pytest.mark.parametrize("named", ["requestParameters.keyId", "resources[].ARN"])
def test_a_key_has_one_name_however_it_is_called(account: TestAccount, named: str) -> None:
    key = build(account)
    account.client("kms").schedule_key_deletion(KeyId=key)
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    request = {"keyId": arn} if named.startswith("request") else None
    resources = [{"ARN": arn, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}]
    [finding] = account.deliver(cloudtrail("kms:ScheduleKeyDeletion", request, resources=resources))
    assert (finding.violation.resource, finding.status, state(account, key)) == (key, "fixed", "Enabled")


@pytest.mark.parametrize("call", ["kms:CancelKeyDeletion", "kms:EnableKey"])
@pytest.mark.parametrize("fault", ["crash before", "crash after"])
def test_a_crash_between_its_two_calls_ends_with_the_key_enabled(account: TestAccount, call: str, fault: Any) -> None:
    key = build(account)
    event = breach(account, key)

    def when(_number: int, made: Made) -> Any:
        return fault if made.name == call else None

    account.wire.fail(when)
    with pytest.raises(Crash):
        account.deliver(event)
    account.wire.calm()
    account.clock.forward(LEASE + 1)
    [finding] = account.deliver(event)
    assert (finding.status, state(account, key)) == ("fixed", "Enabled")
    assert account.undo(finding).answer == "undone"
    assert state(account, key) == "PendingDeletion"
