from __future__ import annotations

import json

import pytest

from chalicelib import registry
from chalicelib.settings import Settings
from deploy import member
from tests.cli.terminal import Terminal


@pytest.mark.parametrize(("options", "stage"), [((), "test"), (("--stage", "prod"), "prod")])
def test_prints_the_template_of_a_stage(terminal: Terminal, options: tuple[str, ...], stage: str) -> None:
    found = terminal.run("member-template", *options)
    template = json.loads(found.stdout)
    assert template == member.template(Settings(stage=stage))
    assert template["Parameters"]["Stage"]["Default"] == stage


def test_follows_the_settings(terminal: Terminal) -> None:
    file = terminal.folder / "parapet.toml"
    file.write_text('[parapet]\ndefault_mode = "observe"\nregions = ["eu-central-1"]', "utf-8")
    terminal.environment["PARAPET_SETTINGS"] = str(file)
    template = json.loads(terminal.run("member-template").stdout)
    chosen = Settings(stage="test", default_mode="observe", regions=("eu-central-1",))
    assert template == member.template(chosen) != member.template(Settings(stage="test"))
    assert len(registry.services()) == sum(name.startswith("Forward") for name in template["Resources"]) - 1
