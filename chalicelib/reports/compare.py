"""How a run compares with the one before: what is new, gone, worse; pure."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.insights.model import Cell
from chalicelib.reports.model import Cells, Comparison, Outcome, Report, Shift


def compare(report: Report, now: Outcome, before: Outcome) -> Comparison | None:
    """Return how two runs compare; None where the report names no key, or the rows do not have it.

    Of a key that comes several times the highest value counts.
    """
    here, there = _values(report, now), _values(report, before)
    if here is None or there is None:
        return None
    worse = [
        Shift(key, there[key], value)
        for key, value in here.items()
        if report.value and key in there and _worse(there[key], value, report.worse_by)
    ]
    return Comparison(
        tuple(key for key in here if key not in there),
        tuple(key for key in there if key not in here),
        tuple(sorted(worse, key=lambda one: one.was - one.now)),
        there if report.value else {},
        all(len(one.rows) == one.total and not one.cut for one in (now, before)),
    )


def _worse(was: float, now: float, by: int) -> bool:
    return now > was and now >= was + abs(was) * by / 100


def _values(report: Report, outcome: Outcome) -> dict[Cells, float] | None:
    if not report.key:
        return None
    if not outcome.rows:
        return {}
    places, value = place(outcome, report.key), place(outcome, [report.value])
    if len(places) < len(report.key):
        return None
    found: dict[Cells, float] = {}
    for row in outcome.rows:
        key = tuple(row[one] for one in places)
        found[key] = max(found.get(key, float("-inf")), number(row[value[0]]) if value else 0.0)
    return found


def number(cell: Cell) -> float:
    """Return a cell as a number, 0 where it is none."""
    if isinstance(cell, str):
        try:
            return float(cell)
        except ValueError:
            return 0.0
    return cell or 0.0


def place(outcome: Outcome, names: Sequence[str]) -> list[int]:
    """Return where in a row some columns are, those left out that it does not have."""
    known = [one.name for one in outcome.columns]
    return [known.index(one) for one in names if one in known]
