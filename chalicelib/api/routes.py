"""Every route of the HTTP API, by family; `blueprint` has them all."""

from chalicelib.api import alerts, commands, exemptions, findings, guardrails, health, pause, silences, slack
from chalicelib.api.route import blueprint

__all__ = [
    "alerts", "blueprint", "commands", "exemptions", "findings", "guardrails", "health", "pause", "silences", "slack",
]  # fmt: skip
