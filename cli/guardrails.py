"""`guardrails`: every promise, and the modes in force."""

from __future__ import annotations

from typing import Any

import click

from chalicelib import registry
from chalicelib.model import ORIGINS, Origin
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings
from cli import output
from cli.deployment import Outside


@click.command
@output.json_option
@click.pass_obj
def guardrails(outside: Outside, as_json: bool) -> None:
    """Every promise, and the modes in force: what happens when an event breaks it, and when a sweep finds it."""
    rails = registry.load()
    settings = outside.settings(rails)
    if as_json:
        output.emit({"guardrails": [record(rail, settings) for rail in rails]})
        return
    output.table(
        ("guardrail", "severity", "event", "sweep", "promise"),
        [
            (
                rail.name,
                output.styled(rail.severity),
                *(_mode(rail, settings, origin) for origin in ORIGINS),
                rail.documentation.promise,
            )
            for rail in rails
        ],
        whole=("guardrail", "severity", "event", "sweep"),
    )


def record(rail: Guardrail, settings: Settings) -> dict[str, Any]:
    """Return a guardrail as `guardrails --json` prints it."""
    return {
        "guardrail": rail.name,
        "severity": rail.severity,
        "mode": {origin: settings.mode(rail, origin) for origin in ORIGINS},
        "default": {origin: rail.default[origin] for origin in ORIGINS},
        "promise": rail.documentation.promise,
    }


def _mode(rail: Guardrail, settings: Settings, origin: Origin) -> Any:
    mode, default = settings.mode(rail, origin), rail.default[origin]
    shown = output.styled(mode)
    return shown if mode == default else shown.append(f" (default {default})", "dim")
