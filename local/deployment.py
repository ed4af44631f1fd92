"""What is deployed, read from where it is declared: Chalice's registrations and `.chalice/`; never listed twice."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.settings import Settings
from deploy import resources as deployed
from local.iam import CannotEvaluate, intrinsics

ROOT = Path(__file__).parent.parent
CHALICE = ROOT / ".chalice"
# What Chalice calls the function behind the HTTP API, whatever the app is named.
API = "api_handler"
# What API Gateway says itself.
RESPONSES = "x-amazon-apigateway-gateway-responses"
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
    """A rate and the function it invokes; `daily` is at which second after midnight (UTC), for a rate of a day."""

    function: Function
    seconds: float
    daily: float | None = None


@dataclass(frozen=True)
class Source:
    """A queue or topic, by the logical id of its resource, and the function that consumes it."""

    function: Function
    resource: str
    batch: int = 1


@dataclass(frozen=True)
class Authorizer:
    """A function that is asked about tokens: for how many seconds it is believed, and what a token looks like."""

    function: Function
    seconds: float
    like: str


@dataclass(frozen=True)
class Route:
    """A method and path of the HTTP API (`/v1/findings/{finding}`), and the function that answers.

    It answers requests that are `signed` (AWS_IAM), or that bring a token of which the authorizer, a function too, says
    who it is and what they may; else anybody's.
    """

    function: Function
    method: str
    path: str
    signed: bool = True
    authorizer: Authorizer | None = None


@dataclass(frozen=True)
class Forward:
    """An EventBridge pattern and the queue that what matches goes to, by the logical id of its resource."""

    queue: str
    pattern: Mapping[str, Any]


@dataclass(frozen=True)
class Deployment:
    """Every function with what invokes it, and the resources beside them as a CloudFormation template."""

    functions: tuple[Function, ...]
    rules: tuple[Rule, ...]
    schedules: tuple[Schedule, ...]
    queues: tuple[Source, ...]
    topics: tuple[Source, ...]
    forwards: tuple[Forward, ...]
    routes: tuple[Route, ...]
    responses: Mapping[str, Any]
    binary: tuple[str, ...]
    template: Mapping[str, Any]
    variables: Mapping[str, Any]
    retries: int
    failures: str


def load(
    stage: str,
    chalice: Any = None,
    folder: Path = CHALICE,
    given: Mapping[str, str] | None = None,
    chosen: Settings | None = None,
) -> Deployment:
    """Return what an app (by default ours) and its `.chalice/` declare for a stage.

    Args:
        stage: which.
        chalice: the app.
        folder: its `.chalice/`.
        given: parameters that have other values than their defaults.
        chosen: settings from which the resources are made anew; without any, they are those of `.chalice/`.

    Raises:
        DeploymentError: for what is not declared in full, or cannot be run here.
    """
    chalice = chalice or importlib.import_module("app").app
    config = json.loads((folder / "config.json").read_text("utf-8"))
    merged = deployed.merged(chalice, chosen) if chosen else _written(folder)
    functions: dict[str, Function] = {}
    rules, schedules, queues, topics, routes = [], [], [], [], []

    def function_of(name: str, handler: Handler) -> Function:
        functions[name] = _function(name, handler, config, merged, stage)
        if not (folder / config["lambda_functions"][name].get("iam_policy_file", "")).is_file():
            raise DeploymentError(f"{name} has no policy: .chalice/config.json names no iam_policy_file of it")
        return functions[name]

    for source in chalice.event_sources:
        function = function_of(source.name, _handler(source.handler_string))
        kind = type(source).__name__
        if kind == "CloudWatchEventConfig":
            rules.append(Rule(function, source.event_pattern))
        elif kind == "ScheduledEventConfig":
            schedules.append(schedule(function, str(source.schedule_expression)))
        elif kind == "SQSEventConfig":
            resource = _overridden(merged, function.name, "SqsEventSource", "Queue")
            queues.append(Source(function, resource, source.batch_size))
        elif kind == "SNSEventConfig":
            topics.append(Source(function, _overridden(merged, function.name, "SnsSubscription", "Topic")))
        else:
            raise DeploymentError(f"{function.name}: the local account does not deliver {kind}")
    known = {one.name: function_of(one.name, _handler(one.handler_string)) for one in chalice.builtin_auth_handlers}

    def authorizer_of(entry: Any) -> Authorizer:
        said = entry.to_swagger()["x-amazon-apigateway-authorizer"]
        if entry.name not in known or said["type"] != "token":
            raise DeploymentError(f"there is no function {entry.name} that could be asked about tokens")
        return Authorizer(known[entry.name], said["authorizerResultTtlInSeconds"], said["identityValidationExpression"])

    for path, methods in chalice.routes.items():
        for method, entry in methods.items():
            door = type(entry.authorizer).__name__
            if door not in ("IAMAuthorizer", "ByToken", "NoneType") or entry.api_key_required or entry.cors:
                raise DeploymentError(
                    f"{method} {path}: the local account admits who signs (AWS_IAM), brings a token, or anybody, "
                    "without keys or CORS of Chalice's"
                )
            asked = authorizer_of(entry.authorizer) if door == "ByToken" else None
            routes.append(Route(function_of(API, chalice), method, path, door == "IAMAuthorizer", asked))
    values = {name: str(one.get("Default", "local")) for name, one in merged["Parameters"].items()}
    values |= {**(given or {}), "Stage": stage}
    if unknown := sorted(values.keys() - merged["Parameters"].keys()):
        raise DeploymentError(f"there is no parameter {', '.join(unknown)} that could be given")
    parameters = {name: {**one, "Default": values[name]} for name, one in merged["Parameters"].items()}
    holding = {name for name, given in merged["Conditions"].items() if _holds(given, merged["Conditions"], values)}
    whole = {
        name: one
        for name, one in merged["Resources"].items()
        if "Type" in one and one.get("Condition") in (None, *holding)
    }
    retries, failures = _given_up(merged["Resources"])
    return Deployment(
        tuple(functions.values()),
        tuple(rules),
        tuple(schedules),
        tuple(queues),
        tuple(topics),
        tuple(forwards(whole, stage)),
        tuple(routes),
        merged["Resources"].get("RestAPI", {}).get("Properties", {}).get("DefinitionBody", {}).get(RESPONSES, {}),
        tuple(chalice.api.binary_types),
        {"Parameters": parameters, "Conditions": merged["Conditions"], "Resources": whole},
        merged["Globals"]["Function"]["Environment"]["Variables"],
        retries,
        failures,
    )


def _written(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "resources.json").read_text("utf-8"))
    return found


def _handler(name: str) -> Handler:
    module, _, attribute = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler


def camel(name: str) -> str:
    """Return a function's logical id, as Chalice makes it."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _function(
    name: str, handler: Handler, config: Mapping[str, Any], merged: Mapping[str, Any], stage: str
) -> Function:
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
        handler,
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


def _given_up(resources: Mapping[str, Any]) -> tuple[int, str]:
    """Return how often an event is tried again, and the topic that hears of it when that was in vain."""
    found = set()
    for one in resources.values():
        config = one.get("Properties", {}).get("EventInvokeConfig", {})
        destination = config.get("DestinationConfig", {}).get("OnFailure", {})
        if destination.get("Type") == "SNS":
            found.add((config["MaximumRetryAttempts"], destination["Destination"]["Ref"]))
    if len(found) != 1:
        raise DeploymentError(f"the local account knows one way to give up on an event, not {sorted(found)}")
    return found.pop()


def _holds(given: Any, conditions: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Whether one of the template's conditions holds; raises DeploymentError for what cannot be evaluated here."""
    try:
        return intrinsics.holds(given, conditions, values)
    except CannotEvaluate:
        raise DeploymentError(f"the local account cannot evaluate the condition {given}") from None


def forwards(resources: Mapping[str, Any], stage: str) -> Iterator[Forward]:
    """Yield what the rules among some resources send to queues; raises DeploymentError for any other target."""
    for name, one in resources.items():
        if one["Type"] != "AWS::Events::Rule":
            continue
        properties = one["Properties"]
        bus = properties.get("EventBusName")
        made = bus.get("Fn::GetAtt", [""])[0] if isinstance(bus, Mapping) else ""
        if resources.get(made, {}).get("Type") == "AWS::Events::EventBus":
            # Made for what other regions and accounts forward, of which there are none here.
            continue
        if properties.get("State", "ENABLED") != "ENABLED" or bus is not None:
            raise DeploymentError(f"{name}: the local account has enabled rules on the default bus, and no others")
        pattern = _filled(properties.get("EventPattern"), name, stage)
        for target in properties["Targets"]:
            queue = target["Arn"].get("Fn::GetAtt", [""])[0] if isinstance(target["Arn"], Mapping) else ""
            if resources.get(queue, {}).get("Type") != "AWS::SQS::Queue":
                raise DeploymentError(f"{name}: the local account delivers to queues of ours, not to {target['Arn']}")
            # What is done when a delivery fails is AWS's; what would change the event would have to be done here.
            if other := sorted(set(target) - {"Id", "Arn", "DeadLetterConfig", "RetryPolicy"}):
                raise DeploymentError(f"{name}: the local account does not know {', '.join(other)} of a target")
            yield Forward(queue, pattern)


def _filled(value: Any, name: str, stage: str) -> Any:
    """Return a pattern with the stage put in; raises DeploymentError where it depends on anything else."""
    if isinstance(value, list):
        return [_filled(one, name, stage) for one in value]
    if not isinstance(value, Mapping):
        return value
    if value == {"Ref": "Stage"}:
        return stage
    text = value.get("Fn::Sub") if len(value) == 1 else None
    text = text.replace("${Stage}", stage) if isinstance(text, str) else text
    if isinstance(text, str) and "${" not in text:
        return text
    if any(key == "Ref" or key.startswith("Fn::") for key in value):
        raise DeploymentError(f"{name}: the local account cannot fill in {dict(value)}")
    return {key: _filled(one, name, stage) for key, one in value.items()}


def schedule(function: Function, expression: str) -> Schedule:
    """Return a schedule of `rate(…)` or of a `cron(…)` that is due once a day; raises DeploymentError for others."""
    if match := re.fullmatch(r"cron\(([1-5]?\d) (1?\d|2[0-3]) \* \* \? \*\)", expression):
        return Schedule(function, 86400.0, int(match[2]) * 3600.0 + int(match[1]) * 60.0)
    return Schedule(function, rate(expression))


def rate(expression: str) -> float:
    """Return a `rate(…)` in seconds; raises DeploymentError for cron and for what EventBridge refuses."""
    units = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
    match = re.fullmatch(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)", expression)
    # EventBridge wants the unit's number to agree: `1 hour`, `5 hours`.
    if not match or (match[1] == "1") == bool(match[3]):
        raise DeploymentError(f"the local account does not run the schedule {expression}")
    return float(match[1]) * units[match[2]]
