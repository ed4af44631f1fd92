"""The rehearsed incidents: how often the true cause comes first, how often nobody is named where nothing is wrong.

Each is played in twenty seeded draws (times, sizes, two innocent changes) over the local account's engines; what AWS
would add is the time of its own answers, which `explain` asks for side by side.
"""

from __future__ import annotations

from rich.table import Table

from tests.explain.rehearsals import rehearsing
from tests.explain.rehearsals.rehearsing import Score

DRAWS = rehearsing.DRAWS
# What is promised: of the incidents, and of the draws in which nothing is wrong; seconds of our own.
FIRST, QUIET, SECONDS = 0.9, 0.95, 2.5


def measure() -> list[Score]:
    """Play all of them."""
    return list(rehearsing.rehearse(DRAWS))


def least(scores: list[Score], *, quiet: bool) -> float:
    """Return in which share of the draws the worst of the incidents was right, or the worst of the quiet ones."""
    return min(one.right / one.draws for one in scores if one.incident.quiet == quiet)


def table(scores: list[Score]) -> Table:
    """Return the table of all incidents."""
    found = Table("incident", "true cause first, or nobody named", "usual time", "longest", "where it was wrong")
    for one in scores:
        found.add_row(
            one.incident.name, f"{one.right} of {one.draws}", f"{one.usual * 1000:.0f} ms", f"{one.seconds:.2f} s",
            "\n".join(one.wrong),
        )  # fmt: skip
    return found
