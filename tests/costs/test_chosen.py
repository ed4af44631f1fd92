"""What `[costs]` may say."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.costs import chosen
from chalicelib.costs.chosen import Costs
from chalicelib.section import Section, SettingsError


def read(**content: Any) -> Costs:
    return chosen.read(Section("parapet.toml", "costs", content))


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        ({}, ("daily", "weekly")),
        ({"digest": []}, ()),
        ({"digest": ["weekly", "daily"]}, ("daily", "weekly")),
        ({"digest": ["weekly", "weekly"]}, ("weekly",)),
    ],
)
def test_which_digests(content: dict[str, Any], digest: tuple[str, ...]) -> None:
    assert read(**content).digest == digest


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"digest": ["monthly"]}, "parapet.toml: costs.digest: 'monthly' is not daily or weekly"),
        ({"digest": "daily"}, "parapet.toml: costs.digest must be a list of texts, not 'daily'"),
        ({"stop_at": "100%"}, "parapet.toml: costs.stop_at is not a setting"),
    ],
)
def test_errors_name_what_to_mend(content: dict[str, Any], error: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(**content)
    assert str(caught.value).startswith(error)
