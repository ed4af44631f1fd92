"""What CloudTrail calls things: event sources, event names, reads, and what it does not record."""

from __future__ import annotations

import re

# Data events: CloudTrail delivers them only to trails that ask for them, so no record is made here.
DATA_PLANE: dict[str, frozenset[str]] = {
    "apigatewaymanagementapi": frozenset({"DeleteConnection", "GetConnection", "PostToConnection"}),
    "cloudwatch": frozenset({"GetMetricData", "GetMetricWidgetImage", "PutMetricData"}),
    "dynamodb": frozenset({
        "BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement",
        "ExecuteTransaction", "GetItem", "PutItem", "Query", "Scan", "TransactGetItems", "TransactWriteItems",
        "UpdateItem",
    }),
    "dynamodbstreams": frozenset({"GetRecords", "GetShardIterator"}),
    "ebs": frozenset({"GetSnapshotBlock", "ListChangedBlocks", "ListSnapshotBlocks", "PutSnapshotBlock"}),
    "events": frozenset({"PutEvents"}),
    "firehose": frozenset({"PutRecord", "PutRecordBatch"}),
    "iot-data": frozenset({"DeleteThingShadow", "GetThingShadow", "Publish", "UpdateThingShadow"}),
    "kinesis": frozenset({"GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"}),
    "lambda": frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"}),
    "logs": frozenset({"PutLogEvents"}),
    "rds-data": frozenset({
        "BatchExecuteStatement", "BeginTransaction", "CommitTransaction", "ExecuteSql", "ExecuteStatement",
        "RollbackTransaction",
    }),
    "s3": frozenset({
        "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload",
        "CreateSession", "DeleteObject", "DeleteObjectAnnotation", "DeleteObjectTagging", "DeleteObjects",
        "GetObject", "GetObjectAcl", "GetObjectAnnotation", "GetObjectAttributes", "GetObjectLegalHold",
        "GetObjectRetention", "GetObjectTagging", "GetObjectTorrent", "HeadObject", "ListMultipartUploads",
        "ListObjectAnnotations", "ListObjectVersions", "ListObjects", "ListObjectsV2", "ListParts",
        "PutObject", "PutObjectAcl", "PutObjectAnnotation", "PutObjectLegalHold", "PutObjectRetention",
        "PutObjectTagging", "RenameObject", "RestoreObject", "SelectObjectContent",
        "UpdateObjectEncryption", "UploadPart", "UploadPartCopy", "WriteGetObjectResponse",
    }),
    "sagemaker-runtime": frozenset({
        "InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream",
    }),
    "ses": frozenset({
        "SendBounce", "SendBulkTemplatedEmail", "SendCustomVerificationEmail", "SendEmail", "SendRawEmail",
        "SendTemplatedEmail",
    }),
    "sesv2": frozenset({"SendBulkEmail", "SendCustomVerificationEmail", "SendEmail"}),
    "sns": frozenset({"Publish", "PublishBatch"}),
    "sqs": frozenset({
        "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch",
        "ReceiveMessage", "SendMessage", "SendMessageBatch",
    }),
    "timestream-write": frozenset({"WriteRecords"}),
    "xray": frozenset({"PutTelemetryRecords", "PutTraceSegments"}),
}  # fmt: skip

GLOBAL_REGION = "us-east-1"
# STS is absent: its global endpoint already signs for us-east-1, its regional ones belong to their region.
GLOBAL_SERVICES = frozenset(
    {"account", "budgets", "cloudfront", "iam", "organizations", "route53", "route53domains", "shield"}
)

_SIGNS_DIFFERENTLY = {
    "opensearch": "es", "dynamodbstreams": "dynamodb", "s3control": "s3", "sesv2": "ses",
}  # fmt: skip

_LAMBDA_SUFFIX = {
    **dict.fromkeys(
        [
            "AddPermission", "GetFunction", "GetFunctionConfiguration", "GetPolicy", "RemovePermission",
            "UpdateFunctionCode", "UpdateFunctionConfiguration",
        ],
        "20150331v2",
    ),
    **dict.fromkeys(
        [
            "CreateAlias", "CreateEventSourceMapping", "CreateFunction", "DeleteAlias",
            "DeleteEventSourceMapping", "DeleteFunction", "GetAlias", "GetEventSourceMapping", "ListAliases",
            "ListEventSourceMappings", "ListFunctions", "ListVersionsByFunction", "PublishVersion",
            "UpdateAlias", "UpdateEventSourceMapping",
        ],
        "20150331",
    ),
    **dict.fromkeys(["TagResource", "UntagResource"], "20170331v2"),
    **dict.fromkeys(["ListTags"], "20170331"),
    **dict.fromkeys(["DeleteFunctionConcurrency", "PutFunctionConcurrency"], "20171031"),
    **dict.fromkeys(["GetAccountSettings"], "20160819"),
    **dict.fromkeys(
        [
            "AddLayerVersionPermission", "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionPolicy",
            "ListLayerVersions", "ListLayers", "PublishLayerVersion", "RemoveLayerVersionPermission",
        ],
        "20181031",
    ),
}  # fmt: skip

_RENAMED: dict[str, dict[str, str]] = {
    "s3": {
        "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
        "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
        "GetBucketNotificationConfiguration": "GetBucketNotification",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    },
    "s3control": {
        "DeletePublicAccessBlock": "DeleteAccountPublicAccessBlock",
        "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
        "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
    },
    "lambda": {name: name + suffix for name, suffix in _LAMBDA_SUFFIX.items()},
}

_READS = re.compile(
    r"((Batch)?(Get|Describe|List|Check)|Head|Lookup|Search|Query|Scan|Select|Simulate|Filter|Estimate"
    r"|Preview|Validate|Download|Decode|Discover)[A-Z]"
)
_NOT_READS = frozenset({("sts", "GetFederationToken")})
_ALSO_READS = frozenset({
    ("iam", "GenerateCredentialReport"), ("iam", "GenerateServiceLastAccessedDetails"),
    ("kms", "Decrypt"), ("kms", "Encrypt"), ("kms", "GenerateDataKey"), ("kms", "GenerateDataKeyPair"),
    ("kms", "GenerateDataKeyPairWithoutPlaintext"), ("kms", "GenerateDataKeyWithoutPlaintext"),
    ("kms", "GenerateMac"), ("kms", "GenerateRandom"), ("kms", "ReEncrypt"), ("kms", "Sign"),
    ("kms", "Verify"), ("kms", "VerifyMac"), ("logs", "StartQuery"), ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithSAML"), ("sts", "AssumeRoleWithWebIdentity"),
})  # fmt: skip


def is_data_plane(service: str, operation: str) -> bool:
    """Tell whether CloudTrail counts the call among the data events."""
    return operation in DATA_PLANE.get(service, ())


def event_source(service: str, endpoint_prefix: str, signing_name: str | None) -> str:
    """Name the service as CloudTrail does, for instance `monitoring.amazonaws.com` for CloudWatch."""
    label = _SIGNS_DIFFERENTLY.get(service) or signing_name or endpoint_prefix
    return f"{label}.amazonaws.com"


def event_name(service: str, operation: str) -> str:
    """Name the operation as CloudTrail does, for instance `CreateFunction20150331`."""
    return _RENAMED.get(service, {}).get(operation, operation)


def is_read(service: str, operation: str) -> bool:
    """Tell whether CloudTrail marks the call `readOnly`."""
    call = (service, operation)
    return call in _ALSO_READS or (call not in _NOT_READS and _READS.match(operation) is not None)


def event_region(service: str, signed_region: str) -> str:
    """Say in which region CloudTrail reports the call."""
    return GLOBAL_REGION if service in GLOBAL_SERVICES else signed_region
