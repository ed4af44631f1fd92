"""The sample events of `tests/events`: one dangerous call per guardrail, as CloudTrail shapes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parent / "events"
KEY = "00000000-0000-4000-b000-000000000001"
BUCKET = "example-bucket"


def recorded(name: str, renamed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The sample of a guardrail, with ids in it replaced."""
    text = (EVENTS / f"{name}.json").read_text("utf-8")
    for old, new in (renamed or {}).items():
        text = text.replace(old, new)
    event: dict[str, Any] = json.loads(text)
    return event
