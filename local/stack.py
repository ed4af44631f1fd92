"""Parapet's own resources in the local account: created by moto's CloudFormation from `.chalice/resources.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from local.deployment import Deployment, DeploymentError

# moto's CloudFormation leaves these two out with a mere warning; here they are made through their own APIs.
LEFT_OUT = ("AWS::SNS::Subscription", "AWS::SQS::QueuePolicy")
Client = Callable[[str], Any]


def create(client: Client, deployment: Deployment, name: str) -> dict[str, str]:
    """Create the stack and return every resource's physical id by logical id; raises DeploymentError."""
    declared: Mapping[str, Any] = deployment.template["Resources"]
    by_moto = {logical: one for logical, one in declared.items() if one["Type"] not in LEFT_OUT}
    cloudformation = client("cloudformation")
    template = json.dumps({**deployment.template, "Resources": by_moto})
    cloudformation.create_stack(StackName=name, TemplateBody=template)
    listed = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed if "LogicalResourceId" in one}
    missing = sorted(set(by_moto) - set(resources))
    if missing:
        raise DeploymentError(f"moto did not create {', '.join(missing)} of the local stack")
    for one in declared.values():
        if one["Type"] in LEFT_OUT:
            _make(client, one["Type"], _resolved(one["Properties"], resources, client))
    return resources


def _make(client: Client, kind: str, properties: Mapping[str, Any]) -> None:
    if kind == "AWS::SNS::Subscription":
        client("sns").subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties["Endpoint"],
            Attributes={"RawMessageDelivery": str(properties.get("RawMessageDelivery", False)).lower()},
        )
    else:
        for queue in properties["Queues"]:
            policy = json.dumps(properties["PolicyDocument"])
            client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


def _resolved(value: Any, resources: Mapping[str, str], client: Client) -> Any:
    if isinstance(value, list):
        return [_resolved(one, resources, client) for one in value]
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"Ref"}:
        return resources[str(value["Ref"])]
    if set(value) == {"Fn::GetAtt"}:
        logical, attribute = value["Fn::GetAtt"]
        if attribute != "Arn" or "sqs" not in resources[logical]:
            raise DeploymentError(f"the local account cannot resolve {value}")
        answer = client("sqs").get_queue_attributes(QueueUrl=resources[logical], AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]
    return {key: _resolved(one, resources, client) for key, one in value.items()}


def environment(deployment: Deployment, resources: Mapping[str, str]) -> dict[str, str]:
    """Return the functions' environment variables, their references resolved; raises DeploymentError."""
    parameters = deployment.template["Parameters"]
    found: dict[str, str] = {}
    for name, value in deployment.variables.items():
        logical = str(value.get("Ref", "")) if isinstance(value, Mapping) else ""
        if logical in resources:
            found[name] = resources[logical]
        elif logical in parameters:
            found[name] = parameters[logical]["Default"]
        else:
            raise DeploymentError(f"the environment variable {name} refers to {value}, which is not there")
    return found
