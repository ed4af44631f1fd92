"""What has lasted for longer than the hours that are looked at is explained where it began."""

from __future__ import annotations

import pytest

from chalicelib.explain import explained
from chalicelib.explain.explained import Explained
from local.systems.faults import Kind
from tests.explain.rehearsals.stage import FIRST, Plan, change, kinds, prepared

# A day, at noon.
ONSET = FIRST + 9 * 86_400 + 12 * 3600
DEPLOYED = change(ONSET - 90, "UpdateAutoScalingGroup", "autoscaling.amazonaws.com", ("shop-web",), what="version 42")


def told(plan: Plan, hours: float) -> Explained:
    """What an explanation comes to so long after it began."""
    now = ONSET + hours * 3600.0
    with kinds(plan.kind) as name:
        desk, subject = prepared(plan, ONSET, now - 30, now, name)
        return explained.explain(desk, subject, patience=20)


@pytest.mark.parametrize("hours", [1, 4, 7])
def test_errors_that_last(hours: float) -> None:
    found = told(Plan("shop", Kind("", failing=0.3), "TypeError: no", changes=[DEPLOYED]), hours)
    assert found.answer.startswith("shop fails 30 % of its requests (usually 0 %) since 12:0")
    assert found.suspects[0].change == DEPLOYED.id


def test_errors_that_began_before_anything_that_is_read_are_said_all_the_same() -> None:
    found = told(Plan("shop", Kind("", failing=0.3), "TypeError: no"), 30)
    assert found.answer.startswith("30 % of the requests of shop fail around 17:59 UTC; since when is not to be seen")
    assert found.suspects == ()


@pytest.mark.parametrize("hours", [1, 4, 7])
def test_slowness_that_lasts(hours: float) -> None:
    found = told(Plan("shop", Kind("", slower=4.0), changes=[DEPLOYED]), hours)
    assert found.symptom
    assert found.symptom.sign == "latency"
    assert abs(found.symptom.onset.at - ONSET) <= 300
    assert found.suspects[0].change == DEPLOYED.id


@pytest.mark.parametrize("hours", [0.5, 5])
def test_nobody_who_comes(hours: float) -> None:
    found = told(Plan("shop", spike=0.0, changes=[DEPLOYED]), hours)
    assert found.symptom
    assert found.symptom.sign == "silence"
    assert abs(found.symptom.onset.at - ONSET) <= 300


@pytest.mark.parametrize("system", ["shop", "images", "intake", "platform", "saas"])
@pytest.mark.parametrize("hours", [0, 6, 12, 18])
def test_nothing_is_nothing_at_any_hour(system: str, hours: float) -> None:
    assert not told(Plan(system), hours).suspects
