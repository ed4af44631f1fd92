"""A bucket's policy: how it is read, told and put, shared by the guardrails of such policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.model import Aws, Call, call
from chalicelib.publicity import unordered


def read(aws: Aws, bucket: str) -> dict[str, Any]:
    """Return the bucket's name and the text of its policy, None when it has none; raises AwsError."""
    answer = aws("s3", "get_bucket_policy", Bucket=bucket, absent=("NoSuchBucketPolicy",))
    return {"bucket": bucket, "policy": answer.get("Policy")}


def current(state: Mapping[str, Any], _part: str) -> Any:
    """Return the policy, parsed and without order, or None."""
    return unordered(json.loads(state["policy"])) if state["policy"] else None


def have(bucket: str, policy: str | None) -> Call:
    """Return the call that makes a policy a bucket's, or leaves it without one."""
    if policy is None:
        return call("s3", "delete_bucket_policy", Bucket=bucket)
    return call("s3", "put_bucket_policy", Bucket=bucket, Policy=policy)
