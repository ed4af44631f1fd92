"""Health: which Parapet this is, what it may do by itself, and whether it can."""

from __future__ import annotations

import os
from typing import Any

from chalicelib import __version__, registry, settings, wiring
from chalicelib.api import schemas
from chalicelib.api.asked import Asked
from chalicelib.api.pause import standing
from chalicelib.api.route import Answer, explained, journal, ours, route
from chalicelib.model import MODES, ORIGINS, ParapetError
from chalicelib.settings import Settings


@route("GET", "/health", answers=schemas.HEALTH, also={503: schemas.HEALTH})
def health(asked: Asked) -> Answer:
    """Tell whether Parapet can do its work here, and if not, why: 200 when it can, 503 when it cannot."""
    told = wiring.environment()
    facts: dict[str, Any] = {
        "version": __version__,
        "stage": told.stage,
        "region": wiring.home(),
        "account": ours().account,
        "table": told.table,
    }
    reasons: list[str] = []
    try:
        # Without this item no function decides anything: reading it proves what all of them need.
        facts |= standing(journal().pauses(), asked.at)
    except ParapetError as error:
        reasons.append(explained(error))
    try:
        rails = registry.load()
        facts |= _modes(settings.load(os.environ, registry.names(), rails))
    except ParapetError as error:
        reasons.append(explained(error))
    return Answer({"status": "degraded" if reasons else "ok", "reasons": reasons, **facts}, 503 if reasons else 200)


def _modes(chosen: Settings) -> dict[str, Any]:
    """Return how many guardrails are in each mode, and which an upgrade brought that nobody has promoted."""
    inforce = {origin: [chosen.mode(rail, origin) for rail in registry.load()] for origin in ORIGINS}
    return {
        "modes": {origin: {mode: modes.count(mode) for mode in MODES} for origin, modes in inforce.items()},
        "observed": list(chosen.observed),
    }
