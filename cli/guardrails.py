"""`guardrails`: every promise, and the modes in force."""

from __future__ import annotations

from typing import Any

import click

from chalicelib import registry
from chalicelib.api import shape
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
        output.emit({"guardrails": [shape.guardrail(rail, settings) for rail in rails]})
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


def _mode(rail: Guardrail, settings: Settings, origin: Origin) -> Any:
    mode, default = settings.mode(rail, origin), rail.default[origin]
    shown = output.styled(mode)
    return shown if mode == default else shown.append(f" (default {default})", "dim")
