"""Readings that several guardrails share; each raises AwsError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.model import Aws


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
