"""Every route of the HTTP API, by family; `blueprint` has them all."""

from chalicelib.api import (
    alarms,
    alerts,
    commands,
    exemptions,
    findings,
    guardrails,
    health,
    page,
    pause,
    remediations,
    services,
    silences,
    slack,
    token,
)  # fmt: skip
from chalicelib.api.route import blueprint

__all__ = [
    "alarms", "alerts", "blueprint", "commands", "exemptions", "findings", "guardrails", "health", "page", "pause",
    "remediations", "services", "silences", "slack", "token",
]  # fmt: skip
