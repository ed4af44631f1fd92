"""What ECS services, Auto Scaling groups and aliases want, and the calls that have them want something else: pure.

Two guardrails of each share this: one goes by an alarm, the other takes back what somebody has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import reads
from chalicelib.model import Call, call

State = Mapping[str, Any]


def instances(group: State, _part: str) -> dict[str, int]:
    """Return how many instances a group wants."""
    return {"DesiredCapacity": group["DesiredCapacity"]}


def have_instances(group: State, number: int) -> Call:
    """Return the call that makes a group want so many instances, at once."""
    return call(
        "autoscaling", "set_desired_capacity", AutoScalingGroupName=group["AutoScalingGroupName"],
        DesiredCapacity=number, HonorCooldown=False,
    )  # fmt: skip


def have_tasks(service: State, number: int) -> Call:
    """Return the call that makes a service want so many tasks, and changes nothing else."""
    return call("ecs", "update_service", **reads.names(service), desiredCount=number)


def definition(service: State, _part: str) -> dict[str, str]:
    """Return the task definition that a service wants."""
    return {"taskDefinition": service["taskDefinition"]}


def have_definition(service: State, name: str) -> Call:
    """Return the call that makes a service want a task definition, and changes nothing else."""
    return call("ecs", "update_service", **reads.names(service), taskDefinition=name)


def versions(alias: State, _part: str) -> dict[str, Any]:
    """Return where an alias points."""
    return {"version": alias["version"], "weights": alias["weights"]}


def have_versions(alias: State, version: str, weights: Mapping[str, float]) -> Call:
    """Return the call that points an alias somewhere, and changes nothing else."""
    return call(
        "lambda", "update_alias", FunctionName=alias["function"], Name=alias["name"], FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": dict(weights)},
    )  # fmt: skip
