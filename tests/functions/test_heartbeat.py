"""The heartbeat as Lambda calls it, and the record of its call in the local account."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalice import Chalice

from chalicelib import __version__, heartbeat, wiring
from chalicelib.functions import heartbeat as module
from chalicelib.model import AwsError
from tests.account import TestAccount
from tests.functions.test_guards import TICK, Context

NAME = "/parapet/test/heartbeat"


@pytest.fixture
def beat(account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The function as deployed, under its role, at a test's account."""
    for name, value in {"AWS_REGION": "eu-west-1", "PARAPET_STAGE": "test"}.items():
        monkeypatch.setenv(name, value)
    wiring.use(account.functions)
    Chalice(app_name="parapet").register_blueprint(module.blueprint)
    run = account.running("heartbeat", module.heartbeat)
    return lambda: run(json.loads(json.dumps(TICK)), Context())


def test_writes_time_and_version(account: TestAccount, beat: Any) -> None:
    beat()
    parameter = account.client("ssm").get_parameter(Name=NAME)["Parameter"]
    time, version = parameter["Value"].split(" ")
    assert (len(time), time[-1], version) == (20, "Z", __version__)
    [described] = account.client("ssm").describe_parameters()["Parameters"]
    assert (parameter["Type"], described["Tier"]) == ("String", "Standard")


def test_writes_over_what_is_there_for_ever(account: TestAccount, beat: Any) -> None:
    for _ in range(102):
        beat()
    assert account.client("ssm").get_parameter(Name=NAME)["Parameter"]["Version"] == 102


def test_a_refusal_is_an_error(account: TestAccount, beat: Any) -> None:
    account.wire.fail(lambda _number, made: "deny" if made.operation == "PutParameter" else None)
    with pytest.raises(AwsError, match="ssm:PutParameter answered AccessDenied"):
        beat()


def test_another_stages_is_not_its_own_to_write(
    account: TestAccount, beat: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARAPET_STAGE", "prod")
    with pytest.raises(AwsError, match="ssm:PutParameter answered AccessDenied"):
        beat()


def test_each_stage_has_its_own() -> None:
    assert heartbeat.parameter("test") == NAME != heartbeat.parameter("prod")
