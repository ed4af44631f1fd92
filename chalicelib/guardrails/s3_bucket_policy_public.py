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

from chalicelib import bucket_policy, reads, tags
from chalicelib.model import Event, Remedy
from chalicelib.publicity import public, statements, unordered
from chalicelib.registry import api_call, guardrail


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
    read=bucket_policy.read,
    subjects=reads.buckets,
    current=bucket_policy.current,
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
        fix=(bucket_policy.have(bucket, json.dumps(rest) if rest else None),),
        undo=(bucket_policy.have(bucket, text),),
        before=bucket_policy.current(state, "policy"),
        after=unordered(rest),
        brought=event is None or brought(event),
    )  # fmt: skip
