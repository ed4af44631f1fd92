"""New EBS volumes must be encrypted in every region that is watched.

Why: with the region's default off, whoever forgets a flag leaves a volume, and every snapshot of it, in the clear;
a volume cannot be encrypted afterwards.
Fix: turns encryption by default on in the region, with the key that is set there.
Undo: turns it off again.
Mode: switched on again seconds later, nothing that worked before stops working. A region where it has never been on
may launch from keys that Auto Scaling cannot use, or share its snapshots with other accounts, so the sweep asks.
Controls: FSBP EC2.7; CIS 3.0 2.2.1
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Default = Mapping[str, Any]


def read(aws: Aws, _account: str) -> Default:
    """Return the region's setting; raises AwsError."""
    answer = aws("ec2", "get_ebs_encryption_by_default")
    return {"EbsEncryptionByDefault": answer["EbsEncryptionByDefault"]}


def subjects(aws: Aws) -> Iterable[str]:
    """Return the account, which has one such setting in each region."""
    return [aws.account]


@guardrail(
    severity="medium",
    default={"event": "enforce", "sweep": "approve"},
    on={api_call("ec2:DisableEbsEncryptionByDefault"): "account"},
    needs={
        "ec2:GetEbsEncryptionByDefault", "ec2:EnableEbsEncryptionByDefault", "ec2:DisableEbsEncryptionByDefault",
    },
    read=read,
    subjects=subjects,
)  # fmt: skip
def check(default: Default, _event: Event | None) -> Iterable[Remedy]:
    """Yield a remedy when new volumes are not encrypted by default."""
    if not default["EbsEncryptionByDefault"]:
        yield Remedy(
            why="new EBS volumes are not encrypted by default",
            part="encryption by default",
            fix=(call("ec2", "enable_ebs_encryption_by_default"),),
            undo=(call("ec2", "disable_ebs_encryption_by_default"),),
            before={"EbsEncryptionByDefault": False},
            after={"EbsEncryptionByDefault": True},
        )
