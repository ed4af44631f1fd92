"""The journal of these tests is in memory: what a guardrail does to AWS is what they are about."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _kept(in_memory: None) -> None:
    """Keep the journal in memory."""
