"""Which of AWS's services are watched over EventBridge, unless `[alerts]` says otherwise: pure.

One table says it all: by default or only when asked for, the pattern, what fires, what resolves, how bad it is. Alarms,
budgets and cost anomalies come over SNS, and whoever lets them publish to the topic has chosen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.model import SEVERITIES, Severity
from chalicelib.section import Section, SettingsError, meant

# EventBridge takes no longer pattern.
LONGEST_PATTERN = 2048
DEFAULT = "default"
# What reports to the topic, and what nobody foresaw: nothing to watch, but how bad it is can be set.
BESIDE = ("budget", "anomaly", "unknown")


@dataclass(frozen=True, slots=True)
class Source:
    """One service.

    Args:
        name: what settings, routes and signals call it.
        pattern: which of its events are asked for.
        fires: which of them begin something, or are told once.
        resolves: which of them end it; empty where none does.
        severity: how bad it is.
        default: whether it is watched unless the settings say otherwise.
    """

    name: str
    pattern: Mapping[str, Any]
    fires: str
    resolves: str
    severity: str
    default: bool = True


def _from(service: str, *kinds: str, **detail: Any) -> dict[str, Any]:
    pattern: dict[str, Any] = {"source": [f"aws.{service}"], "detail-type": list(kinds)}
    return {**pattern, "detail": detail} if detail else pattern


def _either(*patterns: Mapping[str, Any]) -> dict[str, Any]:
    return {"$or": list(patterns)}


_MANY = [{"numeric": [">", 0]}]
# They report their findings themselves.
_OTHERS = [{"anything-but": ["GuardDuty", "Inspector", "Macie", "IAM Access Analyzer", "Health"]}]
WATCHED: tuple[Source, ...] = (
    Source(
        "health", _from("health", "AWS Health Event", "AWS Health Abuse Event"),
        "an issue or investigation that is open; changes, notes and abuse are told", "it is closed",
        "abuse critical; an issue high, a public one medium; a change medium, high when you must act; a note low",
    ),
    Source(
        "guardduty", _from("guardduty", "GuardDuty Finding"),
        "each finding is told", "", "GuardDuty's number: from 9 critical, 7 high, 4 medium, otherwise low",
    ),
    Source(
        "securityhub",
        _either(
            _from(
                "securityhub", "Security Hub Findings - Imported",
                findings={"Severity": {"Label": ["CRITICAL", "HIGH"]}, "ProductName": _OTHERS},
            ),
            _from(
                "securityhub", "Security Hub Findings - Imported",
                findings={"Compliance": {"Status": ["PASSED"]}, "Workflow": {"Status": ["RESOLVED"]}},
            ),
            _from(
                "securityhub", "Findings Imported V2",
                findings={"severity": ["Critical", "High", "Fatal"], "metadata": {"product": {"name": _OTHERS}}},
            ),
        ),
        "a critical or high finding that is new (ASFF, OCSF)", "it passes, is resolved, suppressed or archived",
        "the finding's own",
    ),
    Source(
        "access_analyzer", _from("access-analyzer", "Access Analyzer Finding"),
        "an active finding of access from outside", "it is resolved, archived or deleted",
        "high when open to everybody, otherwise medium",
    ),
    Source(
        "inspector",
        _from("inspector2", "Inspector2 Finding", severity=["CRITICAL", "HIGH"]),
        "an active critical or high finding", "it is closed or suppressed", "Inspector's own", default=False,
    ),
    Source(
        "macie", _from("macie", "Macie Finding"), "each finding is told", "", "Macie's own",
    ),
    Source(
        "ecr",
        _either(
            _from("ecr", "ECR Image Scan"),
            {**_from("inspector2", "Inspector2 Scan"), "detail": {"repository-name": [{"exists": True}]}},
        ),
        "a scan that finds something critical or high", "the next scan of that tag finds neither",
        "high with critical findings, otherwise medium; a scan that fails low",
    ),
    Source(
        "ecs",
        _either(
            _from(
                "ecs", "ECS Deployment State Change",
                eventName=["SERVICE_DEPLOYMENT_FAILED", "SERVICE_DEPLOYMENT_COMPLETED"],
            ),
            _from("ecs", "ECS Service Action", eventType=["WARN", "ERROR"]),
            _from("ecs", "ECS Service Action", eventName=["SERVICE_STEADY_STATE"]),
            _from("ecs", "ECS Task State Change", lastStatus=["STOPPED"], stopCode=["TaskFailedToStart"]),
            _from(
                "ecs", "ECS Task State Change",
                lastStatus=["STOPPED"], stopCode=["EssentialContainerExited"], containers={"exitCode": _MANY},
            ),
        ),
        "a failed deployment; tasks that cannot start, be placed or stay up",
        "a completed deployment; a steady service", "high; a task that ended with an error medium",
    ),
    Source(
        "rds",
        {
            "source": ["aws.rds"],
            "detail-type": ["RDS DB Instance Event", "RDS DB Cluster Event"],
            "detail": {"EventCategories": ["failure", "failover", "low storage"]},
        },
        "failures, failovers and low storage are told", "", "high; a failover medium",
    ),
    Source(
        "elasticache",
        _from(
            "elasticache", "Cache Creation Failed", "Cache Update Failed", "Cache Limit Approaching",
            "Snapshot Creation Failed", "Snapshot Export Failed", "Snapshot Copy Failed",
        ),
        "failures and limits that come near are told", "", "high; a limit medium",
    ),
    Source(
        "autoscaling",
        _from(
            "autoscaling", "EC2 Instance Launch Unsuccessful", "EC2 Instance Launch Successful",
            "EC2 Instance Terminate Unsuccessful", "EC2 Instance Terminate Successful",
            "EC2 Auto Scaling Instance Refresh Failed", "EC2 Auto Scaling Instance Refresh Succeeded",
        ),
        "a launch, termination or instance refresh that fails", "the next one that goes well",
        "high; a termination medium",
    ),
    Source(
        "insights", _from("cloudtrail", "AWS Insight via CloudTrail"),
        "an unusual rate of calls or errors starts", "it ends", "medium",
    ),
    Source(
        "codepipeline",
        _from("codepipeline", "CodePipeline Pipeline Execution State Change", state=["FAILED", "SUCCEEDED"]),
        "a run fails", "the next run succeeds", "medium",
    ),
    Source(
        "codedeploy",
        _from("codedeploy", "CodeDeploy Deployment State-change Notification", state=["FAILURE", "SUCCESS"]),
        "a deployment fails", "the next one of that group succeeds", "high",
    ),
    Source(
        "cloudformation",
        _either(
            {
                **_from("cloudformation", "CloudFormation Stack Status Change"),
                "detail": {
                    "status-details": {
                        "status": [
                            "CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE",
                            "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", {"suffix": "_FAILED"},
                        ]
                    }
                },
            },
            {
                **_from("cloudformation", "CloudFormation Drift Detection Status Change"),
                "detail": {
                    "status-details": {
                        "detection-status": ["DETECTION_COMPLETE"], "stack-drift-status": ["DRIFTED", "IN_SYNC"]
                    }
                },
            },
        ),
        "a stack is stuck, or drifted; a rollback is told", "a change succeeds; it is in sync",
        "high; a rollback medium; drift low",
    ),
    Source(
        "stepfunctions",
        _from("states", "Step Functions Execution Status Change", status=["FAILED", "TIMED_OUT"]),
        "each failed execution is told", "", "medium",
    ),
    Source(
        "backup",
        _either(
            _from(
                "backup", "Backup Job State Change", "Copy Job State Change", state=["FAILED", "EXPIRED", "COMPLETED"]
            ),
            _from("backup", "Restore Job State Change", status=["FAILED"]),
        ),
        "a backup or copy fails; a failed restore is told", "one of the same resource completes", "high",
    ),
    Source(
        "alarm",
        _from("cloudwatch", "CloudWatch Alarm State Change", "CloudWatch Alarm Contributor State Change"),
        "every alarm of the region, also those that name no topic", "it is OK",
        "the alarm's tag `severity`, otherwise high; without data medium", default=False,
    ),
    Source(
        "config",
        _from("config", "Config Rules Compliance Change", messageType=["ComplianceChangeNotification"]),
        "a resource does not comply", "it does, or is gone", "medium", default=False,
    ),
    Source(
        "codebuild",
        {
            **_from("codebuild", "CodeBuild Build State Change"),
            "detail": {"build-status": ["FAILED", "FAULT", "TIMED_OUT", "SUCCEEDED"]},
        },
        "a build fails", "the next one of that project succeeds", "medium", default=False,
    ),
    Source(
        "ec2",
        _from("ec2", "EC2 Instance State-change Notification", state=["stopped", "terminated", "running"]),
        "an instance stops; a termination is told", "it runs again", "low", default=False,
    ),
)  # fmt: skip
NAMES: tuple[str, ...] = tuple(one.name for one in WATCHED)


def read(section: Section) -> tuple[tuple[str, ...] | None, dict[str, Severity]]:
    """Return the sources that `[alerts]` names (None: the default ones), and severities by source.

    Raises SettingsError. Other keys of the table are left to the caller.
    """
    names: tuple[str, ...] | None = None
    if "sources" in section.content:
        names = section.texts("sources", ".*", "a text")
        for name in names:
            if name not in (*NAMES, DEFAULT):
                raise SettingsError(
                    f"{section.where('sources')}: {name!r} is not a source{meant(name, (*NAMES, DEFAULT))}"
                )
    given = section.table("severity")
    severities: dict[str, Severity] = {}
    for name, word in given.content.items():
        if name not in (*NAMES, *BESIDE):
            raise SettingsError(f"{given.where(name)} is not a source{meant(name, (*NAMES, *BESIDE))}")
        if word not in SEVERITIES:
            raise SettingsError(f"{given.where(name)}: {word!r} is not a severity: {', '.join(SEVERITIES)}")
        severities[name] = word
    section.known += ["sources", "severity"]
    return names, severities


def chosen(names: Sequence[str] | None) -> tuple[Source, ...]:
    """Return the sources that settings name, each once; None: the default ones."""
    wanted = (DEFAULT,) if names is None else names
    return tuple(one for one in WATCHED if one.name in wanted or (one.default and DEFAULT in wanted))


def grouped(sources: Iterable[Source]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield patterns that together ask for the events of some sources, each with the names of those that it is for."""
    names: tuple[str, ...] = ()
    parts: list[Mapping[str, Any]] = []
    for source in sources:
        more = source.pattern.get("$or", [source.pattern])
        if parts and length(_whole([*parts, *more])) > LONGEST_PATTERN:
            yield names, _whole(parts)
            names, parts = (), []
        names, parts = (*names, source.name), [*parts, *more]
    if parts:
        yield names, _whole(parts)


def length(pattern: Mapping[str, Any]) -> int:
    """Return how many characters a pattern has as EventBridge gets it."""
    return len(json.dumps(pattern, separators=(",", ":")))


def _whole(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return dict(parts[0]) if len(parts) == 1 else {"$or": list(parts)}
