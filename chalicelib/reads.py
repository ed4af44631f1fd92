"""Readings that several guardrails share; each raises AwsError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.model import Aws, AwsError


def buckets(aws: Aws) -> list[str]:
    """Return the name of every bucket of the region."""
    return [bucket["Name"] for bucket in aws.all("s3", "list_buckets", "Buckets", BucketRegion=aws.region)]


def keys(aws: Aws) -> list[str]:
    """Return the id of every KMS key of the region."""
    return [key["KeyId"] for key in aws.all("kms", "list_keys", "Keys")]


def key(aws: Aws, name: str) -> Mapping[str, Any]:
    """Return the metadata of the KMS key that an id or ARN names."""
    found: Mapping[str, Any] = aws("kms", "describe_key", KeyId=name)["KeyMetadata"]
    return found


def instance(aws: Aws, name: str) -> Mapping[str, Any]:
    """Return the EC2 instance of an id."""
    found: Mapping[str, Any] = aws("ec2", "describe_instances", InstanceIds=[name])["Reservations"][0]["Instances"][0]
    return found


def group(aws: Aws, name: str) -> Mapping[str, Any]:
    """Return an Auto Scaling group."""
    answer = aws("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return there(answer, "autoscaling:DescribeAutoScalingGroups", f"there is no group {name}")


def service(aws: Aws, name: str) -> Mapping[str, Any]:
    """Return an ECS service, which `cluster/service` names."""
    cluster, _, own = name.partition("/")
    answer = aws("ecs", "describe_services", cluster=cluster, services=[own])["services"]
    return there(answer, "ecs:DescribeServices", f"there is no service {name}")


def names(service: Mapping[str, Any]) -> dict[str, str]:
    """Return an ECS service's cluster and its own name, as calls about it have them."""
    return {"cluster": service["clusterArn"].rsplit("/", 1)[-1], "service": service["serviceName"]}


def most(aws: Aws, name: str) -> int | None:
    """Return up to which count Application Auto Scaling sets an ECS service's; None without a scalable target."""
    targets = aws(
        "application-autoscaling", "describe_scalable_targets", ServiceNamespace="ecs",
        ResourceIds=[f"service/{name}"], ScalableDimension="ecs:service:DesiredCount",
    )["ScalableTargets"]  # fmt: skip
    return int(targets[0]["MaxCapacity"]) if targets else None


def alias(aws: Aws, name: str) -> dict[str, Any]:
    """Return a Lambda alias, which `function:alias` names: where it points, and the ARN of its function."""
    function, _, own = name.partition(":")
    found = aws("lambda", "get_alias", FunctionName=function, Name=own)
    return {
        "function": function,
        "name": own,
        "arn": found["AliasArn"].rpartition(":")[0],
        "version": found["FunctionVersion"],
        "weights": dict((found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}),
    }


# The code of the error for what a list does not have, where AWS itself answers without one.
NOT_THERE = "NotThere"


def there(answer: Sequence[Mapping[str, Any]], action: str, missing: str) -> Mapping[str, Any]:
    """Return the first of what was answered; raises AwsError with NOT_THERE for nothing."""
    if not answer:
        raise AwsError(action, NOT_THERE, missing)
    return answer[0]
