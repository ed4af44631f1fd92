"""Every route of the HTTP API, by family; `blueprint` has them all."""

from chalicelib.api import commands, findings, guardrails, health, pause
from chalicelib.api.route import blueprint

__all__ = ["blueprint", "commands", "findings", "guardrails", "health", "pause"]
