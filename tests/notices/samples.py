"""Notices with synthetic ids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.model import Notice
from tests.account import NOW

WHY = "sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)"
FIXED = Notice(
    key="abcd1234:0:fixed",
    thread="abcd1234",
    kind="finding",
    severity="high",
    status="fixed",
    title=f"Fixed: {WHY}",
    lines=("Put right 2.4 s after the call with ec2:revoke_security_group_ingress.",),
    facts=(
        ("Resource", "sg-0a1b2c3d4e5f60718"),
        ("Account", "123456789012, eu-west-1"),
        ("Who", "alice (IAMUser)"),
        ("From", "198.51.100.7"),
        ("With", "aws-cli/2.31.0"),
        ("Call", "AuthorizeSecurityGroupIngress"),
        ("Guardrail", "ec2_security_group_open"),
    ),
    at=NOW,
    finding="abcd1234",
    guardrail="ec2_security_group_open",
    actions=("undo",),
)
UNDONE = replace(
    FIXED,
    key="abcd1234:2:undone",
    status="undone",
    title=f"Undone: {WHY}",
    lines=("the bastion needs it until Friday",),
    at=NOW + 60,
    actions=(),
)


def notice(**changes: Any) -> Notice:
    """The fixed finding, with changes."""
    return replace(FIXED, **changes)
