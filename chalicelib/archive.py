"""The bucket that keeps the evidence: what is written there once stays, and nothing is ever written over it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import evidence
from chalicelib.model import Aws, AwsError, ParapetError

DOC = "docs/evidence.md"


class Archive:
    """A stage's part of a bucket."""

    def __init__(self, aws: Aws, bucket: str, owner: str, stage: str, account: str) -> None:
        """Take a bucket that need not be there yet.

        Args:
            aws: calls to our own account and region.
            bucket: its name.
            owner: the account that it must belong to.
            stage: whose evidence it keeps.
            account: the one that this stage is in.
        """
        self._aws, self._owner = aws, owner
        self.bucket, self.stage, self.account = bucket, stage, account
        self.prefix = evidence.prefix(stage, account)

    def locked(self) -> str:
        """Return the mode in which objects are locked from the start; raises ParapetError where they are not."""
        try:
            answer = self("get_object_lock_configuration")
        except AwsError as error:
            if error.code != "ObjectLockConfigurationNotFoundError":
                raise
            answer = {}
        retention = answer.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
        if not retention.get("Mode"):
            raise ParapetError(
                f"{self.bucket} has no Object Lock with a default retention, so that whoever may delete there could "
                f"delete evidence: nothing is written there. Turn it on, or name another bucket ({DOC})"
            )
        return str(retention["Mode"])

    def days(self) -> Mapping[str, frozenset[str]]:
        """Return which of its files each day has, by day; raises AwsError."""
        found: dict[str, set[str]] = {}
        start: dict[str, Any] = {}
        while True:
            answer = self("list_objects_v2", Prefix=self.prefix, **start)
            for one in answer.get("Contents", []):
                name = one["Key"].removeprefix(self.prefix)
                if day := evidence.day_of_file(name):
                    found.setdefault(day, set()).add(name)
            if not answer.get("IsTruncated"):
                return {day: frozenset(names) for day, names in sorted(found.items())}
            start = {"ContinuationToken": answer["NextContinuationToken"]}

    def lines(self, name: str, **version: str) -> Iterable[bytes]:
        """Return the lines of a file, read as they are asked for; raises AwsError."""
        body = self("get_object", Key=self.prefix + name, **version)["Body"]
        lines: Iterable[bytes] = body.iter_lines(chunk_size=65536, keepends=True)
        return lines

    def manifest(self, day: str) -> evidence.Manifest:
        """Return a day's manifest as it was written; raises Broken, AwsError."""
        content: bytes = self("get_object", Key=self.prefix + evidence.manifest_file(day))["Body"].read()
        return evidence.manifest(content, day, self.stage, self.account)

    def put(self, name: str, body: Any, sha256: str) -> bool:
        """Write a file, of which S3 checks the hash; returns False when one of that name is there. Raises AwsError."""
        # A bucket with Object Lock takes nothing without the name of the algorithm.
        checked = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode()}
        try:
            self("put_object", Key=self.prefix + name, Body=body, IfNoneMatch="*", **checked)
        except AwsError as error:
            if error.code == "PreconditionFailed":
                return False
            raise
        return True

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        """Return the answer of one call of S3's about the bucket; raises AwsError, which says what to mend."""
        try:
            return self._aws("s3", operation, Bucket=self.bucket, ExpectedBucketOwner=self._owner, **params)
        except AwsError as error:
            raise AwsError(error.action, error.code, f"{error.message}{self._advice(error)}") from error

    def _advice(self, error: AwsError) -> str:
        if error.code == "NoSuchBucket":
            return (
                f" ({self.bucket} is not there: the parameter EvidenceBucket names one that exists, or nothing, "
                f"and then the stack makes its own; {DOC})"
            )
        if error.denied:
            return (
                f" ({self.bucket} must belong to {self._owner}, the parameter EvidenceAccount, and in another account "
                f"its policy must admit us; {DOC})"
            )
        return ""
