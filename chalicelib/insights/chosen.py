"""What the settings say about queries: where logs are that no service tells of, and how much one query may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.insights.logs import LOGS, SHARED, Logs
from chalicelib.section import Section, SettingsError

# For about ten cents; and for two and a half dollars.
BUDGET, FORCE = 20, 500
GROUP = r"[A-Za-z0-9_/.#-]{1,512}\*?"
WHAT = "the name of a log group, or the beginning of several and a *"


@dataclass(frozen=True, slots=True)
class Insights:
    """`[insights]`.

    Args:
        budget_gb: how many gigabytes one query may read without somebody insisting.
        logs: where the flow logs and CloudTrail's events are, where AWS does not tell.
        force_gb: how many gigabytes it may read with somebody insisting.
    """

    budget_gb: int = BUDGET
    logs: Mapping[Logs, tuple[str, ...]] = field(default_factory=dict)
    force_gb: int = FORCE


def read(section: Section) -> Insights:
    """Return what the settings say; raises SettingsError."""
    budget = section.whole("budget_gb", BUDGET)
    most = section.whole("force_gb", max(FORCE, budget))
    if most < budget:
        raise SettingsError(
            f"{section.where('force_gb')} must be no less than budget_gb, which is {budget}, not {most}"
        )
    found = Insights(budget, logs(section.table("logs"), SHARED), most)
    section.nothing_else()
    return found


def logs(section: Section, kinds: tuple[Logs, ...] = LOGS) -> dict[Logs, tuple[str, ...]]:
    """Return log groups by the kind of what they hold, as a table names them; raises SettingsError."""
    found = {kind: section.texts(kind, GROUP, WHAT) for kind in kinds}
    section.nothing_else()
    return {kind: names for kind, names in found.items() if names}
