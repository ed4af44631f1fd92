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

from chalicelib import reverts, tags
from chalicelib.model import Aws, Call, Event, Remedy, call
from chalicelib.publicity import unordered
from chalicelib.registry import guardrail, taken_back

State = Mapping[str, Any]
PART = "policy"


def read(aws: Aws, bucket: str) -> State:
    """Return the bucket's name and the text of its policy, None when it has none; raises AwsError."""
    answer = aws("s3", "get_bucket_policy", Bucket=bucket, absent=("NoSuchBucketPolicy",))
    return {"bucket": bucket, "policy": answer.get("Policy")}


def current(state: State, _part: str) -> Any:
    """Return the policy, parsed and without order, or None."""
    return unordered(json.loads(state["policy"])) if state["policy"] else None


def have(bucket: str, policy: str | None) -> Call:
    """Return the call that makes a policy a bucket's, or leaves it without one."""
    if policy is None:
        return call("s3", "delete_bucket_policy", Bucket=bucket)
    return call("s3", "put_bucket_policy", Bucket=bucket, Policy=policy)


@guardrail(
    severity="high",
    default="off",
    on={
        taken_back("s3:PutBucketPolicy"): "requestParameters.bucketName",
        taken_back("s3:DeleteBucketPolicy"): "requestParameters.bucketName",
    },
    needs={"s3:GetBucketPolicy", "s3:GetBucketTagging", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"},
    read=read,
    current=current,
    tags=tags.of_bucket,
    gone={"NoSuchBucket"},
    event_born=True,
)
def check(state: State, event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy that takes a change of a policy back, as long as it stands; raises Uncertain."""
    if event is None:
        return
    before, did = reverts.replaced(event)
    bucket, now = state["bucket"], current(state, PART)
    if now != unordered(did):
        return
    yield Remedy(
        why=f"{event.actor.who} {'changed' if did else 'deleted'} the policy of bucket {bucket}, to be taken back",
        part=PART,
        fix=(have(bucket, json.dumps(before) if before else None),),
        undo=(have(bucket, state["policy"]),),
        before=now,
        after=unordered(before),
    )
