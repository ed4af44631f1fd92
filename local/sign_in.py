"""Console sign-ins: the one kind of event that no API call over the wire makes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

REGION = "us-east-1"


def event(account: str, user: str, *, mfa: bool, at: float) -> dict[str, Any]:
    """Return the event of a console sign-in, as EventBridge delivers it; `root` signs in as root."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity: dict[str, Any] = {
        "type": "IAMUser",
        "principalId": f"AIDALOCAL{user.upper()}",
        "arn": f"arn:aws:iam::{account}:user/{user}",
        "accountId": account,
        "userName": user,
    }
    if user == "root":
        identity = {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account}
    frame = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS Console Sign In via CloudTrail",
        "source": "aws.signin",
        "account": account,
        "time": moment,
        "region": REGION,
        "resources": [],
    }
    detail = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": moment,
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "Mozilla/5.0",
        "requestParameters": None,
        "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {"MobileVersion": "No", "MFAUsed": "Yes" if mfa else "No"},
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsConsoleSignIn",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    return {**frame, "detail": detail}
