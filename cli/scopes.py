"""What an option narrows a command to: the same words, checks and texts for pauses, exemptions and undoing in bulk."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import click

from chalicelib import registry
from chalicelib.model import EVERYTHING, ParapetError, Scope, plain
from chalicelib.section import meant

_OPTIONS = {
    "guardrail": ("NAME", "One guardrail."),
    "service": ("ec2", "The guardrails of one service."),
    "account": ("123456789012", "One account."),
    "region": ("REGION", "One region, or `global`."),
    "resource": ("sg-…", "One resource, as findings name it; with * several."),
    "part": ("PART", "One part of a resource, as findings name it."),
    "tag": ("KEY[=VALUE]", "What has a tag."),
    "principal": ("ARN", "What one user or role brings about; with * several."),
}
_LIKE = {
    "account": (r"\d{12}", "an account: 12 digits"),
    "region": (r"[a-z]{2}(-[a-z]+)+-\d|global", "a region such as eu-west-1, or global"),
    "tag": (r"[^=]{1,128}(=.{0,256})?", "a tag: its key, or key=value"),
    "principal": (r"arn:.+", "the ARN of a user or role, such as arn:aws:iam::123456789012:role/deploy, with * or not"),
}


def options(*names: str) -> Callable[[Any], Any]:
    """Give a command the options of a scope, which it receives by name and hands to `given`."""

    def decorate(command: Any) -> Any:
        for name in reversed(names):
            metavar, text = _OPTIONS[name]
            command = click.option(f"--{name}", metavar=metavar, help=text)(command)
        return command

    return decorate


def given(narrowed: Mapping[str, str | None]) -> Scope:
    """Return the scope that options name; raises ParapetError for a word that nobody knows."""
    for name, value in narrowed.items():
        if value is None:
            continue
        if not value.strip():
            raise ParapetError(f"--{name} is empty: leave it out, or say which")
        if name in _LIKE and not re.fullmatch(_LIKE[name][0], value):
            raise ParapetError(f"--{name}: {value!r} is not {_LIKE[name][1]}")
    scope = Scope(**{name: value for name, value in narrowed.items() if value is not None})
    if scope.guardrail:
        known(scope.guardrail)
    if scope.service and scope.service not in registry.services():
        raise ParapetError(f"--service: {scope.service!r} has no guardrails{meant(scope.service, registry.services())}")
    return scope


def known(guardrail: str) -> None:
    """Check that there is a guardrail of a name; raises ParapetError with the one that was meant."""
    if guardrail not in registry.names():
        raise ParapetError(f"there is no guardrail {guardrail!r}{meant(guardrail, registry.names())}")


def typed(scope: Scope) -> str:
    """Return a scope as one types it behind a command: ` --service ec2`; nothing for everything."""
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in plain(scope).items() if value)


def covered(scope: Scope) -> str:
    """Return in words what a scope covers: `service=ec2`, or `everything`."""
    return "everything" if scope == EVERYTHING else str(scope)
