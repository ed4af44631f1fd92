"""Guardrails: every promise, and the modes in force."""

from __future__ import annotations

import os

from chalicelib import registry, settings
from chalicelib.api import schemas, shape
from chalicelib.api.asked import Asked
from chalicelib.api.route import Answer, route


@route("GET", "/guardrails", answers=schemas.listed("guardrails", schemas.GUARDRAIL))
def listed(_asked: Asked) -> Answer:
    """List every promise, and what happens when an event breaks it and when a sweep finds it broken."""
    rails = registry.load()
    chosen = settings.load(os.environ, registry.names(), rails)
    return Answer({"guardrails": [shape.guardrail(rail, chosen) for rail in rails]})
