"""What a named query asks, of which logs, and what its answer looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from chalicelib.insights.logs import Logs
from chalicelib.insights.parameters import Parameter

# How much it reads: a service's own lines, those of all its parts, everything that an account writes.
Size = Literal["small", "medium", "large"]
Shape = Literal["text", "number", "time"]
# A text, a number, or a time in epoch seconds; None where a row has nothing there.
Cell = str | float | None
Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer.

    Args:
        name: as the query calls it.
        title: as people read it.
        shape: what its cells are.
        unit: of its numbers: `ms`, `s`, `MB`, `%`; empty for counts.
    """

    name: str
    title: str
    shape: Shape = "text"
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """One named query; durations in seconds.

    Args:
        id: its name, lower case with dashes.
        title: what it answers, in a few words.
        about: the same in a sentence, with what to know about it.
        logs: which logs it reads, all of them together.
        text: what Logs Insights runs; `${name}` is the literal of a parameter, and a command whose parameter is not
            given is left out; each begins on a line of its own.
        takes: its parameters.
        columns: of its answer, in their order.
        size: how much it reads.
        window: how far back it looks without being told.
        longest: how far at most.
        twice: whether it reads as much again from before.
    """

    id: str
    title: str
    about: str
    logs: tuple[Logs, ...]
    text: str
    takes: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    size: Size = "small"
    window: float = 3600.0
    longest: float = 7 * 86400.0
    twice: bool = False
