"""Are the deployed modes those of this checkout?"""

from __future__ import annotations

from chalicelib import registry
from chalicelib.model import ORIGINS
from cli.checkup.patient import Patient
from cli.checkup.verdict import NOT_HERE, Verdict, ok, wrong
from deploy import release
from deploy.release import Modes, Release


def modes(patient: Patient) -> Verdict:
    """Does each guardrail act as the settings here say?"""
    if patient.local:
        return NOT_HERE
    deployed = release.of(patient.stack.template)
    return judge(deployed, _modes(patient), patient.deploy)


def _modes(patient: Patient) -> Modes:
    settings = patient.deployed_settings
    return {rail.name: settings.modes(rail) for rail in registry.load()}


def judge(deployed: Release, here: Modes, deploy: str) -> Verdict:
    """Judge a release by the modes that this checkout would deploy."""
    there = deployed.modes
    differ = [
        f"{name} is {_said(there, name)} there, {_said(here, name)} here"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    if differ:
        return wrong(f"{deployed}: {'; '.join(differ)}", f"{deploy}, or check out what is deployed")
    observed = f"; until promoted, these only observe: {', '.join(deployed.observed)}" if deployed.observed else ""
    return ok(f"{deployed}: all {len(here)} guardrails as parapet.toml says{observed}")


def _said(modes: Modes, name: str) -> str:
    return " / ".join(dict.fromkeys(modes[name][origin] for origin in ORIGINS)) if name in modes else "unknown"
