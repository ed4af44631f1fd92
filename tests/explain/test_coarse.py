"""What CloudWatch has by five minutes only is compared as such: what is quiet is told as quiet, an incident as one."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from chalicelib.explain import onset
from chalicelib.explain.onset import Onset
from chalicelib.explain.sections import signals
from chalicelib.explain.sections.signals import Signals
from chalicelib.explain.subject import Desk, Subject
from chalicelib.model import DAY
from chalicelib.services import golden
from chalicelib.services.golden import Fullness
from chalicelib.services.watch import Watch
from local.cloudwatch.store import Store
from local.systems import SYSTEMS, writing
from local.systems.faults import Fault, Kind
from tests.explain.rehearsals.account import Account, Traces
from tests.explain.rehearsals.stage import FIRST, IDS, MINUTE, STAGE, kinds, service, services
from tests.explain.test_onset import MANY, START, line, place
from tests.samples import ACCOUNT, REGION

WEEK, BLOCK = int(FIRST + 7 * DAY), 300


def looked(name: str, now: int, *faults: Fault, coarse: bool = False) -> Signals:
    """What is seen of a system whose yesterday and last week, and perhaps whose today, is kept by five minutes."""
    system, store = SYSTEMS[name], Store(ACCOUNT, REGION)
    for ago in (0, int(DAY), int(7 * DAY)):
        start, end = ((now - ago + by) // BLOCK * BLOCK for by in (-4 * 3600, 0))
        if ago or coarse:
            list(writing.coarse(lambda region: store, system, IDS, (), start, end))
        else:
            writing.fine(lambda region: store, system, IDS, faults, start, now)
    account = Account(store, Traces(system, system, faults, now), now)
    watch = Watch(lambda region: account, print)
    desk = Desk(lambda region: account, STAGE, "journal", cast(Any, None), services(), watch)
    return signals.look(desk, Subject("service", name, now, now, service(name)), service(name)).found


@pytest.mark.parametrize("name", ["images", "saas"])
def test_a_quiet_system_is_told_as_quiet_at_any_hour(name: str) -> None:
    for hour in (0, 5, 25, 30, 55, 80, 105, 125, 150):
        now = WEEK + hour * 3600 + hour * 7 % 60 * MINUTE
        assert not looked(name, now).symptoms, hour
        assert not looked(name, now, coarse=True).symptoms, hour


def test_an_incident_of_today_is_seen_beside_a_coarse_yesterday() -> None:
    now = WEEK + 30 * 3600
    for kind, sign in (
        (Kind("", failing=0.3), "errors"),
        (Kind("", slower=4.0), "latency"),
        (Kind("", silent=True), "silence"),
    ):
        with kinds(kind) as wrong:
            found = looked("saas", now, Fault("saas", wrong, now - 600, now))
        assert found.main, sign
        assert found.main.sign == sign
        assert abs(found.main.onset.at - (now - 600)) <= 120


@pytest.mark.parametrize(
    ("counted", "rates"),
    [
        ({0: 5.0, 60: 6.0, 240: 7.0}, [5, 6, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ({0: 50.0, 300: 100.0, 600: 25.0}, [10, 20, 5]),
        # The five minutes that run are not there yet; those that are over, and are not, had nobody.
        ({0: 50.0, 300: 100.0}, [10, 20, 0]),
        ({300: 100.0, 600: 25.0}, [0, 20, 5]),
        ({0: 50.0, 300: 100.0, 600: 1.0, 660: 2.0}, [10, 20, 1, 2, 0, 0, 0]),
        # One alone tells nothing of how it is counted.
        ({300: 7.0}, [0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ({}, [0] * 15),
    ],
)  # fmt: skip
def test_how_many_came_a_minute(counted: dict[int, float], rates: list[float]) -> None:
    assert [many for _, many in signals._rates(counted, 0, 900)] == rates
    at_last = [at for at, _ in signals._rates({0: 50.0, 300: 100.0}, 0, 840)]
    assert at_last == [0, 300], "the last five minutes are not over"


def test_before_the_first_of_five_minutes_nobody_knows() -> None:
    assert list(signals._rates({300: 50.0, 600: 50.0}, 120, 900)) == [(300.0, 10.0), (600.0, 10.0)]


def test_a_point_of_five_minutes_does_not_come_before_what_began_within_it() -> None:
    saas = service("saas")
    letters = next(
        (number, one) for number, one in enumerate(golden.gauges(saas)) if one[1].name == "letters"
    )  # fmt: skip
    number, (target, gauge) = letters
    began = WEEK + 600

    def filled(*bad: int) -> list[float]:
        points = tuple((WEEK + at, float(at in bad)) for at in range(0, 1800, 300))
        others = [Fullness("", one, "no_data") for _, one in golden.gauges(saas)]
        others[number] = Fullness("dead letters saas-jobs-dead", gauge, "ok", points=points)
        return [one.at - began for one in signals._filled(saas, others, began + 120, WEEK + 1800)]

    assert target.kind == "dead_letters"
    assert filled(600, 900) == [120.0], "it may have begun with the rest"
    assert filled(300, 600) == [-300.0], "five minutes before it was there"
    assert filled(900, 1200) == [300.0]


@pytest.mark.parametrize("up", [True, False])
def test_more_or_less_is_said_of_what_is_usual_then(up: bool) -> None:
    """In the evening fewer come: of those who come now, more than usual are more, though there were more at noon."""

    def evening(draw: random.Random, factor: float) -> list[float | None]:
        usual = [600 - 2.5 * n for n in range(MANY)]
        return [one * (factor if n >= 150 else 1.0) + draw.gauss(0, 6) for n, one in enumerate(usual)]

    today = evening(random.Random(3), 1.8 if up else 0.4)
    past = [line(evening(random.Random(seed), 1.0)) for seed in (1, 2)]
    found = onset.find(line(today), 60, [day[::5] for day in past])
    assert (found.up, abs(place(found) - 150) <= 2) == (up, True)
    assert found.before == pytest.approx(200, abs=30)
    assert found.after == pytest.approx(360 if up else 80, abs=60)


def test_another_day_holds_for_five_minutes() -> None:
    times = [START + MINUTE * number for number in range(12)]
    assert onset._held(times, [(START + 60, 5.0), (START + 360, 5.0)]) == [None, *[5.0] * 10, None]
    assert isinstance(onset.NONE, Onset)
