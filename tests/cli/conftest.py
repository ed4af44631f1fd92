from __future__ import annotations

from pathlib import Path

import pytest

from tests.account import TestAccount
from tests.cli.terminal import Terminal


@pytest.fixture
def terminal(account: TestAccount, tmp_path: Path) -> Terminal:
    """A terminal at an account in which every guardrail fixes."""
    account.enforce()
    return Terminal(account, tmp_path)
