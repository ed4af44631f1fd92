"""Every guardrail × every AWS call × every way in which it can go wrong, then the event once more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.model import ParapetError
from tests.account import TestAccount
from tests.scenario import Scenario
from tests.scenarios import REVERTS, SCENARIOS
from tests.wire import FAULTS, Crash, Fault, Made

pytestmark = pytest.mark.usefixtures("in_memory")
Accounts = Callable[[], AbstractContextManager[TestAccount]]
FIXABLE = [*(scenario for scenario in SCENARIOS if registry.get(scenario.guardrail).can_fix), *REVERTS]
PASSING = [fault for fault in FAULTS if fault != "deny"]


def named(value: Any) -> str:
    return value.guardrail if isinstance(value, Scenario) else str(value).replace(" ", "-")


def delivered(account: TestAccount, scenario: Scenario, resource: str) -> None:
    event = scenario.breach(account, resource)
    account.wire.reset()
    account.deliver(event)


def fixed(account: TestAccount, scenario: Scenario, resource: str) -> Any:
    """The command to undo what was fixed."""
    [finding] = account.deliver(scenario.breach(account, resource))
    account.notices()
    command = account.ask("undo", finding)
    account.wire.reset()
    return command


def undone(account: TestAccount, scenario: Scenario, resource: str) -> None:
    account.obey(fixed(account, scenario, resource))


Do = Callable[[TestAccount, Scenario, str], None]
UNDISTURBED: dict[tuple[str, Do], tuple[Made, ...]] = {}


def calls_of(accounts: Accounts, scenario: Scenario, do: Do) -> tuple[Made, ...]:
    """The calls of an undisturbed run, which is the same whatever is disturbed after it."""
    key = (scenario.guardrail, do)
    if key not in UNDISTURBED:
        with accounts() as account:
            account.enforce()
            do(account, scenario, scenario.build(account))
            UNDISTURBED[key] = tuple(account.wire.calls)
    return UNDISTURBED[key]


def at(number: int, fault: Fault) -> Callable[[int, Made], Fault | None]:
    return lambda this, _made: fault if this == number else None


def at_calls(count: int, fault: Fault) -> range:
    """The numbers of the calls at which a fault is another than those that are tried anyway."""
    # Whoever is killed before a call was killed after the one before it.
    return range(1 if fault == "crash before" else count)


def fix_calls(account: TestAccount, finding: Any) -> list[str]:
    """The names of the fix calls that took effect, in order."""
    wanted = {(c.service, c.operation.replace("_", "")) for c in finding.fix}
    return [m.name for m in account.wire.calls if m.done and (m.service, m.operation.lower()) in wanted]


@pytest.mark.parametrize("fault", PASSING, ids=named)
@pytest.mark.parametrize("scenario", FIXABLE, ids=named)
def test_fixed_exactly_once(accounts: Accounts, scenario: Scenario, fault: Fault) -> None:
    count = len([made for made in calls_of(accounts, scenario, delivered) if made.operation != "Scan"])
    assert count >= 6
    for number in at_calls(count, fault):
        with accounts() as account:
            account.enforce()
            resource = scenario.build(account)
            innocent = scenario.state(account, resource)
            event = scenario.breach(account, resource)
            broken = scenario.state(account, resource)
            account.wire.reset()
            account.wire.fail(at(number, fault))
            with suppress(Crash, ParapetError):
                account.deliver(event, "first")
            account.wire.calm()
            # Lambda waits a minute before it delivers again, under the same request id; EventBridge uses a new one.
            account.clock.forward(61)
            account.deliver(event, "first" if number % 2 else "second")
            where = f"{fault} at call {number}"
            assert scenario.state(account, resource) == innocent, where
            [finding] = account.findings()
            assert finding.status == "fixed", where
            # Where there are several, the ones that were made are made again: AWS refuses them, moto does not.
            done = fix_calls(account, finding)
            assert len(set(done) if len(finding.fix) > 1 else done) == len(finding.fix), where
            assert [notice.status for notice in account.notices()] == ["fixed"], where
            assert account.undo(finding).answer == "undone", where
            assert scenario.state(account, resource) == broken, where


@pytest.mark.parametrize("fault", PASSING, ids=named)
@pytest.mark.parametrize("scenario", FIXABLE, ids=named)
def test_undone_exactly_once(accounts: Accounts, scenario: Scenario, fault: Fault) -> None:
    count = len(calls_of(accounts, scenario, undone)) - 1
    for number in at_calls(count, fault):
        with accounts() as account:
            account.enforce()
            resource = scenario.build(account)
            command = fixed(account, scenario, resource)
            innocent = scenario.state(account, resource)
            account.wire.reset()
            account.wire.fail(at(number, fault))
            with suppress(Crash, ParapetError):
                account.obey(command, "first")
            account.wire.calm()
            account.clock.forward(61)
            answered = account.obey(command, "first" if number % 2 else "second")
            where = f"{fault} at call {number}"
            assert answered.answer == "undone", where
            assert [one.status for one in account.findings()] == ["undone"], where
            assert scenario.state(account, resource) != innocent, where
            assert [notice.status for notice in account.notices()] == ["undone"], where
            account.sweep(scenario.guardrail)
            assert [one.status for one in account.findings()] == ["undone"], where


@pytest.mark.parametrize("scenario", FIXABLE, ids=named)
def test_denied(accounts: Accounts, scenario: Scenario) -> None:
    names = list(dict.fromkeys(m.name for m in calls_of(accounts, scenario, delivered) if m.operation != "Scan"))
    for name in names:
        with accounts() as account:
            account.enforce()
            resource = scenario.build(account)
            innocent = scenario.state(account, resource)
            event = scenario.breach(account, resource)
            broken = scenario.state(account, resource)
            account.wire.reset()
            account.wire.fail(lambda _number, made, name=name: "deny" if made.name == name else None)  # type: ignore[misc]
            try:
                account.deliver(event, "first")
            except ParapetError as error:
                assert "AccessDenied" in str(error)
            else:
                # Only what says where to mend it for good may be missing: that keeps nothing from being fixed.
                [finding] = account.findings()
                assert (finding.status, name in finding.source) == ("fixed", True)
                continue
            account.wire.calm()
            findings = account.findings()
            state = scenario.state(account, resource)
            if not findings:
                assert state == broken, f"{name} denied: nothing is recorded, so nothing was changed"
            elif findings[0].status == "failed":
                [notice] = account.notices()
                assert notice.status == "failed"
                assert name in " ".join(notice.lines)
                done = fix_calls(account, findings[0])
                assert len(done) < len(findings[0].fix)
                assert done or state == broken
            account.clock.forward(61)
            account.deliver(event, "first")
            assert scenario.state(account, resource) == innocent, name
            assert [one.status for one in account.findings()] == ["fixed"], name
            assert [notice.status for notice in account.notices()][-1:] == ["fixed"], name
