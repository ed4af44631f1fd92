"""What the datapoints of an alarm make of it: its state, and why, in CloudWatch's words; pure.

The rules are those of *Configuring how CloudWatch alarms treat missing data*, with its tables as tests. Where the
documentation is silent (docs/unproven.md), an alarm looks `FURTHER` periods back than it evaluates, as in all of its
examples, and too few breaching points, with nothing else received, are insufficient data.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Value = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
# How many periods further back CloudWatch looks when something is missing.
FURTHER = 2
BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
SAID = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True, slots=True)
class Terms:
    """By what an alarm is judged.

    Args:
        comparison: how a datapoint that breaches compares with the threshold.
        threshold: the bound.
        periods: how many datapoints are evaluated: N.
        enough: how many of them must breach: M.
        missing: how a datapoint that is missing is treated.
    """

    comparison: str
    threshold: float
    periods: int = 1
    enough: int = 1
    missing: str = "missing"

    @property
    def reach(self) -> int:
        """How many periods back it looks."""
        return self.periods + FURTHER

    def breached(self, value: float) -> bool:
        """Whether a datapoint breaches."""
        return BREACHES[self.comparison](value, self.threshold)


@dataclass(frozen=True, slots=True)
class State:
    """One state of an alarm, since when, and why; and what keeps its actions back, if something does."""

    value: Value
    reason: str
    data: str
    at: datetime
    suppressed: str = ""


def judge(points: Sequence[float | None], terms: Terms) -> Value | None:
    """Return the state that datapoints make; None: it stays as it is.

    Args:
        points: the value of each period in reach, None where there is none; the oldest first.
        terms: by what it is judged.
    """
    breaching = [terms.breached(one) for one in points if one is not None][-terms.periods :]
    lacking, bad = terms.periods - len(breaching), sum(breaching)
    if bad >= terms.enough:
        return "ALARM"
    if not lacking:
        return "OK"
    if terms.missing in TREATED:
        return "ALARM" if terms.missing == "breaching" and bad + lacking >= terms.enough else "OK"
    if bad < len(breaching):
        return "OK"
    if terms.missing == "ignore":
        return None
    # Nothing but breaching points, fewer than enough: it alarms once the oldest of them is as old as enough would be.
    age = next((len(points) - at for at, one in enumerate(points) if one is not None), 0)
    return "ALARM" if age >= terms.enough else "INSUFFICIENT_DATA"


def reason(value: Value, points: Mapping[float, float | None], terms: Terms) -> str:
    """Return why datapoints make a state, as CloudWatch says it.

    Args:
        value: the state.
        points: the value of each period in reach by its beginning, the oldest first.
        terms: by what it was judged.
    """
    known = [(at, one) for at, one in points.items() if one is not None][-terms.periods :][::-1]
    lacking = terms.periods - len(known)
    if value == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_count(lacking, 'datapoint')} unknown."
    if lacking and terms.missing in TREATED:
        received = _count(len(known), "datapoint") if known else "no datapoints were"
        treated = _count(lacking, "missing datapoint")
        periods = f"{terms.periods} period{'s' * (terms.periods != 1)}"
        return (
            f"Threshold Crossed: {received} received for {periods} and {treated} treated as [{TREATED[terms.missing]}]."
        )
    decisive = [(at, one) for at, one in known if terms.breached(one) == (value == "ALARM")]
    listed = ", ".join(f"{one} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})" for at, one in decisive)
    least = terms.enough if value == "ALARM" else terms.periods - terms.enough + 1
    way = "OK -> ALARM" if value == "ALARM" else "ALARM -> OK"
    verb = f"{'was' if len(decisive) == 1 else 'were'}{'' if value == 'ALARM' else ' not'}"
    return (
        f"Threshold Crossed: {len(decisive)} out of the last {terms.periods} datapoints [{listed}] {verb} "
        f"{SAID[terms.comparison]} the threshold ({terms.threshold}) "
        f"(minimum {least} datapoint{'s' * (least != 1)} for {way} transition)."
    )


def reason_data(
    points: Mapping[float, float | None], terms: Terms, period: int, at: datetime, statistic: str = "", unit: str = ""
) -> str:
    """Return the same as data, as CloudWatch tells it beside the reason.

    Args:
        points: the value of each period in reach by its beginning, the oldest first.
        terms: by what it was judged.
        period: their length in seconds.
        at: when it was judged.
        statistic: of an alarm on a single metric.
        unit: of an alarm that asks for one.
    """
    known = [(start, one) for start, one in points.items() if one is not None][-terms.periods :]
    told: dict[str, Any] = {"version": "1.0", "queryDate": stamp(at)}
    told |= {"startDate": stamp(datetime.fromtimestamp(known[0][0], UTC))} if known else {}
    told |= {key: given for key, given in (("unit", unit), ("statistic", statistic)) if given}
    evaluated = [{"timestamp": stamp(datetime.fromtimestamp(start, UTC)), "value": one} for start, one in known[::-1]]
    recent = [one for _, one in known]
    told |= {"period": period, "recentDatapoints": recent, "threshold": terms.threshold}
    return json.dumps({**told, "evaluatedDatapoints": evaluated})


def stamp(moment: datetime) -> str:
    """Return a time as CloudWatch writes it into reasons and messages."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def _count(number: int, what: str) -> str:
    return f"{number} {what} was" if number == 1 else f"{number} {what}s were"
