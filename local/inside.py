"""Clients that reach moto without the wire: what they call is no event of anybody's, and in nobody's CloudTrail."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from werkzeug.test import EnvironBuilder, run_wsgi_app

App = Callable[..., Iterable[bytes]]


class _Read(io.BytesIO):
    """An answer's body, as botocore reads it."""

    def stream(self, **_: Any) -> Iterable[bytes]:
        """Yield all of it."""
        yield self.read()


def clients(app: App, session: boto3.Session) -> Callable[[str], Any]:
    """Return what makes a session's client of a service that calls a WSGI application directly."""

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body: Any = request.body or b""
        content = body.encode() if isinstance(body, str) else body.read() if hasattr(body, "read") else bytes(body)
        path, query = request.url.split("://", 1)[1].partition("?")[::2]
        host, rest = path.partition("/")[::2]
        headers = [
            (name, value.decode() if isinstance(value, bytes) else str(value))
            for name, value in request.headers.items()
            # The body is there as a whole.
            if name.lower() not in ("transfer-encoding", "content-length")
        ]
        builder = EnvironBuilder(f"/{rest}", f"https://{host}", query, method=request.method, data=content)
        builder.headers.extend(headers)
        answer, status, given = run_wsgi_app(app, builder.get_environ())
        raw = _Read(b"".join(answer))
        return AWSResponse(request.url, int(status.split()[0]), HTTPHeaders.from_dict(dict(given)), raw)

    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            make: Any = session.client
            made[service] = make(service)
            made[service].meta.events.register("before-send", send)
        return made[service]

    return client
