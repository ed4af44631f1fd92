"""Rehearsed incidents: the true cause is first, and where nothing is wrong nobody is suspected.

A few draws of each are played here; `make bench` plays twenty and prints the table, as does PARAPET_REHEARSALS=20.
"""

from __future__ import annotations

import os

import pytest

from tests.explain.rehearsals.incidents import CATALOGUE, Incident
from tests.explain.rehearsals.rehearsing import drawn, right

DRAWS = int(os.environ.get("PARAPET_REHEARSALS", "3"))


@pytest.mark.parametrize("incident", CATALOGUE, ids=lambda one: one.name)
def test_the_true_cause_is_first(incident: Incident) -> None:
    wrong = []
    for number in range(DRAWS):
        plan, told, _ = drawn(incident, number)
        assert {fate.status for fate in told.fates} <= {"ok", "no_data", "partial"}, told.fates
        if not right(incident, plan, told):
            wrong.append(f"#{number} ({plan.system}): {told.answer} {[one.title for one in told.suspects]}")
    bound = 0.95 if incident.quiet else 0.9
    assert (DRAWS - len(wrong)) / DRAWS >= bound, wrong


def test_there_are_enough_of_them() -> None:
    assert len({one.name for one in CATALOGUE}) >= 12
