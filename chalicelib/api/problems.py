"""What an error looks like (RFC 9457), and whether somebody has an answer already (RFC 9110). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

TYPE = "application/problem+json"


def problem(status: int, detail: str, request: str) -> Mapping[str, Any]:
    """Return an error as a document: its title is the status in words, its detail says what to mend.

    Args:
        status: of HTTP.
        detail: one sentence.
        request: API Gateway's number of the request, by which its log and ours know it.
    """
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance(request),
    }


def instance(request: str) -> str:
    """Return a request's number as the URI that problems name it by."""
    return f"urn:uuid:{request}"


def mark(text: str) -> str:
    """Return what a text is known by again (its ETag)."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def held(header: str, mark: str) -> bool:
    """Whether `If-None-Match` says that whoever asks has what bears a mark."""
    marks = {one.strip().removeprefix("W/") for one in header.split(",")}
    return bool(marks & {mark, "*"})
