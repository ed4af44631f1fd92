"""IAM policies: parsed once, and strictly; then asked what they say about one action on one resource."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from local.iam import CannotEvaluate, arns, conditions
from local.iam.arns import Matches
from local.iam.conditions import Condition, Context
from local.iam.intrinsics import Known, resolve

VERSION = "2012-10-17"
ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}

Effect = Literal["Allow", "Deny"]
Verdict = Literal["allowed", "denied", "not allowed"]


@dataclass(frozen=True)
class Need:
    """One action that AWS checks for a call: on which resources, each of which must be allowed, in which context."""

    action: str
    resources: tuple[str, ...]
    context: Context


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    sid: str
    effect: Effect
    actions: tuple[Matches, ...]
    all_but_actions: bool
    resources: tuple[Matches, ...]
    all_but_resources: bool
    conditions: tuple[Condition, ...]

    def about(self, action: str) -> bool:
        """Whether the statement speaks of an action."""
        return any(test(action) for test in self.actions) != self.all_but_actions

    def applies(self, resource: str, context: Context) -> bool:
        """Whether the statement, being about the action, applies to a resource; raises CannotEvaluate."""
        return any(test(resource) for test in self.resources) != self.all_but_resources and all(
            condition(context) for condition in self.conditions
        )


class Policy:
    """A policy document, ready to be asked again and again."""

    def __init__(self, name: str, document: Mapping[str, Any], known: Known) -> None:
        """Parse a document.

        Args:
            name: what to call it in errors.
            document: as JSON has it, with CloudFormation's intrinsic functions or without.
            known: what these refer to.

        Raises:
            CannotEvaluate: for anything that this evaluator does not know.
        """
        self.name = name
        _only(document, {"Version", "Id", "Statement"}, name)
        if document.get("Version") != VERSION:
            raise CannotEvaluate(f"{name} must be of version {VERSION}")
        resolved = resolve(document["Statement"], known)
        listed = resolved if isinstance(resolved, list) else [resolved]
        self.statements = tuple(_statement(one, f"{name}, statement {n}") for n, one in enumerate(listed))
        self._about = functools.cache(self._find)

    def verdict(self, action: str, resource: str, context: Context) -> Verdict:
        """Return what the policy says of an action on a resource; raises CannotEvaluate."""
        allowed = False
        for statement in self._about(action):
            if statement.applies(resource, context):
                if statement.effect == "Deny":
                    return "denied"
                allowed = True
        return "allowed" if allowed else "not allowed"

    def _find(self, action: str) -> tuple[Statement, ...]:
        return tuple(statement for statement in self.statements if statement.about(action))


def _statement(raw: Mapping[str, Any], where: str) -> Statement:
    _only(raw, ELEMENTS, where)
    effect = raw.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise CannotEvaluate(f"{where}: the effect {effect!r} is neither Allow nor Deny")
    sid = str(raw.get("Sid", ""))
    where = f"{where} ({sid})" if sid else where
    actions, all_but_actions = _either(raw, "Action", where)
    resources, all_but_resources = _either(raw, "Resource", where)
    for action in actions:
        if action != "*" and (action.count(":") != 1 or "*" in action.split(":")[0]):
            raise CannotEvaluate(f"{where}: {action!r} is no action")
    for text in (*actions, *resources):
        if "${" in text:
            raise CannotEvaluate(f"{where}: policy variables such as that in {text} are not known")
    return Statement(
        sid,
        effect,
        tuple(arns.like(one, ignore_case=True) for one in actions),
        all_but_actions,
        tuple(arns.pattern(one) for one in resources),
        all_but_resources,
        conditions.parse(raw.get("Condition", {}), where),
    )


def _either(raw: Mapping[str, Any], name: str, where: str) -> tuple[Sequence[str], bool]:
    """Return the values of `Action` or `NotAction`, say, and whether it is the latter."""
    if (name in raw) == (f"Not{name}" in raw):
        raise CannotEvaluate(f"{where} must have either {name} or Not{name}")
    given = raw[name] if name in raw else raw[f"Not{name}"]
    values = given if isinstance(given, list) else [given]
    if not values or not all(isinstance(one, str) for one in values):
        raise CannotEvaluate(f"{where}: {name} must be texts, not {given!r}")
    return values, name not in raw


def _only(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    for element in raw:
        if element not in known:
            raise CannotEvaluate(f"{where}: the element {element} is not known")
