"""A customer's KMS key must not be disabled.

Why: whatever is encrypted with the key cannot be read from that moment on: volumes do not attach, databases do not
start, queues refuse their messages.
Fix: enables the key.
Undo: disables the key again.
Mode: seconds after the call, enabling brings back what worked a moment ago, loses nothing and can be taken back;
a key that has been disabled for long is most often retired on purpose, which only a person can tell, so the sweep
tells and leaves it.
Controls: CIS 3.0 4.7
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, tags
from chalicelib.model import Event, Remedy, call
from chalicelib.registry import api_call, guardrail


@guardrail(
    severity="high",
    default={"event": "enforce", "sweep": "observe"},
    on={api_call("kms:DisableKey"): "requestParameters.keyId | resources[].ARN"},
    needs={"kms:DescribeKey", "kms:ListKeys", "kms:ListResourceTags", "kms:EnableKey", "kms:DisableKey"},
    read=reads.key,
    subjects=reads.keys,
    resource=lambda key: str(key["KeyId"]),
    current=lambda key, _part: key["KeyState"],
    tags=tags.of_key,
    gone={"NotFoundException"},
)
def check(key: Mapping[str, Any], _event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy for a customer's key that is disabled; one that waits for its deletion is another's."""
    if key["KeyManager"] == "CUSTOMER" and key["KeyState"] == "Disabled":
        yield Remedy(
            why=f"KMS key {key['KeyId']} is disabled",
            part="state",
            fix=(call("kms", "enable_key", KeyId=key["KeyId"]),),
            undo=(call("kms", "disable_key", KeyId=key["KeyId"]),),
            before="Disabled",
            after="Enabled",
        )
