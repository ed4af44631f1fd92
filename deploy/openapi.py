"""docs/openapi.json: the HTTP API as its routes declare themselves, in OpenAPI 3.1."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from chalicelib import __version__
from chalicelib.api import declared, params, problems, schemas
from chalicelib.api.declared import Declared, Door, Param, Schema

Document = dict[str, Any]
SECURITY: Mapping[Door, str] = {"token": "token", "signed": "signature", "slack": "slack"}
SCHEMES: Document = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of POST /v1/token (scope read) or POST /v1/token/operate (read and operate)",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4 for execute-api; IAM decides who may",
    },
    "slack": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Slack-Signature",
        "description": "As Slack signs what it sends, with X-Slack-Request-Timestamp",
    },
}
# What any route behind a door may answer that is no answer to what was asked.
DECLINES: Mapping[Door, tuple[int, ...]] = {
    "token": (400, 401, 403, 429, 500, 503),
    "signed": (400, 403, 404, 429, 500, 503),
    "slack": (401, 429, 500, 503),
    "open": (429, 500),
}
DECLINED = {status for some in DECLINES.values() for status in some} | {404, 409, 413, 415}
HEADERS = {
    "ETag": "what the answer is known by, for If-None-Match",
    "Link": "the next page, where there is one",
    "Retry-After": "in how many seconds to ask again",
}


def document() -> Document:
    """Return the API as a document."""
    importlib.import_module("chalicelib.api.routes")
    paths: dict[str, Document] = {}
    for one in declared.ROUTES:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parapet",
            "version": __version__,
            "description": "What Parapet found, fixed and watches, and asking it for something. See docs/api.md.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com/api",
                "description": "The stack's output ApiUrl",
                "variables": {"api": {"default": "abc123def4"}, "region": {"default": "eu-west-1"}},
            }
        ],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": {name: declared.SCHEMAS[name] for name in sorted(declared.SCHEMAS)},
            "responses": {_name(status): _problem(status) for status in sorted(DECLINED)},
            "securitySchemes": SCHEMES,
        },
    }


def text() -> str:
    """Return the document as it is written."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _operation(one: Declared) -> Document:
    found: Document = {
        "operationId": f"{one.method.lower()}{_camel(one.path)}",
        "summary": one.about.rstrip("."),
        "tags": [one.path.split("/")[2] if one.path.startswith("/v1/") else "page"],
        "security": [{SECURITY[one.door]: [one.scope] if one.door == "token" else []}] if one.door != "open" else [],
    }
    if one.door == "token":
        found["description"] = f"Wants a token of scope `{one.scope}`."
    given = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in one.items
    ]
    if one.method == "POST":
        if one.door in ("token", "signed"):
            found["requestBody"] = _body(one)
        if one.door == "token":
            about = "makes a request that is repeated the same one; belongs to the caller, for good"
            like = {"type": "string", "pattern": "^[!-~]{1,255}$"}
            given.append({"name": "Idempotency-Key", "in": "header", "description": about, "schema": like})
    else:
        given += [_parameter(param) for param in one.takes]
    return {**found, **({"parameters": given} if given else {}), "responses": _responses(one)}


def _parameter(param: Param) -> Document:
    shown = {"example": param.example} if param.example else {}
    return {
        "name": param.name, "in": "query", "required": param.needed, "description": param.about,
        "schema": _schema(param, whole=True), **shown,
    }  # fmt: skip


def _schema(param: Param, *, whole: bool) -> Document:
    if param.among == declared.FLAGS and not whole:
        return {"type": ["string", "boolean"], "enum": [*param.among, True, False]}
    if param.among:
        return {"type": "string", "enum": list(param.among)}
    if param.most and whole:
        return {"type": "integer", "minimum": 1, "maximum": param.most}
    if param.most:
        return {"type": ["string", "integer"], "pattern": "^[0-9]{1,9}$"}
    like = ["string", "number", "boolean"] if param.within and not whole else "string"
    return {"type": like, "minLength": 1, "maxLength": 2000}


def _body(one: Declared) -> Document:
    takes = (*one.takes, params.KEY) if one.door == "token" else one.takes
    fields = {
        param.name: {
            **_schema(param, whole=False), "description": param.about,
            **({"examples": [param.example]} if param.example else {}),
        }
        for param in takes
    }  # fmt: skip
    for name in dict.fromkeys(param.within for param in takes if param.within):
        inner = {param.name: fields[param.name] for param in takes if param.within == name}
        fields[name] = {
            "type": "object", "properties": inner, "additionalProperties": False,
            "description": "the same fields in an object, as [[reports]] has them",
        }  # fmt: skip
    needed = [param.name for param in takes if param.needed]
    schema = {
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
    }
    return {"required": bool(needed), "content": {"application/json": {"schema": schema}}}


def _responses(one: Declared) -> Document:
    reads = one.method == "GET"
    found = {str(one.status): _answer(one.status, one.answers, one.content, ("ETag", *_link(one)) if reads else ())}
    found |= {str(status): _answer(status, schema, one.content) for status, schema in one.also.items()}
    if reads:
        found["304"] = {"description": "What `If-None-Match` names is still so"}
    declines = [*DECLINES[one.door], *((404,) if one.items else ()), *(() if reads else (409,))]
    # A body of another type, or one that is too long.
    declines += [413, 415] if one.method == "POST" and one.door != "slack" else [415] if one.door == "token" else []
    for status in sorted(set(declines)):
        if str(status) in found:
            found[str(status)]["content"] |= _problem(status)["content"]
        else:
            found[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    return dict(sorted(found.items()))


def _problem(status: int) -> Document:
    return _answer(status, schemas.PROBLEM, problems.TYPE, ("Retry-After",) if status == 429 else ())


def _name(status: int) -> str:
    return HTTPStatus(status).name.title().replace("_", "")


def _link(one: Declared) -> tuple[str, ...]:
    return ("Link",) if params.AFTER in one.takes else ()


def _answer(status: int, schema: Schema, content: str, headers: tuple[str, ...] = ()) -> Document:
    named = {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in headers}
    return {
        "description": HTTPStatus(status).phrase,
        **({"headers": named} if named else {}),
        "content": {content: {"schema": schema}},
    }


def _camel(path: str) -> str:
    words = path.replace("{", "").replace("}", "").replace(".", "/").split("/")
    return "".join(word[:1].upper() + word[1:] for word in words) or "Page"
