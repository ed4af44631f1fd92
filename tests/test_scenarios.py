"""Every guardrail × every promise that can be seen on moto: fixed, only then undone, with exactly its rights."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from chalicelib import registry
from tests.account import TestAccount
from tests.iam_actions import actions
from tests.samples import assumed
from tests.scenario import Scenario
from tests.scenarios import REVERTS, SCENARIOS

Accounts = Callable[[], AbstractContextManager[TestAccount]]
OURS = ("dynamodb", "sqs", "events")
FIXABLE = [*(scenario for scenario in SCENARIOS if registry.get(scenario.guardrail).can_fix), *REVERTS]


def named(scenario: Scenario) -> str:
    return scenario.guardrail


@pytest.mark.parametrize("scenario", FIXABLE, ids=named)
def test_round_trip(accounts: Accounts, scenario: Scenario) -> None:
    used: frozenset[str] = frozenset()
    for one in (scenario, *scenario.also):
        with accounts() as account:
            used |= round_trip(account, one)
    assert used == registry.get(scenario.guardrail).needs


def round_trip(account: TestAccount, scenario: Scenario) -> frozenset[str]:
    """Break, fix, undo and sweep; returns the IAM actions that Parapet used."""
    account.enforce()
    resource = scenario.build(account)
    innocent = scenario.state(account, resource)
    event = scenario.breach(account, resource)
    broken = scenario.state(account, resource)
    assert broken != innocent
    account.wire.reset()
    [finding] = account.deliver(event)
    assert (finding.status, finding.violation.resource) == ("fixed", resource)
    assert finding.actor is not None
    assert finding.actor.who == "alice"
    assert scenario.state(account, resource) == innocent
    assert account.undo(finding).answer == "undone"
    assert scenario.state(account, resource) == broken
    used = actions(made for made in account.wire.calls if made.service not in OURS)
    if registry.get(scenario.guardrail).subjects is not None:
        account.wire.reset()
        account.sweep(scenario.guardrail)
        used |= actions(made for made in account.wire.calls if made.service not in OURS)
        assert scenario.state(account, resource) == broken, "the sweep respects what an undo permits"
    return used


@pytest.mark.parametrize("scenario", [*SCENARIOS, *REVERTS], ids=named)
def test_leaves_alone_what_failed_what_is_ours_and_what_is_innocent(account: TestAccount, scenario: Scenario) -> None:
    account.enforce()
    resource = scenario.build(account)
    event = scenario.breach(account, resource)
    broken = scenario.state(account, resource)
    service = scenario.guardrail.split("_", 1)[0]
    failed = {**event, "detail": {**event["detail"], "errorCode": "AccessDenied"}}
    assert account.deliver(failed, service=service) == []
    role = account.settings.role_name(f"guard_{service}")
    ours = {**event, "detail": {**event["detail"], "userIdentity": assumed(role)}}
    assert account.deliver(ours, service=service) == []
    assert scenario.state(account, resource) == broken


@pytest.mark.parametrize("scenario", [s for s in FIXABLE if registry.get(s.guardrail).subjects], ids=named)
def test_the_sweep_finds_what_no_event_told(account: TestAccount, scenario: Scenario) -> None:
    account.enforce()
    resource = scenario.build(account)
    innocent = scenario.state(account, resource)
    assert account.sweep(scenario.guardrail) == []
    scenario.breach(account, resource)
    [finding] = account.sweep(scenario.guardrail)
    assert (finding.status, finding.origin, finding.actor) == ("fixed", "sweep", None)
    assert finding.violation.resource == resource
    assert scenario.state(account, resource) == innocent


@pytest.mark.parametrize("scenario", FIXABLE, ids=named)
def test_an_undo_ends_and_the_fix_comes_back(account: TestAccount, scenario: Scenario) -> None:
    account.enforce()
    resource = scenario.build(account)
    innocent = scenario.state(account, resource)
    [finding] = account.deliver(scenario.breach(account, resource))
    account.undo(finding, seconds=1800)
    assert account.journal.due(account.clock()) == []
    account.clock.forward(1801)
    [due] = account.journal.due(account.clock())
    account.pipeline(scenario.guardrail.split("_", 1)[0]).look_again(due.id, account.request())
    if registry.get(scenario.guardrail).event_born:
        pytest.skip("what lives in the event alone cannot be seen again")
    assert scenario.state(account, resource) == innocent
    assert [f.status for f in account.findings()] == ["undone", "fixed"]
    assert account.journal.due(account.clock()) == []
