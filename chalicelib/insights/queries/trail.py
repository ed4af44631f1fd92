"""CloudTrail's events in a log group: who did what, also of what Parapet's own ledger does not keep."""

from __future__ import annotations

from chalicelib.insights.model import Column, Query
from chalicelib.insights.parameters import Text, Whole

WHO = "coalesce(userIdentity.arn, userIdentity.invokedBy, userIdentity.principalId)"
# What a call is about: as the services name it, what is most telling first; of several the first.
ABOUT = (
    "bucketName", "tableName", "functionName", "instanceId", "instancesSet.items.0.instanceId",
    "resourcesSet.items.0.resourceId", "groupId", "dBInstanceIdentifier", "dBClusterIdentifier", "dBSnapshotIdentifier",
    "dBClusterSnapshotIdentifier", "volumeId", "snapshotId", "imageId", "networkInterfaceId", "natGatewayId",
    "internetGatewayId", "routeTableId", "networkAclId", "allocationId", "subnetId", "vpcEndpointId",
    "launchTemplateId", "roleName", "userName", "groupName", "policyArn", "topicArn", "subscriptionArn", "queueUrl",
    "keyId", "aliasName", "secretId", "stackName", "logGroupName", "alarmNames.0", "alarmName", "autoScalingGroupName",
    "loadBalancerArn", "loadBalancerName", "targetGroupArn", "listenerArn", "ruleArn", "service", "taskDefinition",
    "clusterName", "cluster", "clusterIdentifier", "cacheClusterId", "replicationGroupId", "repositoryName",
    "stateMachineArn", "restApiId", "apiId", "hostedZoneId", "distributionId", "certificateArn", "fileSystemId",
    "domainName", "streamName", "deliveryStreamName", "detectorId", "vpcId", "trailName", "resourceArn", "arn", "name",
    "id",
)  # fmt: skip
WHAT = (
    f"coalesce({', '.join(f'requestParameters.{one}' for one in ABOUT)}, "
    "responseElements.instancesSet.items.0.instanceId, resources.0.ARN)"
)

QUERIES = (
    Query(
        "who-deleted",
        "Who deleted it",
        "Calls that delete, terminate or remove: what, who did it, as which role, from which address, with which tool.",
        ("cloudtrail",),
        f"""
fields eventName, eventSource, {WHO} as who_did,
    {WHAT} as on_what,
    userIdentity.sessionContext.sessionIssuer.arn as which_role, sourceIPAddress,
    userAgent, errorCode, awsRegion, eventID
| filter eventName like /^(?:Batch)?(?:Delete|Terminate|Remove|Deregister|Purge|Destroy|Release|ScheduleKeyDeletion)/
| filter @message like ${{resource}}
| filter @message like ${{actor}}
| display @timestamp, eventName, on_what, eventSource, who_did, which_role, sourceIPAddress, userAgent, errorCode,
    awsRegion, eventID
| sort @timestamp desc
| limit ${{top}}
""",
        (
            Text("resource", "only calls that name this: an id, a name, an ARN"),
            Text("actor", "only calls of somebody: a user's or role's name"),
            Whole("top", "how many at most", "50", 1, 1000),
        ),
        (
            Column("@timestamp", "time", "time"),
            Column("eventName", "call"),
            Column("on_what", "on"),
            Column("eventSource", "service"),
            Column("who_did", "who"),
            Column("which_role", "role"),
            Column("sourceIPAddress", "from"),
            Column("userAgent", "with"),
            Column("errorCode", "error"),
            Column("awsRegion", "region"),
            Column("eventID", "event"),
        ),
        "large",
        window=86400.0,
        longest=30 * 86400.0,
    ),
    Query(
        "changes",
        "What changed",
        "Calls that changed something and succeeded, by what and who, the latest first: what was it before it began?",
        ("cloudtrail",),
        f"""
fields {WHO} as who_did,
    {WHAT} as on_what
| filter @message like /"readOnly": ?false/
| filter not ispresent(errorCode)
| filter eventName not in ["PutLogEvents", "CreateLogStream", "CreateLogGroup", "StartQuery", "StopQuery",
    "UpdateInstanceInformation", "PutMetricData", "PutEvents"]
| filter @message like ${{resource}}
| filter @message like ${{actor}}
| stats count(*) as times_seen, earliest(@timestamp) as first_seen, latest(@timestamp) as last_seen
    by eventName, on_what, eventSource, who_did, sourceIPAddress
| sort last_seen desc
| limit ${{top}}
""",
        (
            Text("resource", "only calls that name this: an id, a name, an ARN"),
            Text("actor", "only calls of somebody: a user's or role's name"),
            Whole("top", "how many at most", "50", 1, 1000),
        ),
        (
            Column("eventName", "call"),
            Column("on_what", "on"),
            Column("eventSource", "service"),
            Column("who_did", "who"),
            Column("sourceIPAddress", "from"),
            Column("times_seen", "times", "number"),
            Column("first_seen", "first", "time"),
            Column("last_seen", "last", "time"),
        ),
        "large",
        window=1800.0,
        longest=7 * 86400.0,
    ),
)
