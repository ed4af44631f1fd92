"""A customer's KMS key must not be scheduled for deletion.

Why: when the key is gone, everything that was ever encrypted with it is lost for good; nobody can bring it back,
AWS included, and until then nothing can be decrypted.
Fix: cancels the deletion and enables the key, since cancelling alone leaves it disabled. A key that was disabled
before its deletion was scheduled is enabled too: AWS does not tell what it was.
Undo: schedules the deletion again, with the longest waiting period that AWS knows.
Mode: the fix loses nothing and can be taken back; a deletion that goes through loses everything.
Anew: the date of deletion, which is 30 days away. Our role may ask for no shorter wait.
Controls: FSBP KMS.3; CIS 3.0 4.7
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags
from chalicelib.model import Event, Remedy, call
from chalicelib.registry import api_call, guardrail

DAYS = 30


@guardrail(
    severity="critical",
    default="enforce",
    on={api_call("kms:ScheduleKeyDeletion"): "requestParameters.keyId | resources[].ARN"},
    needs={
        "kms:DescribeKey", "kms:ListKeys", "kms:ListResourceTags",
        "kms:CancelKeyDeletion", "kms:EnableKey", "kms:ScheduleKeyDeletion",
    },
    # Undo must schedule: with the longest wait, in which everybody can cancel it again.
    conditions={
        "kms:ScheduleKeyDeletion": {"NumericEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": str(DAYS)}},
    },
    read=reads.key,
    subjects=reads.keys,
    resource=lambda key: str(key["KeyId"]),
    current=lambda key, _part: key["KeyState"],
    tags=tags.of_key,
    gone={"NotFoundException"},
)  # fmt: skip
def check(key: Mapping[str, Any], _event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy for a customer's key that waits for its deletion."""
    if key["KeyManager"] != "CUSTOMER" or key["KeyState"] not in ("PendingDeletion", "PendingReplicaDeletion"):
        return
    name = key["KeyId"]
    when = f"on {key['DeletionDate']:%Y-%m-%d}" if "DeletionDate" in key else "once its replicas are gone"
    yield Remedy(
        why=f"KMS key {name} will be deleted {when}",
        part="deletion",
        fix=(call("kms", "cancel_key_deletion", KeyId=name), call("kms", "enable_key", KeyId=name)),
        undo=(call("kms", "schedule_key_deletion", KeyId=name, PendingWindowInDays=DAYS),),
        before=key["KeyState"],
        after="Enabled",
    )
