"""Services and their objectives: how they are, over what they were, and what is left of their error budgets."""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping, Sequence
from typing import cast

from chalicelib import telemetry, wiring
from chalicelib.api import params, schemas
from chalicelib.api.asked import Asked, Declined
from chalicelib.api.declared import Param, extended
from chalicelib.api.route import Answer, chosen, mute, ours, route
from chalicelib.model import Aws
from chalicelib.services import golden, shown
from chalicelib.services.alarmed import Alarms
from chalicelib.services.golden import WINDOWS, Window
from chalicelib.services.model import Service
from chalicelib.services.watch import Cost, Seen, Watch
from chalicelib.slo.budget import Budget
from chalicelib.times import iso

MOST = 50
WINDOW = Param("window", "over how long; without it: 3h", tuple(WINDOWS), example="24h")


@functools.cache
def watch(account: str) -> Watch:
    """Return what looks at the services of an account, kept for as long as its environment lives."""
    return Watch(_reach(account), functools.partial(telemetry.defect, "a limit is not known: a defect of Parapet's"))


@functools.cache
def alarms(account: str) -> Alarms:
    """Return what knows which alarms are on, likewise."""
    return Alarms(_reach(account))


def _reach(account: str) -> functools.partial[Aws]:
    return functools.partial(wiring.accounts(account), account)


@route(
    "GET", "/services", WINDOW, params.LIMIT, params.AFTER,
    answers=schemas.watched(extended(schemas.paged("services", schemas.SERVICE), **schemas.MUTE)),
)  # fmt: skip
def listed(asked: Asked) -> Answer:
    """Tell how all services are, those first that are worst: availability, latency, saturation, budgets."""
    window, every = _window(asked), _services()
    limit, after = asked.count("limit", MOST, params.LIMIT.most), asked.given.get("after", "")
    names = sorted(one.name for one in every)
    if after and after not in names:
        raise Declined(400, f"after: {after!r} is not what an answer of this route had there")
    page = [name for name in names if name > after][:limit]
    some = [one for one in every if one.name in page]
    found, cost = watch(ours().account).look(some, golden.view(window, charts=False), asked.at)
    on, unknown = alarms(ours().account).on(some, chosen().stage, asked.at)
    told = [_told(one, on, unknown) for one in found]
    told.sort(key=lambda one: (shown.COLOURS.index(one["status"]), one["name"]))
    more = page[-1] if page and page[-1] != names[-1] else None
    known = {"window": window, "services": told, "after": more, "alarms_unknown": mute(unknown)}
    return _answer(asked, cost, known)


@route(
    "GET", "/services/{service}/golden", WINDOW,
    answers=schemas.watched(extended(schemas.SERVICE, **schemas.MUTE)),
)  # fmt: skip
def charts(asked: Asked) -> Answer:
    """Tell how one service is and was: its three signals with the points of their charts."""
    window = _window(asked)
    one = _service(asked.item)
    (seen,), cost = watch(ours().account).look([one], golden.view(window), asked.at)
    on, unknown = alarms(ours().account).on([one], chosen().stage, asked.at)
    return _answer(asked, cost, {**_told(seen, on, unknown, points=True), "alarms_unknown": mute(unknown)})


@route("GET", "/slos", Param("service", "of one service"), answers=schemas.watched(schemas.listed("slos", schemas.SLO)))
def objectives(asked: Asked) -> Answer:
    """Tell what is left of every objective's error budget, the least first."""
    some = [_service(asked.given["service"])] if "service" in asked.given else _services()
    found, cost = watch(ours().account).budgets(some, asked.at)
    found = tuple(sorted(found, key=lambda one: (one.left is None, one.left or 0.0, one.objective.id)))
    return _answer(asked, cost, {"slos": [shown.budget(one) for one in found]})


@route("GET", "/slos/{objective}", answers=schemas.watched(schemas.SLO))
def objective(asked: Asked) -> Answer:
    """Tell what is left of one objective's error budget, and how fast it is spent."""
    found, cost = _objective(asked)
    return _answer(asked, cost, shown.budget(found))


@route("GET", "/slos/{objective}/burn", answers=schemas.watched(schemas.BURN))
def burn(asked: Asked) -> Answer:
    """Tell how fast an objective's budget is spent over each pair of windows, and whom that wakes."""
    found, cost = _objective(asked)
    return _answer(asked, cost, shown.burn(found))


@route("GET", "/slos/{objective}/budget", answers=schemas.watched(schemas.BUDGET))
def budget(asked: Asked) -> Answer:
    """Tell what is left of an objective's error budget: as a share, in requests, and until when."""
    found, cost = _objective(asked)
    return _answer(asked, cost, shown.left(found))


def _answer(asked: Asked, cost: Cost, document: Mapping[str, object]) -> Answer:
    spent = {"api_calls": cost.calls, "queries": cost.queries}
    return Answer({"as_of": iso(asked.at), **document, "cost": spent})


def _told(
    seen: Seen, on: Mapping[str, Sequence[str]], unknown: Container[str], *, points: bool = False
) -> dict[str, object]:
    one = seen.golden.service
    silent = "" in unknown or one.entry.region in unknown
    return shown.service(seen.golden, seen.budgets, on[one.name], mute=silent, points=points)


def _window(asked: Asked) -> Window:
    return cast("Window", asked.one_of("window", WINDOWS) or "3h")


def _services() -> Sequence[Service]:
    return chosen().services


def _service(name: str) -> Service:
    for one in _services():
        if one.name == name:
            return one
    raise Declined(
        404, f"there is no service {name!r}: GET /v1/services lists them, parapet.toml has them ([[services]])"
    )


def _objective(asked: Asked) -> tuple[Budget, Cost]:
    for one in _services():
        if any(objective.id == asked.item for objective in one.objectives):
            found, cost = watch(ours().account).budgets([one], asked.at)
            return next(budget for budget in found if budget.objective.id == asked.item), cost
    raise Declined(404, f"there is no objective {asked.item!r}: GET /v1/slos lists them")
