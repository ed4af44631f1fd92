"""The lines of a log group as they are, page by page: `FilterLogEvents` costs nothing and answers at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.model import Aws

EVENTS = 1000


def pages(
    aws: Aws, group: str, pattern: str, start: float, end: float, most: int, *, newest: bool = False
) -> Iterator[tuple[list[Mapping[str, Any]], bool]]:
    """Yield so many pages at most of the lines that fit a pattern, each with whether there are more; raises AwsError.

    Args:
        aws: calls in its region.
        group: its name.
        pattern: CloudWatch's filter.
        start: from when on, epoch seconds.
        end: until when.
        most: so many pages.
        newest: whether the newest come first.
    """
    order: dict[str, Any] = {"startFromHead": False} if newest else {}
    token: dict[str, str] = {}
    for _ in range(most):
        answer = aws(
            "logs", "filter_log_events", logGroupName=group, startTime=int(start * 1000), endTime=int(end * 1000),
            filterPattern=pattern, limit=EVENTS, **order, **token,
        )  # fmt: skip
        more = answer.get("nextToken")
        yield answer.get("events", []), bool(more)
        if not more:
            return
        token = {"nextToken": more}
