"""All scenarios, one per guardrail that calls wake or a sweep, found in the guardrails' own test files."""

from __future__ import annotations

import importlib

from chalicelib import registry
from tests.scenario import Scenario


def _load(name: str) -> Scenario:
    scenario = importlib.import_module(f"tests.guardrails.test_{name}").SCENARIO
    assert isinstance(scenario, Scenario)
    return scenario


SCENARIOS = [_load(rail.name) for rail in registry.load() if rail.called]
# Of those that take back what somebody has changed: what their event is, the change ledger has.
REVERTS = [_load(rail.name) for rail in registry.load() if rail.reverts]
