"""Which AWS operations the code that ships can call, read from its source: pure.

Every text and attribute in the code that is an operation's name counts, for every service that the code names, and so
does every operation that an f-string beside a service's name can become (`aws("iam", f"get_{kind}")`). That is more
than is called, and never less, unless a name is put together in yet another way: then tests fail, since our functions
have no other models in them (`tests/cut.py`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

Named = Mapping[str, Mapping[str, str]]

# What botocore and Powertools call on our behalf.
LIBRARIES: Mapping[str, frozenset[str]] = {
    # botocore finds out where a bucket is when S3 answers that it is elsewhere.
    "s3": frozenset({"HeadBucket"}),
    "secretsmanager": frozenset({"GetSecretValue"}),
    "ssm": frozenset({"GetParameter"}),
}


@dataclass(frozen=True)
class Words:
    """What source code says that may name a service or an operation."""

    texts: frozenset[str]
    names: frozenset[str]
    patterns: frozenset[tuple[str, str]]


def words(sources: Iterable[str]) -> Words:
    """Return the words of some source code."""
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    texts = frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    names = frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))
    return Words(texts, texts | names, frozenset(_patterns(nodes)))


def called(said: Words, services: Named) -> dict[str, frozenset[str]]:
    """Return the operations of each service that code can call.

    Args:
        said: the code's words.
        services: by service, every operation by its name in Python.
    """
    found: dict[str, frozenset[str]] = {}
    for service, operations in services.items():
        if service in said.texts:
            shapes = [re.compile(pattern) for owner, pattern in said.patterns if owner == service]
            found[service] = LIBRARIES.get(service, frozenset()) | {
                operation
                for name, operation in operations.items()
                if name in said.names or any(shape.fullmatch(name) for shape in shapes)
            }
    return {service: operations for service, operations in found.items() if operations}


def _patterns(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield the services and f-strings that stand side by side in a call."""
    for node in nodes:
        if isinstance(node, ast.Call):
            for one, other in zip(node.args, node.args[1:], strict=False):
                if isinstance(one, ast.Constant) and isinstance(other, ast.JoinedStr):
                    parts = [part.value if isinstance(part, ast.Constant) else None for part in other.values]
                    yield str(one.value), "".join(r"\w+" if part is None else re.escape(str(part)) for part in parts)
