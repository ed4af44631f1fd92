"""docs/openapi.json: it says what the routes do, and no more; and the API keeps to it, whatever it is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis.checks import CHECKS, load_all_checks

from app import app
from chalicelib.api import declared
from chalicelib.functions import authorizer
from deploy import openapi
from deploy.resources.api import responses
from local.deployment import Authorizer, Deployment, Function, Route
from local.gateway import Gateway
from local.runtime import Lambdas
from local.signature import given_out
from local.trail import Identities
from tests.api.client import Api
from tests.samples import ACCOUNT, REGION

URL = "http://127.0.0.1/api"
DOCUMENT = openapi.document()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
# Methods of HTTP that answer what a browser asks first are API Gateway's business, and no part of what we offer.
REGISTERED = {(path, method.lower()) for path, methods in app.routes.items() for method in methods} - {
    (path, "options") for path in app.routes
}
load_all_checks()
CHECKED = CHECKS.get_by_names([
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
])  # fmt: skip


class TestDocument:
    def test_is_valid_openapi(self) -> None:
        validate(DOCUMENT)

    def test_is_the_one_that_is_written(self) -> None:
        written = Path(__file__).parent.parent.parent / "docs" / "openapi.json"
        assert written.read_text("utf-8") == openapi.text(), "make derive"

    def test_has_every_route_and_no_other(self) -> None:
        assert set(OPERATIONS) == REGISTERED

    def test_names_no_operation_twice(self) -> None:
        names = [DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS]
        assert len(set(names)) == len(names)

    def test_says_who_gets_in_as_the_gateway_does(self) -> None:
        for path, method in OPERATIONS:
            entry = app.routes[path][method.upper()]
            asked = [next(iter(one)) for one in DOCUMENT["paths"][path][method]["security"]]
            door = {"ByToken": ["token"], "IAMAuthorizer": ["signature"], "NoneType": asked}[
                type(entry.authorizer).__name__
            ]
            assert asked == door, (method, path)
            assert asked != ["token"] or path.startswith("/v1/")

    def test_names_what_a_path_names(self) -> None:
        for path, method in OPERATIONS:
            given_ = DOCUMENT["paths"][path][method].get("parameters", ())
            assert [one["name"] for one in given_ if one["in"] == "path"] == re.findall(r"{(\w+)}", path)

    def test_every_schema_is_used(self) -> None:
        text = json.dumps(DOCUMENT)
        assert [name for name in declared.SCHEMAS if f'#/components/schemas/{name}"' not in text] == []


@pytest.fixture
def gateway(api: Api) -> Iterator[Gateway]:
    """The API behind the gateway, as a person with a token reaches it."""
    handlers = {"api_handler": app, "authorizer": authorizer.authorizer}
    functions = {
        name: Function(name, api.account.running(name, handler), f"parapet-test-{name}", 29.0)
        for name, handler in handlers.items()
    }
    asked = Authorizer(functions["authorizer"], 60.0, "^[Bb]earer ")
    doors = {"token": (False, asked), "signed": (True, None), "open": (False, None), "slack": (False, None)}
    routes = tuple(Route(functions["api_handler"], one.method, one.path, *doors[one.door]) for one in declared.ROUTES)
    lines: list[str] = []
    lambdas = Lambdas(ACCOUNT, REGION, 0, lambda *_: None, lines.append)
    deployment = cast(Deployment, SimpleNamespace(routes=routes, binary=(), responses=responses()))
    yield Gateway(deployment, lambdas, Identities(), given_out(ACCOUNT, {}), ACCOUNT, REGION, lines.append)
    lambdas.stop()
    assert lines == []


@pytest.mark.parametrize(
    ("path", "method"), [one for one in OPERATIONS if not one[0].startswith("/v1/slack")], ids=" ".join
)
def test_keeps_to_the_document(gateway: Gateway, api: Api, path: str, method: str) -> None:
    _, made = api.call("POST", "/v1/token/operate")
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.app = gateway
    operation = schema[path][method.upper()]
    bearer = {"Authorization": f"Bearer {made['token']}"}

    @settings(
        max_examples=6, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(), known=st.sampled_from([True, True, True, False]))
    def tried(case: Any, known: bool) -> None:
        answer = case.call_and_validate(URL, headers=bearer if known else {}, checks=CHECKED)
        if not known and operation.definition.raw["security"]:
            signed = "signature" in operation.definition.raw["security"][0]
            assert answer.status_code in ((403, 404) if signed else (401,))

    tried()
