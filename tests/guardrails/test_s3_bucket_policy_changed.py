from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib import registry, reverts
from chalicelib.events import parse
from tests.account import TestAccount
from tests.guardrails.test_s3_bucket_policy_public import DOWNLOADS, OFFICE, TLS, state
from tests.guardrails.test_s3_bucket_policy_public import build as bucket
from tests.recorded import BUCKET
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "s3_bucket_policy_changed"


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def text(*statements: Any) -> str:
    return json.dumps(document(*statements))


def build(account: TestAccount) -> str:
    name = bucket(account)
    account.client("s3").put_bucket_policy(Bucket=name, Policy=text(OFFICE))
    return name


def put(*statements: Any) -> dict[str, Any]:
    request = {"bucketName": BUCKET, "bucketPolicy": document(*statements), "policy": ""}
    return cloudtrail("s3:PutBucketPolicy", request, detail_type=registry.REVERT)


def deleted() -> dict[str, Any]:
    return cloudtrail("s3:DeleteBucketPolicy", {"bucketName": BUCKET, "policy": ""}, detail_type=registry.REVERT)


def created() -> dict[str, Any]:
    return cloudtrail("s3:CreateBucket", {"bucketName": BUCKET})


def asked(earlier: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """A change's record, as it is handled when somebody wants it taken back."""
    return {**now, "detail": {**now["detail"], reverts.EARLIER: earlier}}


def change(account: TestAccount, name: str) -> dict[str, Any]:
    changed = json.dumps(document(TLS, OFFICE), indent=1)
    account.client("s3").put_bucket_policy(Bucket=name, Policy=changed)
    return asked(put(OFFICE), put(OFFICE, TLS))


def delete(account: TestAccount, name: str) -> dict[str, Any]:
    account.client("s3").delete_bucket_policy(Bucket=name)
    return asked(put(OFFICE), deleted())


def first(account: TestAccount, name: str) -> dict[str, Any]:
    account.client("s3").put_bucket_policy(Bucket=name, Policy=text(TLS))
    return asked(created(), put(TLS))


SCENARIO = Scenario(
    NAME, build, change, state, also=(Scenario(NAME, build, delete, state), Scenario(NAME, bucket, first, state))
)


def found(event: dict[str, Any], stands: str | None) -> list[Any]:
    return list(registry.get(NAME).remedies({"bucket": BUCKET, "policy": stands}, parse(event), {}))


@pytest.mark.parametrize("stands", [None, text(OFFICE), text(TLS, OFFICE, DOWNLOADS)])
def test_leaves_alone_what_is_otherwise_by_now(stands: str | None) -> None:
    assert found(asked(put(OFFICE), put(TLS)), stands) == []


def test_leaves_alone_without_an_event() -> None:
    assert list(registry.get(NAME).remedies({}, None, {})) == []


def test_remedies_by_the_policy_before() -> None:
    [remedy] = found(asked(put(OFFICE), put(OFFICE, TLS)), text(TLS, OFFICE))
    assert remedy.why == f"alice changed the policy of bucket {BUCKET}, to be taken back"
    [fix], [undo] = remedy.fix, remedy.undo
    assert (fix.operation, json.loads(fix.params["Policy"])) == ("put_bucket_policy", document(OFFICE))
    assert (undo.operation, undo.params["Policy"]) == ("put_bucket_policy", text(TLS, OFFICE))


@pytest.mark.parametrize("earlier", [created(), deleted()])
def test_remedies_by_none_where_there_was_none(earlier: dict[str, Any]) -> None:
    [remedy] = found(asked(earlier, put(TLS)), text(TLS))
    assert ([one.operation for one in remedy.fix], remedy.after) == (["delete_bucket_policy"], None)


def test_remedies_a_deletion() -> None:
    [remedy] = found(asked(put(TLS), deleted()), None)
    assert remedy.why == f"alice deleted the policy of bucket {BUCKET}, to be taken back"
    assert [one.operation for one in (*remedy.fix, *remedy.undo)] == ["put_bucket_policy", "delete_bucket_policy"]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (asked(None, put(TLS)), "the ledger does not tell"),
        (asked(put(OFFICE, DOWNLOADS), put(TLS)), "granted something to everyone"),
        (asked(put(OFFICE, TLS), put(TLS, OFFICE)), "as it was"),
        (asked(put(OFFICE), cloudtrail("s3:PutBucketPolicy", {"bucketName": BUCKET})), "too long"),
        (asked(cloudtrail("s3:PutBucketPolicy", {"bucketName": BUCKET}), put(TLS)), "too long"),
    ],
)
def test_tells_what_is_not_certain(event: dict[str, Any], why: str) -> None:
    assert why in reverts.sorry(parse(event))
