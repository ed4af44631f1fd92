"""The bucket that keeps what was deployed: artefacts, templates, and a record per release to return to."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from chalicelib.model import Aws, AwsError, ParapetError

# What S3 answers for what does not exist, and for a bucket of somebody else's.
GONE = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
FOREIGN = ("403", "AccessDenied", "Forbidden")


class StoreError(ParapetError):
    """A bucket that cannot be used; the text says why, and what would do."""


@dataclass(frozen=True)
class Record:
    """What it takes to deploy a release again: the template, and every parameter's value.

    Args:
        number: the release's.
        version: Parapet's.
        commit: what it was built from.
        artefact: its key in the bucket.
        template: its key in the bucket.
        parameters: a value each; None where it is a secret, which the stack keeps.
        who: deployed it.
        at: when (epoch seconds).
        objectives: the key of each template of objectives' alarms, by its place.
    """

    number: int
    version: str
    commit: str
    artefact: str
    template: str
    parameters: Mapping[str, str | None]
    who: str
    at: float
    objectives: Mapping[str, str] = field(default_factory=dict)


def usual(account: str, region: str) -> str:
    """Return the name of the bucket that is used, and offered, where none is named."""
    return f"parapet-{account}-{region}-artefacts"


class Store:
    """One stage's part of a bucket. Every call says whose the bucket must be."""

    def __init__(self, aws: Aws, bucket: str, account: str, stage: str) -> None:
        self._aws = aws
        self._given = {"Bucket": bucket, "ExpectedBucketOwner": account}
        self.bucket, self._account, self._stage = bucket, account, stage
        self._records = f"parapet/{stage}/releases/"

    def exists(self) -> bool:
        """Whether the bucket is there; raises StoreError where it is somebody else's or elsewhere, AwsError."""
        try:
            self._aws("s3", "head_bucket", **self._given)
            place = self._aws("s3", "get_bucket_location", **self._given).get("LocationConstraint") or "us-east-1"
        except AwsError as error:
            if error.code in GONE:
                return False
            if error.code in FOREIGN:
                raise StoreError(
                    f"bucket {self.bucket} belongs to another account than {self._account}, or you may not look at it "
                    "(s3:ListBucket, s3:GetBucketLocation): name another one with BUCKET="
                ) from error
            raise
        region = "eu-west-1" if place == "EU" else place
        if region != self._aws.region:
            raise StoreError(
                f"bucket {self.bucket} is in {region}, and Lambda in {self._aws.region} takes code from its own region "
                "only: name another one with BUCKET="
            )
        return True

    def create(self) -> None:
        """Make the bucket: private, encrypted, every version kept; raises AwsError."""
        region = self._aws.region
        where: dict[str, Any] = (
            {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        self._aws("s3", "create_bucket", Bucket=self.bucket, ObjectOwnership="BucketOwnerEnforced", **where)
        blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        self._aws(
            "s3", "put_public_access_block", **self._given,
            PublicAccessBlockConfiguration=dict.fromkeys(blocked, True),
        )  # fmt: skip
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self._aws("s3", "put_bucket_encryption", **self._given, ServerSideEncryptionConfiguration={"Rules": [rule]})
        self._aws("s3", "put_bucket_versioning", **self._given, VersioningConfiguration={"Status": "Enabled"})

    def key(self, content: bytes, suffix: str) -> str:
        """Return the key of some content: its hash, so that what is there once never changes."""
        return f"parapet/{self._stage}/{hashlib.sha256(content).hexdigest()}{suffix}"

    def put(self, content: bytes, suffix: str) -> str:
        """Put some content and return its key; S3 checks what it receives. Raises AwsError."""
        key = self.key(content, suffix)
        self._put(key, content)
        return key

    def url(self, key: str) -> str:
        """Return the address under which CloudFormation finds a key."""
        domain = "amazonaws.com.cn" if self._aws.region.startswith("cn-") else "amazonaws.com"
        return f"https://{self.bucket}.s3.{self._aws.region}.{domain}/{key}"

    def next(self) -> int:
        """Return the number that no record has yet; raises AwsError."""
        keys = self._aws.all("s3", "list_objects_v2", "Contents", **self._given, Prefix=self._records)
        return 1 + max((int(Path(one["Key"]).stem) for one in keys), default=0)

    def keep(self, record: Record) -> None:
        """Write a record; raises AwsError."""
        self._put(self._record(record.number), json.dumps(asdict(record), indent=2).encode())

    def where(self, number: int) -> str:
        """Return the address of a release's record."""
        return f"s3://{self.bucket}/{self._record(number)}"

    def _record(self, number: int) -> str:
        return f"{self._records}{number:05}.json"

    def _put(self, key: str, content: bytes) -> None:
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        self._aws("s3", "put_object", **self._given, Key=key, Body=content, ChecksumSHA256=checksum)

    def has(self, key: str) -> None:
        """Check that a key is there; raises StoreError, AwsError."""
        try:
            self._aws("s3", "head_object", **self._given, Key=key)
        except AwsError as error:
            raise self._gone(key) if error.code in GONE else error from error

    def get(self, key: str) -> bytes:
        """Return what a key holds, as it was put there; raises StoreError, AwsError."""
        try:
            body: bytes = self._aws("s3", "get_object", **self._given, Key=key)["Body"].read()
        except AwsError as error:
            raise self._gone(key) if error.code in GONE else error from error
        return body

    def _gone(self, key: str) -> StoreError:
        return StoreError(f"s3://{self.bucket}/{key} is gone: what it belonged to cannot be deployed again")


def recorded(aws: Aws, account: str, stage: str, address: str) -> tuple[Store, Record]:
    """Return the record at an address with the store that it is in; raises StoreError, AwsError."""
    at = urlparse(address)
    store = Store(aws, at.netloc, account, stage)
    raw: dict[str, Any] = json.loads(store.get(at.path.lstrip("/")))
    return store, Record(**raw)
