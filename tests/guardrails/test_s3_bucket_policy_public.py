from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount
from tests.recorded import BUCKET, recorded
from tests.samples import REGION, cloudtrail
from tests.scenario import Scenario

NAME = "s3_bucket_policy_public"
OBJECTS = f"arn:aws:s3:::{BUCKET}/*"
DOWNLOADS = {"Sid": "Downloads", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECTS}
LISTING = {**DOWNLOADS, "Sid": "Listing", "Principal": {"AWS": ["*", "arn:aws:iam::111122223333:root"]}}
PARTNER = {**DOWNLOADS, "Sid": "Partner", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
OFFICE = {**DOWNLOADS, "Sid": "Office", "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}}
TLS = {
    "Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": OBJECTS,
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}  # fmt: skip


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": "ours", "Statement": list(statements)}, indent=1)


def build(account: TestAccount) -> str:
    account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return BUCKET


def breach(account: TestAccount, bucket: str) -> dict[str, Any]:
    event = recorded(NAME)
    document = event["detail"]["requestParameters"]["bucketPolicy"]
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document, indent=1))
    return event


def state(account: TestAccount, bucket: str) -> Any:
    s3 = account.client("s3")
    try:
        return s3.get_bucket_policy(Bucket=bucket)["Policy"]
    except s3.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


SCENARIO = Scenario(NAME, build, breach, state)


def found(text: str | None, event: dict[str, Any] | None = None) -> list[Any]:
    return list(registry.get(NAME).remedies({"bucket": "b", "policy": text}, parse(event) if event else None, {}))


def put(document: Any) -> dict[str, Any]:
    return cloudtrail("s3:PutBucketPolicy", {"bucketName": BUCKET, "bucketPolicy": document, "policy": ""})


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(None, id="no policy"),
        pytest.param(policy(PARTNER), id="another account"),
        pytest.param(policy(OFFICE), id="everyone from the office"),
        pytest.param(policy(TLS), id="a denial for everyone"),
        pytest.param(policy(PARTNER, OFFICE, TLS), id="all of them"),
        pytest.param(policy(), id="no statement"),
    ],
)
def test_leaves_alone(innocent: str | None) -> None:
    assert found(innocent) == []


def test_remedies_only_the_public_statements() -> None:
    [remedy] = found(policy(TLS, DOWNLOADS, PARTNER, LISTING, OFFICE))
    assert remedy.why == "the policy of bucket b has 2 of 5 statements open to everyone"
    [fix] = remedy.fix
    assert fix.operation == "put_bucket_policy"
    assert json.loads(fix.params["Policy"]) == json.loads(policy(TLS, PARTNER, OFFICE))


def test_remedies_nothing_but_public_statements_by_deleting_the_policy() -> None:
    [remedy] = found(json.dumps({"Statement": DOWNLOADS}))
    assert [c.operation for c in remedy.fix] == ["delete_bucket_policy"]
    assert remedy.after is None


def test_the_rest_stays_and_the_undo_brings_the_text_back_as_it_was(account: TestAccount) -> None:
    bucket = build(account)
    text = policy(TLS, DOWNLOADS, PARTNER)
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=text)
    [finding] = account.deliver(put(json.loads(text)))
    assert finding.status == "fixed"
    assert json.loads(state(account, bucket)) == json.loads(policy(TLS, PARTNER))
    assert account.undo(finding).answer == "undone"
    assert state(account, bucket) == text


def test_the_order_that_s3_returns_principals_in_is_no_drift() -> None:
    rail = registry.get(NAME)
    one, other = (
        rail.current({"policy": policy({**PARTNER, "Principal": {"AWS": names}})}, "policy")
        for names in (["arn:1", "arn:2"], ["arn:2", "arn:1"])
    )
    assert one == other


def test_an_undo_does_not_overwrite_what_came_after_the_fix(account: TestAccount) -> None:
    bucket = build(account)
    [finding] = account.deliver(breach(account, bucket))
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy(PARTNER))
    assert "has changed since the fix" in account.undo(finding).answer
    assert state(account, bucket) == policy(PARTNER)


@pytest.mark.parametrize(
    ("document", "brought"),
    [
        (json.loads(policy(DOWNLOADS)), True),
        (policy(DOWNLOADS), True),
        (json.loads(policy(PARTNER)), False),
        (None, True),
    ],
)
def test_brought(document: Any, brought: bool) -> None:
    assert [remedy.brought for remedy in found(policy(DOWNLOADS), put(document))] == [brought]
