"""What AWS's services send, written for the project from AWS's documentation: one file for each message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalicelib.alerts.parse import parse
from chalicelib.alerts.signal import Signal

FOLDER = Path(__file__).parent / "corpus"
# After all of them.
RECEIVED = 1795180000.0
CONTENT: dict[str, Any] = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
EVENTS: dict[str, Any] = {name: one for name, one in CONTENT.items() if "detail-type" in one}


def wrapped(content: Any) -> str:
    """A message's body; what SNS carries is text, in the files an object where that is JSON."""
    if isinstance(content, dict) and "TopicArn" in content and not isinstance(content.get("Message"), str):
        return json.dumps({**content, "Message": json.dumps(content.get("Message"))})
    return json.dumps(content)


def body(name: str) -> str:
    return wrapped(CONTENT[name])


def signal(name: str) -> Signal:
    return parse(body(name), RECEIVED)
