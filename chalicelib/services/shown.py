"""What programs and the page get of services: their signals as JSON; pure."""

from __future__ import annotations

import math
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
# What of an objective's alarms pages; from how few percent on a service counts as failing, whatever was promised, and
# how many requests it takes for that.
PAGING = ("-page", "-absent", "-unheard")
MOSTLY, FEW, GOAL = 50.0, 5, 99.9
WORDS = {
    "no_traffic": "no requests",
    "no_data": "nothing is known of its requests",
    "agent_missing": "the CloudWatch agent reports nothing",
    "denied": "Parapet may not read its metrics",
}


def service(
    golden: Golden, budgets: Sequence[Budget], alarms: Sequence[str], *, mute: bool = False, points: bool = False
) -> dict[str, Any]:
    """Return a service as it stands.

    Args:
        golden: its signals.
        budgets: of its objectives.
        alarms: names of its alarms that are on.
        mute: whether there may be others, of which nobody knows.
        points: whether the charts' points come along.
    """
    colour, why = judged(golden, budgets, alarms)
    if mute and colour == "green":
        colour, why = "amber", "nobody knows whether its alarms are on"
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
    """Return how a service is, as a colour and a few words.

    Red is what pages, and what fails most of its requests though nobody promised otherwise; amber is what somebody
    should look at by day; grey is of what nothing can be said.
    """
    found = golden.availability
    if paging := [one for one in budgets if one.level == "page"]:
        return "red", _spent(_soonest(paging))
    if pages := [name for name in alarms if name.endswith(PAGING)]:
        return "red", f"{pages[0]} is in alarm"
    failed = found.lately if found.now is not None and found.now < _goal(golden.service) else None
    if failed and found.now is not None and found.now < MOSTLY and failed.bad >= FEW:
        return "red", _failed(failed.bad, failed.total)
    if tickets := [one for one in budgets if one.level == "ticket"]:
        return "amber", _spent(_soonest(tickets))
    if full := [one for one in golden.saturation if one.red]:
        worst = max(full, key=_fullness)
        return "amber", f"{worst.of}: {worst.gauge.label} {_said(worst)}"
    if alarms:
        return "amber", f"{alarms[0]} is in alarm"
    if failed and (failed.bad >= FEW or (found.now or 0.0) < MOSTLY):
        return "amber", _failed(failed.bad, failed.total)
    if spent := [one for one in budgets if one.left is not None and one.left <= 0]:
        return "amber", _spent(spent[0])
    if found.state not in ("ok", "no_traffic"):
        return "grey", found.why or WORDS[found.state]
    if denied := [one for one in golden.saturation if one.state == "denied"]:
        return "amber", f"{denied[0].of}: {denied[0].gauge.label}: {denied[0].why or WORDS['denied']}"
    if silent := _silent(golden.saturation):
        return "amber", f"nothing is known of {silent[0]}"
    if found.state == "no_traffic":
        return "grey", WORDS["no_traffic"]
    if found.now is None:
        return "grey", "no requests lately"
    return "green", "well"


def _spent(one: Budget) -> str:
    """Return where a budget stands, of several objectives which one's: `latency: the month's budget is spent …`."""
    return f"{one.objective.name}: {one.sentence[:1].lower()}{one.sentence[1:]}"


def _soonest(budgets: Sequence[Budget]) -> Budget:
    """Return the budget that is gone first; of several the first."""
    return min(budgets, key=lambda one: math.inf if one.exhausted_in is None else one.exhausted_in)


def _goal(service: Service) -> float:
    goals = [one.goal for one in service.objectives if one.aspect == "availability"]
    return goals[0] if goals else GOAL


def _failed(bad: float, total: float) -> str:
    some = "all of its" if bad >= total else f"{bad:.0f} of"
    return f"{some} {total:.0f} requests failed in the last five minutes"


def _silent(gauges: Sequence[Fullness]) -> list[str]:
    """Return what has gone silent as a whole; a single gauge may just not be published where it is."""
    heard = {one.of for one in gauges if one.state != "no_data" or one.value is not None}
    return [of for of in dict.fromkeys(one.of for one in gauges) if of not in heard]


def availability(found: Availability, of: Service, points: bool) -> dict[str, Any]:
    """Return the first widget."""
    goals = [one.goal for one in of.objectives if one.aspect == "availability"]
    return {
        "state": found.state,
        "value": _down(found.value),
        "now": _down(found.now),
        "goal": goals[0] if goals else None,
        "bad": round(found.bad, 2),
        "total": round(found.total, 2),
        "parts": {by: round(bad, 2) for by, bad in (found.parts or {}).items()},
        "at": iso(found.at) if found.at else None,
        "why": found.why or None,
        **({"points": [[at, _down(value)] for at, value in found.points]} if points else {}),
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
        "left": _down(one.left),
        "burn": {window: _round(rate, 3) for window, rate in one.burn.items()},
        "exhausted_in": _round(one.exhausted_in, 0),
        "level": one.level,
        "sentence": one.sentence,
        "bad": _round(one.bad, 2),
        "total": _round(one.total, 2),
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
        "good": _down(one.good),
        "bad": _round(one.bad, 2),
        "total": _round(one.total, 2),
        "left": _down(one.left),
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


def _down(value: float | None) -> float | None:
    """Return a number cut off, not rounded: 100 % is what was never touched."""
    return None if value is None else math.floor(value * 10_000 + 1e-6) / 10_000


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
