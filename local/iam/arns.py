"""ARNs and the patterns that match them, segment by segment, as IAM compares them."""

from __future__ import annotations

import re
from collections.abc import Callable

from local.iam import CannotEvaluate

Matches = Callable[[str], object]
SEGMENTS = 6


def pattern(text: str) -> Matches:
    """Return the test of an ARN against a pattern with `*` and `?`; raises CannotEvaluate for what is no ARN.

    A wildcard does not reach beyond its segment, but the last segment holds all the rest, colons included.
    """
    if text == "*":
        return bool
    segments = text.split(":", SEGMENTS - 1)
    if len(segments) < SEGMENTS or segments[0] != "arn":
        raise CannotEvaluate(f"{text!r} is no ARN of six segments")
    # IAM does not look for the service with a wildcard.
    if set("*?") & set(segments[2]):
        raise CannotEvaluate(f"{text!r} leaves the service open")
    *first, last = segments
    parts = [_translated(segment, "[^:]") for segment in first] + [_translated(last, ".")]
    return re.compile(":".join(parts), re.DOTALL).fullmatch


def like(text: str, *, ignore_case: bool = False) -> Matches:
    """Return the test of a text against a pattern with `*` and `?`."""
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.compile(_translated(text, "."), flags).fullmatch


def _translated(text: str, anything: str) -> str:
    return "".join({"*": f"{anything}*", "?": anything}.get(one) or re.escape(one) for one in text)
