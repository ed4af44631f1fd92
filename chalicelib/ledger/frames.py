"""The calls that Parapet may know how to take back: of these the ledger keeps what says how; pure.

Of all others it keeps one line. What is kept is named here, so that nothing else of a call comes into the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

LARGEST = 30_000
_WHOLE: Mapping[str, Any] = {}
# Nothing is called so.
_NOTHING = {"none": _WHOLE}
_WHO = {
    "type": _WHOLE, "arn": _WHOLE, "userName": _WHOLE, "invokedBy": _WHOLE,
    "sessionContext": {"sessionIssuer": {"arn": _WHOLE}},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """Which guardrails may take a call back, and what of its request and its answer is kept; empty: all beneath."""

    guardrails: tuple[str, ...]
    request: Mapping[str, Any]
    answer: Mapping[str, Any]


_RULES = Kept(
    ("ec2_security_group_changed",),
    dict.fromkeys(
        ("groupId", "ipPermissions", "securityGroupRuleIds", "ipProtocol", "fromPort", "toPort", "cidrIp"), _WHOLE
    ),
    {"securityGroupRuleSet": _WHOLE, "revokedSecurityGroupRuleSet": _WHOLE, "unknownIpPermissionSet": _WHOLE},
)  # fmt: skip
_DEPLOYED = Kept(
    ("ecs_service_changed", "ecs_service_resized"),
    {"cluster": _WHOLE, "service": _WHOLE, "taskDefinition": _WHOLE, "desiredCount": _WHOLE},
    {
        "service": {
            "serviceArn": _WHOLE,
            "desiredCount": _WHOLE,
            "deployments": {"status": _WHOLE, "taskDefinition": _WHOLE},
        }
    },
)
_MOVED = Kept(
    ("lambda_alias_changed",),
    {"functionName": _WHOLE, "name": _WHOLE, "functionVersion": _WHOLE, "routingConfig": _WHOLE},
    {"aliasArn": _WHOLE, "functionVersion": _WHOLE, "routingConfig": _WHOLE},
)
_RESIZED = Kept(("autoscaling_group_resized",), {"autoScalingGroupName": _WHOLE, "desiredCapacity": _WHOLE}, _NOTHING)
_DEFAULTED = Kept(
    ("iam_policy_changed",),
    {"policyArn": _WHOLE, "versionId": _WHOLE, "setAsDefault": _WHOLE},
    {"policyVersion": {"versionId": _WHOLE}, "policy": {"arn": _WHOLE, "defaultVersionId": _WHOLE}},
)
_ALLOWED = Kept(("s3_bucket_policy_changed",), {"bucketName": _WHOLE, "bucketPolicy": _WHOLE}, _NOTHING)
# By the name that CloudTrail has for it.
CALLS: Mapping[tuple[str, str], Kept] = {
    **{
        ("aws.ec2", f"{verb}SecurityGroup{way}"): _RULES
        for verb in ("Authorize", "Revoke")
        for way in ("Ingress", "Egress")
    },
    ("aws.autoscaling", "SetDesiredCapacity"): _RESIZED,
    ("aws.autoscaling", "UpdateAutoScalingGroup"): _RESIZED,
    ("aws.ecs", "UpdateService"): _DEPLOYED,
    ("aws.iam", "CreatePolicyVersion"): _DEFAULTED,
    ("aws.iam", "SetDefaultPolicyVersion"): _DEFAULTED,
    ("aws.lambda", "UpdateAlias20150331"): _MOVED,
    ("aws.s3", "PutBucketPolicy"): _ALLOWED,
    ("aws.s3", "DeleteBucketPolicy"): _ALLOWED,
    # What makes a thing is not taken back itself: it tells what a thing was before it was changed.
    ("aws.ecs", "CreateService"): replace(_DEPLOYED, guardrails=()),
    ("aws.iam", "CreatePolicy"): replace(_DEFAULTED, guardrails=()),
    ("aws.lambda", "CreateAlias20150331"): replace(_MOVED, guardrails=()),
    ("aws.s3", "CreateBucket"): Kept((), {"bucketName": _WHOLE}, _NOTHING),
}


def guardrails(source: str, name: str) -> tuple[str, ...]:
    """Return the guardrails that may take a call back (`aws.ec2`, `RevokeSecurityGroupIngress`); none: empty."""
    found = CALLS.get((source, name))
    return found.guardrails if found else ()


def kept(frame: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what is kept of an EventBridge frame; None for a call that failed, or that nobody could take back."""
    detail = frame["detail"]
    wanted = CALLS.get((frame["source"], str(detail.get("eventName"))))
    if wanted is None or detail.get("errorCode") or detail.get("errorMessage"):
        return None
    own = {
        name: detail[name]
        for name in (
            "eventID", "eventName", "eventSource", "eventTime", "recipientAccountId", "sourceIPAddress", "userAgent",
        )
        if name in detail
    }  # fmt: skip
    found = {
        **{name: frame[name] for name in ("id", "account", "region", "time", "source", "detail-type")},
        "detail": {
            **own,
            "userIdentity": _only(detail.get("userIdentity"), _WHO),
            "requestParameters": _only(detail.get("requestParameters"), wanted.request),
            "responseElements": _only(detail.get("responseElements"), wanted.answer),
        },
    }
    return found if len(json.dumps(found)) <= LARGEST else None


def _only(value: Any, wanted: Mapping[str, Any]) -> Any:
    """Return of a value what is wanted of it."""
    if not wanted:
        return value
    if isinstance(value, list):
        return [_only(one, wanted) for one in value]
    if not isinstance(value, Mapping):
        return {}
    return {name: _only(value[name], beneath) for name, beneath in wanted.items() if name in value}
