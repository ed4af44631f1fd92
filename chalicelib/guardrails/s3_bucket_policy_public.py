"""A bucket's policy must not grant anything to everyone.

Why: one statement for everyone publishes what the bucket holds, or lets strangers write to it.
Fix: puts the policy back without its public statements; every other statement, denials included, stays. When
nothing would remain, it deletes the policy.
Undo: puts the saved policy back, letter by letter; S3 refuses while a public access block forbids public policies.
Mode: seconds after a policy was put, nobody depends on what it made public; one that has stood for long may serve
a website, so the sweep asks.
Controls: FSBP S3.2, S3.3
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.publicity import public, statements, unordered
from chalicelib.registry import api_call, guardrail


def read(aws: Aws, bucket: str) -> dict[str, Any]:
    """Return the bucket's name and the text of its policy, None when it has none; raises AwsError."""
    answer = aws("s3", "get_bucket_policy", Bucket=bucket, absent=("NoSuchBucketPolicy",))
    return {"bucket": bucket, "policy": answer.get("Policy")}


def current(state: Mapping[str, Any], _part: str) -> Any:
    """Return the policy, parsed and without order, or None."""
    return unordered(json.loads(state["policy"])) if state["policy"] else None


def brought(event: Event) -> bool:
    """Whether the call put a public statement; one whose policy was too long to be recorded counts."""
    policy = event.request.get("bucketPolicy")
    return not policy or any(public(statement) for statement in statements(policy))


@guardrail(
    severity="critical",
    default={"event": "enforce", "sweep": "approve"},
    on={api_call("s3:PutBucketPolicy"): "requestParameters.bucketName"},
    needs={
        "s3:GetBucketPolicy", "s3:GetBucketTagging", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy",
        "s3:ListAllMyBuckets",
    },
    read=read,
    subjects=reads.buckets,
    current=current,
    tags=tags.of_bucket,
    gone={"NoSuchBucket"},
)  # fmt: skip
def check(state: Mapping[str, Any], event: Event | None) -> Iterable[Remedy]:
    """Yield one remedy for all public statements of a policy, since it is put as a whole."""
    bucket, text = state["bucket"], state["policy"]
    found = statements(text) if text else []
    kept = [statement for statement in found if not public(statement)]
    if len(kept) == len(found):
        return
    rest = {**json.loads(text), "Statement": kept} if kept else None
    yield Remedy(
        why=f"the policy of bucket {bucket} has {len(found) - len(kept)} of {len(found)} statements open to everyone",
        part="policy",
        fix=(call("s3", "put_bucket_policy", Bucket=bucket, Policy=json.dumps(rest)) if rest
             else call("s3", "delete_bucket_policy", Bucket=bucket),),
        undo=(call("s3", "put_bucket_policy", Bucket=bucket, Policy=text),),
        before=current(state, "policy"),
        after=unordered(rest),
        brought=event is None or brought(event),
    )  # fmt: skip
