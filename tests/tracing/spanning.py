"""Spans as Transaction Search keeps them, in the shapes that Application Signals, OpenTelemetry and X-Ray give them.

Of Application Signals: aws-otel-python-instrumentation's contract tests. Of X-Ray's own segments: what AWS's services
write to aws/spans (`aws.xray.origin`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from local.insights import Event
from tests.tracing.playing import NOW

Span = tuple[float, str]
_numbers = count(1)


def trace(number: int) -> str:
    """An id as OpenTelemetry draws it: it tells no time."""
    return f"{number:032x}"


def xray(number: int) -> str:
    """The same as X-Ray writes it."""
    return f"1-{trace(number)[:8]}-{trace(number)[8:]}"


def span(
    at: float, service: str, kind: str = "SERVER", of: int = 1, seconds: float = 0.1, failed: bool = False,
    status: int | None = None, id_: str = "", parent: str = "", said: str = "", platform: str = "aws_ecs",
    resource: Mapping[str, Any] | None = None, **attributes: Any,
) -> Span:  # fmt: skip
    """A span so many seconds after the onset, with its time; `__` in an attribute's name is a dot."""
    told = {name.replace("__", "."): value for name, value in attributes.items()}
    told |= {"http.response.status_code": status} if status else {}
    own = {"service.name": service, **({"cloud.platform": platform} if platform else {}), **(resource or {})}
    thrown = {"exception.type": "OperationalError", "exception.message": said}
    return NOW + at, json.dumps({
        "resource": {"attributes": own}, "scope": {"name": "opentelemetry.instrumentation", "version": "1.0"},
        "traceId": trace(of), "spanId": id_ or f"{next(_numbers):016x}",
        **({"parentSpanId": parent} if parent else {}), "flags": 1, "name": "GET /cart", "kind": kind,
        "events": [{"name": "exception", "attributes": thrown}] if said else [],
        "startTimeUnixNano": int((NOW + at) * 1e9), "endTimeUnixNano": int((NOW + at + seconds) * 1e9),
        "durationNano": int(seconds * 1e9), "attributes": told, "status": {"code": "ERROR" if failed else "UNSET"},
    })  # fmt: skip


def signalled(at: float, service: str, remote: str, of: int = 1, **more: Any) -> Span:
    """A call as Application Signals' agents describe it."""
    return span(at, service, "CLIENT", of, aws__local__service=service, aws__remote__service=remote, **more)


def stored(at: float, service: str, identifier: str, of: int = 1, **more: Any) -> Span:
    """A call of a database, likewise."""
    kind, system = {"aws__remote__resource__type": "DB::Connection"}, {"db__system": "postgresql"}
    return signalled(
        at, service, "postgresql", of, aws__remote__resource__identifier=identifier, **kind, **system, **more
    )


def events(*some: Span) -> Iterator[Event]:
    for at, message in some:
        yield Event(int(at * 1000), message, "aws/spans", "default")
