from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.access_block import CLOSED, FLAGS
from chalicelib.events import parse
from tests.account import TestAccount
from tests.recorded import BUCKET, recorded
from tests.samples import REGION, cloudtrail
from tests.scenario import Scenario

NAME = "s3_bucket_unblocked"
HALF = {**CLOSED, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
OPEN = dict.fromkeys(FLAGS, False)


def build(account: TestAccount) -> str:
    s3 = account.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    # AWS does this by itself for every new bucket, moto does not.
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=CLOSED)
    return BUCKET


def breach(account: TestAccount, bucket: str) -> dict[str, Any]:
    account.client("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=HALF)
    return recorded(NAME)


def state(account: TestAccount, bucket: str) -> Any:
    s3 = account.client("s3")
    try:
        return s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except s3.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


SCENARIO = Scenario(NAME, build, breach, state)


def found(block: dict[str, bool] | None, event: dict[str, Any] | None = None) -> list[Any]:
    return list(registry.get(NAME).remedies({"bucket": "b", "block": block}, parse(event) if event else None, {}))


def put(**flags: Any) -> dict[str, Any]:
    return cloudtrail(
        "s3:PutBucketPublicAccessBlock", {"bucketName": "b", "PublicAccessBlockConfiguration": {**CLOSED, **flags}}
    )


def test_leaves_alone_a_bucket_that_blocks_all() -> None:
    assert found(CLOSED) == []


@pytest.mark.parametrize(
    ("block", "why"),
    [
        *(({**CLOSED, flag: False}, f"bucket b has {flag} off") for flag in FLAGS),
        (HALF, "bucket b has BlockPublicPolicy, RestrictPublicBuckets off"),
        (OPEN, f"bucket b has {', '.join(FLAGS)} off"),
        (None, "bucket b has no public access block"),
    ],
)
def test_remedies(block: dict[str, bool] | None, why: str) -> None:
    [remedy] = found(block)
    assert (remedy.why, remedy.before, remedy.after) == (why, block, CLOSED)
    assert [c.params for c in remedy.fix] == [{"Bucket": "b", "PublicAccessBlockConfiguration": CLOSED}]


@pytest.mark.parametrize(
    ("block", "event", "brought"),
    [
        (HALF, put(BlockPublicPolicy=False), True),
        (HALF, put(BlockPublicPolicy="false"), True),
        (HALF, put(), False),
        (HALF, put(BlockPublicAcls=False), False),
        (OPEN, put(BlockPublicAcls=False), True),
        (None, cloudtrail("s3:DeleteBucketPublicAccessBlock", {"bucketName": "b", "publicAccessBlock": ""}), True),
        (None, put(), False),
    ],
)
def test_brought(block: dict[str, bool] | None, event: dict[str, Any], brought: bool) -> None:
    assert [remedy.brought for remedy in found(block, event)] == [brought]


def test_a_removed_block_comes_back_and_the_undo_removes_it_again(account: TestAccount) -> None:
    bucket = build(account)
    innocent = state(account, bucket)
    account.client("s3").delete_public_access_block(Bucket=bucket)
    [finding] = account.deliver(cloudtrail("s3:DeleteBucketPublicAccessBlock", {"bucketName": bucket}))
    assert (finding.status, finding.before) == ("fixed", None)
    assert state(account, bucket) == innocent
    assert account.undo(finding).answer == "undone"
    assert state(account, bucket) == "NoSuchPublicAccessBlockConfiguration"


def test_a_region_sweeps_its_own_buckets(account: TestAccount) -> None:
    account.client("s3", "us-east-1").create_bucket(Bucket="elsewhere")
    assert account.sweep(NAME) == []


def test_a_deleted_bucket_is_no_trouble(account: TestAccount) -> None:
    bucket = build(account)
    event = breach(account, bucket)
    account.client("s3").delete_bucket(Bucket=bucket)
    assert account.deliver(event) == []
