"""Log events to query, a minute apart, and what a query makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from local.insights import Event, parse, run

# 2026-11-18 11:06:40 UTC; the events begin a little before a full hour.
NOW = 1_795_000_000
BEGAN = 1_794_999_300
GROUP, STREAM, ACCOUNT = "/aws/lambda/api", "2026/11/18/[7]a1b2", "123456789012"


def events(messages: Iterable[Any], began: int = BEGAN, apart: float = 60, group: str = GROUP) -> list[Event]:
    """Return events of messages, the first the earliest; what is no text is written as JSON."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in messages]
    return [
        Event(int((began + place * apart) * 1000), text, group, STREAM, int(began * 1000) + 500, f"p{place}", ACCOUNT)
        for place, text in enumerate(texts)
    ]


def found(query: str, messages: Iterable[Any], start: float = BEGAN, end: float = NOW, **given: Any) -> list[Any]:
    """Return the rows that a query finds, without their pointers."""
    some = list(messages)
    rows = run(parse(query), events(some, apart=60 if len(some) < 12 else 1), start, end, now=NOW, **given).rows
    return [{name: value for name, value in row.items() if name != "@ptr"} for row in rows]
