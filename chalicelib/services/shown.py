"""What programs and the page get of services: their signals as JSON; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from chalicelib.services import kinds
from chalicelib.services.golden import Availability, Fullness, Golden, Latency
from chalicelib.services.model import Service
from chalicelib.slo.budget import Budget
from chalicelib.slo.burn import length
from chalicelib.times import iso

Colour = Literal["red", "amber", "grey", "green"]
# The worst first.
COLOURS: tuple[Colour, ...] = ("red", "amber", "grey", "green")
WORDS = {
    "no_traffic": "no requests",
    "no_data": "nothing is known of its requests",
    "agent_missing": "the CloudWatch agent reports nothing",
    "denied": "Parapet may not read its metrics",
}


def service(
    golden: Golden, budgets: Sequence[Budget], alarms: Sequence[str], *, points: bool = False
) -> dict[str, Any]:
    """Return a service as it stands.

    Args:
        golden: its signals.
        budgets: of its objectives.
        alarms: names of its alarms that are on.
        points: whether the charts' points come along.
    """
    colour, why = judged(golden, budgets, alarms)
    one = golden.service
    return {
        "name": one.name,
        "entry": kinds.titled(one.entry),
        "status": colour,
        "why": why,
        "runbook": one.runbook or None,
        "availability": availability(golden.availability, one, points),
        "latency": latency(golden.latency, one, points),
        "saturation": saturation(golden.saturation, points),
        "budgets": [budget(found) for found in budgets],
        "alarms": list(alarms),
        "window": golden.view.window,
        "period": golden.view.period,
    }


def judged(golden: Golden, budgets: Sequence[Budget], alarms: Sequence[str]) -> tuple[Colour, str]:
    """Return how a service is, as a colour and a few words."""
    paging = [one for one in budgets if one.level == "page"]
    if paging:
        return "red", paging[0].sentence
    if pages := [name for name in alarms if name.endswith("-page")]:
        return "red", f"{pages[0]} is in alarm"
    if tickets := [one for one in budgets if one.level == "ticket"]:
        return "amber", tickets[0].sentence
    if full := [one for one in golden.saturation if one.red]:
        return "amber", f"{full[0].of}: {full[0].gauge.label} {_said(full[0])}"
    if alarms:
        return "amber", f"{alarms[0]} is in alarm"
    if golden.availability.state not in ("ok", "no_traffic"):
        return "grey", golden.availability.why or WORDS[golden.availability.state]
    if unseen := [one for one in golden.saturation if one.state in ("agent_missing", "denied")]:
        return "amber", f"{unseen[0].of}: {unseen[0].gauge.label}: {unseen[0].why or WORDS[unseen[0].state]}"
    if golden.availability.state == "no_traffic":
        return "grey", WORDS["no_traffic"]
    return "green", "well"


def availability(found: Availability, of: Service, points: bool) -> dict[str, Any]:
    """Return the first widget."""
    goals = [one.goal for one in of.objectives if one.aspect == "availability"]
    return {
        "state": found.state,
        "value": _round(found.value, 4),
        "now": _round(found.now, 4),
        "goal": goals[0] if goals else None,
        "bad": found.bad,
        "total": found.total,
        "parts": dict(found.parts or {}),
        "at": iso(found.at) if found.at else None,
        "why": found.why or None,
        **({"points": [[at, _round(value, 4)] for at, value in found.points]} if points else {}),
    }


def latency(found: Latency, of: Service, points: bool) -> dict[str, Any]:
    """Return the second widget; seconds."""
    goals = [(one.under, one.goal) for one in of.objectives if one.aspect == "latency"]
    under, goal = goals[0] if goals else (None, None)
    series = {stat: [[at, _round(value, 4)] for at, value in line] for stat, line in (found.points or {}).items()}
    return {
        "state": found.state,
        "values": {stat: _round(value, 4) for stat, value in (found.values or {}).items()},
        "under": under,
        "goal": goal,
        "at": iso(found.at) if found.at else None,
        "why": found.why or None,
        **({"points": series} if points else {}),
    }


def saturation(found: Sequence[Fullness], points: bool) -> dict[str, Any]:
    """Return the third widget: the gauges, those first that are red or unseen, then the fullest."""
    ordered = sorted(found, key=lambda one: (not one.red, one.state == "ok", -_fullness(one)))
    return {"gauges": [gauge(one, points) for one in ordered]}


def gauge(one: Fullness, points: bool) -> dict[str, Any]:
    """Return one gauge."""
    return {
        "of": one.of,
        "name": one.gauge.name,
        "label": one.gauge.label,
        "state": one.state,
        "value": _round(one.value, 4),
        "unit": one.unit,
        "full": _round(one.full, 4),
        "source": one.source or None,
        "share": _round(one.share, 4),
        "red": one.red,
        "red_from": one.gauge.red,
        "falls": one.gauge.falls,
        "at": iso(one.at) if one.at else None,
        "why": one.why or None,
        **({"points": [[at, _round(value, 4)] for at, value in one.points]} if points else {}),
    }


def budget(one: Budget) -> dict[str, Any]:
    """Return an objective's error budget."""
    return {
        "id": one.objective.id,
        "service": one.objective.service,
        "name": one.objective.name,
        "aspect": one.objective.aspect,
        "goal": one.objective.goal,
        "under": one.objective.under,
        "days": one.objective.days,
        "state": one.state,
        "left": _round(one.left, 4),
        "burn": {window: _round(rate, 3) for window, rate in one.burn.items()},
        "exhausted_in": _round(one.exhausted_in, 0),
        "level": one.level,
        "sentence": one.sentence,
        "bad": one.bad,
        "total": one.total,
    }


def burn(one: Budget) -> dict[str, Any]:
    """Return how fast an error budget is spent."""
    return {
        "id": one.objective.id,
        "state": one.state,
        "level": one.level,
        "sentence": one.sentence,
        "speeds": [
            {
                "level": each.speed.level,
                "long": length(each.speed.long),
                "short": length(each.speed.short),
                "factor": each.factor,
                "long_burn": _round(each.long, 3),
                "short_burn": _round(each.short, 3),
                "on": each.on,
            }
            for each in one.speeds
        ],
    }


def left(one: Budget) -> dict[str, Any]:
    """Return what is left of an error budget."""
    return {
        "id": one.objective.id,
        "state": one.state,
        "goal": one.objective.goal,
        "days": one.objective.days,
        "good": _round(one.good, 4),
        "bad": one.bad,
        "total": one.total,
        "left": _round(one.left, 4),
        "requests_left": _round(one.requests_left, 1),
        "minutes_left": _round(one.minutes_left, 1),
        "exhausted_in": _round(one.exhausted_in, 0),
        "sentence": one.sentence,
    }


def _fullness(one: Fullness) -> float:
    share = one.share or 0.0
    return 1 - share if one.gauge.falls and one.share is not None else share


def _said(one: Fullness) -> str:
    if one.share is not None:
        return f"{100 * one.share:.0f} %"
    return "?" if one.value is None else f"{one.value:.3g}{' %' if one.unit == 'percent' else ''}"


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
