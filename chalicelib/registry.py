"""The guardrails: declared with `@guardrail`, discovered by file name, looked up by name or service.

A file's name is the guardrail's id everywhere, and its first word names the function that runs it:
`ec2_network_acl_open.py` belongs to `guard_ec2`, which imports the files of its service only.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib import alarms, guardrails
from chalicelib.alarms import Firing
from chalicelib.events import API_CALL, SIGN_IN
from chalicelib.model import (
    Aws,
    Documentation,
    Event,
    Mode,
    Origin,
    ParapetError,
    Remedy,
    Section,
    Severity,
    Trigger,
)

Check = Callable[..., Iterable[Remedy]]
PATTERN_LENGTH = 2048
# The event of our own that tells a guard function of an alarm to which one of its guardrails is bound.
ALARM = "Parapet Alarm"
# Likewise, of a change that a person wants taken back; and as what the record of that change is handled.
REVERT = "Parapet Revert"
LABELS = ("Why", "Fix", "Undo", "Mode", "Anew", "Controls")


@dataclass(frozen=True, eq=False)
class Guardrail:
    """One promise about one kind of resource, as DESIGN §4 describes it."""

    name: str
    service: str
    severity: Severity
    default: Mapping[Origin, Mode]
    on: Mapping[Trigger, str]
    needs: frozenset[str]
    documentation: Documentation
    check: Check
    read: Callable[[Aws, str], Any] | None
    subjects: Callable[[Aws], Iterable[str]] | None
    resource: Callable[[Any], str] | None
    current: Callable[[Any, str], Any]
    tags: Callable[[Aws, str, Any], Mapping[str, str]] | None
    gone: frozenset[str]
    later: frozenset[str]
    options: Mapping[str, Any] = field(default_factory=dict)
    formats: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    everywhere: bool = False
    event_born: bool = False
    can_fix: bool = True
    about: Callable[[Event], bool] = field(default=lambda _event: True)

    def remedies(self, state: Any, event: Event | Firing | None, options: Mapping[str, Any]) -> tuple[Remedy, ...]:
        """Return what is wrong with a state, as data; `event` is the alarm that fires where that is what wakes it."""
        if self.options:
            return tuple(self.check(state, event, options))
        return tuple(self.check(state, event))

    @property
    def momentary(self) -> bool:
        """Whether the promise lives in the event alone, with no state to read or mend."""
        return self.read is None

    @property
    def alarmed(self) -> bool:
        """Whether alarms wake it, to which a team binds it, and nothing else does."""
        return any(trigger.detail_type == ALARM for trigger in self.on)

    @property
    def reverts(self) -> bool:
        """Whether it takes a change back that a person asks about, and nothing else wakes it."""
        return any(trigger.detail_type == REVERT for trigger in self.on)

    @property
    def called(self) -> bool:
        """Whether what happens in the account wakes it: a call, a sign-in."""
        return not (self.alarmed or self.reverts)

    @property
    def swept(self) -> bool:
        """Whether a sweep can look for what it is about."""
        return self.called and not self.momentary

    def named_by(self, dimensions: Mapping[str, str]) -> str:
        """Return the resource that an alarm's dimensions name, or an empty text."""
        for path in self.on.values():
            for alternative in path.split(" | "):
                try:
                    return alternative.format_map(dimensions)
                except KeyError:
                    continue
        return ""


def api_call(action: str) -> Trigger:
    """Return the trigger for a CloudTrail call, written `ec2:StopInstances`."""
    service, name = action.split(":")
    return Trigger(API_CALL, f"aws.{service}", name)


def sign_in(name: str) -> Trigger:
    """Return the trigger for a console sign-in event."""
    return Trigger(SIGN_IN, None, name)


def by_root(detail_type: str) -> Trigger:
    """Return the trigger for anything that the root user does, of one detail-type."""
    return Trigger(detail_type, user="Root")


def taken_back(action: str) -> Trigger:
    """Return the trigger for a call that a person wants taken back, written as CloudTrail has its name."""
    service, name = action.split(":")
    return Trigger(REVERT, f"aws.{service}", name)


def alarm() -> Trigger:
    """Return the trigger for an alarm that a team binds the guardrail to.

    Its path is made of the dimensions that name the resource: `{ClusterName}/{ServiceName}`.
    """
    return Trigger(ALARM, "parapet")


def guardrail(
    *,
    severity: Severity,
    default: Mode | Mapping[Origin, Mode],
    on: Mapping[Trigger, str],
    needs: Iterable[str] = (),
    read: Callable[[Aws, str], Any] | None = None,
    subjects: Callable[[Aws], Iterable[str]] | None = None,
    resource: Callable[[Any], str] | None = None,
    current: Callable[[Any, str], Any] = lambda state, _part: state,
    tags: Callable[[Aws, str, Any], Mapping[str, str]] | None = None,
    gone: Iterable[str] = (),
    later: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    formats: Mapping[str, tuple[str, str]] | None = None,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    everywhere: bool = False,
    event_born: bool = False,
    can_fix: bool = True,
    about: Callable[[Event], bool] = lambda _event: True,
) -> Callable[[Check], Guardrail]:
    """Declare the guardrail of the module that this stands in.

    Args:
        severity: how bad a violation is.
        default: the mode when settings say nothing, for both origins or per origin.
        on: trigger -> path of the resource in the event's detail (`events.subjects`).
        needs: every IAM action that read, subjects, tags, fix and undo use; reading its alarms goes without saying.
        read: the resource's current state; None for a promise that lives in the event alone.
        subjects: every resource of the kind in the region, for the sweep; None when no sweep can know.
        resource: the canonical id of what was read, where events name it in several ways.
        current: what `fix` and `undo` change, as it is in a state; drift is measured by it.
        tags: the resource's tags, by its subject and state; None where it can have none of its own.
        gone: AWS error codes that mean the resource no longer exists.
        later: AWS error codes of the fix that mean the resource cannot be changed yet, as while it is being made.
        options: settings of its own with their defaults; `check` then receives them as third argument.
        formats: by option that is a text, the pattern that it must fit unless it is empty, and what that is.
        conditions: by action, the IAM condition under which it is granted.
        everywhere: the resource belongs to the account, not to a region.
        event_born: `check` needs the event to see the violation, though `current` shows whether it still stands.
        can_fix: False where only a person can judge.
        about: which of the calls that `on` names are its own, where its name does not tell.
    """

    def declare(check: Check) -> Guardrail:
        name = check.__module__.rsplit(".", 1)[-1]
        modes: Mapping[Origin, Mode] = {"event": default, "sweep": default} if isinstance(default, str) else default
        return Guardrail(
            name=name,
            service=service_of(name),
            severity=severity,
            default=modes,
            on=on,
            needs=frozenset(needs) | (alarms.NEEDS if any(t.detail_type == ALARM for t in on) else frozenset()),
            documentation=_documentation(inspect.getdoc(inspect.getmodule(check)) or ""),
            check=check,
            read=read,
            subjects=subjects,
            resource=resource,
            current=current,
            tags=tags,
            gone=frozenset(gone),
            later=frozenset(later),
            options=options or {},
            formats=formats or {},
            conditions=conditions or {},
            everywhere=everywhere,
            event_born=event_born,
            can_fix=can_fix,
            about=about,
        )

    return declare


_LABELLED = re.compile(rf"^({'|'.join(LABELS)}): ", re.MULTILINE)


def _documentation(text: str) -> Documentation:
    promise, _, rest = text.partition("\n")
    pieces = _LABELLED.split(rest.strip())
    pairs = zip(pieces[1::2], pieces[2::2], strict=True)
    return Documentation(promise.strip(), tuple(Section(k, " ".join(v.split())) for k, v in pairs))


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all guardrails, sorted, without importing any of them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(guardrails.__path__)))


def service_of(name: str) -> str:
    """Return the service of a guardrail's name: its first word, after which its guard function is named."""
    return name.split("_", 1)[0]


def services() -> tuple[str, ...]:
    """Return the services that have guardrails, sorted; each has a function `guard_<service>`."""
    return tuple(sorted({service_of(name) for name in names()}))


@functools.cache
def get(name: str) -> Guardrail:
    """Return one guardrail, importing its file; raises ParapetError for a name that does not exist."""
    if name not in names():
        raise ParapetError(f"there is no guardrail {name!r}")
    module = importlib.import_module(f"{guardrails.__name__}.{name}")
    found = [value for value in vars(module).values() if isinstance(value, Guardrail)]
    if len(found) != 1:
        raise ParapetError(f"{module.__name__} must declare exactly one guardrail, it declares {len(found)}")
    return found[0]


def of(service: str) -> tuple[Guardrail, ...]:
    """Return the guardrails of one service, importing only their files."""
    return tuple(get(name) for name in names() if service_of(name) == service)


def load() -> tuple[Guardrail, ...]:
    """Return all guardrails, sorted by name."""
    return tuple(get(name) for name in names())


def woken(rails: Iterable[Guardrail], event: Event) -> list[tuple[Guardrail, str]]:
    """Return the guardrails that an event wakes, each with the path of its subject."""
    return [
        (rail, path)
        for rail in rails
        for trigger, path in rail.on.items()
        if trigger.detail_type == event.detail_type
        and trigger.source in (None, event.source)
        and trigger.name in (None, event.name)
        and trigger.user in (None, event.actor.kind)
        and rail.about(event)
    ]


def pattern(service: str) -> dict[str, Any]:
    """Return the EventBridge pattern of a service's guard function: its guardrails' triggers, and our own events."""
    return _any([*_alternatives(service), {"source": ["parapet"], "detail": {"service": [service]}}])


def calls(service: str) -> dict[str, Any] | None:
    """Return the pattern of a service's triggers alone, which others forward to us; None where there is nothing."""
    found = _alternatives(service)
    return _any(found) if found else None


def _any(alternatives: list[dict[str, Any]]) -> dict[str, Any]:
    # With a single alternative, `$or` would be the name of a field.
    return {"$or": alternatives} if len(alternatives) > 1 else alternatives[0]


def _alternatives(service: str) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str | None, str | None], set[str]] = {}
    for rail in of(service):
        for trigger in rail.on:
            if trigger.detail_type in (ALARM, REVERT):
                # Events of our own, with the service in it.
                continue
            names = groups.setdefault((trigger.detail_type, trigger.source, trigger.user), set())
            if trigger.name:
                names.add(trigger.name)
    return [_alternative(*key, sorted(names)) for key, names in sorted(groups.items(), key=repr)]


def _alternative(detail_type: str, source: str | None, user: str | None, names: list[str]) -> dict[str, Any]:
    detail: dict[str, Any] = {"errorCode": [{"exists": False}]}
    if names:
        detail["eventName"] = names
    if user:
        detail["userIdentity"] = {"type": [user]}
    found: dict[str, Any] = {"detail-type": [detail_type], "detail": detail}
    return {"source": [source], **found} if source else found
