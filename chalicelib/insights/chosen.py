"""What the settings say about queries: where logs are that no service tells of, and how much one query may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.insights.logs import LOGS, SHARED, Logs
from chalicelib.section import Section

# For about ten cents.
BUDGET = 20
GROUP = r"[A-Za-z0-9_/.#-]{1,512}\*?"
WHAT = "the name of a log group, or the beginning of several and a *"


@dataclass(frozen=True, slots=True)
class Insights:
    """`[insights]`.

    Args:
        budget_gb: how many gigabytes one query may read without somebody insisting.
        logs: where the flow logs and CloudTrail's events are, where AWS does not tell.
    """

    budget_gb: int = BUDGET
    logs: Mapping[Logs, tuple[str, ...]] = field(default_factory=dict)


def read(section: Section) -> Insights:
    """Return what the settings say; raises SettingsError."""
    found = Insights(section.whole("budget_gb", BUDGET), logs(section.table("logs"), SHARED))
    section.nothing_else()
    return found


def logs(section: Section, kinds: tuple[Logs, ...] = LOGS) -> dict[Logs, tuple[str, ...]]:
    """Return log groups by the kind of what they hold, as a table names them; raises SettingsError."""
    found = {kind: section.texts(kind, GROUP, WHAT) for kind in kinds}
    section.nothing_else()
    return {kind: names for kind, names in found.items() if names}
