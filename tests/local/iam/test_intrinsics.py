"""What a template's references stand for."""

from __future__ import annotations

from typing import Any

import pytest

from local.iam import CannotEvaluate
from local.iam.intrinsics import resolve, stack
from tests.rights import PSEUDO, TEMPLATE

KNOWN = {"Stage": "test", "Journal": "table", "Journal.Arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/table"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("as it is ${Stage}", "as it is ${Stage}"),
        ({"Ref": "Journal"}, "table"),
        ({"Fn::GetAtt": ["Journal", "Arn"]}, KNOWN["Journal.Arn"]),
        ({"Fn::Sub": "${Journal.Arn}/index/${Stage}-${!literal}"}, KNOWN["Journal.Arn"] + "/index/test-${literal}"),
        ([{"Ref": "Stage"}, {"deep": {"Ref": "Stage"}}, 30], ["test", {"deep": "test"}, 30]),
    ],
)
def test_are_resolved_wherever_they_stand(given: Any, found: Any) -> None:
    assert resolve(given, KNOWN) == found


@pytest.mark.parametrize(
    "given",
    [
        {"Ref": "Nobody"},
        {"Fn::GetAtt": ["Journal", "StreamArn"]},
        {"Fn::GetAtt": "Journal.Arn"},
        {"Fn::Sub": "${Nobody}"},
        {"Fn::If": ["A", "b", "c"]},
        {"Ref": "Stage", "Fn::Sub": "x"},
    ],
)
def test_are_refused_when_nobody_said_what_they_mean(given: Any) -> None:
    with pytest.raises(CannotEvaluate):
        resolve(given, KNOWN)


def test_our_own_template_names_what_the_policies_refer_to() -> None:
    found = stack(TEMPLATE, {**PSEUDO, "Stage": "prod"})
    assert found["Journal.Arn"] == "arn:aws:dynamodb:eu-west-1:123456789012:table/parapet-prod-journal"
    assert found["SlackQueue"] == "https://sqs.eu-west-1.amazonaws.com/123456789012/parapet-prod-slack.fifo"
    assert found["FailuresTopic"] == "arn:aws:sns:eu-west-1:123456789012:parapet-prod-failures"


def test_a_resource_without_a_name_of_its_own_must_be_known() -> None:
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}}
    assert "Queue.Arn" not in stack(template, PSEUDO)
    url = "http://127.0.0.1:4566/123456789012/named-by-aws"
    assert stack(template, {**PSEUDO, "Queue": url})["Queue.Arn"] == "arn:aws:sqs:eu-west-1:123456789012:named-by-aws"
    assert stack(template, {**PSEUDO, "Queue": url})["Queue"] == url
