"""Who gets in, what goes out, and what the API's role may do: nothing but read and record."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from chalice.deploy.swagger import CFNSwaggerGenerator

from app import app
from chalicelib import registry
from chalicelib import settings as chosen
from chalicelib.api import declared, page
from chalicelib.api.route import ByToken
from deploy import actions, rights
from tests.account import NOW
from tests.api.client import Api, event
from tests.api.test_health import settings
from tests.samples import ACCOUNT, ALICE, REGION

ROOT = Path(__file__).parent.parent.parent
ROUTES = sorted((one.method, one.path) for one in declared.ROUTES if one.door == "token")
SIGNED = sorted((one.method, one.path) for one in declared.ROUTES if one.door == "signed")
NAMES = {"finding": "0a1b2c3d", "alert": "a-0a1b2c3d", "waiver": "0" * 16, "silence": "0" * 16, "command": "0" * 16}
SWAGGER = CFNSwaggerGenerator().generate_swagger(app)
POLICY: list[dict[str, Any]] = rights.policies(chosen.load({}, registry.names(), registry.load()))["api_handler"][
    "Statement"
]


def test_every_route_has_a_row_in_the_docs() -> None:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    rows = re.findall(r"`((?:GET|POST|DELETE) /v1/[^`]+)`", "\n".join(re.findall(r"^\| `.*?` \|", page, re.MULTILINE)))
    told = {re.sub(r"\{.*?\}", "{}", one) for one in rows}
    assert told == {re.sub(r"\{.*?\}", "{}", f"{method} {path}") for method, path in [*ROUTES, *SIGNED]}


def filled(path: str) -> str:
    """A path with something in the place of what it names."""
    return re.sub(r"\{(\w+)\}", lambda found: NAMES.get(found[1], "x"), path)


class TestDoors:
    @pytest.mark.parametrize(("method", "path"), ROUTES)
    def test_every_route_asks_for_a_token(self, method: str, path: str) -> None:
        assert SWAGGER["paths"][path][method.lower()]["security"] == [{"authorizer": []}]

    def test_the_function_authorizer_is_asked_about_it(self) -> None:
        said = SWAGGER["securityDefinitions"]["authorizer"]
        assert (said["x-amazon-apigateway-authtype"], said["in"], said["name"]) == ("custom", "header", "Authorization")
        [registered] = app.builtin_auth_handlers
        asked = said["x-amazon-apigateway-authorizer"]
        assert "${Authorizer.Arn}" in asked["authorizerUri"]["Fn::Sub"]
        assert (registered.name, registered.ttl_seconds) == ("authorizer", asked["authorizerResultTtlInSeconds"])
        assert registered.handler_string == "chalicelib.functions.authorizer.authorizer"
        assert re.search(asked["identityValidationExpression"], "Bearer a.b-_9.c")

    @pytest.mark.parametrize("header", ["", "Bearer ", "Bearer a.b", "Basic YTpi", "Bearer a.b.c d", "Bearer a.b.ü"])
    def test_what_cannot_be_a_token_is_declined_without_asking(self, header: str) -> None:
        assert not re.search(ByToken.LIKE, header)

    def test_a_token_takes_a_signature(self) -> None:
        assert SIGNED == [("POST", "/v1/token"), ("POST", "/v1/token/operate")]
        for method, path in SIGNED:
            assert SWAGGER["paths"][path][method.lower()]["security"] == [{"sigv4": []}]
        assert SWAGGER["securityDefinitions"]["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"

    @pytest.mark.parametrize(("method", "path"), [*ROUTES, *SIGNED])
    def test_without_either_the_function_answers_nobody(self, api: Api, method: str, path: str) -> None:
        api.account.wire.reset()
        status, how = 401, "bring a token (Authorization: Bearer …)"
        if (method, path) in SIGNED:
            status, how = 403, "sign the request with AWS credentials (SigV4)"
        text = api.error(status, method, filled(path), body=None, arn=None)
        assert text == f"nobody is known to ask this: {how}"
        assert api.account.wire.calls == []

    @pytest.mark.parametrize(("method", "path"), [one for one in ROUTES if one[0] != "GET"])
    def test_to_ask_for_something_takes_a_token_that_operates(self, api: Api, method: str, path: str) -> None:
        api.account.wire.reset()
        text = api.error(403, method, filled(path), scope="read")
        assert text == "this token does not allow it: its scope is 'read', not 'operate'"
        assert api.account.wire.calls == []

    def test_a_signature_opens_no_other_route(self, api: Api) -> None:
        raw = event("GET", "/v1/health", at=NOW, arn=None)
        raw["requestContext"]["identity"]["userArn"] = ALICE["arn"]
        assert api.send(raw)[0] == 401

    def test_all_are_versioned_but_the_page(self) -> None:
        assert {one.door for one in declared.ROUTES if not one.path.startswith("/v1/")} == {"open"}
        assert all(one.path.startswith("/v1/") for one in declared.ROUTES if one.door != "open")

    def test_a_method_that_is_not_there_has_the_shape_of_all_errors(self, api: Api) -> None:
        raw = event("GET", "/v1/health", at=0.0)
        raw["requestContext"]["httpMethod"] = raw["httpMethod"] = "PATCH"
        status, document = api.send(raw)
        assert (status, document["title"], document["detail"]) == (
            405, "Method Not Allowed", "Unsupported method: PATCH",
        )  # fmt: skip

    def test_a_body_of_another_type_is_declined_in_our_words(self, api: Api) -> None:
        assert "must be JSON" in api.error(415, "POST", "/v1/pause", body="why=x", headers={"Content-Type": "text/x"})


class TestKept:
    """What was read is known by its mark."""

    def mark(self, api: Api, **headers: str) -> tuple[int, dict[str, str], str]:
        answer = api.respond(event("GET", "/v1/pause", at=api.account.clock(), headers=headers))
        return answer["statusCode"], answer["headers"], answer["body"]

    def test_nothing_comes_twice(self, api: Api) -> None:
        status, headers, body = self.mark(api)
        assert (status, len(headers["ETag"])) == (200, 34)
        for said in (headers["ETag"], f'"x", W/{headers["ETag"]}', "*"):
            again, kept, nothing = self.mark(api, **{"If-None-Match": said})
            assert (again, kept["ETag"], nothing) == (304, headers["ETag"], "")
            assert kept["Cache-Control"] == "private, no-cache"
            assert "Content-Type" not in kept
        assert self.mark(api, **{"If-None-Match": '"x"'}) == (200, headers, body)

    def test_what_has_changed_comes_anew(self, api: Api) -> None:
        _, headers, _ = self.mark(api)
        api.call("POST", "/v1/pause", body={"why": "a deployment"})
        status, anew, body = self.mark(api, **{"If-None-Match": headers["ETag"]})
        assert (status, "a deployment" in body) == (200, True)
        assert anew["ETag"] != headers["ETag"]

    def test_the_next_page_has_a_link(self, api: Api) -> None:
        finding = api.breach()
        api.plant(*(replace(finding, id=f"{number:08d}") for number in range(3)))
        raw = event("GET", "/v1/findings", {"limit": ["2"], "status": [finding.status]}, at=api.account.clock())
        first = api.respond(raw)
        query = re.fullmatch(r'<\?(.*)>; rel="next"', first["headers"]["Link"])
        assert query
        given = parse_qs(query[1], strict_parsing=True)
        assert given == {"limit": ["2"], "status": [finding.status], "after": [json.loads(first["body"])["after"]]}
        last = api.respond(event("GET", "/v1/findings", given, at=api.account.clock()))
        assert (last["statusCode"], "Link" in last["headers"]) == (200, False)


class TestOtherSites:
    """CORS: closed, but for the origins that the settings name."""

    ORIGIN = "https://oncall.example.com"

    def ask(self, api: Api, method: str, origin: str) -> Any:
        raw = event("GET", "/v1/pause", at=api.account.clock(), headers={"Origin": origin})
        raw["requestContext"]["httpMethod"] = raw["httpMethod"] = method
        return api.respond(raw)

    def allowed(self, answer: Any) -> set[str]:
        return {name for name in answer["headers"] if name.startswith("Access-Control")}

    def test_no_page_may_call_it(self, api: Api) -> None:
        before = self.ask(api, "OPTIONS", self.ORIGIN)
        assert (before["statusCode"], self.allowed(before)) == (403, set())
        read = self.ask(api, "GET", self.ORIGIN)
        assert (read["statusCode"], self.allowed(read)) == (200, set())

    def test_but_those_that_are_named(self, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        settings(monkeypatch, tmp_path, f'[api]\norigins = ["https://other.example.com", "{self.ORIGIN}"]\n')
        before = self.ask(api, "OPTIONS", self.ORIGIN)
        assert (before["statusCode"], before["body"]) == (204, "")
        headers = before["headers"]
        assert headers["Access-Control-Allow-Origin"] == self.ORIGIN
        assert headers["Access-Control-Allow-Methods"] == "GET, POST, DELETE"
        assert "Authorization" in headers["Access-Control-Allow-Headers"]
        assert headers["Vary"] == "Origin"
        read = self.ask(api, "GET", self.ORIGIN)
        assert read["headers"]["Access-Control-Allow-Origin"] == self.ORIGIN
        assert "Access-Control-Allow-Credentials" not in read["headers"]
        for other in ("https://oncall.example.com.evil.example", "null", "http://oncall.example.com", "*"):
            assert self.allowed(self.ask(api, "GET", other)) == set()
            assert self.ask(api, "OPTIONS", other)["statusCode"] == 403

    def test_every_path_answers_what_a_browser_asks_first(self) -> None:
        paths = {one.path for one in declared.ROUTES if one.door in ("token", "signed")}
        assert {path for path, methods in app.routes.items() if "OPTIONS" in methods} == paths


class TestPage:
    def get(self, api: Api, path: str, at: str = "", **headers: str) -> Any:
        raw = event("GET", path, at=api.account.clock(), arn=None, headers=headers)
        raw["requestContext"]["path"] = at or f"/api{path}"
        return api.respond(raw)

    @pytest.mark.parametrize(("path", "kind"), [
        ("/", "text/html; charset=utf-8"), ("/page.js", "text/javascript; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
    ])  # fmt: skip
    def test_is_for_anybody_and_calls_nothing_of_aws(self, api: Api, path: str, kind: str) -> None:
        api.account.wire.reset()
        answer = self.get(api, path)
        headers = answer["headers"]
        assert (answer["statusCode"], headers["Content-Type"], headers["Cache-Control"]) == (200, kind, "no-cache")
        assert answer["body"]
        for word in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert word in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert self.get(api, path, **{"If-None-Match": headers["ETag"]})["statusCode"] == 304
        assert api.account.wire.calls == []

    def test_has_a_slash_at_its_end_so_that_its_files_lie_beside_it(self, api: Api) -> None:
        answer = self.get(api, "/", "/api")
        assert (answer["statusCode"], answer["headers"]["Location"]) == (308, "./api/")

    def test_every_file_of_it_is_served(self) -> None:
        names = {one.path for one in declared.ROUTES if one.door == "open"}
        assert names == {"/" if file.name == "index.html" else f"/{file.name}" for file in page.WEB.iterdir()}


class TestRole:
    def test_holds_no_right_outside_parapets_own_resources(self) -> None:
        shared = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
        for statement in POLICY:
            if set(statement["Action"]) <= shared:
                continue  # X-Ray knows no resources, and a trace is nobody's
            if statement["Resource"] == "*":
                assert {actions.level(action) for action in statement["Action"]} <= {"List", "Read"}, statement
                continue
            [(function, value)] = statement["Resource"].items()
            text = value[0] if function == "Fn::GetAtt" else str(value)
            ours = (
                "Journal",
                "ChangeLedger",
                # Who explains what somebody asks about, and has the time for it.
                "EnrichQueue",
                # Whose lines queries and traces show.
                "logs:*:${AWS::AccountId}:log-group:*",
                "FailuresTopic",
                "event-bus/default",
                "log-group:/aws/lambda/parapet-${Stage}-api-handler:*",
                "TokenKey",
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
            "cloudtrail", "cloudwatch", "dynamodb", "events", "logs", "secretsmanager", "sqs", "ssm", "tag", "xray",
        }  # fmt: skip

    def test_writes_commands_pauses_and_waivers_and_nothing_else_of_the_journal(self) -> None:
        written: dict[str, set[str]] = {}
        for statement in POLICY:
            for action in statement["Action"]:
                if action.startswith("dynamodb:") and rights.writes(action):
                    keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
                    written.setdefault(action, set()).update(keys)
        # And what it is asked to work out, which does nothing to the account.
        asked = {"COMMAND#*", "EXPLAIN#*", "QUERY#*", "REPORT#*"}
        assert written == {"dynamodb:PutItem": asked, "dynamodb:UpdateItem": {"CONTROL", "EXEMPTIONS", "SILENCES"}}

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
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"aws_lambda_powertools", "boto3", "jwt", "moto"})
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
