"""What the machine has found: each played again, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.model import Scope
from tests.machine.test_machine import Machine

# Nothing goes wrong, nothing comes in between.
CALM: dict[str, Any] = {"plan": {}, "stop": None}


@pytest.fixture
def state() -> Machine:
    return Machine()


def breaks(state: Machine, what: int = 0, **more: Any) -> None:
    state.break_something(**{"what": what, "who": "alice", "text": "", "now": True, **CALM, **more})


def asks(state: Machine, kind: str, seconds: float = 61.0, **more: Any) -> None:
    given = {"which": 0, "who": "bob", "late": 0, "glass": False, "now": True, **CALM, **more}
    state.command(kind=kind, seconds=seconds, **given)


class TestFound:
    """Whoever finds more marks it `xfail(strict=True, raises=AssertionError)` until it is mended."""

    def test_a_waiver_for_who_made_the_call_counts_when_it_is_delivered_again(self, state: Machine) -> None:
        breaks(state, plan={"transact_write_items": "timed out after"})
        state.waive(about=Scope(principal="arn:aws:iam::123456789012:user/alice"), plan={}, seconds=3600.0)
        state.teardown()

    def test_a_second_fix_of_the_same_finding_is_told_too(self, state: Machine) -> None:
        breaks(state, what=11)
        asks(state, "undo")
        state.teardown()

    def test_what_was_fixed_is_told_although_a_waiver_came_since(self, state: Machine) -> None:
        breaks(state, what=8, plan={"send_message_batch": "killed before"})
        state.waive(about=Scope(guardrail="kms_key_deletion_scheduled", region="eu-west-1"), plan={}, seconds=3600.0)
        state.teardown()

    def test_a_begun_fix_is_not_left_so_under_a_waiver(self, state: Machine) -> None:
        breaks(state, plan={"revoke_security_group_ingress": "killed before"})
        state.waive(about=Scope(guardrail="ec2_security_group_open"), plan={}, seconds=3600.0)
        state.set_modes(event="observe", rail="ec2_security_group_open", sweep="off")
        state.teardown()

    def test_what_was_found_after_the_reading_is_not_gone(self, state: Machine) -> None:
        breaks(state, what=2, stop=1)
        breaks(state, what=5, now=False)
        state.pause(about=Scope(), plan={}, seconds=700.0)
        state.deliver(which=0, **CALM)
        state.teardown()

    def test_a_pause_holds_a_begun_fix_that_only_its_event_could_see(self, state: Machine) -> None:
        breaks(state, what=11, plan={"update_access_key": "throttled"})
        state.pause(about=Scope(), plan={}, seconds=0.0)
        state.world.forward(61)
        state.sweep(rail="iam_access_key_for_other", **CALM)
        state.teardown()

    def test_who_made_it_is_named_although_a_waiver_lets_it_be(self, state: Machine) -> None:
        state.set_modes(event="enforce", rail="ec2_security_group_open", sweep="approve")
        breaks(state, now=False)
        state.sweep(rail="ec2_security_group_open", **CALM)
        state.waive(about=Scope(principal="arn:aws:iam::123456789012:user/alice"), plan={}, seconds=3600.0)
        state.deliver(which=0, **CALM)
        state.teardown()

    def test_an_exemption_by_a_waiver_is_told_after_a_crash_too(self, state: Machine) -> None:
        state.set_modes(event="approve", rail="ec2_security_group_open", sweep="approve")
        breaks(state)
        state.waive(about=Scope(guardrail="ec2_security_group_open"), plan={}, seconds=3600.0)
        state.sweep(rail="ec2_security_group_open", plan={"send_message_batch": "killed before"}, stop=None)
        state.teardown()

    def test_a_late_look_does_not_forget_when_a_permission_ends(self, state: Machine) -> None:
        state.pause(about=Scope(region="global"), plan={}, seconds=61.0)
        breaks(state, what=11)
        state.wait(seconds=61.0)
        asks(state, "exempt", who="carol")
        state.teardown()

    def test_an_undo_that_lambda_gave_up_on_is_not_under_way_for_ever(self, state: Machine) -> None:
        breaks(state)
        asks(state, "undo", plan={"authorize_security_group_ingress": "killed after"})
        state.world.forward(7 * 3600.0)
        state.sweep(rail="ec2_security_group_open", **CALM)
        state.teardown()
        assert all(finding.status != "undoing" for finding in state.watch.findings())

    def test_a_late_refusal_does_not_show_what_was_before(self, state: Machine) -> None:
        state.pause(about=Scope(guardrail="kms_key_deletion_scheduled"), plan={}, seconds=3600.0)
        breaks(state, what=10)
        asks(state, "undo", stop=4)
        asks(state, "approve")
        state.teardown()

    def test_a_refusal_does_not_cover_the_end_of_what_was_under_way(self, state: Machine) -> None:
        state.wait(seconds=1.2)
        state.break_something(now=True, plan={}, stop=5, text="", what=0, who="alice")
        state.wait(seconds=0.4)
        state.decide(choice=0, glass=False, which=0, who="alice")
        state.teardown()
