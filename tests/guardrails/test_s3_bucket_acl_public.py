from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount, canonical
from tests.recorded import BUCKET, recorded
from tests.samples import REGION, cloudtrail
from tests.scenario import Scenario

NAME = "s3_bucket_acl_public"
GROUPS = "http://acs.amazonaws.com/groups"
OWNER = {"ID": "0" * 63 + "1"}


def grant(permission: str, group: str = "", user: str = OWNER["ID"]) -> dict[str, Any]:
    grantee = {"Type": "Group", "URI": f"{GROUPS}/{group}"} if group else {"Type": "CanonicalUser", "ID": user}
    return {"Grantee": grantee, "Permission": permission}


MINE = grant("FULL_CONTROL")
PARTNER = grant("READ", user="0" * 63 + "2")
LOGS = grant("WRITE", "s3/LogDelivery")
WORLD = grant("READ", "global/AllUsers")
ACCOUNTS = grant("READ_ACP", "global/AuthenticatedUsers")


def put(account: TestAccount, bucket: str, *grants: dict[str, Any]) -> None:
    account.client("s3").put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Grants": list(grants), "Owner": OWNER})


def build(account: TestAccount) -> str:
    account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    put(account, BUCKET, MINE, LOGS)
    return BUCKET


def breach(account: TestAccount, bucket: str) -> dict[str, Any]:
    put(account, bucket, MINE, LOGS, WORLD)
    return recorded(NAME)


def state(account: TestAccount, bucket: str) -> Any:
    acl = account.client("s3").get_bucket_acl(Bucket=bucket)
    return sorted(canonical(acl["Grants"]), key=str), canonical(acl["Owner"])


SCENARIO = Scenario(NAME, build, breach, state)


def found(*grants: dict[str, Any], event: dict[str, Any] | None = None) -> list[Any]:
    acl = {"Grants": list(grants), "Owner": OWNER}
    return list(registry.get(NAME).remedies({"bucket": "b", "acl": acl}, parse(event) if event else None, {}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param((MINE,), id="the owner"),
        pytest.param((MINE, PARTNER), id="another account"),
        pytest.param((MINE, LOGS), id="log delivery is a group too"),
        pytest.param((), id="nobody"),
    ],
)
def test_leaves_alone(innocent: tuple[dict[str, Any], ...]) -> None:
    assert found(*innocent) == []


@pytest.mark.parametrize(
    ("guilty", "told"),
    [
        ((WORLD,), "READ to everyone"),
        ((ACCOUNTS,), "READ_ACP to every AWS account"),
        ((WORLD, ACCOUNTS), "READ to everyone, READ_ACP to every AWS account"),
    ],
)
def test_remedies_only_the_public_grants(guilty: tuple[dict[str, Any], ...], told: str) -> None:
    [remedy] = found(MINE, *guilty, PARTNER, LOGS)
    assert remedy.why == f"the ACL of bucket b grants {told}"
    [fix] = remedy.fix
    assert fix.params["AccessControlPolicy"] == {"Grants": [MINE, PARTNER, LOGS], "Owner": OWNER}
    [undo] = remedy.undo
    assert undo.params["AccessControlPolicy"] == {"Grants": [MINE, *guilty, PARTNER, LOGS], "Owner": OWNER}


@pytest.mark.parametrize(
    ("request_", "brought"),
    [
        (recorded(NAME)["detail"]["requestParameters"], True),
        ({"bucketName": "b", "x-amz-acl": "public-read"}, True),
        ({"bucketName": "b", "x-amz-acl": ["public-read-write"]}, True),
        ({"bucketName": "b", "x-amz-acl": "authenticated-read"}, True),
        ({"bucketName": "b", "x-amz-grant-write": f'uri="{GROUPS}/global/AllUsers"'}, True),
        ({"bucketName": "b", "x-amz-acl": "private"}, False),
        ({"bucketName": "public-read", "Host": "public-read.s3.amazonaws.com", "x-amz-acl": "private"}, False),
        ({"bucketName": "b", "AccessControlPolicy": {"AccessControlList": {"Grant": {"Permission": "READ"}}}}, False),
    ],
)
def test_brought(request_: dict[str, Any], brought: bool) -> None:
    event = cloudtrail("s3:PutBucketAcl", request_)
    assert [remedy.brought for remedy in found(MINE, WORLD, event=event)] == [brought]
