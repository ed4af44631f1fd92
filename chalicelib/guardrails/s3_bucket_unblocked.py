"""A bucket must block public access: all four flags of its public access block are on.

Why: the block is what keeps one careless policy or ACL from publishing a bucket; taking it off is the first step.
Fix: sets all four flags; policies and ACLs stay as they are, without effect where they are public.
Undo: puts the saved flags back, or removes the block when there was none.
Mode: seconds after the block was taken off nobody depends on the bucket being public; a bucket that has been
without it for long may serve a website, so the sweep asks. AWS sets all four flags on every bucket made since
April 2023: one without a block is older, or was opened on purpose.
Controls: FSBP S3.8; CIS 3.0 2.1.4
"""

from collections.abc import Iterable
from typing import Any

from chalicelib import access_block, reads, tags
from chalicelib.model import Aws, Event, Remedy
from chalicelib.registry import api_call, guardrail


def read(aws: Aws, bucket: str) -> dict[str, Any]:
    """Return the bucket's name and its public access block; raises AwsError."""
    answer = aws("s3", "get_public_access_block", Bucket=bucket, absent=(access_block.NONE,))
    return {"bucket": bucket, "block": access_block.block(answer)}


@guardrail(
    severity="high",
    default={"event": "enforce", "sweep": "approve"},
    on={
        api_call("s3:PutBucketPublicAccessBlock"): "requestParameters.bucketName",
        api_call("s3:DeleteBucketPublicAccessBlock"): "requestParameters.bucketName",
    },
    needs={
        "s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:PutBucketPublicAccessBlock", "s3:ListAllMyBuckets",
    },
    read=read,
    subjects=reads.buckets,
    current=lambda state, _part: state["block"],
    tags=tags.of_bucket,
    gone={"NoSuchBucket"},
)  # fmt: skip
def check(state: dict[str, Any], event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy for a bucket of which a flag is off."""
    name = state["bucket"]
    return access_block.remedies("s3", {"Bucket": name}, f"bucket {name}", state["block"], event)
