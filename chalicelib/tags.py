"""A resource's tags, as a guardrail's `tags` gives them; each raises AwsError."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.model import Aws

Tags = Mapping[str, str]


def told(listed: Iterable[Mapping[str, str]]) -> Tags:
    """Return tags from the list in which AWS tells them: most services say `Key`, KMS says `TagKey`."""
    return {one.get("Key") or one["TagKey"]: one.get("Value") or one.get("TagValue") or "" for one in listed}


def within(found: Iterable[Mapping[str, Any]], field: str = "Tags") -> Tags:
    """Return the tags of the one resource that an answer describes; none where it is gone by now."""
    return told(tag for one in found for tag in one.get(field) or ())


def known(_aws: Aws, _subject: str, state: Mapping[str, Any]) -> Tags:
    """Return the tags that came with the state of an EC2 resource."""
    return within([state])


def of_bucket(aws: Aws, bucket: str, _state: Any) -> Tags:
    """Return the tags of a bucket."""
    return within([aws("s3", "get_bucket_tagging", Bucket=bucket, absent=("NoSuchTagSet",))], "TagSet")


def of_key(aws: Aws, _subject: str, key: Mapping[str, Any]) -> Tags:
    """Return the tags of a KMS key, which its state names by its id."""
    return told(aws.all("kms", "list_resource_tags", "Tags", KeyId=key["KeyId"]))


def of_user(aws: Aws, user: str, _state: Any) -> Tags:
    """Return the tags of an IAM user."""
    return told(aws.all("iam", "list_user_tags", "Tags", UserName=user))


def of_service(aws: Aws, _subject: str, service: Mapping[str, Any]) -> Tags:
    """Return the tags of an ECS service."""
    answer = aws("ecs", "list_tags_for_resource", resourceArn=service["serviceArn"])
    return {one["key"]: one.get("value", "") for one in answer["tags"]}


def of_function(aws: Aws, _subject: str, state: Mapping[str, Any]) -> Tags:
    """Return the tags of a Lambda function, which the state names by its ARN."""
    found: Tags = aws("lambda", "list_tags", Resource=state["arn"]).get("Tags") or {}
    return found
