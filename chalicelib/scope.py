"""What a scope covers: pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from chalicelib.model import Actor, ParapetError, Pause, Scope, Violation, Waiver, plain
from chalicelib.registry import service_of

PAUSED_BY = ("guardrail", "service", "account", "region")
# A waiver for a whole account, region or service would be a way to switch Parapet off.
NARROW = ("guardrail", "resource", "tag", "principal")
# So much of a name must be written out where `*` stands for the rest.
LITERAL = 3
_ROLE = re.compile(r"arn:([\w-]+):sts::(\d{12}):assumed-role/([^/]+)/.*")
_IDENTITY = re.compile(r"arn:[\w-]+:(?:iam|sts)::(?:\d{12}|\*):(root|(?:user|role|assumed-role|federated-user)/.+)")
_PATH = re.compile(r"(:(?:role|user)/)[^*]*/([^/*]+)")


def places(scope: Scope, violation: Violation) -> bool:
    """Whether a violation is where a scope says, its tag and principal aside; an empty part stands for every part."""
    there = {**plain(violation), "service": service_of(violation.guardrail)}
    exact = all(
        value in ("", there[name])
        for name, value in plain(scope).items()
        if name not in ("resource", "tag", "principal")
    )
    return exact and (not scope.resource or like(violation.resource, scope.resource))


def paused(pauses: Iterable[Pause], violation: Violation, now: float) -> Pause | None:
    """Return the pause that holds a violation for longest, or None."""
    found = [one for one in pauses if one.on(now) and places(one.scope, violation)]
    return max(found, key=lambda one: float("inf") if one.until is None else one.until, default=None)


def waived(
    waivers: Iterable[Waiver],
    violation: Violation,
    actor: Actor | None,
    tags: Callable[[], Mapping[str, str]],
    now: float,
) -> Waiver | None:
    """Return the waiver that covers a violation for longest, or None.

    Args:
        waivers: those there are.
        violation: what is wrong where.
        actor: who brought it; None when that is not known, which no waiver for a principal covers.
        tags: reads the resource's tags; asked only when they decide.
        now: epoch seconds.
    """
    found = [
        one
        for one in waivers
        if one.until > now
        and places(one.scope, violation)
        and (not one.scope.principal or (actor is not None and is_principal(actor.arn, one.scope.principal)))
        and (not one.scope.tag or tagged(tags(), one.scope.tag))
    ]
    return max(found, key=lambda one: one.until, default=None)


def tagged(tags: Mapping[str, str], wanted: str) -> bool:
    """Whether there is a tag as `key` or `key=value` wants it."""
    key, equals, value = wanted.partition("=")
    return key in tags and (not equals or tags[key] == value)


def like(text: str, pattern: str) -> bool:
    """Whether a text is what a pattern says, in which `*` stands for anything and nothing else is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def is_principal(arn: str, pattern: str) -> bool:
    """Whether a caller's ARN is what a pattern means; a role's ARN, with its path or without, means its sessions."""
    forms = [arn]
    if session := _ROLE.fullmatch(arn):
        forms.append(f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}")
    # An account has no two roles of one name, and a session's ARN does not tell the path.
    path = re.fullmatch(rf"([^*]*){_PATH.pattern}", pattern)
    wanted = (pattern, f"{path[1]}{path[2]}{path[3]}") if path else (pattern,)
    return any(like(form, one) for form in forms for one in wanted)


def too_wide(principal: str) -> str:
    """Return why an ARN cannot stand for somebody, or an empty text: it must name whom it means."""
    named = _IDENTITY.fullmatch(principal)
    if not named:
        return "it is not the ARN of a user, role or session, such as arn:aws:iam::123456789012:role/deploy"
    kind, _, name = named[1].partition("/")
    if kind == "role" and "/" in name and "*" in name:
        return "a session's ARN does not tell its role's path: leave the path out where * stands for something"
    # Of a session it is the role that counts: its own name anybody chooses who may assume it.
    name = name.split("/")[0] if kind == "assumed-role" else name.rpartition("/")[2]
    if "*" in name and len(name.replace("*", "")) < LITERAL:
        return f"it would be almost everybody: write out {LITERAL} letters of the name or more"
    return ""


def parse(text: str, names: Iterable[str]) -> Scope:
    """Return the scope in a text such as `service=ec2 region=eu-west-1`, or `all`; raises ParapetError.

    Args:
        text: what somebody wrote.
        names: the fields that will do here.
    """
    known, given = tuple(names), {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if word == "all":
            continue
        if not (equals and value and name in known) or name in given:
            raise ParapetError(f"{word!r} is not a scope: {', '.join(f'{one}=…' for one in known)}, or all")
        given[name] = value
    return Scope(**given)
