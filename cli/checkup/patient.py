"""What is examined: one deployment as its account shows it, each fact read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from chalicelib import registry
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.settings import GLOBAL_REGION, PREFIX, Settings
from cli.deployment import Caller, Deployment, Outside
from deploy import release


class NoStack(ParapetError):
    """There is no stack of the stage in the region."""


@dataclass(frozen=True)
class Stack:
    """A stage's stack: its state, its parameters, and its resources by logical id as (type, physical id)."""

    name: str
    arn: str
    status: str
    changed: float
    parameters: Mapping[str, str]
    resources: Mapping[str, tuple[str, str]]
    template: Mapping[str, Any]

    @property
    def partition(self) -> str:
        """The partition of AWS that it is in: `aws`, `aws-cn` …."""
        return self.arn.split(":")[1]

    def of(self, kind: str) -> dict[str, str]:
        """Return the physical ids of one type of resource, by logical id."""
        return {logical: name for logical, (one, name) in self.resources.items() if one == kind}

    def parameter(self, name: str) -> str:
        """Return a parameter's value, given or by default; empty when there is none of that name."""
        default = self.template.get("Parameters", {}).get(name, {}).get("Default", "")
        return self.parameters.get(name, str(default))


class Patient:
    """One deployment of Parapet, and who examines it."""

    def __init__(self, outside: Outside, wait: bool = False) -> None:
        """Take what comes from outside, and whether to wait for a heartbeat."""
        self.outside, self.wait = outside, wait
        self.where: Deployment = outside.deployment
        self.stage = outside.environment.get("PARAPET_STAGE", "local")
        self.deploy = f"`make deploy STAGE={self.stage}`"
        # A stage of that name on AWS is a deployment like any other.
        self.local = self.stage == "local" and bool(outside.environment.get("AWS_ENDPOINT_URL"))

    @cached_property
    def settings(self) -> Settings:
        """The settings of this checkout, validated in full, for the deployed stage; raises SettingsError."""
        return replace(self.outside.settings(registry.load()), stage=self.stage)

    @cached_property
    def deployed_settings(self) -> Settings:
        """The settings as a deployment of this checkout would have them now; raises SettingsError, NotOurs."""
        # What an upgrade brought is promoted by deploying, not by being looked at.
        return replace(self.settings, observed=release.of(self.stack.template).observed)

    @property
    def region(self) -> str:
        """The region that is examined; raises ParapetError when nothing names it."""
        return self.where.region

    @property
    def aws(self) -> Aws:
        """Calls to Parapet's own account and region."""
        return self.where.aws

    @property
    def caller(self) -> Caller:
        """Who examines; raises AwsError."""
        return self.where.caller

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """The regions whose events are handled; raises SettingsError."""
        return self.settings.regions or tuple(dict.fromkeys((self.region, GLOBAL_REGION)))

    @cached_property
    def stack(self) -> Stack:
        """The stage's stack; raises NoStack, AwsError."""
        name = f"{PREFIX}-{self.stage}"
        try:
            [found] = self.aws("cloudformation", "describe_stacks", StackName=name)["Stacks"]
        except AwsError as error:
            if error.code != "ValidationError":
                raise
            raise NoStack(f"there is no stack {name} in {self.region}") from error
        listed = self.aws.all("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
        template = self.aws("cloudformation", "get_template", StackName=name)["TemplateBody"]
        changed: datetime = found.get("LastUpdatedTime") or found["CreationTime"]
        return Stack(
            name,
            found["StackId"],
            found["StackStatus"],
            changed.timestamp(),
            {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])},
            {
                one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"])
                for one in listed
                if "PhysicalResourceId" in one
            },
            template if isinstance(template, Mapping) else {},
        )
