"""What is raised for a query that cannot be read, or that this engine does not evaluate."""

from __future__ import annotations


class Malformed(Exception):
    """A query that CloudWatch Logs Insights would not take, or that this engine cannot evaluate.

    `position` is the offset of the first character that is wrong, `end` the one after the last; `line` and `column`
    count from 1.
    """

    def __init__(self, position: int, reason: str, text: str = "", end: int = 0) -> None:
        self.position, self.reason, self.end = position, reason, max(end, position + 1)
        before = text[:position]
        self.line, self.column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
        super().__init__(f"{reason} (line {self.line}, position {self.column})")


class Elsewhere(Malformed):
    """A query with something that CloudWatch Logs Insights knows, and this engine does not evaluate."""
