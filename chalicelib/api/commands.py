"""Commands: what became of what somebody asked for."""

from __future__ import annotations

import re

from chalicelib.api import schemas, shape
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.route import Answer, journal, route


@route("GET", "/commands/{command}", answers=schemas.COMMAND)
def shown(asked: Asked) -> Answer:
    """Show a command: `asked` until the function that owns the service has done or refused it."""
    found = journal().command(asked.item) if re.fullmatch("[0-9a-f]{16}", asked.item) else None
    if found is None:
        raise Declined(404, f"there is no command {asked.item!r}: its id is in the answer to whoever asked for it")
    return Answer(shape.command(found))
