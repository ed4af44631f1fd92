"""Every remedy for an alarm × every promise that it makes: asked for, made once, taken back, refused in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import alarms, registry
from chalicelib.model import ORIGINS, BadEvent, ParapetError, Scope, Waiver
from deploy import rights
from local.patterns import matches
from tests.account import TestAccount
from tests.alarmed import ALARM, Alarmed, bind, broken, every, put, ring, wake
from tests.iam_actions import actions
from tests.wire import Crash

pytestmark = pytest.mark.usefixtures("in_memory")
Accounts = Callable[[], AbstractContextManager[TestAccount]]
OURS = ("dynamodb", "sqs", "events")
ALL = every()
STOPPED = next(one for one in ALL if one.guardrail == "ec2_instance_stopped")
ALIAS = next(one for one in ALL if one.guardrail == "lambda_alias_failing")
REBOOT = next(one for one in ALL if one.guardrail == "ec2_instance_impaired")


def named(one: Any) -> str:
    return one.guardrail if isinstance(one, Alarmed) else str(one).replace(" ", "-")


each = pytest.mark.parametrize("one", ALL, ids=named)


def approve(account: TestAccount, finding: Any) -> Any:
    return account.obey(account.ask("approve", finding))


@each
def test_it_asks_mends_and_is_taken_back(accounts: Accounts, one: Alarmed) -> None:
    used: frozenset[str] = frozenset()
    for scenario in (one, *one.also):
        with accounts() as account:
            used |= round_trip(account, scenario)
    assert used == registry.get(one.guardrail).needs


def round_trip(account: TestAccount, one: Alarmed) -> frozenset[str]:
    """Ask, approve, undo; returns the IAM actions that Parapet used."""
    resource = broken(account, one)
    ill = one.state(account, resource)
    account.wire.reset()
    [finding] = wake(account, one.guardrail, resource)
    assert (finding.status, finding.violation.resource, finding.origin) == ("asked", resource, "event")
    assert (finding.event_name, finding.event_id, finding.actor) == (f"alarm {ALARM}", "report-1", None)
    [notice] = account.notices()
    assert dict(notice.facts)["Because of"] == f"alarm {ALARM}"
    assert "approve" in notice.actions
    assert one.state(account, resource) == ill
    account.wire.reset()
    assert approve(account, finding).answer == "fixed"
    [fixed] = account.findings()
    assert fixed.status == "fixed"
    assert one.state(account, resource) != ill
    rail = registry.get(one.guardrail)
    used = actions(made for made in account.wire.calls if made.service not in OURS)
    assert rail.read is not None
    account.wire.reset()
    if finding.undo:
        assert account.undo(fixed).answer == "undone"
        assert one.state(account, resource) == ill
    else:
        assert "cannot take its fix back" in account.undo(fixed).answer
    used |= actions(made for made in account.wire.calls if made.service not in OURS)
    account.wire.reset()
    assert rail.tags is not None
    aws = account.aws(f"guard_{rail.service}")
    rail.tags(aws, resource, rail.read(aws, resource))
    return used | actions(made for made in account.wire.calls if made.service not in OURS)


@each
def test_it_is_refused_when_the_alarm_has_cleared_meanwhile(account: TestAccount, one: Alarmed) -> None:
    resource = broken(account, one)
    [finding] = wake(account, one.guardrail, resource)
    ill = one.state(account, resource)
    ring(account, "OK")
    refused = approve(account, finding)
    assert (refused.status, refused.answer) == (
        "refused", f"alarm {ALARM} does not fire any more, so that nothing is done",
    )  # fmt: skip
    [gone] = account.findings()
    assert (gone.status, gone.history[-1].note) == ("gone", f"alarm {ALARM} does not fire any more")
    assert one.state(account, resource) == ill


@each
def test_it_is_refused_when_somebody_else_has_mended_it(account: TestAccount, one: Alarmed) -> None:
    resource = broken(account, one)
    [finding] = wake(account, one.guardrail, resource)
    one.heal(account, resource)
    account.wire.reset()
    refused = approve(account, finding)
    assert (refused.status, "has changed since" in refused.answer) == ("refused", True)
    found = account.findings()[0]
    assert found.status == "gone"
    needs = registry.get(one.guardrail).needs
    assert not {name for name in actions(account.wire.calls) if name in needs and rights.writes(name)}


@each
def test_what_no_binding_names_is_off_and_its_role_holds_none_of_its_rights(one: Alarmed, account: TestAccount) -> None:
    rail = registry.get(one.guardrail)
    everything = {r.name: {"mode": dict.fromkeys(ORIGINS, "enforce")} for r in registry.load() if r.can_fix}
    account.set(guardrails=everything, default_mode="enforce", remedies=())
    assert account.settings.modes(rail) == {"event": "off", "sweep": "off"}
    assert rights.granted(rail, account.settings) == []
    bind(account, rail.name)
    assert account.settings.modes(rail) == {"event": "enforce", "sweep": "off"}
    assert rights.granted(rail, account.settings) == sorted(rail.needs)
    account.set(guardrails={})
    assert account.settings.modes(rail)["event"] == "approve", "whatever the default mode is"
    account.set(default_mode="observe")
    assert account.settings.modes(rail)["event"] == "observe"
    assert not [action for action in rights.granted(rail, account.settings) if rights.writes(action)]


@each
def test_its_event_reaches_its_function_alone(one: Alarmed) -> None:
    rail = registry.get(one.guardrail)
    frame = {"source": "parapet", "detail-type": registry.ALARM, "detail": {"service": rail.service}}
    assert [service for service in registry.services() if matches(registry.pattern(service), frame)] == [rail.service]
    assert registry.ALARM not in json.dumps([registry.calls(service) for service in registry.services()])


class TestAlarms:
    """What the alarm does while people think."""

    def test_its_end_takes_the_question_back(self, account: TestAccount) -> None:
        instance = broken(account, STOPPED)
        wake(account, STOPPED.guardrail, instance)
        ring(account, "OK")
        [finding] = wake(account, STOPPED.guardrail, instance, "report-2")
        assert finding.status == "gone"
        assert [notice.status for notice in account.notices()] == ["asked", "gone"]

    def test_the_end_of_another_alarm_does_not(self, account: TestAccount) -> None:
        instance = broken(account, STOPPED)
        put(account, {"InstanceId": instance}, "checkout-slow")
        ring(account, "ALARM", "checkout-slow")
        wake(account, STOPPED.guardrail, instance)
        [joined] = wake(account, STOPPED.guardrail, instance, "report-2", "checkout-slow")
        assert (joined.status, joined.history[-1].note) == ("asked", "again by event report-2")
        ring(account, "OK", "checkout-slow")
        [finding] = wake(account, STOPPED.guardrail, instance, "report-3", "checkout-slow")
        assert finding.status == "asked"
        assert approve(account, finding).answer == "fixed"

    def test_without_data_it_does_not_fire(self, account: TestAccount) -> None:
        instance = broken(account, STOPPED)
        ring(account, "INSUFFICIENT_DATA")
        assert wake(account, STOPPED.guardrail, instance) == []

    def test_one_that_is_deleted_does_not_fire(self, account: TestAccount) -> None:
        instance = broken(account, STOPPED)
        [finding] = wake(account, STOPPED.guardrail, instance)
        account.client("cloudwatch").delete_alarms(AlarmNames=[ALARM])
        assert approve(account, finding).status == "refused"

    def test_a_composite_alarm_fires_too(self) -> None:
        since = datetime(2026, 11, 21, 9, tzinfo=UTC)
        asked: list[Any] = []

        class CloudWatch:
            account, region = "123456789012", "eu-west-1"

            def __call__(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
                asked.append((service, operation, params))
                found = {"AlarmName": "checkout", "StateValue": "ALARM", "StateTransitionedTimestamp": since}
                # As CloudWatch does, leave out what is not asked for.
                return {
                    "MetricAlarms": [],
                    "CompositeAlarms": [found] if "CompositeAlarm" in params["AlarmTypes"] else [],
                }

            def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
                raise NotImplementedError

        assert alarms.firing(CloudWatch(), "checkout") == alarms.Firing("checkout", since.timestamp(), {})
        assert asked[0][2]["AlarmNames"] == ["checkout"]

    def test_a_composite_alarm_mends_what_its_binding_names(self, account: TestAccount) -> None:
        instance = STOPPED.build(account)
        STOPPED.breach(account, instance)
        bind(account, STOPPED.guardrail, resource=instance)
        # Of a composite alarm CloudWatch tells no dimensions either.
        put(account, {})
        ring(account)
        [finding] = wake(account, STOPPED.guardrail, instance)
        assert approve(account, finding).answer == "fixed"

    def test_dimensions_that_metrics_disagree_on_name_nothing(self) -> None:
        def query(instance: str) -> dict[str, Any]:
            own = [{"Name": "InstanceId", "Value": instance}, {"Name": "Stage", "Value": "prod"}]
            return {"MetricStat": {"Metric": {"Dimensions": own}}}

        maths = {"Id": "e1", "Expression": "m1 + m2"}
        assert alarms.dimensions({"Metrics": [query("i-1"), query("i-2"), maths]}) == {"Stage": "prod"}
        assert alarms.dimensions({"Metrics": [query("i-1"), query("i-1")]})["InstanceId"] == "i-1"


class TestLimits:
    """The same journal and limits as any guardrail."""

    def test_it_mends_by_itself_where_its_binding_says_so_and_no_further_for_other_alarms(
        self, account: TestAccount
    ) -> None:
        account.set(remedies=())
        first, second = STOPPED.build(account), STOPPED.build(account)
        for instance, name in ((first, "staging-1"), (second, "checkout-1")):
            STOPPED.breach(account, instance)
            put(account, {"InstanceId": instance}, name)
            ring(account, "ALARM", name)
        bind(account, STOPPED.guardrail, alarm=("staging-*",), mode="enforce")
        bind(account, STOPPED.guardrail)
        wake(account, STOPPED.guardrail, first, "report-1", "staging-1")
        wake(account, STOPPED.guardrail, second, "report-2", "checkout-1")
        assert {f.violation.resource: f.status for f in account.findings()} == {first: "fixed", second: "asked"}
        assert STOPPED.state(account, first) == "running"

    def test_two_tools_do_not_fight(self, account: TestAccount) -> None:
        account.mode(STOPPED.guardrail)
        instance = broken(account, STOPPED)
        for number in range(4):
            wake(account, STOPPED.guardrail, instance, f"report-{number}")
            account.clock.forward(120)
            STOPPED.breach(account, instance)
        assert [one.status for one in account.findings()] == ["fixed", "fixed", "fixed", "asked"]

    def test_an_exemption_holds(self, account: TestAccount) -> None:
        account.mode(STOPPED.guardrail)
        instance = broken(account, STOPPED)
        now = account.clock()
        waiver = Waiver("0" * 16, Scope(resource=instance), now + 3600, "alice", "moving out", now)
        account.journal.waive(waiver)
        [finding] = wake(account, STOPPED.guardrail, instance)
        assert (finding.status, STOPPED.state(account, instance)) == ("exempted", "stopped")

    def test_an_undo_permits_it_until_then(self, account: TestAccount) -> None:
        account.mode(STOPPED.guardrail)
        instance = broken(account, STOPPED)
        [finding] = wake(account, STOPPED.guardrail, instance)
        assert account.undo(finding, 1800).answer == "undone"
        wake(account, STOPPED.guardrail, instance, "report-2")
        assert STOPPED.state(account, instance) == "stopped"
        account.clock.forward(1801)
        [due] = account.journal.due(account.clock())
        account.pipeline("ec2").look_again(due.id, account.request())
        # The permission of a person has ended: it is as it was before.
        assert [one.status for one in account.findings()] == ["undone", "fixed"]

    def test_a_sweep_looks_at_none_of_it(self, account: TestAccount) -> None:
        account.mode(STOPPED.guardrail)
        instance = broken(account, STOPPED)
        assert account.sweep(STOPPED.guardrail) == []
        assert STOPPED.state(account, instance) == "stopped"

    def test_what_cannot_be_mended_is_told_and_never_counts_as_fixed(self, account: TestAccount) -> None:
        account.mode(REBOOT.guardrail)
        instance = broken(account, REBOOT)
        from local import ailing

        ailing.impaired[instance] = {"instance_status", "system_status"}
        [finding] = wake(account, REBOOT.guardrail, instance)
        assert (finding.status, finding.violation.part) == ("observed", "host")
        assert REBOOT.state(account, instance) == 0
        ring(account, "OK")
        [finding] = wake(account, REBOOT.guardrail, instance, "report-2")
        assert finding.status == "gone"

    def test_one_that_stops_still_is_started_once_it_can_be(self, account: TestAccount) -> None:
        instance = broken(account, STOPPED)
        [finding] = wake(account, STOPPED.guardrail, instance)
        account.wire.fail(lambda _number, made: "stopping" if made.operation == "StartInstances" else None)
        assert approve(account, finding).answer.startswith("held: not possible yet")
        account.wire.calm()
        account.clock.forward(121)
        [due] = account.journal.due(account.clock())
        account.pipeline("ec2").look_again(due.id, account.request())
        assert [one.status for one in account.findings()] == ["fixed"]
        assert STOPPED.state(account, instance) == "running"


class TestHostile:
    """Whoever may put events on the bus still decides nothing."""

    def test_an_alarm_mends_nothing_that_it_is_not_about(self, account: TestAccount) -> None:
        account.mode(STOPPED.guardrail)
        broken(account, STOPPED)
        other = STOPPED.build(account)
        STOPPED.breach(account, other)
        with pytest.raises(BadEvent, match=f"is bound to {STOPPED.guardrail}, but not about {other}"):
            wake(account, STOPPED.guardrail, other)
        assert account.findings() == []

    def test_an_alarm_that_is_bound_to_nothing_wakes_nothing(self, account: TestAccount) -> None:
        instance = broken(account, STOPPED)
        put(account, {"InstanceId": instance}, "other")
        ring(account, "ALARM", "other")
        assert wake(account, STOPPED.guardrail, instance, alarm="other") == []

    def test_no_alarm_wakes_what_calls_wake(self, account: TestAccount) -> None:
        with pytest.raises(BadEvent, match="ec2_security_group_open takes no alarm"):
            wake(account, "ec2_security_group_open", "sg-1")

    def test_no_alarm_of_an_account_that_is_not_watched(self, account: TestAccount) -> None:
        broken(account, STOPPED)
        with pytest.raises(BadEvent, match="not among the watched accounts"):
            account.pipeline("ec2").alarmed(STOPPED.guardrail, "i-1", "210987654321", "eu-west-1", ALARM, "r", 1.0, "q")


@pytest.mark.parametrize("fault", ["crash before", "crash after", "throttle", "timeout after"])
@pytest.mark.parametrize(
    ("one", "mended"), [(STOPPED, "running"), (ALIAS, ["2", {}])], ids=["started", "one version back"]
)
def test_it_is_mended_exactly_once(accounts: Accounts, one: Alarmed, mended: Any, fault: Any) -> None:
    def play(account: TestAccount, number: int | None) -> int:
        account.mode(one.guardrail)
        resource = broken(account, one)
        ill = one.state(account, resource)
        account.wire.reset()
        account.wire.fail(lambda this, _made: fault if this == number else None)
        with suppress(Crash, ParapetError):
            wake(account, one.guardrail, resource)
        calls = len(account.wire.calls)
        account.wire.calm()
        account.clock.forward(61)
        wake(account, one.guardrail, resource)
        assert [finding.status for finding in account.findings()] == ["fixed"], number
        assert [notice.status for notice in account.notices()] == ["fixed"], number
        assert one.state(account, resource) == mended
        assert account.undo(account.findings()[0]).answer == "undone"
        assert one.state(account, resource) == ill
        return calls

    with accounts() as account:
        count = play(account, None)
    for number in range(count):
        with accounts() as account:
            play(account, number)
