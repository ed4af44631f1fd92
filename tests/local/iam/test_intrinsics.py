"""What a template's references stand for."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from local.iam import CannotEvaluate
from local.iam.intrinsics import resolve, stack
from tests.rights import PSEUDO, TEMPLATE

KNOWN = {
    "Stage": "test", "Several": "a,b", "Conditions.Yes": "true", "Conditions.No": "false", "Journal": "table",
    "Journal.Arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/table",
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("as it is ${Stage}", "as it is ${Stage}"),
        ({"Ref": "Journal"}, "table"),
        ({"Fn::GetAtt": ["Journal", "Arn"]}, KNOWN["Journal.Arn"]),
        ({"Fn::Sub": "${Journal.Arn}/index/${Stage}-${!literal}"}, KNOWN["Journal.Arn"] + "/index/test-${literal}"),
        ({"Fn::Split": [",", {"Ref": "Several"}]}, ["a", "b"]),
        ({"Fn::If": ["Yes", {"Ref": "Stage"}, {"Ref": "Nobody"}]}, "test"),
        ({"Fn::If": ["No", {"Ref": "Nobody"}, {"Ref": "Stage"}]}, "test"),
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
        {"Fn::If": ["Yes", {"Ref": "Nobody"}, "c"]},
        {"Fn::Split": [",", {"Ref": "Nobody"}]},
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


class TestConditions:
    TEMPLATE: ClassVar[Any] = {
        "Parameters": {"Name": {"Default": ""}, "Other": {"Default": "x"}},
        "Conditions": {
            "Empty": {"Fn::Equals": [{"Ref": "Name"}, ""]},
            "Not": {"Fn::Not": [{"Condition": "Empty"}]},
            "Region": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
            "Or": {"Fn::Or": [{"Condition": "Empty"}, {"Condition": "Not"}]},
            "Lost": {"Condition": "Nowhere"},
        },
        "Resources": {},
    }

    def test_are_told_by_the_parameters(self) -> None:
        found = stack(self.TEMPLATE, PSEUDO)
        told = {name: value for name, value in found.items() if name.startswith("Conditions.")}
        assert told == {"Conditions.Empty": "true", "Conditions.Not": "false", "Conditions.Region": "true"}
        assert stack(self.TEMPLATE, {**PSEUDO, "Name": "given"})["Conditions.Not"] == "true"

    def test_that_cannot_be_told_are_not_guessed(self) -> None:
        with pytest.raises(CannotEvaluate, match=r"nobody said what Conditions\.Or refers to"):
            resolve({"Fn::If": ["Or", "a", "b"]}, stack(self.TEMPLATE, PSEUDO))
