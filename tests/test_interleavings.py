"""A second invocation, run completely before each AWS call of the first: fixed once, recorded once, told once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest

from chalicelib.journal import place
from chalicelib.model import ParapetError
from chalicelib.remediation import LEASE
from tests.account import TestAccount
from tests.guardrails import test_ec2_security_group_open as group
from tests.guardrails import test_kms_key_deletion_scheduled as kms
from tests.guardrails import test_s3_bucket_policy_public as policy
from tests.scenario import Scenario
from tests.wire import Made

pytestmark = pytest.mark.usefixtures("in_memory")
Accounts = Callable[[], AbstractContextManager[TestAccount]]
Second = Callable[[TestAccount, Scenario, dict[str, Any]], object]
# A call that AWS refuses when it is made again, one that it does not refuse, and a fix of two calls.
PLAYED = [group.SCENARIO, policy.SCENARIO, kms.SCENARIO]


def duplicate(account: TestAccount, _scenario: Scenario, event: dict[str, Any]) -> None:
    account.deliver(event, "second")


def sweep(account: TestAccount, scenario: Scenario, _event: dict[str, Any]) -> None:
    account.sweep(scenario.guardrail, "second")


def named(scenario: Scenario) -> str:
    return scenario.guardrail


def fix_calls(account: TestAccount) -> list[Made]:
    """Every call of the finding's fix that was made, whether or not it took effect."""
    wanted = {(c.service, c.operation.replace("_", "")) for f in account.findings() for c in f.fix}
    return [made for made in account.wire.calls if (made.service, made.operation.lower()) in wanted]


def interrupted(
    account: TestAccount, scenario: Scenario, event: dict[str, Any], number: int, second: Second, expired: bool
) -> bool:
    """Deliver an event, with the second invocation before one call; whether there was such a call at all."""
    met: list[str] = []

    def before(this: int, made: Made) -> None:
        if this == number and not met:
            met.append(made.name)
            account.wire.calm()
            if expired:
                account.clock.forward(LEASE + 1)
            # It may find the first one at work, and then it is delivered again.
            with suppress(ParapetError):
                second(account, scenario, event)

    account.wire.reset()
    account.wire.fail(before)
    again = False
    try:
        account.deliver(event, "first")
    except ParapetError:
        again = True
    account.wire.calm()
    for request in ("first",) * again + ("second",):
        account.clock.forward(LEASE + 6)
        account.deliver(event, request)
    return bool(met)


@pytest.mark.parametrize("expired", [False, True], ids=["lease-in-force", "lease-expired"])
@pytest.mark.parametrize("second", [duplicate, sweep])
@pytest.mark.parametrize("scenario", PLAYED, ids=named)
def test_two_invocations_do_what_one_would(
    accounts: Accounts, scenario: Scenario, second: Second, expired: bool
) -> None:
    number, more = 0, True
    while more:
        with accounts() as account:
            account.enforce()
            resource = scenario.build(account)
            innocent = scenario.state(account, resource)
            event = scenario.breach(account, resource)
            more = interrupted(account, scenario, event, number, second, expired)
            where = f"before call {number}"
            assert scenario.state(account, resource) == innocent, where
            [finding] = account.findings()
            assert finding.history[-1].status == finding.status == "fixed", where
            entry = account.journal.head(place(finding.violation)).entries[finding.violation.part]
            assert (entry.finding, entry.status, entry.lease) == (finding.id, "fixed", 0.0), where
            # A call that is on its way when its lease runs out cannot be called back, and is made by both.
            made, once = len(fix_calls(account)), len(finding.fix)
            assert once <= made <= (2 * once if expired else once), where
            assert [notice.status for notice in account.notices()] == ["fixed"], where
        number += 1
    assert number > 5, "a finding costs at least a read, a look, two writes, its fix and a notice"
