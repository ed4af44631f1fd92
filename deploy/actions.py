"""What the IAM actions of Parapet's roles can do: AWS's own access levels, and what they read or delete.

The levels are those of AWS's Service Authorization Reference, in which the level `Read` says nothing about data:
`kms:DescribeKey` reads settings, `dynamodb:GetItem` reads what somebody stored. A test keeps this table equal to the
actions in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from chalicelib.model import ParapetError

Level = Literal["List", "Read", "Write", "Permissions management", "Tagging"]

LEVELS: Mapping[Level, frozenset[str]] = {
    "List": frozenset({
        "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeNetworkAcls", "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSnapshotAttribute", "ec2:DescribeSnapshots",
        "iam:ListAccessKeys", "iam:ListAttachedGroupPolicies", "iam:ListAttachedRolePolicies",
        "iam:ListAttachedUserPolicies", "iam:ListEntitiesForPolicy", "iam:ListPolicies",
        "kms:ListKeys",
        "rds:DescribeDBClusterSnapshotAttributes", "rds:DescribeDBClusterSnapshots", "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshotAttributes", "rds:DescribeDBSnapshots",
        "s3:ListAllMyBuckets",
    }),
    "Read": frozenset({
        "cloudtrail:DescribeTrails", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus",
        "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query",
        "ec2:GetEbsEncryptionByDefault",
        "iam:GetAccountPasswordPolicy", "iam:GetRole",
        "kms:DescribeKey",
        "s3:GetAccountPublicAccessBlock", "s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock",
        "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
        "ssm:GetParameter",
    }),
    "Write": frozenset({
        "cloudtrail:StartLogging", "cloudtrail:StopLogging",
        "dynamodb:PutItem", "dynamodb:UpdateItem",
        "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry",
        "ec2:DisableEbsEncryptionByDefault", "ec2:EnableEbsEncryptionByDefault", "ec2:ModifyImageAttribute",
        "ec2:ModifyInstanceMetadataOptions", "ec2:RevokeSecurityGroupIngress",
        "events:PutEvents",
        "kms:CancelKeyDeletion", "kms:DisableKey", "kms:EnableKey", "kms:ScheduleKeyDeletion",
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
        "rds:ModifyDBInstance",
        "sns:Publish",
        "sqs:DeleteMessage", "sqs:SendMessage",
    }),
    "Permissions management": frozenset({
        "ec2:ModifySnapshotAttribute",
        "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:DeleteAccountPasswordPolicy",
        "iam:DetachGroupPolicy", "iam:DetachRolePolicy", "iam:DetachUserPolicy", "iam:UpdateAccessKey",
        "iam:UpdateAccountPasswordPolicy",
        "rds:ModifyDBClusterSnapshotAttribute", "rds:ModifyDBSnapshotAttribute",
        "s3:DeleteBucketPolicy", "s3:PutAccountPublicAccessBlock", "s3:PutBucketAcl", "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
    }),
}  # fmt: skip

# Those that can read contents, not only settings.
DATA: Mapping[str, str] = {
    "dynamodb:BatchGetItem": "items",
    "dynamodb:GetItem": "items",
    "dynamodb:Query": "items",
    "sqs:ReceiveMessage": "messages",
    "ssm:GetParameter": "parameter values",
}

# Those that can delete something; S3's Put…PublicAccessBlock allows DeletePublicAccessBlock too.
DELETES: Mapping[str, str] = {
    "ec2:DeleteNetworkAclEntry": "entries of network ACLs",
    "ec2:RevokeSecurityGroupIngress": "rules of security groups",
    "iam:DeleteAccountPasswordPolicy": "the password policy",
    "kms:ScheduleKeyDeletion": "keys, after 7 to 30 days in which it can be cancelled",
    "s3:DeleteBucketPolicy": "bucket policies",
    "s3:PutAccountPublicAccessBlock": "the account's public access block",
    "s3:PutBucketPublicAccessBlock": "buckets' public access blocks",
    "sqs:DeleteMessage": "messages",
}


def level(action: str) -> Level:
    """Return an action's access level; raises ParapetError for one that nobody has classified."""
    for name, actions in LEVELS.items():
        if action in actions:
            return name
    raise ParapetError(f"{action} is not classified: add it to deploy/actions.py with its access level")
