"""Whatever happens in whatever order, people learn of what fires, and of its end."""

from __future__ import annotations

from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from chalicelib import commands
from chalicelib.alerts.decide import AGAIN, GATHER
from chalicelib.alerts.signal import Alarm, Signal, State
from chalicelib.matcher import Matcher
from chalicelib.model import Notice
from tests.alerts.desk import ALICE, Crash, Desk, paged

NAMES = ("one", "two", "three", "whole")
WHOLE = Alarm("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:whole", "composite", children=("one", "two"))
SEVERITIES = {"one": "low", "two": "high", "three": "critical", "whole": "high"}
# More than a repeat of the rules, and less than what would take long.
LATER = 2 * 3600.0

happenings = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("firing", "resolved", "unsure")), st.sampled_from(NAMES)),
        st.tuples(st.just("again"), st.integers(0, 20)),
        st.tuples(st.just("passes"), st.sampled_from((1.0, 15.0, 61.0, 700.0, 5000.0))),
        st.tuples(st.just("silence"), st.sampled_from(NAMES)),
        st.tuples(st.sampled_from(("acknowledge", "dismiss")), st.integers(0, 3)),
        st.tuples(st.just("crash"), st.integers(-8, 8)),
    ),
    max_size=25,
)


@dataclass
class Life:
    """What was done, and what is true of each alarm, beside a desk."""

    desk: Desk = field(default_factory=lambda: Desk(paged(escalate_after=600.0, escalate_to="managers")))
    reports: list[Signal] = field(default_factory=list)
    truth: dict[str, tuple[State, float]] = field(default_factory=dict)

    def live(self, kind: str, what: str | int | float) -> None:
        """One thing happens."""
        desk = self.desk
        if kind in ("firing", "resolved", "unsure"):
            self.clocked()
            name = str(what)
            alarm = {"alarm": WHOLE} if name == "whole" else {}
            state: State = kind  # type: ignore[assignment]
            signal = desk.signal(name, state, severity=SEVERITIES[name], title=f"<{name}> {kind}", **alarm)
            self.reports.append(signal)
            if kind != "unsure" and self.truth.get(name, ("", 0.0))[0] != kind:
                self.truth[name] = (state, desk.clock())
            self.survive(signal)
        elif kind == "again" and self.reports:
            self.survive(self.reports[int(what) % len(self.reports)])
        elif kind == "passes":
            desk.passes(float(what))
        elif kind == "silence":
            desk.silences(Matcher(name=(str(what),)), 3000.0)
        elif kind == "crash":
            desk.cloud.calls, desk.cloud.crash_at = 0, int(what)
        elif kind in ("acknowledge", "dismiss") and (groups := desk.book.groups("firing")):
            group = groups[int(what) % len(groups)]
            command = commands.new(
                kind, ALICE, desk.clock(), desk.settings, alert=group.id, question=group.episode  # type: ignore[arg-type]
            )  # fmt: skip
            desk.journal.ask(command)
            desk.dispatch.carry_out(command.id)

    def clocked(self) -> None:
        self.desk.clock.at += 0.5

    def survive(self, signal: Signal) -> None:
        """A signal is delivered until it is taken."""
        for _ in range(2):
            self.desk.cloud.mortal = True
            try:
                self.desk.report(signal)
            except Crash:
                self.desk.cloud.crash_at = 0
            else:
                return
            finally:
                self.desk.cloud.mortal = False


def of(name: str, told: list[Notice]) -> list[Notice]:
    return [one for one in told if any(f"<{name}>" in text for text in (one.title, *one.lines))]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(happenings)
def test_people_learn_of_what_fires_and_of_its_end(story: list[tuple[str, str | int | float]]) -> None:
    life = Life()
    desk = life.desk
    for kind, what in story:
        life.live(kind, what)
    desk.cloud.crash_at = 0
    # What fires and is not kept quiet any more is told; silences are over by then.
    desk.passes(LATER)
    firing = {name for name, (state, _) in life.truth.items() if state == "firing"}
    told = desk.told()
    for name in firing:
        kept_quiet = name in WHOLE.children and "whole" in firing
        if not kept_quiet:
            assert [one for one in of(name, told) if one.at >= life.truth[name][1] - AGAIN], f"{name} fires in silence"
    # All comes to its end.
    for name in NAMES:
        life.live("resolved", name)
    desk.passes(AGAIN + GATHER + 61)
    told = desk.told()
    assert len({one.key for one in told}) == len(told), "something is told twice"
    for thread in {one.thread for one in told}:
        notices = [one for one in told if one.thread == thread]
        assert notices[-1].status == "resolved" or notices[-1].actions == ("dismiss",), f"{thread} has no end"
    pages = desk.told("pagerduty")
    for place in {(one.fingerprint, one.destination) for one in pages}:
        of_place = [one.page for one in pages if (one.fingerprint, one.destination) == place]
        assert of_place[0] == "trigger"
        assert of_place[-1] == "resolve", f"{place} stays open in PagerDuty"
    assert desk.book.groups("firing") == []
    assert all(group.unsent == () and group.waiting == () for group in desk.book.groups("resolved"))
