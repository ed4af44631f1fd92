"""What is not in docs/command-line.md does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from cli.__main__ import COMMANDS, parapet

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "command-line.md"


def section(name: str) -> str:
    text = PAGE.read_text("utf-8")
    found = re.search(rf"^## {name}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/command-line.md has no section {name}"
    return found[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    command = parapet.get_command(click.Context(parapet), name)
    assert command is not None
    assert command.name == name
    assert command.help
    options = [option for one in command.params for option in one.opts if option.startswith("--")]
    assert options
    for option in options:
        if option != "--json":
            assert f"`{option}" in section(name), option
    assert "JSON" in section(name)
