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
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeScalingActivities",
        "ec2:DescribeAddresses", "ec2:DescribeFlowLogs", "ec2:DescribeNatGateways", "ec2:DescribeVolumes",
        "ec2:DescribeImages", "ec2:DescribeInstanceStatus", "ec2:DescribeInstanceTypes", "ec2:DescribeInstances",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSnapshotAttribute",
        "ec2:DescribeSnapshots",
        "cloudwatch:ListTagsForResource",
        "iam:ListAccessKeys", "iam:ListAccountAliases", "iam:ListAttachedGroupPolicies", "iam:ListAttachedRolePolicies",
        "iam:ListAttachedUserPolicies", "iam:ListEntitiesForPolicy", "iam:ListPolicies",
        "iam:ListPolicyVersions", "iam:ListUserTags",
        "ecs:ListServiceDeployments",
        "kms:ListKeys", "kms:ListResourceTags",
        "lambda:ListVersionsByFunction",
        "logs:DescribeLogGroups",
        "organizations:ListAccounts", "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
        "rds:DescribeDBClusterParameters", "rds:DescribeDBClusterSnapshotAttributes",
        "rds:DescribeDBClusterSnapshots", "rds:DescribeDBClusters", "rds:DescribeDBInstances",
        "rds:DescribeDBParameters", "rds:DescribeDBSnapshotAttributes", "rds:DescribeDBSnapshots",
        "s3:ListAllMyBuckets", "s3:ListBucket",
        "xray:BatchGetTraces",
    }),
    "Read": frozenset({
        "application-autoscaling:DescribeScalableTargets",
        "budgets:ViewBudget",
        "ce:GetCostAndUsage", "ce:GetCostForecast",
        "cloudtrail:DescribeTrails", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:ListTags",
        "cloudtrail:LookupEvents",
        "cloudwatch:DescribeAlarmContributors", "cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData", "cloudwatch:GetMetricWidgetImage",
        "dynamodb:BatchGetItem", "dynamodb:DescribeLimits", "dynamodb:DescribeTable", "dynamodb:GetItem",
        "dynamodb:Query", "dynamodb:Scan",
        "ec2:GetEbsEncryptionByDefault",
        "ecs:DescribeServiceRevisions", "ecs:DescribeServices", "ecs:DescribeTaskDefinition",
        "ecs:ListTagsForResource",
        "elasticloadbalancing:DescribeTargetHealth",
        "iam:GetAccountPasswordPolicy", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole",
        "kms:DescribeKey",
        "lambda:GetAccountSettings", "lambda:GetAlias", "lambda:GetFunctionConcurrency",
        "lambda:GetFunctionConfiguration", "lambda:ListTags",
        "logs:FilterLogEvents", "logs:GetQueryResults", "logs:StartQuery", "logs:StopQuery",
        "s3:GetAccountPublicAccessBlock", "s3:GetBucketAcl", "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:GetObject",
        "secretsmanager:GetSecretValue",
        "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
        "ssm:GetParameter",
        "tag:GetResources",
        "xray:GetServiceGraph", "xray:GetTraceSummaries",
    }),
    "Write": frozenset({
        "autoscaling:SetDesiredCapacity", "autoscaling:SetInstanceHealth",
        "budgets:ModifyBudget",
        "cloudtrail:StartLogging", "cloudtrail:StopLogging",
        "dynamodb:BatchWriteItem", "dynamodb:PutItem", "dynamodb:UpdateItem",
        "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateNetworkAclEntry",
        "ec2:DeleteNetworkAclEntry", "ec2:DisableEbsEncryptionByDefault", "ec2:EnableEbsEncryptionByDefault",
        "ec2:ModifyImageAttribute", "ec2:ModifyInstanceMetadataOptions", "ec2:RebootInstances",
        "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:StartInstances", "ec2:StopInstances",
        "ecs:UpdateService",
        "events:PutEvents",
        "kms:CancelKeyDeletion", "kms:Decrypt", "kms:DisableKey", "kms:EnableKey", "kms:GenerateDataKey",
        "kms:ScheduleKeyDeletion",
        "lambda:UpdateAlias",
        "logs:CreateLogStream", "logs:PutLogEvents",
        "rds:ModifyDBInstance",
        "s3:PutObject",
        "sns:Publish",
        "sqs:DeleteMessage", "sqs:SendMessage",
        "ssm:PutParameter",
        "sts:AssumeRole",
        "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    }),
    "Permissions management": frozenset({
        "ec2:ModifySnapshotAttribute",
        "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:DeleteAccountPasswordPolicy",
        "iam:DetachGroupPolicy", "iam:DetachRolePolicy", "iam:DetachUserPolicy",
        "iam:SetDefaultPolicyVersion", "iam:UpdateAccessKey",
        "iam:UpdateAccountPasswordPolicy",
        "rds:ModifyDBClusterSnapshotAttribute", "rds:ModifyDBSnapshotAttribute",
        "s3:DeleteBucketPolicy", "s3:PutAccountPublicAccessBlock", "s3:PutBucketAcl", "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
    }),
}  # fmt: skip

# Where IAM lets an action be limited to a kind of resource: the ARN after `arn:<partition>:`. All others take `*`.
RESOURCES: Mapping[str, frozenset[str]] = {
    "autoscaling:*:${AWS::AccountId}:autoScalingGroup:*:autoScalingGroupName/*": frozenset({
        "autoscaling:SetDesiredCapacity", "autoscaling:SetInstanceHealth",
    }),
    "budgets::${AWS::AccountId}:budget/*": frozenset({"budgets:ModifyBudget", "budgets:ViewBudget"}),
    # An organisation's trail is another account's: it must be readable to be told apart.
    "cloudtrail:*:*:trail/*": frozenset({"cloudtrail:GetTrail", "cloudtrail:GetTrailStatus"}),
    "cloudtrail:*:${AWS::AccountId}:trail/*": frozenset({
        "cloudtrail:ListTags", "cloudtrail:StartLogging", "cloudtrail:StopLogging",
    }),
    "dynamodb:*:${AWS::AccountId}:table/*": frozenset({"dynamodb:DescribeTable"}),
    "ec2:*:${AWS::AccountId}:instance/*": frozenset({
        "ec2:ModifyInstanceMetadataOptions", "ec2:RebootInstances", "ec2:StartInstances", "ec2:StopInstances",
    }),
    "ec2:*:${AWS::AccountId}:network-acl/*": frozenset({"ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry"}),
    "ec2:*:${AWS::AccountId}:security-group/*": frozenset({
        "ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    }),
    "ec2:*::image/*": frozenset({"ec2:ModifyImageAttribute"}),
    "ec2:*::snapshot/*": frozenset({"ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute"}),
    "ecs:*:${AWS::AccountId}:service-revision/*": frozenset({"ecs:DescribeServiceRevisions"}),
    "ecs:*:${AWS::AccountId}:service/*": frozenset({
        "ecs:DescribeServiceRevisions", "ecs:DescribeServices", "ecs:ListServiceDeployments",
        "ecs:ListTagsForResource", "ecs:UpdateService",
    }),
    "iam::${AWS::AccountId}:group/*": frozenset({
        "iam:AttachGroupPolicy", "iam:DetachGroupPolicy", "iam:ListAttachedGroupPolicies",
    }),
    "iam::${AWS::AccountId}:policy/*": frozenset({
        "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions", "iam:SetDefaultPolicyVersion",
    }),
    "iam::${AWS::AccountId}:role/*": frozenset({
        "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:GetRole", "iam:ListAttachedRolePolicies",
    }),
    "iam::${AWS::AccountId}:user/*": frozenset({
        "iam:AttachUserPolicy", "iam:DetachUserPolicy", "iam:ListAccessKeys", "iam:ListAttachedUserPolicies",
        "iam:ListUserTags", "iam:UpdateAccessKey",
    }),
    "iam::aws:policy/AdministratorAccess": frozenset({"iam:ListEntitiesForPolicy"}),
    "kms:*:${AWS::AccountId}:key/*": frozenset({
        "kms:CancelKeyDeletion", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:ListResourceTags",
        "kms:ScheduleKeyDeletion",
    }),
    "lambda:*:${AWS::AccountId}:function:*": frozenset({
        "lambda:GetAlias", "lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration", "lambda:ListTags",
        "lambda:ListVersionsByFunction", "lambda:UpdateAlias",
    }),
    "rds:*:${AWS::AccountId}:cluster-snapshot:*": frozenset({
        "rds:DescribeDBClusterSnapshotAttributes", "rds:DescribeDBClusterSnapshots",
        "rds:ModifyDBClusterSnapshotAttribute",
    }),
    "rds:*:${AWS::AccountId}:cluster-pg:*": frozenset({"rds:DescribeDBClusterParameters"}),
    "rds:*:${AWS::AccountId}:cluster:*": frozenset({"rds:DescribeDBClusterSnapshots", "rds:DescribeDBClusters"}),
    "rds:*:${AWS::AccountId}:db:*": frozenset({
        "rds:DescribeDBInstances", "rds:DescribeDBSnapshots", "rds:ModifyDBInstance",
    }),
    "rds:*:${AWS::AccountId}:pg:*": frozenset({"rds:DescribeDBParameters"}),
    "rds:*:${AWS::AccountId}:snapshot:*": frozenset({
        "rds:DescribeDBSnapshotAttributes", "rds:DescribeDBSnapshots", "rds:ModifyDBSnapshotAttribute",
    }),
    "s3:::*": frozenset({
        "s3:DeleteBucketPolicy", "s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketTagging", "s3:PutBucketAcl", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
    }),
}  # fmt: skip

# Services with one endpoint for all regions: a condition on the region would say nothing.
GLOBAL = frozenset({"budgets", "iam"})

# Those that can read contents, not only settings.
DATA: Mapping[str, str] = {
    "dynamodb:BatchGetItem": "items",
    "dynamodb:GetItem": "items",
    "dynamodb:Query": "items",
    "dynamodb:Scan": "items",
    "logs:FilterLogEvents": "log lines",
    "logs:GetQueryResults": "log lines",
    "logs:StartQuery": "log lines",
    "s3:GetObject": "objects",
    "secretsmanager:GetSecretValue": "secrets",
    "sqs:ReceiveMessage": "messages",
    "ssm:GetParameter": "parameter values",
}

# Those that can delete something; S3's Put…PublicAccessBlock allows DeletePublicAccessBlock too.
DELETES: Mapping[str, str] = {
    "budgets:ModifyBudget": "budgets and their alerts",
    "ec2:DeleteNetworkAclEntry": "entries of network ACLs",
    "ec2:RevokeSecurityGroupEgress": "rules of security groups",
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


def resources(action: str) -> tuple[str, ...]:
    """Return the ARNs, after `arn:<partition>:`, that an action of a guardrail is granted on; `*` for all."""
    return tuple(sorted(arn for arn, limited in RESOURCES.items() if action in limited)) or ("*",)


def kind(resource: str) -> str:
    """Return the kind of resource that such an ARN names, as a word for a statement's id: `SecurityGroup`, `Any`."""
    if resource == "*":
        return "Any"
    service, _, rest = resource.partition(":")
    last = rest.removesuffix("*").rstrip(":/").rsplit(":", 1)[-1].split("/")[0]
    return "".join(word.capitalize() for word in (last or f"{service}-bucket").split("-"))
