"""What the routes make of what people ask for: commands, each asked once however often a request is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib import commands
from chalicelib.api.asked import Asked, Declined
from chalicelib.journal import Conflict
from chalicelib.matcher import Matcher
from chalicelib.model import EVERYTHING, Command, CommandKind, Finding, ParapetError, Scope
from chalicelib.settings import Settings


def command(
    asked: Asked,
    kind: CommandKind,
    settings: Settings,
    *,
    finding: Finding | None = None,
    until: float = 0.0,
    scope: Scope = EVERYTHING,
    alert: str = "",
    matcher: Matcher | None = None,
    question: int | None = None,
    break_glass: bool = False,
) -> Command:
    """Return the command that a request asks for; raises Declined for what cannot be asked for."""
    try:
        return commands.new(
            kind,
            asked.asker,
            asked.at,
            settings,
            finding=finding,
            why=asked.given.get("why", ""),
            until=until,
            scope=scope,
            alert=alert,
            matcher=matcher,
            question=question,
            break_glass=break_glass,
            id=asked.number,
        )
    except ParapetError as error:
        raise Declined(400, str(error)) from error


@contextmanager
def once(asked: Asked) -> Iterator[None]:
    """Ask for something under a request's number; raises Declined when its key was used for something else."""
    try:
        yield
    except Conflict as error:
        if not asked.number:
            raise
        raise Declined(409, "this idempotency key was used for another request: choose a new one") from error
