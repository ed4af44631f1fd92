"""Rules that are declared beside the functions, and the queues that they fill."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib import heartbeat
from local.delivery import Bus
from local.deployment import DeploymentError, Forward, forwards, load
from local.patterns import matches
from tests.samples import cloudtrail

QUEUE = {"Type": "AWS::SQS::Queue"}
TARGET = {"Id": "queue", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}


def rule(**properties: Any) -> dict[str, Any]:
    given = {"EventPattern": {"source": ["aws.ssm"]}, "Targets": [TARGET], **properties}
    return {
        "Queue": QUEUE,
        "Topic": {"Type": "AWS::SNS::Topic"},
        "R": {"Type": "AWS::Events::Rule", "Properties": given},
    }


def test_the_heartbeat_goes_to_its_queue() -> None:
    [forward] = [one for one in load("test").forwards if one.queue == "HeartbeatQueue"]
    put = cloudtrail("ssm:PutParameter", requestParameters={"name": heartbeat.parameter("test")})
    assert matches(forward.pattern, put)
    assert not matches(forward.pattern, cloudtrail("ssm:PutParameter", requestParameters={"name": "/other"}))
    assert not matches(forward.pattern, {**put, "detail": {**put["detail"], "errorCode": "AccessDenied"}})


def test_the_stage_is_filled_in() -> None:
    pattern = {
        "detail": {"name": [{"Fn::Sub": "/a/${Stage}/b"}], "stage": [{"Ref": "Stage"}], "old": [{"prefix": "x"}]}
    }
    [forward] = forwards(rule(EventPattern=pattern), "test")
    assert forward == Forward("Queue", {"detail": {"name": ["/a/test/b"], "stage": ["test"], "old": [{"prefix": "x"}]}})


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        (
            {"Targets": [{"Id": "t", "Arn": {"Ref": "Topic"}}]},
            "R: .* delivers to queues of ours, not to {'Ref': 'Topic'}",
        ),
        ({"Targets": [{"Id": "t", "Arn": {"Fn::GetAtt": ["Topic", "Arn"]}}]}, "delivers to queues of ours"),
        ({"Targets": [{"Id": "t", "Arn": "arn:aws:sqs:eu-west-1:123456789012:q"}]}, "delivers to queues of ours"),
        ({"Targets": [{**TARGET, "InputPath": "$.detail"}]}, "does not know InputPath of a target"),
        ({"State": "DISABLED"}, "enabled rules on the default bus"),
        ({"EventBusName": "other"}, "enabled rules on the default bus"),
        ({"EventPattern": {"source": [{"Fn::Sub": "${AWS::Region}"}]}}, "cannot fill in"),
        ({"EventPattern": {"source": [{"Fn::GetAtt": ["Queue", "Arn"]}]}}, "cannot fill in"),
    ],
)
def test_what_the_local_account_cannot_deliver_is_refused(properties: dict[str, Any], text: str) -> None:
    with pytest.raises(DeploymentError, match=text):
        list(forwards(rule(**properties), "test"))


def test_nothing_comes_to_a_bus_for_what_is_forwarded() -> None:
    resources = rule(EventBusName={"Fn::GetAtt": ["Bus", "Name"]})
    with pytest.raises(DeploymentError, match="on the default bus"):
        list(forwards(resources, "test"))
    bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": {"Fn::Sub": "${Stage}-changes"}}}
    assert list(forwards({**resources, "Bus": bus}, "test")) == []


def test_the_bus_fills_the_queue_with_what_matches_and_nothing_without_a_trail() -> None:
    logging, texts = [True], list[str]()
    nobody: Any = None
    bus = Bus((), nobody, lambda: logging[0], [({"source": ["aws.ssm"]}, texts.append)])
    event = cloudtrail("ssm:PutParameter")
    bus.publish(event)
    bus.publish(cloudtrail("ec2:StopInstances"))
    logging[0] = False
    bus.publish(event)
    assert [json.loads(text) for text in texts] == [event]
