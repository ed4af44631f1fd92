"""API Gateway on the laptop: who gets in, and what the function is handed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.test import Client, TestResponse

from chalicelib.api.route import ByToken
from deploy.resources.api import responses
from local.deployment import Authorizer, Deployment, Function, Route
from local.gateway import Gateway
from local.runtime import Lambdas
from local.signature import given_out
from local.trail import Identities, Identity
from tests.account import NOW, TestAccount
from tests.api.client import event
from tests.samples import ACCOUNT, ALICE, REGION

KEY, SECRET = "AKIAEXAMPLEALICE0000", "synthetic-secret"
URL = "http://127.0.0.1:4568"
ROUTES = (
    ("GET", "/v1/findings"),
    ("GET", "/v1/findings/{finding}"),
    ("POST", "/v1/findings/{finding}/undo"),
    ("DELETE", "/v1/pause"),
    # Declared the other way round than it is looked for.
    ("GET", "/v1/findings/newest"),
)
OPEN = "/v1/slack/actions"
TOKEN = "/v1/guarded"
MISSING = (403, {"message": "Missing Authentication Token"})
UNKNOWN = (403, {"message": "The security token included in the request is invalid."})


@dataclass
class Front:
    """A gateway in front of a function that keeps what it is handed."""

    answer: Any = field(default_factory=lambda: {"statusCode": 200, "headers": {"X-Ours": "1"}, "body": '{"a":1}'})
    events: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    responses: dict[str, Any] = field(default_factory=dict)
    judgement: Any = None
    judged: list[dict[str, Any]] = field(default_factory=list)

    def _judged(self, event: dict[str, Any], _context: Any) -> Any:
        self.judged.append(event)
        if isinstance(self.judgement, Exception):
            raise self.judgement
        return self.judgement

    def __call__(self, event: dict[str, Any], _context: Any) -> Any:
        self.events.append(event)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @contextmanager
    def client(self) -> Iterator[Client]:
        function = Function("api_handler", self, "parapet-test-api-handler", 29.0)
        routes = tuple(Route(function, method, path, signed=path != OPEN) for method, path in (*ROUTES, ("POST", OPEN)))
        asked = Authorizer(Function("authorizer", self._judged, "parapet-test-authorizer", 10.0), 60.0, ByToken.LIKE)
        routes += tuple(Route(function, method, TOKEN, False, asked) for method in ("GET", "POST"))
        given = {"routes": routes, "binary": ("application/octet-stream",), "responses": self.responses}
        deployment = cast(Deployment, SimpleNamespace(**given))
        identities, secret = Identities(), given_out(ACCOUNT, {KEY: SECRET})
        identities.add(KEY, Identity(ALICE, "198.51.100.7"))
        lambdas = Lambdas(ACCOUNT, REGION, 0, lambda *_: None, self.lines.append)
        try:
            yield Client(Gateway(deployment, lambdas, identities, secret, ACCOUNT, REGION, self.lines.append))
        finally:
            lambdas.stop()

    def send(self, request: AWSRequest) -> tuple[int, Any]:
        """Send a request as it is; returns the status and the document."""
        answer = self.respond(request)
        return answer.status_code, json.loads(answer.text)

    def respond(self, request: AWSRequest) -> TestResponse:
        with self.client() as client:
            path, headers = str(request.url).removeprefix(URL), list(request.headers.items())
            return client.open(path, method=request.method, data=request.body, headers=headers, base_url=URL)


def signed(
    method: str = "GET",
    path: str = "/api/v1/findings",
    body: bytes = b"",
    *,
    credentials: Credentials | None = None,
    service: str = "execute-api",
    region: str = REGION,
    **headers: str,
) -> AWSRequest:
    """A request as botocore signs it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method=method, url=URL + path, data=body, headers=named)
    SigV4Auth(credentials or Credentials(KEY, SECRET), service, region).add_auth(request)
    return request


@pytest.fixture
def front() -> Front:
    return Front()


class TestEvent:
    def test_has_the_shape_of_api_gateways(self, front: Front) -> None:
        body = b'{"why": "a migration"}'
        assert (
            front.send(signed("POST", "/api/v1/findings/0a1b2c3d/undo", body, Content_Type="application/json"))[0]
            == 200
        )
        [got] = front.events
        like = event("POST", "/v1/findings/0a1b2c3d/undo", body=body.decode(), at=NOW)
        assert got.keys() == like.keys()
        assert got["requestContext"].keys() == like["requestContext"].keys() - {"authorizer"}
        assert got["requestContext"]["identity"].keys() == like["requestContext"]["identity"].keys()
        differ = {"headers", "multiValueHeaders", "requestContext"}
        assert {name: got[name] for name in got.keys() - differ} == {name: like[name] for name in like.keys() - differ}
        context = ("resourcePath", "httpMethod", "path", "accountId", "protocol", "stage")
        assert {name: got["requestContext"][name] for name in context} == {
            name: like["requestContext"][name] for name in context
        }
        assert abs(got["requestContext"]["requestTimeEpoch"] / 1000 - datetime.now(UTC).timestamp()) < 60
        assert got["headers"]["Content-Type"] == "application/json"
        assert got["multiValueHeaders"]["Content-Type"] == ["application/json"]
        assert "Authorization" not in got["headers"], "API Gateway keeps a signature to itself"

    @pytest.mark.parametrize(("path", "route"), [("newest", "newest"), ("0a1b2c3d", "{finding}")])
    def test_is_of_the_path_that_names_nothing_before_one_that_names_something(
        self, front: Front, path: str, route: str
    ) -> None:
        assert front.send(signed("GET", f"/api/v1/findings/{path}"))[0] == 200
        assert front.events[0]["requestContext"]["resourcePath"] == f"/v1/findings/{route}"

    def test_says_who_signed(self, front: Front) -> None:
        front.send(signed())
        [got] = front.events
        identity = got["requestContext"]["identity"]
        assert (identity["userArn"], identity["accessKey"], identity["accountId"]) == (ALICE["arn"], KEY, ACCOUNT)
        assert (identity["caller"], identity["user"], identity["sourceIp"]) == (
            ALICE["principalId"], ALICE["principalId"], "198.51.100.7",
        )  # fmt: skip

    def test_has_the_query_decoded_and_the_path_as_it_came(self, front: Front) -> None:
        front.send(signed(path="/api/v1/findings?a=1&a=2%263&b=&c=%E2%82%AC%20x%2B"))
        front.send(signed(path="/api/v1/findings/a%2Fb"))
        listed, shown = front.events
        assert listed["multiValueQueryStringParameters"] == {"a": ["1", "2&3"], "b": [""], "c": ["€ x+"]}
        assert listed["queryStringParameters"] == {"a": "2&3", "b": "", "c": "€ x+"}
        assert (shown["pathParameters"], shown["path"]) == ({"finding": "a%2Fb"}, "/v1/findings/a%2Fb")
        assert (shown["multiValueQueryStringParameters"], shown["body"]) == (None, None)

    def test_has_binary_bodies_in_base64(self, front: Front) -> None:
        front.send(signed("POST", "/api/v1/findings/x/undo", b"\xff\x00", Content_Type="application/octet-stream"))
        [got] = front.events
        assert (base64.b64decode(got["body"]), got["isBase64Encoded"]) == (b"\xff\x00", True)

    def test_refuses_what_it_cannot_evaluate(self, front: Front) -> None:
        status, document = front.send(
            signed("POST", "/api/v1/findings/x/undo", b"\xff", Content_Type="application/json")
        )
        assert (status, front.events) == (501, [])
        assert "UTF-8 only" in document["message"]
        assert front.send(signed(path="/api/v1/findings?a=%FF"))[0] == 501


class TestAnswer:
    def test_is_the_functions(self, front: Front) -> None:
        front.answer |= {"statusCode": 202, "multiValueHeaders": {"X-Two": ["1", "2"]}}
        answer = front.respond(signed())
        assert (answer.status_code, answer.text, answer.headers["X-Ours"]) == (202, '{"a":1}', "1")
        assert answer.headers.getlist("X-Two") == ["1", "2"]
        assert answer.headers["x-amzn-RequestId"] == front.events[0]["requestContext"]["requestId"]

    @pytest.mark.parametrize(
        "answer", [KeyError("no such thing"), None, {"body": "x"}, {"statusCode": 200, "body": {1}}]
    )
    def test_of_a_function_that_fails_says_no_more_than_that(self, front: Front, answer: Any) -> None:
        front.answer = answer
        assert front.send(signed()) == (502, {"message": "Internal server error"})
        [line] = front.lines
        assert line.startswith("api_handler: ")

    def test_in_base64_is_refused(self, front: Front) -> None:
        front.answer |= {"isBase64Encoded": True}
        assert front.send(signed())[0] == 501


class TestGetsIn:
    def test_who_is_known_and_has_signed(self, front: Front) -> None:
        assert front.send(signed())[0] == 200
        assert front.send(signed("DELETE", "/api/v1/pause"))[0] == 200
        assert front.send(signed(path="/api/v1/findings/?b=2&a=1%2B1&b=1&c", X_Amz_Extra="a  b"))[0] == 200

    def test_not_who_has_signed_the_query_as_it_was_typed(self, front: Front) -> None:
        typed, encoded = (
            "/api/v1/findings?since=2026-11-18T11:00:00Z",
            "/api/v1/findings?since=2026-11-18T11%3A00%3A00Z",
        )
        assert (front.send(signed(path=typed))[0], front.send(signed(path=encoded))[0]) == (403, 200)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v1/findings"), ("GET", "/prod/v1/findings"), ("GET", "/api/v2/findings"), ("GET", "/api"),
            ("PUT", "/api/v1/findings"), ("OPTIONS", "/api/v1/findings"), ("GET", "/api/v1/findings/a/b"),
            ("GET", "/api/v1//findings"),
        ],
    )  # fmt: skip
    def test_not_where_nothing_is(self, front: Front, method: str, path: str) -> None:
        assert front.send(signed(method, path)) == MISSING

    def test_not_without_a_signature(self, front: Front) -> None:
        assert front.send(AWSRequest(method="GET", url=f"{URL}/api/v1/findings")) == MISSING
        assert front.events == []

    @pytest.mark.parametrize(
        "header", ["Bearer abc", "AWS4-HMAC-SHA256 Credential=x", "AWS4-ECDSA-P256-SHA256 Credential=x"]
    )
    def test_not_with_another_kind_of_authorization(self, front: Front, header: str) -> None:
        request = AWSRequest(method="GET", url=f"{URL}/api/v1/findings", headers={"Authorization": header})
        answer = front.respond(request)
        assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (403, "IncompleteSignatureException")

    def test_not_with_a_key_that_nobody_has(self, front: Front) -> None:
        assert front.send(signed(credentials=Credentials("AKIANOBODY0000000000", SECRET))) == UNKNOWN

    def test_not_with_a_session_token_that_is_not_the_keys(self, front: Front) -> None:
        assert front.send(signed(credentials=Credentials(KEY, SECRET, "token"))) == UNKNOWN

    def test_not_with_another_secret(self, front: Front) -> None:
        status, document = front.send(signed(credentials=Credentials(KEY, "another")))
        assert status == 403
        assert document["message"].startswith("The request signature we calculated does not match")

    @pytest.mark.parametrize(("service", "region"), [("s3", REGION), ("execute-api", "us-east-1")])
    def test_not_signed_for_somewhere_else(self, front: Front, service: str, region: str) -> None:
        status, document = front.send(signed(service=service, region=region))
        assert status == 403
        assert document["message"].startswith(f"Credential should be scoped to a valid region, not '{region}'")

    def test_not_with_what_was_changed_on_the_way(self, front: Front) -> None:
        def undo() -> AWSRequest:
            return signed("POST", "/api/v1/findings/0a1b2c3d/undo?a=1", b'{"for":"1d"}', X_Amz_Extra="1")

        assert front.send(undo())[0] == 200
        changed = [undo() for _ in range(6)]
        changed[0].data = b'{"for":"9d"}'
        changed[1].url = str(changed[1].url).replace("0a1b2c3d", "0a1b2c3e")
        changed[2].url = str(changed[2].url).replace("a=1", "a=2")
        changed[3].headers.replace_header("X-Amz-Extra", "2")
        changed[4].headers.replace_header(
            "Authorization", changed[4].headers["Authorization"].replace(";x-amz-date", "")
        )
        del changed[5].headers["X-Amz-Extra"]
        for request in changed:
            status, document = front.send(request)
            assert (status, "does not match" in document["message"]) == (403, True)
        assert len(front.events) == 1

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_not_too_early_and_not_too_late(self, front: Front, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
        then = datetime.now(UTC) + timedelta(minutes=minutes)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: then)
        status, document = front.send(signed())
        assert (status, document["message"].split(":")[0]) == (403, "Signature expired")

    def test_not_with_a_body_longer_than_api_gateway_takes(self, front: Front) -> None:
        request = signed("POST", "/api/v1/findings/x/undo", b"x" * (10 * 1024 * 1024 + 1))
        assert front.send(request) == (413, {"message": "Request Too Long"})


class TestOpen:
    """A method without an authorizer."""

    def test_lets_anybody_in_and_says_so(self, front: Front) -> None:
        unsigned = AWSRequest(
            "POST", f"{URL}/api{OPEN}", {"Content-Type": "text/plain", "X-Slack-Signature": "v0=1"}, b"a"
        )
        assert front.send(unsigned)[0] == 200
        [got] = front.events
        like = event("POST", OPEN, body="a", at=NOW, arn=None)
        assert got["requestContext"]["identity"].keys() == like["requestContext"]["identity"].keys()
        identity = got["requestContext"]["identity"]
        assert {name for name, value in identity.items() if value} <= {"sourceIp", "userAgent"}
        assert identity["sourceIp"], "and it is the only thing known about whoever calls"
        assert (got["body"], got["headers"]["X-Slack-Signature"]) == ("a", "v0=1")

    def test_asks_nobody_who_they_are(self, front: Front) -> None:
        signed_by_nobody = signed("POST", f"/api{OPEN}", b"a", credentials=Credentials("AKIANOBODY0000000000", SECRET))
        assert front.send(signed_by_nobody)[0] == 200
        [got] = front.events
        assert got["requestContext"]["identity"]["userArn"] is None
        assert got["headers"]["Authorization"].startswith("AWS4-HMAC-SHA256"), "it is the function's to judge"

    def test_is_open_for_its_own_method_alone(self, front: Front) -> None:
        assert front.send(AWSRequest("GET", f"{URL}/api{OPEN}")) == MISSING


def policy(*resources: str, effect: str = "Allow") -> dict[str, Any]:
    """What an authorizer answers."""
    arns = [f"arn:aws:execute-api:{REGION}:{ACCOUNT}:localparapet/api/{one}" for one in resources]
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arns}
    return {
        "principalId": "alice",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"by": ALICE["arn"], "number": 7, "flag": True},
    }


def bearing(method: str = "GET", token: str = "a.b.c") -> AWSRequest:
    """A request with a token."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return AWSRequest(method, f"{URL}/api{TOKEN}", headers, b"{}" if method == "POST" else b"")


class TestTokens:
    """A method with an authorizer."""

    def test_hand_on_what_the_authorizer_said(self, front: Front) -> None:
        front.judgement = policy("GET/*")
        assert front.send(bearing())[0] == 200
        [asked], [got] = front.judged, front.events
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:localparapet/api/GET/v1/guarded"
        assert asked == {"type": "TOKEN", "authorizationToken": "Bearer a.b.c", "methodArn": arn}
        told = got["requestContext"]["authorizer"]
        assert told == {
            "principalId": "alice", "by": ALICE["arn"], "number": "7", "flag": "true", "integrationLatency": 0,
        }  # fmt: skip
        assert got["headers"]["Authorization"] == "Bearer a.b.c"
        assert got["requestContext"]["identity"]["userArn"] is None

    @pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer a.b", "Basic YTpi"])
    def test_that_cannot_be_any_are_declined_without_asking(self, front: Front, header: str | None) -> None:
        request = AWSRequest("GET", f"{URL}/api{TOKEN}", {} if header is None else {"Authorization": header})
        assert front.send(request) == (401, {"message": "Unauthorized"})
        assert (front.judged, front.events) == ([], [])

    def test_are_declined_with_one_word(self, front: Front) -> None:
        front.judgement = Exception("Unauthorized")
        assert front.send(bearing())[0] == 401
        assert front.lines == []

    @pytest.mark.parametrize(
        "judgement",
        [
            KeyError("Unauthorized"), Exception("unauthorized"), None, {"principalId": "x"},
            policy() | {"context": {"a": []}},
        ],
    )  # fmt: skip
    def test_that_nobody_can_judge_are_an_error(self, front: Front, judgement: Any) -> None:
        front.judgement = judgement
        assert front.send(bearing())[0] == 500
        assert front.events == []

    def test_open_what_the_policy_allows(self, front: Front) -> None:
        front.judgement = policy("GET/*")
        assert front.send(bearing("POST"))[0] == 403
        front.judgement = policy("*/*", effect="Deny")
        assert front.send(bearing("GET")) == (
            403, {"message": "User is not authorized to access this resource with an explicit deny"},
        )  # fmt: skip
        assert front.events == []

    def test_are_believed_for_a_while_on_every_route(self, front: Front) -> None:
        front.judgement = policy("GET/*")
        with front.client() as client:
            answers = [
                client.open(f"/api{TOKEN}", method=method, headers={"Authorization": f"Bearer {token}"}).status_code
                for method, token in (("GET", "a.b.c"), ("GET", "a.b.c"), ("POST", "a.b.c"), ("GET", "d.e.f"))
            ]
        assert answers == [200, 200, 403, 200]
        assert [one["authorizationToken"] for one in front.judged] == ["Bearer a.b.c", "Bearer d.e.f"]


class TestWords:
    """What API Gateway says itself, as the template has it."""

    @pytest.fixture(autouse=True)
    def ours(self, front: Front) -> None:
        front.responses = responses()

    def ask(self, front: Front, request: AWSRequest) -> tuple[int, Any, Any]:
        answer = front.respond(request)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Cache-Control"] == "no-store"
        document = json.loads(answer.text)
        assert document["instance"] == f"urn:uuid:{answer.headers['x-amzn-RequestId']}"
        assert document["type"] == "about:blank"
        return answer.status_code, document, answer.headers

    def test_without_a_token(self, front: Front) -> None:
        status, document, headers = self.ask(front, AWSRequest("GET", f"{URL}/api{TOKEN}"))
        assert (status, document["status"], document["title"]) == (401, 401, "Unauthorized")
        assert "./parapet token" in document["detail"]
        assert headers["WWW-Authenticate"] == "Bearer"

    def test_with_one_of_another_scope(self, front: Front) -> None:
        front.judgement = policy("GET/*")
        status, document, _ = self.ask(front, bearing("POST"))
        assert (status, document["status"], "operate" in document["detail"]) == (403, 403, True)

    def test_where_nothing_is(self, front: Front) -> None:
        for request in (AWSRequest("GET", f"{URL}/api/v1/nothing"), signed(path="/api/v1/nothing")):
            status, document, _ = self.ask(front, request)
            assert (status, document["status"], document["title"]) == (404, 404, "Not Found")
            assert "nothing is at this path and method" in document["detail"]

    def test_with_a_signature_that_does_not_match(self, front: Front) -> None:
        status, document, _ = self.ask(front, signed(credentials=Credentials(KEY, "another")))
        assert (status, "does not match" in document["detail"]) == (403, True)

    def test_of_what_fails(self, front: Front) -> None:
        front.answer = KeyError("x")
        assert self.ask(front, signed())[0] == 502
        front.judgement = KeyError("x")
        assert self.ask(front, bearing())[0] == 500

    def test_of_too_many_requests(self) -> None:
        said = responses()["THROTTLED"]
        assert said["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"
        assert json.loads(said["responseTemplates"]["application/json"])["status"] == 429

    @pytest.mark.parametrize(("origins", "shared"), [((), False), (("https://a.example",), True), (("a", "b"), False)])
    def test_may_be_read_by_one_page_of_another_site(self, origins: tuple[str, ...], shared: bool) -> None:
        for said in responses(origins).values():
            named = "gatewayresponse.header.Access-Control-Allow-Origin" in said["responseParameters"]
            assert named == shared

    def test_that_are_not_known_are_refused(self, front: Front) -> None:
        front.responses["UNAUTHORIZED"]["responseTemplates"]["application/json"] = "$context.domainName"
        assert front.respond(AWSRequest("GET", f"{URL}/api{TOKEN}")).status_code == 501


class TestKeys:
    def test_of_users_count_while_they_are_active(self, account: TestAccount, front: Front) -> None:
        iam = account.client("iam")
        iam.create_user(UserName="carol")
        made = iam.create_access_key(UserName="carol")["AccessKey"]
        key = Credentials(made["AccessKeyId"], made["SecretAccessKey"])
        assert front.send(signed(credentials=key))[0] == 200
        iam.update_access_key(UserName="carol", AccessKeyId=key.access_key, Status="Inactive")
        assert front.send(signed(credentials=key)) == UNKNOWN
        iam.delete_access_key(UserName="carol", AccessKeyId=key.access_key)
        assert front.send(signed(credentials=key)) == UNKNOWN

    def test_of_sessions_count_with_their_token(self, account: TestAccount, front: Front) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:role/Admin"
        made = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="alice")["Credentials"]
        key = Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        assert front.send(signed(credentials=key))[0] == 200
        assert front.send(signed(credentials=Credentials(key.access_key, key.secret_key))) == UNKNOWN
