"""What people may ask for about an alert, what is a plain no already, and which silence they mean: pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from chalicelib.alerts.model import Group, Silence
from chalicelib.model import Command, ParapetError

# Of its id people type the beginning.
SHORTEST = 4


def refusal(command: Command, group: Group, now: float) -> str:
    """Return why a command about an alert cannot be carried out at a time, or an empty text."""
    if command.expires is not None and now > command.expires:
        return "it was asked for too long ago, and is void: ask again"
    if command.question is not None and command.question != group.episode:
        return "that was about an earlier time; look at the latest message of this alert"
    if command.kind == "acknowledge" and group.status != "firing":
        return "it is over already"
    if command.kind == "acknowledge" and group.acknowledged:
        return f"{group.acknowledged} is on it already"
    return ""


def meant(silences: Sequence[Silence], given: str, now: float) -> Silence:
    """Return the silence whose id begins as somebody typed it; raises ParapetError for none, or several."""
    on = [one for one in silences if one.until > now and one.id.startswith(given.lower())]
    if len(given) < SHORTEST or not on:
        raise ParapetError(f"there is no silence {given!r}: `./parapet silences` lists them")
    if len(on) > 1:
        raise ParapetError(f"{given!r} could be {', '.join(one.id for one in on)}: type more of it")
    return on[0]


def week(at: float) -> str:
    """Return the week of a time as people write it: `2026-W47`."""
    year, number, _ = datetime.fromtimestamp(at, UTC).isocalendar()
    return f"{year}-W{number:02d}"
