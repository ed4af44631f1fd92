"""An HTTP request read as an AWS call, and an HTTP answer read as what the call brought."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from botocore.loaders import create_loader
from botocore.parsers import ResponseParserFactory
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import NotFound

from local.trail.s3 import unchunked

# Backends of moto that answer for more than one of botocore's services.
_ALSO = {"apigateway": ["apigatewayv2"], "elb": ["elbv2"], "es": ["opensearch"], "opensearch": ["es"]}
_NO_AWS_CALL = ("/moto-api", "/favicon.ico", "/latest/meta-data/", "/latest/api/", "/latest/dynamic/")
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/,\s]+)/[^/,\s]+/aws4_request")
_SIGNATURE_V2 = re.compile(r"AWS ([^:\s]+):")
_STATUS_CODES = {"403": "AccessDenied", "404": "NoSuchBucket"}

_parsers = ResponseParserFactory()


class UndecodableError(Exception):
    """A request or answer that cannot be read as an AWS call."""


@dataclass(frozen=True)
class Call:
    """One AWS call as it came over the wire; `service` is botocore's name for the service."""

    service: str
    operation: Any
    protocol: str
    request: Any
    uri: Mapping[str, Any]
    region: str
    access_key: str | None

    @property
    def name(self) -> str:
        """Botocore's name for the operation."""
        return str(self.operation.name)

    def parameters(self, body: bytes) -> dict[str, Any]:
        """Read the parameters with moto's own parser, so that both understand the same."""
        parser = PROTOCOL_PARSERS[self.protocol](self.operation, blob_parser=lambda value: value)
        parsed: dict[str, Any] = parser.parse({
            "method": self.request.method,
            "values": self.request.values,
            "headers": self.request.headers,
            "body": body,
            "url_path": self.request.path,
            "url_params": self.uri,
        })  # fmt: skip
        return parsed


@dataclass(frozen=True)
class Answer:
    """What moto answered."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def failed(self) -> bool:
        """Whether AWS's clients would raise."""
        return self.status >= 300


def take_body(environ: dict[str, Any]) -> bytes:
    """Read the whole body once, and leave a fresh stream of it to whoever comes next."""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        body: bytes = stream.read()
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    else:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = stream.read(length) if length else b""
    give_body(environ, body)
    return body


def give_body(environ: dict[str, Any], body: bytes) -> None:
    """Make this the body that the application reads."""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


def plain_body(environ: Mapping[str, Any], body: bytes) -> bytes:
    """Take off the framing that streaming uploads to S3 add within the body."""
    streamed = str(environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")).startswith("STREAMING-")
    framed = streamed or "aws-chunked" in str(environ.get("HTTP_CONTENT_ENCODING", ""))
    return unchunked(body) if framed and body else body


def read_call(environ: dict[str, Any]) -> Call | None:
    """Find the operation that a request asks for; None for what is no AWS call at all."""
    path = environ.get("PATH_INFO", "")
    if environ["REQUEST_METHOD"] == "OPTIONS" or path.startswith(_NO_AWS_CALL):
        return None
    # Only the form protocols name their operation in the body; an upload to S3 stays unread.
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    body = take_body(environ) if is_form else b""
    request = Request({**environ, "wsgi.input": io.BytesIO(body)})
    access_key, region = _credential(environ)
    backend = _backend(environ, path)
    for service in _candidates(backend):
        model = get_service_model(service)
        if is_form and request.form.get("Version", model.api_version) != model.api_version:
            continue
        try:
            operation, uri = get_service_router(service).match(request)
        except NotFound:
            continue
        protocol = determine_request_protocol(model, request.content_type)
        return Call(service, operation, protocol, request, uri, region, access_key)
    raise UndecodableError(f"no operation of {backend} answers to it")


def read_answer(call: Call, answer: Answer) -> dict[str, Any]:
    """Parse an answer with botocore's own parser, as the caller's client will."""
    parser = _parser(call.protocol)
    given = {
        "status_code": answer.status, "headers": _Headers(answer.headers), "body": answer.body, "context": {},
    }  # fmt: skip
    parsed: dict[str, Any] = parser.parse(given, call.operation.output_shape)
    return parsed


def error_of(call: Call, parsed: Mapping[str, Any]) -> tuple[str, str]:
    """Name the error of a failed call as CloudTrail does, and give its message."""
    error = parsed.get("Error", {})
    code, message = str(error.get("Code") or "InternalFailure"), str(error.get("Message") or "")
    if call.protocol == "ec2":
        status = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        return f"{'Server' if status >= 500 else 'Client'}.{code}", message
    if call.service == "s3":
        return _STATUS_CODES.get(code, code), message
    if call.protocol == "query":
        for shape in call.operation.error_shapes:
            if shape.metadata.get("error", {}).get("code") == code:
                return str(shape.name), message
    return code, message


class _Headers(dict[str, str]):
    """Headers whose lookups do not care about case, which is all that botocore's parsers ask for."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@functools.cache
def _parser(protocol: str) -> Any:
    return _parsers.create_parser(protocol)


@functools.cache
def _router() -> Any:
    # Used for its choice of backend only; it never makes or calls an application.
    return DomainDispatcherApplication(create_backend_app)


@functools.cache
def _backend_for_host(host: str) -> str | None:
    backend: str | None = _router().get_backend_for_host(host)
    return backend


def _backend(environ: dict[str, Any], path: str) -> str:
    host = _router().infer_service_region_host(environ, path)
    backend = _backend_for_host(host or "s3.us-east-1.amazonaws.com")
    if backend is None:
        raise UndecodableError(f"moto has no service for {host}")
    return backend


@functools.cache
def _candidates(backend: str) -> list[str]:
    names = {re.sub(r"[^a-z0-9]", "", n): n for n in create_loader().list_available_services("service-2")}
    plain = "lambda" if backend == "awslambda" else re.sub(r"[^a-z0-9]", "", backend)
    if plain not in names:
        raise UndecodableError(f"botocore has no model of {backend}")
    return [names[plain], *_ALSO.get(plain, [])]


def _credential(environ: Mapping[str, Any]) -> tuple[str | None, str]:
    authorization = str(environ.get("HTTP_AUTHORIZATION", ""))
    query = environ.get("QUERY_STRING", "")
    if not authorization and "X-Amz-Credential=" in query:
        authorization = "Credential=" + parse_qs(query)["X-Amz-Credential"][0]
    if match := _CREDENTIAL.search(authorization):
        return match[1], match[2]
    if match := _SIGNATURE_V2.match(authorization):
        return match[1], "us-east-1"
    if not authorization and "AWSAccessKeyId=" in query:
        return parse_qs(query)["AWSAccessKeyId"][0], "us-east-1"
    return None, "us-east-1"
