"""Reports in any order of invocations, overlaps and deaths: no time of the schedule is told twice, the latest once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.model import Destination
from chalicelib.reports import asking, decide
from chalicelib.reports.book import Book
from chalicelib.reports.model import Report, Run, Store
from tests.reports.world import BEFORE, NOW, TABLE, Died, World, report, shown

# Every call of one run, from taking it to having told it, with room to spare.
CALLS = 24
STORED = report(store=Store("acme-reports", "", "csv"), destination=Destination(slack="#ops"), value="")
OFTEN = report("rate(7 minutes)", only_when_not_empty=True, value="")


@dataclass
class Fate:
    """What happens at one call: its invocation dies before or after it took effect, or is overtaken by another."""

    number: int
    kind: str

    def befall(self, world: World, one: Report) -> None:
        """Have an invocation met by it."""
        met = [0]

        def meet(when: str, _call: str) -> None:
            met[0] += when == "before"
            if met[0] != self.number or (when == "before") != (self.kind != "after"):
                return
            world.meet = lambda _when, _call: None
            if self.kind != "overtaken":
                raise Died
            # As late as an invocation that hangs can be.
            world.desk(one).work()

        world.meet = meet
        with suppress(Died):
            world.tick(one)
        world.meet = lambda _when, _call: None


def checked(world: World, one: Report) -> None:
    """Let it come to rest in good health, and look at what was told."""
    for _ in range(12):
        world.states = ["Complete"]
        for query in world.queries.values():
            query.states = query.states[-1:] if query.states[-1] != "Running" else ["Complete"]
        world.now += 200
        world.tick(one)
    runs, told = world.runs(), world.told()
    assert all(run.over for run in runs)
    slots = [run for run in runs if run.status != "new"]
    # Whatever is told twice is the same, and has the same key: a channel tells it once.
    for several in told.values():
        assert all(shown(other) == shown(several[0]) for other in several)
    expected = {
        f"report:shop-errors:{run.slot}{':failed' if run.status == 'failed' else ''}"
        for run in slots
        if run.status != "quiet"
    }
    expected |= {f"report:shop-errors:{run.slot}:unstored" for run in slots if run.unstored}
    assert set(told) == expected
    # The latest was run, none twice, and none is missing that nobody mentions.
    begin, until = runs[0].at, world.now
    times = list(takewhile(lambda at: at <= until - decide.LAG, one.schedule.after(begin)))
    assert [run.at for run in slots] == [at for at in times if at in {run.at for run in slots}]
    assert sum(1 + run.missed for run in slots) == len(times)
    if times:
        assert slots[-1].at == times[-1]


@settings(max_examples=25, deadline=None)
@given(
    one=st.sampled_from([STORED, OFTEN]),
    steps=st.lists(
        st.tuples(
            st.sampled_from([0.0, 20.0, 130.0, 200.0, 1800.0, 7200.0]),
            st.none() | st.builds(Fate, st.integers(1, CALLS), st.sampled_from(["before", "after", "overtaken"])),
            st.sampled_from([("Complete",), ("Running", "Complete"), ("Running",), ("Failed",), ("Timeout",)]),
            st.booleans(),
        ),
        max_size=12,
    ),
)
def test_each_time_is_told_once(one: Report, steps: list[tuple[float, Fate | None, tuple[str, ...], bool]]) -> None:
    world = World()
    for wait, fate, states, crowded in steps:
        world.now += wait
        world.states = states
        world.refusals = ["LimitExceededException"] * 6 if crowded else []
        world.broken = ["SlowDown"] if crowded else []
        if fate:
            fate.befall(world, one)
        else:
            world.tick(one, seconds=7.0)
    world.refusals, world.broken = [], []
    checked(world, one)


@pytest.mark.parametrize("kind", ["before", "after", "overtaken"])
@pytest.mark.parametrize("number", range(1, CALLS))
def test_death_at_every_call(kind: str, number: int) -> None:
    """One run, whose invocation dies at each of its calls in turn: one extra query at the most, and it is told once."""
    world = World(states=["Complete"])
    world.tick(STORED)
    world.now = BEFORE
    Fate(number, kind).befall(world, STORED)
    for _ in range(5):
        world.tick(STORED)
    assert [run.status for run in world.runs()] == ["new", "told"]
    assert {key: {str(shown(one)) for one in several} for key, several in world.told().items()}.keys() == {
        "report:shop-errors:2026-11-21T07:30:00Z"
    }
    assert len({str(shown(one)) for one in world.sent}) == 1
    assert len(world.objects) == 1
    assert len(world.queries) <= 2


@pytest.mark.parametrize("kind", ["before", "after", "overtaken"])
@pytest.mark.parametrize("number", range(1, CALLS))
def test_death_at_every_call_of_one_that_was_asked_for(kind: str, number: int) -> None:
    world = World(states=["Complete"])
    world.tick(STORED)
    asking.ask(Book(world, TABLE), STORED, "ada", world.now, "1")
    Fate(number, kind).befall(world, STORED)
    for _ in range(5):
        world.tick(STORED)
    assert len({str(shown(one)) for one in world.sent}) == 1
    assert len(world.objects) == 1
    assert len(world.queries) <= 2
    run = Book(world, TABLE).asked("shop-errors")
    assert run
    assert (run.status, run.slot) == ("told", "2026-11-21T07:11:00Z-1")
    assert [one.status for one in world.runs()] == ["new"]


def test_there_are_as_many_calls() -> None:
    """What stands above CALLS is no death at all."""
    world, seen = World(states=["Complete"]), list[str]()
    world.tick(STORED)
    world.now = BEFORE
    world.meet = lambda when, call: seen.append(call) if when == "before" else None
    world.tick(STORED)
    assert len(seen) < CALLS
    assert [call for call in seen if call not in ("dynamodb:query", "dynamodb:get_item")] == [
        "dynamodb:transact_write_items",  # taken
        "logs:describe_log_groups", "cloudwatch:get_metric_data", "logs:start_query",
        "dynamodb:put_item",  # its query is known
        "logs:get_query_results", "s3:put_object",
        "dynamodb:transact_write_items",  # what came out
        "sqs:send_message_batch",
        "dynamodb:put_item",  # told
    ]  # fmt: skip


runs = st.none() | st.builds(
    Run, st.just("shop-errors"), st.just("2026-11-21T06:30:00Z"), st.just(NOW - 2400),
    st.sampled_from([
        "asked", "starting", "waiting", "running", "done", "failing", "told", "quiet", "failed", "new",
    ]),
    st.floats(NOW - 9000, NOW), st.integers(0, 7), st.just("q"), st.just(()), st.floats(NOW - 9000, NOW + 9000),
)  # fmt: skip


@given(newest=runs, asked=runs, now=st.floats(NOW - 2400, NOW + 90_000))
def test_what_is_decided(newest: Run | None, asked: Run | None, now: float) -> None:
    one = report()
    steps = list(decide.steps(one, newest, asked, now))
    # What is over is left alone, and what waits is not taken up before its time.
    for step in steps:
        if step.act != "begin":
            assert step.run in (newest, asked)
            assert not step.run.over
            assert step.run.due <= now
        if step.act == "start" and step.run.status == "starting":
            assert now >= step.run.since + decide.LEASE
    begun = [step.run for step in steps if step.act == "begin"]
    if newest is None:
        assert [run.status for run in begun] == ["new"]
    elif not newest.over:
        assert not begun
    for run in begun:
        if run.status == "starting":
            assert newest is not None
            assert newest.at < run.at <= now - decide.LAG < run.at + 3600
            assert run.missed == (run.at - newest.at) / 3600 - 1


def test_tries_are_bounded_whatever_goes_wrong() -> None:
    for trouble, most in decide.TRIES.items():
        run = Run("shop-errors", "2026-11-21T07:30:00Z", NOW, "starting", NOW, tries=1)
        for number in range(1, most):
            run = decide.troubled(run, trouble, "why", NOW)
            assert (run.status, run.due) == ("waiting", NOW + 60 * 2 ** (number - 1))
            run = decide.taken(run, NOW)
        run = decide.troubled(run, trouble, "why", NOW)
        assert (run.status, run.why) == ("failing", f"why. It was tried {most} times")


def test_who_dies_again_and_again_is_given_up() -> None:
    world = World()
    world.tick(STORED)
    world.now = BEFORE

    def meet(when: str, call: str) -> None:
        if (when, call) == ("after", "logs:start_query"):
            raise Died

    for _ in range(30):
        world.meet = meet
        with suppress(Died):
            world.tick(STORED)
    assert len(world.queries) == 3
    assert [one.title for one in world.sent] == ["Report shop-errors failed"]
    assert "begun 3 times and never recorded what it started" in world.sent[0].lines[0]
