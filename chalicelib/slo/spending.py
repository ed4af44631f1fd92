"""From what was read to the error budgets: which series an objective needs, and what they count; pure."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.model import DAY
from chalicelib.services import kinds, sli
from chalicelib.services.golden import rows
from chalicelib.services.model import Objective, Service, Sli
from chalicelib.services.reading import Reading, Wanted
from chalicelib.services.sli import Counted
from chalicelib.slo import budget, sentence
from chalicelib.slo.budget import Budget
from chalicelib.slo.burn import HOUR, MINUTE, WINDOWS

# As few points as do: how long a window each period counts, the finest first; what is longer is counted by the day.
FINENESS = ((MINUTE, HOUR), (5 * MINUTE, 6 * HOUR), (HOUR, 3 * 24 * HOUR), (24 * HOUR, None))


def wanted(service: Service, now: float) -> Iterator[Wanted]:
    """Yield the series that the budgets of a service need; the same times for all, so that few calls do."""
    for objective in service.objectives:
        for metric in sli.metrics(indicator(service, objective)):
            for period, longest in FINENESS:
                yield Wanted(metric, period, now - (longest or objective.days * DAY))


def budgets(service: Service, reading: Reading, now: float) -> tuple[Budget, ...]:
    """Return the error budgets of a service as they stand."""
    return tuple(_budget(one, indicator(service, one), reading, now) for one in service.objectives)


def indicator(service: Service, objective: Objective) -> Sli:
    """Return what counts for an objective."""
    return sli.of(objective, kinds.measures(service.entry))


def windows(indicator: Sli, reading: Reading, now: float) -> dict[int, Counted | None]:
    """Return what was counted over each window of `burn.WINDOWS` that ends now."""
    return {window: over(indicator, reading, window, now) for window in WINDOWS}


def over(indicator: Sli, reading: Reading, window: float, now: float) -> Counted | None:
    """Return what was counted over the last `window` seconds; None where there is no point at all.

    Of the first period, which began before, it is the share that lies within.
    """
    period = next(each for each, longest in FINENESS if longest is None or window <= longest)
    start = now - window
    return sli.summed(
        indicator,
        (
            (min(1.0, (at + period - start) / period), values)
            for at, values in rows(indicator, reading, period).items()
            if start - period < at <= now
        ),
    )


def _budget(objective: Objective, indicator: Sli, reading: Reading, now: float) -> Budget:
    for metric in sli.metrics(indicator):
        if metric in reading.denied:
            return Budget(objective, "denied", sentence.denied(objective, reading.denied[metric]))
    whole = over(indicator, reading, objective.days * DAY, now)
    return budget.of(objective, whole, windows(indicator, reading, now))
