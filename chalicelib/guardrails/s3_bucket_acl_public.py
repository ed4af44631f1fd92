"""A bucket's ACL must not grant anything to everyone, or to everyone who has an AWS account.

Why: such a grant lets strangers list the bucket, write to it, or rewrite the ACL itself.
Fix: puts the ACL back without these grants; every other grant stays.
Undo: puts the saved ACL back; S3 refuses while a public access block forbids public ACLs.
Mode: the ACL of a bucket says who lists and writes, not who reads its objects, so that even after months the fix
takes no page off the web; nothing of a bucket needs strangers who list it.
Controls: FSBP S3.2, S3.3
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.publicity import unordered
from chalicelib.registry import api_call, guardrail

GROUPS = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "everyone",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "every AWS account",
}
# How a request for such a grant is spelled: as a group, or as a canned ACL.
SPELLINGS = (*GROUPS, "public-read", "authenticated-read")


def read(aws: Aws, bucket: str) -> dict[str, Any]:
    """Return the bucket's name and its ACL; raises AwsError."""
    acl = aws("s3", "get_bucket_acl", Bucket=bucket)
    return {"bucket": bucket, "acl": {"Grants": acl.get("Grants") or [], "Owner": acl["Owner"]}}


def brought(event: Event) -> bool:
    """Whether the call asked for a public grant."""
    asked = {name: value for name, value in event.request.items() if name not in ("bucketName", "Host", "host")}
    return any(spelling in json.dumps(asked) for spelling in SPELLINGS)


@guardrail(
    severity="critical",
    default="enforce",
    on={api_call("s3:PutBucketAcl"): "requestParameters.bucketName"},
    needs={"s3:GetBucketAcl", "s3:GetBucketTagging", "s3:PutBucketAcl", "s3:ListAllMyBuckets"},
    read=read,
    subjects=reads.buckets,
    current=lambda state, _part: unordered(state["acl"]["Grants"]),
    tags=tags.of_bucket,
    gone={"NoSuchBucket"},
)
def check(state: Mapping[str, Any], event: Event | None) -> Iterable[Remedy]:
    """Yield one remedy for all public grants of an ACL, since it is put as a whole."""
    bucket, acl = state["bucket"], state["acl"]
    open_to = [grant for grant in acl["Grants"] if grant["Grantee"].get("URI") in GROUPS]
    if not open_to:
        return
    rest = [grant for grant in acl["Grants"] if grant not in open_to]
    told = ", ".join(f"{grant['Permission']} to {GROUPS[grant['Grantee']['URI']]}" for grant in open_to)
    yield Remedy(
        why=f"the ACL of bucket {bucket} grants {told}",
        part="acl",
        fix=(call("s3", "put_bucket_acl", Bucket=bucket, AccessControlPolicy={**acl, "Grants": rest}),),
        undo=(call("s3", "put_bucket_acl", Bucket=bucket, AccessControlPolicy=acl),),
        before=unordered(acl["Grants"]),
        after=unordered(rest),
        brought=event is None or brought(event),
    )
