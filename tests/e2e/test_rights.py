"""A right that was not deployed is missing on the laptop as it would be on AWS, and people are told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import eventually, up

pytestmark = pytest.mark.xdist_group("local account")
NAME = "ec2_security_group_open"
OPEN = "aws ec2 authorize-security-group-ingress --group-id $SG --protocol tcp --port 22 --cidr 0.0.0.0/0"
WORLD = (
    "aws ec2 describe-security-groups --group-ids $SG --query SecurityGroups[0].IpPermissions[?FromPort==`22`].IpRanges"
)


def test_a_mode_that_was_changed_without_a_deployment(tmp_path: Path) -> None:
    settings = tmp_path / "parapet.toml"
    settings.write_text(f"[guardrails.{NAME}]\nmode = 'observe'\n", "utf-8")
    with up(tmp_path, PARAPET_SETTINGS=str(settings)) as terminal:
        settings.write_text(f"[guardrails.{NAME}]\nmode = 'enforce'\n", "utf-8")
        terminal.run(OPEN)
        [failed] = eventually(lambda: terminal.findings("--status failed"))
        assert failed["guardrail"] == NAME
        eventually(
            lambda: "because no identity-based policy allows the ec2:RevokeSecurityGroupIngress" in terminal.inbox()
        )
        assert "0.0.0.0/0" in str(terminal.json(WORLD))
        # What Lambda gives up on goes to a topic that is encrypted, under the function's own role.
        eventually(lambda: "gave up on" in terminal.inbox(), 30)
