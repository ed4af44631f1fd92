"""S3's public access block, which buckets and accounts have alike: pure, shared by their guardrails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.model import Event, Remedy, call

FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
CLOSED = dict.fromkeys(FLAGS, True)
NONE = "NoSuchPublicAccessBlockConfiguration"
KEY = "PublicAccessBlockConfiguration"

Block = Mapping[str, bool]


def block(answer: Mapping[str, Any]) -> Block | None:
    """Return the four flags of an answer, or None when nothing is configured."""
    return {flag: bool(answer[KEY].get(flag)) for flag in FLAGS} if KEY in answer else None


def remedies(
    service: str, target: Mapping[str, str], name: str, now: Block | None, event: Event | None
) -> Iterable[Remedy]:
    """Yield the remedy for a block of which a flag is off, or which is not there.

    Args:
        service: `s3` for a bucket, `s3control` for an account.
        target: the parameter that names it in calls.
        name: what people call it.
        now: its block.
        event: the call that made us look.
    """
    off = [flag for flag in FLAGS if not (now or {}).get(flag)]
    if not off:
        return
    put = "put_public_access_block"
    yield Remedy(
        why=f"{name} has no public access block" if now is None else f"{name} has {', '.join(off)} off",
        part="block",
        fix=(call(service, put, **target, **{KEY: CLOSED}),),
        undo=(call(service, "delete_public_access_block", **target) if now is None
              else call(service, put, **target, **{KEY: dict(now)}),),
        before=now,
        after=CLOSED,
        brought=event is None or _brought(off, event),
    )  # fmt: skip


def _brought(off: Iterable[str], event: Event) -> bool:
    asked = event.request.get(KEY) or {}
    return any(str(asked.get(flag)).lower() != "true" for flag in off)
