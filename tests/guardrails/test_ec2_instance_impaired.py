from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alarms import Firing
from local import ailing
from tests.account import TestAccount
from tests.alarmed import Alarmed
from tests.guardrails.test_ec2_instance_stopped import build

NAME = "ec2_instance_impaired"
FIRED = Firing("checkout-failing", 1_795_000_000.0, {})


def impair(_account: TestAccount, instance: str) -> None:
    ailing.impaired[instance] = {"instance_status"}


def heal(_account: TestAccount, instance: str) -> None:
    del ailing.impaired[instance]


def state(account: TestAccount, _instance: str) -> Any:
    return sum(made.done for made in account.wire.calls if made.operation == "RebootInstances")


ALARMED = Alarmed(NAME, build, impair, heal, state, lambda instance: {"InstanceId": instance})


def found(instance: str, host: str, name: str = "running") -> list[Any]:
    checks = {"InstanceStatus": {"Status": instance}, "SystemStatus": {"Status": host}}
    state = {"instance": {"InstanceId": "i-0a1b2c3d4e5f60718", "State": {"Name": name}}, "checks": checks}
    return list(registry.get(NAME).remedies(state, FIRED, {}))


@pytest.mark.parametrize(
    "innocent",
    [("ok", "ok"), ("initializing", "ok"), ("insufficient-data", "insufficient-data"), ("impaired", "ok", "stopped")],
)
def test_leaves_alone(innocent: tuple[str, ...]) -> None:
    assert found(*innocent) == []


def test_remedies() -> None:
    [remedy] = found("impaired", "ok")
    assert [(c.operation, c.params) for c in remedy.fix] == [
        ("reboot_instances", {"InstanceIds": ["i-0a1b2c3d4e5f60718"]})
    ]
    assert remedy.undo == ()


@pytest.mark.parametrize("instance", ["ok", "impaired"])
def test_tells_only_when_the_host_is_at_fault(instance: str) -> None:
    [remedy] = found(instance, "impaired")
    assert remedy.fix == ()
    assert "a reboot does not mend that" in remedy.why
