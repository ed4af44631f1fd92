"""`backtest`: what an objective would have told lately, before anybody is woken by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from chalicelib import times
from chalicelib.model import DAY, ParapetError
from chalicelib.section import meant
from cli import output
from cli.deployment import Outside
from cli.errors import Failure

if TYPE_CHECKING:
    from chalicelib.services.model import Objective, Service
    from chalicelib.services.sli import Counted
    from chalicelib.slo.backtest import Replay

MOST_SHOWN = 20


@click.command
@click.argument("objective", metavar="SERVICE[/OBJECTIVE]")
@click.option("--days", type=click.IntRange(1, 63), default=30, show_default=True, help="How far back to go.")
@click.option("--goal", type=click.FloatRange(0, 100, min_open=True, max_open=True), help="Another goal, in percent.")
@click.option("--few", type=click.IntRange(1), help="Fewer bad requests than so many in a window wake nobody.")
@output.json_option
@click.pass_obj
def backtest(outside: Outside, objective: str, days: int, goal: float | None, few: int | None, as_json: bool) -> None:
    """How many pages and tickets would an objective have sent lately, and what would other goals have sent?

    Reads five-minute points from CloudWatch and replays the alarms' own rules over them. It changes nothing.
    """
    from chalicelib.slo import backtest as past
    from chalicelib.slo import burn

    documents = []
    for service, declared in chosen(outside.settings().services, objective):
        changes = {key: value for key, value in (("goal", goal), ("few", few)) if value is not None}
        tried = replace(declared, **changes)  # type: ignore[arg-type]
        if sorry := burn.impossible(tried):
            raise ParapetError(sorry)
        points, start = read(outside, service, tried, days)
        found = past.replay(tried, points, start, days)
        if found.budget.state == "no_data":
            raise Failure(f"{tried.id}: CloudWatch has no points of its entry: is its name right, and its region?")
        near = [past.replay(one, points, start, days) for one in past.neighbours(tried)]
        if as_json:
            documents.append(document(found, near))
        else:
            show(found, near, outside.now())
    if as_json:
        output.emit(documents)


def chosen(services: Sequence[Service], given: str) -> list[tuple[Service, Objective]]:
    """Return the objectives that `SERVICE`, `SERVICE/OBJECTIVE` or an objective's id names; raises ParapetError."""
    name, _, wanted = given.partition("/")
    names = [one.name for one in services]
    if whole := [(service, one) for service in services for one in service.objectives if one.id == given]:
        return whole
    if name not in names:
        raise ParapetError(f"there is no service {name!r} in parapet.toml{meant(name, names) if names else ''}")
    [service] = [one for one in services if one.name == name]
    found = [(service, one) for one in service.objectives if wanted in ("", one.name)]
    if not found:
        what = f"{name} has no objective {wanted!r}" if wanted else f"{name} has no objectives"
        raise ParapetError(f"{what}{meant(wanted, [one.name for one in service.objectives]) if wanted else ''}")
    return found


def read(outside: Outside, service: Service, objective: Objective, days: int) -> tuple[list[Counted | None], int]:
    """Return what was counted in each five minutes, and when the first begins; raises ParapetError, AwsError."""
    from chalicelib.services import kinds, sli
    from chalicelib.services.model import Under
    from chalicelib.services.reading import LATE, Reader, Wanted
    from chalicelib.slo.backtest import KEPT, STEP, WARM, point

    indicator = sli.of(objective, kinds.measures(service.entry))
    series, now, where = sli.metrics(indicator), outside.now(), outside.deployment
    end = int(now - LATE) // STEP * STEP
    start = end - int(min(KEPT, max(days, objective.days) + WARM) * DAY)
    # The oldest point is one that CloudWatch still keeps.
    start = max(start, int(now - KEPT * DAY) // STEP * STEP + STEP)
    reader = Reader(lambda region: where.at(region) if region else where.aws)
    found = reader.read([Wanted(one, STEP, start) for one in series], now)
    if found.denied:
        raise ParapetError(f"{objective.id}: {next(iter(found.denied.values()))}")
    points = {one: found.of(one, STEP) for one in series}
    if isinstance(indicator, Under) and points[indicator.total] and not points[indicator.within]:
        raise ParapetError(
            f"{objective.id}: CloudWatch counts what its entry is asked, but cannot tell how much of it took longer "
            f"than {objective.under:g} s: of statistic sets there are no percentiles"
        )
    return [point(indicator, {one: points[one].get(at) for one in series}) for at in range(start, end, STEP)], start


def show(found: Replay, near: Sequence[Replay], now: float) -> None:
    """Print what an objective would have told."""
    objective, pages, tickets = found.objective, found.of("page"), found.of("ticket")
    lately = "day" if found.days == 1 else f"{found.days} days"
    output.say(
        f"{objective.id}, {objective.goal:g} % over {objective.days} days, few = {objective.few}, would have sent "
        f"{counted(pages, 'page')} and {counted(tickets, 'ticket')} in the last {lately}."
    )
    if found.told_of < found.days:
        has = "has" if found.told_of == 1 else "have"
        output.say(f"{found.told_of} of {counted(found.days, 'day')} {has} data: of the others nothing is known.")
    output.say(f"Now: {found.budget.sentence}")
    if found.told:
        output.say()
        shown = found.told[-MOST_SHOWN:]
        output.table(
            ("", "began", "lasted"),
            [(one.level, times.iso(one.since), _lasted(one.since, one.until)) for one in reversed(shown)],
            whole=("", "began", "lasted"),
        )
        if len(found.told) > len(shown):
            output.say(f"and {len(found.told) - len(shown)} before")
    output.say()
    rows = sorted((found, *near), key=lambda one: one.objective.goal)
    output.table(
        ("goal", "pages", "tickets", "budget left"),
        [
            (
                f"{one.objective.goal:g} %{'  <' if one is found else ''}",
                str(len(one.of("page"))), str(len(one.of("ticket"))), _left(one),
            )
            for one in rows
        ],
        whole=("goal", "pages", "tickets", "budget left"),
    )  # fmt: skip
    output.say("Replayed over points of five minutes: an alarm looks every minute, and may tell up to five earlier.")


def counted(told: Sequence[Any] | int, word: str) -> str:
    """Return how many there are of something."""
    many = told if isinstance(told, int) else len(told)
    return f"{many or 'no'} {word}{'' if many == 1 else 's'}"


def document(found: Replay, near: Sequence[Replay]) -> Mapping[str, Any]:
    """Return the same as JSON."""
    objective = found.objective
    return {
        "objective": objective.id,
        "goal": objective.goal,
        "days": objective.days,
        "days_replayed": found.days,
        "days_with_data": found.told_of,
        "few": objective.few,
        "since": times.iso(found.since),
        "until": times.iso(found.until),
        "resolution": "5m",
        "told": [
            {
                "level": one.level,
                "since": times.iso(one.since),
                "until": times.iso(one.until) if one.until else None,
            }
            for one in found.told
        ],
        "goals": [
            {
                "goal": one.objective.goal,
                "pages": len(one.of("page")),
                "tickets": len(one.of("ticket")),
                "left": None if one.budget.left is None else round(one.budget.left, 4),
            }
            for one in sorted((found, *near), key=lambda one: one.objective.goal)
        ],
        "budget": {"state": found.budget.state, "left": found.budget.left, "sentence": found.budget.sentence},
    }


def _lasted(since: int, until: int | None) -> str:
    from chalicelib.slo import sentence

    return sentence.lasting(until - since) if until else "still on"


def _left(one: Replay) -> str:
    from chalicelib.slo import sentence

    left = one.budget.left
    if left is None:
        return one.budget.state.replace("_", " ")
    return sentence.share(left) if left > 0 else f"none{sentence.over(left)}"
