"""Who gets in, what goes out, and what the API's role may do: nothing but read and record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chalice.deploy.swagger import CFNSwaggerGenerator

from app import app
from chalicelib import registry, settings
from deploy import actions, rights
from tests.account import NOW
from tests.api.client import Api, event
from tests.samples import ACCOUNT, REGION

ROOT = Path(__file__).parent.parent.parent
# Slack's two ask for Slack's own signature (test_slack_hostile.py).
ROUTES = sorted(
    (method, path) for path, methods in app.routes.items() for method in methods if not path.startswith("/v1/slack/")
)
POLICY: list[dict[str, Any]] = rights.policies(settings.load({}, registry.names(), registry.load()))["api_handler"][
    "Statement"
]


class TestSigned:
    @pytest.mark.parametrize(("method", "path"), ROUTES)
    def test_every_route_asks_for_a_signature(self, method: str, path: str) -> None:
        swagger = CFNSwaggerGenerator().generate_swagger(app)
        assert swagger["paths"][path][method.lower()]["security"] == [{"sigv4": []}]
        assert swagger["securityDefinitions"]["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"
        assert "options" not in swagger["paths"][path], "no other site's page may call it"

    @pytest.mark.parametrize(("method", "path"), ROUTES)
    def test_without_one_the_function_answers_nobody(self, api: Api, method: str, path: str) -> None:
        api.account.wire.reset()
        names = {"finding": "0a1b2c3d", "alert": "a-0a1b2c3d"}
        names |= dict.fromkeys(("command", "waiver", "silence"), "0" * 16)
        text = api.error(403, method, path.format(**names), body=None, arn=None)
        assert text == "nobody is known to ask this: sign the request with AWS credentials (SigV4)"
        assert api.account.wire.calls == []

    def test_all_are_versioned(self) -> None:
        assert ROUTES
        assert all(path.startswith("/v1/") for _, path in ROUTES)

    def test_a_method_that_is_not_there_has_the_shape_of_all_errors(self, api: Api) -> None:
        raw = event("GET", "/v1/health", at=0.0)
        raw["requestContext"]["httpMethod"] = raw["httpMethod"] = "PATCH"
        assert api.send(raw) == (405, {"error": "Unsupported method: PATCH"})


class TestRole:
    def test_holds_no_right_outside_parapets_own_resources(self) -> None:
        shared = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
        for statement in POLICY:
            if set(statement["Action"]) <= shared:
                continue  # X-Ray knows no resources, and a trace is nobody's
            [(function, value)] = statement["Resource"].items()
            text = value[0] if function == "Fn::GetAtt" else str(value)
            ours = (
                "Journal",
                "FailuresTopic",
                "event-bus/default",
                "log-group:/aws/lambda/parapet-${Stage}-api-handler:*",
                "parameter${SlackSigningSecret}",
                "parameter${SlackToken}",
            )
            assert any(name in text for name in ours), statement

    def test_holds_none_of_the_rights_that_guardrails_need_to_change_anything(self) -> None:
        granted = {action for statement in POLICY for action in statement["Action"]}
        changing = {action for rail in registry.load() for action in rail.needs if rights.writes(action)}
        assert changing
        assert not granted & changing
        assert not any("*" in action for action in granted)
        assert {action.split(":")[0] for action in granted if actions.level(action) != "List"} == {
            "dynamodb", "events", "logs", "ssm", "xray",
        }  # fmt: skip

    def test_writes_commands_pauses_and_waivers_and_nothing_else_of_the_journal(self) -> None:
        written = {
            action: statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            for statement in POLICY
            for action in statement["Action"]
            if action.startswith("dynamodb:") and rights.writes(action)
        }
        switches = ["CONTROL", "EXEMPTIONS", "SILENCES"]
        assert written == {"dynamodb:PutItem": ["COMMAND#*"], "dynamodb:UpdateItem": switches}

    def test_puts_events_as_parapet_only(self) -> None:
        [statement] = [one for one in POLICY if "events:PutEvents" in one["Action"]]
        assert statement["Condition"] == {"StringEquals": {"events:source": "parapet"}}


def test_a_cold_start_waits_for_no_other_function() -> None:
    raw = event("GET", "/v1/guardrails", at=NOW)
    program = """
import json, sys
from types import SimpleNamespace
import app
loaded = sorted(name for name in sys.modules if name.startswith(("chalicelib.functions.", "chalicelib.guardrails.")))
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"aws_lambda_powertools", "boto3", "moto"})
context = SimpleNamespace(aws_request_id="r", invoked_function_arn=sys.argv[2])
answer = app.app(json.loads(sys.argv[1]), context)
sys.stdout = sys.stderr
json.dump({"loaded": loaded, "heavy": heavy, "status": answer["statusCode"]}, sys.stderr)
"""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-api-handler"
    environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "parapet-test-api-handler", "AWS_REGION": REGION}
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(raw), arn], cwd=ROOT, env=environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stderr) == {"loaded": [], "heavy": [], "status": 200}
