"""What a route says of itself: what it takes, answers and asks for. The gateway, the checks and the document read it.

A route is declared once, where it is written; `docs/openapi.json` is derived from what is declared here. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Schema = Mapping[str, Any]
# Who gets in: who brings a token, who signs with AWS credentials (IAM decides), Slack itself, anybody.
Door = Literal["token", "signed", "slack", "open"]

# For how long API Gateway believes what it was told of a token, which may outlive its end by so much (seconds).
TTL = 60


# What a flag may be.
FLAGS = ("true", "false")


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter, of the query for GET and DELETE, of the body for POST.

    Args:
        name: its name.
        about: what it means, in a line.
        among: the words that it may be; any text when empty.
        needed: whether a request without it is declined.
        example: a value that shows how it is written.
        most: for a whole number from 1 on, the greatest.
        within: the object of a body that it may stand in, too.
    """

    name: str
    about: str
    among: tuple[str, ...] = ()
    needed: bool = False
    example: str = ""
    most: int = 0
    within: str = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """One route: its method, path and parameters, its answer, and who gets in.

    Args:
        method: of HTTP.
        path: `/v1/findings/{finding}`.
        takes: its parameters.
        about: what it does.
        answers: what its answer looks like.
        status: of that answer.
        also: other answers that are no errors, by status.
        content: the type of that answer.
        door: who gets in.
    """

    method: str
    path: str
    takes: tuple[Param, ...]
    about: str
    answers: Schema
    status: int = 200
    also: Mapping[int, Schema] = field(default_factory=dict)
    content: str = "application/json"
    door: Door = "token"

    @property
    def scope(self) -> Literal["read", "operate"]:
        """What a token must allow."""
        return "read" if self.method == "GET" else "operate"

    @property
    def items(self) -> tuple[str, ...]:
        """What the path names."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))


# Every route, in the order of their files, and every schema that has a name.
ROUTES: list[Declared] = []
SCHEMAS: dict[str, Schema] = {}

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
ANYTHING: Schema = {}


def named(name: str, schema: Schema) -> Schema:
    """Return a reference to a schema that is known by a name from now on; raises ValueError for one that is taken."""
    if SCHEMAS.setdefault(name, schema) != schema:
        raise ValueError(f"two schemas are called {name}")
    return {"$ref": f"#/components/schemas/{name}"}


def record(*optional: str, **fields: Schema) -> Schema:
    """Return the schema of an object: all of its fields are there but the optional ones; more may come."""
    needed = [name for name in fields if name not in optional]
    return {"type": "object", "properties": fields, **({"required": needed} if needed else {})}


def extended(base: Schema, *optional: str, **fields: Schema) -> Schema:
    """Return the schema of an object that is what another one is, and more."""
    return {"allOf": [base, record(*optional, **fields)]}


def many(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def by_name(schema: Schema) -> Schema:
    """Return the schema of an object whose keys are names."""
    return {"type": "object", "additionalProperties": schema}


def maybe(schema: Schema) -> Schema:
    """Return the schema of what may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def among(*words: str) -> Schema:
    """Return the schema of a text that is one of some words."""
    return {"type": "string", "enum": list(words)}
