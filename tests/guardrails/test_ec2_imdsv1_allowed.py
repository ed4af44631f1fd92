from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.events import parse
from tests.account import TestAccount
from tests.samples import ALICE, assumed, cloudtrail
from tests.scenario import Scenario

NAME = "ec2_imdsv1_allowed"
SAMPLE = Path(__file__).parents[1] / "events" / f"{NAME}.json"


def launch(account: TestAccount, tokens: str = "required") -> str:
    [instance] = account.client("ec2").run_instances(
        ImageId="ami-12c6146b",
        MinCount=1,
        MaxCount=1,
        MetadataOptions={"HttpTokens": tokens, "HttpEndpoint": "enabled"},
    )["Instances"]
    return str(instance["InstanceId"])


def build(account: TestAccount) -> str:
    return launch(account)


def breach(account: TestAccount, instance: str) -> dict[str, Any]:
    account.client("ec2").modify_instance_metadata_options(
        InstanceId=instance, HttpTokens="optional", HttpEndpoint="enabled"
    )
    event: dict[str, Any] = json.loads(SAMPLE.read_text("utf-8").replace("i-0aaaaaaaaaaaaaaaa", instance))
    return event


def state(account: TestAccount, instance: str) -> Any:
    [reservation] = account.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
    options = reservation["Instances"][0]["MetadataOptions"]
    # Unlike AWS, moto forgets every option that a change does not name.
    return {name: options[name] for name in ("HttpTokens", "HttpEndpoint")}


SCENARIO = Scenario(NAME, build, breach, state)


def instance_with(state: str = "running", **options: Any) -> dict[str, Any]:
    """An instance as DescribeInstances has it."""
    given = {"State": "applied", "HttpTokens": "optional", "HttpPutResponseHopLimit": 2, "HttpEndpoint": "enabled"}
    return {"InstanceId": "i-1", "State": {"Name": state}, "MetadataOptions": {**given, **options}}


def found(instance: dict[str, Any], event: dict[str, Any] | None = None) -> list[Any]:
    return list(registry.get(NAME).remedies(instance, parse(event) if event else None, {}))


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(instance_with(HttpTokens="required"), id="tokens are required"),
        pytest.param(instance_with(HttpEndpoint="disabled"), id="nothing answers"),
        pytest.param(instance_with("terminated"), id="terminated"),
        pytest.param(instance_with("shutting-down"), id="nearly terminated"),
        pytest.param({**instance_with(), "MetadataOptions": {}}, id="without metadata options"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert found(innocent) == []


@pytest.mark.parametrize("status", ["pending", "running", "stopping", "stopped"])
def test_remedies_the_tokens_alone(status: str) -> None:
    [remedy] = found(instance_with(status))
    rest = {"InstanceId": "i-1", "HttpEndpoint": "enabled"}
    assert [c.params for c in remedy.fix] == [{**rest, "HttpTokens": "required"}]
    assert [c.params for c in remedy.undo] == [{**rest, "HttpTokens": "optional"}]


def modified(**asked: Any) -> dict[str, Any]:
    return cloudtrail(
        "ec2:ModifyInstanceMetadataOptions", {"ModifyInstanceMetadataOptionsRequest": {"InstanceId": "i-1", **asked}}
    )


def launched(instance: str = "i-1", tokens: str | None = "optional", **identity: Any) -> dict[str, Any]:
    options = {"metadataOptions": {"state": "pending", "httpTokens": tokens}} if tokens else {}
    items = [
        {"instanceId": instance, "instanceState": {"code": 0, "name": "pending"}, **options},
        {"instanceId": "i-2", "metadataOptions": {"httpTokens": "required"}},
    ]
    return cloudtrail("ec2:RunInstances", {}, {"instancesSet": {"items": items}}, identity={**ALICE, **identity})


AUTO_SCALING = {**assumed("AWSServiceRoleForAutoScaling", "AutoScaling"), "invokedBy": "autoscaling.amazonaws.com"}


@pytest.mark.parametrize(
    ("event", "brought"),
    [
        pytest.param(modified(HttpTokens="optional"), True, id="tokens made optional"),
        pytest.param(modified(HttpPutResponseHopLimit=2), False, id="another option"),
        pytest.param(modified(HttpEndpoint="enabled"), False, id="the endpoint"),
        pytest.param(launched(), True, id="launched by a person"),
        pytest.param(launched(tokens=None), True, id="launched by a person, without a word"),
        pytest.param(launched(tokens="required"), False, id="launched well, weakened later"),
        pytest.param(launched(**AUTO_SCALING), True, id="launched by Auto Scaling"),
    ],
)
def test_what_the_event_brought(event: dict[str, Any], brought: bool) -> None:
    [remedy] = found(instance_with(), event)
    assert remedy.brought is brought


def test_what_a_person_launches_is_fixed(account: TestAccount) -> None:
    instance = launch(account, "optional")
    second = launch(account)
    event = launched(instance)
    event["detail"]["responseElements"]["instancesSet"]["items"][1]["instanceId"] = second
    [finding] = account.deliver(event)
    assert (finding.violation.resource, finding.status, finding.origin) == (instance, "fixed", "event")
    assert state(account, instance)["HttpTokens"] == "required"


def test_what_auto_scaling_launches_is_asked_about(account: TestAccount) -> None:
    instance = launch(account, "optional")
    event = launched(instance, **AUTO_SCALING)
    del event["detail"]["responseElements"]["instancesSet"]["items"][1]
    [finding] = account.deliver(event)
    assert (finding.status, finding.origin) == ("asked", "event")
    assert finding.actor is not None
    assert state(account, instance)["HttpTokens"] == "optional"


def test_an_undo_does_not_open_an_endpoint_that_was_closed_since(account: TestAccount) -> None:
    instance = build(account)
    [finding] = account.deliver(breach(account, instance))
    account.client("ec2").modify_instance_metadata_options(
        InstanceId=instance, HttpTokens="required", HttpEndpoint="disabled"
    )
    assert "has changed since the fix" in account.undo(finding).answer


def test_an_instance_that_is_gone(account: TestAccount) -> None:
    event = json.loads(SAMPLE.read_text("utf-8"))
    assert account.deliver(event) == []


def test_the_sweep_looks_at_the_offenders_that_are_not_terminated(account: TestAccount) -> None:
    _good, over, weak = launch(account), launch(account, "optional"), launch(account, "optional")
    account.client("ec2").terminate_instances(InstanceIds=[over])
    subjects = registry.get(NAME).subjects
    assert subjects is not None
    assert list(subjects(account.aws("guard_ec2"))) == [weak]
