"""The account must block public access to S3: all four flags of its public access block are on.

Why: the account's block overrules every bucket's policy and ACL; without it each bucket stands on its own.
Fix: sets all four flags; buckets, their policies and ACLs stay as they are, without effect where they are public.
Undo: puts the saved flags back, or removes the block when there was none.
Mode: seconds after the block was taken off nothing public can have come to depend on it; an account that never
had one may serve public buckets, all of which the fix would close at once, so the sweep asks.
Controls: FSBP S3.1; CIS 3.0 2.1.4
"""

from collections.abc import Iterable
from typing import Any

from chalicelib import access_block
from chalicelib.model import Aws, Event, Remedy
from chalicelib.registry import api_call, guardrail


def read(aws: Aws, account: str) -> dict[str, Any]:
    """Return the account's number and its public access block; raises AwsError."""
    answer = aws("s3control", "get_public_access_block", AccountId=account, absent=(access_block.NONE,))
    return {"account": account, "block": access_block.block(answer)}


def subjects(aws: Aws) -> Iterable[str]:
    """Return the account."""
    return [aws.account]


@guardrail(
    severity="high",
    default={"event": "enforce", "sweep": "approve"},
    on={
        api_call("s3:PutAccountPublicAccessBlock"): "account",
        api_call("s3:DeleteAccountPublicAccessBlock"): "account",
    },
    needs={"s3:GetAccountPublicAccessBlock", "s3:PutAccountPublicAccessBlock"},
    read=read,
    subjects=subjects,
    current=lambda state, _part: state["block"],
    everywhere=True,
)
def check(state: dict[str, Any], event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy for an account of which a flag is off."""
    account = state["account"]
    return access_block.remedies("s3control", {"AccountId": account}, f"account {account}", state["block"], event)
