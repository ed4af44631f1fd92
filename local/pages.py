"""Lists that are answered page by page: what is on one, and the NextToken that tells where the next begins."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

One = TypeVar("One")


def page(found: Sequence[One], first: int, most: int) -> tuple[Sequence[One], str]:
    """Return so many from a place on, and the token to go on with; empty if that was all."""
    after = first + most
    return found[first:after], token(after) if after < len(found) else ""


def token(place: int) -> str:
    """Return the token of a place in a list."""
    return base64.b64encode(f"from {place}".encode()).decode()


def place(given: str | None) -> int | None:
    """Return the place that a token stands for, the beginning without any; None for one that was not given out."""
    if not given:
        return 0
    try:
        word, number = base64.b64decode(given, validate=True).decode().split()
        return int(number) if word == "from" else None
    except ValueError:
        return None
