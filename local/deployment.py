"""What is deployed, read from where it is declared: Chalice's registrations and `.chalice/`; never listed twice."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CHALICE = ROOT / ".chalice"
Handler = Callable[[Any, Any], Any]


class DeploymentError(Exception):
    """Something is declared that the local account cannot run."""


@dataclass(frozen=True)
class Function:
    """One Lambda function: its name, what Lambda would call, its role's name, its time in seconds."""

    name: str
    handler: Handler
    role: str
    timeout: float


@dataclass(frozen=True)
class Rule:
    """An EventBridge pattern and the function it invokes."""

    function: Function
    pattern: Mapping[str, Any]


@dataclass(frozen=True)
class Schedule:
    """A rate and the function it invokes."""

    function: Function
    seconds: float


@dataclass(frozen=True)
class Source:
    """A queue or topic, by the logical id of its resource, and the function that consumes it."""

    function: Function
    resource: str
    batch: int = 1


@dataclass(frozen=True)
class Deployment:
    """Every function with what invokes it, and the resources beside them as a CloudFormation template."""

    functions: tuple[Function, ...]
    rules: tuple[Rule, ...]
    schedules: tuple[Schedule, ...]
    queues: tuple[Source, ...]
    topics: tuple[Source, ...]
    template: Mapping[str, Any]
    variables: Mapping[str, Any]
    retries: int
    failures: str


def load(stage: str, chalice: Any = None, folder: Path = CHALICE) -> Deployment:
    """Return what an app (by default ours) and its `.chalice/` declare for a stage.

    Raises:
        DeploymentError: for what is not declared in full, or cannot be run here.
    """
    chalice = chalice or importlib.import_module("app").app
    config = json.loads((folder / "config.json").read_text("utf-8"))
    merged = json.loads((folder / "resources.json").read_text("utf-8"))
    functions: dict[str, Function] = {}
    rules, schedules, queues, topics = [], [], [], []
    for source in chalice.event_sources:
        function = _function(source, config, merged, stage)
        if not (folder / config["lambda_functions"][function.name].get("iam_policy_file", "")).is_file():
            raise DeploymentError(f"{function.name} has no policy: .chalice/config.json names no iam_policy_file of it")
        functions[function.name] = function
        kind = type(source).__name__
        if kind == "CloudWatchEventConfig":
            rules.append(Rule(function, source.event_pattern))
        elif kind == "ScheduledEventConfig":
            schedules.append(Schedule(function, rate(str(source.schedule_expression))))
        elif kind == "SQSEventConfig":
            resource = _overridden(merged, function.name, "SqsEventSource", "Queue")
            queues.append(Source(function, resource, source.batch_size))
        elif kind == "SNSEventConfig":
            topics.append(Source(function, _overridden(merged, function.name, "SnsSubscription", "Topic")))
        else:
            raise DeploymentError(f"{function.name}: the local account does not deliver {kind}")
    whole = {name: one for name, one in merged["Resources"].items() if "Type" in one}
    parameters = {
        name: {**one, "Default": stage} if name == "Stage" else one for name, one in merged["Parameters"].items()
    }
    invoke = merged["Globals"]["Function"]["EventInvokeConfig"]
    return Deployment(
        tuple(functions.values()),
        tuple(rules),
        tuple(schedules),
        tuple(queues),
        tuple(topics),
        {"Parameters": parameters, "Resources": whole},
        merged["Globals"]["Function"]["Environment"]["Variables"],
        invoke["MaximumRetryAttempts"],
        invoke["DestinationConfig"]["OnFailure"]["Destination"]["Ref"],
    )


def camel(name: str) -> str:
    """Return a function's logical id, as Chalice makes it."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _function(source: Any, config: Mapping[str, Any], merged: Mapping[str, Any], stage: str) -> Function:
    module, _, attribute = source.handler_string.rpartition(".")
    name = source.name
    own = config["lambda_functions"].get(name)
    if own is None:
        raise DeploymentError(f"{name} has no entry in .chalice/config.json, and so no policy")
    role = merged["Resources"].get(f"{camel(name)}Role")
    if role is None:
        raise DeploymentError(
            f"{name} has no role name in .chalice/resources.json, so its calls cannot be known as ours"
        )
    return Function(
        name,
        getattr(importlib.import_module(module), attribute),
        role["Properties"]["RoleName"]["Fn::Sub"].replace("${Stage}", stage),
        float(own.get("lambda_timeout", config["lambda_timeout"])),
    )


def _overridden(merged: Mapping[str, Any], name: str, event: str, key: str) -> str:
    try:
        events = merged["Resources"][camel(name)]["Properties"]["Events"]
        text = events[camel(name) + event]["Properties"][key]["Fn::Sub"]
    except KeyError:
        raise DeploymentError(f"{name}: .chalice/resources.json does not say which {key.lower()} it consumes") from None
    resource = str(text).removeprefix("${").removesuffix("}").removesuffix(".Arn")
    if "Type" not in merged["Resources"].get(resource, {}):
        raise DeploymentError(f"{name} consumes {text}, which .chalice/resources.json does not make")
    return resource


def rate(expression: str) -> float:
    """Return a `rate(…)` in seconds; raises DeploymentError for cron and for what EventBridge refuses."""
    units = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
    match = re.fullmatch(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)", expression)
    # EventBridge wants the unit's number to agree: `1 hour`, `5 hours`.
    if not match or (match[1] == "1") == bool(match[3]):
        raise DeploymentError(f"the local account does not run the schedule {expression}")
    return float(match[1]) * units[match[2]]
