"""A change: what the ledger keeps of one write to the account, or of what AWS tells about itself."""

from __future__ import annotations

from dataclasses import dataclass

CALL, DEPLOYMENT, NOTICE = "call", "deployment", "notice"
# What an event's id looks like.
ID = r"[A-Za-z0-9-]{1,64}"
# How long a word in a change may be, and an ARN.
WORD, ARN = 120, 256


@dataclass(frozen=True, slots=True)
class Change:
    """One write to the account, one step of a deployment, or one notice of AWS.

    Args:
        id: of the event, so that twice is once.
        at: when it was, epoch seconds.
        action: "RevokeSecurityGroupIngress", or for what services tell: "CodeDeploy deployment failed".
        source: "ec2.amazonaws.com", "aws.codedeploy", "aws.health", "aws.rds", …
        kind: "call", "deployment", or "notice": what AWS tells without anybody's call.
        resources: ids, names and ARNs that it touched, most telling first.
        services: names of the settings' services that it touches.
        actor: who, as people know them ("ada"); empty where nobody.
        role: as which role or user (ARN).
        tool: with what ("console", "terraform", "aws-cli", …).
        what: what exactly, on one line, without secrets.
        error: of a failed call, its code: nothing changed then.
        writes: whether the call could change anything; CloudTrail's own history also has reads.
    """

    id: str
    at: float
    action: str
    source: str
    kind: str
    account: str
    region: str
    resources: tuple[str, ...]
    services: tuple[str, ...]
    actor: str
    role: str
    ip: str
    tool: str
    what: str
    error: str = ""
    writes: bool = True
