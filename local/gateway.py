"""API Gateway on the laptop: an HTTP request becomes the REST proxy event of the function that is deployed.

What API Gateway would decline is declined with its own words; what cannot be evaluated here is an HTTP 501.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response

from local.deployment import Deployment, Function, Route
from local.runtime import Lambdas
from local.signature import NotSigned, Request, Secret, signer
from local.trail import Identities, Identity

API, STAGE = "localparapet", "api"
MOST = 10 * 1024 * 1024
# What API Gateway keeps to itself: a signature where it asks for one.
KEPT = ("connection", "content-length", "host")
SIGNED = (*KEPT, "authorization")
NOBODY = Identity({}, "")


class Gateway:
    """A WSGI application: one stage of a REST API whose methods ask for AWS_IAM or nothing, and invoke functions."""

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
        self._routes, self._binary = deployment.routes, deployment.binary
        self._lambdas, self._identities, self._secret = lambdas, identities, secret
        self._account, self._region, self._complain = account, region, complain
        # One environment of a function has one request at a time, and Chalice counts on it.
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request as WSGI wants it."""
        http, number = HttpRequest(environ), str(uuid.uuid4())
        try:
            response = self._respond(http, number)
        except NotSigned as error:
            response = _message(403, str(error))
            response.headers["x-amzn-ErrorType"] = error.kind
        response.headers["x-amzn-RequestId"] = number
        return response(environ, start_response)

    def _respond(self, http: HttpRequest, number: str) -> Response:
        path, _, query = str(http.environ["REQUEST_URI"]).partition("?")
        found = self._route(http.method, path)
        if found is None:
            # It says the same to a path that is not there as to a request that is not signed.
            raise NotSigned("MissingAuthenticationTokenException", "Missing Authentication Token")
        if (http.content_length or 0) > MOST:
            return _message(413, "Request Too Long")
        body = http.get_data()
        headers = {name.lower(): value for name, value in http.headers.items()}
        now = datetime.now(UTC)
        route, names = found
        caller = NOBODY
        if route.signed:
            signed = Request(http.method, path, query, headers, body)
            caller = self._identities.lookup(signer(signed, "execute-api", self._region, self._secret, now))
        try:
            event = self._event(http, route, names, path, query, body, caller, now, number)
        except UnicodeDecodeError:
            return _message(501, "the local gateway passes on UTF-8 only, where API Gateway would change what is not")
        return self._invoke(route.function, event, number)

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
            return _message(502, "Internal server error")
        return response


def _message(status: int, text: str) -> Response:
    return Response(json.dumps({"message": text}), status, content_type="application/json")
