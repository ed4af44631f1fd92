"""What every remedy's tests bring: something that works, how it goes wrong, and the alarm that says so."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib import registry
from chalicelib.alerts.bindings import Binding
from chalicelib.model import Finding
from local import ailing
from tests.account import TestAccount
from tests.samples import ACCOUNT, REGION

ALARM = "checkout-failing"


@dataclass(frozen=True)
class Alarmed:
    """One remedy on moto.

    Args:
        guardrail: its name.
        build: makes what works, and returns what findings name it by.
        breach: brings it into the state that the remedy is for.
        heal: has somebody else bring it out of that state.
        state: what people see of it that the remedy changes.
        dimensions: of the alarm, by the resource; empty: a composite alarm, whose binding names the resource.
        also: the same remedy for another state.
    """

    guardrail: str
    build: Callable[[TestAccount], str]
    breach: Callable[[TestAccount, str], object]
    heal: Callable[[TestAccount, str], object]
    state: Callable[[TestAccount, str], Any]
    dimensions: Callable[[str], Mapping[str, str]]
    also: tuple[Alarmed, ...] = field(default=())


def broken(account: TestAccount, one: Alarmed) -> str:
    """Build, bind, breach, and have the alarm fire; returns the resource."""
    ailing.plug_in()
    resource = one.build(account)
    one.breach(account, resource)
    bind(account, one.guardrail)
    put(account, one.dimensions(resource))
    ring(account)
    return resource


def bind(account: TestAccount, guardrail: str, **given: Any) -> None:
    """Bind a guardrail to alarms, beside what is bound already."""
    binding = Binding(**{"alarm": ("checkout-*",), "guardrail": guardrail, **given})
    account.set(remedies=(*account.settings.remedies, binding))


def put(account: TestAccount, dimensions: Mapping[str, str], name: str = ALARM) -> None:
    """Make an alarm."""
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="Checkout", MetricName="Failures", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
    )  # fmt: skip


def ring(account: TestAccount, value: str = "ALARM", name: str = ALARM) -> None:
    """Have an alarm fire, or clear."""
    account.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=value, StateReason="a test")


def wake(
    account: TestAccount, guardrail: str, resource: str, event: str = "report-1", alarm: str = ALARM, request: str = ""
) -> list[Finding]:
    """Deliver an alarm's event to the guard function; returns all findings, oldest first."""
    pipeline = account.pipeline(registry.service_of(guardrail))
    at = account.clock() - 1
    pipeline.alarmed(guardrail, resource, ACCOUNT, REGION, alarm, event, at, request or account.request())
    return account.findings()


def _load(name: str) -> Alarmed:
    found = importlib.import_module(f"tests.guardrails.test_{name}").ALARMED
    assert isinstance(found, Alarmed)
    return found


def every() -> list[Alarmed]:
    """All of them, one per guardrail that alarms wake, found in the guardrails' own test files."""
    return [_load(rail.name) for rail in registry.load() if rail.alarmed]
