"""CloudTrail events as EventBridge delivers them, with synthetic ids."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

ACCOUNT = "123456789012"
REGION = "eu-west-1"
SOURCES = {"s3control": "s3"}
ALICE: Mapping[str, Any] = {
    "type": "IAMUser",
    "principalId": "AIDAEXAMPLEALICE",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    "accountId": ACCOUNT,
    "accessKeyId": "AKIAEXAMPLEALICE0000",
    "userName": "alice",
}
ROOT: Mapping[str, Any] = {
    "type": "Root",
    "principalId": ACCOUNT,
    "arn": f"arn:aws:iam::{ACCOUNT}:root",
    "accountId": ACCOUNT,
    "accessKeyId": "",
}
_numbers = itertools.count(1)
# When calls are made, unless a test says otherwise; an account's clock sets it.
clock: list[Callable[[], float]] = [lambda: 1_795_000_000.0]


def assumed(role: str, session: str = "session") -> Mapping[str, Any]:
    """The identity of an assumed role's session."""
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}",
        "accountId": ACCOUNT,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLE",
                "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
                "accountId": ACCOUNT,
                "userName": role,
            },
            "attributes": {"creationDate": "2026-11-21T08:00:00Z", "mfaAuthenticated": "false"},
        },
    }


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cloudtrail(
    action: str,
    request: Mapping[str, Any] | None = None,
    response: Mapping[str, Any] | None = None,
    *,
    identity: Mapping[str, Any] = ALICE,
    region: str = REGION,
    account: str = ACCOUNT,
    at: float | None = None,
    error: str = "",
    detail_type: str = "AWS API Call via CloudTrail",
    **more: Any,
) -> dict[str, Any]:
    """One call, written `ec2:StopInstances`, as EventBridge delivers it."""
    service, name = action.split(":")
    number, at = next(_numbers), clock[0]() if at is None else at
    detail: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": dict(identity),
        "eventTime": moment(at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": request,
        "responseElements": response,
        "requestID": f"00000000-0000-4000-8000-{number:012d}",
        "eventID": f"00000000-0000-4000-9000-{number:012d}",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        **more,
    }
    if error:
        detail |= {"errorCode": error, "errorMessage": "no", "responseElements": None}
    return {
        "version": "0",
        "id": f"00000000-0000-4000-a000-{number:012d}",
        "detail-type": detail_type,
        "source": f"aws.{service}",
        "account": account,
        "time": moment(at),
        "region": region,
        "resources": [],
        "detail": detail,
    }
