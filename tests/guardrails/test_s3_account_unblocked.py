from __future__ import annotations

from typing import Any

from chalicelib import registry
from chalicelib.access_block import CLOSED
from chalicelib.events import parse
from tests.account import TestAccount
from tests.recorded import recorded
from tests.samples import ACCOUNT, cloudtrail
from tests.scenario import Scenario

NAME = "s3_account_unblocked"
HALF = {**CLOSED, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


def build(account: TestAccount) -> str:
    account.client("s3control").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=CLOSED)
    return ACCOUNT


def breach(account: TestAccount, resource: str) -> dict[str, Any]:
    account.client("s3control").delete_public_access_block(AccountId=resource)
    return recorded(NAME)


def state(account: TestAccount, resource: str) -> Any:
    s3control = account.client("s3control")
    try:
        return s3control.get_public_access_block(AccountId=resource)["PublicAccessBlockConfiguration"]
    except s3control.exceptions.NoSuchPublicAccessBlockConfiguration:
        return None


SCENARIO = Scenario(NAME, build, breach, state)


def put(**flags: Any) -> dict[str, Any]:
    return cloudtrail(
        "s3:PutAccountPublicAccessBlock",
        {"accountId": ACCOUNT, "PublicAccessBlockConfiguration": {**CLOSED, **flags}},
    )


def found(block: dict[str, bool] | None, event: dict[str, Any] | None = None) -> list[Any]:
    return list(registry.get(NAME).remedies({"account": ACCOUNT, "block": block}, parse(event) if event else None, {}))


def test_leaves_alone_an_account_that_blocks_all() -> None:
    assert found(CLOSED) == []


def test_remedies_an_absent_block() -> None:
    [remedy] = found(None)
    assert remedy.why == f"account {ACCOUNT} has no public access block"
    assert [c.operation for c in remedy.undo] == ["delete_public_access_block"]


def test_only_who_switched_a_flag_off_is_blamed() -> None:
    assert [remedy.brought for remedy in found(HALF, put(BlockPublicPolicy=False))] == [True]
    assert [remedy.brought for remedy in found(HALF, put())] == [False]


def test_a_weakened_block_is_put_right_and_its_flags_come_back_on_undo(account: TestAccount) -> None:
    build(account)
    account.client("s3control").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=HALF)
    [finding] = account.deliver(put(BlockPublicPolicy=False, RestrictPublicBuckets=False))
    assert (finding.status, finding.violation.region) == ("fixed", "global")
    assert state(account, ACCOUNT) == CLOSED
    assert account.undo(finding).answer == "undone"
    assert state(account, ACCOUNT) == HALF
