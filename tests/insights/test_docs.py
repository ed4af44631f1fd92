"""docs/queries.md has every query with its parameters and their defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chalicelib.insights import chosen, queries
from chalicelib.insights.model import Query

PAGE = (Path(__file__).parent.parent.parent / "docs" / "queries.md").read_text("utf-8")


@pytest.mark.parametrize("query", queries.EVERY.values(), ids=lambda query: query.id)
def test_every_query_has_its_row(query: Query) -> None:
    found = re.search(rf"^\| `{query.id}` \|[^|]*\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
    assert found
    assert found[1].strip() == ", ".join(query.logs)
    assert set(re.findall(r"`(\w+)`", found[2])) == {one.name for one in query.takes}
    for one in query.takes:
        if one.default and one.name != "every":
            assert f"`{one.name}` ({one.default})" in found[2]


def test_the_budget_is_that_of_the_settings() -> None:
    assert f"`[insights] budget_gb` ({chosen.BUDGET})" in PAGE
    assert f"`force_gb` ({chosen.FORCE}, " in PAGE
