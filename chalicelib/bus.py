"""Events of our own on the account's bus: what one of our functions asks of another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chalicelib import registry
from chalicelib.model import Aws, AwsError, Finding

SOURCE = "parapet"
COMMAND, SWEEP, LOOK_AGAIN = "Parapet Command", "Parapet Sweep", "Parapet Look Again"


def emit(aws: Aws, kind: str, details: list[dict[str, Any]]) -> None:
    """Put events of ours on the bus, ten a call; raises AwsError, also when EventBridge refuses one."""
    for start in range(0, len(details), 10):
        entries = [
            {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail)}
            for detail in details[start : start + 10]
        ]
        answer = aws("events", "put_events", Entries=entries)
        for entry in answer.get("Entries", []):
            if entry.get("ErrorCode"):
                raise AwsError("events:PutEvents", entry["ErrorCode"], entry.get("ErrorMessage", ""))


def look_again(aws: Aws, findings: Sequence[Finding]) -> None:
    """Have what some findings are about looked at again by the functions that own it; raises AwsError."""
    details = [
        {"service": registry.service_of(finding.violation.guardrail), "finding": finding.id} for finding in findings
    ]
    emit(aws, LOOK_AGAIN, details)
