"""Trouble is made up where it harms nobody, and looks as AWS's own does."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug import Request, Response

from chalicelib.alerts.parse import parse
from chalicelib.alerts.signal import Signal
from cli.__main__ import parapet
from cli.deployment import Outside
from cli.fire import KINDS, PUBLISHED
from tests.account import NOW
from tests.notices.serving import serving
from tests.samples import ACCOUNT, REGION

HERE = "http://127.0.0.1:4566"


@dataclass
class Laptop:
    """An account that keeps what it is asked for; its clients go to an address, some elsewhere."""

    address: str = HERE
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    inbox: str = HERE

    def __call__(self, service: str, _region: str) -> Any:
        return _Client(self, service)

    def run(self, *words: str) -> Result:
        environment = {"PARAPET_STAGE": "local", "AWS_REGION": REGION, "PARAPET_INBOX_URL": self.inbox}
        outside = Outside(environment=environment, clients=lambda: self, now=lambda: NOW)
        return CliRunner().invoke(parapet, ["fire", *words], obj=outside)

    def fired(self, *words: str) -> Signal:
        """What Parapet reads of what was made up."""
        done = self.run(*words)
        assert done.exit_code == 0, done.output
        if self.events:
            return parse(json.dumps(self.events[-1]), NOW)
        [message] = [given for name, given in self.calls if name == "sns:publish"]
        body = {"Type": "Notification", "TopicArn": message["TopicArn"], "MessageId": "m", **message}
        return parse(json.dumps(body), NOW)


@dataclass
class _Client:
    laptop: Laptop
    service: str

    @property
    def meta(self) -> Any:
        return SimpleNamespace(endpoint_url=self.laptop.elsewhere.get(self.service, self.laptop.address))

    def __getattr__(self, operation: str) -> Any:
        def call(**given: Any) -> dict[str, Any]:
            self.laptop.calls.append((f"{self.service}:{operation}", given))
            return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/alice"} if self.service == "sts" else {}

        return call


@pytest.fixture
def laptop() -> Laptop:
    return Laptop()


@pytest.mark.parametrize("service", ["sts", "sns", "cloudwatch"])
def test_no_account_but_the_local_one_is_troubled(laptop: Laptop, service: str) -> None:
    laptop.elsewhere = {service: f"https://{service}.{REGION}.amazonaws.com"}
    done = laptop.run("alarm")
    assert (done.exit_code, laptop.calls) == (2, [])
    assert f"calls of {service} would go to https://{service}.{REGION}.amazonaws.com" in done.output


def test_an_alarm_is_made_with_the_data_that_sets_it_off(laptop: Laptop) -> None:
    assert "goes off" in laptop.run("alarm", "--service", "orders", "--severity", "low").output
    calls = dict(laptop.calls)
    alarm, data = calls["cloudwatch:put_metric_alarm"], calls["cloudwatch:put_metric_data"]["MetricData"]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [f"arn:aws:sns:{REGION}:{ACCOUNT}:parapet-local-alerts"]
    assert {one["Key"]: one["Value"] for one in alarm["Tags"]} == {"service": "orders", "severity": "low"}
    latest = sorted(data, key=lambda one: one["Timestamp"])[-6:]
    assert all(one["Value"] > alarm["Threshold"] for one in latest)
    assert all(one["Dimensions"] == alarm["Dimensions"] for one in data)
    assert sum(one["Value"] > alarm["Threshold"] for one in data) == 6


def test_how_to_end_it_can_be_typed_as_it_stands(laptop: Laptop) -> None:
    said = laptop.run("alarm", "--name", "shop's 5xx; $(true)", "--service", "my shop").output
    [command] = re.findall(r"`\./parapet (.*)` ends it", said)
    assert shlex.split(command) == [
        "fire", "alarm", "--name", "shop's 5xx; $(true)", "--service", "my shop", "--state", "OK",
    ]  # fmt: skip


def test_and_ended(laptop: Laptop) -> None:
    assert "is OK again" in laptop.run("alarm", "--state", "OK").output
    calls = dict(laptop.calls)
    bound = calls["cloudwatch:put_metric_alarm"]["Threshold"]
    data = sorted(calls["cloudwatch:put_metric_data"]["MetricData"], key=lambda one: one["Timestamp"])
    assert all(one["Value"] < bound for one in data[-5:])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("alarm", "storm")])
def test_parapet_reads_each_kind(laptop: Laptop, kind: str) -> None:
    def way_in(environ: dict[str, Any], start: Any) -> Any:
        laptop.events += json.loads(Request(environ).get_data())["events"]
        return Response("{}")(environ, start)

    with serving(way_in) as address:
        laptop.inbox = address
        found = laptop.fired(kind)
    source = {"budget": "budget", "forecast": "budget", "anomaly": "anomaly"}.get(kind, "")
    assert found.source == source if source else found.source != "unknown"
    assert "$" not in found.name
    assert found.account == ACCOUNT
    assert bool(laptop.events) == (kind not in PUBLISHED)


def test_a_storm_is_as_many_alarms_as_asked_for(laptop: Laptop) -> None:
    assert laptop.run("storm", "--count", "23", "--severity", "critical").exit_code == 0
    batches = [given["PublishBatchRequestEntries"] for name, given in laptop.calls if name == "sns:publish_batch"]
    assert [len(one) for one in batches] == [10, 10, 3]
    found = [parse(one["Message"], NOW) for batch in batches for one in batch]
    assert len({one.fingerprint for one in found}) == 23
    assert {(one.source, one.severity, one.state) for one in found} == {("alarm", "critical", "firing")}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["budget", "--state", "OK"], "budget has no end"),
        (["ecs", "--severity", "low"], "what is ecs has its own severity"),
        (["earthquake"], "Invalid value"),
    ],
)
def test_what_makes_no_sense_is_said(laptop: Laptop, words: list[str], text: str) -> None:
    done = laptop.run(*words)
    assert done.exit_code == 2
    assert text in done.output
    assert laptop.calls == []


def test_the_way_in_is_here_too_or_it_is_not_taken(laptop: Laptop) -> None:
    laptop.inbox = "https://inbox.example.com"
    assert "which is not here" in laptop.run("health").output
    laptop.inbox = "http://127.0.0.1:1"
    assert "is `make up` running?" in laptop.run("health").output
