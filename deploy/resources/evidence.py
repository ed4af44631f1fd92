"""The bucket that keeps the journal's evidence: what is written there once, nobody changes or deletes before its time.

It is made where the parameter EvidenceBucket names no other. Like the journal it outlives the stack.
"""

from __future__ import annotations

from typing import Any

from chalicelib import evidence
from deploy.intrinsics import arn, document, ref, resource, sub

RETENTION = "EvidenceRetentionDays"


def fragment() -> dict[str, Any]:
    """Return the parameters, the condition and the resources about evidence."""
    return {
        "Parameters": {
            "EvidenceBucket": {
                "Type": "String",
                "Description": "A bucket with Object Lock for the journal's exports, perhaps another account's; empty "
                "for one of the stack's own",
                "Default": "",
                "AllowedPattern": "([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?",
            },
            "EvidenceAccount": {
                "Type": "String",
                "Description": "The account that this bucket belongs to; empty: this one",
                "Default": "",
                "AllowedPattern": r"(\d{12})?",
            },
            RETENTION: {
                "Type": "Number",
                "Description": "For how many days the stack's own bucket keeps each export from being deleted",
                "Default": 365,
                "MinValue": 1,
                "MaxValue": 36500,
            },
            "EvidenceRetentionMode": {
                "Type": "String",
                "Description": "COMPLIANCE: nobody deletes them sooner, not even root; GOVERNANCE: nobody does, unless "
                "the bucket's policy is changed first",
                "Default": "GOVERNANCE",
                "AllowedValues": ["GOVERNANCE", "COMPLIANCE"],
            },
        },
        "Conditions": {"MakesEvidenceStore": {"Fn::Equals": [ref("EvidenceBucket"), ""]}},
        "Resources": {
            "EvidenceStore": {
                **_bucket(),
                # The record of who decided what outlives Parapet.
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
            },
            "EvidenceStorePolicy": resource(
                "AWS::S3::BucketPolicy",
                "MakesEvidenceStore",
                Bucket=ref("EvidenceStore"),
                PolicyDocument=document(*_denied()),
            ),
        },
    }


def _bucket() -> dict[str, Any]:
    retention = {"Mode": ref("EvidenceRetentionMode"), "Days": ref(RETENTION)}
    return resource(
        "AWS::S3::Bucket",
        "MakesEvidenceStore",
        BucketName=sub(evidence.bucket("${Stage}", "${AWS::AccountId}")),
        ObjectLockEnabled=True,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
        VersioningConfiguration={"Status": "Enabled"},
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        ),
    )


def _denied() -> list[dict[str, Any]]:
    objects = sub("${EvidenceStore.Arn}/*")
    writer = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/parapet-${Stage}-evidence")
    return [
        _never("EncryptedOnTheWay", "s3:*", [arn("EvidenceStore"), objects], Bool={"aws:SecureTransport": "false"}),
        _never("OnlyTheFunctionWrites", "s3:PutObject", objects, ArnNotEquals={"aws:PrincipalArn": writer}),
        _never("NothingOverWhatIsThere", "s3:PutObject", objects, Null={"s3:if-none-match": "true"}),
        # Of GOVERNANCE: who wants to must change this policy first, which CloudTrail tells.
        _never("NobodyUnlocks", "s3:BypassGovernanceRetention", objects),
    ]


def _never(sid: str, action: str, on: Any, **condition: Any) -> dict[str, Any]:
    found = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": action, "Resource": on}
    return {**found, "Condition": condition} if condition else found
