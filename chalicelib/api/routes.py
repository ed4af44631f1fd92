"""Every route of the HTTP API, by family; `blueprint` has them all."""

from chalicelib.api import commands, exemptions, findings, guardrails, health, pause, slack
from chalicelib.api.route import blueprint

__all__ = ["blueprint", "commands", "exemptions", "findings", "guardrails", "health", "pause", "slack"]
