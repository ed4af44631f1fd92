"""The policies of our roles: what each function may do under the modes in force, and nothing more; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import registry
from chalicelib.model import ORIGINS
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings

READS = ("Describe", "Get", "List", "Head")


def writes(action: str) -> bool:
    """Whether an IAM action changes something."""
    return not action.split(":")[1].startswith(READS)


def granted(rail: Guardrail, settings: Settings) -> list[str]:
    """Return the actions that a guardrail brings into its function's role under the modes in force."""
    modes = {settings.mode(rail, origin) for origin in ORIGINS}
    if modes == {"off"}:
        return []
    acts = bool(modes & {"approve", "enforce"})
    return sorted(action for action in rail.needs if acts or not writes(action))


def _allow(sid: str, actions: Iterable[str], resources: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def _keys(*patterns: str) -> dict[str, Any]:
    """Return the condition that only items under some partition keys are reached."""
    return {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": sorted(patterns)}}}


TABLE = {"Fn::GetAtt": ["Journal", "Arn"]}
INDEXES = {"Fn::Sub": "${Journal.Arn}/index/*"}
JOURNAL_WRITES = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
LOGS = _allow(
    "Logs",
    ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
    {
        "Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
        ":log-group:/aws/lambda/${AWS::StackName}-*:*"
    },
)
BUS = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
EMIT = {
    **_allow("Emit", ("events:PutEvents",), BUS),
    "Condition": {"StringEquals": {"events:source": "parapet"}},
}
OUTBOX = _allow("Outbox", ("sqs:SendMessage",), {"Fn::GetAtt": ["SlackQueue", "Arn"]})
QUERY = _allow("Journal", ("dynamodb:Query",), INDEXES)
GIVEN_UP = _allow("GivenUp", ("sns:Publish",), {"Ref": "FailuresTopic"})


def policies(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the policy of every function, by function name."""
    found = {f"guard_{service}": _guard(service, settings) for service in registry.services()}
    found["notify"] = _policy(
        LOGS,
        {**_allow("Threads", ("dynamodb:GetItem", "dynamodb:UpdateItem"), TABLE), **_keys("THREAD#*")},
        GIVEN_UP,
        _allow(
            "Queue",
            ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            {"Fn::GetAtt": ["SlackQueue", "Arn"]},
        ),
        _allow(
            "Token",
            ("ssm:GetParameter",),
            {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${SlackToken}"},
        ),
    )
    found["sweep"] = _policy(LOGS, EMIT, GIVEN_UP)
    found["timer"] = _policy(LOGS, EMIT, QUERY, GIVEN_UP)
    found["failures"] = _policy(
        LOGS, OUTBOX, _allow("GivenUp", ("sqs:SendMessage",), {"Fn::GetAtt": ["DeadLetters", "Arn"]})
    )
    return found


def _policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _guard(service: str, settings: Settings) -> dict[str, Any]:
    rails = [statement for rail in registry.of(service) for statement in _granted(rail, settings)]
    return _policy(*rails, _allow("Findings", JOURNAL_WRITES, TABLE), QUERY, OUTBOX, GIVEN_UP, LOGS)


def _granted(rail: Guardrail, settings: Settings) -> list[dict[str, Any]]:
    actions = granted(rail, settings)
    if not rail.condition:
        return [_allow(_sid(rail.name), actions, "*")] if actions else []
    changing = [action for action in actions if writes(action)]
    reading = [action for action in actions if not writes(action)]
    found = [_allow(_sid(rail.name), reading, "*")] if reading else []
    if changing:
        found.append({**_allow(f"{_sid(rail.name)}Changes", changing, "*"), "Condition": dict(rail.condition)})
    return found


def _sid(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
