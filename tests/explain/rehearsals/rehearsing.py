"""Plays the catalogue in seeded draws, and counts."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from chalicelib.explain import explained
from chalicelib.explain.explained import Explained
from tests.explain.rehearsals.incidents import CATALOGUE, Incident
from tests.explain.rehearsals.stage import Plan, busy, kinds, moment, prepared

DRAWS = 20


@dataclass(frozen=True)
class Score:
    """How one incident fared: in how many draws it was right, how long an explanation took at most, and usually."""

    incident: Incident
    right: int
    draws: int
    seconds: float
    usual: float
    wrong: tuple[str, ...]


def rehearse(draws: int = DRAWS) -> Iterator[Score]:
    """Yield how each incident fares."""
    for incident in CATALOGUE:
        wrong, times = list[str](), list[float]()
        for number in range(draws):
            plan, told, took = drawn(incident, number)
            times.append(took)
            if not right(incident, plan, told):
                named = [f"{one.kind} {one.score}: {one.title}" for one in told.suspects[:3]]
                wrong.append(f"{incident.name} #{number} ({plan.system}): {told.answer} {named}")
        yield Score(incident, draws - len(wrong), draws, max(times), median(times), tuple(wrong))


def drawn(incident: Incident, number: int) -> tuple[Plan, Explained, float]:
    """Play one draw of an incident; returns also how long its explanation took."""
    draw = random.Random(f"{incident.name}/{number}")
    while True:
        onset, at, now = moment(draw)
        plan = incident.plan(draw, onset)
        if incident.quiet or busy(plan.system, onset):
            break
    with kinds(plan.kind) as name:
        asks = prepared(plan, onset, at, now, name)
        # The machine may have other things to do.
        started = time.process_time()
        told = explained.explain(*asks, "full", patience=20)
        return plan, told, time.process_time() - started


def right(incident: Incident, plan: Plan, told: Explained) -> bool:
    """Whether the true cause is first, or nobody is suspected where nothing is wrong."""
    if incident.quiet:
        return not told.suspects
    return bool(told.suspects) and incident.guilty(told.suspects[0], plan)
