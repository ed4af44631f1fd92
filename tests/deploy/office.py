"""Somebody who deploys, at a terminal: moto is the account, bent where its CloudFormation falls short of AWS."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import Credentials
from click.testing import CliRunner, Result
from moto.apigateway.models import RestAPI
from moto.cloudformation.models import ChangeSet, Stack
from moto.dynamodb.models.table import Table

import chalicelib
from chalicelib.aws import Connect
from chalicelib.settings import Settings
from deploy import plan, template
from deploy.__main__ import main
from deploy.release import Template
from deploy.site import Desk
from deploy.wheels import PYTHON
from tests.account import TestAccount
from tests.samples import REGION


def bend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have moto make stacks of change sets as AWS does.

    It reads JSON as YAML, which takes seconds; forgets the outputs of a stack that a change set made; does not read an
    API's methods from its body, without which it refuses the deployment of it; and forgets a table that is changed.
    """
    made, applied = RestAPI.create_from_cloudformation_json, ChangeSet.apply

    def create(*given: Any, **named: Any) -> Any:
        api = made(*given, **named)
        [root] = api.resources.values()
        root.add_method("GET", "AWS_IAM", None)
        root.add_integration("GET", "AWS_PROXY", "arn")
        return api

    def apply(self: Any) -> None:
        applied(self)
        self.stack.template_dict = self.template_dict
        self.stack.output_map = self.stack._create_output_map()

    def changed(original_resource: Any, **_: Any) -> Any:
        return original_resource

    # While it has no method of its own, moto takes it for one that cannot be changed.
    monkeypatch.setattr(Table, "update_from_cloudformation_json", staticmethod(changed))
    monkeypatch.setattr(RestAPI, "create_from_cloudformation_json", staticmethod(create))
    monkeypatch.setattr(ChangeSet, "apply", apply)
    monkeypatch.setattr(Stack, "parse_template", staticmethod(json.loads))
    monkeypatch.setattr(ChangeSet, "_parse_template", _parsed)
    # What SAM makes of a template is worked out once.
    monkeypatch.setattr(plan, "cloudformation", _cloudformation)


def _cloudformation(sam: Template, region: str) -> Template:
    return dict(json.loads(_translated(json.dumps(sam), region)))


@functools.cache
def _translated(sam: str, region: str) -> str:
    return json.dumps(template.cloudformation(json.loads(sam), region))


def _parsed(self: Any) -> None:
    self.template_dict = json.loads(self.template)


class Reply:
    """What the API answers: how the stage is that the request went to."""

    def __init__(self, status_code: int, document: Any) -> None:
        self.status_code, self.content = status_code, json.dumps(document).encode()


class Office:
    """Runs `python -m deploy` in process, with a source tree whose commit and guardrails the test chooses."""

    def __init__(self, account: TestAccount, connect: Connect, folder: Path) -> None:
        self.account, self.connect = account, connect
        self._zip = folder / "parapet.zip"
        self.environment = {"AWS_REGION": REGION}
        self.version, self.chalice = chalicelib.__version__, "1.34.0"
        self.unknown: set[str] = set()
        self.heeds = True
        self.sick = ""
        self.asked: list[str] = []
        self.commit("a" * 40)

    def commit(self, commit: str, python: str = PYTHON, changed: bool = False) -> None:
        """Have another source tree at hand."""
        about = {
            "version": self.version, "commit": commit, "changed": changed, "at": "2026-11-21T00:00:00+00:00",
            "python": python,
        }  # fmt: skip
        with ZipFile(self._zip, "w") as artefact:
            artefact.writestr("parapet-build.json", json.dumps(about))

    def render(self, settings: Settings) -> Template:
        """Render the template of a version that does not know some guardrails, or nothing of scopes."""
        found = template.render(settings)
        for name in self.unknown:
            del found["Metadata"]["Parapet"]["modes"][name]
        if not self.heeds:
            del found["Metadata"]["Parapet"]["heeds"]
        return found

    def send(self, request: AWSPreparedRequest) -> Reply:
        """Answer for the stage's API."""
        at = urlsplit(str(request.url))
        self.asked.append(at.path)
        if at.path == "/api/v1/token":
            assert str(request.headers["Authorization"]).startswith("AWS4-HMAC-SHA256")
            return Reply(200, {"token": "a.b.c"})
        assert request.headers["Authorization"] == "Bearer a.b.c"
        [stage] = [stage for stage in self.stages() if at.netloc.startswith(self.output(stage, "RestAPIId"))]
        return Reply(503 if self.sick else 200, {"version": self.version, "stage": stage, "status": self.sick or "ok"})

    def run(self, *arguments: str, typed: str = "", **environment: str) -> Result:
        """Run a command as make does: what is given to it is environment."""
        desk = Desk(
            environment=self.environment,
            clients=lambda: self.connect,
            profile_region=lambda: "",
            now=self.account.clock,
            sleep=self.account.clock.forward,
            credentials=lambda: Credentials("key", "secret"),
            send=self.send,
            build=lambda: self._zip,
            render=self.render,
            installed=lambda _name: self.chalice,
        )
        given = {"STAGE": "prod", "NO_CANARY": "1", **environment}
        return CliRunner().invoke(main, arguments, obj=desk, input=typed, env=given, prog_name="python -m deploy")

    def out(self, *arguments: str, typed: str = "", **environment: str) -> str:
        """Run a command that must succeed and return what it prints; nobody is asked unless something is typed."""
        yes = {} if typed else {"YES": "1"}
        result = self.run(*arguments, typed=typed, **{**yes, **environment})
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    def fails(self, code: int, *arguments: str, typed: str = "", **environment: str) -> str:
        """Run a command that must fail with a code and one line on stderr; returns the line."""
        yes = {} if typed else {"YES": "1"}
        result = self.run(*arguments, typed=typed, **{**yes, **environment})
        assert result.exit_code == code, result.output
        line = result.stderr.splitlines()[-1]
        assert line.startswith("parapet: "), result.stderr
        return line.removeprefix("parapet: ")

    # What is there

    def client(self, service: str) -> Any:
        """A client of the account's people."""
        return self.account.client(service)

    def stages(self) -> list[str]:
        """The stages that have a stack."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return sorted(one["StackName"].removeprefix("parapet-") for one in found)

    def stack(self, stage: str = "prod") -> Any:
        """A stage's stack."""
        return self.client("cloudformation").describe_stacks(StackName=f"parapet-{stage}")["Stacks"][0]

    def output(self, stage: str, name: str) -> str:
        """One output of a stage's stack."""
        return next(str(one["OutputValue"]) for one in self.stack(stage)["Outputs"] if one["OutputKey"] == name)

    def parameter(self, name: str, stage: str = "prod") -> str:
        """One parameter's value of a stage's stack."""
        found = self.stack(stage)["Parameters"]
        return next(str(one["ParameterValue"]) for one in found if one["ParameterKey"] == name)

    def template(self, stage: str = "prod") -> Any:
        """The template that a stage's stack has."""
        found = self.client("cloudformation").get_template(StackName=f"parapet-{stage}")["TemplateBody"]
        return json.loads(json.dumps(found))

    def codes(self, stage: str = "prod") -> set[str]:
        """The hashes of the code that a stage's functions run."""
        there = self.client("lambda").list_functions()["Functions"]
        return {one["CodeSha256"] for one in there if one["FunctionName"].startswith(f"parapet-{stage}-")}

    def held(self, bucket: str = "parapet-123456789012-eu-west-1-artefacts") -> list[str]:
        """What a bucket holds."""
        found = self.client("s3").list_objects_v2(Bucket=bucket)
        return sorted(one["Key"] for one in found.get("Contents", []))
