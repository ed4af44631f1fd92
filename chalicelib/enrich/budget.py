"""What is left of the error budget that an alert is about: of its objective, or of all objectives of its service."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chalicelib.alerts.signal import Signal
from chalicelib.enrich.gather import Found
from chalicelib.model import Aws
from chalicelib.services.model import Service
from chalicelib.services.reading import Reader
from chalicelib.slo import spending


def look(reach: Callable[[str], Aws], signal: Signal, services: Sequence[Service], now: float) -> Found:
    """Return a sentence for each objective, as labelled values; raises AwsError."""
    objective = signal.tags.get("objective", "")
    for service in services:
        ids = [one.id for one in service.objectives]
        if objective in ids or (not objective and service.name == signal.service):
            reading = Reader(reach).read(spending.wanted(service, now), now)
            budgets = spending.budgets(service, reading, now)
            wanted = [one for one in budgets if one.objective.id == objective or not objective]
            return Found(facts=tuple((f"Error budget of {one.objective.id}", one.sentence) for one in wanted))
    return Found()
