from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalicelib import registry
from tests.account import TestAccount
from tests.samples import ACCOUNT
from tests.scenario import Scenario

NAME = "ec2_ebs_encryption_off"
SAMPLE = Path(__file__).parents[1] / "events" / f"{NAME}.json"
OTHER_REGION = "us-east-1"


def build(account: TestAccount) -> str:
    account.client("ec2").enable_ebs_encryption_by_default()
    return ACCOUNT


def breach(account: TestAccount, _account_id: str) -> dict[str, Any]:
    account.client("ec2").disable_ebs_encryption_by_default()
    event: dict[str, Any] = json.loads(SAMPLE.read_text("utf-8"))
    return event


def state(account: TestAccount, _account_id: str) -> Any:
    return account.client("ec2").get_ebs_encryption_by_default()["EbsEncryptionByDefault"]


SCENARIO = Scenario(NAME, build, breach, state)


def test_leaves_alone() -> None:
    assert registry.get(NAME).remedies({"EbsEncryptionByDefault": True}, None, {}) == ()


def test_remedies() -> None:
    [remedy] = registry.get(NAME).remedies({"EbsEncryptionByDefault": False}, None, {})
    assert [c.operation for c in remedy.fix] == ["enable_ebs_encryption_by_default"]
    assert [c.operation for c in remedy.undo] == ["disable_ebs_encryption_by_default"]


def test_each_region_has_its_own(account: TestAccount) -> None:
    elsewhere = account.client("ec2", OTHER_REGION)
    elsewhere.disable_ebs_encryption_by_default()
    [finding] = account.deliver(breach(account, build(account)))
    assert (finding.violation.region, finding.status) == ("eu-west-1", "fixed")
    assert elsewhere.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
