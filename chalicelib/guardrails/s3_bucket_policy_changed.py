"""A bucket must have the policy that it had before somebody changed that, where a person takes that back.

Why: whoever can no longer read or write a bucket was most often shut out by what its policy says since a moment ago.
Fix: puts the policy back that the bucket had before, or deletes it where it had none. It is offered only where the
change ledger has the call before whole and Parapet itself has not changed the policy in between, and as long as the
policy stands as the call left it. Never one that grants something to everyone.
Undo: puts the newer policy again, letter by letter, or deletes it where the bucket had none.
Mode: off until it is set to `approve`; then `./parapet revert`, or the answer to why something fails, asks for it, and
a person decides: the older policy may allow what somebody meant to end.
Anew: none
Controls: none in FSBP or CIS
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import bucket_policy, reverts, tags
from chalicelib.model import Event, Remedy
from chalicelib.publicity import unordered
from chalicelib.registry import guardrail, taken_back

State = Mapping[str, Any]
PART = "policy"


@guardrail(
    severity="high",
    default="off",
    on={
        taken_back("s3:PutBucketPolicy"): "requestParameters.bucketName",
        taken_back("s3:DeleteBucketPolicy"): "requestParameters.bucketName",
    },
    needs={"s3:GetBucketPolicy", "s3:GetBucketTagging", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"},
    read=bucket_policy.read,
    current=bucket_policy.current,
    tags=tags.of_bucket,
    gone={"NoSuchBucket"},
    event_born=True,
)
def check(state: State, event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy that takes a change of a policy back, as long as it stands; raises Uncertain."""
    if event is None:
        return
    before, did = reverts.replaced(event)
    bucket, now = state["bucket"], bucket_policy.current(state, PART)
    if now != unordered(did):
        return
    yield Remedy(
        why=f"{event.actor.who} {'changed' if did else 'deleted'} the policy of bucket {bucket}, to be taken back",
        part=PART,
        fix=(bucket_policy.have(bucket, json.dumps(before) if before else None),),
        undo=(bucket_policy.have(bucket, state["policy"]),),
        before=now,
        after=unordered(before),
    )
