"""What keeps the actions of a composite alarm back: waiting for a suppressor, the suppressor, and a while after it."""

from __future__ import annotations

import pytest

from local.cloudwatch.suppression import Hold, held

WAIT, EXTENSION = 120, 180


class Composite:
    """What holds one back, second by second."""

    def __init__(self) -> None:
        self.hold: Hold | None = None

    def at(self, now: float, *, suppressing: bool = False, changed: bool = False) -> str:
        self.hold = held(self.hold, suppressing, changed, now, WAIT, EXTENSION)
        return self.hold.by if self.hold else ""


@pytest.fixture
def composite() -> Composite:
    return Composite()


def test_a_change_waits_for_the_suppressor_and_acts_when_it_does_not_come(composite: Composite) -> None:
    assert composite.at(0, changed=True) == "WaitPeriod"
    assert composite.at(119) == "WaitPeriod"
    assert composite.at(120) == ""


def test_a_second_change_does_not_wait_anew(composite: Composite) -> None:
    assert composite.at(0, changed=True) == "WaitPeriod"
    assert composite.at(60, changed=True) == "WaitPeriod"
    assert composite.at(120) == ""


def test_a_suppressor_that_comes_meanwhile_holds_it_back_for_as_long_as_it_lasts(composite: Composite) -> None:
    assert composite.at(0, changed=True) == "WaitPeriod"
    assert composite.at(60, suppressing=True) == "Alarm"
    assert composite.at(6000, suppressing=True, changed=True) == "Alarm"


def test_it_stays_quiet_for_a_while_after_the_suppressor(composite: Composite) -> None:
    assert composite.at(0, suppressing=True) == "Alarm"
    assert composite.at(10) == "ExtensionPeriod"
    assert composite.at(100, changed=True) == "ExtensionPeriod"
    assert composite.at(189) == "ExtensionPeriod"
    assert composite.at(190) == ""


def test_without_periods_nothing_waits() -> None:
    assert held(None, False, True, 0, 0, 0) is None
    assert held(Hold("Alarm"), False, False, 0, 0, 0) is None
    # Nor does it then wait for what has just gone.
    assert held(Hold("Alarm"), False, True, 0, 0, 60) == Hold("ExtensionPeriod", 60)
