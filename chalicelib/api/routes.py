"""Every route of the HTTP API, by family; `blueprint` has them all."""

from chalicelib.api import (
    alarms,
    alerts,
    changes,
    commands,
    exemptions,
    explain,
    findings,
    guardrails,
    health,
    page,
    pause,
    queries,
    remediations,
    reports,
    services,
    silences,
    slack,
    token,
    traces,
)  # fmt: skip
from chalicelib.api.route import blueprint

__all__ = [
    "alarms", "alerts", "blueprint", "changes", "commands", "exemptions", "explain", "findings", "guardrails",
    "health", "page", "pause", "queries", "remediations", "reports", "services", "silences", "slack", "token", "traces",
]  # fmt: skip
