"""The template as it is deployed, and as it is in a stack of the stage `test`."""

from __future__ import annotations

from typing import Any

from app import app
from chalicelib import registry, settings
from deploy import rights
from deploy.resources import functions
from deploy.template import cloudformation, render
from local.iam import intrinsics
from tests.samples import ACCOUNT, REGION

SHIPPED = settings.load({}, registry.names(), registry.load())
POLICIES = rights.policies(SHIPPED)
SAM = render(SHIPPED)
CFN = cloudformation(SAM, REGION)
RESOURCES: dict[str, Any] = CFN["Resources"]
FUNCTIONS = functions.registered(app)
GIVEN = {"Stage": "test", "ArtefactBucket": "artefacts", "ArtefactKey": "parapet/test/1.zip"}
PSEUDO = {
    "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::URLSuffix": "amazonaws.com",
}  # fmt: skip
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-4000-b000-00000000000a"


def of(kind: str) -> dict[str, Any]:
    """The resources of one type, as their properties."""
    return {name: one.get("Properties", {}) for name, one in RESOURCES.items() if one["Type"] == kind}


def _known() -> dict[str, str]:
    found = intrinsics.stack(CFN, {**PSEUDO, **GIVEN})
    queues = {f"{name}.QueueName": found[name].rsplit("/", 1)[-1] for name in of("AWS::SQS::Queue")}
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = {name: intrinsics.resolve(own["AlarmName"], found) for kind in kinds for name, own in of(kind).items()}
    return {**found, **queues, **alarms, "AlertKey.Arn": KEY}


# What references mean, as far as that can be known before a stack is made.
KNOWN = _known()


def said(value: Any) -> Any:
    """A part of the template as it is in a stack of the stage `test`."""
    return intrinsics.resolve(value, KNOWN)
