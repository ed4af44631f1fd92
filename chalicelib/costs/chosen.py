"""What a team sets about its costs: the table `[costs]` of `parapet.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chalicelib.section import Section

Every = Literal["daily", "weekly"]
EVERY: tuple[Every, ...] = ("daily", "weekly")


@dataclass(frozen=True)
class Costs:
    """The choice.

    Args:
        digest: which digests are sent; none: Cost Explorer is only asked when a budget or anomaly alerts.
    """

    digest: tuple[Every, ...] = EVERY


def read(section: Section) -> Costs:
    """Return what `[costs]` says; raises SettingsError."""
    given = section.texts("digest", "|".join(EVERY), "daily or weekly", EVERY)
    section.nothing_else()
    return Costs(tuple(one for one in EVERY if one in given))
