"""Parapet's own resources in the local account: created by moto's CloudFormation from `.chalice/resources.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from local import made_up
from local.deployment import Deployment, DeploymentError
from local.iam import intrinsics

Client = Callable[[str], Any]
# moto's CloudFormation leaves what it does not know out with a mere warning. These are made through their own APIs;
BY_HAND = ("AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy")
# and these are not made at all, each for a reason.
SILENT = "nobody puts the metrics that ours watch: an alarm that never sounds would only look like one"
NOT_MADE = {
    "AWS::CloudWatch::Alarm": SILENT,
    "AWS::CloudWatch::CompositeAlarm": SILENT,
    "AWS::Events::EventBus": "what other regions and accounts forward comes there, and there are none",
}


def create(client: Client, deployment: Deployment, name: str) -> dict[str, str]:
    """Create the stack and return every resource's physical id by logical id; raises DeploymentError."""
    made_up.plug_in()
    declared: Mapping[str, Any] = deployment.template["Resources"]
    by_moto = {
        logical: one
        for logical, one in declared.items()
        # Nor the rules of such a bus.
        if one["Type"] not in (*BY_HAND, *NOT_MADE) and "EventBusName" not in one["Properties"]
    }
    cloudformation = client("cloudformation")
    account, region = client("sts").get_caller_identity()["Account"], cloudformation.meta.region_name
    pseudo = {"AWS::Partition": "aws", "AWS::Region": region, "AWS::AccountId": account}
    known = intrinsics.stack(deployment.template, pseudo)
    template = {
        **deployment.template,
        "Resources": {logical: _readable(one, known) for logical, one in by_moto.items()},
    }
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    listed = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed if "LogicalResourceId" in one}
    missing = sorted(set(by_moto) - set(resources))
    if missing:
        raise DeploymentError(f"moto did not create {', '.join(missing)} of the local stack")
    known |= resources
    for one in declared.values():
        if one["Type"] == "AWS::S3::Bucket":
            _completed(client("s3"), intrinsics.resolve(one["Properties"], known))
        if one["Type"] in BY_HAND:
            _make(client, one["Type"], intrinsics.resolve(one["Properties"], known))
    return resources


def _readable(one: Mapping[str, Any], known: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a resource with its key policy as text, which moto cannot read in any other form once the key is there."""
    if one["Type"] != "AWS::KMS::Key":
        return one
    policy = json.dumps(intrinsics.resolve(one["Properties"]["KeyPolicy"], known))
    return {**one, "Properties": {**one["Properties"], "KeyPolicy": policy}}


def _make(client: Client, kind: str, properties: Mapping[str, Any]) -> None:
    policy = json.dumps(properties.get("PolicyDocument"))
    if kind == "AWS::SNS::Subscription":
        client("sns").subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties["Endpoint"],
            Attributes={
                "RawMessageDelivery": str(properties.get("RawMessageDelivery", False)).lower(),
                **{
                    name: json.dumps(properties[name])
                    for name in ("FilterPolicy", "RedrivePolicy")
                    if name in properties
                },
            },
        )
    elif kind == "AWS::SNS::TopicPolicy":
        for topic in properties["Topics"]:
            client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    elif kind == "AWS::S3::BucketPolicy":
        client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
    else:
        for queue in properties["Queues"]:
            client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


def _completed(s3: Any, properties: Mapping[str, Any]) -> None:
    """Give a bucket what moto's CloudFormation leaves out: versions, the lock, and that nobody may publish it."""
    name, rule = properties["BucketName"], properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    retention = {"DefaultRetention": {**rule, "Days": int(rule["Days"])}}
    lock = {**properties["ObjectLockConfiguration"], "Rule": retention}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    blocked = properties["PublicAccessBlockConfiguration"]
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=blocked)


def environment(deployment: Deployment, resources: Mapping[str, str]) -> dict[str, str]:
    """Return the functions' environment variables, their references resolved; raises DeploymentError."""
    parameters = deployment.template["Parameters"]
    found: dict[str, str] = {}
    for name, value in deployment.variables.items():
        logical = str(value.get("Ref", "")) if isinstance(value, Mapping) else ""
        if isinstance(value, str):
            found[name] = value
        elif logical in resources:
            found[name] = resources[logical]
        elif logical in parameters:
            found[name] = parameters[logical]["Default"]
        else:
            raise DeploymentError(f"the environment variable {name} refers to {value}, which is not there")
    return found
