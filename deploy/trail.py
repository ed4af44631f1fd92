"""The trail without which Parapet is blind: EventBridge gets the calls that a CloudTrail trail logs, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib.model import Aws
from chalicelib.settings import GLOBAL_REGION
from cli.checkup.trails import left_out

KEPT_DAYS = 400
ARN = "arn:${AWS::Partition}:cloudtrail:${AWS::Region}:${AWS::AccountId}:trail/parapet-${Stage}"
Reach = Callable[[str], Aws]


def blind(reach: Reach, regions: Iterable[str]) -> list[str]:
    """Return the regions in which no trail logs the calls that change something; raises AwsError.

    Args:
        reach: returns the calls to a region of the account.
        regions: those to look at: where Parapet runs, the other watched ones, us-east-1 for IAM and sign-ins.
    """
    return [region for region in dict.fromkeys(regions) if not logging(reach, region)]


def logging(reach: Reach, region: str) -> list[str]:
    """Return the ARNs of the trails that log what changes something in a region; raises AwsError."""
    trails = reach(region)("cloudtrail", "describe_trails", includeShadowTrails=True).get("trailList") or []
    return [trail["TrailARN"] for trail in trails if _sees(trail, region) and _logs(reach(trail["HomeRegion"]), trail)]


def _sees(trail: Mapping[str, Any], region: str) -> bool:
    return region != GLOBAL_REGION or bool(trail.get("IncludeGlobalServiceEvents"))


def _logs(home: Aws, trail: Mapping[str, Any]) -> bool:
    """Whether a trail is switched on and records changes; asked where it was made."""
    arn = trail["TrailARN"]
    if not home("cloudtrail", "get_trail_status", Name=arn).get("IsLogging"):
        return False
    return left_out(home("cloudtrail", "get_event_selectors", TrailName=arn)) is not None


def fragment() -> dict[str, Any]:
    """Return what a template needs to offer a trail of our own, made where the parameter `CreateTrail` is `true`."""
    return {
        "Parameters": {
            "CreateTrail": {
                "Type": "String",
                "Default": "false",
                "AllowedValues": ["true", "false"],
                "Description": "Make a trail for all regions; needed where none logs, since each further one costs",
            }
        },
        "Conditions": {"CreatesTrail": {"Fn::Equals": [{"Ref": "CreateTrail"}, "true"]}},
        "Resources": {
            "Trail": {
                "Type": "AWS::CloudTrail::Trail",
                "Condition": "CreatesTrail",
                "DependsOn": ["TrailBucketPolicy"],
                "Properties": {
                    "TrailName": {"Fn::Sub": "parapet-${Stage}"},
                    "S3BucketName": {"Ref": "TrailBucket"},
                    "IsLogging": True,
                    "IsMultiRegionTrail": True,
                    "IncludeGlobalServiceEvents": True,
                    "EnableLogFileValidation": True,
                },
            },
            "TrailBucket": {
                "Type": "AWS::S3::Bucket",
                "Condition": "CreatesTrail",
                # The record of who did what outlives Parapet.
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "BucketEncryption": {
                        "ServerSideEncryptionConfiguration": [
                            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                        ]
                    },
                    "LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": KEPT_DAYS}]},
                    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                    "PublicAccessBlockConfiguration": dict.fromkeys(
                        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
                    ),
                },
            },
            "TrailBucketPolicy": {
                "Type": "AWS::S3::BucketPolicy",
                "Condition": "CreatesTrail",
                "Properties": {
                    "Bucket": {"Ref": "TrailBucket"},
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": _bucket_policy()},
                },
            },
        },
    }


def _bucket_policy() -> list[dict[str, Any]]:
    bucket = {"Fn::GetAtt": ["TrailBucket", "Arn"]}
    files = {"Fn::Sub": "${TrailBucket.Arn}/AWSLogs/${AWS::AccountId}/*"}
    cloudtrail, of_ours = {"Service": "cloudtrail.amazonaws.com"}, {"aws:SourceArn": {"Fn::Sub": ARN}}
    return [
        {
            "Sid": "CloudTrailLooks",
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:GetBucketAcl",
            "Resource": bucket,
            "Condition": {"StringEquals": of_ours},
        },
        {
            "Sid": "CloudTrailWrites",
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:PutObject",
            "Resource": files,
            "Condition": {"StringEquals": {**of_ours, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
        {
            "Sid": "EncryptedOnTheWay",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket, {"Fn::Sub": "${TrailBucket.Arn}/*"}],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
