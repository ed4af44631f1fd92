"""Service level indicators: one definition, told to CloudWatch as metric math and counted from values that were read.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from chalicelib.model import ParapetError
from chalicelib.services.model import Counts, Measures, Metric, Objective, Percent, Shortfall, Sli, Timed, Under

Values = Mapping[Metric, float | None]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many requests were bad, of how many."""

    bad: float
    total: float

    def __add__(self, other: Counted) -> Counted:
        """Return both together."""
        return Counted(self.bad + other.bad, self.total + other.total)


@dataclass(frozen=True, slots=True)
class Expressed:
    """An indicator in metric math.

    Args:
        metrics: the series by the id that the expressions call them.
        bad: the expression that counts the bad ones.
        total: the one that counts all; both have a value wherever any series has a point.
    """

    metrics: Mapping[str, Metric]
    bad: str
    total: str


def of(objective: Objective, measures: Measures) -> Sli:
    """Return what counts for an objective of something; raises ParapetError where nothing tells."""
    if objective.aspect == "availability":
        if measures.availability is None:
            raise ParapetError(
                f"{objective.id}: nothing counts the requests of its entry, so availability cannot be told"
            )
        return measures.availability
    if measures.latency is not None and not measures.percentiles:
        raise ParapetError(
            f"{objective.id}: of how long requests to its entry take only averages are told, no percentiles"
        )
    if measures.latency is None or objective.under is None:
        raise ParapetError(f"{objective.id}: nothing tells how long requests to its entry take")
    return within(measures.latency, objective.under)


def within(timed: Timed, seconds: float) -> Under:
    """Return the indicator that counts requests within a bound."""
    bound = f"{seconds * timed.per_second:.6f}".rstrip("0").rstrip(".")
    return Under(replace(timed.metric, stat=f"PR(:{bound})"), replace(timed.metric, stat="SampleCount"))


def metrics(sli: Sli) -> tuple[Metric, ...]:
    """Return the series that an indicator needs."""
    if isinstance(sli, Counts):
        return (*sli.bad, *sli.total)
    if isinstance(sli, Shortfall):
        return (sli.good, sli.total)
    return (sli.percent if isinstance(sli, Percent) else sli.within, sli.total)


def counted(sli: Sli, values: Values) -> Counted | None:
    """Return what an indicator counts in one period; None where its series do not tell.

    Args:
        sli: the indicator.
        values: of each of its series in that period, None or absent where there is no point.
    """
    found = [values.get(metric) for metric in metrics(sli)]
    return Counted(*counter(sli)(found)) if _told(sli, found) else None


def counter(sli: Sli) -> Callable[[Sequence[float | None]], tuple[float, float]]:
    """Return what makes bad ones and all of the values of an indicator's `metrics`, in their order."""
    if isinstance(sli, Counts):
        return partial(_counts, len(sli.bad))
    return {Shortfall: _shortfall, Percent: _percent, Under: _under}[type(sli)]


def summed(sli: Sli, periods: Iterable[tuple[float, Sequence[float | None]]]) -> Counted | None:
    """Return what an indicator counts over several periods, as an alarm over all of them would; None without any.

    Counters are added up first: one may be a minute behind the other. Percentages count in the period they are of.

    Args:
        sli: the indicator.
        periods: of each the share that counts, and the values of the indicator's `metrics`, in their order.
    """
    rows = [(share, values) for share, values in periods if _told(sli, values)]
    if not rows:
        return None
    count = counter(sli)
    if isinstance(sli, Counts | Shortfall):
        shares = [share for share, _ in rows]
        columns = zip(*(values for _, values in rows), strict=True)
        return Counted(*count([sum(map(_product, column, shares)) for column in columns]))
    found = [(share, count(values)) for share, values in rows]
    return Counted(sum(share * bad for share, (bad, _) in found), sum(share * all_ for share, (_, all_) in found))


def _told(sli: Sli, values: Sequence[float | None]) -> bool:
    """Whether a period tells anything: where CloudWatch has no percentiles, as of statistic sets, nobody knows."""
    return values[0] is not None if isinstance(sli, Under) else any(value is not None for value in values)


def _product(value: float | None, share: float) -> float:
    return (value or 0.0) * share


def _counts(bad: int, values: Sequence[float | None]) -> tuple[float, float]:
    wrong = sum(value or 0.0 for value in values[:bad])
    return wrong, max(sum(value or 0.0 for value in values[bad:]), wrong)


def _shortfall(values: Sequence[float | None]) -> tuple[float, float]:
    good, total = values[0] or 0.0, values[1] or 0.0
    return max(0.0, total - good), total


def _percent(values: Sequence[float | None]) -> tuple[float, float]:
    percent, total = values[0] or 0.0, values[1] or 0.0
    return percent / 100 * total, total


def _under(values: Sequence[float | None]) -> tuple[float, float]:
    within, total = values[0], values[1] or 0.0
    return (0.0, 0.0) if within is None else ((1 - within / 100) * total, total)


def expressed(sli: Sli) -> Expressed:
    """Return an indicator as CloudWatch's metric math, which says the same as `counted`."""
    if isinstance(sli, Counts):
        ids: dict[Metric, str] = {}
        for letter, series in (("b", sli.bad), ("t", sli.total)):
            for number, metric in enumerate(series, 1):
                ids.setdefault(metric, f"{letter}{number}")
        bad, total = (" + ".join(f"FILL({ids[one]}, 0)" for one in series) for series in (sli.bad, sli.total))
        return Expressed({id_: one for one, id_ in ids.items()}, bad, f"IF({total} > {bad}, {total}, {bad})")
    if isinstance(sli, Shortfall):
        bad = "IF(FILL(t, 0) > FILL(g, 0), FILL(t, 0) - FILL(g, 0), 0)"
        return Expressed({"g": sli.good, "t": sli.total}, bad, "FILL(t, 0)")
    if isinstance(sli, Percent):
        return Expressed({"p": sli.percent, "t": sli.total}, "FILL(p, 0) / 100 * FILL(t, 0)", "FILL(t, 0)")
    slow = "(1 - FILL(w, 100) / 100) * FILL(t, 0)"
    return Expressed({"w": sli.within, "t": sli.total}, slow, "IF(FILL(w, -1) < 0, 0, FILL(t, 0))")
