"""API Gateway on the laptop: an HTTP request becomes the REST proxy event of the function that is deployed.

What API Gateway would decline is declined as the template has it say; what cannot be evaluated here is an HTTP 501.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response

from local.deployment import Authorizer, Deployment, Function, Route
from local.iam import CannotEvaluate
from local.iam.policy import Policy
from local.runtime import Lambdas
from local.signature import NotSigned, Request, Secret, signer
from local.trail import Identities, Identity

API, STAGE = "localparapet", "api"
MOST = 10 * 1024 * 1024
# What API Gateway says itself, by its own name for it: the status, unless the template has another.
SAID = {
    "ACCESS_DENIED": 403,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "UNAUTHORIZED": 401,
}
# The kind of what is wrong with a signature, where it has a name of its own; the rest is DEFAULT_4XX.
UNSIGNED = {
    "InvalidSignatureException": "INVALID_SIGNATURE",
    "MissingAuthenticationTokenException": "MISSING_AUTHENTICATION_TOKEN",
}
# What a template, which is no VTL, puts in.
_VARIABLE = re.compile(r"\$(context\.[A-Za-z.]+|[A-Za-z]+)")
# What API Gateway keeps to itself: a signature where it asks for one.
KEPT = ("connection", "content-length", "host")
SIGNED = (*KEPT, "authorization")
NOBODY = Identity({}, "")


class Declined(Exception):
    """A request that API Gateway answers itself: its own name for why, and its words."""

    def __init__(self, kind: str, text: str, status: int = 0) -> None:
        """Keep the kind, and the status for one that has none of its own."""
        super().__init__(text)
        self.kind, self.status = kind, SAID.get(kind, status)


class Gateway:
    """A WSGI application: one stage of a REST API whose methods ask for AWS_IAM, a token or nothing."""

    def __init__(
        self,
        deployment: Deployment,
        lambdas: Lambdas,
        identities: Identities,
        secret: Secret,
        account: str,
        region: str,
        complain: Callable[[str], None],
    ) -> None:
        # A path that names nothing goes before one that names something, as in API Gateway.
        self._routes = sorted(deployment.routes, key=lambda one: "{" in one.path)
        self._binary, self._responses = deployment.binary, deployment.responses
        self._lambdas, self._identities, self._secret = lambdas, identities, secret
        self._account, self._region, self._complain = account, region, complain
        # One environment of a function has one request at a time, and Chalice counts on it.
        self._turn = threading.Lock()
        # What the authorizer said of a token, and until when it is believed.
        self._believed: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request as WSGI wants it."""
        http, number = HttpRequest(environ), str(uuid.uuid4())
        try:
            response = self._answered(http, number)
        except CannotEvaluate as error:
            response = _message(501, f"the local gateway cannot evaluate this: {error}")
        response.headers["x-amzn-RequestId"] = number
        return response(environ, start_response)

    def _answered(self, http: HttpRequest, number: str) -> Response:
        try:
            return self._respond(http, number)
        except NotSigned as error:
            kind = UNSIGNED.get(error.kind, "DEFAULT_4XX")
            response = self._declined(Declined(kind, str(error), 403), number)
            response.headers["x-amzn-ErrorType"] = error.kind
            return response
        except Declined as error:
            return self._declined(error, number)

    def _respond(self, http: HttpRequest, number: str) -> Response:
        path, _, query = str(http.environ["REQUEST_URI"]).partition("?")
        found = self._route(http.method, path)
        if found is None:
            # It says the same to a path that is not there as to a request that is not signed.
            raise NotSigned("MissingAuthenticationTokenException", "Missing Authentication Token")
        if (http.content_length or 0) > MOST:
            raise Declined("REQUEST_TOO_LARGE", "Request Too Long")
        body = http.get_data()
        headers = {name.lower(): value for name, value in http.headers.items()}
        now = datetime.now(UTC)
        route, names = found
        caller = NOBODY
        if route.signed:
            signed = Request(http.method, path, query, headers, body)
            caller = self._identities.lookup(signer(signed, "execute-api", self._region, self._secret, now))
        told = self._admitted(route.authorizer, http.method, path, headers.get("authorization", ""), number)
        try:
            event = self._event(http, route, names, path, query, body, caller, now, number)
            if told:
                event["requestContext"]["authorizer"] = told
        except UnicodeDecodeError:
            return _message(501, "the local gateway passes on UTF-8 only, where API Gateway would change what is not")
        return self._invoke(route.function, event, number)

    def _admitted(
        self, authorizer: Authorizer | None, method: str, path: str, header: str, number: str
    ) -> Mapping[str, Any] | None:
        """Return what the authorizer says of a token, None where there is none; raises Declined."""
        if authorizer is None:
            return None
        if not re.search(authorizer.like, header):
            raise Declined("UNAUTHORIZED", "Unauthorized")
        *_, rest = path.removeprefix("/").partition("/")
        arn = f"arn:aws:execute-api:{self._region}:{self._account}:{API}/{STAGE}/{method}/{rest.rstrip('/')}"
        until, said = self._believed.get(header, (0.0, {}))
        if time.monotonic() >= until:
            event = {"type": "TOKEN", "methodArn": arn, "authorizationToken": header}
            said = self._judgement(authorizer.function, event, number)
            self._believed[header] = (time.monotonic() + authorizer.seconds, said)
        policy = Policy("the authorizer's policy", said["policyDocument"], {})
        if (verdict := policy.verdict("execute-api:Invoke", arn, {})) != "allowed":
            explicit = " with an explicit deny" if verdict == "denied" else ""
            raise Declined("ACCESS_DENIED", f"User is not authorized to access this resource{explicit}")
        return {"principalId": said["principalId"], **said.get("context", {}), "integrationLatency": 0}

    def _judgement(self, function: Function, event: Mapping[str, Any], number: str) -> Mapping[str, Any]:
        try:
            with self._turn:
                said = json.loads(json.dumps(self._lambdas.invoke(function, event, number)))
        except Exception as error:
            # This very text, and no other, is a no.
            if str(error) == "Unauthorized":
                raise Declined("UNAUTHORIZED", "Unauthorized") from error
            self._complain(f"{function.name}: {type(error).__name__}: {error}")
            raise Declined("AUTHORIZER_FAILURE", "null") from error
        texts = (said or {}).get("context", {}).values()
        if not (said and said.get("principalId") and "policyDocument" in said) or any(
            not isinstance(one, str | int | float) for one in texts
        ):
            raise Declined("AUTHORIZER_CONFIGURATION_ERROR", "null")
        # Whatever it was, it is a text when it arrives.
        said["context"] = {name: _text(value) for name, value in said.get("context", {}).items()}
        found: Mapping[str, Any] = said
        return found

    def _declined(self, error: Declined, number: str) -> Response:
        """Return what the template has API Gateway say, or its own words where it has nothing."""
        default = "DEFAULT_4XX" if error.status < 500 else "DEFAULT_5XX"
        said = self._responses.get(error.kind) or self._responses.get(default)
        if said is None:
            return _message(error.status, str(error))
        known = {
            "context.error.message": str(error),
            "context.error.messageString": json.dumps(str(error)),
            "context.requestId": number,
        }

        def filled(found: re.Match[str]) -> str:
            name = found[1].rstrip(".")
            if name not in known:
                raise CannotEvaluate(f"{found[0]} in a gateway response")
            return known[name]

        # The one that suits the request's Accept; there is but one.
        [template] = said["responseTemplates"].values()
        response = Response(_VARIABLE.sub(filled, template), int(said.get("statusCode", error.status)))
        for name, value in said["responseParameters"].items():
            if not re.fullmatch("'[^']*'", value):
                raise CannotEvaluate(f"{name} of a gateway response: {value}")
            response.headers[name.removeprefix("gatewayresponse.header.")] = value[1:-1]
        return response

    def _route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        stage, _, rest = path.removeprefix("/").partition("/")
        if stage != STAGE:
            return None
        rest = f"/{rest}".rstrip("/") or "/"
        for route in self._routes:
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route.path))
            match = re.fullmatch(pattern, rest)
            if match and route.method == method:
                return route, match.groupdict()
        return None

    def _event(
        self,
        http: HttpRequest,
        route: Route,
        names: Mapping[str, str],
        path: str,
        query: str,
        body: bytes,
        caller: Identity,
        now: datetime,
        number: str,
    ) -> dict[str, Any]:
        kept = SIGNED if route.signed else KEPT
        headers = {name: value for name, value in http.headers.items() if name.lower() not in kept}
        address = caller.source_ip or str(http.remote_addr)
        headers |= {"Host": http.host, "X-Forwarded-For": address, "X-Forwarded-Proto": http.scheme}
        values: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True, errors="strict"):
            values.setdefault(name, []).append(value)
        binary = http.mimetype in self._binary
        who = caller.user_identity
        return {
            "resource": route.path,
            "path": path.removeprefix(f"/{STAGE}"),
            "httpMethod": http.method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": {name: some[-1] for name, some in values.items()} or None,
            "multiValueQueryStringParameters": values or None,
            # As it came: API Gateway decodes what is in the query, not what is in the path.
            "pathParameters": dict(names) or None,
            "stageVariables": None,
            "requestContext": {
                "accountId": self._account,
                "apiId": API,
                "domainName": http.host,
                "domainPrefix": API,
                "extendedRequestId": number,
                "httpMethod": http.method,
                "identity": {
                    "accessKey": who.get("accessKeyId"),
                    "accountId": who.get("accountId"),
                    "caller": who.get("principalId"),
                    "cognitoAuthenticationProvider": None,
                    "cognitoAuthenticationType": None,
                    "cognitoIdentityId": None,
                    "cognitoIdentityPoolId": None,
                    "principalOrgId": None,
                    "sourceIp": address,
                    "user": who.get("principalId"),
                    "userAgent": http.headers.get("User-Agent"),
                    "userArn": who.get("arn"),
                },
                "path": path,
                "protocol": http.environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
                "requestId": number,
                "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "requestTimeEpoch": int(now.timestamp() * 1000),
                "resourceId": "local",
                "resourcePath": route.path,
                "stage": STAGE,
            },
            "body": (base64.b64encode(body).decode() if binary else body.decode()) if body else None,
            "isBase64Encoded": bool(binary and body),
        }

    def _invoke(self, function: Function, event: Mapping[str, Any], number: str) -> Response:
        try:
            with self._turn:
                answer = self._lambdas.invoke(function, event, number)
            # Lambda, too, hands the answer over as JSON.
            answer = json.loads(json.dumps(answer))
            if answer.get("isBase64Encoded"):
                return _message(501, "the local gateway passes on text only")
            response = Response(answer["body"], int(answer["statusCode"]))
            response.headers.clear()
            for name, value in (answer.get("headers") or {}).items():
                response.headers[name] = value
            for name, some in (answer.get("multiValueHeaders") or {}).items():
                response.headers.setlist(name, some)
        except Exception as error:  # API Gateway, too, says no more to whoever asked
            self._complain(f"{function.name}: {type(error).__name__}: {error}")
            return self._declined(Declined("", "Internal server error", 502), number)
        return response


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _message(status: int, text: str) -> Response:
    return Response(json.dumps({"message": text}), status, content_type="application/json")
