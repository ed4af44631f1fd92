"""What belongs to each function that Chalice registers: its names, log, role's bounds, and what invokes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalice.utils import to_cfn_resource_name

from chalicelib.model import ParapetError
from chalicelib.settings import dashed
from deploy.intrinsics import NOTHING, arn, named, ref, resource, sub

# What Chalice calls the function behind the HTTP API, and that function's logical id.
API, API_HANDLER = "api_handler", "APIHandler"
SIX_HOURS = 6 * 3600
KINDS = {
    "CloudWatchEventConfig": ("rule", "event"),
    "ScheduledEventConfig": ("schedule", "event"),
    "SQSEventConfig": ("queue", "sqs-event-source"),
    "SNSEventConfig": ("topic", "sns-subscription"),
}
# EventBridge tries again when Lambda does not take an event. What is older than an hour was looked at by a sweep since;
# a late tick of a clock helps nobody, the next one comes.
RETRY = {
    "rule": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185},
    "schedule": {"MaximumEventAgeInSeconds": 300, "MaximumRetryAttempts": 10},
}


@dataclass(frozen=True)
class Function:
    """One function: its name, what kind of thing invokes it, that thing's logical id, and which queue or topic."""

    name: str
    kind: str
    event: str = ""
    source: str = ""

    @property
    def logical(self) -> str:
        """Its logical id, as Chalice makes it."""
        return API_HANDLER if self.kind == "api" else to_cfn_resource_name(self.name)

    @property
    def role(self) -> str:
        """Its role's logical id, as Chalice makes it."""
        return f"{to_cfn_resource_name(self.name)}Role"

    @property
    def log(self) -> str:
        """Its log group's logical id."""
        return f"{self.logical}Log"

    @property
    def dashed(self) -> str:
        """Its name as AWS has it behind the stage, and its rule's."""
        return dashed(self.name)

    @property
    def ruled(self) -> bool:
        """Whether a rule of EventBridge invokes it."""
        return self.kind in RETRY

    @property
    def asynchronous(self) -> bool:
        """Whether Lambda itself holds its events, tries again, and gives up in the end."""
        return self.kind in ("rule", "schedule", "topic")


def registered(app: Any) -> tuple[Function, ...]:
    """Return the functions of a Chalice app; raises ParapetError for one invoked in a way not known here."""
    found = []
    for source in app.event_sources:
        kind, suffix = KINDS.get(type(source).__name__, ("", ""))
        if not kind:
            raise ParapetError(f"{source.name}: deploy/resources/functions.py does not know {type(source).__name__}")
        given = source.queue if kind == "queue" else source.topic if kind == "topic" else ""
        found.append(Function(source.name, kind, to_cfn_resource_name(f"{source.name}-{suffix}"), given))
    found += [Function(one.name, "authorizer") for one in app.builtin_auth_handlers]
    if app.routes:
        found.append(Function(API, "api"))
    return tuple(found)


def resources(functions: tuple[Function, ...], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is laid over Chalice's functions and roles, and the log groups beside them.

    Args:
        functions: all of them.
        others: the resources among which are the queues and topics that they consume.

    Raises:
        ParapetError: for a queue or topic that is not among them.
    """
    found: dict[str, Any] = {}
    for function in functions:
        found[function.logical] = {"Properties": _properties(function, others)}
        found[function.role] = {
            "Properties": {"RoleName": named(function.dashed), "PermissionsBoundary": ref("Boundary")}
        }
        found[function.log] = resource(
            "AWS::Logs::LogGroup",
            LogGroupName=sub(f"/aws/lambda/parapet-${{Stage}}-{function.dashed}"),
            RetentionInDays=ref("LogRetentionDays"),
        )
    return found


def common(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all functions have in common.

    Args:
        variables: more of their environment.
    """
    return {
        "Environment": {
            "Variables": {
                "PARAPET_STAGE": ref("Stage"),
                "PARAPET_TABLE": ref("Journal"),
                "PARAPET_SLACK_QUEUE": ref("SlackQueue"),
                "PARAPET_PAGERDUTY_QUEUE": ref("PagerDutyQueue"),
                "PARAPET_EMAIL_QUEUE": ref("EmailQueue"),
                "PARAPET_ALERT_QUEUE": ref("AlertQueue"),
                "PARAPET_ENRICH_QUEUE": ref("EnrichQueue"),
                "PARAPET_LEDGER": ref("ChangeLedger"),
                "PARAPET_EMAIL_TOPIC": ref("EmailTopic"),
                "PARAPET_SLACK_TOKEN": ref("SlackToken"),
                "PARAPET_SLACK_SIGNING_SECRET": ref("SlackSigningSecret"),
                "PARAPET_TOKEN_KEY": ref("TokenKey"),
                "PARAPET_PAGERDUTY_KEY": ref("PagerDutyKey"),
                "PARAPET_EXTERNAL_ID": ref("ExternalId"),
                "PARAPET_EVIDENCE_BUCKET": ref("EvidenceBucket"),
                "PARAPET_EVIDENCE_ACCOUNT": ref("EvidenceAccount"),
                **variables,
            }
        },
        # New accounts may run ten functions at once, and none of these can be reserved.
        "ReservedConcurrentExecutions": {"Fn::If": ["ReservesConcurrency", ref("ReservedConcurrency"), NOTHING]},
    }


def _properties(function: Function, others: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "FunctionName": named(function.dashed),
        "CodeUri": {"Bucket": ref("ArtefactBucket"), "Key": ref("ArtefactKey")},
        # Our lines are JSON already, some of them metrics; Lambda's own wrapping would hide those.
        "LoggingConfig": {"LogGroup": ref(function.log), "LogFormat": "Text"},
    }
    if event := dict(_event(function, others)):
        found["Events"] = {function.event: {"Properties": event}}
    if function.asynchronous:
        told = {"Type": "SNS", "Destination": ref("FailuresTopic")}
        # What listens to that topic must not publish to it.
        kept = {"Type": "SQS", "Destination": arn("DeadLetters")}
        found["EventInvokeConfig"] = {
            "MaximumEventAgeInSeconds": SIX_HOURS,
            "MaximumRetryAttempts": 2,
            "DestinationConfig": {"OnFailure": kept if function.kind == "topic" else told},
        }
    return found


def _event(function: Function, others: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if function.ruled:
        yield "RuleName" if function.kind == "rule" else "Name", named(function.dashed)
        yield "RetryPolicy", RETRY[function.kind]
        yield "DeadLetterConfig", {"Arn": arn("RuleDeadLetters")}
    elif function.kind == "queue":
        # `Fn::Sub`, since that is what Chalice says here and a merge takes nothing away.
        yield "Queue", sub(f"${{{_named_like(function, 'QueueName', others)}.Arn}}")
        yield "FunctionResponseTypes", ["ReportBatchItemFailures"]
        # The least that Lambda takes, since a channel wants no more; a storm of alerts does, where it may have it.
        more = {"Fn::If": ["ReservesConcurrency", 2, 4]}
        yield "ScalingConfig", {"MaximumConcurrency": 2 if function.source.endswith(".fifo") else more}
    elif function.kind == "topic":
        yield "Topic", sub(f"${{{_named_like(function, 'TopicName', others)}}}")


def _named_like(function: Function, key: str, others: Mapping[str, Any]) -> str:
    """Return the logical id of the resource whose name is, but for the stage, what a function registers for."""
    for logical, one in others.items():
        name = one["Properties"].get(key, {})
        if name and name["Fn::Sub"].replace("${Stage}-", "") == function.source:
            return logical
    raise ParapetError(f"{function.name} consumes {function.source}, but nothing under deploy/resources makes it")
